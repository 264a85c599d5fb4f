"""WCAG 2.2 AA in every state of the console, in both colour schemes."""

from __future__ import annotations

from pathlib import Path

import pytest
from accessible import barriers
from console_page import ConsolePage, console_house
from playwright.async_api import expect
from real_browser import ColourScheme, chromium
from survivor_page import SurvivorPage


@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_nothing_in_the_console_stands_in_anybodys_way(tmp_path: Path, colours: ColourScheme) -> None:
    async with (
        console_house(tmp_path) as house,
        chromium(tmp_path / "profile", colours=colours, bypass_csp=True) as browser,
    ):
        found: dict[str, list[str]] = {}
        hers = await SurvivorPage.open(browser, house.url)
        new = await browser.new_page()
        await new.goto(house.console_url)
        await ConsolePage(new).headed("Set up this device")
        found["setting up"] = await barriers(new)
        await new.close()
        console = await ConsolePage.set_up(browser, house)
        page = console.page
        found["the words"] = await barriers(page)
        await house.approve()
        await console.is_at_the_desk()
        await page.get_by_role("radio", name="Available").check()
        found["an empty desk"] = await barriers(page)
        await hers.ask()
        await hers.say("Is somebody there?")
        await expect(page.locator(".queue-item")).to_be_visible()
        found["the queue"] = await barriers(page)
        await console.accept()
        await console.say("I am here.")
        await expect(console.message("I am here.")).to_contain_text("Read")
        found["a conversation"] = await barriers(page)
        await console.button("Replies").click()
        found["the replies"] = await barriers(page)
        await page.keyboard.press("Escape")
        for opener in ("Bring in a colleague…", "End…", "Keys", "Kept notes", "Sign out and erase"):
            await console.button(opener).click()
            await expect(page.get_by_role("dialog")).to_be_visible()
            found[opener] = await barriers(page)
            await page.keyboard.press("Escape")
            await expect(page.get_by_role("dialog")).to_have_count(0)
        await page.get_by_role("searchbox").fill("somebody")
        await expect(page.locator(".result")).to_be_visible()
        found["the search"] = await barriers(page)
        await page.keyboard.press("Alt+l")
        await console.headed("Locked")
        found["the lock"] = await barriers(page)
        assert {state: rules for state, rules in found.items() if rules} == {}
