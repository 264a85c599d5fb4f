"""What relay nodes tell each other through the store's channels: published, never stored.

    first byte  channel   message
    0x1a        a node's  entries for the subscribers that the node holds, of each: place (8, big-endian),
                          length (4), Entry frame with seq 0
    0x94        a node's  an EphemeralEntry frame as it is (an array of four)
    0x93        a node's  a MemberDisconnected frame as it is (an array of three)
    0x01        a node's  a membership ended: conversation id (16), member (4, big-endian)
    0x02        a node's  another node has begun to hold subscribers of: conversation id (16)
    0x1b        a node's  of an earlier release: look whether more is in the log than was told, of:
                          conversation id (16)
    0x03        nodes     a device has a new inbox item: device id (32)
    0x04        nodes     the queue has changed
    0x05        nodes     all staff of a node: MessagePack, see `presence`
    0x06        nodes     a node asks who is connected to a certain node (its id), or to any (empty)
    0x07        a node's  a key package is wanted: MessagePack, see `key_package_directory`
    0x08        a node's  the answer to it
    0x09        nodes     there is a new revocation list
    0x10        nodes     what has changed with the staff of a node: MessagePack, see `presence`
    0x11        nodes     a node lives: MessagePack, see `presence`
    0x12        nodes     a request is offered: MessagePack, see `offers`
    0x13        nodes     an offer is over: person (16), conversation id (16)
    0x15        nodes     a conversation was no request for help: conversation id (16)
    0x16        a node's  is a staff device of a conversation connected there? conversation id (16)
    0x17        a node's  the answer: one is
    0x18        a node's  a supervisor asks to join: MessagePack, see `ask_to_join`
    0x19        nodes     a claimant is not let in: person (16), device (32), conversation id (16)
    0x1c        nodes     a claimant has let go what she was a member of already: person (16), device (32)
    0x14        nodes     supervisors should look at a request: MessagePack, see `alerts`

Nodes trust each other and the store: whoever can publish here is the operator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import Struct

ENTRIES = 0x1A
LOOK_AT_LOG = 0x1B
EPHEMERAL_ENTRY = 0x94
MEMBER_DISCONNECTED = 0x93
MEMBERSHIP_ENDED = 0x01
NODE_JOINED = 0x02
INBOX_ITEM = 0x03
QUEUE_CHANGED = 0x04
PRESENCE = 0x05
PRESENCE_WANTED = 0x06
KEY_PACKAGE_WANTED = 0x07
KEY_PACKAGE_FOUND = 0x08
REVOCATIONS_CHANGED = 0x09
PRESENCE_CHANGED = 0x10
PRESENCE_BEAT = 0x11
OFFERED = 0x12
OFFER_ENDED = 0x13
ALERT = 0x14
ABUSE = 0x15
STAFF_ASKED = 0x16
STAFF_HERE = 0x17
JOIN_ASKED = 0x18
NOT_LET_IN = 0x19
LET_GO = 0x1C

Handler = Callable[[bytes], None]

_entry_head = Struct(">QI")


def published_entries(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Of an ENTRIES message: each place, and the entry that has not been placed yet."""
    at = 0
    while at < len(message):
        seq, length = _entry_head.unpack_from(message, at)
        at += _entry_head.size
        yield seq, message[at : at + length]
        at += length


class NodeChannel:
    """Gives each message to the service that asked for its kind. Frames come whole, the others without
    first byte.
    """

    __slots__ = ("_handlers",)

    def __init__(self) -> None:
        self._handlers: dict[int, Handler] = {}

    def on(self, kind: int, handler: Handler) -> None:
        self._handlers[kind] = handler

    def receive(self, message: bytes) -> None:
        """Handle one message; of a kind that this version does not know, ignore it."""
        handler = self._handlers.get(message[0]) if message else None
        if handler is not None:
            handler(message if message[0] >= 0x80 else message[1:])
