"""A site that opens her page in a window gets no hold of it: it can neither lead it away nor watch it."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect
from support.browsers.environment import harmless_site, relay_environment
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import ENGLISH, SurvivorPage

# Chromium tells whoever has lost hold of a window that it was closed.
_LOST = "() => window.opened.closed"


async def test_a_site_that_opens_her_page_has_no_hold_of_it(tmp_path: Path) -> None:
    async with (
        harmless_site() as site,
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile") as browser,
    ):
        other = browser.pages[0]
        await other.goto(site)
        async with browser.expect_page() as opening:
            await other.evaluate("(url) => { window.opened = window.open(url) }", here.url)
        hers = SurvivorPage(await opening.value)
        await expect(hers.button(ENGLISH.start)).to_be_visible()
        await other.wait_for_function(_LOST)
        assert await hers.page.evaluate("() => window.opener") is None
