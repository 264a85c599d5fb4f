"""Her device's clock is wrong, as on many a borrowed phone: she reaches somebody, or is told why not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, expect
from support.browsers.console_page import ConsolePage, console_environment
from support.browsers.environment import accepted, joined, relay_environment
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import ENGLISH, SurvivorPage
from support.clients.sdk_people import until
from teduh_sdk import events

HOUR = 3600
DAY = 24 * HOUR
_SET = """
const read = Date.now.bind(Date);
const Real = Date;
window.ahead = %d;
Date = class extends Real {
  constructor(...at) { super(...(at.length > 0 ? at : [read() + window.ahead * 1000])); }
  static now() { return read() + window.ahead * 1000; }
};
"""


async def set_clock(browser: BrowserContext, ahead: int) -> None:
    """The clock of every page is so many seconds ahead."""
    await browser.add_init_script(_SET % ahead)


@pytest.mark.parametrize("ahead", [-20 * DAY, -DAY, -3 * HOUR, 7 * HOUR])
async def test_a_clock_that_is_hours_or_days_off_keeps_nobody_away(tmp_path: Path, ahead: int) -> None:
    async with (
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile") as browser,
        here.staff("Sari") as sari,
        here.staff("Dewi") as dewi,
    ):
        await set_clock(browser, ahead)
        hers = await SurvivorPage.open(browser, here.url)
        await hers.ask()
        his = await accepted(sari)
        await hers.is_in_the_room("Sari")
        await hers.say("Is somebody there?")
        assert (await until(his, events.TextReceived)).text == "Is somebody there?"
        # Whoever comes later is let in by the same clock.
        (colleague,) = await sari.colleagues()
        inviting = asyncio.create_task(his.invite(colleague, "so that you are not alone"))
        await hers.button("Yes, let them join").click()
        theirs = await joined(dewi)
        await inviting
        await hers.is_in_the_room("Dewi")
        await theirs.send("Good evening.")
        await hers.shows("Good evening.")


async def test_a_console_that_waits_for_its_approval_is_told_of_its_clock(tmp_path: Path) -> None:
    async with console_environment(tmp_path) as here, chromium(tmp_path / "profile") as browser:
        await set_clock(browser, 2 * DAY)
        console = await ConsolePage.set_up(browser, here)
        await here.approve()
        await expect(console.page.get_by_text("Set the clock right")).to_be_visible()
        await console.page.evaluate("window.ahead = 0")
        await console.is_at_the_desk()


async def test_a_clock_by_which_nobody_can_be_believed_is_told_and_waited_for(tmp_path: Path) -> None:
    async with (
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile") as browser,
        here.staff("Sari") as staff,
    ):
        await set_clock(browser, 2 * DAY)
        hers = await SurvivorPage.open(browser, here.url)
        await hers.ask()
        await hers.shows("The date or time of this device seems to be wrong")
        await hers.page.evaluate("window.ahead = 0")
        await accepted(staff)
        await hers.is_in_the_room("Sari")
        await expect(hers.page.get_by_text("seems to be wrong")).to_have_count(0)


async def test_whoever_comes_as_her_clock_has_gone_wrong_is_let_in_once_it_is_right(tmp_path: Path) -> None:
    """She waits already, and is told what is wrong, rather than that a stranger had come."""
    async with (
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile") as browser,
        here.staff("Sari") as staff,
    ):
        await set_clock(browser, 0)
        hers = await SurvivorPage.open(browser, here.url)
        await hers.ask()
        await hers.page.evaluate(f"window.ahead = {2 * DAY}")
        his = await accepted(staff)
        await his.send("Good evening.")
        await hers.shows("The date or time of this device seems to be wrong")
        await expect(hers.page.get_by_role("heading", name=ENGLISH.waiting)).to_be_visible()
        await hers.page.evaluate("window.ahead = 0")
        await hers.is_in_the_room("Sari")
        await hers.shows("Good evening.")


async def test_a_console_with_such_a_clock_is_told_too_and_helps_once_it_is_right(tmp_path: Path) -> None:
    async with (
        console_environment(tmp_path) as environment,
        chromium(tmp_path / "profile") as browser,
        chromium(tmp_path / "hers") as phone,
    ):
        console = await ConsolePage.enter(browser, environment)
        hers = await SurvivorPage.open(phone, environment.url)
        await set_clock(browser, 2 * DAY)
        await console.page.reload()
        await console.unlock()
        told = console.page.get_by_text("The date or time of this computer seems to be wrong")
        await expect(told).to_be_visible()
        await hers.ask()
        await console.page.evaluate("window.ahead = 0")
        await expect(told).to_have_count(0)
        await console.accept()
        await hers.is_in_the_room("")
