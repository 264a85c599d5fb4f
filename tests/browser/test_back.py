"""Back asks before it ends her conversation, as far as each engine lets it, and leaves the history alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import CDPSession, Dialog, expect
from support.browsers.environment import HARMLESS_TITLE, harmless_site, relay_environment
from support.browsers.firefox import DEVICES, FirefoxPage, firefox
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import ENGLISH, SurvivorPage
from support.browsers.webkit import made_up_screen, webkit
from support.calls.turn_server import free_port_at

QUESTION: Final = "Do you want to leave this chat?"
STAY: Final = "Stay here"
PHONE: Final = {**DEVICES, "ui.primaryPointerCapabilities": 1, "ui.allPointerCapabilities": 1}
"""Preferences by which Firefox takes itself for held in a hand."""
NO_CLOSE_WATCHER: Final = "Object.defineProperty(window, 'CloseWatcher', { value: undefined })"
"""As in browsers that have none."""
IS_PREVENTED: Final = """() => !document.body.dispatchEvent(
  new KeyboardEvent('keydown', { key: 'ArrowLeft', altKey: true, bubbles: true, cancelable: true }))"""
_ESCAPE, _LEFT, _ALT = "\ue00c", "\ue012", "\ue00a"


async def entries(devtools: CDPSession) -> list[str]:
    """Addresses in the tab's history, in order."""
    history = await devtools.send("Page.getNavigationHistory")
    return [entry["url"] for entry in history["entries"]]


async def test_keys_and_the_button_of_a_mouse_ask_once_in_chromium(tmp_path: Path) -> None:
    async with (
        harmless_site() as harmless,
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile") as browser,
    ):
        page = browser.pages[0]
        await page.goto(harmless)
        hers = await SurvivorPage.open(browser, here.url)
        await hers.ask()
        devtools = await browser.new_cdp_session(page)
        before = await entries(devtools)
        question = page.get_by_text(QUESTION)
        await page.keyboard.press("Alt+ArrowLeft")
        await expect(question).to_be_visible()
        await hers.button(STAY).click()
        await expect(question).to_have_count(0)
        for kind in ("mousePressed", "mouseReleased"):
            event = {"type": kind, "x": 300, "y": 300, "button": "back", "clickCount": 1}
            await devtools.send("Input.dispatchMouseEvent", event)
        await expect(question).to_be_visible()
        assert await entries(devtools) == before
        # The second press is the browser's.
        assert not await page.evaluate(IS_PREVENTED)
        await page.go_back(wait_until="commit")
        await expect(page).to_have_url(harmless)
        assert await entries(devtools) == before


async def test_a_phone_without_close_watchers_asks_by_itself(tmp_path: Path) -> None:
    """By the browser's own question; of Exit, and of a number that she calls, nothing is asked."""
    async with (
        harmless_site() as harmless,
        relay_environment(tmp_path, f'exit_url = "{harmless}"') as here,
        chromium(tmp_path / "profile", width=360, height=640, touch=True) as browser,
    ):
        page = browser.pages[0]
        asked: list[str] = []

        async def stay(dialog: Dialog) -> None:
            asked.append(dialog.type)
            await dialog.dismiss()

        page.on("dialog", stay)
        await page.add_init_script(NO_CLOSE_WATCHER)
        await page.goto(f"{harmless}?before")
        hers = await SurvivorPage.open(browser, here.url)
        await hers.button(ENGLISH.start).tap()
        await expect(page.get_by_role("heading", name=ENGLISH.waiting)).to_be_visible()
        async with page.expect_event("dialog"):
            await page.evaluate("void setTimeout(() => history.back())")
        await expect(hers.field).to_be_visible()
        await page.locator(".emergency-button").tap()
        await page.locator("#emergency a[href='tel:110']").tap()
        await hers.button(ENGLISH.exit).tap()
        await expect(page).to_have_title(HARMLESS_TITLE)
        assert asked == ["beforeunload"]
        await page.go_back(wait_until="commit")
        await expect(page).to_have_url(f"{harmless}?before")


