"""Our seat in the group: the state of one epoch, with the room that was verified for it, and how it moves on.

                      somebody else's commit ── follow ──┐
    Welcome ── join ──> (group, room) <──────────────────┤  verified and admitted, or not at all
                      our own commit: stage ... adopt ───┘

`stage` makes the commit and keeps the state that it leads to; `adopt` takes it when the relay has said
where in the log it is. Until then the old state goes on, and somebody else's commit may come first.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from teduh_crypto.credentials import CredentialError
from teduh_crypto.exceptions import RemoteError
from teduh_crypto.mls import (
    ApplicationMessage,
    CommitReceived,
    Group,
    KeyPackage,
    KeyPackageBundle,
    RemovedFromGroup,
)
from teduh_crypto.padding import commit_padding_for, padding_for
from teduh_signaling.relay.frames import Append, Entry, EntryKind

from teduh_sdk.conversation.invitations import Invitations
from teduh_sdk.exceptions import LogBroken, RosterNotAdmitted, WrongConversation
from teduh_sdk.group.group_changes import (
    GROUP_POLICY,
    SURVIVOR_REFRESH,
    AddMember,
    Change,
    bundle_for,
    proposals_for,
)
from teduh_sdk.group.room import Participant, Room, VerifyRoom, admit_first, admit_next
from teduh_sdk.group.sender_order import SenderOrder, authenticated_counter


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are in one conversation. `bundles` are the key packages of which one may bring us in."""

    signature_key: bytes
    is_survivor: bool
    bundles: tuple[KeyPackageBundle, ...] = field(default=(), repr=False)
    can_call: bool = True
    """Whether this device can take part in calls; the others are told if it cannot."""


@dataclass(frozen=True, slots=True)
class RoomChange:
    """Who came and who went by one commit."""

    came: tuple[Participant, ...]
    went: tuple[Participant, ...]


@dataclass(frozen=True, slots=True)
class PendingEpoch:
    """The state that our commit in flight leads to, if it is accepted.

    `is_restored`: it was saved, so that its keys are no newer than a copy of what was saved.
    """

    counter: int
    group: Group = field(repr=False)
    change: Change
    is_restored: bool = False


