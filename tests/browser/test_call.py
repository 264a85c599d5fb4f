"""Calls between the pages in real Chromium, through a real coturn: what arrives, and what never leaves."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import expect
from support.browsers import needles
from support.browsers.call_pages import (
    SMALL,
    Caller,
    Talk,
    arrives,
    call_browser,
    relayed_environment,
    talking_alone,
    visitor,
)
from support.browsers.console_page import ConsolePage, console_environment
from support.browsers.survivor_page import SurvivorPage
from support.calls.turn_server import TurnServer, turn_server
from teduh_server.handlers.ice_servers import IceServerOffers
from teduh_signaling.relay.codec import decode_client_frame
from teduh_signaling.relay.frames import Append, Ephemeral

# Calls of several people need much of the processor: one at a time.
pytestmark = pytest.mark.xdist_group("browser_calls")

CANDIDATE = re.compile(r"candidate:.*")
SECRET = r"(?:a=)?((?:candidate|fingerprint|ice-ufrag|ice-pwd|msid|ssrc):[^\r\n]*)"


async def test_one_tap_each_leads_to_a_video_call_on_this_machine(tmp_path: Path) -> None:
    """As `make run` sets it up: direct, and the pages say so. Her camera stays off."""
    async with (
        console_environment(tmp_path, calls={"allow_direct": True}) as environment,
        talking_alone(environment) as talk,
    ):
        await talk.video_call()
        await talk.hers.sees_movement()
        await talk.hers.hears_the_beep()
        await talk.theirs.hears_the_beep()
        assert await talk.hers.tracks() == ["live"]
        await talk.hers.shows("Your microphone is on")
        await talk.hers.shows("Your camera is off")
        for page in (talk.hers, talk.theirs):
            await page.shows("straight from device to device")
        # What was measured is for staff.
        await expect(talk.console.page.locator(".quality[title]")).to_have_count(1)
        await expect(talk.survivor.page.locator(".quality")).to_have_count(1)
        await expect(talk.survivor.page.locator(".quality[title]")).to_have_count(0)
        # Writing goes on meanwhile.
        await talk.survivor.say("I can see you")
        await expect(talk.console.message("I can see you")).to_be_visible()
        await talk.theirs.button("Hang up").click()
        await talk.hers.shows("has hung up")
        assert await talk.hers.tracks() == ["ended"]
        assert set(await talk.theirs.tracks()) == {"ended"}


async def test_relayed_call_carries_pictures_and_sound_and_tells_no_address(tmp_path: Path) -> None:
    """Promise 6: with TURN nothing but relayed candidates is gathered, sent or used, in both directions."""
    async with (
        relayed_environment(tmp_path) as (environment, _),
        talking_alone(environment) as talk,
    ):
        await talk.hers.tries_the_way("A call can get through. Delay")
        await talk.video_call()
        await talk.hers.button("Camera on").click()
        for caller in (talk.hers, talk.theirs):
            await caller.sees_movement()
            await caller.hears_the_beep()
            await caller.receives_more(frames=True, samples=True)
            (traffic,) = await caller.traffic()
            assert traffic.is_relayed
            assert set(traffic.pairs) == {"relay"}
            came_in = "\n".join(await caller.came_in())
            candidates = CANDIDATE.findall(came_in)
            assert candidates
            for candidate in candidates:
                assert " typ relay raddr 0.0.0.0 rport 0" in candidate
            assert ".local" not in came_in
            assert set(re.findall(r"^[co]=.*IN IP\S (\S+)", came_in, re.MULTILINE)) == {"0.0.0.0"}
        await nothing_is_readable_on_the_wire(talk.hers, talk.theirs)
        await nothing_is_readable_on_the_wire(talk.theirs, talk.hers)
        await talk.hers.button("Camera off").click()
        await expect(talk.theirs.others.locator("video")).to_have_count(0)
        assert sorted(await talk.hers.tracks()) == ["ended", "live"]


async def nothing_is_readable_on_the_wire(sender: Caller, receiver: Caller) -> None:
    """Promise 1: what the other browser was told of descriptions and candidates is not in what was sent."""
    came_in = "\n".join(await receiver.came_in())
    secrets = {line for line in re.findall(SECRET, came_in, re.MULTILINE) if len(line) > 12}
    assert any(one.startswith("fingerprint:") for one in secrets)
    assert any(one.startswith("candidate:") for one in secrets)
    assert needles.find(secrets, [("the wire", b"".join(sender.sent))]) == []
    frames = [decode_client_frame(frame) for frame in sender.sent]
    while not any(isinstance(frame, Ephemeral) for frame in frames):
        # The first heartbeat comes after five seconds.
        await sender.page.evaluate("new Promise((resolve) => setTimeout(resolve, 50))")
        frames = [decode_client_frame(frame) for frame in sender.sent]
    sizes = [len(frame.payload) for frame in frames if isinstance(frame, Append) and frame.kind == 0]
    # Padded to steps of 1 KiB, all with the same overhead; a description of a real browser fits into 4 KiB.
    assert len({size % 1024 for size in sizes}) == 1
    assert max(sizes) // 1024 <= 4
    assert len({len(frame.payload) for frame in frames if isinstance(frame, Ephemeral)}) == 1


NOTED = "your browser keeps this address"
ALOUD = "Use earphones. Other people may hear the sound."


async def test_she_is_told_what_a_permission_leaves_behind_before_her_browser_asks_for_it(
    tmp_path: Path,
) -> None:
    """Whether she is called or calls: no page can take it back, and whoever has her device finds it."""
    async with (
        console_environment(tmp_path, calls={"allow_direct": True}) as environment,
        talking_alone(environment) as talk,
    ):
        hers, theirs = talk.hers, talk.theirs
        await theirs.page.get_by_role("button", name="Video call", exact=True).click()
        await hers.shows(NOTED)
        await hers.shows(ALOUD)
        await hers.button("Not now").click()
        await hers.page.get_by_role("button", name="Talk by voice or video").click()
        await hers.shows(NOTED)
        await hers.shows(ALOUD)
        assert await hers.page.evaluate("window.wishes") == []
        await hers.button("Voice call").click()
        # It is no concern of staff.
        await theirs.shows("would like to talk with you")
        for words in (NOTED, ALOUD):
            await expect(theirs.call.get_by_text(words)).to_have_count(0)


async def test_her_side_rings_silently_and_nothing_is_on_before_she_answers(tmp_path: Path) -> None:
    async with (
        console_environment(tmp_path, calls={"allow_direct": True}) as environment,
        talking_alone(environment) as talk,
    ):
        await talk.theirs.page.get_by_role("button", name="Video call", exact=True).click()
        await talk.hers.shows("would like a video call with you")
        await makes_no_sound(talk.hers)
        await talk.hers.button("Not now").click()
        await talk.theirs.shows("Person 1 cannot talk now.")
        assert set(await talk.theirs.tracks()) == {"ended"}
        await cancelled(talk)


async def cancelled(talk: Talk) -> None:
    """A ring that is taken back stops on her side."""
    await talk.theirs.page.get_by_role("button", name="Video call", exact=True).click()
    await talk.hers.shows("would like a video call with you")
    await talk.theirs.button("Stop calling").click()
    await talk.hers.shows("You missed a call")
    await makes_no_sound(talk.hers)
    # The counselor's page may, and so what listens for sounds would have heard it.
    await talk.hers.page.get_by_role("button", name="Talk by voice or video").click()
    await talk.hers.button("Voice call").click()
    await talk.theirs.shows("would like to talk with you")
    await talk.theirs.page.wait_for_function("() => window.noises.includes('AudioContext')")


async def makes_no_sound(caller: Caller) -> None:
    """Nothing was captured, played, shown or shaken, by any way that a page has."""
    assert await caller.tracks() == []
    assert await caller.page.evaluate("window.wishes") == []
    assert await caller.page.evaluate("window.noises") == []


# Whether each track was stopped in the very turn of the key or tap.
_NOTE_STOPS = """
let tap = { isOver: true };
window.stops = [];
for (const kind of ['click', 'keydown']) addEventListener(kind, () => {
  const mine = tap = { isOver: false };
  setTimeout(() => { mine.isOver = true; });
}, { capture: true });
const stop = MediaStreamTrack.prototype.stop;
MediaStreamTrack.prototype.stop = function () {
  stop.call(this);
  window.stops.push({ kind: this.kind, isInTurn: !tap.isOver });
};
"""
_LEFT = """() => ({
  states: window.tracks.map((one) => one.readyState),
  stops: window.stops,
  open: window.connections.filter((one) => one.connectionState !== 'closed').length,
})"""


async def test_quick_exit_ends_every_track_at_once_however_she_leaves(tmp_path: Path) -> None:
    """Microphone and try-out at once, in the turn of the tap; a camera that was still opening, as it comes.

    The page that quick exit leads to does not load, so that this one can be asked.
    """
    async with (
        console_environment(tmp_path, calls={"allow_direct": True}) as environment,
        call_browser() as browser,
        visitor(browser) as desk,
    ):
        console = await ConsolePage.enter(desk, environment)
        theirs = Caller(console.page)
        for leave in (
            SurvivorPage.leave_by_button,
            SurvivorPage.leave_by_shift,
            SurvivorPage.leave_by_two_taps,
        ):
            async with visitor(browser, viewport=SMALL) as phone:
                await phone.add_init_script(_NOTE_STOPS)
                for way in ("**/x", "https://www.bmkg.go.id/"):
                    await phone.route(way, lambda route: route.fulfill(status=204))
                survivor = await arrives(phone, console, environment)
                await Talk(Caller(survivor.page), theirs, survivor, console).video_call()
                await leaves(survivor, leave)
            await theirs.button("Hang up").click()


async def leaves(survivor: SurvivorPage, leave: Callable[[SurvivorPage], Awaitable[None]]) -> None:
    hers = Caller(survivor.page)
    await hers.button("Devices").click()
    await hers.button("Try the microphone").click()
    await expect(hers.call.get_by_role("meter")).to_be_visible()
    await hers.page.evaluate(
        "() => { window.held = new Promise((resolve) => { window.release = resolve; }); }"
    )
    await hers.button("Camera on").click()
    await hers.page.wait_for_function("() => window.tracks.length === 3")
    await hers.page.evaluate("window.stops.length = 0")
    await leave(survivor)
    await hers.page.wait_for_function("() => !document.querySelector('#overlay').hidden")
    left = await hers.page.evaluate(_LEFT)
    assert left["states"] == ["ended", "ended", "live"]
    assert left["open"] == 0
    assert [one["kind"] for one in left["stops"]].count("audio") >= 2
    assert all(stop["isInTurn"] for stop in left["stops"])
    await hers.page.evaluate("window.release()")
    await hers.page.wait_for_function("() => window.tracks.every((one) => one.readyState === 'ended')")


async def test_turn_server_that_dies_in_mid_call_is_told_and_the_call_goes_on_when_it_is_back(
    tmp_path: Path,
) -> None:
    async with (
        relayed_environment(tmp_path) as (environment, turn),
        talking_alone(environment) as talk,
    ):
        await talk.video_call()
        turn.kill()
        await talk.hers.shows("The connection broke. Connecting again…")
        await asyncio.to_thread(turn.start)
        await talk.hers.is_connected()
        await talk.hers.receives_more(frames=True, samples=True)
        await talk.theirs.receives_more(frames=False, samples=True)
        # For good, this time: the call is over and not frozen, and both are told so.
        turn.kill()
        for caller in (talk.hers, talk.theirs):
            await caller.shows("You can go on writing.")
            assert set(await caller.tracks()) == {"ended"}
            assert await caller.traffic() == []


async def test_credentials_that_the_server_refuses_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Expired, since the relay's clock is an hour behind; then of another secret. And before a call."""
    behind = 3600
    monkeypatch.setattr(IceServerOffers.__init__, "__defaults__", (lambda: time.time() - behind,))
    with turn_server(tmp_path) as turn:
        async with (
            console_environment(tmp_path, calls=turn.calls()) as environment,
            talking_alone(environment) as talk,
        ):
            await talk.hers.tries_the_way("The server for calls refused us.")
            await is_told(talk, "The server for calls refused us.")
            behind = 0
            turn.kill()
            another = TurnServer(tmp_path, secret="another" * 4)
            another.port = turn.port
            try:
                await asyncio.to_thread(another.start)
                await is_told(talk, "The server for calls refused us.")
            finally:
                another.kill()


