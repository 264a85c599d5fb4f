"""Promise 5, dishonest relay or dishonest staff: nobody unproven or unasked for comes in, or all stops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.clients.scripted_log import (
    CONVERSATION,
    Pair,
    ScriptedLog,
    Seat,
    StaffDevice,
    survivor_state,
    talking_pair,
)
from support.organisation.staffed_organisation import NOW, StaffedOrganisation
from teduh_crypto.credentials import (
    STAFF_CREDENTIAL_TYPE,
    Role,
    StatementRevoked,
    encode_credential,
    sign_revocation_list,
)
from teduh_crypto.hazmat.ciphersuite import cipher_suite
from teduh_crypto.mls import Add, BasicCredential, Group, LeafIndex, OpaqueCredential, Remove
from teduh_crypto.mls.proposal import Proposal
from teduh_crypto.padding import padding_for
from teduh_sdk import events
from teduh_sdk.conversation.member_state import MemberState
from teduh_sdk.exceptions import EpochsDiffer, LogBroken, NotTrusted, RosterNotAdmitted, WrongConversation
from teduh_sdk.group.epoch_agreement import acknowledgement_of
from teduh_sdk.group.group_changes import (
    CLASSIC_SUITE,
    AddMember,
    Refresh,
    RemoveMember,
    key_package_to_wire,
    new_group,
    new_key_package,
)
from teduh_sdk.group.room import verify_room
from teduh_sdk.group.sender_order import authenticated_counter
from teduh_sdk.trust.authentication_service import AuthenticationService
from teduh_signaling.chat.codec import encode_message
from teduh_signaling.chat.messages import InvitationAnswer, Text
from teduh_signaling.relay import frames as relay
from teduh_signaling.relay.frames import Accepted, Append, Entry, EntryKind, Error, ErrorCode, Subscribed

SUITE = cipher_suite(CLASSIC_SUITE)
DAY = 24 * 3600


@pytest.fixture
def pair() -> Pair:
    together = talking_pair()
    together.survivor.collect()
    together.counselor.collect()
    return together


class DishonestStaff:
    """A counselor whose device does whatever MLS allows, past all rules of the SDK."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        group = pair.counselor.state.membership.group
        assert group is not None
        self.group: Group = group

    def commit(self, *proposals: Proposal) -> None:
        counter = self.pair.counselor.counter + 1
        commit = self.group.commit(
            proposals, authenticated_data=authenticated_counter(counter), padding=padding_for, now=NOW
        )
        self.group = commit.group
        self._append(counter, EntryKind.COMMIT, commit.message, commit.welcome)

    def say(self, data: bytes, counter: int | None = None) -> None:
        counter = self.pair.counselor.counter + 1 if counter is None else counter
        self.group, message = self.group.protect(data, authenticated_data=authenticated_counter(counter))
        self._append(self.pair.counselor.counter + 1, EntryKind.MESSAGE, message, None)

    def _append(self, counter: int, kind: EntryKind, payload: bytes, welcome: bytes | None) -> None:
        epoch = self.pair.log.epoch
        number: Literal[0, 1] = 1 if kind is EntryKind.COMMIT else 0
        append = Append(CONVERSATION, counter, number, epoch, payload, welcome)
        # The honest half of the device does not hear of it.
        self.pair.counselor.is_connected = False
        self.pair.log.append(self.pair.counselor, append)
        self.pair.log.pump()


def refused_roster(seat: Seat) -> NotTrusted:
    """The reason why this member stopped over who is in the room; nothing may be sent after it."""
    happened = seat.collect()
    (refused,) = [event for event in happened if isinstance(event, events.RosterRefused)]
    assert isinstance(happened[-1], events.Stopped)
    assert seat.state.is_over
    assert seat.state.take_frames() == []
    return refused.reason


def stopped(seat: Seat) -> Exception:
    """The reason why this member stopped."""
    (stop,) = [event for event in seat.collect() if isinstance(event, events.Stopped)]
    assert seat.state.is_over
    return stop.reason


# --- nobody can be believed just now ---


