"""What devices say about calls travels in a conversation: sealed, in order, and only while it is worth it."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from support.clients.scripted_log import CONVERSATION, Pair, talking_pair
from support.organisation.staffed_organisation import NOW
from teduh_sdk import events
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.events import Event
from teduh_sdk.group.room import Participant
from teduh_sdk.net.relay_link import RelayLink
from teduh_signaling.call.codec import encode_call
from teduh_signaling.call.messages import EndReason, HangUp, Heartbeat, Media, Phase
from teduh_signaling.relay.frames import Append, Ephemeral, EphemeralEntry


def hang_up(sent: int = NOW) -> bytes:
    return encode_call(HangUp(b"8 bytes.", sent * 1000, sent * 1000, EndReason.HUNG_UP))


def heartbeat() -> bytes:
    media = Media(audio=True, video=False)
    return encode_call(Heartbeat(b"8 bytes.", NOW * 1000, 1, Phase.IN_CALL, media, True, (), ()))


def signals(happened: Sequence[Event]) -> list[events.CallSignal]:
    return [event for event in happened if isinstance(event, events.CallSignal)]


@pytest.fixture
def pair() -> Pair:
    return talking_pair()


def test_it_arrives_with_its_sender_in_the_log(pair: Pair) -> None:
    pair.survivor.state.signal_call(hang_up(), NOW, is_ephemeral=False)
    pair.log.pump()
    (signal,) = signals(pair.counselor.collect())
    assert signal.sender.is_survivor
    assert (signal.data, signal.is_live) == (hang_up(), True)


def test_a_heartbeat_arrives_beside_the_log_and_costs_no_message_key(pair: Pair) -> None:
    entries = len(pair.log.entries)
    pair.counselor.state.signal_call(heartbeat(), NOW, is_ephemeral=True)
    pair.log.pump()
    (signal,) = signals(pair.survivor.collect())
    assert (str(signal.sender), signal.data) == ("Sari (counselor)", heartbeat())
    assert len(pair.log.entries) == entries


def test_a_heartbeat_looks_to_the_relay_like_a_typing_notice(pair: Pair) -> None:
    pair.counselor.state.signal_call(heartbeat(), NOW, is_ephemeral=True)
    pair.counselor.state.type(active=True, now=NOW)
    pair.log.pump()
    first, second = [frame for frame in pair.counselor.sent if isinstance(frame, Ephemeral)]
    assert len(first.payload) == len(second.payload)


def test_what_is_said_about_a_call_has_a_size_that_short_texts_have(pair: Pair) -> None:
    pair.counselor.state.signal_call(hang_up(), NOW, is_ephemeral=False)
    pair.counselor.state.send_text("hai", NOW)
    pair.log.pump()
    *_, first, second = [frame for frame in pair.counselor.sent if isinstance(frame, Append)]
    assert len(first.payload) == len(second.payload)


def test_an_ephemeral_is_not_heard_twice(pair: Pair) -> None:
    pair.counselor.state.signal_call(heartbeat(), NOW, is_ephemeral=True)
    (frame,) = [one for one in pair.counselor.state.take_frames() if isinstance(one, Ephemeral)]
    for _ in range(2):
        pair.survivor.state.receive(EphemeralEntry(CONVERSATION, 1, frame.payload), NOW)
    assert len(signals(pair.survivor.collect())) == 1


@pytest.mark.parametrize("label", [b"teduh call 1", b"teduh typing 1"])
def test_what_is_sealed_for_a_leaf_at_which_nobody_is_harms_nobody(pair: Pair, label: bytes) -> None:
    """Every member can compute every key of the epoch, those of empty leaves among them."""
    group = pair.counselor.state.membership.group
    assert group is not None
    leaf, nonce = 9, bytes(12)
    body = (struct.pack(">QH", 1, len(heartbeat())) + heartbeat()).ljust(1024, b"\0")
    key = AESGCM(group.export(label, leaf.to_bytes(4, "big"), 32))
    sealed = key.encrypt(nonce, body, group.group_id + struct.pack(">IQ", leaf, group.epoch))
    payload = struct.pack(">IQ", leaf, group.epoch) + nonce + sealed
    pair.survivor.collect()
    pair.survivor.state.receive(EphemeralEntry(CONVERSATION, 1, payload), NOW)
    assert pair.survivor.collect() == []
    assert not pair.survivor.state.is_over


def test_nothing_but_a_heartbeat_is_heard_beside_the_log(pair: Pair) -> None:
    """Every member can compute every sender's key, and would put words and keys into another's mouth."""
    for data in (hang_up(), b"", b"\xc1", b"\x90", heartbeat()):
        pair.counselor.state.signal_call(data, NOW, is_ephemeral=True)
    pair.log.pump()
    assert [signal.data for signal in signals(pair.survivor.collect())] == [heartbeat()]
    assert not pair.survivor.state.is_over


def test_what_waited_in_the_log_while_we_were_away_says_so(pair: Pair) -> None:
    pair.log.disconnect(pair.survivor)
    pair.counselor.state.signal_call(hang_up(), NOW, is_ephemeral=False)
    pair.log.pump()
    pair.log.connect(pair.survivor)
    (signal,) = signals(pair.survivor.collect())
    assert not signal.is_live


def test_what_could_not_be_sent_for_a_minute_is_not_sent(pair: Pair) -> None:
    """A text that waited with it is."""
    pair.log.disconnect(pair.counselor)
    pair.counselor.state.signal_call(hang_up(NOW - 61), NOW, is_ephemeral=False)
    pair.counselor.state.signal_call(hang_up(NOW - 59), NOW, is_ephemeral=False)
    pair.counselor.state.send_text("I am back", NOW)
    pair.log.connect(pair.counselor)
    pair.log.pump()
    heard = pair.survivor.collect()
    assert [signal.data for signal in signals(heard)] == [hang_up(NOW - 59)]
    assert [event.text for event in heard if isinstance(event, events.TextReceived)] == ["I am back"]


def test_a_repr_shows_nothing_of_it(pair: Pair) -> None:
    pair.survivor.state.signal_call(hang_up(), NOW, is_ephemeral=False)
    pair.log.pump()
    (signal,) = signals(pair.counselor.collect())
    assert "8 bytes." not in repr(signal)


class Listener:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def call_signal(self, sender: Participant, data: bytes, is_live: bool) -> None:
        self.heard.append(f"{sender.role} {data.hex()} {is_live}")

    def room_changed(self) -> None:
        self.heard.append("room")

    def conversation_over(self) -> None:
        self.heard.append("over")


def conversation_of(pair: Pair) -> Conversation:
    def resume(_: Conversation) -> None:
        raise AssertionError("nothing is resumed here")

    return Conversation(pair.survivor.state, RelayLink.__new__(RelayLink), resume=resume)


def test_who_begins_to_listen_hears_what_was_said_before(pair: Pair) -> None:
    conversation, listener = conversation_of(pair), Listener()
    sender = pair.survivor.state.participants[0]
    conversation.emit(events.CallSignal(sender, b"ring", True))
    conversation.listen_to_calls(listener)
    conversation.emit(events.CallSignal(sender, b"stop", True))
    assert [heard.split()[1] for heard in listener.heard] == [b"ring".hex(), b"stop".hex()]


async def test_who_listens_hears_of_the_room_and_of_the_end_and_the_iterator_of_no_signal(pair: Pair) -> None:
    conversation, listener = conversation_of(pair), Listener()
    conversation.listen_to_calls(listener)
    someone = pair.survivor.state.participants[0]
    for event in (
        events.CallSignal(someone, b"", True),
        events.Left(someone),
        events.Joined(someone),
        events.Ended(someone),
    ):
        conversation.emit(event)
    assert listener.heard == [f"{someone.role}  True", "room", "room", "over"]
    assert [type(event) async for event in conversation] == [events.Left, events.Joined, events.Ended]
