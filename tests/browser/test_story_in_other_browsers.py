"""From enrolment to quick exit in Debian's Firefox and WebKitGTK: her page and the console."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from support.browsers.console_page import PASSPHRASE, ConsoleEnvironment, console_environment
from support.browsers.environment import HARMLESS_TITLE, harmless_site
from support.browsers.firefox import firefox
from support.browsers.survivor_page import ENGLISH
from support.browsers.webkit import made_up_screen, webkit
from support.calls.turn_server import free_port_at

pytestmark = pytest.mark.xdist_group("other_browsers")

_KEPT = """async () => {
  const kept = [document.cookie, localStorage.length, sessionStorage.length];
  return [...kept, (await indexedDB.databases()).length, (await caches.keys()).length,
    (await navigator.serviceWorker.getRegistrations()).length];
}"""

# As WebKit where it has calls: what a page looks for is there, and what nobody catches is noted.
_WITH_CALLS = """() => {
  window.RTCPeerConnection ??= class {};
  window.uncaught = [];
  window.refusals = [];
  addEventListener('unhandledrejection', ({ reason }) => window.uncaught.push(String(reason)));
  addEventListener('error', ({ message }) => window.uncaught.push(message));
  const devices = navigator.mediaDevices;
  const open = devices.getUserMedia.bind(devices);
  devices.getUserMedia = (wish) => open(wish).catch((error) => {
    window.refusals.push(error.name);
    throw error;
  });
}"""


class Page(Protocol):
    """A page in either browser."""

    async def goto(self, url: str) -> None: ...
    async def press(self, name: str, role: str = "button") -> None: ...
    async def fill(self, name: str, text: str) -> None: ...
    async def shows(self, text: str) -> None: ...
    async def wait_for(self, function: str, *arguments: object) -> None: ...
    async def evaluate(self, function: str, *arguments: object) -> Any: ...


@asynccontextmanager
async def story_environment(folder: Path) -> AsyncIterator[tuple[ConsoleEnvironment, str]]:
    """A environment, and the URL of the site to which quick exit leads."""
    async with (
        harmless_site() as harmless,
        console_environment(folder, f'exit_url = "{harmless}"', calls={"allow_direct": True}) as environment,
    ):
        yield environment, harmless


async def test_a_survivor_and_a_counselor_talk_in_firefox(tmp_path: Path) -> None:
    async with (
        story_environment(tmp_path) as (environment, harmless),
        firefox(tmp_path / "firefox") as browser,
    ):
        hers, theirs = await browser.new_page(width=360, height=740), await browser.new_page()
        await meet(hers, theirs, environment, f"{harmless}?before")
        await part(hers, theirs, f"{harmless}?before")
        assert browser.errors == []


async def test_a_survivor_and_a_counselor_talk_in_webkit(tmp_path: Path) -> None:
    """It has no WebRTC: her page says so."""
    with made_up_screen() as display:
        async with (
            story_environment(tmp_path) as (environment, harmless),
            webkit(display, free_port_at("127.0.0.1")) as hers,
            webkit(display, free_port_at("127.0.0.1")) as theirs,
        ):
            await meet(hers, theirs, environment, f"{harmless}?before")
            await hers.press("Talk by voice or video")
            await hers.shows("This browser cannot make calls. You can go on writing here.")
            await part(hers, theirs, f"{harmless}?before")


async def test_webkit_on_a_machine_without_devices_says_that_there_are_none(tmp_path: Path) -> None:
    """What it rejects with there is an `OverconstrainedError`, whatever was asked for."""
    with made_up_screen() as display:
        async with (
            story_environment(tmp_path) as (environment, harmless),
            webkit(display, free_port_at("127.0.0.1")) as hers,
            webkit(display, free_port_at("127.0.0.1")) as theirs,
        ):
            await meet(hers, theirs, environment, f"{harmless}?before")
            await hers.evaluate(_WITH_CALLS)
            await hers.press("Talk by voice or video")
            await hers.press("Try microphone and camera first")
            await hers.press("Try the microphone")
            await hers.shows("No microphone was found. You are not heard.")
            await hers.press("Show me my picture")
            await hers.shows("No camera was found.")
            assert await hers.evaluate("() => window.uncaught") == []
            assert set(await hers.evaluate("() => window.refusals")) == {"OverconstrainedError"}


async def meet(hers: Page, theirs: Page, environment: ConsoleEnvironment, before: str) -> None:
    """The counselor enrols and accepts; she comes from `before`, asks and waits; both talk."""
    await enrolled(theirs, environment)
    await hers.goto(before)
    await hers.goto(environment.url)
    await hers.press(ENGLISH.start)
    await hers.shows(ENGLISH.waiting)
    await say(hers, ENGLISH.field, "Is somebody there?")
    await theirs.press("Accept the next")
    await theirs.shows("Is somebody there?")
    await hers.shows(ENGLISH.read)
    await say(theirs, "Your message", "I am here.")
    await hers.shows("I am here.")


async def part(hers: Page, theirs: Page, before: str) -> None:
    """She leaves, with nothing kept; Back leads past the page to where she was before."""
    assert await hers.evaluate(_KEPT) == ["", 0, 0, 0, 0, 0]
    await hers.press(ENGLISH.exit)
    await hers.wait_for("(title) => document.title === title", HARMLESS_TITLE)
    await theirs.shows("page was closed")
    await hers.evaluate("() => void setTimeout(() => history.back())")
    await hers.wait_for("(url) => location.href === url", before)


async def enrolled(theirs: Page, environment: ConsoleEnvironment) -> None:
    """Set up and approved; then the console is opened anew, unlocked, and available."""
    await theirs.goto(environment.coordinator.link())
    await theirs.fill("Passphrase", PASSPHRASE)
    await theirs.fill("The same passphrase again", PASSPHRASE)
    await theirs.press("Set up")
    await theirs.shows("Compare these four words")
    await environment.approve()
    await theirs.shows("Connected")
    await theirs.goto(f"{environment.url}/console/")
    await theirs.fill("Passphrase", PASSPHRASE)
    await theirs.press("Unlock")
    await theirs.press("Available", "radio")


async def say(page: Page, field: str, text: str) -> None:
    await page.fill(field, text)
    await page.press(ENGLISH.send)
    await page.shows(text)
