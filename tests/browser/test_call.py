"""Calls between the pages in real Chromium, through a real coturn: what arrives, and what never leaves."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from call_pages import Talk, call_browser, talking
from console_page import console_house
from playwright.async_api import expect
from turn_server import TurnServer, needs_turn_server, turn_server

CANDIDATE = re.compile(r"candidate:.*")


async def test_one_tap_each_leads_to_a_video_call_on_this_machine(tmp_path: Path) -> None:
    """As `make run` sets it up: direct, and the pages say so. Her camera stays off."""
    async with (
        console_house(tmp_path, calls={"allow_direct": True}) as house,
        call_browser() as browser,
        talking(browser, house) as talk,
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
        # Writing goes on meanwhile.
        await talk.survivor.say("I can see you")
        await expect(talk.console.message("I can see you")).to_be_visible()
        await talk.theirs.button("Hang up").click()
        await talk.hers.shows("has hung up")
        assert await talk.hers.tracks() == ["ended"]
        assert set(await talk.theirs.tracks()) == {"ended"}


@needs_turn_server
async def test_relayed_call_carries_pictures_and_sound_and_tells_no_address(tmp_path: Path) -> None:
    """Promise 6: with TURN nothing but relayed candidates is gathered, sent or used, in both directions."""
    with turn_server(tmp_path, allow_loopback_peers=True) as turn:
        async with (
            console_house(tmp_path, calls=turn.calls()) as house,
            call_browser() as browser,
            talking(browser, house) as talk,
        ):
            await talk.video_call()
            await talk.hers.button("Camera on").click()
            for caller in (talk.hers, talk.theirs):
                await caller.sees_movement()
                await caller.hears_the_beep()
                await caller.receives_more(frames=True, samples=True)
                (traffic,) = await caller.traffic()
                assert traffic.selected == [["relay", "relay"]]
                assert set(traffic.local) == set(traffic.pairs) == {"relay"}
                came_in = "\n".join(await caller.came_in())
                candidates = CANDIDATE.findall(came_in)
                assert candidates
                for candidate in candidates:
                    assert " typ relay raddr 0.0.0.0 rport 0" in candidate
                assert ".local" not in came_in
                assert set(re.findall(r"^[co]=.*IN IP\S (\S+)", came_in, re.MULTILINE)) == {"0.0.0.0"}
            await talk.hers.button("Camera off").click()
            await expect(talk.theirs.call.locator(".tile:not(.own-tile) video")).to_have_count(0)
            assert sorted(await talk.hers.tracks()) == ["ended", "live"]


async def test_her_side_rings_silently_and_nothing_is_on_before_she_answers(tmp_path: Path) -> None:
    async with (
        console_house(tmp_path, calls={"allow_direct": True}) as house,
        call_browser() as browser,
        talking(browser, house) as talk,
    ):
        await talk.theirs.page.get_by_role("button", name="Video call", exact=True).click()
        await talk.hers.shows("would like a video call with you")
        assert await talk.hers.tracks() == []
        assert await talk.hers.page.locator("audio, video").count() == 0
        await talk.hers.button("Not now").click()
        await talk.theirs.shows("They cannot talk now.")
        assert set(await talk.theirs.tracks()) == {"ended"}
        assert await talk.hers.tracks() == []
        await cancelled(talk)


async def cancelled(talk: Talk) -> None:
    """A ring that is taken back stops on her side."""
    await talk.theirs.page.get_by_role("button", name="Video call", exact=True).click()
    await talk.hers.shows("would like a video call with you")
    await talk.theirs.button("Stop calling").click()
    await talk.hers.shows("You missed a call")
    assert await talk.hers.tracks() == []


async def test_quick_exit_ends_every_track_before_it_returns(tmp_path: Path) -> None:
    """Camera, microphone, and what is tried out: all ended in the same turn as the tap."""
    async with (
        console_house(tmp_path, calls={"allow_direct": True}) as house,
        call_browser() as browser,
        talking(browser, house) as talk,
    ):
        await talk.video_call()
        await talk.hers.button("Camera on").click()
        await talk.hers.button("Devices").click()
        await talk.hers.button("Try the microphone").click()
        await expect(talk.hers.call.get_by_role("meter")).to_be_visible()
        # The page is gone right afterwards, so what matters is read in the very turn of the tap.
        states = await talk.hers.page.evaluate(
            """() => {
              const before = window.tracks.map((one) => one.readyState);
              const exit = [...document.querySelectorAll('button')].find((one) => one.textContent === 'Exit');
              exit.click();
              const open = window.connections.filter((one) => one.connectionState !== 'closed').length;
              return { before, after: window.tracks.map((one) => one.readyState), open };
            }"""
        )
        assert states["before"].count("live") == 3
        assert set(states["after"]) == {"ended"}
        assert states["open"] == 0


@needs_turn_server
async def test_turn_server_that_dies_in_mid_call_is_told_and_the_call_goes_on_when_it_is_back(
    tmp_path: Path,
) -> None:
    with turn_server(tmp_path, allow_loopback_peers=True) as turn:
        async with (
            console_house(tmp_path, calls=turn.calls()) as house,
            call_browser() as browser,
            talking(browser, house) as talk,
        ):
            await talk.video_call()
            turn.kill()
            await talk.hers.shows("The connection broke. Connecting again…")
            await asyncio.to_thread(turn.start)
            await talk.hers.is_connected()
            await talk.hers.receives_more(frames=True, samples=True)
            await talk.theirs.receives_more(frames=False, samples=True)


@needs_turn_server
async def test_credentials_that_the_server_refuses_are_told(tmp_path: Path) -> None:
    """The relay and coturn do not have the same secret. Within 10 s, and nothing stays on."""
    with turn_server(tmp_path) as turn:
        await is_told(tmp_path, turn.calls(turn_secret="another" * 4), "The server for calls refused us.")


@needs_turn_server
async def test_turn_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    turn = TurnServer(tmp_path)
    turn.port = 9
    await is_told(tmp_path, turn.calls(), "The server for calls cannot be reached.")


async def is_told(folder: Path, calls: dict[str, object], text: str) -> None:
    """The counselor's page offers, and so finds it out; hers is told that there is no connection."""
    async with (
        console_house(folder, calls=calls) as house,
        call_browser() as browser,
        talking(browser, house) as talk,
    ):
        await talk.theirs.page.get_by_role("button", name="Video call", exact=True).click()
        await talk.hers.button("Answer").click()
        for caller, told in ((talk.theirs, text), (talk.hers, "No connection could be made.")):
            await expect(caller.call.get_by_text(told)).to_be_visible(timeout=10_000)
            assert set(await caller.tracks()) == {"ended"}


async def test_where_calls_are_off_it_is_said_at_the_tap(tmp_path: Path) -> None:
    async with (
        console_house(tmp_path, calls={}) as house,
        call_browser() as browser,
        talking(browser, house) as talk,
    ):
        await talk.theirs.page.get_by_role("button", name="Video call", exact=True).click()
        await talk.theirs.shows("Calls are not possible here.")
        assert set(await talk.theirs.tracks()) <= {"ended"}
        assert not await talk.hers.call.is_visible()
