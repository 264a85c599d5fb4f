"""Calls between the real pages in Firefox and in Chromium, whoever has which, whoever rings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.async_api import Page, expect
from support.browsers.call_pages import SMALL, WATCH, call_browser, visitor
from support.browsers.console_page import PASSPHRASE, ConsoleEnvironment, console_environment
from support.browsers.firefox import firefox

# Calls of several people need much of the processor: one at a time.
pytestmark = pytest.mark.xdist_group("browser_calls")

# Whether the made-up microphone of the other side is heard: the pitch of what is loud, in 600 ms of what the
# page plays. It is recorded and decoded, for Firefox's AudioContext stands still without a loudspeaker.
HEARS = """async () => {
  const sound = document.querySelector('audio')?.srcObject;
  if (!sound?.getAudioTracks().length) return false;
  const recorder = new MediaRecorder(new MediaStream(sound.getAudioTracks()));
  const recorded = new Promise((resolve) => (recorder.ondataavailable = ({ data }) => resolve(data)));
  recorder.start();
  await new Promise((resolve) => setTimeout(resolve, 600));
  recorder.stop();
  const rate = 48_000;
  const decoder = new OfflineAudioContext(1, 1, rate);
  const decoded = await decoder.decodeAudioData(await (await recorded).arrayBuffer()).catch(() => null);
  const samples = decoded?.getChannelData(0) ?? [];
  const length = rate / 50;
  for (let at = 0; at + length <= samples.length; at += length) {
    const part = samples.slice(at, at + length);
    const loudness = Math.sqrt(part.reduce((sum, one) => sum + one * one, 0) / length);
    const crossings = part.filter((one, index) => index > 0 && one < 0 !== part[index - 1] < 0).length;
    const pitch = crossings * rate / length / 2;
    if (loudness > 0.01 && pitch > 350 && pitch < 450) return true;
  }
  return false;
}"""
# Whether pictures of the other side come: more are decoded than at the first look, and what is seen has
# changed, for the made-up cameras move a figure or change their colour.
SEES = """async () => {
  const video = document.querySelector('.tile:not(.own-tile) video');
  if (!video?.videoWidth) return false;
  const connection = window.connections.find((one) => one.connectionState === 'connected');
  const statistics = [...((await connection?.getStats())?.values() ?? [])];
  const inbound = statistics.find((one) => one.type === 'inbound-rtp' && one.kind === 'video');
  const frames = inbound?.framesDecoded ?? 0;
  const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 48 });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(video, 0, 0, 64, 48);
  const picture = context.getImageData(0, 0, 64, 48).data;
  const { first } = (video.srcObject.first ??= { frames, picture }, video.srcObject);
  const changed = picture.filter((value, at) => Math.abs(value - first.picture[at]) > 24).length;
  return frames > first.frames && changed > 8;
}"""
NAMES = ("firefox", "chromium")


class Opened(Protocol):
    """A page in either browser."""

    async def goto(self, url: str) -> None: ...
    async def press(self, name: str, role: str = "button") -> None: ...
    async def fill(self, name: str, text: str) -> None: ...
    async def shows(self, text: str) -> None: ...
    async def wait_for(self, function: str) -> None: ...
    async def evaluate(self, function: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class ChromiumPage:
    """What `FirefoxPage` does, by Playwright."""

    page: Page

    async def goto(self, url: str) -> None:
        await self.page.goto(url)

    async def press(self, name: str, role: Any = "button") -> None:
        await self.page.get_by_role(role, name=name, exact=True).click()

    async def fill(self, name: str, text: str) -> None:
        await self.page.get_by_label(name, exact=True).fill(text)

    async def shows(self, text: str) -> None:
        await expect(self.page.get_by_text(text).first).to_be_visible()

    async def wait_for(self, function: str) -> None:
        await self.page.wait_for_function(f"async () => await ({function})()")

    async def evaluate(self, function: str) -> Any:
        return await self.page.evaluate(function)


@asynccontextmanager
async def pages(folder: Path, *names: str) -> AsyncIterator[list[Opened]]:
    """One page in each of these browsers, each with a profile of its own."""
    async with AsyncExitStack() as stack:
        opened: list[Opened] = []
        fox = await stack.enter_async_context(firefox(folder / "firefox")) if "firefox" in names else None
        chromium = await stack.enter_async_context(call_browser()) if "chromium" in names else None
        for name in names:
            if name == "firefox" and fox is not None:
                opened.append(await fox.new_page(preload=WATCH, **SMALL))
            elif chromium is not None:
                context = await stack.enter_async_context(visitor(chromium, viewport=SMALL))
                opened.append(ChromiumPage(await context.new_page()))
        yield opened
        assert fox is None or fox.errors == []


async def talks(hers: Opened, theirs: Opened, environment: ConsoleEnvironment) -> None:
    """She asks, and the counselor, whose device is set up here, accepts."""
    await theirs.goto(environment.coordinator.link())
    await theirs.fill("Passphrase", PASSPHRASE)
    await theirs.fill("The same passphrase again", PASSPHRASE)
    await theirs.press("Set up")
    await theirs.shows("Compare these four words")
    await environment.approve()
    await theirs.press("Available", "radio")
    await hers.goto(environment.url)
    await hers.press("Talk to somebody")
    await theirs.press("Accept the next")
    await hers.press("Talk by voice or video")
    await hers.press("Not now")


@pytest.mark.parametrize("counselor", NAMES)
@pytest.mark.parametrize("survivor", NAMES)
async def test_each_browser_calls_and_is_called_by_each(
    tmp_path: Path, survivor: str, counselor: str
) -> None:
    """Each hears and sees the other, whoever of the two rings."""
    async with (
        console_environment(tmp_path, calls={"allow_direct": True}) as environment,
        pages(tmp_path, survivor, counselor) as (hers, theirs),
    ):
        await talks(hers, theirs, environment)
        await theirs.press("Video call")
        await hers.press("Answer")
        await hers.press("Camera on")
        await each_hears_and_sees(hers, theirs)
        await theirs.press("Mute")
        await hers.wait_for(f"async () => !(await ({HEARS})())")
        await theirs.press("Hang up")
        await hers.shows("has hung up")
        await hers.press("Talk by voice or video")
        await hers.press("Video call")
        await theirs.press("Answer")
        await theirs.press("Camera on")
        await each_hears_and_sees(hers, theirs)


async def each_hears_and_sees(*callers: Opened) -> None:
    for one in callers:
        await one.wait_for(HEARS)
        await one.wait_for(SEES)
