"""A staff member's conversation goes on from what was kept, without using a key twice."""

from __future__ import annotations

import msgspec
import pytest
from support.clients.scripted_log import Pair, Seat, StaffDevice, talking_pair
from support.organisation.staffed_organisation import NOW, public_key
from teduh_crypto.credentials import Role
from teduh_crypto.mls import Group
from teduh_sdk import events
from teduh_sdk.conversation.conversation_state import ConversationState
from teduh_sdk.conversation.saved_conversation import VERSION, Kept, restore_heard, save_heard
from teduh_sdk.exceptions import KeyStoreDamaged, LogBroken, RosterNotAdmitted
from teduh_sdk.group.group_changes import AddMember, Refresh
from teduh_sdk.group.room import Participant, verify_room
from teduh_sdk.trust.authentication_service import AuthenticationService
from teduh_signaling.chat.messages import Location, Unknown
from teduh_signaling.relay.frames import Accepted, Append, EntryKind

SINCE, SINCE_OF_MEMBERSHIP = 9, 5
"""How many fields the release before wrote."""
SENDER = Participant(1, b"k" * 32, None, "survivor")


@pytest.fixture
def pair() -> Pair:
    together = talking_pair()
    together.survivor.collect()
    together.counselor.collect()
    return together


def record(seat: Seat) -> bytes:
    return Kept(VERSION, seat.state.save(), ()).to_bytes()


def restart(pair: Pair, seat: Seat, now: int = NOW, data: bytes | None = None) -> None:
    """Kill the staff process, and start it from the bytes that were kept."""
    pair.log.disconnect(seat)
    kept = Kept.from_bytes(record(seat) if data is None else data)
    verify = verify_room(
        AuthenticationService.of(
            pair.organisation.public, pair.organisation.revocations, pair.organisation.stated
        )
    )
    device_key = public_key(pair.device.key)
    seat.state = ConversationState.restore(kept.conversation, device_key, verify, now)


def texts(seat: Seat) -> list[str]:
    return [event.text for event in seat.collect() if isinstance(event, events.TextReceived)]


def test_a_text_writes_the_group_once(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Group] = []
    write = Group.to_bytes

    def note(group: Group) -> bytes:
        written.append(group)
        return write(group)

    monkeypatch.setattr(Group, "to_bytes", note)
    state = pair.counselor.state
    before = record(pair.counselor)
    written.clear()
    state.send_text("once", NOW)
    (append,) = state.take_frames()
    assert isinstance(append, Append)
    queued = record(pair.counselor)
    state.receive(Accepted(state.conversation_id, append.counter, state.cursor + 1), NOW)
    accepted = record(pair.counselor)
    assert state.is_confirmed
    assert len({before, queued, accepted}) == 3
    assert len(written) == 1


def test_it_goes_on_where_it_was(pair: Pair) -> None:
    pair.survivor.state.send_text("before", NOW)
    pair.log.pump()
    assert texts(pair.counselor) == ["before"]
    restart(pair, pair.counselor)
    pair.survivor.state.send_text("after", NOW)
    pair.log.pump()
    pair.log.connect(pair.counselor)
    pair.log.pump()
    assert texts(pair.counselor) == ["after"]
    assert [one.name for one in pair.counselor.state.participants] == ["Sari", None]


def test_what_was_in_flight_is_repeated_byte_for_byte(pair: Pair) -> None:
    pair.counselor.state.send_text("once", NOW)
    (lost,) = [frame for frame in pair.counselor.state.take_frames() if isinstance(frame, Append)]
    restart(pair, pair.counselor)
    pair.log.connect(pair.counselor)
    again = [frame for frame in pair.counselor.state.take_frames() if isinstance(frame, Append)]
    # Behind it are new keys, which whoever goes on from a saved state owes.
    assert [again[0], *(one.kind for one in again[1:])] == [lost, EntryKind.COMMIT.value]


