"""A copied state heals: each member renews its keys, and a copy from before opens nothing after."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.clients.scripted_log import Pair, Seat, StaffDevice, talking_pair
from support.organisation.staffed_organisation import NOW, public_key
from teduh_crypto.credentials import STAFF_CREDENTIAL_TYPE, encode_credential, sign_staff_statement
from teduh_crypto.exceptions import InvalidKeyPackage, RemoteError
from teduh_crypto.hazmat.ciphersuite import cipher_suite
from teduh_crypto.mls import ApplicationMessage, CommitReceived, Group, LeafChange, OpaqueCredential
from teduh_crypto.padding import padding_for
from teduh_sdk import events
from teduh_sdk.conversation.conversation_state import ConversationState
from teduh_sdk.group import group_changes
from teduh_sdk.group.group_changes import CLASSIC_SUITE, HYBRID_SUITE, Refresh, key_package_to_wire
from teduh_sdk.group.leaf_key_age import MOST_MESSAGES, MOST_SECONDS
from teduh_sdk.group.room import Consent
from teduh_sdk.group.sender_order import authenticated_counter
from teduh_signaling.call.codec import decode_call, encode_call
from teduh_signaling.call.messages import Heartbeat, Media, MediaState, Phase
from teduh_signaling.relay.frames import Append, EntryKind, KeyPackage, StaffReachable

MINUTE = 60


class Thief:
    """Holds a copy of one member's state, reads all that goes through the log, and follows each commit."""

    def __init__(self, pair: Pair, victim: Seat) -> None:
        group = victim.state.membership.group
        assert group is not None
        self._pair, self._victim = pair, victim
        self._group = Group.from_bytes(group.to_bytes(), policy=group_changes.GROUP_POLICY)
        self._read = len(pair.log.entries)

    def opened(self) -> int:
        """How many messages of others it has opened since it was asked last."""
        log, opened = self._pair.log, 0
        for entry in log.entries[self._read :]:
            if entry.member == self._victim.number:
                continue
            try:
                group, received = self._group.unprotect(entry.payload, now=log.now)
            except RemoteError:
                continue
            if isinstance(received, CommitReceived | ApplicationMessage):
                self._group = group
            opened += isinstance(received, ApplicationMessage) and entry.kind is EntryKind.MESSAGE
        self._read = len(log.entries)
        return opened


def say(pair: Pair, who: Seat, text: str = "something") -> None:
    who.state.send_text(text, pair.log.now)
    pair.log.pump()


def refreshes(seat: Seat) -> int:
    """How many commits it has sent since it was asked last."""
    sent = sum(isinstance(one, Append) and one.kind == EntryKind.COMMIT.value for one in seat.sent)
    seat.sent.clear()
    return sent


def both(pair: Pair, victim: str) -> tuple[Seat, Seat]:
    """The victim and the other one."""
    people = (pair.survivor, pair.counselor)
    return people if victim == "survivor" else (people[1], people[0])


@pytest.fixture
def pair() -> Pair:
    together = talking_pair()
    for seat in (together.survivor, together.counselor):
        seat.collect()
        seat.sent.clear()
    return together


@pytest.mark.parametrize("suite", [CLASSIC_SUITE, HYBRID_SUITE])
@pytest.mark.parametrize("victim", ["survivor", "counselor"])
def test_a_copied_state_opens_next_to_nothing_of_300_messages(suite: int, victim: str) -> None:
    """Over twenty hours, one every four minutes. It was all of them as long as nobody renewed anything."""
    pair = talking_pair(suite)
    robbed, other = both(pair, victim)
    thief = Thief(pair, robbed)
    opened = []
    for _ in range(300):
        pair.log.passes(4 * MINUTE)
        say(pair, other)
        opened.append(thief.opened())
    assert sum(opened[:2]) > 0, "the thief can read"
    assert sum(opened[4:]) == 0


@pytest.mark.parametrize("victim", ["survivor", "counselor"])
def test_a_copied_state_that_follows_the_others_commits_opens_nothing_after_the_victims(
    pair: Pair, victim: str
) -> None:
    robbed, other = both(pair, victim)
    thief = Thief(pair, robbed)
    for _ in range(3):
        other.state.change(Refresh(), pair.log.now)
        say(pair, other)
        assert thief.opened() > 0
    robbed.state.change(Refresh(), pair.log.now)
    pair.log.pump()
    thief.opened()
    for _ in range(3):
        say(pair, other)
        other.state.change(Refresh(), pair.log.now)
        pair.log.pump()
    assert thief.opened() == 0


def test_whoever_joins_renews_the_keys_of_the_key_package_before_anything_is_said() -> None:
    pair = talking_pair()
    assert first_of(pair, pair.survivor) is EntryKind.COMMIT
    medic = pair.add_invited(StaffDevice(pair.organisation, "Budi"))
    assert first_of(pair, medic) is EntryKind.COMMIT


def first_of(pair: Pair, seat: Seat) -> EntryKind:
    return next(entry.kind for entry in pair.log.entries if entry.member == seat.number)


