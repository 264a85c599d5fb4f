"""The connection to the store: batches in order, scripts that were forgotten, a server that goes away."""

from __future__ import annotations

import asyncio
import os
import signal
import socket

import pytest
from support.eventually import eventually
from support.store.stored_conversation import StoredConversation
from support.store.valkey_server import start_valkey
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.durability import Durability
from teduh_server.redis_store.embedded import EmbeddedValkey, FolderInUse
from teduh_server.redis_store.exceptions import StoreRefused, StoreUnavailable
from teduh_server.redis_store.scripts import Appended


async def test_commands_of_one_tick_are_answered_in_order(store: Store) -> None:
    answers = await asyncio.gather(*(store.ask((b"ECHO", b"%d" % number)) for number in range(500)))
    assert answers == [b"%d" % number for number in range(500)]


async def test_error_reply_raises_and_the_connection_goes_on(store: Store) -> None:
    with pytest.raises(StoreRefused):
        await store.ask((b"NOSUCHCOMMAND",))
    assert await store.ask((b"ECHO", b"on")) == b"on"


async def test_forgotten_scripts_are_sent_anew_and_order_is_kept(stored: StoredConversation) -> None:
    await stored.store.ask((b"SCRIPT", b"FLUSH"))
    results = await asyncio.gather(*(stored.append(0, counter) for counter in range(1, 21)))
    assert results == [Appended(seq) for seq in range(1, 21)]


async def test_published_messages_are_handed_over(valkey: EmbeddedValkey) -> None:
    heard: list[bytes] = []
    store = Store(StoreAddress.parse(valkey.url), (b"one", b"two"), heard.append)
    await store.start()
    for channel in (b"one", b"two"):
        await store.ask((b"PUBLISH", channel, b"to " + channel))
    await eventually(lambda: heard == [b"to one", b"to two"])
    await store.close()


async def test_killed_server_fails_what_waits_and_is_found_again() -> None:
    listening: list[bool] = []
    with start_valkey() as valkey:
        store = Store(StoreAddress.parse(valkey.url), (b"channel",), None, lambda: listening.append(True))
        await store.start()
        stored = StoredConversation(store)
        await stored.create()
        await stored.append(0, 1)
        await asyncio.to_thread(valkey.kill)
        await eventually(lambda: not store.available)
        with pytest.raises(StoreUnavailable):
            await store.ask((b"PING",))
        await asyncio.to_thread(valkey.revive)
        await eventually(lambda: store.available and len(listening) == 2)
        assert await stored.append(0, 1) == Appended(1, repeated=True)
        await store.close()


async def test_server_that_hangs_is_given_up_and_found_again() -> None:
    """Its connections stay open, so that nothing but its silence tells."""
    listening: list[bool] = []
    with start_valkey() as valkey:
        store = Store(StoreAddress.parse(valkey.url), (b"channel",), None, lambda: listening.append(True))
        await store.start()
        assert valkey.pid is not None
        os.kill(valkey.pid, signal.SIGSTOP)
        try:
            with pytest.raises(StoreUnavailable):
                await store.ask((b"ECHO", b"anybody there?"))
            await eventually(lambda: not store.available and not store.hears(b"channel"))
        finally:
            os.kill(valkey.pid, signal.SIGCONT)
        await eventually(lambda: store.available)
        await eventually(lambda: len(listening) == 2)
        assert await store.ask((b"ECHO", b"yes")) == b"yes"
        await store.close()


async def test_master_that_became_a_replica_is_left() -> None:
    """It refuses writes, and so does a new connection to it, until it is a master again."""
    with start_valkey(durability=Durability.MEMORY) as one:
        store = Store(StoreAddress.parse(one.url))
        await store.start()
        await store.ask((b"REPLICAOF", b"127.0.0.1", 1))
        with pytest.raises(StoreUnavailable):
            await store.ask((b"SET", b"key", b"value"))
        await eventually(lambda: not store.available)
        other = Store(StoreAddress.parse(one.url))
        with pytest.raises(TimeoutError):
            await other.start(within=0.3)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(one.socket_path))
            client.sendall(b"REPLICAOF NO ONE\r\n")
        await eventually(lambda: store.available)
        await store.close()


async def test_everything_answered_survives_a_kill() -> None:
    """Durability `aof` writes the file before it answers, unlike Valkey's own setting of that name."""
    with start_valkey(durability=Durability.AOF) as valkey:
        store = Store(StoreAddress.parse(valkey.url))
        await store.start()
        stored = StoredConversation(store)
        await stored.create_taken()
        await asyncio.gather(*(stored.append(1, counter) for counter in range(1, 501)))
        await asyncio.to_thread(valkey.kill)
        await asyncio.to_thread(valkey.revive)
        await eventually(lambda: store.available)
        assert [each.seq for each in await stored.log()] == list(range(1, 501))
        await store.close()


def test_folder_has_one_relay_at_a_time() -> None:
    with start_valkey() as valkey, pytest.raises(FolderInUse):
        EmbeddedValkey(valkey.folder).start()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("unix:///run/valkey.sock?db=2", StoreAddress(socket_path="/run/valkey.sock", database=2)),
        ("redis://cache", StoreAddress(host="cache")),
        (
            "rediss://relay:s%40cret@cache:6380/3",
            StoreAddress(None, "cache", 6380, True, 3, "relay", "s@cret"),
        ),
    ],
)
def test_url_is_read_as_other_tools_write_it(url: str, expected: StoreAddress) -> None:
    assert StoreAddress.parse(url) == expected


def test_password_is_not_shown() -> None:
    assert "s@cret" not in repr(StoreAddress.parse("redis://:s%40cret@cache"))


def test_other_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="unix://"):
        StoreAddress.parse("http://cache")
