"""What else happens in calls: others come and go, networks change and weaken, people only listen."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from support.browsers.accessible import barriers
from support.browsers.call_pages import PLAYS_BY_A_TAP, Caller, call_browser, talking, talking_alone, visitor
from support.browsers.console_page import ConsolePage, console_environment
from support.browsers.survivor_page import SurvivorPage

# Calls of several people need much of the processor: one at a time.
pytestmark = pytest.mark.xdist_group("browser_calls")

DIRECT = {"allow_direct": True}


async def test_three_in_a_call_and_one_who_is_removed_loses_it_at_once(tmp_path: Path) -> None:
    async with (
        console_environment(tmp_path, calls=DIRECT) as environment,
        call_browser() as browser,
        talking(browser, environment) as talk,
        visitor(browser) as third_desk,
    ):
        third = await ConsolePage.enter(third_desk, environment)
        await add_invited(talk.theirs.page, talk.hers.page, third.page)
        await talk.video_call()
        others = Caller(third.page)
        await others.button("Answer with camera").click()
        await expect(talk.hers.others.locator("video")).to_have_count(2)
        await others.sees_movement()
        await others.hears_the_beep()
        for caller in (talk.hers, talk.theirs, others):
            await expect(caller.others).to_have_count(2)
            assert len(await caller.traffic()) == 2
        await talk.hers.is_told(" is in the call.")
        # Whoever leaves the conversation is out of its call.
        await third.button("End…").click()
        await third.page.get_by_role("dialog").get_by_role("radio").first.check()
        await third.button("Leave; colleagues stay").click()
        for caller in (talk.hers, talk.theirs):
            await expect(caller.others).to_have_count(1)
            assert len(await caller.traffic()) == 1
            await caller.is_connected()
        await talk.hers.is_told(" has left the call.")
        # Who has left learns last of all that it is so.
        await others.is_off()
        assert await others.traffic() == []


async def test_whatever_the_console_shows_its_call_is_heard_and_has_a_sign_and_an_end(tmp_path: Path) -> None:
    """In another conversation, in a search, and behind the lock, where nothing is on."""
    async with (
        console_environment(tmp_path, calls=DIRECT) as environment,
        call_browser() as browser,
        talking(browser, environment) as talk,
        visitor(browser) as another_phone,
    ):
        console, desk = talk.console, talk.theirs.page
        bar = desk.get_by_role("region", name="Call with Person 1")
        await talk.video_call()
        assert not await bar.is_visible()
        another = SurvivorPage(await another_phone.new_page())
        await another.page.goto(environment.url)
        await another.ask()
        await console.accept()
        await console.headed("Person 2")
        await expect(bar).to_contain_text("Your microphone is on")
        await expect(bar).to_contain_text("Your camera is on")
        # One conversation at a time: two survivors must never hear each other.
        await expect(console.button("Video call")).to_be_hidden()
        await talk.theirs.hears_the_beep()
        await desk.get_by_role("searchbox").fill("nothing of the kind")
        await expect(bar).to_contain_text("Your microphone is on")
        await talk.theirs.hears_the_beep()
        await bar.get_by_role("button", name="Mute").click()
        await talk.hers.shows("muted")
        await bar.get_by_role("button", name="Show").click()
        await talk.theirs.shows("Your microphone is muted")
        await expect(bar).to_be_hidden()
        await console.button("Details").click()
        await desk.keyboard.press("Alt+2")
        await console.headed("Person 2")
        await bar.get_by_role("button", name="Hang up").click()
        await talk.hers.shows("has hung up")
        assert set(await talk.theirs.tracks()) == {"ended"}
        await expect(bar).to_be_hidden()
        await desk.keyboard.press("Alt+1")
        await talk.video_call()
        await console.button("Lock").click()
        await console.headed("Locked")
        assert set(await talk.theirs.tracks()) == {"ended"}
        assert await desk.locator("audio").count() == 0
        await talk.hers.shows("has hung up")
        assert set(await talk.hers.tracks()) == {"ended"}


async def test_who_is_called_while_she_is_asked_how_to_call_is_told_how_that_call_ended(
    tmp_path: Path,
) -> None:
    async with console_environment(tmp_path, calls=DIRECT) as environment, talking_alone(environment) as talk:
        await talk.hers.page.get_by_role("button", name="Talk by voice or video").click()
        await talk.hers.shows("You can stop at any time.")
        await talk.video_call()
        await talk.theirs.button("Hang up").click()
        await talk.hers.shows("has hung up")


async def test_a_console_that_is_away_and_locked_in_a_call_hangs_up_with_a_word(tmp_path: Path) -> None:
    """She is told at once, and not by a silence of which she would have to make something herself."""
    async with console_environment(tmp_path, calls=DIRECT) as environment, talking_alone(environment) as talk:
        await talk.video_call()
        await talk.theirs.page.get_by_role("radio", name="Away").check()
        await talk.console.button("Lock").click()
        await talk.hers.shows("has hung up")
        assert set(await talk.hers.tracks()) == {"ended"}


async def add_invited(theirs: Page, hers: Page, third: Page) -> None:
    """The counselor proposes a colleague, she agrees, the colleague comes."""
    console = ConsolePage(theirs)
    await console.button("Bring in a colleague…").click()
    await theirs.locator("input[name=colleague]").check()
    await console.button("Ask").click()
    await hers.get_by_role("button", name="Yes, let them join").click()
    await ConsolePage(third).button("Join").click()
    await expect(ConsolePage(third).field).to_be_visible()


async def test_who_only_listens_sends_nothing_and_can_speak_later(tmp_path: Path) -> None:
    async with (
        console_environment(tmp_path, calls=DIRECT) as environment,
        talking_alone(environment) as talk,
    ):
        await talk.theirs.page.get_by_role("button", name="Video call", exact=True).click()
        await talk.hers.button("Only listen").click()
        await talk.hers.is_connected()
        await talk.hers.hears_the_beep()
        assert await talk.hers.tracks() == []
        await talk.theirs.shows("muted")
        await talk.hers.button("Turn the microphone on").click()
        await talk.theirs.hears_the_beep()
        await talk.hers.button("Mute").click()
        await talk.theirs.is_told("Person 1 is muted.")
        await talk.hers.is_told("Your microphone is muted")
        await talk.theirs.button("Show my screen").click()
        await expect(talk.hers.call.get_by_label("’s screen")).to_be_visible()
        await talk.theirs.shows("Your screen is shown")
        await talk.theirs.button("Stop showing my screen").click()
        await expect(talk.hers.call.get_by_label(", picture")).to_be_visible()
        # A change of network: the way is looked for anew, and the call goes on.
        before = await ice_names(talk.hers)
        await talk.hers.page.evaluate("window.dispatchEvent(new Event('online'))")
        await talk.hers.page.wait_for_function(
            f"() => !({ICE_NAMES})().some((name) => {before}.includes(name))"
        )
        await talk.hers.receives_more(frames=True, samples=True)


async def test_who_only_listens_is_asked_for_a_tap_where_her_browser_plays_nothing_without(
    tmp_path: Path,
) -> None:
    """She would hear nothing, and not know why."""
    async with (
        console_environment(tmp_path, calls=DIRECT) as environment,
        talking_alone(environment) as talk,
    ):
        await talk.hers.page.evaluate(PLAYS_BY_A_TAP)
        await talk.theirs.page.get_by_role("button", name="Video call", exact=True).click()
        await talk.hers.button("Only listen").click()
        await talk.hers.is_connected()
        sound = talk.hers.page.get_by_role("button", name="Turn the sound on")
        await sound.click()
        await expect(sound).to_be_hidden()
        assert not await talk.hers.page.locator("audio").evaluate("(audio) => audio.paused")
        await talk.hers.hears_the_beep()
        assert await talk.hers.tracks() == []


ICE_NAMES = """() => window.connections.filter((one) => one.connectionState === 'connected')
  .map((one) => /a=ice-ufrag:(.*)/.exec(one.currentLocalDescription.sdp)[1])"""


async def ice_names(caller: Caller) -> list[str]:
    found: list[str] = await caller.page.evaluate(ICE_NAMES)
    return found


async def test_a_network_too_weak_takes_pictures_first_and_speech_last_and_says_why(tmp_path: Path) -> None:
    async with (
        console_environment(tmp_path, calls=DIRECT) as environment,
        talking_alone(environment) as talk,
    ):
        # Fair: neither good enough for more than the call began with, nor bad enough for less.
        for caller in (talk.hers, talk.theirs):
            await caller.weaken(lost=0.05)
        await talk.video_call()
        await talk.hers.button("Camera on").click()
        await talk.theirs.sees_movement()
        for caller in (talk.hers, talk.theirs):
            await is_thrifty(caller)
        await talk.hers.weaken(lost=0.4)
        await talk.hers.shows("The connection is too weak for pictures.")
        await talk.hers.shows("Poor connection")
        await talk.hers.shows("Your camera is off")
        await expect(talk.theirs.call.get_by_text("’s connection is too weak for pictures.")).to_be_visible()
        await talk.theirs.receives_more(frames=False, samples=True)
        await talk.hers.weaken(is_silent=True)
        await talk.hers.shows("Nothing comes through")
        await talk.hers.shows("The connection is too weak for talking. You can go on writing.")
        await talk.theirs.shows("The connection is too weak for talking. You can go on writing.")
        assert set(await talk.hers.tracks()) == {"ended"}


async def is_thrifty(caller: Caller) -> None:
    """What it is asked for in descriptions, and what it really sends (measured by getStats)."""
    opus = re.findall(r"^a=fmtp:\d+ (.*useinbandfec.*)$", "\n".join(await caller.came_in()), re.MULTILINE)
    assert opus
    for line in opus:
        assert {"usedtx=1", "useinbandfec=1", "maxaveragebitrate=24000", "stereo=0"} <= set(
            line.strip().split(";")
        )
    rates = await caller.rates()
    assert 0 < rates["audio"] <= 24_000
    # An encoder keeps to its rate over longer times than these four seconds.
    assert 0 < rates["video"] <= 1.25 * 150_000
    assert 0 < rates["frames"] <= 13


async def test_nothing_in_a_call_stands_in_anybodys_way_nor_leaves_a_narrow_screen(tmp_path: Path) -> None:
    """Each state on a phone of 360 pixels and in the console: axe-core, and no scrolling sideways."""
    async with (
        console_environment(tmp_path, calls=DIRECT) as environment,
        talking_alone(environment, bypass_csp=True) as talk,
    ):
        found: dict[str, list[str]] = {}

        async def look(state: str) -> None:
            for name, page in (("hers", talk.hers.page), ("console", talk.theirs.page)):
                found[f"{name}: {state}"] = await barriers(page)
            assert await talk.hers.page.evaluate("document.documentElement.scrollWidth") <= 360
            exit_box = await talk.hers.page.get_by_role("button", name="Exit").bounding_box()
            assert exit_box is not None
            assert exit_box["x"] >= 0
            assert exit_box["x"] + exit_box["width"] <= 360

        await talk.hers.page.get_by_role("button", name="Talk by voice or video").click()
        await talk.hers.button("Try microphone and camera first").click()
        await talk.hers.button("Try the connection").click()
        await talk.hers.shows("A call can get through.")
        await talk.hers.button("Show me my picture").click()
        await talk.hers.button("Try the microphone").click()
        await expect(talk.hers.call.get_by_role("meter")).to_be_visible()
        await look("trying out")
        await talk.hers.button("Close").click()
        assert set(await talk.hers.tracks()) == {"ended"}
        await talk.hers.button("Not now").click()
        await talk.theirs.page.get_by_role("button", name="Video call", exact=True).click()
        await talk.hers.shows("would like a video call with you")
        await look("ringing")
        await talk.hers.button("Answer").click()
        await talk.hers.is_connected()
        await talk.hers.button("Camera on").click()
        await talk.theirs.sees_movement()
        await look("in the call")
        await asyncio.gather(talk.hers.button("Hang up").click(), talk.theirs.shows("has hung up"))
        await look("afterwards")
        assert {state: rules for state, rules in found.items() if rules} == {}
