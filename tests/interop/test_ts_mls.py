"""Our MLS and ts-mls hold groups together: whoever creates, joins, commits or speaks, all agree."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from interop.our_member import OurMember
from interop.party import Party, Player
from interop.ts_mls_peer import TsMls, TsMlsRefused
from interop.views import BASIC, STAFF_STATEMENT, Change
from teduh_crypto.exceptions import InvalidCommit, InvalidUpdatePath, RemoteError
from teduh_crypto.hazmat.ciphersuite import cipher_suite

pytestmark = pytest.mark.xdist_group("ts_mls")

Role = Literal["ours", "ts-mls"]
Cast = Callable[..., Player]
SUITES = [0x0001, 0xF0B2]
every_suite = pytest.mark.parametrize("suite", SUITES, ids=lambda code: f"suite{code:04X}")
both_ways = pytest.mark.parametrize(("one", "other"), [("ours", "ts-mls"), ("ts-mls", "ours")])


@pytest.fixture
def cast(ts_mls: TsMls) -> Cast:
    """Casts a member: by whom it is played, in which suite, and with which credential."""

    def of(role: Role, suite: int, content: bytes = b"", credential_type: int = BASIC) -> Player:
        name = content or random.randbytes(16)
        if role == "ours":
            return OurMember.make(suite, name, credential_type)
        return ts_mls.member(suite, name, credential_type)

    return of


@every_suite
@both_ways
def test_one_creates_the_other_joins_and_both_speak(cast: Cast, suite: int, one: Role, other: Role) -> None:
    party = Party.of(cast(one, suite), cast(other, suite))
    party.everybody_speaks()


@pytest.mark.parametrize("suite", [2, 3, 4, 5, 6, 7])
@both_ways
def test_the_other_suites_work_too(cast: Cast, suite: int, one: Role, other: Role) -> None:
    party = Party.of(cast(one, suite), cast(other, suite), cast(one, suite))
    party.carry(party.members[1])
    party.everybody_speaks()


@every_suite
@both_ways
def test_a_third_is_added_by_either(cast: Cast, suite: int, one: Role, other: Role) -> None:
    for third in (one, other):
        party = Party.of(cast(one, suite), cast(other, suite))
        party.admit(party.members[1], cast(third, suite))
        party.everybody_speaks()


@every_suite
@both_ways
def test_two_are_added_at_once(cast: Cast, suite: int, one: Role, other: Role) -> None:
    party = Party.of(cast(one, suite), cast(other, suite))
    newcomers = [cast(one, suite), cast(other, suite)]
    changes = [Change.add(newcomer.key_package()) for newcomer in newcomers]
    party.carry(party.members[0], *changes, newcomers=newcomers)
    party.everybody_speaks()


@every_suite
@both_ways
def test_whoever_is_removed_hears_of_it_and_is_locked_out(
    cast: Cast, suite: int, one: Role, other: Role
) -> None:
    party = Party.of(cast(one, suite), cast(other, suite), cast(one, suite), cast(other, suite))
    for leaver in (party.members[3], party.members[2]):
        party.dismiss(party.members[0], leaver)
        party.everybody_speaks()


@every_suite
@both_ways
def test_the_creator_at_leaf_0_can_be_removed(cast: Cast, suite: int, one: Role, other: Role) -> None:
    party = Party.of(cast(one, suite), cast(other, suite), cast(one, suite))
    party.dismiss(party.members[1], party.members[0])
    party.everybody_speaks()


@every_suite
@both_ways
def test_everybody_renews_their_keys_in_turn(cast: Cast, suite: int, one: Role, other: Role) -> None:
    party = Party.of(cast(one, suite), cast(other, suite), cast(one, suite), cast(other, suite))
    for member in party.members:
        party.carry(member)
        party.everybody_speaks()


@every_suite
@both_ways
def test_somebody_leaves_and_comes_back_in_one_commit(cast: Cast, suite: int, one: Role, other: Role) -> None:
    party = Party.of(cast(one, suite), cast(other, suite), cast(other, suite, b"survivor"))
    again = cast(other, suite, b"survivor")
    old = party.members.pop()
    changes = (Change.remove(party.leaf_of(old)), Change.add(again.key_package()))
    party.carry(party.members[0], *changes, newcomers=[again])
    party.everybody_speaks()


@every_suite
@both_ways
def test_a_proposal_of_one_is_committed_by_the_other(cast: Cast, suite: int, one: Role, other: Role) -> None:
    party = Party.of(cast(one, suite), cast(other, suite))
    newcomer = cast(one, suite)
    party.put_forward(party.members[0], Change.add(newcomer.key_package()))
    party.carry(party.members[1], newcomers=[newcomer])
    party.put_forward(party.members[1], Change.remove(party.leaf_of(newcomer)))
    party.members.remove(newcomer)
    party.carry(party.members[0])
    party.everybody_speaks()


@every_suite
def test_our_update_proposal_is_committed_by_ts_mls(cast: Cast, suite: int) -> None:
    party = Party.of(cast("ours", suite), cast("ts-mls", suite), cast("ours", suite))
    party.put_forward(party.members[0], Change.update())
    party.carry(party.members[1])
    party.everybody_speaks()


@every_suite
def test_ts_mls_follows_when_we_rotate_our_signature_key(suite: int, ts_mls: TsMls) -> None:
    ours, theirs = OurMember.make(suite, b"ours"), ts_mls.member(suite, b"theirs")
    party = Party.of(ours, theirs)
    before = ours.view().members[0].signature_key
    commit, _ = ours.rotate()
    theirs.unprotect(commit)
    ours.adopt()
    assert theirs.view().members[0].signature_key != before
    party.agree()
    party.everybody_speaks()


@every_suite
@both_ways
def test_handshakes_may_be_public_where_policy_allows_it(
    cast: Cast, suite: int, one: Role, other: Role
) -> None:
    party = Party.of(cast(one, suite), cast(other, suite))
    newcomer = cast(other, suite)
    party.put_forward(party.members[1], Change.add(newcomer.key_package()), publicly=True)
    party.carry(party.members[0], newcomers=[newcomer], publicly=True)
    party.carry(party.members[1], publicly=True)
    party.everybody_speaks()


@every_suite
@both_ways
def test_a_staff_statement_travels_as_a_credential(cast: Cast, suite: int, one: Role, other: Role) -> None:
    statement = b"header.payload.signature"
    party = Party.of(cast(one, suite, statement, STAFF_STATEMENT), cast(other, suite))
    person = party.members[1].view().members[0]
    assert (person.credential_type, person.content) == (STAFF_STATEMENT, statement)
    party.everybody_speaks()


@every_suite
@both_ways
def test_authenticated_data_arrives_with_the_message(cast: Cast, suite: int, one: Role, other: Role) -> None:
    party = Party.of(cast(one, suite), cast(other, suite))
    for member in party.members:
        party.say(member, b"hello", b"in the clear")


@every_suite
@both_ways
def test_messages_may_overtake_each_other(cast: Cast, suite: int, one: Role, other: Role) -> None:
    party = Party.of(cast(one, suite), cast(other, suite))
    sender, receiver = party.members
    messages = [(f"{number}".encode(), sender.protect(f"{number}".encode())) for number in range(8)]
    for content, message in reversed(messages):
        assert receiver.unprotect(message)[0] == content


@every_suite
@both_ways
def test_a_changed_message_is_refused_and_the_next_one_read(
    cast: Cast, suite: int, one: Role, other: Role
) -> None:
    party = Party.of(cast(one, suite), cast(other, suite))
    sender, receiver = party.members
    message = sender.protect(b"hello")
    changed = message[:-1] + bytes((message[-1] ^ 1,))
    with pytest.raises((RemoteError, TsMlsRefused)):
        receiver.unprotect(changed)
    assert receiver.unprotect(message)[0] == b"hello"


@every_suite
@both_ways
def test_somebody_enters_by_an_external_commit(cast: Cast, suite: int, one: Role, other: Role) -> None:
    party = Party.of(cast(one, suite), cast(other, suite))
    for host, role in ((0, other), (1, one)):
        party.let_in(party.members[host], cast(role, suite))
        party.everybody_speaks()


@every_suite
@both_ways
def test_somebody_who_lost_track_comes_back_in_her_own_place(
    cast: Cast, suite: int, one: Role, other: Role
) -> None:
    party = Party.of(cast(one, suite), cast(other, suite), cast(other, suite))
    lost = party.members[1]
    party.let_in(party.members[0], lost, resync=True)
    assert party.leaf_of(lost) == 1
    party.everybody_speaks()


@every_suite
@both_ways
def test_a_pre_shared_key_is_mixed_in(cast: Cast, suite: int, one: Role, other: Role) -> None:
    party = Party.of(cast(one, suite), cast(other, suite))
    for member in party.members:
        member.use_psk(b"agreed by phone", b"a secret of both")
    for number, member in enumerate(party.members):
        nonce = bytes((number,)) * cipher_suite(suite).hash_length
        party.carry(member, Change.psk(b"agreed by phone", nonce))
        party.everybody_speaks()


@every_suite
def test_a_member_of_ours_goes_on_from_its_stored_state(suite: int, ts_mls: TsMls) -> None:
    ours, theirs = OurMember.make(suite, b"ours"), ts_mls.member(suite, b"theirs")
    party = Party.of(ours, theirs)
    late = theirs.protect(b"sent before the night")
    for member in (ours, theirs):
        party.carry(member)
        ours.store_and_load()
        party.everybody_speaks()
    assert ours.unprotect(theirs.protect(b"morning"))[0] == b"morning"
    with pytest.raises(RemoteError):
        ours.unprotect(late)


@pytest.fixture(scope="module")
def uncorrected(installed_ts_mls: None) -> Iterator[TsMls]:
    """ts-mls as it is published (see `ts_mls/corrections.mjs`)."""
    with TsMls(corrected=False) as process:
        yield process


@every_suite
def test_a_removal_without_a_path_is_refused_by_us(uncorrected: TsMls, suite: int) -> None:
    """RFC 9420, 12.4: the path is REQUIRED with an Update or a Remove. Uncorrected, ts-mls leaves it out."""
    ours, theirs = OurMember.make(suite, b"ours"), uncorrected.member(suite, b"theirs")
    Party.of(theirs, ours, OurMember.make(suite, b"leaver"))
    commit, _ = theirs.commit(Change.remove(2))
    with pytest.raises(InvalidCommit, match="path"):
        ours.unprotect(commit)


@every_suite
def test_a_path_encrypted_to_a_removed_member_is_refused_by_us(uncorrected: TsMls, suite: int) -> None:
    """RFC 9420, 7.5: new leaves are excluded. Uncorrected, ts-mls encrypts to whatever key their leaf had."""
    ours, theirs = OurMember.make(suite, b"ours"), uncorrected.member(suite, b"theirs")
    leavers = [OurMember.make(suite, b"leaver") for _ in range(2)]
    Party.of(theirs, ours, *leavers)
    again = OurMember.make(suite, b"leaver")
    commit, _ = theirs.commit(Change.remove(2), Change.remove(3), Change.add(again.key_package()))
    with pytest.raises(InvalidUpdatePath):
        ours.unprotect(commit)


@every_suite
@pytest.mark.parametrize("seed", range(3))
def test_a_long_history_of_a_mixed_group(cast: Cast, suite: int, seed: int) -> None:
    """Adds, removes, updates and messages in any order, by anybody, among up to eight members."""
    chosen = random.Random(seed)
    roles: tuple[Role, Role] = ("ours", "ts-mls")
    party = Party.of(cast(roles[seed % 2], suite), cast(roles[(seed + 1) % 2], suite))
    for _ in range(30):
        actor = chosen.choice(party.members)
        action = chosen.choice(["admit", "admit", "dismiss", "renew", "say", "say"])
        if action == "admit" and len(party.members) < 8:
            party.admit(actor, cast(chosen.choice(roles), suite))
        elif action == "dismiss" and len(party.members) > 2:
            party.dismiss(actor, chosen.choice(party.others(actor)))
        elif action == "renew":
            party.carry(actor)
        else:
            party.say(actor, chosen.randbytes(chosen.randrange(2000)))
