"""Exit where her thumb is: by the organisation's setting, and by her own choice for the visit."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, FloatRect, Locator, expect
from support.browsers.accessible import barriers
from support.browsers.environment import (
    HARMLESS_TITLE,
    RelayEnvironment,
    accepted,
    harmless_site,
    relay_environment,
)
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import ENGLISH, INDONESIAN, SurvivorPage, Words

BOTTOM_RIGHT = 'exit_place = "bottom-right"'
TWICE = ("--blink-settings=defaultFontSize=32",)
APART = 13
"""Pixels at least between Exit and what is tapped below it."""
KEYBOARD = 270
"""Pixels of the window that a phone's keyboard takes (`interactive-widget=resizes-content`)."""
LANGUAGES = pytest.mark.parametrize(("language", "words"), [("en", ENGLISH), ("id", INDONESIAN)])
PLACES = {"en": ("Bottom left", "Bottom right"), "id": ("Kiri bawah", "Kanan bawah")}


async def box(place: Locator) -> FloatRect:
    """Where it is in the window."""
    found = await place.bounding_box()
    assert found is not None
    return found


def overlap(one: FloatRect, other: FloatRect) -> bool:
    """Whether they share a pixel."""
    return (
        one["x"] < other["x"] + other["width"]
        and other["x"] < one["x"] + one["width"]
        and one["y"] < other["y"] + other["height"]
        and other["y"] < one["y"] + one["height"]
    )


async def opened(browser: BrowserContext, here: RelayEnvironment, words: Words = ENGLISH) -> SurvivorPage:
    hers = await SurvivorPage.open(browser, here.url, words)
    await expect(hers.button(words.start)).to_be_visible()
    return hers


@pytest.mark.parametrize("arguments", [(), TWICE], ids=["normal", "twice"])
@pytest.mark.parametrize("width", [320, 360])
@LANGUAGES
async def test_below_it_covers_nothing_and_stays_in_sight(
    tmp_path: Path, language: str, words: Words, width: int, arguments: tuple[str, ...]
) -> None:
    """Neither the button that asks, the field, Send, the handset nor the numbers; above a keyboard, too."""
    async with (
        relay_environment(tmp_path, BOTTOM_RIGHT, calls={"allow_direct": True}) as here,
        chromium(
            tmp_path / "profile", language, width=width, height=640, touch=True, arguments=arguments
        ) as browser,
        here.staff() as staff,
    ):
        hers = await opened(browser, here, words)
        out = hers.button(words.exit)
        start, place = await box(hers.button(words.start)), await box(out)
        # Below two fifths of the window, in twice the size above a button of two lines, too.
        assert place["y"] > 256
        assert place["x"] + place["width"] > width - 32
        assert place["y"] + place["height"] + APART <= start["y"]
        assert start["y"] + start["height"] <= 640
        await hers.ask()
        await accepted(staff)
        await hers.is_in_the_room("Sari")
        in_sight = [out, hers.field, hers.button(words.send), hers.page.locator(".composer .round").first]
        for height in (640, 640 - KEYBOARD):
            await hers.page.set_viewport_size({"width": width, "height": height})
            await hers.field.tap()
            await expect(hers.field).to_be_focused()
            header = [hers.page.locator(f".{name}") for name in ("emergency-button", "room-names")]
            boxes = [await box(each) for each in (*in_sight, *header)]
            assert not any(overlap(one, other) for one, other in combinations(boxes, 2))
            for each in boxes:
                assert each["y"] >= 0
                assert each["y"] + each["height"] <= height
                assert each["x"] + each["width"] <= width
        assert await barriers(hers.page) == []


@LANGUAGES
async def test_she_chooses_for_this_visit(tmp_path: Path, language: str, words: Words) -> None:
    left, right = PLACES[language]
    async with (
        harmless_site() as harmless,
        relay_environment(tmp_path, f'exit_url = "{harmless}"') as here,
        chromium(tmp_path / "profile", language, width=360, height=640, touch=True) as browser,
        here.staff() as staff,
    ):
        hers = await opened(browser, here, words)
        out = hers.button(words.exit)
        assert (await box(out))["y"] < 64
        await hers.page.get_by_role("radio", name=left).check()
        place = await box(out)
        assert place["x"] < 24
        assert place["y"] > 320
        await hers.ask()
        await accepted(staff)
        await hers.is_in_the_room("Sari")
        await hers.page.locator(".room-button").tap()
        await hers.page.get_by_role("radio", name=right).check()
        await hers.page.locator(".room-button").tap()
        place = await box(out)
        assert place["x"] > 180
        assert place["y"] > 320
        # Nothing of it is kept: whoever opens the page sees what the organisation has chosen.
        other = await browser.new_page()
        await other.goto(here.url)
        await expect(other.locator(".bar .exit")).to_be_visible()
        await other.close()
        await out.tap()
        await expect(hers.page).to_have_title(HARMLESS_TITLE)


async def test_it_is_first_in_the_document_wherever_it_stands(tmp_path: Path) -> None:
    async with (
        relay_environment(tmp_path, BOTTOM_RIGHT) as here,
        chromium(tmp_path / "profile", width=360, height=640, touch=True) as browser,
    ):
        hers = await opened(browser, here)
        await hers.page.keyboard.press("Tab")
        await expect(hers.button(ENGLISH.exit)).to_be_focused()


@pytest.mark.parametrize(("touch", "height"), [(False, 640), (True, 170)], ids=["desk", "side"])
async def test_it_is_at_the_top_where_there_is_no_thumb_or_no_room(
    tmp_path: Path, *, touch: bool, height: int
) -> None:
    """At a desk; and above the keyboard of a phone that lies on its side."""
    async with (
        relay_environment(tmp_path, BOTTOM_RIGHT) as here,
        chromium(tmp_path / "profile", width=640, height=height, touch=touch) as browser,
    ):
        hers = await opened(browser, here)
        await expect(hers.page.locator(".bar .exit")).to_be_visible()
        await expect(hers.page.locator(".thumb")).to_have_count(0)
