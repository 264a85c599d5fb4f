"""Groups whose members are played by both implementations, through one face.

A test casts its members and tells a story; the party carries every message to everybody, and after each step
all must agree on the epoch, its authenticator and the roster.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from interop.views import Change, View


class Player(Protocol):
    """A member, whoever plays it. Messages are whole encoded MLSMessages."""

    def key_package(self) -> bytes: ...
    def create(self, group_id: bytes) -> None: ...
    def join(self, welcome: bytes) -> None: ...
    def join_externally(self, group_info: bytes, *, resync: bool = False) -> bytes: ...
    def group_info(self) -> bytes: ...
    def use_psk(self, psk_id: bytes, secret: bytes) -> None: ...
    def commit(self, *changes: Change, publicly: bool = False) -> tuple[bytes, bytes | None]: ...
    def adopt(self) -> None: ...
    def propose(self, change: Change, *, publicly: bool = False) -> bytes: ...
    def protect(self, content: bytes, authenticated_data: bytes = b"") -> bytes: ...
    def unprotect(self, message: bytes) -> tuple[bytes | None, bytes]: ...
    def export(self, label: str, context: bytes, length: int) -> bytes: ...
    def view(self) -> View: ...


@dataclass
class Party:
    """The members of one group, in the order in which they came."""

    members: list[Player] = field(default_factory=list)

    @classmethod
    def of(cls, founder: Player, *others: Player, group_id: bytes = b"interop") -> Party:
        """A group that `founder` creates, and to which each next one is added by the one before."""
        founder.create(group_id)
        party = cls([founder])
        for other in others:
            party.admit(party.members[-1], other)
        return party

    def admit(self, sender: Player, newcomer: Player) -> None:
        """Let `sender` add somebody by a commit of its own."""
        self.carry(sender, Change.add(newcomer.key_package()), newcomers=[newcomer])

    def carry(
        self, sender: Player, *changes: Change, newcomers: list[Player] | None = None, publicly: bool = False
    ) -> None:
        """Let `sender` commit, and everybody follow."""
        commit, welcome = sender.commit(*changes, publicly=publicly)
        for member in self.others(sender):
            member.unprotect(commit)
        sender.adopt()
        for newcomer in newcomers or []:
            assert welcome is not None
            newcomer.join(welcome)
            self.members.append(newcomer)
        self.agree()

    def let_in(self, host: Player, newcomer: Player, *, resync: bool = False) -> None:
        """Let somebody enter by an external commit, by the group info of `host`."""
        commit = newcomer.join_externally(host.group_info(), resync=resync)
        if resync:
            self.members.remove(newcomer)
        for member in self.members:
            member.unprotect(commit)
        self.members.append(newcomer)
        self.agree()

    def put_forward(self, sender: Player, change: Change, *, publicly: bool = False) -> None:
        """Let `sender` propose something to everybody."""
        proposal = sender.propose(change, publicly=publicly)
        for member in self.others(sender):
            member.unprotect(proposal)

    def dismiss(self, sender: Player, leaver: Player) -> None:
        """Let `sender` remove somebody, who hears of it."""
        commit, _ = sender.commit(Change.remove(self.leaf_of(leaver)))
        for member in self.others(sender):
            member.unprotect(commit)
        sender.adopt()
        self.members.remove(leaver)
        assert not leaver.view().active
        self.agree()

    def say(self, sender: Player, content: bytes, authenticated_data: bytes = b"") -> None:
        """Let `sender` say something, and everybody read it."""
        message = sender.protect(content, authenticated_data)
        for member in self.others(sender):
            assert member.unprotect(message) == (content, authenticated_data)

    def everybody_speaks(self) -> None:
        """Every member says something twice."""
        for number, member in enumerate(self.members * 2):
            self.say(member, f"message {number}".encode() * number)

    def agree(self) -> None:
        """All members see the same group, and export the same from it."""
        first, *rest = (member.view() for member in self.members)
        assert first.active
        for view in rest:
            assert view.shared() == first.shared()
        assert len({member.export("interop", b"context", 40) for member in self.members}) == 1

    def others(self, sender: Player) -> list[Player]:
        """Everybody but `sender`."""
        return [member for member in self.members if member is not sender]

    def leaf_of(self, member: Player) -> int:
        """Where a member sits."""
        return member.view().own_leaf