async def test_turn_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    turn = TurnServer(tmp_path)
    turn.port = 9
    async with (
        console_environment(tmp_path, calls=turn.calls()) as environment,
        talking_alone(environment) as talk,
    ):
        await talk.hers.tries_the_way("The server for calls cannot be reached.")
        await is_told(talk, "The server for calls cannot be reached.")


async def is_told(talk: Talk, text: str) -> None:
    """Whoever finds it out is told why, the other that there is none; within 10 s, and nothing stays on."""
    await talk.theirs.page.get_by_role("button", name="Video call", exact=True).click()
    await talk.hers.button("Answer").click()
    why = re.compile(f"{re.escape(text)}|No connection could be made\\.")
    told = []
    for caller in (talk.theirs, talk.hers):
        words = caller.call.get_by_text(why)
        await expect(words).to_be_visible(timeout=10_000)
        told.append(await words.text_content() or "")
        assert set(await caller.tracks()) == {"ended"}
    assert any(text in one for one in told)


async def test_where_calls_are_off_it_is_said_at_the_tap(tmp_path: Path) -> None:
    async with (
        console_environment(tmp_path, calls={}) as environment,
        talking_alone(environment) as talk,
    ):
        await talk.theirs.page.get_by_role("button", name="Video call", exact=True).click()
        await talk.theirs.shows("Calls are not possible here.")
        assert set(await talk.theirs.tracks()) <= {"ended"}
        assert not await talk.hers.call.is_visible()
