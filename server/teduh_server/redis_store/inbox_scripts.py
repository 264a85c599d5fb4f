"""The typed wrappers of the scripts that keep a device's invitations."""

from __future__ import annotations

from dataclasses import dataclass

from teduh_server.redis_store import scripts
from teduh_server.redis_store.commands import Command, Reply
from teduh_server.redis_store.keys import InboxKeys
from teduh_server.redis_store.replies import as_bytes, as_list


def add_inbox_item(inbox: InboxKeys, conversation_id: bytes, after: int, retention_ms: int) -> Command:
    return scripts.ADD_INBOX_ITEM.command((inbox.state, inbox.items), conversation_id, after, retention_ms)


def read_inbox(inbox: InboxKeys, after: int, count: int) -> Command:
    return (b"XRANGE", inbox.items, b"(%d-0" % after, b"+", b"COUNT", count)


@dataclass(frozen=True, slots=True)
class Invitation:
    seq: int
    conversation_id: bytes
    after: int


def invitations(reply: Reply) -> list[Invitation]:
    return [_invitation(as_list(item)) for item in as_list(reply)]


def _invitation(item: list[Reply]) -> Invitation:
    seq = int(as_bytes(item[0]).partition(b"-")[0])
    _, conversation, _, after = as_list(item[1])
    return Invitation(seq, as_bytes(conversation), int(as_bytes(after)))


def forget_inbox_item(inbox: InboxKeys, conversation_id: bytes, before: int) -> Command:
    """Forget the invitation into this conversation, if its `after` is below the seq `before`."""
    return scripts.FORGET_INBOX_ITEM.command((inbox.state, inbox.items), conversation_id, before)


def acknowledge_inbox(inbox: InboxKeys, seq: int) -> Command:
    return scripts.ACKNOWLEDGE_INBOX.command((inbox.items,), seq)
