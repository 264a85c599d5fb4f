"""Where one member stands in a conversation, beside the group: what she has read, said, and owes.

A staff device keeps it together with the group, so that a restart loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from teduh_signaling.chat.messages import MAX_BEGINNINGS, Beginning, ReceiptKind

from teduh_sdk.conversation.hand_over_notes import HandOverNotes
from teduh_sdk.conversation.log_order import LogOrder
from teduh_sdk.conversation.outbox import Outbox
from teduh_sdk.conversation.receipts import OwedReceipts
from teduh_sdk.conversation.saved_conversation import (
    SavedConversation,
    restore_change,
    restore_notes,
    restore_order,
    restore_outbox,
)
from teduh_sdk.group.epoch_agreement import EpochAgreement
from teduh_sdk.group.group_changes import Change
from teduh_sdk.group.leaf_key_age import LeafKeyAge
from teduh_sdk.group.room import Participant, Room


@dataclass(slots=True)
class MemberState:
    """Its parts may be replaced; what belongs to two of them has a method here."""

    order: LogOrder
    outbox: Outbox = field(default_factory=Outbox)
    changes: tuple[Change, ...] = ()
    """What is still to be changed in the group, in this order."""
    leaving: set[bytes] = field(default_factory=set)
    """The device keys of those who said that they leave."""
    receipts: OwedReceipts = field(default_factory=OwedReceipts)
    owes_acknowledgement: bool = False
    """Whether the others have yet to hear what we see of the present epoch."""
    notes: HandOverNotes = field(default_factory=HandOverNotes)
    agreement: EpochAgreement = field(default_factory=EpochAgreement)
    appended_before: dict[bytes, int] = field(default_factory=dict)
    """By the device key of each other member: how many entries we had appended when both of us were first in
    one epoch.
    """
    leaf_keys: LeafKeyAge = field(default_factory=LeafKeyAge)
    """Kept nowhere: whoever goes on from what was kept owes a refresh."""

    @property
    def is_confirmed(self) -> bool:
        """Whether everything that was said is in the log, and nothing waits behind a gap."""
        owes = self.owes_acknowledgement or bool(self.receipts) or self.notes.owes_key
        return self.outbox.is_empty and not self.changes and not self.order.has_gap and not owes

    def is_leaving(self, one: Participant) -> bool:
        """Whether she said so."""
        return one.device_key in self.leaving

    def has_come(self, one: Participant) -> None:
        """She and we are in one epoch for the first time."""
        self.appended_before[one.device_key] = self.order.next_own - 1

    def has_left(self, one: Participant) -> None:
        """She is out."""
        self.leaving.discard(one.device_key)
        self.notes.forget(one)
        self.appended_before.pop(one.device_key, None)

    def beginnings(self, room: Room) -> tuple[Beginning, ...]:
        """Where each other member begins to hear us, as far as we know."""
        before = self.appended_before
        known = [
            Beginning(one.leaf_index, before[one.device_key]) for one in room if one.device_key in before
        ]
        return tuple(known[:MAX_BEGINNINGS])

    def queue(self, change: Change) -> None:
        """One more thing to change."""
        self.changes = (*self.changes, change)

    def wipe(self) -> None:
        """Forget everything unsent."""
        self.outbox = Outbox()
        self.changes = ()
        self.receipts = OwedReceipts()
        self.owes_acknowledgement = False
        self.agreement = EpochAgreement()
        self.notes.wipe()

    @classmethod
    def restore(cls, saved: SavedConversation) -> MemberState:
        """Raises a `RemoteError` for damaged bytes."""
        return cls(
            restore_order(saved.place),
            restore_outbox(saved.outbox),
            tuple(restore_change(change) for change in saved.changes),
            set(saved.leaving),
            OwedReceipts({ReceiptKind(kind): ids for kind, ids in saved.receipts.items()}),
            saved.owes_acknowledgement,
            restore_notes(saved.notes),
            EpochAgreement(set(saved.confirmed or ())),
            dict(saved.appended_before),
            LeafKeyAge(is_owed=True),
        )
