"""Calls between the real pages in one Chromium with made-up devices, and what passes on their connections.

Chromium's made-up camera shows a moving figure, its microphone beeps at 400 Hz twice a second: content by
which a test tells that pictures and sound arrive, and not just packets.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from console_page import ConsoleHouse, ConsolePage
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect
from real_browser import ARGUMENTS, PATIENCE_MS, PROGRAM
from survivor_page import SurvivorPage

DEVICES: Final = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
_WATCH: Final = """
window.connections = [];  // all that this page made
window.cameIn = [];       // all that the other side let out, as it came in here
window.tracks = [];       // all that was captured here
const Real = RTCPeerConnection;
window.RTCPeerConnection = class extends Real {
  constructor(configuration) { super(configuration); window.connections.push(this); }
  setRemoteDescription(description) {
    window.cameIn.push(description.sdp);
    return super.setRemoteDescription(description);
  }
  addIceCandidate(candidate) {
    window.cameIn.push(candidate.candidate);
    return super.addIceCandidate(candidate);
  }
};
const open = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
if (open) navigator.mediaDevices.getUserMedia = async (wish) => {
  const stream = await open(wish);
  window.tracks.push(...stream.getTracks());
  return stream;
};
"""
# Two pictures, some frames apart: how bright on average, and how many pixels have changed.
_PICTURES: Final = """async (video) => {
  const [width, height] = [64, 48];
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const frame = () => new Promise((resolve) => video.requestVideoFrameCallback(() => {
    context.drawImage(video, 0, 0, width, height);
    resolve(context.getImageData(0, 0, width, height).data);
  }));
  const before = await frame();
  for (let skipped = 0; skipped < 5; skipped += 1) await frame();
  const after = await frame();
  let changed = 0;
  for (let at = 0; at < before.length; at += 4) if (Math.abs(before[at] - after[at]) > 24) changed += 1;
  return { brightness: after.reduce((sum, value) => sum + value, 0) / after.length, changed };
}"""
# Listens until the beep is the strongest of what is heard; gives the pitch that was strongest last.
_BEEP: Final = """async (audio) => {
  const context = new AudioContext();
  const analyser = Object.assign(context.createAnalyser(), { fftSize: 4096, smoothingTimeConstant: 0 });
  context.createMediaStreamSource(audio.srcObject).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  const width = context.sampleRate / analyser.fftSize;
  const until = performance.now() + 20_000;
  let pitch = 0;
  while (performance.now() < until && !(pitch > 350 && pitch < 450)) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    analyser.getFloatFrequencyData(bins);
    const loudest = bins.indexOf(Math.max(...bins));
    // At its beginning and end a beep is a click of all pitches.
    if (bins[loudest] > -60) pitch = loudest * width;
  }
  await context.close();
  return pitch;
}"""
_STATISTICS: Final = """async () => {
  const found = [];
  for (const connection of window.connections.filter((one) => one.connectionState !== 'closed')) {
    const report = [...(await connection.getStats()).values()];
    const inbound = (kind, name) => report.filter((one) => one.type === 'inbound-rtp' && one.kind === kind)
      .reduce((sum, one) => sum + (one[name] ?? 0), 0);
    const byId = new Map(report.map((one) => [one.id, one]));
    const typeOf = (id) => byId.get(id)?.candidateType;
    const pairs = report.filter((one) => one.type === 'candidate-pair');
    found.push({
      frames: inbound('video', 'framesDecoded'),
      samples: inbound('audio', 'totalSamplesReceived'),
      selected: pairs.filter((one) => one.nominated && one.state === 'succeeded')
        .map((one) => [typeOf(one.localCandidateId), typeOf(one.remoteCandidateId)]),
      pairs: pairs.map((one) => typeOf(one.localCandidateId)),
      local: report.filter((one) => one.type === 'local-candidate').map((one) => one.candidateType),
    });
  }
  return found;
}"""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What came in over one connection, and over which kinds of candidates."""

    frames: int
    samples: int
    selected: list[list[str]]
    pairs: list[str]
    local: list[str]


