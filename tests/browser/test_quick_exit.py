"""Quick exit in a real browser: by button, by Shift three times, by two taps; Back does not return."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, Request, Route, expect
from support.browsers.environment import (
    HARMLESS_TITLE,
    RelayEnvironment,
    accepted,
    harmless_site,
    killable_environment,
    relay_environment,
)
from support.browsers.left_page import NOTE_HOW_SOON, Left
from support.browsers.real_browser import chromium, two_taps
from support.browsers.survivor_page import ENGLISH, SurvivorPage
from support.clients.sdk_people import until
from support.relay.dishonest_proxy import DishonestProxy, dishonest
from teduh_sdk import events
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.staff.staff import Staff

EMPTY = (2, 400)
"""Beside all that stands on the page."""
LONG = 150
"""Messages: there is much to take out of the page."""

Leave = Callable[[SurvivorPage], Awaitable[None]]


async def by_button(hers: SurvivorPage) -> None:
    await hers.button(ENGLISH.exit).tap()


async def by_shift(hers: SurvivorPage) -> None:
    # From the field, in which she has begun to write.
    await hers.field.fill("I am not sure whether")
    for _ in range(3):
        await hers.field.press("Shift")


async def by_two_taps(hers: SurvivorPage) -> None:
    box = await hers.page.get_by_role("region", name="Conversation").bounding_box()
    assert box is not None
    # Beside what is said.
    await two_taps(hers.page, box["x"] + box["width"] - 8, box["y"] + box["height"] / 2)


async def test_leaving_is_at_once_and_for_good(tmp_path: Path) -> None:
    """In mid-conversation, on a phone: nothing can be seen, and neither Back nor Forward finds it.

    At once: in the very turn of her tap, waiting for nothing. How long that turn takes is measured on a slow
    phone by `benchmarks/pages.py`, whose goal is 100 ms.
    """
    async with (
        harmless_site() as harmless,
        relay_environment(tmp_path, f'exit_url = "{harmless}"') as here,
        chromium(tmp_path / "profile", width=360, height=640, touch=True) as browser,
        here.staff() as staff,
    ):
        await browser.add_init_script(NOTE_HOW_SOON)
        for leave in (by_button, by_shift, by_two_taps):
            hers, his = await long_conversation(browser, here, staff, f"{harmless}?before")
            left = Left(hers.page)
            await leave(hers)
            await is_at(hers.page, harmless)
            assert left.at_once, leave.__name__
            assert (await until(his, events.MemberDisconnected)).participant.is_survivor
            # A page that comes out of the back/forward cache is not loaded again.
            await hers.page.go_back(wait_until="commit")
            await is_at(hers.page, f"{harmless}?before")
            await hers.page.go_forward(wait_until="commit")
            await is_at(hers.page, harmless)
            await hers.page.close()


async def long_conversation(
    browser: BrowserContext, here: RelayEnvironment, staff: Staff, before: str
) -> tuple[SurvivorPage, Conversation]:
    """In a tab of its own, where she has been somewhere else before."""
    hers = SurvivorPage(await browser.new_page())
    await hers.page.goto(before)
    await hers.page.goto(here.url)
    await hers.ask()
    his = await accepted(staff)
    for number in range(LONG):
        await his.send(f"text {number}")
    await expect(hers.message(f"text {LONG - 1}")).to_be_visible()
    return hers, his


# Registered before the page's own: when that one runs, the socket says nothing any more.
_DEAF_SOCKET = 'addEventListener("pagehide", () => { WebSocket.prototype.send = () => undefined })'


@pytest.mark.parametrize("how", ["closed", "reloaded"])
async def test_staff_are_told_when_her_tab_is_closed_or_reloaded(tmp_path: Path, how: str) -> None:
    """By a beacon alone, for a socket may not live long enough to say it."""
    async with (
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile") as browser,
        here.staff() as staff,
    ):
        await browser.add_init_script(_DEAF_SOCKET)
        hers = SurvivorPage(await browser.new_page())
        await hers.page.goto(here.url)
        await hers.ask()
        his = await accepted(staff)
        await hers.is_in_the_room("Sari")
        await (hers.page.close(run_before_unload=False) if how == "closed" else hers.page.reload())
        assert (await until(his, events.MemberDisconnected)).participant.is_survivor


async def test_no_word_stays_in_a_page_that_is_left_where_the_browser_sends_no_beacons(
    tmp_path: Path,
) -> None:
    """As in Firefox with `beacon.enabled` off. Back would show them until the page is loaded anew."""
    async with (
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile", troubles="sendBeacon") as browser,
        here.staff() as staff,
    ):
        await browser.add_init_script("delete Navigator.prototype.sendBeacon")
        other = await browser.new_page()
        await other.goto(f"{here.url}/manifest.json")
        await other.evaluate(
            "() => { window.left = new Promise((hear) => { new BroadcastChannel('left').onmessage = hear }) }"
        )
        hers = SurvivorPage(await browser.new_page())
        await hers.page.goto(here.url)
        await hers.ask()
        await accepted(staff)
        await hers.is_in_the_room("Sari")
        # Registered after the page's own, so that it looks when that is done.
        await hers.page.evaluate(
            """() => addEventListener("pagehide", () =>
                new BroadcastChannel("left").postMessage(document.getElementById("page") !== null))"""
        )
        await hers.page.goto("about:blank")
        assert await other.evaluate("async () => (await left).data") is False


async def is_at(page: Page, url: str) -> None:
    await expect(page).to_have_url(url)
    await expect(page).to_have_title(HARMLESS_TITLE)


async def test_leaving_one_tab_leaves_the_others_too(tmp_path: Path) -> None:
    """Whoever looks into her browser afterwards finds the harmless site wherever she was."""
    async with (
        harmless_site() as harmless,
        relay_environment(tmp_path, f'exit_url = "{harmless}"') as here,
        chromium(tmp_path / "profile") as browser,
        here.staff() as staff,
    ):
        hers, his = await long_conversation(browser, here, staff, f"{harmless}?one")
        other = SurvivorPage(await browser.new_page())
        await other.page.goto(f"{harmless}?two")
        await other.page.goto(here.url)
        await expect(other.button(ENGLISH.start)).to_be_visible()
        for _ in range(3):
            await other.page.keyboard.press("Shift")
        await is_at(hers.page, harmless)
        await is_at(other.page, harmless)
        assert (await until(his, events.MemberDisconnected)).participant.is_survivor
        for tab, before in ((hers, "?one"), (other, "?two")):
            await tab.page.go_back(wait_until="commit")
            await is_at(tab.page, f"{harmless}{before}")


async def test_leaving_does_not_wait_for_a_relay_that_is_away(tmp_path: Path) -> None:
    """By way of the relay she would come to an error of her browser's, with the address in large letters. So
    would her other tab, which has asked for nobody, and knows nothing of it.
    """
    async with harmless_site() as harmless, chromium(tmp_path / "profile") as browser:
        with killable_environment(tmp_path, f'exit_url = "{harmless}"') as (here, relay):
            await here.organisation.publish_revocations(here.url)
            other = SurvivorPage(await browser.new_page())
            await other.page.goto(here.url)
            hers = SurvivorPage(await browser.new_page())
            await hers.page.goto(f"{harmless}?before")
            await hers.page.goto(here.url)
            await hers.ask()
            await hers.say("Is somebody there?")
            relay.kill()
            await hers.shows(ENGLISH.reconnecting)
            await hers.button(ENGLISH.exit).click()
            await is_at(hers.page, harmless)
            await is_at(other.page, harmless)
            await hers.page.go_back(wait_until="commit")
            await is_at(hers.page, f"{harmless}?before")


async def test_tapping_on_leads_nowhere_else(tmp_path: Path) -> None:
    """Her network is slow, the relay away, and she taps until something happens."""
    async with harmless_site() as harmless, chromium(tmp_path / "profile") as browser:
        with killable_environment(tmp_path, f'exit_url = "{harmless}"') as (here, relay):
            await here.organisation.publish_revocations(here.url)
            hers = await SurvivorPage.open(browser, here.url)
            await hers.ask()
            await hers.shows("Nobody is on duty just now.")
            relay.kill()
            await hers.shows(ENGLISH.reconnecting)
            asked, is_there = asyncio.Event(), asyncio.Event()

            async def hold(route: Route) -> None:
                asked.set()
                await is_there.wait()
                await route.continue_()

            await browser.route(harmless, hold)
            await hers.page.mouse.dblclick(*EMPTY)
            await asked.wait()
            await hers.page.mouse.dblclick(*EMPTY)
            is_there.set()
            await is_at(hers.page, harmless)


async def test_leaving_waits_only_a_moment_for_a_relay_that_says_nothing(tmp_path: Path) -> None:
    """Her page believes that it is connected as yet. Until it leads somewhere it is an empty one, under its
    address.
    """
    async with (
        harmless_site() as harmless,
        relay_environment(tmp_path, f'exit_url = "{harmless}"') as here,
        chromium(tmp_path / "profile") as browser,
    ):
        proxy = DishonestProxy(here.url)
        async with dishonest(proxy) as url:
            hers = SurvivorPage(await browser.new_page())
            await hers.page.goto(f"{harmless}?before")
            await hers.page.goto(url)
            await hers.ask()
            proxy.fall_silent()
            await hers.button(ENGLISH.exit).click(no_wait_after=True)
            await is_at(hers.page, harmless)
            await hers.page.go_back(wait_until="commit")
            await is_at(hers.page, f"{harmless}?before")


async def test_leaving_while_the_browser_is_offline_asks_nothing_of_the_relay(tmp_path: Path) -> None:
    """Also before she has asked for anybody. What her browser shows then has the harmless site's address."""
    async with (
        harmless_site() as harmless,
        relay_environment(tmp_path, f'exit_url = "{harmless}"') as here,
        chromium(tmp_path / "profile") as browser,
    ):
        hers = await SurvivorPage.open(browser, here.url)
        await expect(hers.button(ENGLISH.start)).to_be_visible()
        await browser.set_offline(True)
        async with browser.expect_event("request", Request.is_navigation_request) as leaving:
            await hers.button(ENGLISH.exit).click(no_wait_after=True)
        assert (await leaving.value).url == harmless


