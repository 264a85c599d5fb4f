"""One conversation from enrolment to quick exit in Debian's Firefox: her page and the console."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_house import HARMLESS_TITLE, harmless_site
from console_page import PASSPHRASE, ConsoleHouse, console_house
from firefox import FirefoxPage, firefox
from survivor_page import ENGLISH

pytestmark = pytest.mark.xdist_group("other_browsers")

_KEPT = """async () => {
  const kept = [document.cookie, localStorage.length, sessionStorage.length];
  return [...kept, (await indexedDB.databases()).length, (await caches.keys()).length,
    (await navigator.serviceWorker.getRegistrations()).length];
}"""


async def test_a_survivor_and_a_counselor_talk_in_firefox(tmp_path: Path) -> None:
    """She asks, waits, talks and leaves; the counselor enrols, unlocks again, accepts and talks."""
    async with (
        harmless_site() as harmless,
        console_house(tmp_path, f'exit_url = "{harmless}"') as house,
        firefox(tmp_path / "firefox") as browser,
    ):
        hers, theirs = await browser.new_page(width=360, height=740), await browser.new_page()
        await enrolled(theirs, house)
        await hers.goto(f"{harmless}?before")
        await hers.goto(house.url)
        await hers.press(ENGLISH.start)
        await hers.shows(ENGLISH.waiting)
        await say(hers, ENGLISH.field, "Is somebody there?")
        await theirs.press("Accept the next")
        await theirs.shows("Is somebody there?")
        await hers.shows(ENGLISH.read)
        await say(theirs, "Your message", "I am here.")
        await hers.shows("I am here.")
        assert await hers.evaluate(_KEPT) == ["", 0, 0, 0, 0, 0]
        await hers.press(ENGLISH.exit)
        await hers.wait_for("(title) => document.title === title", HARMLESS_TITLE)
        await theirs.shows("page was closed")
        # Back leads past the page to where she was before.
        await hers.evaluate("() => void setTimeout(() => history.back())")
        await hers.wait_for("(url) => location.href === url", f"{harmless}?before")
        assert browser.errors == []


async def enrolled(theirs: FirefoxPage, house: ConsoleHouse) -> None:
    """Set up and approved; then the console is opened anew, unlocked, and available."""
    await theirs.goto(house.coordinator.link())
    await theirs.fill("Passphrase", PASSPHRASE)
    await theirs.fill("The same passphrase again", PASSPHRASE)
    await theirs.press("Set up")
    await theirs.shows("Compare these four words")
    await house.approve()
    await theirs.shows("Connected")
    await theirs.goto(f"{house.url}/console/")
    await theirs.fill("Passphrase", PASSPHRASE)
    await theirs.press("Unlock")
    await theirs.press("Available", "radio")


async def say(page: FirefoxPage, field: str, text: str) -> None:
    await page.fill(field, text)
    await page.press(ENGLISH.send)
    await page.shows(text)
