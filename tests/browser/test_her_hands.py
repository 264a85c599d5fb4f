"""Her page in the hand: where she taps, what the keyboard does, and what does not leave by mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect
from support.browsers.accessible import Announced, announced
from support.browsers.environment import accepted, harmless_site, relay_environment
from support.browsers.real_browser import chromium, two_taps
from support.browsers.survivor_page import ENGLISH, INDONESIAN, SurvivorPage, Words

_NOTE_BLUR = """(field) => {
  window.left = 0
  field.addEventListener("blur", () => { window.left += 1 })
}"""


async def test_sending_does_not_take_the_keyboard_from_her(tmp_path: Path) -> None:
    """A field that loses the focus, if only for a moment, folds the keyboard of a phone."""
    async with (
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile", width=360, height=640, touch=True) as browser,
    ):
        hers = await SurvivorPage.open(browser, here.url)
        await hers.ask()
        await hers.field.tap()
        await hers.field.press_sequentially("one")
        await hers.field.evaluate(_NOTE_BLUR)
        await hers.button(ENGLISH.send).tap()
        await expect(hers.message("one")).to_be_visible()
        await expect(hers.field).to_be_focused()
        assert await hers.page.evaluate("window.left") == 0


@pytest.mark.parametrize(("width", "arguments"), [(180, ()), (360, ("--blink-settings=defaultFontSize=32",))])
async def test_at_twice_the_size_the_field_keeps_its_width(
    tmp_path: Path, width: int, arguments: tuple[str, ...]
) -> None:
    """A phone of 360 pixels, its page zoomed to 200 %, or its type set to that."""
    async with (
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile", width=width, height=640, touch=True, arguments=arguments) as browser,
        here.staff() as staff,
    ):
        hers = await SurvivorPage.open(browser, here.url)
        await hers.ask()
        await accepted(staff)
        await hers.is_in_the_room("Sari")
        field, row = await hers.field.bounding_box(), await hers.page.locator(".composer").bounding_box()
        assert field is not None
        assert row is not None
        assert field["width"] == row["width"]


async def test_two_taps_on_what_she_reads_do_not_leave(tmp_path: Path) -> None:
    """People tap twice on words to enlarge or to copy them; on bare ground two taps leave."""
    async with (
        harmless_site() as harmless,
        relay_environment(tmp_path, f'exit_url = "{harmless}"') as here,
        chromium(tmp_path / "profile", width=360, height=640, touch=True) as browser,
    ):
        hers = await SurvivorPage.open(browser, here.url)
        read = [
            hers.page.get_by_role("heading").first,
            hers.page.locator(".safety"),
            hers.page.locator(".safety li").first,
        ]
        for place in read:
            box = await place.bounding_box()
            assert box is not None
            await two_taps(hers.page, box["x"] + 4, box["y"] + 4)
            await expect(hers.button(ENGLISH.start)).to_be_visible()
            assert not await hers.page.locator("#overlay").is_visible()
        await two_taps(hers.page, 3, 300)
        await expect(hers.page).to_have_url(harmless)


async def test_a_phone_is_not_told_of_a_key_that_it_does_not_have(tmp_path: Path) -> None:
    async with relay_environment(tmp_path) as here:
        for touch in (True, False):
            async with chromium(tmp_path / f"profile {touch}", touch=touch) as browser:
                hers = await SurvivorPage.open(browser, here.url)
                await hers.shows("To leave at once")
                await expect(hers.page.get_by_text("Shift")).to_have_count(0 if touch else 1)


async def test_the_first_tab_stop_is_exit(tmp_path: Path) -> None:
    async with relay_environment(tmp_path) as here, chromium(tmp_path / "profile") as browser:
        hers = await SurvivorPage.open(browser, here.url)
        await expect(hers.button(ENGLISH.start)).to_be_visible()
        await hers.page.keyboard.press("Tab")
        await expect(hers.button(ENGLISH.exit)).to_be_focused()


async def test_presses_of_shift_are_counted_where_exit_is(tmp_path: Path) -> None:
    """As GOV.UK's "Exit this page" does: a dot for each of the three, gone when another key is pressed."""
    async with relay_environment(tmp_path) as here, chromium(tmp_path / "profile") as browser:
        hers = await SurvivorPage.open(browser, here.url)
        await expect(hers.button(ENGLISH.start)).to_be_visible()

        async def dots() -> str:
            shown: str = await hers.button(ENGLISH.exit).evaluate(
                "(it) => getComputedStyle(it, '::after').content"
            )
            return shown

        assert await dots() == "none"
        for expected in ("●○○", "●●○"):
            await hers.page.keyboard.press("Shift")
            assert expected in await dots()
        await hers.page.keyboard.press("a")
        assert await dots() == "none"