def test_whoever_founds_the_group_has_made_its_keys_just_now(pair: Pair) -> None:
    assert [
        entry.seq for entry in pair.log.entries if entry.kind is EntryKind.COMMIT and entry.member == 1
    ] == [1]


def test_fifty_messages_are_the_most_of_one_set_of_keys(pair: Pair) -> None:
    for _ in range(MOST_MESSAGES - 1):
        say(pair, pair.counselor)
    assert refreshes(pair.counselor) == 0
    say(pair, pair.counselor)
    assert refreshes(pair.counselor) == 1
    assert refreshes(pair.survivor) == 0, "receipts are not what she says"


def test_fifteen_minutes_are_the_most_of_one_set_of_keys(pair: Pair) -> None:
    say(pair, pair.survivor)
    pair.log.passes(MOST_SECONDS - 2 * MINUTE)
    pair.log.pump()
    pair.log.passes(2 * MINUTE)
    pair.log.pump()
    assert (refreshes(pair.survivor), refreshes(pair.counselor)) >= (1, 1)
    pair.log.passes(10 * MOST_SECONDS)
    pair.log.pump()
    assert (refreshes(pair.survivor), refreshes(pair.counselor)) == (0, 0), "nobody speaks any more"


def test_a_clock_that_was_set_back_keeps_nobody_from_renewing(pair: Pair) -> None:
    pair.log.now -= 3600
    say(pair, pair.survivor)
    assert refreshes(pair.survivor) == 1
    say(pair, pair.survivor)
    assert refreshes(pair.survivor) == 0


def test_a_saved_state_is_renewed_when_somebody_goes_on_from_it(pair: Pair) -> None:
    thief = Thief(pair, pair.counselor)
    saved = pair.counselor.state.save()
    pair.log.disconnect(pair.counselor)
    verify = pair.counselor.state.membership.verify
    state = ConversationState.restore(saved, public_key(pair.device.key), verify, pair.log.now)
    again = pair.log.seat("Sari", state, 1)
    again.counter = pair.counselor.counter
    pair.log.connect(again)
    pair.log.pump()
    assert refreshes(again) == 1
    thief.opened()
    say(pair, pair.survivor)
    assert thief.opened() == 0


def test_a_commit_that_was_saved_before_it_was_accepted_renews_nothing(pair: Pair) -> None:
    """Its keys were in what was saved, and whoever has copied that has them."""
    pair.log.lose_answers = True
    pair.counselor.state.change(Refresh(), pair.log.now)
    pair.log.pump()
    saved, verify = pair.counselor.state.save(), pair.counselor.state.membership.verify
    for seat in (pair.counselor, pair.survivor):
        pair.log.disconnect(seat)
    pair.log.lose_answers = False
    state = ConversationState.restore(saved, public_key(pair.device.key), verify, pair.log.now)
    again = pair.log.seat("Sari", state, 1)
    again.counter = pair.counselor.counter
    epoch = pair.log.epoch
    for seat in (again, pair.survivor):
        pair.log.connect(seat)
    pair.log.pump()
    assert pair.log.epoch == state.epoch == epoch + 1


def test_two_who_are_due_at_once_both_renew_their_keys_and_what_they_say_arrives(pair: Pair) -> None:
    for seat in (pair.survivor, pair.counselor):
        seat.state.change(Refresh(), pair.log.now)
        seat.state.send_text(f"from {seat.name}", pair.log.now)
    epoch = pair.log.epoch
    pair.log.pump()
    assert pair.log.epoch == epoch + 2
    for seat in (pair.survivor, pair.counselor):
        (heard,) = [one for one in seat.collect() if isinstance(one, events.TextReceived)]
        assert heard.text.startswith("from")


def test_whoever_says_goodbye_renews_nothing_before(pair: Pair) -> None:
    pair.log.now += 2 * MOST_SECONDS
    pair.counselor.state.leave(pair.log.now)
    pair.log.pump()
    assert refreshes(pair.counselor) == 0


def test_a_refresh_that_cannot_be_made_is_tried_again_in_a_minute_and_ends_nothing(pair: Pair) -> None:
    membership = pair.counselor.state.membership
    verify = membership.verify

    def nobody_is_proven(*_: object) -> None:
        raise InvalidKeyPackage("nobody is proven")

    membership.verify = nobody_is_proven  # type: ignore[assignment]  # it only raises
    pair.counselor.state.change(Refresh(), pair.log.now)
    say(pair, pair.counselor)
    assert [type(one).__name__ for one in pair.counselor.collect()] == ["Sent", "Delivered"]
    membership.verify = verify
    say(pair, pair.counselor)
    assert refreshes(pair.counselor) == 0
    pair.log.passes(MINUTE)
    pair.log.pump()
    assert refreshes(pair.counselor) == 1


