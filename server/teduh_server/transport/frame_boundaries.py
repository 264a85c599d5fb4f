"""Where the frames of a client end, found before they are parsed (RFC 6455, 5.2).

aiohttp's parser reads all that it is given, and takes unmasked frames from clients. So it is given whole
frames, no more than may be served, and the rest waits as bytes:

::

    transport ── bytes ──> FrameBoundaries ── so many frames ──> aiohttp's WebSocketReader
                               │
                               └── the rest: kept by the WebSocket, which reads no more meanwhile

Only lengths and the mask bit are looked at; the parser checks all else.
"""

from __future__ import annotations

from typing import Final

_MASK_BYTES: Final = 4
_LONGEST_HEAD: Final = 10
"""Without the mask."""


class FrameBoundaries:
    """Of the bytes of one client. Each frame passes here: it is kept flat."""

    __slots__ = ("_head", "_left", "begun", "unmasked")

    def __init__(self) -> None:
        # The beginning of a head that has not come whole.
        self._head = b""
        # So many bytes of a frame, behind its length, have not come yet.
        self._left = 0
        self.begun = 0
        """How many frames the last scan has seen the head of."""
        self.unmasked = False
        """A frame without a mask has come; it begins where the last scan has ended, or in it."""

    def scan(self, data: bytes, at: int, most: int) -> int:
        """Where the frames end that may be parsed of `data` from `at` on: so many at most, of which the last
        may not have come whole. Nothing behind the end has been looked at, except that it is unmasked.
        """
        length = len(data)
        begun = ended = 0
        while at < length:
            left = self._left
            if left:
                if left > length - at:
                    self._left = left - (length - at)
                    at = length
                    break
                at += left
                self._left = 0
                ended += 1
                continue
            if ended == most:
                break
            if not self._head and length - at > 3 and 0x80 <= data[at + 1] < 0x80 + 127:
                # Nearly all are short, and their heads are whole.
                size = data[at + 1] - 0x80
                if size < 126:
                    at += 2
                else:
                    size = data[at + 2] << 8 | data[at + 3]
                    at += 4
                self._left = size + _MASK_BYTES
                begun += 1
                continue
            behind = self._take_head(data, at)
            if behind < 0:
                self.unmasked = True
                break
            at = behind
            begun += self._left > 0
        self.begun = begun
        return at

    def _take_head(self, data: bytes, at: int) -> int:
        """Take the head at `at`, or as much of it as there is; where it ends, -1 if it is unmasked."""
        before = self._head
        head = before + data[at : at + _LONGEST_HEAD - len(before)]
        if len(head) > 1 and head[1] < 0x80:
            return -1
        size = _head_bytes(head)
        if size > len(head):
            self._head = head
            return len(data)
        self._head = b""
        self._left = _payload_bytes(head, size) + _MASK_BYTES
        return at + size - len(before)


def _head_bytes(head: bytes) -> int:
    """How long a head is up to its mask; 2 where it is not known yet."""
    if len(head) < 2 or head[1] & 0x7F < 126:
        return 2
    return 4 if head[1] & 0x7F == 126 else 10


def _payload_bytes(head: bytes, size: int) -> int:
    return head[1] & 0x7F if size == 2 else int.from_bytes(head[2:size], "big")
