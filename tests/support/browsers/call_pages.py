"""Calls between the real pages in one Chromium with made-up devices, and what passes on their connections.

Chromium's made-up camera shows a moving figure, its microphone beeps at 400 Hz twice a second: content by
which a test tells that pictures and sound arrive, and not just packets.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from playwright.async_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    WebSocket,
    async_playwright,
    expect,
)

from support.browsers.console_page import ConsoleEnvironment, ConsolePage, console_environment
from support.browsers.real_browser import ARGUMENTS, PATIENCE_MS
from support.browsers.survivor_page import SurvivorPage
from support.calls.turn_server import TurnServer, turn_server
from support.programs import executable

SMALL: Final[Any] = {"width": 360, "height": 740}
DEVICES: Final = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
PLAYS_BY_A_TAP: Final = """() => {
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () {
    this.autoplay = false;
    if (this.muted || window.event?.type === 'click') return play.call(this);
    return Promise.reject(new DOMException('not without a tap', 'NotAllowedError'));
  };
}"""
"""As Safari, where nothing is captured: what is heard is played in the turn of a tap, and not by itself."""
WATCH: Final = """
window.connections = [];  // all that this page made
window.cameIn = [];       // all that the other side let out, as it came in here
window.tracks = [];       // all that was captured here
window.wishes = [];       // what was asked of getUserMedia
window.noises = [];       // all by which a page could be heard, felt or seen from afar
window.sentinels = [];    // what keeps the screen on
window.told = [];         // what a screen reader is told, in order
const noted = (name, Made) => Made && class extends Made {
  constructor(...how) { super(...how); window.noises.push(name); }
};
for (const name of ['AudioContext', 'webkitAudioContext', 'Notification', 'Audio'])
  if (window[name]) window[name] = noted(name, window[name]);
for (const [owner, name] of [[navigator, 'vibrate'], [HTMLMediaElement.prototype, 'play']]) {
  const real = owner[name];
  if (real) owner[name] = function (...how) { window.noises.push(name); return real.apply(this, how); };
}
const createElement = document.createElement;
document.createElement = function (name, ...how) {
  if (/^(audio|video)$/i.test(name)) window.noises.push(name);
  return createElement.call(document, name, ...how);
};
const keepOn = navigator.wakeLock?.request.bind(navigator.wakeLock);
if (keepOn) navigator.wakeLock.request = async (kind) => {
  const sentinel = await keepOn(kind);
  window.sentinels.push(sentinel);
  return sentinel;
};
new MutationObserver((changes) => {
  for (const { target } of changes) {
    const text = (target.parentElement ?? target).closest?.('[role=status]')?.textContent;
    if (text && window.told.at(-1) !== text) window.told.push(text);
  }
}).observe(document, { childList: true, characterData: true, subtree: true });
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
for (const name of ['getUserMedia', 'getDisplayMedia']) {
  const open = navigator.mediaDevices?.[name].bind(navigator.mediaDevices);
  if (open) navigator.mediaDevices[name] = async (wish) => {
    window.wishes.push(wish);
    const stream = await open(wish);
    window.tracks.push(...stream.getTracks());
    await window.held;  // as long as a browser takes to open a device
    return stream;
  };
}
"""
# Two pictures, some frames apart: how bright on average, and how many pixels have changed.
_PICTURES: Final = """(video) => (async () => {
  const [width, height] = [64, 48];
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const frame = () => new Promise((resolve, reject) => {
    // A picture that was taken away meanwhile shows nothing any more.
    setTimeout(reject, 5_000);
    video.requestVideoFrameCallback(() => {
      context.drawImage(video, 0, 0, width, height);
      resolve(context.getImageData(0, 0, width, height).data);
    });
  });
  const before = await frame();
  let [after, changed] = [before, 0];
  // The figure comes back to where it was every 0.6 s, so one later picture alone can look like the first.
  for (let seen = 0; seen < 20 && changed <= 8; seen += 1) {
    after = await frame();
    changed = 0;
    for (let at = 0; at < before.length; at += 4) if (Math.abs(before[at] - after[at]) > 24) changed += 1;
  }
  return { brightness: after.reduce((sum, value) => sum + value, 0) / after.length, changed };
})().catch(() => null)"""
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


# What getStats tells from now on: so much of what was sent is lost, or nothing comes at all.
_WEAKEN: Final = """(how) => {
  const real = RTCPeerConnection.prototype.getStats;
  if (window.weakness === undefined) RTCPeerConnection.prototype.getStats = async function () {
    const report = new Map(await real.call(this));
    for (const [id, one] of report)
      if (one.type === 'remote-inbound-rtp')
        report.set(id, { ...one, fractionLost: window.weakness.lost });
      else if (one.type === 'inbound-rtp' && window.weakness.isSilent)
        report.set(id, { ...one, packetsReceived: 7 });
    return report;
  };
  window.weakness = how;
}"""
# What getStats tells from now on: a line that loses nothing and takes no time, however busy this machine is.
_STEADY: Final = """() => {
  const real = RTCPeerConnection.prototype.getStats;
  const best = {
    'remote-inbound-rtp': { fractionLost: 0, roundTripTime: 0.02 },
    'inbound-rtp': { packetsLost: 0, jitter: 0 },
    'candidate-pair': { currentRoundTripTime: 0.02 },
  };
  RTCPeerConnection.prototype.getStats = async function () {
    return new Map([...await real.call(this)].map(([id, one]) => [id, { ...one, ...best[one.type] }]));
  };
}"""
# Bits per second of what is sent, over four seconds by the clock of the statistics; frames per second.
_RATES: Final = """async () => {
  const [connection] = window.connections.filter((one) => one.connectionState === 'connected');
  const read = async () => Object.fromEntries([...(await connection.getStats()).values()]
    .filter((one) => one.type === 'outbound-rtp').map((one) => [one.kind, one]));
  const before = await read();
  let now = before;
  while (now.audio.timestamp - before.audio.timestamp < 4_000) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    now = await read();
  }
  const perSecond = (kind, name) =>
    1000 * (now[kind][name] - before[kind][name]) / (now[kind].timestamp - before[kind].timestamp);
  return {
    audio: 8 * perSecond('audio', 'bytesSent'),
    video: 8 * perSecond('video', 'bytesSent'),
    frames: perSecond('video', 'framesSent'),
  };
}"""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What came in over one connection, and over which kinds of candidates."""

    frames: int
    samples: int
    selected: list[list[str]]
    pairs: list[str]
    local: list[str]

    @property
    def is_relayed(self) -> bool:
        """Whether it goes from relayed address to relayed address, and no other of ours was ever gathered."""
        return {tuple(pair) for pair in self.selected} == {("relay", "relay")} and set(self.local) == {
            "relay"
        }


