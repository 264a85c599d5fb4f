"""The console is locked, or reloaded, while the person is being asked about a colleague."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect
from support.browsers.console_page import ConsolePage, console_environment
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import SurvivorPage


@pytest.mark.parametrize("how", ["invited", "shift"])
async def test_her_yes_brings_the_colleague_in_though_the_console_was_locked(
    tmp_path: Path, how: str
) -> None:
    async with (
        console_environment(tmp_path) as environment,
        chromium(tmp_path / "profile") as browser,
        chromium(tmp_path / "other") as other_browser,
    ):
        hers = await SurvivorPage.open(browser, environment.url)
        console = await ConsolePage.enter(browser, environment)
        other = await ConsolePage.enter(other_browser, environment)
        await hers.ask()
        await console.accept()
        name = (await other.page.locator(".who strong").inner_text()).strip()
        if how == "invited":
            await console.button("Bring in a colleague…").click()
            await console.page.get_by_role("radio", name=name).check()
            await console.page.get_by_label("Why (the person sees this)").fill("for your papers")
            await console.button("Ask").click()
        else:
            await console.page.locator("[data-end-shift]").press("Enter")
            dialog = console.page.get_by_role("dialog")
            await dialog.get_by_role("radio", name=name).press("Space")
            await dialog.get_by_label("Note on person 1").fill("Ask for Ibu Tini.")
            await dialog.get_by_role("button", name="Hand over all").press("Enter")
            await console.page.keyboard.press("Escape")
        await expect(hers.page.get_by_role("button", name="Yes, let them join")).to_be_visible()
        await console.button("Lock").click()
        await console.unlock()
        await console.is_at_the_desk()
        await hers.page.get_by_role("button", name="Yes, let them join").click()
        await hers.shows("You said yes to")
        await expect(other.button("Join")).to_be_visible(timeout=15_000)
        await other.button("Join").click()
        await other.say("I am here too.")
        await expect(hers.message("I am here too.")).to_be_visible()
