"""A conversation without a relay, for calls: what one says the others hear at once.

Everything else is real: the state machine, aiortc, and coturn where a test starts it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

from aiortc import RTCIceCandidate
from av import AudioFrame
from teduh_sdk.calls import Call, Calls, events
from teduh_sdk.calls.settings import CallSettings
from teduh_sdk.conversation.call_signals import CallListener
from teduh_sdk.group.room import Participant
from teduh_sdk.net.ice_servers import IceServers
from teduh_signaling.call.timing import Timing
from teduh_signaling.relay.frames import CallPolicy

from support.calls.known_media import Ear, Tone
from support.calls.turn_server import TurnServer
from support.eventually import eventually

_E = TypeVar("_E", bound=events.CallEvent)
QUICK = CallSettings(gather=4.0, stall=4.0, goodbye=0.3)
HASTY = replace(QUICK, gather=1.5, stall=3.0)
SOON = Timing(heartbeat=500, silence=4_000, connect=8_000)


def direct() -> IceServers:
    """No TURN server at all."""
    return IceServers(CallPolicy.DIRECT)


def through(
    turn: TurnServer, via: str = "udp", *, expires: int | None = None, secret: str | None = None
) -> IceServers:
    """Through this TURN server alone, over UDP or TCP."""
    username, credential = turn.credentials(expires=expires, secret=secret)
    url = f"turn:{turn.address}:{turn.port}?transport={via}"
    return IceServers(CallPolicy.RELAY, (url,), username, credential, 0)


class Seat:
    """One member's conversation, as far as calls know it."""

    def __init__(self, room: CallingRoom, me: Participant, servers: IceServers) -> None:
        self.room, self._me, self.servers = room, me, servers
        self.sent: list[bytes] = []
        self.beats = 0
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
        else:
            self.beats += 1
        for seat in () if self.room.is_relay_away else self.room.seats:
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
        self.is_relay_away = False
        self.seats = tuple(Seat(self, one, each) for one, each in zip(self.people, servers, strict=True))

    def remove(self, participant: Participant) -> None:
        """She is no longer a member; everybody learns of it."""
        self.people = tuple(one for one in self.people if one != participant)
        for seat in self.seats:
            if seat.listener is None:
                continue
            if seat.me is None:
                seat.listener.conversation_over()
            else:
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
    await eventually(condition, within)


async def rung(calls: Calls) -> Call:
    async with asyncio.timeout(20):
        return await anext(calls)


async def until(call: Call, kind: type[_E], within: float = 30.0) -> _E:
    """The next event of this kind; those before it are passed over."""
    async with asyncio.timeout(within):
        async for event in call:
            if isinstance(event, kind):
                return event
    raise AssertionError(f"the call was over before a {kind.__name__}")


def ears(call: Call) -> Ear:
    ear = Ear()
    call.on_audio(ear.hear)
    call.on_video(ear.see)
    return ear


def own_candidates(calls: Calls) -> list[RTCIceCandidate]:
    """With which of our addresses a pair could be made."""
    connections = [peer.connection for _, peer in calls._peers.values()]
    return [
        candidate
        for connection in connections
        if connection is not None
        for transceiver in connection.getTransceivers()
        for candidate in transceiver.receiver.transport.transport.iceGatherer.getLocalCandidates()
    ]


async def in_call(first: Calls, second: Calls) -> tuple[Call, Call]:
    """A call of two who hear each other: 440 Hz from the first, 1000 Hz from the second."""
    calling_ = await first.call([Tone(440)])
    answered = await rung(second)
    ear, other = ears(calling_), ears(answered)
    await answered.accept([Tone(1000)])
    await heard(lambda: ear.hears(1000) and other.hears(440))
    return calling_, answered


def ear_for(call: Call, leaf: int) -> Ear:
    """Hears one person alone."""
    ear = Ear()

    def hear(who: Participant, frame: AudioFrame) -> None:
        if who.leaf_index == leaf:
            ear.hear(who, frame)

    call.on_audio(hear)
    return ear


async def three(first: Calls, second: Calls, third: Calls) -> tuple[Call, Call, Call]:
    """A call of three: 440, 1000 and 1700 Hz; everybody hears both others."""
    ringing = await first.call([Tone(440)])
    others = [await rung(second), await rung(third)]
    tones = {0: 440, 1: 1000, 2: 1700}
    expected = [
        (ear_for(call, leaf), tone)
        for place, call in enumerate((ringing, *others))
        for leaf, tone in tones.items()
        if leaf != place
    ]
    await others[0].accept([Tone(1000)])
    await others[1].accept([Tone(1700)])
    await heard(lambda: all(ear.hears(tone) for ear, tone in expected))
    return ringing, others[0], others[1]
