"""A conversation at rest: what a staff device writes into its key store before it sends anything.

Plain data in MessagePack, versioned; the key store encrypts it. Survivors never come here: their keys live in
memory only. The room is not stored but verified anew from the group, for a statement may have ended since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from teduh_crypto.mls import Group
from teduh_signaling.chat.codec import decode_message, encode_message
from teduh_signaling.chat.messages import (
    Attachment,
    Form,
    Invitation,
    Location,
    NoteKey,
    Referral,
    Text,
    Unknown,
)
from teduh_signaling.relay.codec import decode_client_frame, encode
from teduh_signaling.relay.frames import Append

from teduh_sdk.conversation.hand_over_notes import HandOverNotes, OwnNoteKey
from teduh_sdk.conversation.log_order import LogOrder
from teduh_sdk.conversation.outbox import InFlight, Outbox
from teduh_sdk.events import MessageReceived, NoteReceived, TextReceived
from teduh_sdk.exceptions import KeyStoreDamaged
from teduh_sdk.group.group_changes import (
    GROUP_POLICY,
    AddMember,
    Change,
    Refresh,
    RemoveMember,
    key_package_from_wire,
    key_package_to_wire,
)
from teduh_sdk.group.room import Consent, Participant

if TYPE_CHECKING:
    from teduh_sdk.conversation.membership import Membership

VERSION: Final = 1


class _Saved(msgspec.Struct, frozen=True, array_like=True):
    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class SavedChange(_Saved, frozen=True, array_like=True):
    """`add` is a key package, `remove` a signature key; neither means a refresh."""

    add: bytes | None = None
    by_capability: bool = False
    remove: bytes | None = None


class SavedPending(_Saved, frozen=True, array_like=True):
    """The epoch of our commit in flight."""

    counter: int
    group: bytes
    change: SavedChange


class SavedMembership(_Saved, frozen=True, array_like=True):
    """Our seat in the group."""

    group: bytes | None
    pending: SavedPending | None
    invitations: tuple[bytes, ...]
    consents: tuple[tuple[bytes, str, str], ...]
    senders: dict[bytes, int]
    first_of_senders: dict[bytes, int] = {}


class SavedPlace(_Saved, frozen=True, array_like=True):
    """How far the log was read."""

    member: int
    cursor: int
    next_own: int
    with_welcome: tuple[int, ...]


class SavedOutbox(_Saved, frozen=True, array_like=True):
    """What is not known to be in the log: plaintexts, and appends with the very bytes that were sent."""

    queued: tuple[bytes, ...]
    in_flight: tuple[tuple[bytes, bytes | None], ...]
    next_counter: int


class SavedHeard(_Saved, frozen=True, array_like=True):
    """What somebody said that the application has not taken yet; `sender` is leaf, key, name and role."""

    sender: tuple[int, bytes, str | None, str]
    content: bytes
    is_note: bool = False


class SavedNotes(_Saved, frozen=True, array_like=True):
    """Our note key (id and private key), and those of colleagues by their device's key."""

    own: tuple[bytes, bytes] | None = None
    keys: tuple[tuple[bytes, bytes], ...] = ()
    owes_key: bool = False


class SavedConversation(_Saved, frozen=True, array_like=True):
    """Everything, but what the application has yet to be told: that is beside it in `Kept`."""

    conversation_id: bytes
    membership: SavedMembership
    place: SavedPlace
    outbox: SavedOutbox
    changes: tuple[SavedChange, ...]
    leaving: tuple[bytes, ...]
    receipts: dict[int, tuple[bytes, ...]]
    owes_acknowledgement: bool
    notes: SavedNotes = SavedNotes()
    appended_before: dict[bytes, int] = {}
    confirmed: tuple[bytes, ...] | None = None


