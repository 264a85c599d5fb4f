"""Two pages and two programs in one call, all through a TURN server: a mesh of browsers and aiortc."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from av import AudioFrame, VideoFrame
from playwright.async_api import FloatRect, expect
from support.browsers.call_pages import Caller, Talk, Traffic, relayed_environment, talking_alone
from support.browsers.console_page import ConsoleEnvironment
from support.browsers.environment import joined
from support.calls.calling_room import heard, rung, until
from support.calls.known_media import MovingBar, Tone, samples_of
from support.clients.sdk_people import new_staff
from teduh_crypto.credentials import Role
from teduh_sdk.calls import Call, events
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.exceptions import RecordingNotAllowed
from teduh_sdk.group.room import Participant
from teduh_sdk.staff.staff import Staff

# Calls of several people need much of the processor: one at a time.
pytestmark = pytest.mark.xdist_group("browser_calls")


class Voices:
    """Whom a program heard speak, and saw."""

    def __init__(self, call: Call) -> None:
        self.heard: set[int] = set()
        self.seen: set[int] = set()
        call.on_audio(self._hear)
        call.on_video(self._see)

    def _hear(self, who: Participant, frame: AudioFrame) -> None:
        if np.abs(samples_of(frame)).max() > 500:
            self.heard.add(who.leaf_index)

    def _see(self, who: Participant, _: VideoFrame) -> None:
        self.seen.add(who.leaf_index)


class Tape:
    """A recorder that only counts."""

    def __init__(self) -> None:
        self.frames = 0
        self.is_closed = False

    def audio(self, *_: object) -> None:
        self.frames += 1

    def video(self, *_: object) -> None:
        self.frames += 1

    def close(self) -> None:
        self.is_closed = True


@asynccontextmanager
async def program(
    environment: ConsoleEnvironment, talk: Talk, name: str, role: Role
) -> AsyncIterator[Conversation]:
    """A staff member whose device is a program, brought into the conversation."""
    store = new_staff(environment.organisation, name, role)
    async with Staff(environment.url, environment.organisation.public, store) as staff:
        await staff.set_available(1)
        await talk.console.button("Bring in a colleague…").click()
        dialog = talk.theirs.page.get_by_role("dialog")
        await dialog.get_by_role("radio", name=name).check()
        await talk.console.button("Ask").click()
        await talk.survivor.button("Yes, let them join").click()
        yield await joined(staff)


async def test_two_pages_and_two_programs_all_hear_each_other_and_she_decides_on_recording(
    tmp_path: Path,
) -> None:
    async with (
        relayed_environment(tmp_path) as (environment, _),
        talking_alone(environment) as talk,
        program(environment, talk, "Budiman", Role.MEDIC) as medics,
        program(environment, talk, "Citra", Role.INTERPRETER) as interpreters,
    ):
        await talk.theirs.page.get_by_role("button", name="Video call", exact=True).click()
        medic, interpreter = await rung(medics.calls), await rung(interpreters.calls)
        voices = [Voices(call) for call in (medic, interpreter)]
        await asyncio.gather(medic.accept([Tone(700), MovingBar()]), interpreter.accept([Tone(1700)]))
        await talk.hers.button("Answer").click()
        await all_are_connected(talk)
        await heard(lambda: all(len(one.heard) == 3 and one.seen for one in voices), within=60)
        await nothing_lies_on_another(talk.hers, tiles=3)
        await talk.hers.steady()
        await talk.hers.button("Camera on").click()
        await nothing_lies_on_another(talk.hers, tiles=4)
        await recording_is_hers_to_end(talk, medic, interpreter)
        # One after the other goes, and the picture becomes larger.
        await interpreter.hang_up()
        await talk.hers.is_told("Citra has left the call.")
        await nothing_lies_on_another(talk.hers, tiles=3)
        await medic.hang_up()
        await nothing_lies_on_another(talk.hers, tiles=2)
        await talk.hers.button("Camera off").click()
        await nothing_lies_on_another(talk.hers, tiles=1)


async def all_are_connected(talk: Talk) -> None:
    for caller in (talk.hers, talk.theirs):
        await expect(caller.others).to_have_count(3)
        seen: list[Traffic] = []
        async with asyncio.timeout(60):
            while len(seen) != 3 or not all(one.samples and one.selected for one in seen):
                seen = await caller.traffic()
        assert [one for one in seen if not one.is_relayed] == []


async def recording_is_hers_to_end(talk: Talk, medic: Call, interpreter: Call) -> None:
    """It begins when all have said yes, is shown while it lasts, and ends when she takes her yes back."""
    await medic.ask_to_record()
    await (await until(interpreter, events.RecordingAsked)).allow()
    for caller in (talk.theirs, talk.hers):
        await caller.shows("Budiman would like to record this call.")
        with pytest.raises(RecordingNotAllowed):
            await medic.record(Tape())
        await caller.button("Yes, it may be recorded").click()
        await caller.shows("You have allowed Budiman to record.")
    await until(medic, events.RecordingAllowed)
    tape = Tape()
    await medic.record(tape)
    await heard(lambda: tape.frames)
    for caller in (talk.theirs, talk.hers):
        await caller.shows("Budiman is recording this call.")
    await talk.hers.button("Take that back").click()
    await until(medic, events.RecordingMustStop)
    assert tape.is_closed
    await expect(talk.hers.call.get_by_text("You have allowed Budiman to record.")).to_be_hidden()
    await expect(talk.hers.call.get_by_text("Budiman is recording this call.")).to_be_hidden()


_PLACES = """(tiles) => {
  const found = [...document.querySelectorAll('.tile')].map((one) => one.getBoundingClientRect());
  return found.length === tiles && found.map(({ x, y, width, height }) => ({ x, y, width, height }));
}"""


async def nothing_lies_on_another(caller: Caller, *, tiles: int) -> None:
    """So many pictures, each within the screen of 360 pixels, and none upon another."""
    await expect(caller.call.locator(".tile")).to_have_count(tiles)
    # All in one look, for they may be moved between two.
    looked = await caller.page.wait_for_function(_PLACES, arg=tiles)
    places: list[FloatRect] = await looked.json_value()
    for place in places:
        assert place["x"] >= 0
        assert place["x"] + place["width"] <= 360
        assert place["width"] > 60
        assert place["height"] > 40
    assert not [pair for pair in combinations(places, 2) if overlap(*pair)]


def overlap(one: FloatRect, other: FloatRect) -> bool:
    across = one["x"] < other["x"] + other["width"] and other["x"] < one["x"] + one["width"]
    return across and one["y"] < other["y"] + other["height"] and other["y"] < one["y"] + one["height"]
