"""The scripts of an inbox."""

from __future__ import annotations

from support.store.stored_conversation import RETENTION_MS
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


async def _forget(store: Store, conversation: bytes, before: int = 100) -> object:
    return await store.ask(inbox_scripts.forget_inbox_item(INBOX, conversation, before))


async def _everything(store: Store) -> bytes:
    """All bytes of the inbox in the store, marked entries of streams included."""
    await store.ask((b"CONFIG", b"SET", b"rdbcompression", b"no"))
    try:
        parts = [await store.ask((b"DUMP", key)) for key in (INBOX.state, INBOX.items)]
    finally:
        await store.ask((b"CONFIG", b"SET", b"rdbcompression", b"yes"))
    return b"".join(part for part in parts if isinstance(part, bytes))


async def test_items_are_read_in_order(store: Store) -> None:
    one, two = await _add(store, ONE, 5), await _add(store, TWO, 7)
    assert isinstance(one, int)
    assert isinstance(two, int)
    assert one < two
    assert await _items(store) == [Invitation(one, ONE, 5), Invitation(two, TWO, 7)]
    assert await _items(store, one) == [Invitation(two, TWO, 7)]


async def test_numbers_rise_though_the_clock_goes_back(store: Store) -> None:
    """The newest item's number may be of the time before."""
    await _add(store, ONE, 5)
    ahead = 2**52
    await store.ask((b"HSET", INBOX.state, b"s", ahead))
    assert await _add(store, TWO, 7) == ahead + 1


async def test_same_invitation_again_is_the_same_item(store: Store) -> None:
    assert await _add(store, ONE, 5) == await _add(store, ONE, 5)
    assert len(await _items(store)) == 1


async def test_new_invitation_into_the_same_conversation_is_a_new_item(store: Store) -> None:
    assert await _add(store, ONE, 5) != await _add(store, ONE, 9)


async def test_acknowledged_items_go_and_a_repeated_commit_does_not_bring_them_back(store: Store) -> None:
    one = await _add(store, ONE, 5)
    await _add(store, TWO, 7)
    assert isinstance(one, int)
    await store.ask(inbox_scripts.acknowledge_inbox(INBOX, one))
    assert [each.conversation_id for each in await _items(store)] == [TWO]
    await _add(store, ONE, 5)
    assert [each.conversation_id for each in await _items(store)] == [TWO]


async def test_nothing_stays_of_the_only_conversation_that_it_has_left(store: Store) -> None:
    await _add(store, ONE, 5)
    assert await _forget(store, ONE) == 1
    assert await store.ask((b"KEYS", b"inbox:*")) == []
    assert await _forget(store, ONE) == 0


async def test_nothing_stays_when_it_had_acknowledged_the_invitation(store: Store) -> None:
    one = await _add(store, ONE, 5)
    assert isinstance(one, int)
    await store.ask(inbox_scripts.acknowledge_inbox(INBOX, one))
    await _forget(store, ONE)
    assert await store.ask((b"KEYS", b"inbox:*")) == []


async def test_other_invitations_stay_as_they_were_and_no_byte_of_the_forgotten_one(store: Store) -> None:
    three = b"3" * 16
    for conversation, after in ((ONE, 5), (TWO, 7), (three, 9)):
        await _add(store, conversation, after)
    before = await _items(store)
    assert TWO in await _everything(store)
    await _forget(store, TWO)
    assert await _items(store) == [before[0], before[2]]
    assert TWO not in await _everything(store)
    # What is new comes behind what was there, and each key expires.
    again = await _add(store, TWO, 11)
    assert isinstance(again, int)
    assert again > before[2].seq
    for key in (INBOX.state, INBOX.items):
        remaining = await store.ask((b"PTTL", key))
        assert isinstance(remaining, int)
        assert 0 < remaining <= RETENTION_MS


async def test_trimmed_bytes_go_with_the_next_that_is_forgotten(store: Store) -> None:
    one, _ = await _add(store, ONE, 5), await _add(store, TWO, 7)
    assert isinstance(one, int)
    await store.ask(inbox_scripts.acknowledge_inbox(INBOX, one))
    await _forget(store, ONE)
    assert ONE not in await _everything(store)
    assert [each.conversation_id for each in await _items(store)] == [TWO]


async def test_what_is_written_anew_expires_as_before(store: Store) -> None:
    for conversation in (ONE, TWO):
        await _add(store, conversation, 5)
    await store.ask((b"PEXPIRE", INBOX.items, 5000))
    await _forget(store, ONE)
    remaining = await store.ask((b"PTTL", INBOX.items))
    assert isinstance(remaining, int)
    assert 0 < remaining <= 5000


async def test_an_invitation_that_came_later_is_not_forgotten(store: Store) -> None:
    """Removed by the commit at 5 and added by that at 9: another node may have invited it by now."""
    await _add(store, ONE, 9)
    assert await _forget(store, ONE, 5) == 0
    assert await _forget(store, ONE, 9) == 0
    assert len(await _items(store)) == 1
    assert await _forget(store, ONE, 10) == 1
