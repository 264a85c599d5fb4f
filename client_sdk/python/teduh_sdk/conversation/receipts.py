"""Receipts that are owed: collected, so that many messages that came together are answered by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from teduh_signaling.chat.messages import MAX_RECEIPT_IDS, Receipt, ReceiptKind


@dataclass(slots=True)
class OwedReceipts:
    """The message ids by how far they have come."""

    by_kind: dict[ReceiptKind, tuple[bytes, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.by_kind)

    def owe(self, kind: ReceiptKind, message_id: bytes) -> None:
        """One more."""
        self.by_kind[kind] = (*self.by_kind.get(kind, ()), message_id)

    def take(self) -> Iterator[Receipt]:
        """The messages that acknowledge all of it."""
        owed, self.by_kind = self.by_kind, {}
        for kind, ids in owed.items():
            for start in range(0, len(ids), MAX_RECEIPT_IDS):
                yield Receipt(kind, ids[start : start + MAX_RECEIPT_IDS])
