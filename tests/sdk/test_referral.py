"""What is told of a service in a conversation: tests/vectors/directory.json, which the browser runs too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.clients import plain_msgpack
from teduh_sdk.directory.referral import referral_to
from teduh_signaling.chat.codec import decode_message, encode_message
from teduh_signaling.chat.messages import Referral
from teduh_signaling.directory.format import read_directory

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "directory.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", VECTORS["referrals"], ids=lambda case: case["service"])
def test_what_is_told_of_a_service(case: dict[str, Any]) -> None:
    (service,) = read_directory(case["directory"].encode()).services
    told = referral_to(service, 1_900_000_000, message_id=bytes([7]) * 16, sent=1_760_000_000)
    assert (told.service, told.kind, told.contact) == (case["service"], case["kind"], case["contact"])
    assert encode_message(told).hex() == case["encoded"]
    assert decode_message(encode_message(told)) == told


def test_one_from_a_release_before_there_was_a_directory_is_read() -> None:
    old = plain_msgpack.pack([0x0B, bytes(16), 5, "Rumah", "shelter", "129"])
    assert decode_message(old) == Referral(bytes(16), 5, "Rumah", "shelter", "129")
