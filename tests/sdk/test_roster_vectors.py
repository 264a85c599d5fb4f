"""Python's half of the rosters in tests/vectors/credentials.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from teduh_crypto import credentials
from teduh_crypto.credentials import Organisation
from teduh_crypto.credentials.json_web_token import decode_base64url
from teduh_crypto.mls.credential import BasicCredential, Credential, OpaqueCredential
from teduh_sdk.trust.authentication_service import AuthenticationService

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "credentials.json").read_text(encoding="utf-8")
)


@dataclass(frozen=True)
class ShownMember:
    leaf_index: int
    credential: Credential
    signature_key: bytes


def shown(leaf: int, kind: int, content: str, key: str) -> ShownMember:
    data = decode_base64url(content)
    credential = (
        BasicCredential(data) if kind == BasicCredential.credential_type else OpaqueCredential(kind, data)
    )
    return ShownMember(leaf, credential, decode_base64url(key))


@pytest.mark.parametrize("case", VECTORS["rosters"], ids=lambda case: case["name"])
def test_a_roster_is_verified_or_not(case: dict[str, Any]) -> None:
    """Exactly the error that the vector names, or a roster with everybody in it."""
    public = VECTORS["organisation"]
    organisation = Organisation(public["id"], public["name"], decode_base64url(public["root_public_key"]))
    service = AuthenticationService.of(organisation)
    service.adopt_revocations(VECTORS["list"], VECTORS["authority"], now=VECTORS["now"])
    members = [shown(*member) for member in case["members"]]
    if case["error"] is None:
        assert len(service.verify(members, now=VECTORS["now"]).staff) == len(members) - 1
        return
    kind = getattr(credentials, case["error"])
    with pytest.raises(kind) as raised:
        service.verify(members, now=VECTORS["now"])
    assert type(raised.value) is kind
