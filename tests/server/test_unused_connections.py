"""Connections that ask for nothing are closed in time, and all of a port are few; newcomers find room."""

from __future__ import annotations

from contextlib import AsyncExitStack

import aiohttp
import pytest
from support.clients.plain_relay import plain_relay
from support.relay.relay_process import held_port
from support.relay.websocket_wire import Wire, wire
from teduh_server.transport import unused_connections
from teduh_server.transport.unused_connections import MOST, UnusedConnections


class Connection:
    """Notes whether it was closed."""

    closed = False

    def force_close(self) -> None:
        self.closed = True


def test_an_unused_connection_is_closed_after_the_allowed_time() -> None:
    connection, unused = Connection(), UnusedConnections(10.0)
    for now in (100.0, 109.9):
        unused.sweep([connection], now)
        assert not connection.closed
    unused.sweep([connection], 110.0)
    assert connection.closed


def test_each_connection_has_its_own_time() -> None:
    old, new, unused = Connection(), Connection(), UnusedConnections(10.0)
    unused.sweep([old], 100.0)
    unused.sweep([old, new], 110.0)
    assert (old.closed, new.closed) == (True, False)


def test_a_connection_that_has_gone_is_forgotten() -> None:
    """Otherwise each one that ever was would be kept."""
    connection, unused = Connection(), UnusedConnections(10.0)
    unused.sweep([connection], 100.0)
    unused.sweep([], 105.0)
    unused.sweep([connection], 111.0)
    assert not connection.closed


async def test_a_newcomer_takes_the_place_of_the_one_that_has_been_unused_the_longest() -> None:
    unused, connections = UnusedConnections(10.0), [Connection() for _ in range(MOST)]
    unused.begin(connections[0])
    unused.make_room(connections)
    assert [each.closed for each in connections[:3]] == [False, True, True]
    assert not any(each.closed for each in connections[MOST // 2 :])


async def test_where_all_are_served_it_takes_that_of_the_one_served_the_longest() -> None:
    """Whoever does not read the answer keeps nobody out."""
    unused, connections = UnusedConnections(10.0), [Connection() for _ in range(MOST)]
    for each in reversed(connections):
        unused.begin(each)
    unused.make_room(connections)
    assert [each.closed for each in connections[-2:]] == [True, True]
    assert not any(each.closed for each in connections[: MOST // 2])


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unused_connections, "MOST", 4)


HALF = b"GET /metrics HTTP/1.1\r\nHost: relay\r\nX-Slow: "


async def _ends(client: Wire) -> bool:
    return await client.end() == b""


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("sent", [b"", HALF], ids=["silent", "half a head"])
@pytest.mark.parametrize("port", ["main", "metrics"])
async def test_half_open_connections_of_a_port_are_few_and_a_newcomer_is_answered(
    sent: bytes, port: str
) -> None:
    with held_port() as metrics_port:
        async with plain_relay(metrics_port=metrics_port) as relay, AsyncExitStack() as stack:
            url = relay.url if port == "main" else f"http://127.0.0.1:{metrics_port}"
            path = "healthz" if port == "main" else "metrics"
            opened = [await stack.enter_async_context(wire(url, sent)) for _ in range(10)]
            # The oldest go, whoever comes.
            assert await _ends(opened[0])
            async with aiohttp.ClientSession() as http, http.get(f"{url}/{path}") as answer:
                assert answer.status == 200


async def test_slow_heads_on_the_metrics_port_are_closed_in_time() -> None:
    with held_port() as metrics_port:
        async with plain_relay(metrics_port=metrics_port, heartbeat_seconds=1) as relay:
            assert relay.url
            async with wire(f"http://127.0.0.1:{metrics_port}", HALF) as slow:
                assert await _ends(slow)


async def test_one_source_is_served_so_many_requests_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sends no body holds its place until time is up; another request of that source is refused."""
    monkeypatch.setattr(unused_connections, "MOST_OF_ONE", 2)
    head = b"POST / HTTP/1.1\r\nHost: relay\r\nContent-Length: 48\r\n\r\n"
    async with plain_relay() as relay, wire(relay.url, head) as one, wire(relay.url, head) as two:
        assert one.writer is not two.writer
        async with aiohttp.ClientSession() as http:
            status = 200
            while status == 200:
                async with http.get(f"{relay.url}/healthz") as answer:
                    status = answer.status
            assert status == 429
        one.send(bytes(48))
        assert (await one.head())[0].split()[1] == "204"
        async with aiohttp.ClientSession() as http, http.get(f"{relay.url}/healthz") as answer:
            assert answer.status == 200
