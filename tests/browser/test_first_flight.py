"""Her page works from its first bytes: the ways out, the numbers and the tap to somebody before the first
screen has come, and the first screen before the rest has.
"""

from __future__ import annotations

import re
from pathlib import Path

import brotli
import pytest
from playwright.async_api import Page, expect
from support.browsers.environment import HARMLESS_TITLE, accepted, harmless_site, relay_environment
from support.browsers.held_page import EARLY_BYTES, FIRST_BYTES, HeldPage, head_bytes, held, sent_page
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import ENGLISH, INDONESIAN, SurvivorPage, Words
from teduh_signaling.relay.frames import RequestDetails, Urgency

LANGUAGES = pytest.mark.parametrize(
    ("language", "words", "coming"), [("en", ENGLISH, "One moment…"), ("id", INDONESIAN, "Sebentar…")]
)
NUMBERS = ["tel:129", "tel:110", "tel:119"]


@pytest.mark.parametrize(
    ("first_bytes", "behind"),
    [(EARLY_BYTES, b'<script id="first">'), (FIRST_BYTES, b'<template id="later">')],
)
async def test_the_first_bytes_decode_to_all_that_they_are_for(
    tmp_path: Path, first_bytes: int, behind: bytes
) -> None:
    """By themselves: what was compressed is flushed behind each piece."""
    async with relay_environment(tmp_path) as here:
        head, body = await sent_page(here.url)
    whole = brotli.decompress(body)
    decoder = brotli.Decompressor()
    first = decoder.process(body[: first_bytes - head_bytes(head)])
    while more := decoder.process(b""):
        first += more
    assert whole.startswith(first)
    assert len(first) < len(whole)
    assert len(first) >= whole.index(behind)


MOST_CHARACTERS = 130_000
"""Of one script: a poor phone compiles so many within 50 ms, in which it answers to nothing else."""


async def test_what_is_behind_the_first_screen_comes_in_pieces(tmp_path: Path) -> None:
    """Each is compiled while the next one is on its way; in one they were a task of 150 ms."""
    async with relay_environment(tmp_path) as here:
        _, body = await sent_page(here.url)
    scripts = re.findall(r"<script(?: id=\"first\")?>(.*?)</script>", brotli.decompress(body).decode(), re.S)
    assert len(scripts) > 3
    assert max(map(len, scripts)) <= MOST_CHARACTERS


async def opened(page: Page, url: str) -> None:
    """As far as it comes."""
    await page.goto(url, wait_until="commit")


@pytest.mark.parametrize("first_bytes", [EARLY_BYTES, FIRST_BYTES])
@LANGUAGES
async def test_numbers_and_exit_work_before_the_rest_has_come(
    tmp_path: Path, language: str, words: Words, coming: str, first_bytes: int
) -> None:
    async with (
        harmless_site() as harmless,
        relay_environment(tmp_path, f'exit_url = "{harmless}"') as here,
        chromium(tmp_path / "profile", language, width=360, height=640, touch=True) as browser,
        held(HeldPage(here.url, first_bytes)) as url,
    ):
        hers = SurvivorPage(browser.pages[0], words)
        await hers.page.goto(f"{harmless}?before")
        await opened(hers.page, url)
        await hers.page.locator(".emergency-button").tap()
        numbers = hers.page.locator("#emergency a")
        await expect(numbers.first).to_be_visible()
        assert await numbers.evaluate_all("(all) => all.map((one) => one.getAttribute('href'))") == NUMBERS
        assert await hers.page.evaluate("teduh.parts.rest === undefined")
        assert await hers.page.evaluate("teduh.parts.main === undefined") == (first_bytes == EARLY_BYTES)
        await hers.button(words.exit).tap()
        await expect(hers.page).to_have_title(HARMLESS_TITLE)
        await hers.page.go_back(wait_until="commit")
        await expect(hers.page).to_have_url(f"{harmless}?before")


SHIFTS, TAPS = "Shift three times", "two taps on bare ground"


@pytest.mark.parametrize(
    ("page", "way"), [("", SHIFTS), ("", TAPS), ('disguise = { skin = "recipe" }', SHIFTS)]
)
async def test_the_ways_out_without_a_button_work_as_early(tmp_path: Path, page: str, way: str) -> None:
    """And a page with a disguise says nothing until the disguise has come."""
    async with (
        harmless_site() as harmless,
        relay_environment(tmp_path, f'exit_url = "{harmless}"\n{page}') as here,
        chromium(tmp_path / "profile") as browser,
        held(HeldPage(here.url, EARLY_BYTES)) as url,
    ):
        hers = browser.pages[0]
        await opened(hers, url)
        await hers.wait_for_function("() => window.teduh?.parts.early !== undefined")
        assert (await hers.locator("body").inner_text() == "") == bool(page)
        if way == SHIFTS:
            for _ in range(3):
                await hers.keyboard.press("Shift")
        else:
            await hers.locator(".scroll").dblclick(position={"x": 100, "y": 100})
        await expect(hers).to_have_title(HARMLESS_TITLE)


