"""By which way a call goes: through a TURN server, one at a time, and otherwise not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiortc import RTCIceTransportPolicy
from aiortc.rtcconfiguration import RTCBundlePolicy
from support.calls.calling_room import through
from support.calls.turn_server import turn_server
from teduh_sdk.calls.route import are_stale, check_routes, route
from teduh_sdk.exceptions import CallsUnavailable, NoRelayedPath
from teduh_sdk.net.ice_servers import IceServers
from teduh_signaling.relay.frames import CallPolicy

URLS = ("turn:turn.example:3478?transport=udp", "turns:turn.example:443?transport=tcp")
SERVERS = IceServers(CallPolicy.RELAY, URLS, "user", "secret", 1_000)


def urls(servers: IceServers, attempt: int) -> list[object]:
    listed = route(servers, attempt).configuration.iceServers
    assert listed is not None
    return [server.urls for server in listed]


def test_only_relayed_candidates_are_used_where_there_is_turn() -> None:
    chosen = route(SERVERS, 0)
    assert chosen.relay_only
    assert chosen.configuration.iceTransportPolicy is RTCIceTransportPolicy.RELAY
    assert chosen.configuration.bundlePolicy is RTCBundlePolicy.BALANCED


def test_each_connection_tries_the_next_turn_server() -> None:
    assert [urls(SERVERS, attempt) for attempt in range(3)] == [[URLS[0]], [URLS[1]], [URLS[0]]]


def test_without_turn_no_server_of_anybody_else_is_used() -> None:
    chosen = route(IceServers(CallPolicy.DIRECT), 0)
    assert chosen.configuration.iceServers == []
    assert not chosen.relay_only


def test_where_calls_are_off_there_is_no_way() -> None:
    with pytest.raises(CallsUnavailable):
        route(IceServers(CallPolicy.OFF), 0)


def test_credentials_are_renewed_before_they_expire() -> None:
    assert not are_stale(SERVERS, 900)
    assert are_stale(SERVERS, 950)
    assert not are_stale(IceServers(CallPolicy.DIRECT), 1e12)


async def test_before_a_call_one_can_ask_which_servers_answer(tmp_path: Path) -> None:
    with turn_server(tmp_path) as turn:
        good = through(turn)
        dead = IceServers(
            CallPolicy.RELAY, ("turn:127.0.0.1:9?transport=tcp", *good.urls), good.username, good.credential
        )
        (found,) = await check_routes(dead, 5.0)
    assert found.url == good.urls[0]
    assert 0 < found.seconds < 5


async def test_before_a_call_wrong_credentials_are_noticed(tmp_path: Path) -> None:
    with turn_server(tmp_path) as turn, pytest.raises(NoRelayedPath):
        await check_routes(through(turn, secret="not this one"), 5.0)
