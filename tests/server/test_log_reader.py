"""What is read of a log while others write to it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from teduh_server.conversation_log.log_reader import LogReader
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.commands import Command, Reply
from teduh_server.session.connection import Connection, LocalConversation, Subscription
from teduh_signaling.relay.codec import decode_relay_frame
from teduh_signaling.relay.entry import entry_template
from teduh_signaling.relay.frames import Entry

CONVERSATION = b"c" * 16


def in_log(place: int, payload: bytes) -> Reply:
    return [b"%d-0" % place, [b"e", entry_template(CONVERSATION, 1, place, 0, 1, payload)]]


async def test_what_nobody_had_accepted_when_it_was_read_is_handed_to_nobody() -> None:
    """What was sent behind an append that failed stands in the log for a moment, until what gets its place in
    the end takes it; and that may be known here by the time that the first answer is looked at.
    """
    conversation, written = LocalConversation(CONVERSATION), list[bytes]()
    conversation.newest = 4
    connection = SimpleNamespace(congested=False, closed=False, write=written.append)
    pages: list[Reply] = [[in_log(4, b"first"), in_log(5, b"stray")], [in_log(5, b"second")]]

    async def ask(_: Command) -> Reply:
        conversation.newest = 5
        return pages.pop(0)

    reader = LogReader(cast(Store, SimpleNamespace(ask=ask)))
    await reader.hand_over(Subscription(cast(Connection, connection), conversation, 2, 3))
    entries = [cast(Entry, decode_relay_frame(each)) for each in written]
    assert [(each.seq, each.payload) for each in entries] == [(4, b"first"), (5, b"second")]