class Stale:
    """A survivor whose revocation list has become too old as Sari comes to her."""

    def __init__(self) -> None:
        self.organisation, self.log = StaffedOrganisation(), ScriptedLog()
        old = replace(self.organisation.revocations, issued=NOW - 3 * DAY, expires=NOW - 2 * DAY)
        self.service = AuthenticationService.of(self.organisation.public, old, self.organisation.stated)
        state, bundle = survivor_state(self.organisation)
        state.membership.verify = verify_room(self.service)
        self.survivor = self.log.seat("survivor", state, 0)
        self.log.connect(self.survivor)
        device = StaffDevice(self.organisation, "Sari")
        self.counselor = self.log.seat("Sari", device.state(), 1)
        self.counselor.is_connected = True
        group = new_group(CONVERSATION, CLASSIC_SUITE, device.credential, device.key.private_bytes_raw())
        first = AddMember(bundle.key_package, by_capability=True)
        self.counselor.state.create(group, 1, first, NOW)
        self.counselor.state.send_text("Good evening.", NOW)
        self.log.pump()

    def sign_anew(self, *revoked: str) -> None:
        newer = self.organisation.revocations.revoking(now=NOW, subjects=revoked)
        self.service.adopt_revocations(sign_revocation_list(newer, self.organisation.authority), now=NOW)
        self.survivor.state.look_again(NOW)
        self.log.pump()


def test_nobody_comes_in_by_a_stale_list_and_she_goes_on_waiting() -> None:
    stale = Stale()
    assert stale.survivor.collect() == []
    assert (stale.survivor.state.is_over, stale.survivor.state.participants) == (False, ())
    # Nothing is missing from the log, so that it is not given up for that.
    assert stale.survivor.state.waiting_for is None


def test_whoever_came_while_the_list_was_stale_is_in_as_soon_as_it_is_fresh() -> None:
    stale = Stale()
    # The relay has been told of nothing as read, so that it is there after a break, too.
    stale.log.disconnect(stale.survivor)
    stale.log.connect(stale.survivor)
    stale.log.pump()
    assert stale.survivor.collect() == []
    stale.sign_anew()
    joined, text, *_ = stale.survivor.collect()
    assert isinstance(joined, events.Joined)
    assert joined.participant.name == "Sari"
    assert isinstance(text, events.TextReceived)
    assert text.text == "Good evening."


def test_whoever_came_while_the_list_was_stale_and_is_on_the_fresh_one_is_refused() -> None:
    stale = Stale()
    stale.sign_anew("staff-Sari")
    assert isinstance(refused_roster(stale.survivor).__cause__, StatementRevoked)


# --- dishonest staff ---


def test_a_proven_colleague_whom_she_did_not_accept_is_refused(pair: Pair) -> None:
    ghost = StaffDevice(pair.organisation, "Budi", Role.SUPERVISOR)
    DishonestStaff(pair).commit(Add(ghost.key_package().key_package))
    assert isinstance(refused_roster(pair.survivor), RosterNotAdmitted)


def test_a_colleague_whom_she_declined_is_refused(pair: Pair) -> None:
    budi = StaffDevice(pair.organisation, "Budi", Role.SUPERVISOR)
    invitation = pair.counselor.state.invite(budi.device_id, "Budi", "supervisor", "", NOW)
    pair.log.pump()
    pair.survivor.state.answer(invitation, accepted=False, now=NOW)
    pair.log.pump()
    DishonestStaff(pair).commit(Add(budi.key_package().key_package))
    assert isinstance(refused_roster(pair.survivor), RosterNotAdmitted)


def test_another_device_than_the_one_she_accepted_is_refused(pair: Pair) -> None:
    """Even under the same name and role."""
    accepted, other = (StaffDevice(pair.organisation, "Budi", Role.MEDIC) for _ in range(2))
    accept(pair, accepted)
    DishonestStaff(pair).commit(Add(other.key_package().key_package))
    assert isinstance(refused_roster(pair.survivor), RosterNotAdmitted)


def test_a_name_or_role_other_than_announced_is_refused(pair: Pair) -> None:
    """Announced as a medic; the statement says supervisor."""
    announced = StaffDevice(pair.organisation, "Budi", Role.MEDIC)
    accept(pair, announced)
    actual = replace(announced, role=Role.SUPERVISOR)
    DishonestStaff(pair).commit(Add(actual.key_package().key_package))
    assert isinstance(refused_roster(pair.survivor), RosterNotAdmitted)


