"""Whatever happens among up to twelve members, in the end all see the same group.

A machine plays members and a relay that puts handshakes in order. Members fall behind, race for a commit,
restart from their stored state, propose, speak; application messages are lost, late and out of order. Each
refusal must be a documented error, and whenever everybody has caught up, all must agree on roster and epoch
authenticator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from forging.groups import OPEN, client, members
from forging.trees import NOW
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from teduh_crypto.exceptions import GenerationConsumed, InvalidProposalList, UnknownPsk, WrongEpoch
from teduh_crypto.mls import (
    Add,
    ApplicationMessage,
    ExternalPSK,
    Group,
    LeafIndex,
    PendingCommit,
    PreSharedKey,
    PreSharedKeyID,
    Proposal,
    Remove,
    WireFormat,
)

MOST_MEMBERS = 12
POLICY = replace(OPEN, past_epochs=2)
PSK_ID, PSK = b"agreed", b"a secret of all members"

picks = st.integers(0, 10**6)
wire_formats = st.sampled_from([WireFormat.PUBLIC_MESSAGE, WireFormat.PRIVATE_MESSAGE])


@dataclass
class Player:
    """A member, and how far it has read the relay's log."""

    name: str
    group: Group
    cursor: int


@dataclass(frozen=True)
class Letter:
    """An application message on its way to one member."""

    sender: str
    to: str
    data: bytes
    message: bytes