@dataclass(slots=True)
class Membership:
    """`group` and `room` belong together always; both are empty before we are in and after `wipe`."""

    conversation_id: bytes
    identity: Identity
    verify: VerifyRoom = field(repr=False)
    group: Group | None = field(default=None, repr=False)
    room: Room = field(default_factory=Room)
    pending: PendingEpoch | None = None
    invitations: Invitations = field(default_factory=Invitations)
    senders: SenderOrder = field(default_factory=SenderOrder)
    joined_by: KeyPackage | None = field(default=None, repr=False)
    _written: tuple[Group, bytes] | None = field(default=None, repr=False)

    @property
    def epoch(self) -> int:
        """The epoch of the group; 0 before there is one."""
        return 0 if self.group is None else self.group.epoch

    def group_bytes(self) -> bytes | None:
        """The group at rest, written once for each state of it: most of what happens to a conversation, as
        that a message is accepted, changes the queue alone.
        """
        if self.group is None:
            return None
        if self._written is None or self._written[0] is not self.group:
            self._written = self.group, self.group.to_bytes()
        return self._written[1]

    @property
    def me(self) -> Participant | None:
        """Ourselves, once we are in the room."""
        return self.room.with_key(self.identity.signature_key)

    @property
    def may_refresh(self) -> bool:
        """Whether everybody follows a commit of ours that changes nobody; older clients follow staff."""
        if self.group is None or not self.identity.is_survivor:
            return self.group is not None
        leaves = (member.leaf_node for member in self.group.members)
        return all(SURVIVOR_REFRESH in leaf.capabilities.extensions for leaf in leaves)

    def join(self, welcome: Entry, now: int) -> RoomChange:
        """Enter by a Welcome; raises `WrongConversation` or `RosterNotAdmitted`."""
        try:
            bundle = bundle_for(welcome.payload, self.identity.bundles)
            group = Group.join(welcome.payload, bundle, now=now, policy=GROUP_POLICY)
        except RemoteError as error:
            raise WrongConversation(f"the Welcome is not valid: {error}") from error
        if group.group_id != self.conversation_id:
            raise WrongConversation("the Welcome leads into another group")
        room = self._verified(group, now)
        admit_first(room, self.identity.signature_key, is_survivor=self.identity.is_survivor)
        self.identity = replace(self.identity, bundles=())
        self.joined_by = bundle.key_package
        return self._enter(group, room)

    def follow(self, entry: Entry, now: int) -> RoomChange | Participant:
        """Go along with somebody else's commit; whose it is, when it takes us out.

        Raises `LogBroken` when it cannot be followed, `RosterNotAdmitted` when it may not.
        """
        assert self.group is not None
        try:
            group, received = self.group.unprotect(entry.payload, now=now)
        except RemoteError as error:
            # The relay has moved on by this commit, so there is no way around it.
            raise LogBroken(f"a commit could not be followed: {error}") from error
        if isinstance(received, RemovedFromGroup):
            return self.room.at(received.sender)
        if not isinstance(received, CommitReceived) or received.external:
            raise RosterNotAdmitted("an entry is not what the relay says it is")
        committer = self.room.at(received.sender)
        self.senders.check(committer.device_key, received.authenticated_data, entry.counter)
        _require_same_leaf(self.group, group, received.sender)
        room = self._verified(group, now)
        self._admit(room, by_survivor=committer.is_survivor)
        return self._counted(self._enter(group, room))

    def preview(self, change: AddMember, now: int) -> Participant:
        """Who would come in by `change`, proven as for a commit of ours, which is thrown away.

        Raises a `RemoteError` for a key package that is not valid, `RosterNotAdmitted` for somebody who is
        not proven, or is here already.
        """
        assert self.group is not None
        proposals = proposals_for(change, self.room)
        if proposals is None:
            raise RosterNotAdmitted("this device is in the room already")
        commit = self.group.commit(proposals, now=now)
        # The key that it used is not used again.
        self.group = commit.if_refused
        (newcomer,) = self._admit(self._verified(commit.group, now), by_survivor=True)
        return newcomer

    def stage(self, change: Change, counter: int, now: int) -> Append | None:
        """The commit for `change`; None when there is nothing left to do.

        Raises a `RemoteError` for a key package that is not valid, `RosterNotAdmitted` for a member who is
        not proven or not accepted.
        """
        assert self.group is not None
        proposals = proposals_for(change, self.room)
        if proposals is None:
            return None
        commit = self.group.commit(
            proposals, authenticated_data=authenticated_counter(counter), padding=commit_padding_for, now=now
        )
        # Whatever becomes of this commit, the key that it used is not used again.
        self.group = commit.if_refused
        room = self._verified(commit.group, now)
        if self.room.roster is not None:
            self._admit(room, by_survivor=self.identity.is_survivor)
        added, removed = change.relay_members(self.room)
        epoch = commit.if_refused.epoch
        self.pending = PendingEpoch(counter, commit.group, change)
        return Append(
            self.conversation_id,
            counter,
            EntryKind.COMMIT.value,
            epoch,
            commit.message,
            commit.welcome,
            added,
            removed,
        )

    def look_again(self, now: int) -> None:
        """Verify the present room anew; raises `RosterNotAdmitted`."""
        if self.group is not None and self.room.roster is not None:
            self.room = self._verified(self.group, now)

    def resume(self, group: Group, now: int) -> None:
        """Go on from a stored state; raises `RosterNotAdmitted` if its room does not pass any more."""
        self.group = group
        # In epoch 0 we are alone, and there is no room to verify.
        self.room = self._verified(group, now) if group.epoch else Room()

    def resume_pending(self, counter: int, group: Group, change: Change, now: int) -> None:
        """Go on waiting for the answer to a stored commit."""
        self._verified(group, now)
        self.pending = PendingEpoch(counter, group, change, is_restored=True)

    def adopt(self, counter: int, now: int) -> RoomChange | None:
        """Our append with this counter has its place; if it is the commit that is pending, its epoch
        begins, unless somebody in it has been revoked since it was made. Raises `RosterNotAdmitted`.
        """
        pending = self.pending
        if pending is None or pending.counter != counter:
            return None
        return self._counted(self._enter(pending.group, self._verified(pending.group, now)))

    def open(self, entry: Entry, now: int) -> tuple[Participant, bytes]:
        """Who said what; raises a `RemoteError` for what does not open, `LogBroken` for what is out of
        order.
        """
        assert self.group is not None
        group, received = self.group.unprotect(entry.payload, now=now)
        if not isinstance(received, ApplicationMessage):
            # Nobody here proposes without committing, and the relay knows a commit by its kind. The state
            # before it stays.
            raise RosterNotAdmitted("an entry is not what the relay says it is")
        sender = self.room.at(received.sender)
        self.senders.check(sender.device_key, received.authenticated_data, entry.counter)
        if not received.is_next:
            # A sender uses each key of an epoch for one entry, and none twice.
            raise LogBroken("entries of a sender in this epoch are missing")
        self.group = group
        return sender, received.data

    def protect(self, data: bytes, counter: int) -> Append:
        """The append that carries `data` in the present epoch. Its message key is used once and gone."""
        assert self.group is not None
        epoch, authenticated = self.group.epoch, authenticated_counter(counter)
        self.group, payload = self.group.protect(data, authenticated_data=authenticated, padding=padding_for)
        return Append(self.conversation_id, counter, EntryKind.MESSAGE.value, epoch, payload)

    def wipe(self) -> None:
        """Forget every key."""
        self.group = self.pending = self._written = None
        self.room = Room()
        self.invitations = Invitations()
        self.senders = SenderOrder()
        self.identity = replace(self.identity, bundles=())

    def _verified(self, group: Group, now: int) -> Room:
        try:
            return self.verify(group.members, now, self.room)
        except CredentialError as error:
            raise RosterNotAdmitted(f"a member is not proven: {error}") from error

    def _admit(self, room: Room, *, by_survivor: bool) -> tuple[Participant, ...]:
        return admit_next(
            self.room,
            room,
            self.identity.signature_key,
            is_survivor=self.identity.is_survivor,
            consents=self.invitations.consents,
            by_survivor=by_survivor,
        )

    def _enter(self, group: Group, room: Room) -> RoomChange:
        own, before = self.identity.signature_key, self.room
        came = tuple(one for one in room if before.with_key(one.device_key) is None and one.device_key != own)
        went = tuple(one for one in before if room.with_key(one.device_key) is None)
        self.group, self.room, self.pending = group, room, None
        for one in (*came, *went):
            # A consent is used up.
            self.invitations.use(one)
        return RoomChange(came, went)

    def _counted(self, change: RoomChange) -> RoomChange:
        for one in change.went:
            self.senders.forget(one.device_key)
        for one in change.came:
            self.senders.came(one.device_key)
        return change


def _require_same_leaf(before: Group, after: Group, committer: int) -> None:
    """A path renews the encryption key of its committer's leaf, and leaves alone whose leaf it is."""
    one, other = (
        next(member for member in group.members if member.leaf_index == committer)
        for group in (before, after)
    )
    if (one.signature_key, one.credential) != (other.signature_key, other.credential):
        raise RosterNotAdmitted("a member has put another identity into its leaf")