def test_a_consent_serves_once(pair: Pair) -> None:
    budi = StaffDevice(pair.organisation, "Budi", Role.MEDIC)
    pair.add_invited(budi)
    pair.counselor.state.change(RemoveMember(budi.key_package().key_package.leaf_node.signature_key), NOW)
    pair.log.pump()
    pair.survivor.collect()
    DishonestStaff(pair).commit(Add(budi.key_package().key_package))
    assert isinstance(refused_roster(pair.survivor), RosterNotAdmitted)


def test_an_answer_that_staff_give_for_her_counts_for_nothing(pair: Pair) -> None:
    medic = pair.add_invited(StaffDevice(pair.organisation, "Maya", Role.MEDIC))
    pair.survivor.collect()
    budi = StaffDevice(pair.organisation, "Budi", Role.SUPERVISOR)
    invitation = medic.state.invite(budi.device_id, "Budi", "supervisor", "", NOW)
    pair.log.pump()
    dishonest = DishonestStaff(pair)
    dishonest.say(encode_message(InvitationAnswer(invitation.id, NOW, True)))
    dishonest.commit(Add(budi.key_package().key_package))
    assert isinstance(refused_roster(pair.survivor), RosterNotAdmitted)
    assert isinstance(refused_roster(medic), RosterNotAdmitted)


def test_a_member_with_no_statement_is_refused(pair: Pair) -> None:
    ghost = new_key_package(SUITE, BasicCredential(b"g" * 16), SUITE.generate_signature_key(), NOW)
    DishonestStaff(pair).commit(Add(ghost.key_package))
    assert isinstance(refused_roster(pair.survivor), RosterNotAdmitted)


def test_a_statement_under_another_root_is_refused(pair: Pair) -> None:
    stranger = StaffDevice(StaffedOrganisation(), "Sari")
    DishonestStaff(pair).commit(Add(stranger.key_package().key_package))
    assert isinstance(refused_roster(pair.survivor), RosterNotAdmitted)


def test_a_statement_of_somebody_else_is_refused(pair: Pair) -> None:
    """The statement is good, but confirms another key than the leaf's."""
    honest = StaffDevice(pair.organisation, "Budi", Role.MEDIC)
    accept(pair, honest)
    thief = Ed25519PrivateKey.generate()
    signature_key = SUITE.load_signature_key(thief.private_bytes_raw())
    credential = OpaqueCredential(STAFF_CREDENTIAL_TYPE, encode_credential(honest.statement))
    ghost = new_key_package(SUITE, credential, signature_key, NOW)
    DishonestStaff(pair).commit(Add(ghost.key_package))
    assert isinstance(refused_roster(pair.survivor), RosterNotAdmitted)


def test_somebody_in_the_survivors_place_is_refused_by_staff(pair: Pair) -> None:
    medic = pair.add_invited(StaffDevice(pair.organisation, "Maya", Role.MEDIC))
    medic.collect()
    her_leaf = LeafIndex(next(one for one in medic.state.participants if one.is_survivor).leaf_index)
    impostor = new_key_package(SUITE, BasicCredential(b"i" * 16), SUITE.generate_signature_key(), NOW)
    DishonestStaff(pair).commit(Remove(her_leaf), Add(impostor.key_package))
    assert isinstance(refused_roster(medic), RosterNotAdmitted)


def test_the_survivor_who_is_removed_is_told_that_it_is_over(pair: Pair) -> None:
    her_leaf = LeafIndex(next(one for one in pair.survivor.state.participants if one.is_survivor).leaf_index)
    DishonestStaff(pair).commit(Remove(her_leaf))
    assert [type(event) for event in pair.survivor.collect()] == [events.Ended]


def revoked_for(seat: Seat, organisation: StaffedOrganisation, somebody: StaffDevice) -> None:
    """The list that revokes her comes to this member."""
    service = AuthenticationService.of(organisation.public, organisation.revocations, organisation.stated)
    newer = organisation.revocations.revoking(subjects=[f"staff-{somebody.name}"], now=NOW)
    service.adopt_revocations(sign_revocation_list(newer, organisation.authority), now=NOW)
    seat.state.membership.verify = verify_room(service)
    seat.state.look_again(NOW)


