"""One conversation as its members hold it: who hears what, in which order, and what is kept for later."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from support.clients.scripted_log import (
    CONVERSATION,
    Pair,
    ScriptedLog,
    Seat,
    StaffDevice,
    survivor_state,
    talking_pair,
)
from support.organisation.staffed_organisation import NOW, StaffedOrganisation, public_key
from teduh_crypto.credentials import Role
from teduh_crypto.mls import Group, KeyPackageBundle
from teduh_crypto.padding import padding_for
from teduh_sdk import events
from teduh_sdk.conversation.send_window import SendWindow
from teduh_sdk.events import Event
from teduh_sdk.exceptions import ConversationOver, MessageTooLong, NotJoined, RequestUnusable
from teduh_sdk.group.group_changes import (
    CLASSIC_SUITE,
    HYBRID_SUITE,
    AddMember,
    Refresh,
    RemoveMember,
    new_group,
)
from teduh_signaling.chat.messages import MAX_TEXT_CHARACTERS, Referral
from teduh_signaling.relay.frames import Append, EntryKind


@pytest.fixture
def pair() -> Pair:
    together = talking_pair()
    together.survivor.collect()
    together.counselor.collect()
    return together


def texts(happened: Iterable[Event]) -> list[str]:
    return [event.text for event in happened if isinstance(event, events.TextReceived)]


def kinds(happened: Iterable[Event]) -> list[str]:
    return [type(event).__name__ for event in happened]


@pytest.mark.parametrize("suite", [CLASSIC_SUITE, HYBRID_SUITE])
def test_both_see_each_other_proven(suite: int) -> None:
    pair = talking_pair(suite)
    (seen_by_her,) = [event for event in pair.survivor.collect() if isinstance(event, events.Joined)]
    (seen_by_him,) = [event for event in pair.counselor.collect() if isinstance(event, events.Joined)]
    assert (seen_by_her.participant.name, seen_by_her.participant.role) == ("Sari", "counselor")
    assert seen_by_him.participant.is_survivor
    assert pair.survivor.state.is_confirmed
    assert pair.counselor.state.is_confirmed


def test_a_text_arrives_with_its_sender_and_comes_back_as_sent_and_delivered(pair: Pair) -> None:
    message_id = pair.survivor.state.send_text("is somebody there?", NOW)
    pair.log.pump()
    (received,) = pair.counselor.collect()
    assert isinstance(received, events.TextReceived)
    assert (received.text, received.sender.is_survivor, received.sent) == ("is somebody there?", True, NOW)
    assert kinds(pair.survivor.collect()) == ["Sent", "Delivered"]
    assert received.message_id == message_id


def test_a_service_arrives_as_it_was_found_and_comes_back_as_sent_and_delivered(pair: Pair) -> None:
    message_id = bytes([7]) * 16
    referral = Referral(message_id, NOW, "Rumah", "shelter", "129", "", bytes(range(16)), NOW)
    pair.counselor.state.say(referral, NOW)
    pair.log.pump()
    (received,) = pair.survivor.collect()
    assert isinstance(received, events.MessageReceived)
    assert received.message == referral
    sent, delivered = pair.counselor.collect()
    assert sent == events.Sent(message_id)
    assert isinstance(delivered, events.Delivered)
    assert delivered.message_id == message_id


def test_a_read_receipt_is_sent_when_the_application_says_so(pair: Pair) -> None:
    message_id = pair.survivor.state.send_text("hello", NOW)
    pair.log.pump()
    pair.survivor.collect()
    pair.counselor.state.mark_read(message_id, NOW)
    pair.log.pump()
    (read,) = pair.survivor.collect()
    assert isinstance(read, events.Read)
    assert (read.message_id, read.by.name) == (message_id, "Sari")


def test_what_is_typed_before_somebody_joins_is_sent_when_she_joins() -> None:
    """Nothing is encrypted or sent while there is nobody to read it."""
    organisation, log = StaffedOrganisation(), ScriptedLog()
    asking, bundle = survivor_state(organisation)
    survivor = log.seat("survivor", asking, 0)
    log.connect(survivor)
    asking.send_text("first", NOW)
    asking.send_text("second", NOW)
    log.pump()
    assert log.entries == []
    device = StaffDevice(organisation, "Sari")
    accepting = device.state()
    counselor = log.seat("Sari", accepting, 1)
    counselor.is_connected = True
    group = new_group(CONVERSATION, CLASSIC_SUITE, device.credential, device.key.private_bytes_raw())
    accepting.create(group, 1, AddMember(bundle.key_package, by_capability=True), NOW)
    log.pump()
    assert texts(counselor.collect()) == ["first", "second"]


def a_taken_request() -> tuple[ScriptedLog, Seat, Seat, Group, KeyPackageBundle]:
    """She has asked, and somebody has taken it and has a group for it; nothing is in the log yet."""
    organisation, log = StaffedOrganisation(), ScriptedLog()
    asking, bundle = survivor_state(organisation)
    survivor = log.seat("survivor", asking, 0)
    log.connect(survivor)
    device = StaffDevice(organisation, "Sari")
    counselor = log.seat("Sari", device.state(), 1)
    counselor.is_connected = True
    group = new_group(CONVERSATION, CLASSIC_SUITE, device.credential, device.key.private_bytes_raw())
    return log, survivor, counselor, group, bundle


def test_she_is_told_that_whoever_took_her_request_could_not_answer_it() -> None:
    """It leaves the queue by a commit that adds nobody, and nobody will ever come."""
    log, survivor, counselor, group, _ = a_taken_request()
    commit = group.commit(padding=padding_for)
    log.append(counselor, Append(CONVERSATION, 1, EntryKind.COMMIT.value, 0, commit.message))
    assert survivor.collect() == []
    # What does not come is asked for again.
    assert survivor.state.waiting_for is not None
    log.connect(survivor)
    (stopped,) = survivor.collect()
    assert isinstance(stopped, events.Stopped)
    assert isinstance(stopped.reason, RequestUnusable)


def test_a_welcome_that_takes_long_on_its_way_is_waited_for() -> None:
    log, survivor, counselor, group, bundle = a_taken_request()
    survivor.tamper = lambda entry: [] if entry.kind is EntryKind.WELCOME else [entry]
    counselor.state.create(group, 1, AddMember(bundle.key_package, by_capability=True), NOW)
    log.pump()
    assert survivor.state.waiting_for is not None
    log.connect(survivor)
    assert survivor.collect() == []
    survivor.tamper = lambda entry: [entry]
    log.connect(survivor)
    assert kinds(survivor.collect()) == ["Joined"]


def test_what_is_said_while_disconnected_is_sent_in_order_after(pair: Pair) -> None:
    pair.log.disconnect(pair.survivor)
    pair.survivor.state.send_text("one", NOW)
    pair.survivor.state.send_text("two", NOW)
    pair.log.pump()
    assert texts(pair.counselor.collect()) == []
    pair.log.connect(pair.survivor)
    pair.log.pump()
    assert texts(pair.counselor.collect()) == ["one", "two"]


def test_how_far_it_was_read_is_told_again_after_a_break() -> None:
    """The last acknowledgement may have been lost, and its entry would stay at the relay."""
    send_window = SendWindow()
    send_window.read_up_to(2)
    send_window.connected(2, 16)
    assert not send_window.take_acknowledgement(2)  # Not ours to acknowledge: we were invited behind it.
    assert send_window.take_acknowledgement(5)
    assert not send_window.take_acknowledgement(5)
    send_window.connected(5, 16)
    assert send_window.take_acknowledgement(5)
    assert not send_window.take_acknowledgement(5)


def test_a_retry_sends_the_same_bytes_under_the_same_counter(pair: Pair) -> None:
    pair.survivor.state.send_text("once", NOW)
    (lost,) = [frame for frame in pair.survivor.state.take_frames() if isinstance(frame, Append)]
    pair.log.disconnect(pair.survivor)
    pair.log.connect(pair.survivor)
    (again,) = [frame for frame in pair.survivor.state.take_frames() if isinstance(frame, Append)]
    assert again == lost


def test_an_accepted_text_whose_answer_was_lost_is_neither_lost_nor_said_twice(pair: Pair) -> None:
    pair.log.lose_answers = True
    pair.survivor.state.send_text("once", NOW)
    pair.log.pump()
    pair.log.disconnect(pair.survivor)
    pair.log.lose_answers = False
    pair.log.connect(pair.survivor)
    pair.log.pump()
    assert texts(pair.counselor.collect()) == ["once"]
    assert "Sent" in kinds(pair.survivor.collect())
    assert pair.survivor.state.is_confirmed


def test_a_text_that_meets_a_new_epoch_is_said_again_in_it(pair: Pair) -> None:
    """Wrong epoch: the counter was not consumed, so the same one carries the text, encrypted anew."""
    pair.log.disconnect(pair.survivor)
    pair.counselor.state.change(Refresh(), NOW)
    pair.log.pump()
    epoch = pair.log.epoch
    pair.survivor.state.send_text("after all", NOW)
    pair.log.connect(pair.survivor)
    pair.log.pump()
    assert texts(pair.counselor.collect()) == ["after all"]
    assert pair.survivor.state.epoch == epoch


def test_texts_that_cross_a_commit_all_arrive_in_order(pair: Pair) -> None:
    for number in range(5):
        pair.survivor.state.send_text(f"before {number}", NOW)
    pair.counselor.state.change(Refresh(), NOW)
    pair.counselor.state.send_text("from me", NOW)
    # The commit reaches the log while the texts of the old epoch are still on their way.
    for frame in pair.counselor.state.take_frames():
        if isinstance(frame, Append):
            pair.log.append(pair.counselor, frame)
    pair.log.pump()
    assert texts(pair.counselor.collect()) == [f"before {number}" for number in range(5)]
    assert texts(pair.survivor.collect()) == ["from me"]


def test_a_commit_that_came_second_is_reported_lost_and_the_winner_is_followed(pair: Pair) -> None:
    medic = pair.add_invited(StaffDevice(pair.organisation, "Budi", Role.MEDIC))
    pair.counselor.collect()
    pair.counselor.state.change(Refresh(), NOW)
    medic.state.change(RemoveMember(public_key(pair.device.key)), NOW)
    pair.log.pump()
    assert kinds(medic.collect())[-1] == "CommitLost"
    assert pair.counselor.state.epoch == medic.state.epoch == pair.log.epoch


def test_a_refresh_that_came_second_is_made_anew_and_nobody_is_bothered_with_it(pair: Pair) -> None:
    medic = pair.add_invited(StaffDevice(pair.organisation, "Budi", Role.MEDIC))
    pair.counselor.collect()
    epoch = pair.log.epoch
    for seat in (pair.counselor, medic, pair.survivor):
        seat.state.change(Refresh(), NOW)
    pair.log.pump()
    assert "CommitLost" not in kinds(pair.counselor.collect()) + kinds(medic.collect())
    assert pair.log.epoch == epoch + 3


def test_the_key_of_a_commit_is_used_up_though_it_was_refused(pair: Pair) -> None:
    """Two commits of one epoch under one message key would show what they differ in."""
    membership = pair.counselor.state.membership
    assert membership.group is not None
    before = membership.group.to_bytes()
    membership.stage(Refresh(), 2, NOW)
    membership.pending = None
    once = membership.group.to_bytes()
    membership.stage(Refresh(), 2, NOW)
    assert len({before, once, membership.group.to_bytes()}) == 3


def test_typing_is_seen_and_costs_no_message_key(pair: Pair) -> None:
    pair.survivor.state.type(active=True, now=NOW)
    pair.log.pump()
    (typing,) = pair.counselor.collect()
    assert isinstance(typing, events.TypingSeen)
    assert (typing.participant.is_survivor, typing.active) == (True, True)
    assert pair.survivor.state.is_confirmed


def test_the_end_wipes_both_sides(pair: Pair) -> None:
    pair.counselor.state.leave(NOW, for_all=True)
    pair.log.pump()
    (ended,) = pair.survivor.collect()
    assert isinstance(ended, events.Ended)
    assert pair.survivor.state.participants == ()
    with pytest.raises(ConversationOver):
        pair.survivor.state.send_text("hello?", NOW)


def test_the_end_comes_when_she_leaves(pair: Pair) -> None:
    pair.survivor.state.leave(NOW)
    pair.log.pump()
    assert kinds(pair.counselor.collect()) == ["Left", "Ended"]


def test_a_staff_member_who_leaves_is_removed_by_one_who_stays(pair: Pair) -> None:
    medic = pair.add_invited(StaffDevice(pair.organisation, "Budi", Role.MEDIC))
    pair.survivor.collect()
    before = pair.log.epoch
    medic.state.leave(NOW)
    pair.log.pump()
    assert kinds(pair.survivor.collect()) == ["Left"]
    assert pair.log.epoch == before + 1
    assert [one.name for one in pair.survivor.state.participants] == ["Sari", None]


def test_nobody_can_be_invited_before_there_is_a_room() -> None:
    asking, _ = survivor_state(StaffedOrganisation())
    with pytest.raises(NotJoined):
        asking.invite(b"d" * 32, "Budi", "medic", "", NOW)


def test_a_text_over_the_limit_is_refused_here(pair: Pair) -> None:
    with pytest.raises(MessageTooLong):
        pair.survivor.state.send_text("x" * (MAX_TEXT_CHARACTERS + 1), NOW)


def test_a_long_stream_both_ways_arrives_once_and_in_order(pair: Pair) -> None:
    """More than the window, so that appends wait for answers."""
    said = [f"text {number}" for number in range(60)]
    for text in said:
        pair.survivor.state.send_text(text, NOW)
        pair.counselor.state.send_text(text, NOW)
    pair.log.pump()
    assert texts(pair.counselor.collect()) == said
    assert texts(pair.survivor.collect()) == said


def test_events_show_no_text_in_their_repr(pair: Pair) -> None:
    pair.survivor.state.send_text("a secret", NOW)
    pair.log.pump()
    (received,) = pair.counselor.collect()
    assert "secret" not in repr(received)