class Histories(RuleBasedStateMachine):
    """Members, the log of handshakes in the relay's order, and letters in no order at all."""

    def __init__(self) -> None:
        super().__init__()
        self.players: list[Player] = []
        self.log: list[tuple[str, bytes]] = []
        self.letters: list[Letter] = []
        self.born = 0

    @initialize(count=st.integers(1, 6))
    def begin(self, count: int) -> None:
        for group in members(count, policy=POLICY):
            self.players.append(Player(str(self.born), group.with_psk(PSK_ID, PSK), 0))
            self.born += 1

    def player(self, pick: int) -> Player:
        return self.players[pick % len(self.players)]

    def is_current(self, player: Player) -> bool:
        return player.cursor == len(self.log)

    def read(self, player: Player, until: int) -> None:
        """Let a player read the log; whoever finds herself removed is out of the game."""
        while player.cursor < until and player.group.is_member:
            sender, message = self.log[player.cursor]
            player.cursor += 1
            if sender != player.name:
                player.group, _ = player.group.unprotect(message, now=NOW)
        if not player.group.is_member:
            self.players.remove(player)

    # What members do.

    @rule(pick=picks, count=st.integers(1, 3), wire_format=wire_formats)
    def add(self, pick: int, count: int, wire_format: WireFormat) -> None:
        newcomers = [client(f"newcomer {self.born + n}") for n in range(count)]
        if len(self.players) + count > MOST_MEMBERS:
            return
        adds: list[Proposal] = [Add(newcomer.key_package) for newcomer in newcomers]
        sent = self.commit(self.player(pick), adds, wire_format=wire_format)
        if sent is None:
            return
        assert sent.welcome is not None
        for newcomer in newcomers:
            group = Group.join(sent.welcome, newcomer, psks={PSK_ID: PSK}, policy=POLICY, now=NOW)
            self.players.append(Player(str(self.born), group, len(self.log)))
            self.born += 1

    @rule(pick=picks, victim=picks, wire_format=wire_formats)
    def remove(self, pick: int, victim: int, wire_format: WireFormat) -> None:
        player = self.player(pick)
        roster = player.group.members
        leaf = roster[victim % len(roster)].leaf_index
        if leaf != player.group.own_leaf_index:
            self.commit(player, [Remove(leaf)], wire_format=wire_format)

    @rule(pick=picks, wire_format=wire_formats)
    def update(self, pick: int, wire_format: WireFormat) -> None:
        self.commit(self.player(pick), [], wire_format=wire_format)

    @rule(pick=picks)
    def mix_in_a_psk(self, pick: int) -> None:
        player = self.player(pick)
        fresh = player.group.cipher_suite.hash(str((self.born, len(self.log), pick)).encode())
        self.commit(player, [PreSharedKey(PreSharedKeyID(ExternalPSK(PSK_ID), fresh))], path=False)

    @rule(pick=picks)
    def propose_an_update(self, pick: int) -> None:
        self.propose(self.player(pick), lambda group: group.propose_update())

    @rule(pick=picks, victim=picks)
    def propose_a_remove(self, pick: int, victim: int) -> None:
        leaf = LeafIndex(victim % (MOST_MEMBERS + 1))
        self.propose(self.player(pick), lambda group: group.propose(Remove(leaf)))

    @rule(one=picks, other=picks)
    def race(self, one: int, other: int) -> None:
        """Two commits from one state: the relay takes the first."""
        first, second = self.player(one), self.player(other)
        if first is second or not (self.is_current(first) and self.is_current(second)):
            return
        lost = second.group.commit(now=NOW)
        second.group = lost.if_refused
        self.commit(first, [])

    @rule(pick=picks, count=st.integers(1, 5))
    def catch_up(self, pick: int, count: int) -> None:
        player = self.player(pick)
        self.read(player, min(player.cursor + count, len(self.log)))

    @rule()
    def everybody_catches_up(self) -> None:
        for player in list(self.players):
            self.read(player, len(self.log))

    @rule(pick=picks)
    def restart(self, pick: int) -> None:
        player = self.player(pick)
        player.group = Group.from_bytes(player.group.to_bytes(), policy=POLICY)

    @rule(pick=picks, data=st.binary(max_size=40), count=st.integers(1, 3))
    def speak(self, pick: int, data: bytes, count: int) -> None:
        player = self.player(pick)
        if player.group.pending_proposals:
            return
        for number in range(count):
            said = data + bytes((number,))
            player.group, message = player.group.protect(said)
            others = (other.name for other in self.players if other is not player)
            self.letters.extend(Letter(player.name, other, said, message) for other in others)

    @rule(order=st.lists(picks, min_size=1, max_size=20))
    def deliver_letters(self, order: list[int]) -> None:
        """Any letters, in any order, however old; each is heard once, or refused by name."""
        for pick in order[: len(self.letters)]:
            self.deliver(self.letters.pop(pick % len(self.letters)))

    def deliver(self, letter: Letter) -> None:
        for player in [player for player in self.players if player.name == letter.to]:
            try:
                player.group, heard = player.group.unprotect(letter.message, now=NOW)
            except WrongEpoch:
                continue
            assert isinstance(heard, ApplicationMessage)
            assert heard.data == letter.data
            self.expect_consumed(player, letter)

    def expect_consumed(self, player: Player, letter: Letter) -> None:
        try:
            player.group.unprotect(letter.message, now=NOW)
        except GenerationConsumed:
            return
        raise AssertionError("a letter was heard twice")

    @rule(pick=picks)
    def lose_letters(self, pick: int) -> None:
        del self.letters[: pick % (len(self.letters) + 1)]

    # How the relay takes it.

    def commit(
        self,
        player: Player,
        proposals: list[Proposal],
        *,
        path: bool | None = None,
        wire_format: WireFormat = WireFormat.PRIVATE_MESSAGE,
    ) -> PendingCommit | None:
        """A commit, which the relay takes from whoever is up to date; others read on, for another time."""
        if path is False and player.group.pending_proposals:
            path = None
        try:
            sent = player.group.commit(proposals, path=path, wire_format=wire_format, now=NOW)
        except (InvalidProposalList, UnknownPsk):
            # One who lags behind may want to remove a member who is gone.
            assert not self.is_current(player)
            return None
        if not self.is_current(player):
            player.group = sent.if_refused
            self.read(player, len(self.log))
            return None
        player.group, player.cursor = sent.group, player.cursor + 1
        self.log.append((player.name, sent.message))
        return sent

    def propose(self, player: Player, make: Callable[[Group], tuple[Group, bytes]]) -> None:
        if self.is_current(player):
            player.group, message = make(player.group)
            player.cursor += 1
            self.log.append((player.name, message))

    # What must hold.

    @invariant()
    def all_who_are_current_agree(self) -> None:
        """The relay's order is the group's; whoever has read all of it is in the same epoch."""
        current = [player.group for player in self.players if self.is_current(player)]
        assert len({(group.epoch, group.epoch_authenticator) for group in current}) <= 1
        assert len({group.ratchet_tree for group in current}) <= 1

    def teardown(self) -> None:
        for player in list(self.players):
            self.read(player, len(self.log))
        self.all_who_are_current_agree()
        assert all(self.is_current(player) for player in self.players)


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=30, stateful_step_count=50)
