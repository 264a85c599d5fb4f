"""By which way a call may go, as a configuration for aiortc.

    relay's answer        allowed here        configuration
    OFF                                       none: CallsUnavailable
    RELAY                                     one TURN server, relay policy
    DIRECT                yes                 one TURN server or none, every policy

Two of aiortc's habits are met here. Of a list of TURN servers it uses the first alone; so we give it one, and
another of the list for each next connection, which is how a call comes through where UDP does not. And a
missing list means Google's STUN servers; so there is always one.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from aiortc import RTCConfiguration, RTCIceGatherer, RTCIceServer, RTCIceTransportPolicy
from aiortc.rtcconfiguration import RTCBundlePolicy
from teduh_signaling.relay.frames import CallPolicy

from teduh_sdk.calls.gathering import Gathering
from teduh_sdk.exceptions import CallsUnavailable, NoRelayedPath
from teduh_sdk.net.ice_servers import IceServers

_MARGIN: Final = 60
"""Seconds before credentials expire, by when new ones are fetched: clocks differ."""


@dataclass(frozen=True, slots=True)
class Route:
    """What one connection may use."""

    configuration: RTCConfiguration
    relay_only: bool


def route(servers: IceServers, attempt: int) -> Route:
    """The way of the connection number `attempt` (from 0) between two devices. Raises `CallsUnavailable`."""
    if servers.policy is CallPolicy.OFF:
        raise CallsUnavailable("this relay has no TURN server, and direct calls are not allowed")
    url = servers.urls[attempt % len(servers.urls)] if servers.urls else None
    listed = [] if url is None else [RTCIceServer(url, servers.username, servers.credential)]
    policy = RTCIceTransportPolicy.RELAY if servers.relay_only else RTCIceTransportPolicy.ALL
    # BALANCED, for under MAX_BUNDLE aiortc forgets candidates that stand in the first section alone.
    return Route(RTCConfiguration(listed, policy, RTCBundlePolicy.BALANCED), servers.relay_only)


def are_stale(servers: IceServers, now: float) -> bool:
    """Whether the credentials may be refused soon; `now` in seconds since 1970."""
    return servers.expires != 0 and now > servers.expires - _MARGIN


@dataclass(frozen=True, slots=True)
class RouteTest:
    """What was found out about one TURN server: seconds until it had given us an address."""

    url: str
    seconds: float


async def check_routes(servers: IceServers, seconds: float) -> tuple[RouteTest, ...]:
    """Try every TURN server before a call, each for so many seconds.

    Returns those that gave us an address, in the order of the list. Raises `CallsUnavailable`, and
    `NoRelayedPath` if none did.
    """
    tried = await asyncio.gather(
        *(_try(servers, number, seconds) for number in range(len(servers.urls) or 1))
    )
    found = tuple(one for one in tried if one is not None)
    if servers.relay_only and not found:
        raise NoRelayedPath("no TURN server gave us an address: unreachable, or it refuses the credentials")
    return found


async def _try(servers: IceServers, number: int, seconds: float) -> RouteTest | None:
    chosen = route(servers, number).configuration
    if not servers.urls:
        return None
    gatherer = RTCIceGatherer(chosen.iceServers, RTCIceTransportPolicy.RELAY)
    began = time.monotonic()
    gathering = Gathering(gatherer.gather())
    is_over = False
    try:
        is_over = await gathering.wait(seconds)
        took = time.monotonic() - began
        is_found = bool(gatherer.getLocalCandidates())
    finally:
        # There is no other way to give the address back.
        closing = gathering.and_then(gatherer._connection.close)
    if not is_over:
        return None
    await closing
    return RouteTest(servers.urls[number], took) if is_found else None
