"""What conversations that nobody has taken hold in the store: little each, and little for each source.

Anybody may ask for help without a name, so what she may leave behind before somebody has answered is bounded:

    one conversation   CONVERSATION_BYTES: her key package, her details, and what append.lua lets her say
                       before the first commit
    one source         SOURCE_BYTES on this node, in all conversations that it has opened and nobody has taken

A source is a keyed hash in memory (`rate_limit.Sources`). What is counted is what was opened and said at this
node. It counts no more from the first commit at this node on; whether somebody has taken it at another, or it
has gone, the queue's sweep asks the store.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

CONVERSATION_BYTES: Final = 32 * 1024
SOURCE_BYTES: Final = 256 * 1024
_OPENING_BYTES: Final = 2048
"""What a conversation and its request take in the store besides what she gives for them."""
_ENTRY_BYTES: Final = 192
"""What an entry takes besides its payload."""


class Unclaimed:
    """Those of the survivors of one node."""

    __slots__ = ("_held", "_of_source")

    def __init__(self) -> None:
        # Of each conversation its source, and how many bytes.
        self._held: dict[bytes, tuple[bytes, int]] = {}
        self._of_source: Counter[bytes] = Counter()

    def has_room(self, source: bytes, given_bytes: int) -> bool:
        """Whether this source may open one more, with so many bytes of key package and details."""
        return self._of_source[source] + opening_bytes(given_bytes) <= SOURCE_BYTES

    def open(self, source: bytes, conversation_id: bytes, given_bytes: int) -> None:
        """It was opened from there; one that is known already counts once."""
        if conversation_id not in self._held:
            self._hold(source, conversation_id, opening_bytes(given_bytes))

    def try_append(self, source: bytes, conversation_id: bytes, payload_bytes: int) -> bool:
        """Count what is said in it; False where the source may hold no more."""
        size = stored_bytes(payload_bytes + _ENTRY_BYTES)
        of, before = self._held.get(conversation_id, (source, 0))
        if self._of_source[of] + size > SOURCE_BYTES:
            return False
        self._hold(of, conversation_id, before + size)
        return True

    def holds(self, conversation_id: bytes) -> int:
        """Bytes; 0 if somebody has taken it, or it has gone."""
        return self._held.get(conversation_id, (b"", 0))[1]

    @property
    def conversations(self) -> list[bytes]:
        """Their ids."""
        return list(self._held)

    def release(self, conversation_id: bytes) -> None:
        """Somebody has taken it, or it has gone."""
        source, size = self._held.pop(conversation_id, (b"", 0))
        self._count(source, -size)

    def _hold(self, source: bytes, conversation_id: bytes, size: int) -> None:
        self._count(source, size - self.holds(conversation_id))
        self._held[conversation_id] = (source, size)

    def _count(self, source: bytes, size: int) -> None:
        self._of_source[source] += size
        if self._of_source[source] <= 0:
            del self._of_source[source]


def opening_bytes(given_bytes: int) -> int:
    """What a conversation and its request take in the store, about."""
    return _OPENING_BYTES + stored_bytes(given_bytes)


def stored_bytes(size: int) -> int:
    """What so many bytes take there: its allocator has sizes, each a fourth larger than the last."""
    return size + size // 4