@dataclass(frozen=True, slots=True)
class Caller:
    """A page in a call, whichever of the two it is."""

    page: Page
    sent: list[bytes] = field(default_factory=list)
    """All frames that the page sent to the relay."""

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

    @property
    def others(self) -> Locator:
        """What is shown of each other one in the call."""
        return self.call.locator(".tile:not(.own-tile)")

    async def sees_movement(self) -> None:
        """Pictures of the other side: neither black nor still."""
        video = self.others.locator("video").first
        pictures = None
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while pictures is None:
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

    async def weaken(self, *, lost: float = 0, is_silent: bool = False) -> None:
        """From now on this is what the connection's statistics say."""
        await self.page.evaluate(_WEAKEN, {"lost": lost, "isSilent": is_silent})

    async def steady(self) -> None:
        """From now on the connections' statistics say that the line is good: no picture is given up."""
        await self.page.evaluate(_STEADY)

    async def rates(self) -> dict[str, float]:
        """Bits per second of sound and pictures that are sent, and frames per second."""
        found: dict[str, float] = await self.page.evaluate(_RATES)
        return found

    async def is_told(self, text: str) -> None:
        """Wait until a screen reader was told this."""
        await self.page.wait_for_function("(text) => window.told.some((one) => one.includes(text))", arg=text)

    async def tries_the_way(self, told: str) -> None:
        """Her page, before a call: whether one can get through."""
        await self.page.get_by_role("button", name="Talk by voice or video").click()
        await self.button("Try microphone and camera first").click()
        await self.button("Try the connection").click()
        await self.shows(told)
        await self.button("Close").click()
        await self.button("Not now").click()

    async def came_in(self) -> list[str]:
        """All descriptions and candidates that the other side sent."""
        found: list[str] = await self.page.evaluate("window.cameIn")
        return found

    async def is_off(self) -> None:
        """Wait until nothing that was captured here is on any more."""
        await self.page.wait_for_function(
            "() => window.tracks.length > 0 && window.tracks.every((one) => one.readyState === 'ended')"
        )

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
            executable_path=executable("chromium"),
            args=[*ARGUMENTS, *DEVICES, *arguments],
            timeout=PATIENCE_MS,
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
    await context.add_init_script(WATCH)
    try:
        yield context
    finally:
        await context.close()


@asynccontextmanager
async def talking(browser: Browser, environment: ConsoleEnvironment, **options: Any) -> AsyncIterator[Talk]:
    """A survivor's page on a small phone and a console, whose conversation has begun."""
    async with (
        visitor(browser, viewport=SMALL, **options) as phone,
        visitor(browser, **options) as desk,
    ):
        sent_by_her, sent_by_them = frames_of(phone), frames_of(desk)
        console = await ConsolePage.enter(desk, environment)
        survivor = await arrives(phone, console, environment)
        yield Talk(Caller(survivor.page, sent_by_her), Caller(console.page, sent_by_them), survivor, console)


@asynccontextmanager
async def talking_alone(
    environment: ConsoleEnvironment, *arguments: str, **options: Any
) -> AsyncIterator[Talk]:
    """The same in a browser of their own, started with these arguments, where nobody else comes."""
    async with call_browser(*arguments) as browser, talking(browser, environment, **options) as talk:
        yield talk


@asynccontextmanager
async def relayed_environment(folder: Path) -> AsyncIterator[tuple[ConsoleEnvironment, TurnServer]]:
    """Where calls go through a TURN server, and nowhere else."""
    with turn_server(folder, allow_loopback_peers=True) as turn:
        async with console_environment(folder, calls=turn.calls()) as environment:
            yield environment, turn


async def arrives(
    phone: BrowserContext, console: ConsolePage, environment: ConsoleEnvironment
) -> SurvivorPage:
    """A survivor asks, and the counselor accepts."""
    survivor = SurvivorPage(await phone.new_page())
    await survivor.page.goto(environment.url)
    await survivor.ask()
    await console.accept()
    await survivor.is_in_the_room("")
    await expect(survivor.page.get_by_role("button", name="Talk by voice or video")).to_be_visible()
    return survivor


def frames_of(context: BrowserContext) -> list[bytes]:
    """What its pages send over their WebSockets from now on."""
    sent: list[bytes] = []

    def note(payload: str | bytes) -> None:
        sent.append(payload.encode() if isinstance(payload, str) else payload)

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", note)

    context.on("page", lambda page: page.on("websocket", listen))
    return sent