def test_who_is_revoked_between_her_yes_and_the_relays_is_not_let_in(pair: Pair) -> None:
    budi = StaffDevice(pair.organisation, "Budi", Role.MEDIC)
    pair.survivor.state.set_reassignment(NOW, is_on=True)
    wire = key_package_to_wire(budi.key_package().key_package)
    pair.survivor.state.receive_candidate(relay.KeyPackage(1, budi.device_id, wire), NOW)
    pair.survivor.state.admit_candidate(NOW)
    revoked_for(pair.survivor, pair.organisation, budi)
    pair.log.pump()
    assert isinstance(refused_roster(pair.survivor), RosterNotAdmitted)


def test_who_is_revoked_while_the_relay_is_asked_is_let_in_by_no_counselor_either(pair: Pair) -> None:
    budi = StaffDevice(pair.organisation, "Budi", Role.MEDIC)
    accept(pair, budi)
    pair.counselor.state.change(AddMember(budi.key_package().key_package), NOW)
    revoked_for(pair.counselor, pair.organisation, budi)
    pair.log.pump()
    assert isinstance(refused_roster(pair.counselor), RosterNotAdmitted)


def test_an_acknowledgement_of_other_keys_stops_the_conversation(pair: Pair) -> None:
    dishonest = DishonestStaff(pair)
    wrong = acknowledgement_of(dishonest.group)
    dishonest.say(encode_message(type(wrong)(wrong.epoch, bytes(len(wrong.digest)))))
    assert isinstance(stopped(pair.survivor), EpochsDiffer)


def test_an_unreadable_message_harms_nobody(pair: Pair) -> None:
    dishonest = DishonestStaff(pair)
    dishonest.say(b"\xc1 not a message")
    dishonest.say(encode_message(Text(b"m" * 16, NOW, "but this is")))
    happened = pair.survivor.collect()
    assert [type(event) for event in happened] == [events.MessageRefused, events.TextReceived]


def accept(pair: Pair, colleague: StaffDevice) -> None:
    """The survivor says yes to a colleague who is announced as she is."""
    invitation = pair.counselor.state.invite(
        colleague.device_id, colleague.name, colleague.role.value, "", NOW
    )
    pair.log.pump()
    pair.survivor.state.answer(invitation, accepted=True, now=NOW)
    pair.log.pump()
    pair.survivor.collect()


# --- a dishonest beginning ---


def begin(organisation: StaffedOrganisation, make: Callable[[ScriptedLog, Seat, AddMember], None]) -> Seat:
    """A survivor who asks, and whatever `make` answers with."""
    log = ScriptedLog()
    asking, bundle = survivor_state(organisation)
    survivor = log.seat("survivor", asking, 0)
    log.connect(survivor)
    make(log, survivor, AddMember(bundle.key_package, by_capability=True))
    return survivor


def welcome_into(group: Group, *changes: AddMember) -> Callable[[ScriptedLog, Seat], None]:
    def send(log: ScriptedLog, seat: Seat) -> None:
        commit = group.commit([Add(change.key_package) for change in changes], padding=padding_for, now=NOW)
        assert commit.welcome is not None
        entry = Entry(CONVERSATION, 1, 1, 1, EntryKind.COMMIT, 0, commit.message)
        seat.state.receive(entry, NOW)
        seat.state.receive(Entry(CONVERSATION, 2, 1, 0, EntryKind.WELCOME, 0, commit.welcome), NOW)

    return send


def test_a_welcome_into_another_group_is_refused() -> None:
    organisation = StaffedOrganisation()
    device = StaffDevice(organisation, "Sari")

    def make(log: ScriptedLog, seat: Seat, her: AddMember) -> None:
        group = new_group(b"another group id", CLASSIC_SUITE, device.credential, raw(device))
        welcome_into(group, her)(log, seat)

    assert isinstance(refused_roster(begin(organisation, make)), WrongConversation)


def test_a_welcome_by_a_stranger_is_refused() -> None:
    """The relay itself accepts the request, with a statement that it signed itself."""
    stranger = StaffDevice(StaffedOrganisation(), "Sari")

    def make(log: ScriptedLog, seat: Seat, her: AddMember) -> None:
        welcome_into(new_group(CONVERSATION, CLASSIC_SUITE, stranger.credential, raw(stranger)), her)(
            log, seat
        )

    assert isinstance(refused_roster(begin(StaffedOrganisation(), make)), RosterNotAdmitted)


