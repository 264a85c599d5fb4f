"""Staff statements: what they say, their bounds, and how an MLS credential carries them."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.organisation.staffed_organisation import DAY, NOW, StaffedOrganisation, public_key
from teduh_crypto.credentials import (
    MAX_VALIDITY,
    MalformedStatement,
    Role,
    UnknownRoot,
    WrongOrganisation,
    check_name,
    decode_credential,
    device_id,
    encode_credential,
    sign_staff_statement,
)
from teduh_crypto.credentials.staff_statement import read_staff_statement


def test_a_statement_reads_as_it_was_signed(
    organisation: StaffedOrganisation, device: Ed25519PrivateKey
) -> None:
    statement = organisation.describe(device)
    token = sign_staff_statement(statement, organisation.authority)
    assert read_staff_statement(token, public_key(organisation.root), organisation.id) == statement


def test_any_jose_tool_can_read_a_statement(
    organisation: StaffedOrganisation, device: Ed25519PrivateKey
) -> None:
    """The claims are those of the design, under their registered names."""
    token = sign_staff_statement(organisation.describe(device), organisation.authority)
    claims = jwt.decode(
        token,
        organisation.root.public_key(),
        algorithms=["EdDSA"],
        options={"verify_exp": False, "verify_nbf": False},
    )
    assert set(claims) == {
        "iss", "sub", "name", "role", "languages", "skills", "nbf", "exp", "jti", "cnf",
    }  # fmt: skip
    assert claims["cnf"]["jwk"]["crv"] == "Ed25519"
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": "teduh-staff+jwt"}


def test_another_organisations_statement_is_refused(
    organisation: StaffedOrganisation, device: Ed25519PrivateKey
) -> None:
    token = sign_staff_statement(organisation.describe(device), organisation.authority)
    with pytest.raises(WrongOrganisation):
        read_staff_statement(token, public_key(organisation.root), "somebody-else")


def test_another_root_is_refused(organisation: StaffedOrganisation, device: Ed25519PrivateKey) -> None:
    token = sign_staff_statement(organisation.describe(device), organisation.authority)
    with pytest.raises(UnknownRoot):
        read_staff_statement(token, public_key(device), organisation.id)


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": " Sari"},
        {"name": "S" * 65},
        {"name": "Sa\nri"},
        {"name": "\u202eiraS"},
        {"name": "Sa\u0301ri"},
        {"subject": ""},
        {"subject": "a b"},
        {"statement_id": "x" * 65},
        {"languages": ("id", "id")},
        {"languages": ("not a language",)},
        {"skills": ("Loud",)},
        {"skills": tuple(f"skill-{n}" for n in range(17))},
        {"expires": NOW - 300},
        {"expires": NOW - 300 + MAX_VALIDITY + 1},
        {"not_before": -1},
        {"device_key": b"short"},
        {"organisation_id": "another"},
    ],
    ids=str,
)
def test_a_statement_out_of_bounds_is_not_signed(
    organisation: StaffedOrganisation, device: Ed25519PrivateKey, change: dict[str, object]
) -> None:
    statement = replace(organisation.describe(device), **change)  # type: ignore[arg-type]  # any field
    with pytest.raises(MalformedStatement):
        sign_staff_statement(statement, organisation.authority)


def test_thirty_days_are_the_longest(organisation: StaffedOrganisation, device: Ed25519PrivateKey) -> None:
    statement = replace(organisation.describe(device), expires=NOW - 300 + 30 * DAY)
    assert sign_staff_statement(statement, organisation.authority)


@pytest.mark.parametrize("name", ["Sari", "Ibu Ayu W.", "\u0645\u06cc\u200c\u0646\u0627", "Ñawi", "何"])
def test_names_of_all_scripts_are_taken(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("role", Role)
def test_every_role_can_be_signed(
    organisation: StaffedOrganisation, device: Ed25519PrivateKey, role: Role
) -> None:
    token = sign_staff_statement(replace(organisation.describe(device), role=role), organisation.authority)
    assert read_staff_statement(token, public_key(organisation.root), organisation.id).role is role


def test_a_device_id_is_the_hash_of_its_key(
    organisation: StaffedOrganisation, device: Ed25519PrivateKey
) -> None:
    raw = public_key(device)
    assert device_id(raw) == organisation.describe(device).device_id == hashlib.sha256(raw).digest()


@pytest.mark.parametrize("issuer_statement", [None, "d.e.f"])
def test_a_credential_carries_the_chain(issuer_statement: str | None) -> None:
    assert decode_credential(encode_credential("a.b.c", issuer_statement)) == ("a.b.c", issuer_statement)


@pytest.mark.parametrize("content", [b"\xff", b"a~b~c", b"a~", b"a" * 10_000])
def test_a_credential_that_is_no_chain_is_refused(content: bytes) -> None:
    with pytest.raises(MalformedStatement):
        decode_credential(content)