class Kept(_Saved, frozen=True, array_like=True):
    """One record of the key store."""

    version: int
    conversation: SavedConversation
    undelivered_events: tuple[SavedHeard, ...]

    def to_bytes(self) -> bytes:
        """The record."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Kept:
        """Read a record; raises `KeyStoreDamaged`."""
        try:
            kept = msgspec.msgpack.decode(data, type=cls)
        except msgspec.DecodeError as error:
            raise KeyStoreDamaged("a saved conversation does not parse") from error
        if kept.version != VERSION:
            raise KeyStoreDamaged("a saved conversation is of another version")
        return kept


HeardKept = TextReceived | MessageReceived | NoteReceived
"""What somebody said that is kept until the application has taken it."""


def save_heard(event: HeardKept) -> SavedHeard:
    """What somebody said, as data."""
    who = event.sender
    sender = (who.leaf_index, who.device_key, who.name, who.role)
    return SavedHeard(sender, _content(event), isinstance(event, NoteReceived))


def _content(event: HeardKept) -> bytes:
    if isinstance(event, NoteReceived):
        # The key that would open it once more is gone.
        return encode_message(Text(event.message_id, event.sent, event.text))
    if isinstance(event, TextReceived):
        return encode_message(Text(event.message_id, event.sent, event.text, event.reply_to))
    message = event.message
    return message.raw if isinstance(message, Unknown) else encode_message(message)


def restore_heard(saved: SavedHeard) -> HeardKept:
    """What somebody said, from data."""
    sender, message = Participant(*saved.sender), decode_message(saved.content)
    match message:
        case Text() if saved.is_note:
            return NoteReceived(message.id, sender, message.text, message.sent)
        case Text():
            return TextReceived(message.id, sender, message.text, message.sent, message.reply_to)
        case Attachment() | Location() | Form() | Referral() | Unknown():
            return MessageReceived(sender, message)
    raise KeyStoreDamaged("what was heard is nothing that people say")


def save_change(change: Change) -> SavedChange:
    """A change of the group as data."""
    match change:
        case AddMember(key_package, by_capability):
            # Nobody takes another's place but by the survivor's device, which keeps nothing.
            return SavedChange(add=key_package_to_wire(key_package), by_capability=by_capability)
        case RemoveMember(device_key):
            return SavedChange(remove=device_key)
        case Refresh():
            return SavedChange()


def restore_change(saved: SavedChange) -> Change:
    """A change of the group from data."""
    if saved.add is not None:
        return AddMember(key_package_from_wire(saved.add), saved.by_capability)
    return Refresh() if saved.remove is None else RemoveMember(saved.remove)


def save_outbox(outbox: Outbox) -> SavedOutbox:
    """An outbox as data."""
    in_flight = tuple((encode(sent.append), sent.content) for sent in outbox.in_flight)
    return SavedOutbox(outbox.queued, in_flight, outbox.next_counter)


def restore_outbox(saved: SavedOutbox) -> Outbox:
    """An outbox from data."""
    in_flight = []
    for frame, content in saved.in_flight:
        append = decode_client_frame(frame)
        if not isinstance(append, Append):
            raise KeyStoreDamaged("what was in flight is no append")
        in_flight.append(InFlight(append, content))
    return Outbox(saved.queued, tuple(in_flight), saved.next_counter)


def save_notes(notes: HandOverNotes) -> SavedNotes:
    """The keys of hand-over notes as data."""
    own = None if notes.own is None else (notes.own.id, notes.own.private.raw)
    keys = tuple((device_key, encode_message(key)) for device_key, key in notes.keys.items())
    return SavedNotes(own, keys, notes.owes_key)


def restore_notes(saved: SavedNotes) -> HandOverNotes:
    """The keys of hand-over notes from data."""
    own = None if saved.own is None else OwnNoteKey.load(*saved.own)
    keys = {device_key: _note_key(data) for device_key, data in saved.keys}
    return HandOverNotes(own, keys, saved.owes_key)


def _note_key(data: bytes) -> NoteKey:
    message = decode_message(data)
    if not isinstance(message, NoteKey):
        raise KeyStoreDamaged("invalid note key record")
    return message


def save_order(order: LogOrder) -> SavedPlace:
    """How far the log was read, as data; what waits behind a gap is asked for again."""
    return SavedPlace(order.member, order.cursor, order.next_own, tuple(order.with_welcome))


def restore_order(saved: SavedPlace) -> LogOrder:
    """How far the log was read, from data."""
    return LogOrder(saved.member, saved.cursor, saved.next_own, set(saved.with_welcome))


def save_membership(member: Membership) -> SavedMembership:
    """Our seat in the group as data."""
    pending = member.pending
    return SavedMembership(
        group=member.group_bytes(),
        pending=None
        if pending is None
        else SavedPending(pending.counter, pending.group.to_bytes(), save_change(pending.change)),
        invitations=tuple(encode_message(invitation) for invitation in member.invitations.open.values()),
        consents=tuple((one.device_id, one.name, one.role) for one in member.invitations.consents.values()),
        senders=member.senders.last,
        first_of_senders=member.senders.first,
    )


def restore_membership(member: Membership, saved: SavedMembership, now: int) -> None:
    """Take our seat again, with the room verified anew; raises `RosterNotAdmitted` or a `RemoteError`."""
    if saved.group is None:
        return
    member.invitations.open = {one.id: one for one in map(_invitation, saved.invitations)}
    member.invitations.consents = {one[0]: Consent(*one) for one in saved.consents}
    member.senders.last, member.senders.first = dict(saved.senders), dict(saved.first_of_senders)
    member.resume(_group(saved.group), now)
    if saved.pending is not None:
        pending = saved.pending
        member.resume_pending(pending.counter, _group(pending.group), restore_change(pending.change), now)


def _group(data: bytes) -> Group:
    return Group.from_bytes(data, policy=GROUP_POLICY)


def _invitation(data: bytes) -> Invitation:
    message = decode_message(data)
    if not isinstance(message, Invitation):
        raise KeyStoreDamaged("an open invitation is none")
    return message
