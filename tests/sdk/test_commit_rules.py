"""Replays vectors/commit_rules.json, which the TypeScript SDK replays too: one whitelist for both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypedDict

import pytest
from support.schemas.vector_keys import hpke_key, signature_key
from teduh_crypto.exceptions import RemoteError
from teduh_crypto.hazmat.ciphersuite import cipher_suite
from teduh_crypto.mls import CommitReceived, Group, KeyPackageBundle, RemovedFromGroup
from teduh_sdk.group.group_changes import GROUP_POLICY, key_package_from_wire
from vectors import make_commit_rules


class Reader(TypedDict):
    key_package: str
    init_key: str
    encryption_key: str
    signature_key: str


class Message(TypedDict):
    name: str
    reader: str
    message: str
    outcome: str
    epoch_authenticator: str


class Entrance(TypedDict):
    name: str
    reader: Reader
    welcome: str
    outcome: str


class Rules(TypedDict):
    now: int
    suite: int
    welcome: str
    readers: dict[str, Reader]
    messages: list[Message]
    welcomes: list[Entrance]


RULES: Final[Rules] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "commit_rules.json").read_text("utf-8")
)
SUITE: Final = cipher_suite(RULES["suite"])


def bundle_of(reader: Reader) -> KeyPackageBundle:
    init_key, encryption_key = (
        hpke_key(SUITE, bytes.fromhex(reader[name])) for name in ("init_key", "encryption_key")
    )
    return KeyPackageBundle(
        key_package_from_wire(bytes.fromhex(reader["key_package"])),
        init_key,
        encryption_key,
        signature_key(SUITE, bytes.fromhex(reader["signature_key"])),
    )


def join(welcome: str, reader: Reader) -> Group:
    return Group.join(bytes.fromhex(welcome), bundle_of(reader), now=RULES["now"], policy=GROUP_POLICY)


@pytest.mark.parametrize("case", RULES["messages"], ids=lambda case: case["name"])
def test_a_message_is_followed_or_refused(case: Message) -> None:
    group = join(RULES["welcome"], RULES["readers"][case["reader"]])
    message = bytes.fromhex(case["message"])
    if case["outcome"] == "refused":
        with pytest.raises(RemoteError):
            group.unprotect(message, now=RULES["now"])
        return
    after, received = group.unprotect(message, now=RULES["now"])
    if case["outcome"] == "removed":
        assert isinstance(received, RemovedFromGroup)
        return
    assert isinstance(received, CommitReceived)
    assert after.epoch_authenticator.hex() == case["epoch_authenticator"]


@pytest.mark.parametrize("case", RULES["welcomes"], ids=lambda case: case["name"])
def test_a_welcome_is_followed_or_refused(case: Entrance) -> None:
    if case["outcome"] == "joined":
        assert join(case["welcome"], case["reader"]).epoch == 1
        return
    with pytest.raises(RemoteError):
        join(case["welcome"], case["reader"])


def test_the_cases_are_those_of_the_script() -> None:
    """commit_rules.json is never edited by hand; its keys are fresh each time, its cases are not."""
    on = make_commit_rules.scene()
    written: list[Mapping[str, object]] = [*make_commit_rules.messages(on), *make_commit_rules.welcomes()]
    cases: list[Message | Entrance] = [*RULES["messages"], *RULES["welcomes"]]
    assert [(case["name"], case["outcome"]) for case in cases] == [
        (case["name"], case["outcome"]) for case in written
    ]
