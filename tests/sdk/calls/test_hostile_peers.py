"""What a member's device says of a call may be anything: it costs that device its connection alone."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.calls.calling_room import HASTY, CallingRoom, calling, direct, ears, heard, rung, through, until
from support.calls.known_media import Tone
from support.calls.turn_server import turn_server
from teduh_sdk.calls import Call, Calls, EndReason, events
from teduh_sdk.group.room import Participant
from teduh_signaling.call.codec import decode_call, encode_call
from teduh_signaling.call.messages import (
    AnyCallMessage,
    Candidate,
    Candidates,
    Description,
    Join,
    Media,
    Ring,
)
from teduh_signaling.call.timing import Timing

CALL = b"\1" * 8
VOICE = Media(audio=True, video=False)
IMPATIENT = Timing(heartbeat=500, connect=600, attempts=2)
CANDIDATES = (
    "candidate:x typ relay",
    "candidate:",
    "\0",
    "candidate:1 1 udp x 127.0.0.1 9 typ host",
    "typ relay " * 90,
)
GOOD = """v=0
o=- 1 1 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0
m=audio 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=mid:0
a=rtcp-mux
a=rtpmap:96 opus/48000/2
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuv
a=fingerprint:sha-256 00:11
a=setup:actpass
"""
OFFERS = {
    "nothing of the kind": "x",
    "no sections": "v=0\n",
    "no fingerprint": GOOD.replace("a=fingerprint:sha-256 00:11\n", ""),
    "no credentials": GOOD.replace("a=ice-pwd:abcdefghijklmnopqrstuv\n", ""),
    "no codec of ours": GOOD.replace("opus/48000/2", "speex/8000"),
    "port that is no number": GOOD.replace("m=audio 9", "m=audio nine"),
    "candidate that is none": GOOD + "a=candidate:x typ relay\n",
    "a thousand sections": GOOD + GOOD[GOOD.index("m=audio") :] * 60,
    "payload type that is too large": GOOD.replace("96", "9" * 40),
}


class Mischief:
    """Somebody in the room who speaks for herself: leaf 0, which always offers."""

    def __init__(self, room: CallingRoom) -> None:
        self._seat = room.seats[0]
        self._joined = now()
        self._joins: dict[int, Join] = {}
        self.rung: Ring | None = None
        self._seat.listener = self

    def call_signal(self, sender: Participant, data: bytes, is_live: bool) -> None:
        """Everything is heard."""
        message = decode_call(data)
        if isinstance(message, Join):
            self._joins[sender.leaf_index] = message
        elif isinstance(message, Ring):
            self.rung = message

    def room_changed(self) -> None:
        """Nothing of it matters."""

    def conversation_over(self) -> None:
        """Nothing of it matters."""

    def ring(self) -> None:
        self._say(Ring(CALL, now(), self._joined, VOICE))

    def join(self, call: bytes) -> None:
        self._say(Join(call, now(), self._joined, VOICE))

    def offer(self, to: int, joined: int, sdp: str, call: bytes = CALL, generation: int = 1) -> None:
        self._say(Description(call, now(), self._joined, to, joined, generation, 1, True, False, sdp))

    def add(self, to: int, joined: int, *lines: str) -> None:
        several = tuple(Candidate(line, "0", 0) for line in lines)
        self._say(Candidates(CALL, now(), self._joined, to, joined, 1, 1, several))

    def knows(self, leaf: int) -> bool:
        return leaf in self._joins

    def joined(self, leaf: int) -> int:
        return self._joins[leaf].joined

    def _say(self, message: AnyCallMessage) -> None:
        self._seat.send_call_signal(encode_call(message))


def now() -> int:
    return int(time.time() * 1000)


@pytest.fixture(autouse=True)
async def _nothing_goes_uncaught() -> AsyncIterator[None]:
    found: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: found.append(context))
    yield
    gc.collect()
    assert found == []


async def victim_of(room: CallingRoom, calls: Calls) -> tuple[Mischief, Call, int]:
    """A call of leaf 1 with the mischief, which has offered nothing yet."""
    mischief = Mischief(room)
    mischief.ring()
    call = await rung(calls)
    await call.accept([Tone(440)])
    await until(call, events.PeerJoined)
    await asyncio.sleep(0)
    return mischief, call, mischief.joined(1)


@pytest.mark.parametrize("sdp", OFFERS.values(), ids=OFFERS.keys())
async def test_an_offer_that_makes_no_sense_ends_that_connection(sdp: str) -> None:
    async with calling(direct(), direct(), settings=HASTY, timing=IMPATIENT) as (room, (_, calls)):
        mischief, call, joined = await victim_of(room, calls)
        mischief.offer(1, joined, sdp)
        await until(call, events.PeerUnreachable)
        assert (await until(call, events.Ended)).reason is EndReason.FAILED


@pytest.mark.parametrize("line", CANDIDATES)
async def test_a_candidate_that_makes_no_sense_ends_that_connection(line: str) -> None:
    async with calling(direct(), direct(), settings=HASTY, timing=IMPATIENT) as (room, (_, calls)):
        mischief, call, joined = await victim_of(room, calls)
        mischief.offer(1, joined, GOOD)
        mischief.add(1, joined, line)
        await until(call, events.PeerUnreachable)
        assert (await until(call, events.Ended)).reason is EndReason.FAILED


async def test_the_others_talk_on(tmp_path: Path) -> None:
    with turn_server(tmp_path, allow_loopback_peers=True) as turn:
        async with calling(direct(), through(turn), through(turn)) as (room, (_, calls, others)):
            mischief = Mischief(room)
            call = await calls.call([Tone(440)])
            answered = await rung(others)
            ear, other = ears(call), ears(answered)
            await answered.accept([Tone(1000)])
            await heard(lambda: mischief.rung and mischief.knows(2))
            ring = mischief.rung
            assert ring is not None
            mischief.join(ring.call)
            for generation, sdp in enumerate(OFFERS.values(), 1):
                mischief.offer(1, ring.joined, sdp, ring.call, generation)
                mischief.offer(2, mischief.joined(2), sdp, ring.call, generation)
            await heard(lambda: ear.hears(1000) and other.hears(440))


async def test_bytes_that_are_no_message_are_passed_over() -> None:
    async with calling(direct(), direct()) as (room, (hers, counselors)):
        for data in (b"", b"\xff" * 40, b"\x91\x20", bytes(3000)):
            room.seats[0].send_call_signal(data)
        await hers.call([Tone(440)])
        assert (await rung(counselors)).by == room.people[0]