@dataclass(frozen=True, slots=True)
class Caller:
    """A page in a call, whichever of the two it is."""

    page: Page

    def button(self, name: str) -> Locator:
        """A button of the call by its name."""
        return self.call.get_by_role("button", name=name, exact=True)

    @property
    def call(self) -> Locator:
        """All that the page shows of the call."""
        return self.page.get_by_role("region", name="Call", exact=True)

    async def shows(self, text: str) -> None:
        """Wait until this stands in the call."""
        await expect(self.call.get_by_text(text).first).to_be_visible()

    async def is_connected(self) -> None:
        """Wait until it says so."""
        await expect(self.call.get_by_text("Connected", exact=True)).to_be_visible()

    async def sees_movement(self) -> None:
        """Pictures of the other side: neither black nor still."""
        video = self.call.locator(".tile:not(.own-tile) video").first
        await expect(video).to_be_visible()
        pictures = await video.evaluate(_PICTURES)
        assert pictures["brightness"] > 16
        assert pictures["changed"] > 8

    async def hears_the_beep(self) -> None:
        """The tone of the other side's microphone, at its pitch."""
        pitch = await self.page.locator("audio").first.evaluate(_BEEP)
        assert 350 < pitch < 450

    async def traffic(self) -> list[Traffic]:
        """Of each open connection."""
        return [Traffic(**one) for one in await self.page.evaluate(_STATISTICS)]

    async def receives_more(self, *, frames: bool, samples: bool) -> None:
        """Wait until more of these has come than now."""
        (before,) = await self.traffic()
        condition = f"""async () => {{
          const [now] = await ({_STATISTICS})();
          return (!{str(frames).lower()} || now.frames > {before.frames}) &&
            (!{str(samples).lower()} || now.samples > {before.samples});
        }}"""
        await self.page.wait_for_function(condition)

    async def came_in(self) -> list[str]:
        """All descriptions and candidates that the other side sent."""
        found: list[str] = await self.page.evaluate("window.cameIn")
        return found

    async def tracks(self) -> list[str]:
        """Of each track that was ever captured here: live or ended."""
        found: list[str] = await self.page.evaluate("window.tracks.map((one) => one.readyState)")
        return found


@dataclass(frozen=True, slots=True)
class Talk:
    """A survivor and a counselor on their pages, in one conversation."""

    hers: Caller
    theirs: Caller
    survivor: SurvivorPage
    console: ConsolePage

    async def video_call(self) -> None:
        """One tap each: the counselor calls with the camera on, she answers; both are connected."""
        await self.theirs.page.get_by_role("button", name="Video call", exact=True).click()
        await self.hers.button("Answer").click()
        await self.hers.is_connected()
        await self.theirs.is_connected()


@asynccontextmanager
async def call_browser(*arguments: str) -> AsyncIterator[Browser]:
    """Chromium with a made-up camera and microphone, and nobody who has to allow them."""
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=PROGRAM, args=[*ARGUMENTS, *DEVICES, *arguments], timeout=PATIENCE_MS
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def visitor(browser: Browser, **options: Any) -> AsyncIterator[BrowserContext]:
    """Somebody else's profile in that browser."""
    context = await browser.new_context(locale="en", **options)
    context.set_default_timeout(PATIENCE_MS)
    await context.add_init_script(_WATCH)
    try:
        yield context
    finally:
        await context.close()


@asynccontextmanager
async def talking(browser: Browser, house: ConsoleHouse, **options: Any) -> AsyncIterator[Talk]:
    """A survivor's page on a small phone and a console, whose conversation has begun."""
    small = {"width": 360, "height": 740}
    async with (
        visitor(browser, viewport=small, **options) as phone,
        visitor(browser, **options) as desk,
    ):
        console = await ConsolePage.enter(desk, house)
        page = await phone.new_page()
        await page.goto(house.url)
        survivor = SurvivorPage(page)
        await survivor.ask()
        await console.accept()
        await survivor.is_in_the_room("")
        await expect(page.get_by_role("button", name="Talk by voice or video")).to_be_visible()
        yield Talk(Caller(page), Caller(console.page), survivor, console)