def test_she_renews_nothing_where_an_older_client_would_not_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would take any commit of hers that adds nobody for a fault, and end the conversation."""
    capable = group_changes.capabilities_for
    monkeypatch.setattr(
        group_changes, "capabilities_for", lambda suite: replace(capable(suite), extensions=())
    )
    pair = talking_pair()
    say(pair, pair.survivor)
    assert refreshes(pair.survivor) == 0
    assert pair.log.epoch == 1
    pair.counselor.state.change(Refresh(), pair.log.now)
    pair.log.pump()
    assert pair.log.epoch == 2


def test_a_new_statement_does_not_come_in_with_a_refresh(pair: Pair) -> None:
    described = pair.organisation.describe(pair.device.key, "another-statement")
    another = replace(described, name="Sari", subject="staff-Sari")
    statement = sign_staff_statement(another, pair.organisation.authority)
    credential = OpaqueCredential(STAFF_CREDENTIAL_TYPE, encode_credential(statement))
    commit_with(pair, LeafChange(credential=credential))
    assert_refused(pair.survivor)


def test_no_other_device_takes_a_seat_by_a_refresh_not_even_one_that_may_come_in(pair: Pair) -> None:
    device = StaffDevice(pair.organisation, "Sari", key=Ed25519PrivateKey.generate())
    pair.survivor.state.membership.invitations.consents[device.device_id] = Consent(
        device.device_id, "Sari", device.role.value
    )
    key = cipher_suite(CLASSIC_SUITE).load_signature_key(device.key.private_bytes_raw())
    commit_with(pair, LeafChange(credential=device.credential, signature_key=key))
    assert_refused(pair.survivor)


def commit_with(pair: Pair, leaf: LeafChange) -> None:
    """The counselor's device commits, past all rules of the SDK, a path with another leaf."""
    group = pair.counselor.state.membership.group
    assert group is not None
    counter = pair.counselor.counter + 1
    data = authenticated_counter(counter)
    commit = group.commit((), leaf=leaf, authenticated_data=data, padding=padding_for, now=NOW)
    append = Append(
        pair.counselor.state.conversation_id, counter, EntryKind.COMMIT.value, group.epoch, commit.message
    )
    pair.log.append(pair.counselor, append)


def assert_refused(seat: Seat) -> None:
    assert [type(one).__name__ for one in seat.collect()] == ["RosterRefused", "Stopped"]


def test_a_refresh_in_the_hybrid_suite_is_five_kibibytes_at_most() -> None:
    pair = talking_pair(HYBRID_SUITE)
    for seat in (pair.survivor, pair.counselor):
        seat.sent.clear()
        seat.state.change(Refresh(), pair.log.now)
        pair.log.pump()
    sizes = {one.member: len(one.payload) for one in pair.log.entries if one.kind is EntryKind.COMMIT}
    assert sizes[0] < 4.5 * 1024
    assert sizes[1] < 5.5 * 1024


def test_somebody_is_found_for_her_while_a_refresh_of_hers_is_on_its_way(pair: Pair) -> None:
    her = pair.survivor.state
    budi = StaffDevice(pair.organisation, "Budi")
    bundle = budi.key_package()
    pair.log.disconnect(pair.counselor)
    her.receive(StaffReachable(her.conversation_id, reachable=False), NOW)
    her.change(Refresh(), NOW)
    assert her.membership.pending is not None
    her.set_reassignment(NOW, is_on=True)
    her.receive_candidate(KeyPackage(1, budi.device_id, key_package_to_wire(bundle.key_package)), NOW)
    her.admit_candidate(NOW)
    pair.log.pump()
    pair.seat_invited(budi, bundle)
    assert [one.name for one in her.participants] == ["Budi", None]


def test_a_call_goes_on_while_keys_are_renewed(pair: Pair) -> None:
    """Heartbeats are sealed under keys of the epoch: one of each is lost at most; a call outlives that.
    What is said about the call arrives.
    """
    for beat in range(12):
        for seat in (pair.survivor, pair.counselor):
            seat.state.signal_call(heartbeat(pair.log.now), pair.log.now, is_ephemeral=True)
        if beat in (3, 7):
            refreshing = pair.survivor if beat == 3 else pair.counselor
            refreshing.state.change(Refresh(), pair.log.now)
            refreshing.state.signal_call(muted(pair.log.now), pair.log.now, is_ephemeral=False)
        pair.log.pump()
        pair.log.passes(5)
    assert (refreshes(pair.survivor), refreshes(pair.counselor)) == (1, 1)
    for seat in (pair.survivor, pair.counselor):
        heard = [decode_call(one.data) for one in seat.collect() if isinstance(one, events.CallSignal)]
        beats = [one for one in heard if isinstance(one, Heartbeat)]
        assert len(beats) >= 12 - 2
        assert [type(one) for one in heard if not isinstance(one, Heartbeat)] == [MediaState]


def heartbeat(now: int) -> bytes:
    media = Media(audio=True, video=False)
    return encode_call(Heartbeat(b"8 bytes.", now * 1000, 1, Phase.IN_CALL, media, True, (), ()))


def muted(now: int) -> bytes:
    return encode_call(MediaState(b"8 bytes.", now * 1000, 1, Media(audio=False, video=False)))
