"""Of a line that breaks in the middle of her page no browser tells: the first screen does."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from support.browsers.environment import HARMLESS_TITLE, harmless_site, relay_environment
from support.browsers.held_page import EARLY_BYTES, FIRST_BYTES, HeldPage, held
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import ENGLISH, INDONESIAN, SurvivorPage, Words

NUMBERS = ["tel:129", "tel:110", "tel:119"]
LATE_MS = 10_000
"""As `early.ts` has it."""
A_LOOK_MS = 1_500
"""In which the page has looked at least once."""
LANGUAGES = pytest.mark.parametrize(
    ("language", "words", "coming", "late", "again"),
    [
        ("en", ENGLISH, "One moment…", "slow or cut off", "Try again"),
        ("id", INDONESIAN, "Sebentar…", "lambat atau terputus", "Coba lagi"),
    ],
)
PIECES = pytest.mark.parametrize("first_bytes", [EARLY_BYTES, FIRST_BYTES])


async def opened(page: Page, url: str) -> None:
    """As far as it comes, with a clock that a test can put forward."""
    await page.clock.install()
    await page.goto(url, wait_until="commit")
    await expect(page.locator(".foot .primary")).to_be_visible()


@PIECES
@LANGUAGES
async def test_she_is_told_that_the_page_is_late_and_keeps_numbers_exit_and_her_tap(
    tmp_path: Path, language: str, words: Words, coming: str, late: str, again: str, first_bytes: int
) -> None:
    async with (
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile", language, width=360, height=640, touch=True) as browser,
    ):
        line = HeldPage(here.url, first_bytes)
        async with held(line) as url:
            hers = SurvivorPage(browser.pages[0], words)
            told = hers.page.get_by_role("alert")
            await opened(hers.page, url)
            await hers.button(words.start).tap()
            await expect(hers.button(coming)).to_be_visible()
            await hers.page.clock.run_for(LATE_MS - A_LOOK_MS)
            await expect(told).to_have_count(0)
            await hers.page.clock.run_for(2 * A_LOOK_MS)
            await expect(told).to_contain_text(late)
            await expect(told.get_by_role("link", name=again)).to_be_in_viewport(ratio=1)
            await expect(hers.button(words.exit)).to_be_in_viewport(ratio=1)
            await expect(hers.button(coming)).to_be_in_viewport(ratio=1)
            await hers.page.locator(".emergency-button").tap()
            numbers = hers.page.locator("#emergency a")
            await expect(numbers.first).to_be_in_viewport(ratio=1)
            called = await numbers.evaluate_all("(all) => all.map((one) => one.getAttribute('href'))")
            assert called == NUMBERS
            line.released.set()
            await expect(hers.page.get_by_role("heading", name=words.waiting)).to_be_visible()
            await expect(told).to_have_count(0)


async def test_what_comes_puts_it_off_and_what_she_does_does_not(tmp_path: Path) -> None:
    async with relay_environment(tmp_path) as here, chromium(tmp_path / "profile") as browser:
        line = HeldPage(here.url, FIRST_BYTES)
        async with held(line) as url:
            page = browser.pages[0]
            told = page.locator(".foot [role=alert]")
            await opened(page, url)
            await page.clock.run_for(LATE_MS - A_LOOK_MS)
            # As the parser adds to the document.
            await page.evaluate("document.body.append(document.createElement('template'))")
            await page.clock.run_for(LATE_MS - A_LOOK_MS)
            await page.locator("[name=urgency]").nth(1).check()
            await expect(told).to_have_count(0)
            await page.clock.run_for(2 * A_LOOK_MS)
            await expect(told).to_have_count(1)
            # What comes after all takes it away again.
            await page.evaluate("document.body.append(document.createElement('template'))")
            await expect(told).to_have_count(0)


async def test_what_the_early_screen_said_is_said_by_the_first_screen_too(tmp_path: Path) -> None:
    """The app is drawn into what stands, and the line may break once more."""
    async with relay_environment(tmp_path) as here, chromium(tmp_path / "profile") as browser:
        line = HeldPage(here.url, EARLY_BYTES)
        async with held(line) as url:
            page = browser.pages[0]
            told = page.locator(".foot [role=alert]")
            await opened(page, url)
            await page.clock.run_for(LATE_MS + A_LOOK_MS)
            await expect(told).to_have_count(1)
            line.released.set()
            await page.wait_for_function("() => teduh.parts.rest !== undefined")
            await expect(page.locator("[name=urgency]").first).to_be_visible()
            await page.clock.run_for(2 * LATE_MS)
            await expect(told).to_have_count(0)


@PIECES
async def test_another_try_loads_the_page_anew_and_adds_nothing_to_the_history(
    tmp_path: Path, first_bytes: int
) -> None:
    async with (
        harmless_site() as harmless,
        relay_environment(tmp_path, f'exit_url = "{harmless}"') as here,
        chromium(tmp_path / "profile") as browser,
    ):
        broken, whole = HeldPage(here.url, first_bytes), "teduh.parts.rest !== undefined"
        async with held(broken) as url:
            hers = SurvivorPage(browser.pages[0])
            await hers.page.goto(f"{harmless}?before")
            await opened(hers.page, url)
            entries = await hers.page.evaluate("history.length")
            await hers.page.clock.run_for(LATE_MS + A_LOOK_MS)
            await hers.page.evaluate("window.isOld = true")
            await hers.page.get_by_role("link", name="Try again").click()
            broken.released.set()
            await hers.page.wait_for_function(f"() => window.isOld === undefined && {whole}")
            assert await hers.page.evaluate("history.length") == entries
            # No conversation was lost, and none is said to be.
            await expect(hers.page.get_by_text("This page was restarted")).to_have_count(0)
            await hers.ask()
            await hers.button(ENGLISH.exit).click()
            await expect(hers.page).to_have_title(HARMLESS_TITLE)
            await hers.page.go_back(wait_until="commit")
            await expect(hers.page).to_have_url(f"{harmless}?before")


async def test_a_disguise_tells_nothing_of_it(tmp_path: Path) -> None:
    async with (
        relay_environment(tmp_path, 'disguise = { skin = "recipe" }') as here,
        chromium(tmp_path / "profile") as browser,
        held(HeldPage(here.url, FIRST_BYTES)) as url,
    ):
        page = browser.pages[0]
        await page.clock.install()
        await page.goto(url, wait_until="commit")
        await page.wait_for_function("() => window.teduh?.parts.main !== undefined")
        await page.clock.run_for(LATE_MS + A_LOOK_MS)
        assert await page.locator("body").inner_text() == ""