@pytest.mark.parametrize(
    ("language", "words", "two", "one", "stopped"),
    [
        (
            "en",
            ENGLISH,
            "Exit: press Shift 2 more times.",
            "Exit: press Shift 1 more time.",
            "Exit: stopped counting. You are still on this page.",
        ),
        (
            "id",
            INDONESIAN,
            "Keluar: tekan Shift 2 kali lagi.",
            "Keluar: tekan Shift 1 kali lagi.",
            "Keluar: hitungan berhenti. Anda masih di halaman ini.",
        ),
    ],
)
async def test_presses_of_shift_are_said_to_whoever_does_not_see_the_dots(
    tmp_path: Path, language: str, words: Words, two: str, one: str, stopped: str
) -> None:
    """As GOV.UK's "Exit this page" does. What she writes in capitals is not told of."""
    async with relay_environment(tmp_path) as here, chromium(tmp_path / "profile", language) as browser:
        page = browser.pages[0]
        await page.clock.install()
        hers = await SurvivorPage.open(browser, here.url, words)
        await hers.ask()
        presses = page.locator(".presses")

        async def said() -> list[Announced]:
            return [each for each in await announced(page) if each.text in (two, one, stopped)]

        for expected in (two, one):
            await page.keyboard.press("Shift")
            await expect(presses).to_have_text(expected)
            assert await said() == [Announced("status", "polite", expected)]
        await page.clock.fast_forward(5_001)
        await expect(presses).to_have_text(stopped)
        await page.keyboard.press("a")
        await expect(presses).to_be_empty()
        await page.keyboard.press("Shift")
        await expect(presses).to_have_text(two)
        await page.keyboard.press("a")
        await expect(presses).to_have_text(stopped)
        await hers.field.press("a")
        await hers.field.press("Shift+A")
        assert await hers.field.input_value() == "aA"
        await expect(presses).to_be_empty()


async def test_back_asks_once_and_adds_nothing_to_the_history(tmp_path: Path) -> None:
    """Escape is what a phone's Back gesture is on this machine: the browser's close request (HTML, 6.5.2)."""
    async with (
        harmless_site() as harmless,
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile", width=360, height=640, touch=True) as browser,
    ):
        page = browser.pages[0]
        await page.goto(harmless)
        hers = await SurvivorPage.open(browser, here.url)
        devtools = await browser.new_cdp_session(page)

        async def entries() -> list[str]:
            history = await devtools.send("Page.getNavigationHistory")
            return [entry["url"] for entry in history["entries"]]

        before = await entries()
        question = page.get_by_text("Do you want to leave this chat?")
        await hers.ask()
        for _ in range(2):
            await page.keyboard.press("Escape")
            await expect(question).to_be_visible()
            await hers.button("Stay here").tap()
            await expect(question).to_have_count(0)
        assert await entries() == before
        await page.keyboard.press("Escape")
        await expect(question).to_be_visible()
        # Nothing is left that would take the second one.
        await page.go_back(wait_until="commit")
        await expect(page).to_have_url(harmless)
        assert await entries() == before
