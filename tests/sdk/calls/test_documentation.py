"""The programs in `docs/calls-python.md` do what the text around them says."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.calls.calling_room import calling, heard, in_call, through, until
from support.calls.known_media import Tone
from support.calls.turn_server import TurnServer, turn_server
from teduh_sdk.calls import Calls, events

DOCUMENT = Path(__file__).parents[3] / "docs/calls-python.md"


@pytest.fixture
def turn(tmp_path: Path) -> Iterator[TurnServer]:
    with turn_server(tmp_path, allow_loopback_peers=True) as server:
        yield server


@pytest.fixture
def shown() -> SimpleNamespace:
    """What the blocks of the document define."""
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL):
        exec(block, names)
    return SimpleNamespace(**names)


def conversation(calls: Calls) -> SimpleNamespace:
    """The part of a conversation that the document uses."""
    return SimpleNamespace(calls=calls, call=calls.call)


async def test_two_programs_call_each_other(
    turn: TurnServer, shown: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    async with calling(through(turn), through(turn)) as (room, (hers, counselors)):
        called = asyncio.create_task(shown.be_called(conversation(counselors), Tone(1000)))
        caller = asyncio.create_task(shown.call_her(conversation(hers), Tone(440)))
        printed: list[str] = []

        def has(*lines: str) -> bool:
            printed.extend(capsys.readouterr().out.splitlines())
            return all(line in printed for line in lines)

        first, second = room.people
        await heard(lambda: has(f"{first} 960", f"{second} 960", f"{first} hears us", f"{second} hears us"))
        assert hers.current is not None
        await hers.current.hang_up()
        await caller
        await heard(lambda: has("HUNG_UP") and printed.count("HUNG_UP") == 2)
        called.cancel()
        await asyncio.gather(called, return_exceptions=True)


async def test_a_program_records_when_all_have_allowed_it(
    turn: TurnServer, shown: SimpleNamespace, tmp_path: Path
) -> None:
    async with calling(through(turn), through(turn)) as (_, (hers, counselors)):
        ringing, answered = await in_call(hers, counselors)
        recording = asyncio.create_task(shown.record(answered, tmp_path))
        await (await until(ringing, events.RecordingAsked)).allow()
        assert (await until(ringing, events.PeerRecording)).is_recording is True
        await heard(lambda: (tmp_path / "leaf-0-audio.ogg").exists())
        await ringing.hang_up()
        await recording