def test_an_older_record_is_not_gone_on_from(pair: Pair) -> None:
    """As after a backup was put back: the relay would take what is said next for a repetition of what was
    said since, call it accepted, and drop it; and its key was used before.
    """
    older = record(pair.counselor)
    pair.counselor.state.send_text("we have a place for you", NOW)
    pair.log.pump()
    restart(pair, pair.counselor, data=older)
    pair.counselor.state.send_text("come at six", NOW)
    pair.log.connect(pair.counselor)
    pair.log.pump()
    (stopped,) = [event for event in pair.counselor.collect() if isinstance(event, events.Stopped)]
    assert isinstance(stopped.reason, LogBroken)
    assert texts(pair.survivor) == ["we have a place for you"]


def test_what_was_queued_is_said(pair: Pair) -> None:
    pair.log.disconnect(pair.counselor)
    pair.counselor.state.send_text("later", NOW)
    restart(pair, pair.counselor)
    pair.log.connect(pair.counselor)
    pair.log.pump()
    assert texts(pair.survivor) == ["later"]


def test_a_commit_that_was_accepted_unheard_is_adopted(pair: Pair) -> None:
    pair.log.lose_answers = True
    pair.counselor.state.change(Refresh(), NOW)
    pair.log.pump()
    pair.log.lose_answers = False
    restart(pair, pair.counselor)
    pair.log.disconnect(pair.survivor)
    for seat in (pair.counselor, pair.survivor):
        pair.log.connect(seat)
    pair.log.pump()
    assert pair.counselor.state.epoch == pair.log.epoch
    pair.counselor.state.send_text("in the new epoch", NOW)
    pair.log.pump()
    assert texts(pair.survivor) == ["in the new epoch"]


def test_what_the_release_before_kept_is_gone_on_from(pair: Pair) -> None:
    """It knew nothing of where senders begin, so that nothing is compared."""
    pair.add_invited(StaffDevice(pair.organisation, "Dewi", Role.MEDIC))
    pair.survivor.state.send_text("before", NOW)
    pair.log.pump()
    version, conversation, undelivered_events = msgspec.msgpack.decode(record(pair.counselor))
    id_, membership, *member_state = conversation[:SINCE]
    older = [version, [id_, membership[:SINCE_OF_MEMBERSHIP], *member_state], undelivered_events]
    restart(pair, pair.counselor, data=msgspec.msgpack.encode(older))
    pair.log.connect(pair.counselor)
    pair.counselor.state.change(Refresh(), NOW)
    pair.survivor.state.send_text("after", NOW)
    pair.log.pump()
    assert texts(pair.counselor) == ["after"]


def test_a_consent_outlives_a_restart(pair: Pair) -> None:
    budi = StaffDevice(pair.organisation, "Budi", Role.MEDIC)
    invitation = pair.counselor.state.invite(budi.device_id, "Budi", "medic", "", NOW)
    pair.log.pump()
    pair.survivor.state.answer(invitation, accepted=True, now=NOW)
    pair.log.pump()
    restart(pair, pair.counselor)
    pair.log.connect(pair.counselor)
    bundle = budi.key_package()
    pair.counselor.state.change(AddMember(bundle.key_package), NOW)
    pair.log.pump()
    pair.seat_invited(budi, bundle)
    assert len(pair.survivor.state.participants) == 3


def test_a_room_that_does_not_pass_any_more_is_not_entered_again(pair: Pair) -> None:
    """A day later the statements have ended."""
    with pytest.raises(RosterNotAdmitted):
        restart(pair, pair.counselor, NOW + 40 * 24 * 3600)


@pytest.mark.parametrize(
    "heard",
    [
        events.TextReceived(b"m" * 16, SENDER, "text", NOW, b"r" * 16),
        events.MessageReceived(SENDER, Location(b"m" * 16, NOW, 1, 2)),
        events.MessageReceived(SENDER, Unknown(99, msgspec.msgpack.encode([99, "new"]))),
    ],
    ids=["text", "location", "unknown"],
)
def test_what_the_application_has_not_taken_is_kept(
    heard: events.TextReceived | events.MessageReceived,
) -> None:
    assert restore_heard(save_heard(heard)) == heard


@pytest.mark.parametrize("data", [b"", b"garbage", msgspec.msgpack.encode([9, None, []])])
def test_damaged_bytes_are_said_to_be_damaged(data: bytes) -> None:
    with pytest.raises(KeyStoreDamaged):
        Kept.from_bytes(data)