def test_a_welcome_into_a_room_with_a_second_staff_member_is_refused() -> None:
    organisation = StaffedOrganisation()
    device, listener = StaffDevice(organisation, "Sari"), StaffDevice(organisation, "Budi", Role.SUPERVISOR)

    def make(log: ScriptedLog, seat: Seat, her: AddMember) -> None:
        group = new_group(CONVERSATION, CLASSIC_SUITE, device.credential, raw(device))
        welcome_into(group, her, AddMember(listener.key_package().key_package))(log, seat)

    assert isinstance(refused_roster(begin(organisation, make)), RosterNotAdmitted)


def test_a_welcome_that_is_garbage_is_refused() -> None:
    def make(log: ScriptedLog, seat: Seat, her: AddMember) -> None:
        seat.state.receive(Entry(CONVERSATION, 1, 1, 0, EntryKind.WELCOME, 0, b"garbage"), NOW)

    assert isinstance(refused_roster(begin(StaffedOrganisation(), make)), WrongConversation)


def raw(device: StaffDevice) -> bytes:
    return device.key.private_bytes_raw()


# --- a dishonest relay ---


def test_a_repeated_entry_is_heard_once(pair: Pair) -> None:
    pair.counselor.tamper = lambda entry: [entry, entry]
    pair.survivor.state.send_text("once", NOW)
    pair.log.pump()
    assert [type(event) for event in pair.counselor.collect()] == [events.TextReceived]


def test_a_replay_under_another_place_is_refused_and_the_talk_goes_on(pair: Pair) -> None:
    kept: list[Entry] = []

    def replay(entry: Entry) -> list[Entry]:
        kept.append(entry)
        # From now on everything is one place later, with the old entry again in between.
        later = replace_entry(entry, seq=entry.seq + 1) if len(kept) > 1 else entry
        return [replace_entry(kept[0], seq=entry.seq), later] if len(kept) == 2 else [later]

    pair.counselor.tamper = replay
    pair.survivor.state.send_text("one", NOW)
    pair.survivor.state.send_text("two", NOW)
    for frame in pair.survivor.state.take_frames():
        if isinstance(frame, Append):
            pair.log.append(pair.survivor, frame)
    kinds = [type(event) for event in pair.counselor.collect()]
    assert kinds == [events.TextReceived, events.MessageRefused, events.TextReceived]


def test_an_entry_that_is_withheld_stops_the_conversation(pair: Pair) -> None:
    """The relay closes the gap by renumbering, so that only the sender's own counter can tell."""
    dropped: list[Entry] = []

    def withhold(entry: Entry) -> list[Entry]:
        if not dropped:
            dropped.append(entry)
            return []
        return [replace_entry(entry, seq=entry.seq - 1)]

    pair.counselor.tamper = withhold
    pair.survivor.state.send_text("help", NOW)
    pair.survivor.state.send_text("no, all is well", NOW)
    pair.log.pump()
    assert isinstance(stopped(pair.counselor), LogBroken)


def test_a_gap_that_the_relay_counts_away_stops_the_conversation(pair: Pair) -> None:
    """It renumbers the sender's counters too, which the sender has signed."""
    dropped: list[Entry] = []

    def withhold(entry: Entry) -> list[Entry]:
        if not dropped:
            dropped.append(entry)
            return []
        return [replace_entry(entry, seq=entry.seq - 1, counter=entry.counter - 1)]

    pair.counselor.tamper = withhold
    pair.survivor.state.send_text("help", NOW)
    pair.survivor.state.send_text("no, all is well", NOW)
    pair.log.pump()
    assert isinstance(stopped(pair.counselor), LogBroken)


def test_entries_of_a_sender_in_another_order_stop_the_conversation(pair: Pair) -> None:
    held: list[Entry] = []

    def swap(entry: Entry) -> list[Entry]:
        if not held:
            held.append(entry)
            return []
        first = held[0]
        return [replace_entry(entry, seq=first.seq), replace_entry(first, seq=entry.seq)]

    pair.counselor.tamper = swap
    pair.survivor.state.send_text("one", NOW)
    pair.survivor.state.send_text("two", NOW)
    pair.log.pump()
    assert isinstance(stopped(pair.counselor), LogBroken)


