"""Whoever is in danger, or asks while nobody is on duty, reads numbers to call before anything else."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_house import House, accepted, house
from playwright.async_api import Page, Route, async_playwright, expect
from programs import executable
from real_browser import ARGUMENTS, chromium
from survivor_page import INDONESIAN, SurvivorPage
from teduh_sdk import Staff

OWN = """
[[page.emergency_numbers]]
number = "0800 1"
name = { id = "Rumah <Aman>", en = "Shelter" }
"""
SAYS_NEXT = """() => {
  window.saidNext = false
  const look = () => {
    window.saidNext ||= /Anda berikutnya|Urutan Anda/.test(document.body.innerText)
    requestAnimationFrame(look)
  }
  look()
}"""
"""Whether a picture of the page has ever said so."""


async def test_she_is_given_numbers_and_no_place_in_a_line_that_nobody_serves(tmp_path: Path) -> None:
    async with (
        house(tmp_path) as here,
        chromium(tmp_path / "profile", "id", width=360, height=640) as browser,
    ):
        hers = await SurvivorPage.open(browser, here.url, INDONESIAN)
        await hers.page.evaluate(SAYS_NEXT)
        await hers.ask()
        await hers.shows("Saat ini tidak ada petugas. Kami belum tahu kapan ada lagi.")
        await _stand_before_the_rest(hers.page)
        assert await hers.page.evaluate("window.saidNext") is False
        async with here.staff() as staff:
            await staff.set_available(1)
            await hers.shows("Anda berikutnya.")
            await expect(hers.page.locator(".waiting .numbers")).to_have_count(0)


async def test_she_who_is_in_danger_is_given_numbers_at_once_and_until_somebody_is_there(
    tmp_path: Path,
) -> None:
    async with (
        house(tmp_path) as here,
        here.staff() as staff,
        chromium(tmp_path / "profile", "id", width=360, height=640, touch=True) as browser,
    ):
        await staff.set_available(1)
        hers = await SurvivorPage.open(browser, here.url, INDONESIAN)
        page = hers.page
        await page.get_by_role("radio", name="Saya sedang dalam bahaya").tap()
        await expect(page.get_by_role("alert")).to_be_in_viewport(ratio=1)
        notice = await page.get_by_role("alert").bounding_box()
        button = await page.locator(".foot").bounding_box()
        assert notice is not None
        assert button is not None
        assert notice["y"] + notice["height"] <= button["y"] + 1
        await hers.ask()
        await hers.shows("Anda berikutnya.")
        await _stand_before_the_rest(page)
        await _is_answered(staff, hers)
        await expect(page.locator(".numbers")).to_have_count(0)


async def _is_answered(staff: Staff, hers: SurvivorPage) -> None:
    await accepted(staff)
    await hers.is_in_the_room("Sari")


async def _stand_before_the_rest(page: Page) -> None:
    numbers, place = page.locator(".waiting .numbers"), page.locator(".place")
    await expect(numbers).to_be_in_viewport(ratio=1)
    above, below = await numbers.bounding_box(), await place.bounding_box()
    assert above is not None
    assert below is not None
    assert above["y"] + above["height"] <= below["y"]


async def test_what_was_stopped_leaves_her_with_numbers_exit_and_another_try(tmp_path: Path) -> None:
    """Stopped for her safety, in the middle of an emergency that she has told of."""
    async with (
        house(tmp_path) as here,
        chromium(tmp_path / "profile", "id", width=360, height=640) as browser,
    ):
        hers = await SurvivorPage.open(browser, here.url, INDONESIAN)
        await hers.page.get_by_role("radio", name="Saya sedang dalam bahaya").check()
        async with here.staff() as staff:
            await hers.ask()
            his = await accepted(staff)
            await hers.is_in_the_room("Sari")
            await his.end()
        await expect(hers.page.locator(".over .number").first).to_be_visible()
        await expect(hers.button(INDONESIAN.exit)).to_be_in_viewport(ratio=1)
        await expect(hers.button(INDONESIAN.again)).to_be_in_viewport(ratio=1)


async def test_a_page_that_cannot_start_has_numbers_exit_and_another_try(tmp_path: Path) -> None:
    async with (
        house(tmp_path, OWN) as here,
        chromium(tmp_path / "profile", width=360, height=640) as browser,
    ):
        page = browser.pages[0]

        async def break_block(route: Route) -> None:
            answer = await route.fetch()
            body = (await answer.text()).replace('"organisation":', '"nobody":', 1)
            await route.fulfill(response=answer, body=body)

        await page.route(f"{here.url}/", break_block)
        await page.goto(here.url)
        await expect(
            page.get_by_role("heading", name="This page cannot be used at the moment")
        ).to_be_visible()
        await expect(page.locator(".number")).to_contain_text("0800 1")
        await expect(page.get_by_role("button", name="Exit")).to_be_visible()
        await page.unroute(f"{here.url}/")
        await page.get_by_role("button", name="Try again").click()
        await expect(page.get_by_role("button", name="Talk to somebody")).to_be_visible()


@pytest.mark.parametrize(
    ("table", "numbers"),
    [("", ["tel:129", "tel:110", "tel:119"]), (OWN, ["tel:08001"])],
    ids=["none of its own", "its own"],
)
async def test_a_browser_without_javascript_shows_numbers_exit_and_another_try(
    tmp_path: Path, table: str, numbers: list[str]
) -> None:
    async with house(tmp_path, table) as here:
        links = await _links_without_javascript(here)
        assert [link for link in links if link.startswith("tel:")] == numbers
        assert links[-2:] == ["/", "/x"]


async def _links_without_javascript(here: House) -> list[str]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable("chromium"), args=list(ARGUMENTS)
        )
        page = await browser.new_page(java_script_enabled=False, viewport={"width": 360, "height": 640})
        await page.goto(here.url)
        links = page.locator("noscript a")
        shown = [
            await link.get_attribute("href") or "" for link in await links.all() if await link.is_visible()
        ]
        await browser.close()
        return shown
