"""Python's half of tests/vectors/credentials.json, which every implementation of the credentials runs."""

from __future__ import annotations

import importlib.util
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from teduh_crypto import credentials
from teduh_crypto.credentials import (
    LANGUAGES,
    CredentialError,
    InvitationCode,
    Organisation,
    StatementVerifier,
    comparison_words,
    decode_credential,
    enrolment_id,
    open_statement,
    relay_authentication_bytes,
    verify_directory,
    verify_enrolment,
    verify_invitation,
    verify_relay_authentication,
    verify_submission,
)
from teduh_crypto.credentials.json_web_token import decode_base64url, encode_base64url

FOLDER = Path(__file__).parents[2] / "vectors"
VECTORS: dict[str, Any] = json.loads((FOLDER / "credentials.json").read_text(encoding="utf-8"))
ORGANISATION = Organisation(
    VECTORS["organisation"]["id"],
    VECTORS["organisation"]["name"],
    decode_base64url(VECTORS["organisation"]["root_public_key"]),
)


def verifier(
    *lists: str, now: int = VECTORS["now"], authority: str = VECTORS["authority"]
) -> StatementVerifier:
    made = StatementVerifier(ORGANISATION.root_public_key, ORGANISATION.id)
    for text in lists:
        made.adopt_revocations(text, authority, now=now)
    return made


def error_of(case: dict[str, Any]) -> type[CredentialError]:
    kind: type[CredentialError] = getattr(credentials, case["error"])
    assert issubclass(kind, CredentialError)
    return kind


@pytest.mark.parametrize("case", VECTORS["statements"], ids=lambda case: case["name"])
def test_a_statement_is_believed_or_not(case: dict[str, Any]) -> None:
    """Exactly the error that the vector names, or what the statement says."""
    lists = [case["revocations"]] if case["revocations"] else []
    believer = verifier(*lists, authority=case["authority"])

    def verify() -> credentials.StaffStatement:
        chain = decode_credential(case["credential"].encode())
        return believer.verify(*chain, now=case["now"], device_key=decode_base64url(case["device_key"]))

    if case["error"]:
        with pytest.raises(error_of(case)) as raised:
            verify()
        assert type(raised.value) is error_of(case)
        return
    said = verify()
    for name, value in case["says"].items():
        if name == "device_id":
            assert encode_base64url(said.device_id) == value
        else:
            found = getattr(said, name)
            assert (list(found) if isinstance(found, tuple) else found) == value


@pytest.mark.parametrize("case", VECTORS["revocations"], ids=lambda case: case["name"])
def test_a_revocation_list_is_adopted_or_not(case: dict[str, Any]) -> None:
    documents = [(VECTORS["authority"], text) for text in case["lists"]]
    adopt_or_refuse(documents, case)


@pytest.mark.parametrize("case", VECTORS["authority_statements"], ids=lambda case: case["name"])
def test_an_authority_statement_is_adopted_or_not(case: dict[str, Any]) -> None:
    adopt_or_refuse(case["documents"], case)


def adopt_or_refuse(documents: list[tuple[str | None, str]], case: dict[str, Any]) -> None:
    """The last document is adopted, or refused by the error that the case names, and then changes nothing."""
    *before, (authority, text) = documents
    believer = StatementVerifier(ORGANISATION.root_public_key, ORGANISATION.id)
    for earlier_authority, earlier in before:
        believer.adopt_revocations(earlier, earlier_authority, now=case["now"])
    held = believer.revocations, believer.authority
    if not case["error"]:
        assert believer.adopt_revocations(text, authority, now=case["now"]) is believer.revocations
        assert authority is None or believer.authority == believer.read_authority(authority)
        return
    with pytest.raises(error_of(case)) as raised:
        believer.adopt_revocations(text, authority, now=case["now"])
    assert type(raised.value) is error_of(case)
    assert (believer.revocations, believer.authority) == held


@pytest.mark.parametrize("case", VECTORS["directories"], ids=lambda case: case["name"])
def test_a_directory_is_believed_or_not(case: dict[str, Any]) -> None:
    """The last directory is believed after those before it, or refused by the error that the case names."""
    believer = StatementVerifier(ORGANISATION.root_public_key, ORGANISATION.id)
    if case["authority"] is not None:
        believer.adopt_revocations(case["list"], case["authority"], now=VECTORS["now"])
    held = None
    *before, (text, content) = case["documents"]
    for earlier_text, earlier in before:
        held = verify_directory(earlier_text, earlier.encode(), believer, now=case["now"], held=held)
    if not case["error"]:
        stated = verify_directory(text, content.encode(), believer, now=case["now"], held=held)
        assert stated.sha256 == sha256(content.encode()).digest()
        return
    with pytest.raises(error_of(case)) as raised:
        verify_directory(text, content.encode(), believer, now=case["now"], held=held)
    assert type(raised.value) is error_of(case)


def test_a_device_enrols() -> None:
    """The code, the answer to it and the sealed statement are what the vector says."""
    case = VECTORS["enrolment"]
    code = InvitationCode.parse(case["code"])
    assert code.invitation == case["invitation"]
    assert enrolment_id(case["invitation"]) == case["enrolment_id"]
    invitation = verify_invitation(case["invitation"], verifier(VECTORS["list"]), now=VECTORS["now"])
    assert invitation.enrolment_id == case["enrolment_id"]
    assert len(verify_enrolment(case["enrolment"], case["invitation"])) == 32
    assert len(verify_submission(case["enrolment"], code)) == 32
    opened = open_statement(code.sealing_key, case["enrolment_id"], decode_base64url(case["sealed"]))
    assert opened == (case["statement"], None)


def test_a_device_authenticates_itself_to_a_relay() -> None:
    case = VECTORS["relay_authentication"]
    origin, nonce = case["origin"], decode_base64url(case["nonce"])
    assert encode_base64url(relay_authentication_bytes(origin, nonce)) == case["bytes"]
    sari = decode_base64url(VECTORS["comparison_words"][0]["public_key"])
    verify_relay_authentication(sari, origin, nonce, decode_base64url(case["signature"]))


@pytest.mark.parametrize("case", VECTORS["comparison_words"], ids=lambda case: case["words"]["en"][0])
def test_the_words_of_a_key(case: dict[str, Any]) -> None:
    key, invitation = decode_base64url(case["public_key"]), case["invitation"]
    words = {language: list(comparison_words(key, language, invitation=invitation)) for language in LANGUAGES}
    assert words == case["words"]


def test_the_vectors_are_those_that_the_script_writes() -> None:
    """credentials.json is never edited by hand."""
    spec = importlib.util.spec_from_file_location("make_credentials", FOLDER / "make_credentials.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert (FOLDER / "credentials.json").read_text(encoding="utf-8") == script.vectors()
