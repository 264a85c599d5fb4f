"""Whoever is in danger, or asks while nobody is on duty, reads numbers to call before anything else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, Route, async_playwright, expect
from support.browsers.accessible import barriers
from support.browsers.environment import RelayEnvironment, accepted, relay_environment
from support.browsers.real_browser import ARGUMENTS, chromium
from support.browsers.survivor_page import ENGLISH, INDONESIAN, SurvivorPage
from support.programs import executable
from teduh_sdk import Staff

OWN = """
[[page.emergency_numbers]]
number = "0800 1"
name = { id = "Rumah <Aman>", en = "Shelter" }
"""
WRITTEN = """
[[page.emergency_numbers]]
number = "0800 1"
link = "https://chat.example/62811"
name = "Rumah Aman"
[[page.emergency_numbers]]
link = "https://forms.example/ask?id=1"
name = { id = "Formulir", en = "Form" }
"""
TO_WRITE = ["https://chat.example/62811", "https://forms.example/ask?id=1"]
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
        relay_environment(tmp_path) as here,
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
        relay_environment(tmp_path) as here,
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
        relay_environment(tmp_path) as here,
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
        relay_environment(tmp_path, OWN + WRITTEN) as here,
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
        await expect(page.locator(".number").first).to_contain_text("0800 1")
        await _has_links(page, "main")
        await expect(page.get_by_role("button", name="Exit")).to_be_visible()
        await page.unroute(f"{here.url}/")
        await page.get_by_role("button", name="Try again").click()
        await expect(page.get_by_role("button", name="Talk to somebody")).to_be_visible()


@pytest.mark.parametrize(
    ("language", "trace"),
    [
        ("en", "What you write is kept there, and your browser remembers the visit. Exit here does not"),
        ("id", "Tulisan Anda tersimpan di sana, dan browser mencatat kunjungan itu. Tombol Keluar di sini"),
    ],
)
async def test_who_cannot_speak_can_write_and_is_told_what_stays_of_it(
    tmp_path: Path, language: str, trace: str
) -> None:
    """In a tab of its own, whose site does not learn from where she came; what she does here goes on."""
    words = INDONESIAN if language == "id" else ENGLISH
    async with (
        relay_environment(tmp_path, WRITTEN) as here,
        chromium(tmp_path / "profile", language, width=360, height=640, touch=True) as browser,
        here.staff() as staff,
    ):
        sites: list[dict[str, str]] = []

        async def answer(route: Route) -> None:
            sites.append(await route.request.all_headers())
            await route.fulfill(body="<!doctype html><title>Elsewhere</title>", content_type="text/html")

        await browser.route(re.compile("^https://"), answer)
        hers = await SurvivorPage.open(browser, here.url, words)
        page = hers.page
        await hers.ask()
        await _is_answered(staff, hers)
        await page.locator(".emergency-button").tap()
        panel = page.locator("#emergency")
        await expect(panel).to_contain_text(trace)
        links = panel.locator("a[target]")
        assert [await one.get_attribute("href") for one in await links.all()] == TO_WRITE
        await expect(links.locator(".site")).to_have_text(["chat.example", "forms.example"])
        await expect(panel.locator("a").first).to_have_attribute("href", "tel:08001")
        assert await barriers(page) == []
        async with browser.expect_page() as opening:
            await links.first.tap()
        elsewhere = await opening.value
        await expect(elsewhere).to_have_title("Elsewhere")
        assert await elsewhere.evaluate("[document.referrer, opener]") == ["", None]
        assert [headers.keys() & {"referer", "origin"} for headers in sites] == [set()]
        await elsewhere.close()
        await expect(page.locator(".room-names")).to_contain_text("Sari")


async def test_links_stand_wherever_the_numbers_do(tmp_path: Path) -> None:
    """With danger on the first screen, while nobody is there, and at an end."""
    async with (
        relay_environment(tmp_path, WRITTEN) as here,
        chromium(tmp_path / "profile", "id", width=360, height=640) as browser,
    ):
        hers = await SurvivorPage.open(browser, here.url, INDONESIAN)
        page = hers.page
        await page.get_by_role("radio", name="Saya sedang dalam bahaya").check()
        await _has_links(page, ".welcome")
        await hers.ask()
        await _has_links(page, ".waiting")
        async with here.staff() as staff:
            his = await accepted(staff)
            await hers.is_in_the_room("Sari")
            await his.end()
        await _has_links(page, ".over")


async def _has_links(page: Page, screen: str) -> None:
    links = page.locator(f"{screen} .numbers a[target]")
    await expect(links).to_have_count(len(TO_WRITE))
    assert [await one.get_attribute("href") for one in await links.all()] == TO_WRITE


@pytest.mark.parametrize(
    ("table", "numbers"),
    [
        ("", ["tel:129", "tel:110", "tel:119"]),
        (OWN, ["tel:08001"]),
        (WRITTEN, ["tel:08001", *TO_WRITE]),
    ],
    ids=["none of its own", "its own", "links"],
)
async def test_a_browser_without_javascript_shows_numbers_exit_and_another_try(
    tmp_path: Path, table: str, numbers: list[str]
) -> None:
    async with relay_environment(tmp_path, table) as here:
        links = await _links_without_javascript(here)
        assert links == [*numbers, "/", "/x"]


async def _links_without_javascript(here: RelayEnvironment) -> list[str]:
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
