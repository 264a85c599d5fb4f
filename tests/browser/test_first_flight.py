"""The first screen works from the first bytes of the document, while the rest is still on its way."""

from __future__ import annotations

from pathlib import Path

import brotli
import pytest
from browser_house import HARMLESS_TITLE, accepted, harmless_site, house
from held_page import HeldPage, head_bytes, held, sent_page
from playwright.async_api import Page, expect
from real_browser import chromium
from survivor_page import ENGLISH, INDONESIAN, SurvivorPage, Words
from teduh_signaling.relay.frames import RequestDetails, Urgency

FIRST_BYTES = 19_000
"""Of the answer, its head included; 14,000 would fit into the first flight of a connection."""

LANGUAGES = pytest.mark.parametrize(
    ("language", "words", "coming"), [("en", ENGLISH, "One moment…"), ("id", INDONESIAN, "Sebentar…")]
)
NUMBERS = ["tel:129", "tel:110", "tel:119"]


async def test_the_first_bytes_decode_to_all_that_the_first_screen_needs(tmp_path: Path) -> None:
    """By themselves: what was compressed is flushed behind it."""
    async with house(tmp_path) as here:
        head, body = await sent_page(here.url)
    whole = brotli.decompress(body)
    decoder = brotli.Decompressor()
    first = decoder.process(body[: FIRST_BYTES - head_bytes(head)])
    while more := decoder.process(b""):
        first += more
    assert whole.startswith(first)
    assert len(first) < len(whole)
    assert len(first) >= whole.index(b'<template id="later">')


async def opened(page: Page, url: str) -> None:
    """As far as it comes."""
    await page.goto(url, wait_until="commit")


@LANGUAGES
async def test_numbers_and_exit_work_before_the_rest_has_come(
    tmp_path: Path, language: str, words: Words, coming: str
) -> None:
    async with (
        harmless_site() as harmless,
        house(tmp_path, f'exit_url = "{harmless}"') as here,
        chromium(tmp_path / "profile", language, width=360, height=640, touch=True) as browser,
        held(HeldPage(here.url, FIRST_BYTES)) as url,
    ):
        hers = SurvivorPage(browser.pages[0], words)
        await hers.page.goto(f"{harmless}?before")
        await opened(hers.page, url)
        await hers.page.locator(".emergency-button").tap()
        numbers = hers.page.locator("#emergency a")
        await expect(numbers.first).to_be_visible()
        assert await numbers.evaluate_all("(all) => all.map((one) => one.getAttribute('href'))") == NUMBERS
        assert await hers.page.evaluate("teduh.parts.rest === undefined")
        await hers.button(words.exit).tap()
        await expect(hers.page).to_have_title(HARMLESS_TITLE)
        await hers.page.go_back(wait_until="commit")
        await expect(hers.page).to_have_url(f"{harmless}?before")


@LANGUAGES
async def test_what_she_taps_before_the_rest_has_come_is_kept(
    tmp_path: Path, language: str, words: Words, coming: str
) -> None:
    """Choices and the tap itself: it asks as soon as that can be done, without another tap."""
    async with (
        house(tmp_path) as here,
        chromium(tmp_path / "profile", language, width=360, height=640, touch=True) as browser,
        here.staff() as staff,
    ):
        line = HeldPage(here.url, FIRST_BYTES)
        async with held(line) as url:
            hers = SurvivorPage(browser.pages[0], words)
            await opened(hers.page, url)
            await hers.page.locator("[name=need]").nth(1).tap()
            await hers.page.locator("[name=urgency]").nth(2).tap()
            await expect(hers.page.get_by_role("alert").locator("a").first).to_be_visible()
            await hers.button(words.start).tap()
            await expect(hers.button(coming)).to_be_visible()
            assert await hers.page.evaluate("teduh.parts.rest === undefined")
            line.released.set()
            await expect(hers.page.get_by_role("heading", name=words.waiting)).to_be_visible()
            wishes = RequestDetails(need="medical", language=language, urgency=Urgency.EMERGENCY)
            async for listing in staff.routing.listing():
                if listing.requests:
                    assert [one.details for one in listing.requests] == [wishes]
                    break
            await accepted(staff)
            await hers.is_in_the_room("Sari")


async def test_nothing_that_she_has_begun_is_disturbed_when_the_rest_comes(tmp_path: Path) -> None:
    """The same elements stand there before and after: what has the keyboard keeps it, and nothing moves."""
    async with house(tmp_path) as here, chromium(tmp_path / "profile", width=360, height=640) as browser:
        line = HeldPage(here.url, FIRST_BYTES)
        async with held(line) as url:
            page = browser.pages[0]
            await opened(page, url)
            await page.locator("[name=urgency]").nth(1).focus()
            await page.evaluate(
                "window.begun = document.activeElement; begun.closest('.scroll').scrollTop = 120"
            )
            line.released.set()
            await page.wait_for_function("() => teduh.parts.rest !== undefined")
            await page.evaluate("teduh.rest.then(() => new Promise((go) => setTimeout(go)))")
            assert await page.evaluate("document.activeElement === begun && begun.isConnected")
            assert await page.evaluate("begun.closest('.scroll').scrollTop") == 120


async def test_who_has_left_asks_for_nobody_when_the_rest_comes_after_all(tmp_path: Path) -> None:
    async with house(tmp_path) as here, chromium(tmp_path / "profile") as browser:
        line = HeldPage(here.url, FIRST_BYTES)
        async with held(line) as url:
            hers = SurvivorPage(browser.pages[0])
            sockets: list[str] = []
            hers.page.on("websocket", lambda socket: sockets.append(socket.url))
            await opened(hers.page, url)
            await hers.button(ENGLISH.start).click()
            # Leaving leads nowhere yet, as on a line that is stuck.
            await hers.page.evaluate("document.getElementById('page').remove()")
            line.released.set()
            await hers.page.wait_for_load_state()
            await hers.page.evaluate("teduh.rest.then(() => new Promise((go) => setTimeout(go)))")
            assert sockets == []
