"""Whose device can take part in no call says so within the encryption, before anybody rings."""

from __future__ import annotations

import pytest
from msgspec import Struct, msgpack
from support.clients import plain_msgpack
from support.clients.scripted_log import Seat, StaffDevice, talking_pair
from support.organisation.staffed_organisation import NOW
from teduh_crypto.credentials import Role
from teduh_sdk import events
from teduh_sdk.group.group_changes import Refresh
from teduh_signaling.chat.codec import decode_message, encode_message
from teduh_signaling.chat.messages import EpochAcknowledgement


def without_calls(seat: Seat) -> list[bool]:
    """For each time that this member was told so: whether it was the survivor's device."""
    return [one.participant.is_survivor for one in seat.collect() if isinstance(one, events.CallsUnsupported)]


def test_whoever_comes_is_told_once() -> None:
    """However many epochs begin; also a colleague who comes later."""
    pair = talking_pair(can_call=False)
    assert without_calls(pair.counselor) == [True]
    pair.counselor.state.change(Refresh(), NOW)
    pair.log.pump()
    assert without_calls(pair.counselor) == []
    medic = pair.add_invited(StaffDevice(pair.organisation, "Maya", Role.MEDIC))
    assert without_calls(medic) == [True]
    assert without_calls(pair.survivor) == without_calls(pair.counselor) == []


def test_of_a_device_that_can_call_nothing_is_said() -> None:
    pair = talking_pair()
    assert without_calls(pair.counselor) == without_calls(pair.survivor) == []


class AcknowledgementOfEarlier(Struct, frozen=True, array_like=True, tag=0x05):
    epoch: int
    digest: bytes
    beginnings: tuple[object, ...] = ()


@pytest.mark.parametrize("cannot_call", [False, True])
def test_an_earlier_release_reads_what_it_knows(cannot_call: bool) -> None:
    said = EpochAcknowledgement(7, bytes(48), cannot_call=cannot_call)
    read = msgpack.decode(encode_message(said), type=AcknowledgementOfEarlier)
    assert (read.epoch, read.digest, read.beginnings) == (7, bytes(48), ())


def test_an_earlier_release_says_nothing_of_it() -> None:
    read = decode_message(plain_msgpack.pack([0x05, 7, bytes(48), []]))
    assert read == EpochAcknowledgement(7, bytes(48))
    assert not read.cannot_call
