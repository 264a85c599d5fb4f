"""The scripts of an inbox."""

from __future__ import annotations

from store_bench import RETENTION_MS
from teduh_server.redis_store import inbox_scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.inbox_scripts import Invitation
from teduh_server.redis_store.keys import InboxKeys

DEVICE = b"d" * 32
INBOX = InboxKeys.of(DEVICE)
ONE, TWO = b"1" * 16, b"2" * 16


async def _add(store: Store, conversation: bytes, after: int) -> object:
    return await store.ask(inbox_scripts.add_inbox_item(INBOX, conversation, after, RETENTION_MS))


async def _items(store: Store, after: int = 0) -> list[Invitation]:
    return inbox_scripts.invitations(await store.ask(inbox_scripts.read_inbox(INBOX, after, 100)))


async def test_items_are_read_in_order(store: Store) -> None:
    await _add(store, ONE, 5)
    await _add(store, TWO, 7)
    assert await _items(store) == [Invitation(1, ONE, 5), Invitation(2, TWO, 7)]
    assert await _items(store, 1) == [Invitation(2, TWO, 7)]


async def test_same_invitation_again_is_the_same_item(store: Store) -> None:
    assert await _add(store, ONE, 5) == 1
    assert await _add(store, ONE, 5) == 1
    assert len(await _items(store)) == 1


async def test_new_invitation_into_the_same_conversation_is_a_new_item(store: Store) -> None:
    await _add(store, ONE, 5)
    assert await _add(store, ONE, 9) == 2


async def test_acknowledged_items_go_and_a_repeated_commit_does_not_bring_them_back(store: Store) -> None:
    await _add(store, ONE, 5)
    await _add(store, TWO, 7)
    await store.ask(inbox_scripts.acknowledge_inbox(INBOX, 1))
    assert await _items(store) == [Invitation(2, TWO, 7)]
    await _add(store, ONE, 5)
    assert await _items(store) == [Invitation(2, TWO, 7)]
