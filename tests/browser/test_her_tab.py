"""What happens to her tab: it is loaded anew, opened twice, hidden for long, or disguised from the start."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import expect
from support.browsers.environment import accepted, relay_environment
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import ENGLISH, SurvivorPage, hide
from support.clients.sdk_people import until
from teduh_sdk import events


async def test_loading_anew_asks_first_then_says_what_has_ended_and_begins_anew(tmp_path: Path) -> None:
    async with (
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile") as browser,
        here.staff("Sari") as staff,
    ):
        hers = await SurvivorPage.open(browser, here.url)
        await expect(hers.page.get_by_text("This page was restarted")).to_have_count(0)
        await hers.ask()
        his = await accepted(staff)
        await hers.is_in_the_room("Sari")
        await hers.say("before")
        await hers.page.keyboard.press("F5")
        await hers.shows("Reloading would end the conversation")
        await expect(hers.message("before")).to_be_visible()
        await hers.button("Reload anyway").click()
        await hers.shows("This page was restarted")
        assert (await until(his, events.MemberDisconnected)).participant.is_survivor
        await expect(hers.page.get_by_text("before", exact=True)).to_have_count(0)
        await hers.ask()
        again = await accepted(staff)
        await hers.is_in_the_room("Sari")
        await hers.say("after")
        assert (await until(again, events.TextReceived)).text == "after"


async def test_two_tabs_are_two_people_who_know_nothing_of_each_other(tmp_path: Path) -> None:
    async with (
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile") as browser,
        here.staff("Sari") as staff,
    ):
        one = await SurvivorPage.open(browser, here.url)
        two = SurvivorPage(await browser.new_page())
        await two.page.goto(here.url)
        await one.ask()
        first = await accepted(staff)
        await two.ask()
        second = await accepted(staff)
        for hers, his, text in ((one, first, "in the first"), (two, second, "in the second")):
            await hers.is_in_the_room("Sari")
            await hers.say(text)
            assert (await until(his, events.TextReceived)).text == text
        assert await one.messages.all_inner_texts() == ["in the first"]
        assert await two.messages.all_inner_texts() == ["in the second"]
        await two.page.close()
        await until(second, events.MemberDisconnected)
        await first.send("still here")
        await expect(one.message("still here")).to_be_visible()


async def test_a_tab_that_was_hidden_for_long_shows_its_cover_until_she_goes_on(tmp_path: Path) -> None:
    page = 'cover = { skin = "weather", after_seconds = 90 }'
    async with (
        relay_environment(tmp_path, page) as here,
        chromium(tmp_path / "profile") as browser,
        here.staff() as staff,
    ):
        hers = await SurvivorPage.open(browser, here.url)
        await hers.ask()
        his = await accepted(staff)
        await hers.is_in_the_room("Sari")
        await hers.say("seen by nobody else")
        await hers.field.fill("half a sentence")
        await hide(hers.page, 80)
        await expect(hers.message("seen by nobody else")).to_be_visible()
        await hide(hers.page, 100)
        await hers.shows("Weather today")
        await expect(hers.message("seen by nobody else")).to_be_hidden()
        await expect(hers.page.locator(".room-names")).to_be_hidden()
        await his.send("while it was covered")
        await hers.page.locator(".spot").click()
        await expect(hers.message("while it was covered")).to_be_visible()
        await expect(hers.field).to_have_value("half a sentence")
        # Not read as long as it could not be seen.
        await until(his, events.Read)


# What of the keys for reloading is left to the browser.
_LEFT_TO_BROWSER = """() => {
  window.left = []
  window.addEventListener("keydown", (event) => setTimeout(() => {
    if (["F5", "r"].includes(event.key) && !event.defaultPrevented) window.left.push(event.key)
  }))
}"""


async def test_the_keys_for_reloading_end_nothing_unasked(tmp_path: Path) -> None:
    """Neither behind the cover, where no question can be seen, nor where one of them is held down."""
    page = 'cover = { skin = "weather", after_seconds = 90 }'
    async with (
        relay_environment(tmp_path, page) as here,
        chromium(tmp_path / "profile") as browser,
        here.staff() as staff,
    ):
        hers = await SurvivorPage.open(browser, here.url)
        await hers.ask()
        his = await accepted(staff)
        await hers.is_in_the_room("Sari")
        await hers.say("still here")
        await hers.page.evaluate(_LEFT_TO_BROWSER)
        keys = hers.page.keyboard
        await hide(hers.page, 100)
        await hers.shows("Weather today")
        for key in ("F5", "Control+r", "F5"):
            await keys.press(key)
        await hers.shows("Weather today")
        await hers.page.locator(".spot").click()
        await expect(hers.message("still here")).to_be_visible()
        asked = hers.page.get_by_text("Reloading would end the conversation")
        await expect(asked).to_have_count(0)
        # The second one is what the keyboard makes of a key that is held down.
        await keys.down("F5")
        await keys.down("F5")
        await keys.up("F5")
        await expect(asked).to_be_visible()
        assert await hers.page.evaluate("window.left") == []
        await hers.say("and still here")
        assert [(await until(his, events.TextReceived)).text for _ in range(2)] == [
            "still here",
            "and still here",
        ]


async def test_the_keys_for_reloading_show_nothing_of_what_is_over_behind_its_cover(tmp_path: Path) -> None:
    """Loaded anew the page would say what it is, to whoever has found it."""
    page = 'cover = { skin = "weather", after_seconds = 90 }'
    async with (
        relay_environment(tmp_path, page) as here,
        chromium(tmp_path / "profile") as browser,
        here.staff() as staff,
    ):
        hers = await SurvivorPage.open(browser, here.url)
        await hers.ask()
        his = await accepted(staff)
        await hers.is_in_the_room("Sari")
        await his.end()
        await expect(hers.button(ENGLISH.again)).to_be_visible()
        await hers.page.evaluate(_LEFT_TO_BROWSER)
        await hide(hers.page, 100)
        await hers.shows("Weather today")
        for key in ("F5", "Control+r"):
            await hers.page.keyboard.press(key)
        await hers.page.locator(".spot").click()
        await expect(hers.button(ENGLISH.again)).to_be_visible()
        assert await hers.page.evaluate("window.left") == []
        # Where she sees it there is nothing to lose, and nothing to ask.
        await hers.page.keyboard.press("F5")
        await hers.page.wait_for_function("window.left.length === 1")


TELLING = {"talk", "help", "safe", "safety", "emergency", "rumah", "aman", "exit", "counselor"}


@pytest.mark.parametrize(
    ("skin", "press", "place", "another", "word"),
    [
        ("recipe", "picture", ".spot:has(.drawing)", "h1", "coconut"),
        ("weather", "title", "h1 .spot", ".drawing", "showers"),
        ("weather", "footer", "p.muted .spot", "h1", "showers"),
    ],
)
async def test_a_disguise_looks_like_something_else_until_she_presses_where_she_was_told(
    tmp_path: Path, skin: str, press: str, place: str, another: str, word: str
) -> None:
    table = f'title = "Cooking"\ndisguise = {{ skin = "{skin}", press = "{press}" }}'
    async with relay_environment(tmp_path, table) as here, chromium(tmp_path / "profile") as browser:
        hers = await SurvivorPage.open(browser, here.url)
        page = hers.page
        await expect(page.locator(f".skin.{skin}")).to_be_visible()
        words = set(re.findall(r"\w+", (await page.locator("body").inner_text()).lower()))
        assert word in words
        assert not words & TELLING
        assert await page.title() == "Cooking"
        await page.locator(another).first.click()
        await expect(hers.button(ENGLISH.start)).to_have_count(0)
        await page.locator(place).click()
        await hers.ask()


async def test_a_disguised_page_is_disguised_again_after_it_was_hidden_for_long(tmp_path: Path) -> None:
    """Also before she has asked for anybody: whoever finds her browser open must see nothing that tells."""
    async with (
        relay_environment(tmp_path, 'disguise = { skin = "weather", press = "picture" }') as here,
        chromium(tmp_path / "profile") as browser,
    ):
        hers = await SurvivorPage.open(browser, here.url)
        spot = hers.page.locator(".spot")
        await spot.click()
        await expect(hers.button(ENGLISH.start)).to_be_visible()
        await hide(hers.page, 50)
        await expect(hers.button(ENGLISH.start)).to_be_visible()
        await hide(hers.page, 70)
        await hers.shows("Weather today")
        await expect(hers.button(ENGLISH.start)).to_be_hidden()
        await spot.click()
        await hers.ask()


async def test_the_cover_that_nobody_chose_is_a_recipe_and_she_is_told_how_to_come_back(
    tmp_path: Path,
) -> None:
    """Nothing on it invites anybody to press."""
    async with relay_environment(tmp_path) as here, chromium(tmp_path / "profile") as browser:
        hers = await SurvivorPage.open(browser, here.url)
        await hers.ask()
        await hers.shows("Tap its picture to come back.")
        await hide(hers.page, 70)
        await hers.shows("Coconut rice")
        words = set(re.findall(r"\w+", (await hers.page.locator(".skin").inner_text()).lower()))
        assert not words & (TELLING | {"continue", "paused"})
        assert await hers.page.locator(".skin button:not(.spot)").count() == 0
        await hers.page.locator(".spot").click()
        await expect(hers.field).to_be_visible()


async def test_the_weather_is_not_sunny_at_night(tmp_path: Path) -> None:
    async with (
        relay_environment(tmp_path, 'disguise = { skin = "weather" }') as here,
        chromium(tmp_path / "profile") as browser,
    ):
        for hour, now in (
            (23, "Clear, a light wind from the land"),
            (12, "Sunny, a light wind from the sea"),
        ):
            await browser.pages[0].clock.set_fixed_time(f"2026-12-02T{hour}:00:00")
            hers = await SurvivorPage.open(browser, here.url)
            await hers.shows(now)