# As Firefox does it where all cookies are blocked.
_KEEPS_NOTHING = """
for (const name of ["BroadcastChannel", "localStorage", "sessionStorage", "indexedDB", "caches"])
  Object.defineProperty(window, name, { get() {
    const insecure = () => { throw new DOMException("The operation is insecure.", "SecurityError") }
    return name === "BroadcastChannel" ? function () { insecure() } : insecure()
  } })
"""


async def test_a_browser_that_is_to_keep_nothing_at_all_shows_the_page_and_leaves_it(tmp_path: Path) -> None:
    """Her other tabs cannot be told there; that is no reason to be there for nobody."""
    async with (
        harmless_site() as harmless,
        relay_environment(tmp_path, f'exit_url = "{harmless}"') as here,
        chromium(tmp_path / "profile") as browser,
        here.staff() as staff,
    ):
        await browser.add_init_script(_KEEPS_NOTHING)
        hers = await SurvivorPage.open(browser, here.url)
        await hers.ask()
        his = await accepted(staff)
        await hers.is_in_the_room("Sari")
        await hers.button(ENGLISH.exit).click()
        await is_at(hers.page, harmless)
        assert (await until(his, events.MemberDisconnected)).participant.is_survivor


async def test_a_letter_between_presses_of_shift_keeps_her_here(tmp_path: Path) -> None:
    """Who writes with capital letters stays."""
    async with (
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile") as browser,
        here.staff() as staff,
    ):
        hers = await SurvivorPage.open(browser, here.url)
        await hers.ask()
        his = await accepted(staff)
        for key in ("Shift", "Shift", "a", "Shift", "Shift", "Enter"):
            await hers.field.press(key)
        assert (await until(his, events.TextReceived)).text == "a"