@pytest.mark.parametrize("page", ["", 'disguise = { skin = "recipe" }'])
async def test_nothing_is_left_of_what_stood_before_the_app_came(tmp_path: Path, page: str) -> None:
    async with relay_environment(tmp_path, page) as here, chromium(tmp_path / "profile") as browser:
        hers = browser.pages[0]
        await hers.goto(here.url)
        await expect(hers.locator(".skin" if page else "[name=urgency]").first).to_be_attached()
        await expect(hers.locator(".loading")).to_have_count(0)
        await expect(hers.locator("#page > .app")).to_have_count(1)


_KEEP = """() => {
  const names = [".exit", ".emergency-button", "#emergency", ".foot"]
  const shown = names.map((one) => document.querySelector(one))
  window.early = shown.map((one) => {
    const { x, y, width, height } = one.getBoundingClientRect()
    return { one, copy: one.cloneNode(true), box: `${x} ${y} ${width} ${height}` }
  })
  window.begun = document.activeElement
}"""
_CHANGED = """() => early.filter(({ one, copy, box }) => {
  const { x, y, width, height } = one.getBoundingClientRect()
  const isMoved = box !== `${x} ${y} ${width} ${height}`
  return isMoved || !one.isConnected || !one.isEqualNode(copy)
}).map(({ one, copy }) => [one.outerHTML, copy.outerHTML])"""


@pytest.mark.parametrize("page", ["", 'exit_place = "bottom-right"'])
@LANGUAGES
async def test_the_app_is_drawn_into_what_stands_and_changes_nothing_of_it(
    tmp_path: Path, language: str, words: Words, coming: str, page: str
) -> None:
    """No element, no attribute, no place, nor what has the keyboard; and each tap is answered once."""
    async with (
        relay_environment(tmp_path, page) as here,
        chromium(tmp_path / "profile", language, width=360, height=640, touch=bool(page)) as browser,
    ):
        line = HeldPage(here.url, EARLY_BYTES)
        async with held(line) as url:
            hers = SurvivorPage(browser.pages[0], words)
            await opened(hers.page, url)
            await hers.page.locator(".emergency-button").click()
            await hers.page.locator("#emergency a").nth(1).focus()
            assert await hers.page.evaluate("document.documentElement.lang") == language
            assert await hers.page.locator(".thumb .exit").count() == int(bool(page))
            await hers.page.evaluate(_KEEP)
            assert await hers.page.evaluate("teduh.parts.main === undefined")
            line.released.set()
            await hers.page.wait_for_function("() => teduh.parts.rest !== undefined")
            await hers.page.evaluate("teduh.rest.then(() => new Promise((go) => setTimeout(go)))")
            await expect(hers.page.locator("[name=urgency]").first).to_be_attached()
            assert await hers.page.evaluate(_CHANGED) == []
            assert await hers.page.evaluate("document.activeElement === begun")
            await hers.page.locator(".emergency-button").click()
            await expect(hers.page.locator("#emergency")).to_have_count(0)
            await hers.page.locator(".emergency-button").click()
            await expect(hers.page.locator("#emergency")).to_have_count(1)
            await hers.page.keyboard.press("Escape")
            await expect(hers.page.locator("#emergency")).to_have_count(0)


@LANGUAGES
async def test_the_tap_to_somebody_is_kept_before_the_first_screen_has_come(
    tmp_path: Path, language: str, words: Words, coming: str
) -> None:
    async with (
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile", language, width=360, height=640, touch=True) as browser,
        here.staff() as staff,
    ):
        line = HeldPage(here.url, EARLY_BYTES)
        async with held(line) as url:
            hers = SurvivorPage(browser.pages[0], words)
            await opened(hers.page, url)
            await hers.button(words.start).tap()
            await expect(hers.button(coming)).to_have_attribute("aria-busy", "true")
            assert await hers.page.evaluate("teduh.parts.main === undefined")
            line.released.set()
            await expect(hers.page.get_by_role("heading", name=words.waiting)).to_be_visible()
            await accepted(staff)
            await hers.is_in_the_room("Sari")


@LANGUAGES
async def test_what_she_taps_before_the_rest_has_come_is_kept(
    tmp_path: Path, language: str, words: Words, coming: str
) -> None:
    """Choices and the tap itself: it asks as soon as that can be done, without another tap."""
    async with (
        relay_environment(tmp_path) as here,
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
    async with (
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile", width=360, height=640) as browser,
    ):
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
    async with relay_environment(tmp_path) as here, chromium(tmp_path / "profile") as browser:
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
