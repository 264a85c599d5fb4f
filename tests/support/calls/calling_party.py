"""One party of a call as a program of its own, to be run on a (made-up) machine of its own.

python -m support.calls.calling_party LEAF SECONDS        leaf 0 rings, leaf 1 answers
    stdin   what the other says, one message in hexadecimal a line
    stdout  what this one says; at the end a line `= {"sent": ..., "received": ..., "hears": ...}`
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from typing import Final

from teduh_sdk.calls import Calls
from teduh_sdk.group.room import Participant

from support.calls.calling_room import QUICK, CallingRoom, Seat, direct, heard, rung
from support.calls.known_media import Ear, Tone

TONES: Final = (450, 1000)
"""Hz; whole numbers of waves in 20 ms, so that a lost packet leaves no step in the wave."""


class Wired(Seat):
    """A seat whose messages go out by standard output."""

    def send_call_signal(self, data: bytes, *, is_ephemeral: bool = False) -> None:
        print(data.hex(), flush=True)


async def listen(calls: Calls, other: Participant) -> None:
    """Hear what comes by standard input."""
    reader = asyncio.StreamReader(limit=1 << 20)
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while line := await reader.readline():
        calls.call_signal(other, bytes.fromhex(line.decode()), True)


async def measured(ear: Ear, microphone: Tone, frequency: float, seconds: float) -> dict[str, object]:
    """How much of what the other says is heard, once it is heard at all."""
    await heard(lambda: ear.hears(frequency), within=60)
    began, before = microphone.read, ear.frames
    await heard(lambda: microphone.read - began >= seconds * 50, within=seconds + 30)
    received, sent = ear.frames - before, microphone.read - began
    return {"sent": sent, "received": received, "hears": ear.hears(frequency)}


async def main(leaf: int, seconds: float) -> None:
    room = CallingRoom([direct(), direct()])
    calls = Calls(Wired(room, room.people[leaf], direct()), replace(QUICK, stall=15.0))
    listening = asyncio.create_task(listen(calls, room.people[1 - leaf]))
    microphone, ear = Tone(TONES[leaf]), Ear()
    if leaf == 0:
        call = await calls.call([microphone])
        call.on_audio(ear.hear)
    else:
        call = await rung(calls)
        call.on_audio(ear.hear)
        await call.accept([microphone])
    result = await measured(ear, microphone, TONES[1 - leaf], seconds)
    print("=", json.dumps(result), flush=True)
    # The other may not have measured enough yet; it ends both.
    await listening


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