@asynccontextmanager
async def waiting_in_firefox(folder: Path, preload: str = "") -> AsyncIterator[tuple[FirefoxPage, str]]:
    """Her page in a Firefox that is held in a hand, once she waits; and the URL of where she was before."""
    async with (
        harmless_site() as harmless,
        relay_environment(folder, f'exit_url = "{harmless}"') as here,
        firefox(folder / "firefox", PHONE) as browser,
    ):
        hers = await browser.new_page(preload=preload, width=360, height=640)
        await hers.goto(f"{harmless}?before")
        await hers.goto(here.url)
        await hers.press(ENGLISH.start)
        await hers.shows(ENGLISH.waiting)
        yield hers, f"{harmless}?before"
        assert browser.errors == []


@pytest.mark.xdist_group("other_browsers")
async def test_firefox_asks_once_by_a_gesture(tmp_path: Path) -> None:
    """Escape is what a phone's Back gesture is on this machine: the browser's close request (HTML, 6.5.2)."""
    async with waiting_in_firefox(tmp_path) as (hers, before):
        length = await hers.evaluate("() => history.length")
        for _ in range(2):
            await hers.keys(_ESCAPE)
            await hers.shows(QUESTION)
            await hers.press(STAY)
            await hers.wait_for("(text) => !document.body.innerText.includes(text)", QUESTION)
        await hers.keys(_ESCAPE)
        await hers.shows(QUESTION)
        assert await hers.evaluate("() => history.length") == length
        # Nothing is left that would take the second one.
        await hers.back()
        await hers.wait_for("(url) => location.href === url", before)
        assert hers.browser.prompts == []


@pytest.mark.xdist_group("other_browsers")
async def test_firefox_asks_once_by_keys_and_the_button_of_a_mouse(tmp_path: Path) -> None:
    async with waiting_in_firefox(tmp_path) as (hers, before):
        await hers.keys(_LEFT, held=_ALT)
        await hers.shows(QUESTION)
        await hers.press(STAY)
        await hers.wait_for("(text) => !document.body.innerText.includes(text)", QUESTION)
        await hers.mouse_button(3)
        await hers.shows(QUESTION)
        await hers.back()
        await hers.wait_for("(url) => location.href === url", before)


@pytest.mark.xdist_group("other_browsers")
async def test_firefox_without_close_watchers_asks_by_itself(tmp_path: Path) -> None:
    async with waiting_in_firefox(tmp_path, NO_CLOSE_WATCHER) as (hers, before):
        await hers.back()
        await hers.answer(leaves=False)
        await hers.shows(ENGLISH.waiting)
        await hers.press(ENGLISH.exit)
        await hers.wait_for("(title) => document.title === title", HARMLESS_TITLE)
        assert hers.browser.prompts == ["beforeunload"]
        await hers.back()
        await hers.wait_for("(url) => location.href === url", before)


@pytest.mark.xdist_group("other_browsers")
async def test_webkit_asks_once_by_keys(tmp_path: Path) -> None:
    with made_up_screen() as display:
        async with (
            harmless_site() as harmless,
            relay_environment(tmp_path, f'exit_url = "{harmless}"') as here,
            webkit(display, free_port_at("127.0.0.1")) as hers,
        ):
            await hers.goto(f"{harmless}?before")
            await hers.goto(here.url)
            await hers.press(ENGLISH.start)
            await hers.shows(ENGLISH.waiting)
            length = await hers.evaluate("() => history.length")
            await hers.keys(_ALT, _LEFT)
            await hers.shows(QUESTION)
            assert await hers.evaluate("() => history.length") == length
            assert not await hers.evaluate(IS_PREVENTED)
            await hers.press(ENGLISH.exit)
            await hers.wait_for("(title) => document.title === title", HARMLESS_TITLE)
