"""A conversation without a relay, for calls: what one says the others hear at once.

Everything else is real: the state machine, aiortc, and coturn where a test starts it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from teduh_sdk.call_signals import CallListener
from teduh_sdk.calls.calls import Calls
from teduh_sdk.calls.settings import CallSettings
from teduh_sdk.ice_servers import IceServers
from teduh_sdk.room import Participant
from teduh_signaling.call.timing import Timing
from teduh_signaling.relay.frames import CallPolicy
from turn_server import TurnServer

QUICK = CallSettings(gather=4.0, stall=4.0, farewell=0.3)
SOON = Timing(heartbeat=500, silence=4_000, connect=8_000)


def direct() -> IceServers:
    """No TURN server at all."""
    return IceServers(CallPolicy.DIRECT)


def through(turn: TurnServer, **credentials: object) -> IceServers:
    """Through this TURN server alone, over UDP."""
    username, credential = turn.credentials(**credentials)  # type: ignore[arg-type]
    return IceServers(CallPolicy.RELAY, turn.urls[:1], username, credential, 0)


class Seat:
    """One member's conversation, as far as calls know it."""

    def __init__(self, room: CallingRoom, me: Participant, servers: IceServers) -> None:
        self.room, self._me, self.servers = room, me, servers
        self.sent: list[bytes] = []
        self.asked = 0
        self.listener: CallListener | None = None

    @property
    def participants(self) -> tuple[Participant, ...]:
        return self.room.people

    @property
    def me(self) -> Participant | None:
        return self._me if self._me in self.room.people else None

    def listen_to_calls(self, listener: CallListener) -> None:
        self.listener = listener

    def send_call_signal(self, data: bytes, *, is_ephemeral: bool = False) -> None:
        if not is_ephemeral:
            self.sent.append(data)
        for seat in self.room.seats:
            if seat is not self and seat.listener is not None:
                asyncio.get_running_loop().call_soon(seat.hear, self._me, data)

    def hear(self, sender: Participant, data: bytes) -> None:
        if self.listener is not None and sender in self.room.people:
            self.listener.call_signal(sender, data, True)

    async def ice_servers(self) -> IceServers:
        self.asked += 1
        return self.servers


class CallingRoom:
    """The survivor and staff, one seat each."""

    def __init__(self, servers: Sequence[IceServers]) -> None:
        self.people = tuple(
            Participant(
                leaf,
                bytes([leaf]) * 32,
                f"Staff {leaf}" if leaf else None,
                "counselor" if leaf else "survivor",
            )
            for leaf in range(len(servers))
        )
        self.seats = tuple(Seat(self, one, each) for one, each in zip(self.people, servers, strict=True))

    def remove(self, participant: Participant) -> None:
        """She is no longer a member; everybody learns of it."""
        self.people = tuple(one for one in self.people if one != participant)
        for seat in self.seats:
            if seat.listener is not None and seat.me is not None:
                seat.listener.room_changed()


@asynccontextmanager
async def calling(
    *servers: IceServers, settings: CallSettings = QUICK, timing: Timing = SOON
) -> AsyncIterator[tuple[CallingRoom, list[Calls]]]:
    """A room with so many members who can call each other; calls are left at the end."""
    room = CallingRoom(servers)
    calls = [Calls(seat, settings, timing) for seat in room.seats]
    try:
        yield room, calls
    finally:
        await asyncio.gather(*(one.close() for one in calls))


async def heard(condition: Callable[[], object], within: float = 30.0) -> None:
    """Wait until `condition()` is true of what comes from aiortc; fails after so many seconds."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 -- media set no event
            await asyncio.sleep(0.02)