def test_an_entry_under_another_counter_stops_the_conversation(pair: Pair) -> None:
    pair.counselor.tamper = lambda entry: [replace_entry(entry, counter=entry.counter + 1)]
    pair.survivor.state.send_text("one", NOW)
    pair.log.pump()
    assert isinstance(stopped(pair.counselor), LogBroken)


def test_who_says_nothing_of_beginnings_is_heard_all_the_same(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client one release older. What it says first in an epoch is still missed by the next that it says."""
    monkeypatch.setattr(MemberState, "beginnings", lambda *_: ())
    medic = pair.add_invited(StaffDevice(pair.organisation, "Maya", Role.MEDIC))
    pair.counselor.state.change(Refresh(), NOW)
    pair.survivor.state.send_text("hello", NOW)
    pair.log.pump()
    assert "hello" in [event.text for event in medic.collect() if isinstance(event, events.TextReceived)]
    first: list[int] = []
    # One for the commit that brings him in, one for his own, by which he renews his keys.
    epoch = pair.log.epoch + 2

    def withholds(entry: Entry) -> bool:
        if entry.kind is EntryKind.MESSAGE and (entry.member, entry.epoch) == (0, epoch) and not first:
            first.append(entry.seq)
        return entry.seq in first

    budi = pair.add_invited(StaffDevice(pair.organisation, "Budi", Role.MEDIC), 3, withholds=withholds)
    pair.survivor.state.send_text("hello, Budi", NOW)
    pair.log.pump()
    assert isinstance(stopped(budi), LogBroken)


def test_garbage_in_the_log_is_reported_and_passed_over(pair: Pair) -> None:
    seq = len(pair.log.entries) + 1
    garbage = Entry(CONVERSATION, seq, 7, 1, EntryKind.MESSAGE, pair.log.epoch, b"garbage")
    pair.counselor.state.receive(garbage, NOW)
    assert [type(event) for event in pair.counselor.collect()] == [events.MessageRefused]
    assert not pair.counselor.state.is_over


def test_a_commit_that_does_not_open_stops_the_conversation(pair: Pair) -> None:
    seq = len(pair.log.entries) + 1
    garbage = Entry(CONVERSATION, seq, 7, 1, EntryKind.COMMIT, pair.log.epoch, b"garbage")
    pair.survivor.state.receive(garbage, NOW)
    assert isinstance(stopped(pair.survivor), LogBroken)


def test_a_relay_that_goes_back_an_epoch_is_not_followed(pair: Pair) -> None:
    pair.survivor.state.send_text("hello", NOW)
    (append,) = [frame for frame in pair.survivor.state.take_frames() if isinstance(frame, Append)]
    back = Error(
        ErrorCode.WRONG_EPOCH,
        "",
        conversation_id=CONVERSATION,
        counter=append.counter,
        expected=append.epoch - 1,
    )
    pair.survivor.state.receive(back, NOW)
    assert isinstance(stopped(pair.survivor), LogBroken)


def test_a_log_that_has_become_shorter_stops_the_conversation(pair: Pair) -> None:
    """The relay has lost, or hides, what it had accepted: new entries would come under old places."""
    state = pair.counselor.state
    shorter = Subscribed(1, CONVERSATION, 1, pair.log.epoch, state.cursor - 1, 1, 1)
    state.connected(shorter, NOW)
    assert isinstance(stopped(pair.counselor), LogBroken)


def test_a_relay_that_accepts_what_was_never_sent_is_not_followed(pair: Pair) -> None:
    pair.counselor.state.receive(Accepted(CONVERSATION, 2**62, 2**62), NOW)
    assert isinstance(stopped(pair.counselor), LogBroken)


def replace_entry(entry: Entry, seq: int | None = None, counter: int | None = None) -> Entry:
    return Entry(
        entry.conversation_id,
        entry.seq if seq is None else seq,
        entry.member,
        entry.counter if counter is None else counter,
        entry.kind,
        entry.epoch,
        entry.payload,
    )
