"""What she says of the urgency stands in the console as she said it, and so does that she said nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect
from support.browsers.console_page import ConsolePage, console_environment
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import INDONESIAN, SurvivorPage


@pytest.mark.parametrize(
    ("choice", "short", "long"),
    [
        (None, "Urgency not said", "not said"),
        ("Tidak mendesak", "Not urgent", "Not urgent"),
        ("Mendesak", "Urgent", "It is urgent"),
    ],
)
async def test_the_console_shows_the_urgency_that_she_chose_and_invents_none(
    tmp_path: Path, choice: str | None, short: str, long: str
) -> None:
    """In the queue, in the list of talks, over the talk and in its details; also after a reload."""
    async with (
        console_environment(tmp_path) as environment,
        chromium(tmp_path / "staff") as browser,
        chromium(tmp_path / "hers", "id", width=360, height=640, touch=True) as phone,
    ):
        console = await ConsolePage.enter(browser, environment)
        hers = await SurvivorPage.open(phone, environment.url, INDONESIAN)
        if choice is not None:
            await hers.page.get_by_role("radio", name=choice, exact=True).tap()
        await hers.ask()
        page = console.page
        await expect(page.locator(".queue-item .urgent")).to_have_text([short])
        before = await console.kept()
        await console.accept()
        for _ in range(2):
            await expect(page.locator(".talk-button .urgent")).to_have_text([short])
            await page.locator(".talk-button").click()
            await expect(page.locator(".talk-title .urgent")).to_have_text([short])
            await expect(page.locator("dt:text-is('Urgency') + dd")).to_have_text(long)
            await console.keeps_more_than(before)
            await page.reload()
            await console.unlock()


async def test_an_offer_says_that_nothing_was_said_of_the_urgency(tmp_path: Path) -> None:
    async with (
        console_environment(tmp_path, routing={"mode": "offer"}) as environment,
        chromium(tmp_path / "staff") as browser,
        chromium(tmp_path / "hers", "id", width=360, height=640, touch=True) as phone,
    ):
        console = await ConsolePage.enter(browser, environment)
        hers = await SurvivorPage.open(phone, environment.url, INDONESIAN)
        await hers.ask()
        await expect(console.page.locator(".offer .urgent")).to_have_text(["Urgency not said"])
