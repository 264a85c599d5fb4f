"""WCAG 2.2 AA in every state of the survivor's page: on a phone in both colour schemes, and on a desk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect
from screenshot_camera import SIZES, Camera, Language
from screenshot_survivor import survivor_states
from support.browsers.accessible import barriers
from support.browsers.real_browser import ARGUMENTS, PATIENCE_MS
from support.programs import executable

PHONE, DESK = SIZES


@dataclass(frozen=True, slots=True)
class Inspector(Camera):
    """Goes where the camera goes, and asks axe-core instead of taking pictures."""

    found: dict[str, list[str]] = field(default_factory=dict)

    async def take(self, page: Page, state: str, *, whole: bool = False, shown: str = "") -> None:
        """Note what stands in anybody's way in this state."""
        if self.language == "id":
            await page.set_viewport_size(PHONE)
            await page.emulate_media(color_scheme="dark")
            self.found[f"{state}, dark"] = await barriers(page)
            await page.emulate_media(color_scheme="light")
            self.found[state] = await barriers(page)
        else:
            await page.set_viewport_size(DESK)
            self.found[state] = await barriers(page)


@pytest.mark.parametrize("language", ["id", "en"])
async def test_nothing_on_her_page_stands_in_anybodys_way(tmp_path: Path, language: Language) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    inspector = Inspector(tmp_path, language, looks_inside=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable("chromium"), args=list(ARGUMENTS)
        )
        await survivor_states(browser, tmp_path, inspector)
        await browser.close()
    assert len(inspector.found) > 20
    assert {state: rules for state, rules in inspector.found.items() if rules} == {}
