"""Fuzz targets of what credentials read from strangers: a `CredentialError` or a good reading, nothing else.

The keys are fixed, so that a corpus can hold tokens that verify and the fuzzer can go on from them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.organisation.staffed_organisation import NOW, StaffedOrganisation
from teduh_crypto.credentials import (
    CoordinatorRequest,
    CredentialError,
    InvitationCode,
    Organisation,
    decode_credential,
    encode_credential,
    enrolment_id,
    open_statement,
    sealed_public_key,
    sign_revocation_list,
    verify_coordinator_request,
    verify_directory,
    verify_enrolment,
    verify_invitation,
)
from teduh_crypto.credentials.authority_statement import read_authority_statement
from teduh_crypto.credentials.directory_statement import read_directory_statement
from teduh_crypto.credentials.json_web_token import Claims, TokenType
from teduh_crypto.credentials.revocation import read_revocations
from teduh_crypto.credentials.staff_statement import read_claims

ORGANISATION = StaffedOrganisation(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
REQUEST = CoordinatorRequest("https://relay.example", "GET", "/v1/enrolments")
LIST = sign_revocation_list(ORGANISATION.revocations, ORGANISATION.authority)
INVITATION = "an invitation"


def staff_credential(data: bytes) -> None:
    """What a member of a conversation shows as its credential."""
    with contextlib.suppress(CredentialError):
        chain = decode_credential(data)
        assert encode_credential(*chain) == data
        ORGANISATION.verifier().verify(*chain, now=NOW)


def staff_claims(data: bytes) -> None:
    """The claims of a statement, as an issuer that was taken over might sign them."""
    with contextlib.suppress(CredentialError):
        read_claims(Claims(TokenType.STAFF, _object(data)))


def revocation_list(data: bytes) -> None:
    """What a relay offers as the revocation list."""
    with contextlib.suppress(CredentialError):
        ORGANISATION.verifier().adopt_revocations(_text(data), now=NOW)
    with contextlib.suppress(CredentialError):
        read_revocations(Claims(TokenType.REVOCATIONS, _object(data)))


def authority_statement(data: bytes) -> None:
    """What a relay offers as the authority statement, with a list that is good."""
    with contextlib.suppress(CredentialError):
        ORGANISATION.verifier().adopt_revocations(LIST, _text(data), now=NOW)
    with contextlib.suppress(CredentialError):
        read_authority_statement(Claims(TokenType.AUTHORITY, _object(data)))


def directory_statement(data: bytes) -> None:
    """What a relay offers as the statement of a directory, or what lies where its file should."""
    with contextlib.suppress(CredentialError):
        verify_directory(_text(data), b"{}", ORGANISATION.verifier(), now=NOW)
    with contextlib.suppress(CredentialError):
        read_directory_statement(Claims(TokenType.DIRECTORY, _object(data)))


def enrolment(data: bytes) -> None:
    """What anybody may send to a relay as an invitation, as an answer to one, or as a coordinator's token."""
    text, verifier = _text(data), ORGANISATION.verifier()
    for read in (
        lambda: verify_invitation(text, verifier, now=NOW),
        lambda: verify_enrolment(text, INVITATION),
        lambda: enrolment_id(text),
        lambda: verify_coordinator_request(text, REQUEST, verifier, now=NOW),
    ):
        with contextlib.suppress(CredentialError):
            read()


def invitation_code(data: bytes) -> None:
    """What somebody types or pastes as her code, and what the relay carries back to it."""
    with contextlib.suppress(CredentialError):
        code = InvitationCode.parse(_text(data))
        assert InvitationCode.parse(str(code)) == code
    with contextlib.suppress(CredentialError):
        open_statement(bytes(32), "enrolment", data)


def files(data: bytes) -> None:
    """What lies where the organisation's file or a sealed key should."""
    with contextlib.suppress(CredentialError):
        organisation = Organisation.from_toml(_text(data))
        assert Organisation.from_toml(organisation.to_toml()) == organisation
    with contextlib.suppress(CredentialError):
        sealed_public_key(data)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _object(data: bytes) -> dict[str, object]:
    """A JSON object out of the bytes, or an empty one."""
    with contextlib.suppress(ValueError, RecursionError):
        value = json.loads(data)
        if isinstance(value, dict):
            return value
    return {}


TARGETS: dict[str, Callable[[bytes], None]] = {
    "StaffCredential": staff_credential,
    "StaffClaims": staff_claims,
    "RevocationList": revocation_list,
    "AuthorityStatement": authority_statement,
    "DirectoryStatement": directory_statement,
    "Enrolment": enrolment,
    "InvitationCode": invitation_code,
    "OrganisationFiles": files,
}
