"""Where there is no JavaScript the console says so, in both languages, rather than nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect
from support.browsers.environment import relay_environment
from support.browsers.real_browser import ARGUMENTS
from support.programs import executable


@pytest.mark.parametrize("width", [360, 1280])
async def test_the_console_says_that_it_needs_javascript(tmp_path: Path, width: int) -> None:
    async with relay_environment(tmp_path) as here, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable("chromium"), args=list(ARGUMENTS)
        )
        page = await browser.new_page(
            java_script_enabled=False, viewport={"width": width, "height": 640}, locale="id"
        )
        await page.goto(f"{here.url}/console/")
        for words in ("Konsol ini butuh JavaScript.", "The console needs JavaScript."):
            await expect(page.locator("noscript p").filter(has_text=words)).to_be_in_viewport(ratio=1)
        await browser.close()
