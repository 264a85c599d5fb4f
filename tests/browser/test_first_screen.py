"""The first screen on a phone: a word on safety, what she may choose, help by telephone one tap away."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Error, Locator, Page, expect
from support.browsers.environment import accepted, relay_environment
from support.browsers.pseudo_page import BESIDE_THE_WINDOW
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import INDONESIAN, SurvivorPage
from teduh_signaling.relay.frames import RequestDetails, Urgency

NUMBERS = {"SAPA 129": "tel:129", "Polisi": "tel:110", "Ambulans": "tel:119"}
"""Of an organisation that names none of its own."""
LIMITS = "Kami tidak menceritakan apa pun, kecuali nyawa seseorang terancam."
PAGE = f'[page.confidentiality]\nid = "{LIMITS}"\nen = "We tell nobody, unless a life is in danger."\n'


async def both_words_stand_beside_each_other(page: Page) -> None:
    """Emergency and Exit, on the smallest phone and beside somebody's name."""
    await page.set_viewport_size({"width": 320, "height": 640})
    words = [page.locator("header").get_by_text(word, exact=True) for word in ("Darurat", "Keluar")]
    for word in words:
        await expect(word).to_be_in_viewport(ratio=1)
    tops = [box["y"] + box["height"] / 2 for word in words if (box := await word.bounding_box()) is not None]
    assert len(tops) == 2
    assert abs(tops[0] - tops[1]) < 4
    await page.set_viewport_size({"width": 360, "height": 640})


async def test_what_she_chooses_reaches_staff_and_help_by_telephone_is_always_one_tap_away(
    tmp_path: Path,
) -> None:
    async with (
        relay_environment(tmp_path, PAGE) as here,
        chromium(tmp_path / "profile", "id", width=360, height=640, touch=True) as browser,
    ):
        hers = await SurvivorPage.open(browser, here.url, INDONESIAN)
        page = hers.page
        await expect(page.get_by_role("region", name="Keselamatan Anda lebih dulu")).to_contain_text(LIMITS)
        await expect(
            page.get_by_text("Ini bukan salah Anda. Anda tidak harus menceritakan semuanya.")
        ).to_be_visible()
        await numbers_are_one_tap_away(hers)
        await stands_in_little_room(page, hers.button(INDONESIAN.start))
        danger = page.get_by_role("alert")
        await page.get_by_role("radio", name="Bantuan medis").tap()
        await page.get_by_role("radio", name="Mendesak", exact=True).tap()
        await expect(danger).to_have_count(0)
        await page.get_by_role("radio", name="Saya sedang dalam bahaya").tap()
        await expect(danger).to_contain_text("Menelepon mungkin lebih cepat")
        await expect(danger.locator("a").first).to_be_visible()
        assert await addresses(danger) == list(NUMBERS.values())
        await hers.ask()
        await numbers_are_one_tap_away(hers)
        await stands_in_little_room(page, hers.field)
        # Turned or resized, what there is to read still begins at its beginning.
        heading = page.get_by_role("heading", name=INDONESIAN.waiting)
        await expect(heading).to_be_in_viewport(ratio=1)
        async with here.staff("Sari") as staff:
            wishes = RequestDetails(need="medical", language="id", urgency=Urgency.EMERGENCY)
            # She is told to wait before the relay has her request.
            async for listing in staff.routing.listing():
                if listing.requests:
                    assert [one.details for one in listing.requests] == [wishes]
                    break
            his = await accepted(staff)
            await hers.is_in_the_room("Sari")
            await his.send("Saya di sini. " * 20)
            await both_words_stand_beside_each_other(page)
            await numbers_are_one_tap_away(hers)
            await stands_in_little_room(page, hers.field)


async def numbers_are_one_tap_away(hers: SurvivorPage) -> None:
    """By the button in the header, which closes them again."""
    await hers.button("Nomor darurat").tap()
    panel = hers.page.get_by_role("region", name="Nomor darurat")
    for name in NUMBERS:
        await expect(panel.get_by_role("link", name=name)).to_be_visible()
    assert await addresses(panel) == list(NUMBERS.values())
    await hers.button("Nomor darurat").tap()
    await expect(panel).to_have_count(0)


async def addresses(within: Locator) -> object:
    return await within.locator("a").evaluate_all("(links) => links.map((link) => link.getAttribute('href'))")


async def stands_in_little_room(page: Page, needed: Locator) -> None:
    """On a screen of 320 pixels (WCAG 2.2, 1.4.10), and with text of twice the size (1.4.4)."""
    for width, size in ((320, "100%"), (360, "200%")):
        await page.set_viewport_size({"width": width, "height": 640})
        await page.evaluate("(size) => { document.documentElement.style.fontSize = size }", size)
        assert await page.evaluate(BESIDE_THE_WINDOW) <= 0
        for one in (needed, page.locator(".exit")):
            await expect(one).to_be_in_viewport(ratio=1)
    await page.set_viewport_size({"width": 360, "height": 640})
    await page.evaluate("document.documentElement.style.fontSize = ''")


CUT_OFF = """[...document.querySelectorAll(".number strong")]
  .filter((one) => one.getBoundingClientRect().right > innerWidth).map((one) => one.textContent)"""


async def test_the_numbers_can_be_read_with_text_of_twice_the_size(tmp_path: Path) -> None:
    """Who has to call from another telephone sees them without looking for them beside the screen."""
    async with (
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile", "id", width=360, height=640, touch=True) as browser,
    ):
        hers = await SurvivorPage.open(browser, here.url, INDONESIAN)
        await hers.page.evaluate("document.documentElement.style.fontSize = '200%'")
        await hers.button("Nomor darurat").tap()
        await expect(hers.page.locator(".number strong")).to_have_text(["129", "110", "119"])
        assert await hers.page.evaluate(CUT_OFF) == []


KEPT_FORMS = """[...document.querySelectorAll("input, textarea, select, form")]
  .filter((one) => one.matches("form") || one.autocomplete !== "off")"""
MARKUP = "document.body.innerHTML = '<b>anything</b>'"


async def test_what_the_browser_would_do_by_itself_is_turned_off(tmp_path: Path) -> None:
    """Remember fields, leave by a swipe, make text into elements."""
    async with (
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile", troubles="TrustedHTML") as browser,
    ):
        hers = await SurvivorPage.open(browser, here.url)
        assert await hers.page.evaluate("document.querySelectorAll('input').length") > 0
        assert await hers.page.evaluate(KEPT_FORMS) == []
        assert await hers.page.evaluate("getComputedStyle(document.body).overscrollBehavior") == "none"
        with pytest.raises(Error, match="TrustedHTML"):
            await hers.page.evaluate(MARKUP)
        await hers.ask()
        assert await hers.page.evaluate(KEPT_FORMS) == []
        await expect(hers.page.get_by_text("anything")).to_have_count(0)
