"""The two sides of a measured call: our pages, and the smallest pages that PeerJS allows."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO, Any, Final

HERE: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))
sys.path.insert(0, str(HERE.parent / "tools"))

from aiohttp import web  # noqa: E402 - the paths come first
from playwright.async_api import BrowserContext, Page, expect  # noqa: E402
from support.browsers.call_pages import Caller  # noqa: E402
from support.browsers.console_page import ConsolePage  # noqa: E402
from support.browsers.survivor_page import SurvivorPage  # noqa: E402
from support.calls.turn_server import TurnServer  # noqa: E402
from support.clients.node_runtime import node  # noqa: E402
from web_build import install_libraries  # noqa: E402

PASSPHRASE: Final = "four words of hers"
PEERJS: Final = HERE / "peerjs"
# Notes what is sent over WebSockets, when the tap was, when the others' first picture and sound came, and
# when own devices went off.
WATCH: Final = """
window.sent = [];  // when, how many bytes, and whether it is signaling: no acknowledgement or heartbeat
window.connections = [];
const now = () => performance.timeOrigin + performance.now();
const sizeOf = (data) => data.byteLength ?? data.size ?? data.length;
// Of ours, what goes into the log: an array whose first element is the tag of Append.
const isSignal = (data) => typeof data === 'string'
  ? !data.includes('HEARTBEAT')
  : new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0)[1] === 0x07;
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  window.sent.push([now(), sizeOf(data), isSignal(data)]);
  send.call(this, data);
};
window.begin = () => { window.times = { tap: now(), picture: null, sound: null, off: null }; };
window.begin();
addEventListener('click', window.begin, { capture: true });
// Taps this button of the call as soon as it is there.
window.tapAtOnce = (name) => new MutationObserver(() => {
  const found = [...document.querySelectorAll('.call button')].find((one) => one.textContent === name);
  if (found !== undefined && !found.dataset.tapped) { found.dataset.tapped = 'yes'; found.click(); }
}).observe(document.body, { childList: true, subtree: true });
const stop = MediaStreamTrack.prototype.stop;
MediaStreamTrack.prototype.stop = function () {
  stop.call(this);
  window.times.off = now();
};
const Real = RTCPeerConnection;
window.RTCPeerConnection = class extends Real {
  constructor(configuration) {
    super(configuration);
    window.connections.push(this);
    this.addEventListener('track', ({ track, receiver }) => {
      if (track.kind === 'video') watchPictures(track); else watchSound(receiver);
    });
  }
};
function watchPictures(track) {
  const video = document.createElement('video');
  Object.assign(video, { muted: true, srcObject: new MediaStream([track]) });
  video.requestVideoFrameCallback(() => { window.times.picture ??= now(); video.srcObject = null; });
  video.play().catch(() => {});
}
function watchSound(receiver) {
  // What nobody plays is not decoded.
  const audio = Object.assign(new Audio(), { srcObject: new MediaStream([receiver.track]) });
  audio.play().catch(() => {});
  const timer = setInterval(() => {
    const isHeard = receiver.getSynchronizationSources().length > 0;
    if (isHeard) window.times.sound ??= now();
    if (isHeard || receiver.track.readyState === 'ended') clearInterval(timer);
  }, 2);
}
"""
_ARRIVED: Final = "() => window.times.picture !== null && window.times.sound !== null"
# Looks for another way, and waits until what is sent and received takes it, by the same connection or by
# the one that was made in its place.
_RESTART: Final = """async () => {
  const member_state = () => window.connections.findLast((one) => one.connectionState === 'connected');
  const name = (one) => one.sctp?.transport ?? one.getReceivers()[0].transport;
  const wayOf = (one) => name(one).iceTransport.getSelectedCandidatePair()?.local.usernameFragment;
  const way = () => member_state() && wayOf(member_state());
  const moment = () => new Promise((resolve) => setTimeout(resolve, 2));
  while (!way()) await moment();
  const before = way();
  const began = performance.now();
  let asked = -Infinity;
  while (!way() || way() === before) {
    if (performance.now() - asked > 10_000) {
      dispatchEvent(new Event('online'));
      asked = performance.now();
    }
    if (asked - began > 60_000)
      throw new Error('no other way was taken: ' + window.connections.map((one) =>
        `${one.connectionState} ${one.iceConnectionState} ${one.signalingState} ${one.iceGatheringState}`));
    await moment();
  }
  return performance.now() - began;
}"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One call. Milliseconds from the caller's tap, and from the answer, until the caller has the other's
    media; messages and bytes of both sides, as they are on the wire, until then; how often they took turns.
    """

    picture: float
    sound: float
    picture_after_answer: float
    sound_after_answer: float
    messages: int
    bytes: int
    flights: int


@dataclass(frozen=True, slots=True)
class Sent:
    """Something that a page sent."""

    at: float
    by: int
    size: int
    is_signal: bool


class Pair(ABC):
    """Two pages that can call each other, again and again, and the process between them. The second calls,
    the first answers as soon as it rings; both send pictures and sound.
    """

    def __init__(self, first: Page, second: Page, server: int) -> None:
        self.first = first
        self.second = second
        self.server = server

    @abstractmethod
    async def call(self) -> None:
        """Let the second page call, by one tap that leads to it."""

    @abstractmethod
    async def hang_up(self) -> None:
        """End it, and wait until both pages know."""

    async def measure(self) -> Measured:
        """One call, begun and ended."""
        await self._forget()
        await self.call()
        for page in (self.second, self.first):
            await page.wait_for_function(_ARRIVED)
        sent = await self._sent()
        times, answered = [await page.evaluate("window.times") for page in (self.second, self.first)]
        await self.hang_up()
        tap, answer, picture, sound = times["tap"], answered["tap"], times["picture"], times["sound"]
        needed = [one for one in sent if one.at <= max(picture, sound)]
        return Measured(
            picture - tap,
            sound - tap,
            picture - answer,
            sound - answer,
            len(needed),
            sum(one.size for one in needed),
            flights(needed),
        )

    async def bytes_of_a_call(self, seconds: float) -> int:
        """What both pages send for a call that lasts so long, its end included."""
        await self._forget()
        await self.call()
        await self.second.wait_for_function(_ARRIVED)
        await asyncio.sleep(seconds)
        await self.hang_up()
        return sum(one.size for one in await self._sent())

    def processor_seconds(self) -> float:
        """Of the process between them, all its threads."""
        tasks = Path(f"/proc/{self.server}/task").glob("*/schedstat")
        return sum(int(one.read_text().split()[0]) for one in tasks) / 1e9

    async def _forget(self) -> None:
        for page in (self.first, self.second):
            await page.evaluate("window.sent.length = 0")

    async def _sent(self) -> list[Sent]:
        """In the order of sending."""
        sent = [
            Sent(at, number, size, is_signal)
            for number, page in enumerate((self.first, self.second))
            for at, size, is_signal in await page.evaluate("window.sent")
        ]
        return sorted(sent, key=lambda one: one.at)


def flights(sent: Iterable[Sent]) -> int:
    """How often the sides took turns: what one sends before it hears of the other again is one flight."""
    return sum(1 for _ in groupby(one.by for one in sent if one.is_signal))


class TeduhPair(Pair):
    """She calls with her camera on, the console answers with its own."""

    async def call(self) -> None:
        await self.second.get_by_role("button", name="Talk by voice or video").click()
        await Caller(self.second).button("Video call").click()

    async def hang_up(self) -> None:
        await Caller(self.second).button("Hang up").click()
        await expect(Caller(self.first).button("Close")).to_be_visible()
        for page in (self.first, self.second):
            await Caller(page).button("Close").click()

    async def restart(self) -> float:
        """In a call: the milliseconds from a change of network until the new way is taken."""
        await self.call()
        await Caller(self.second).is_connected()
        milliseconds: float = await self.second.evaluate(_RESTART)
        await self.hang_up()
        return milliseconds

    async def exit(self) -> float:
        """In a call: the milliseconds from the tap on Exit until microphone and camera are off.

        Her page is gone then.
        """
        await self.call()
        await self.second.wait_for_function(_ARRIVED)
        # It does not lead away, so that the page can be asked.
        await self.second.route("**/x", lambda route: route.fulfill(status=204))
        await SurvivorPage(self.second).leave_by_button()
        await self.second.wait_for_function("() => !document.getElementById('overlay').hidden")
        times = await self.second.evaluate("window.times")
        return float(times["off"] - times["tap"])


class PeerJsPair(Pair):
    """The second page calls with camera and microphone, the first answers by itself with its own."""

    async def call(self) -> None:
        await self.second.click("button")

    async def hang_up(self) -> None:
        for page in (self.second, self.first):
            await page.evaluate("window.hangUp()")


@contextmanager
def _process(*command: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    with subprocess.Popen(
        command, cwd=PEERJS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield process, process.stdout
        finally:
            process.stdin.close()
            process.terminate()


@asynccontextmanager
async def teduh_pair(
    desk: BrowserContext, phone: BrowserContext, folder: Path, calls: dict[str, Any]
) -> AsyncIterator[TeduhPair]:
    """Our pages, in a conversation."""
    command = (sys.executable, str(HERE / "call_environment.py"), str(folder), json.dumps(calls))
    with _process(*command) as (process, printed):
        environment = json.loads(printed.readline())
        console = ConsolePage(await desk.new_page())
        await console.page.goto(environment["link"])
        await console.page.get_by_label("Passphrase", exact=True).fill(PASSPHRASE)
        await console.page.get_by_label("The same passphrase again").fill(PASSPHRASE)
        await console.button("Set up").click()
        await console.is_at_the_desk()
        await console.page.get_by_role("radio", name="Available").check()
        survivor = SurvivorPage(await phone.new_page())
        await survivor.page.goto(environment["url"])
        await survivor.ask()
        await console.accept()
        await expect(survivor.button("Talk by voice or video")).to_be_visible()
        await console.page.evaluate("window.tapAtOnce('Answer with camera')")
        yield TeduhPair(console.page, survivor.page, process.pid)


_PEER_PAGE: Final = (
    """<!doctype html><title>PeerJS</title><script src="/peerjs.js"></script><button>Call</button>"""
)
_PEER: Final = """async ([port, me, other, config]) => {
  const video = { width: 640, height: 480 };
  let [mine, current] = [null, null];
  const media = async () => mine = await navigator.mediaDevices.getUserMedia({ audio: true, video });
  window.hangUp = () => {
    mine?.getTracks().forEach((track) => track.stop());
    current?.close();
    [mine, current] = [null, null];
  };
  const peer = new Peer(me, { host: '127.0.0.1', port, path: '/', config });
  peer.on('call', async (call) => { window.begin(); current = call; call.answer(await media()); });
  document.querySelector('button').addEventListener('click', async () => {
    current = peer.call(other, await media());
  });
  await new Promise((resolve) => peer.on('open', resolve));
}"""


@asynccontextmanager
async def peerjs_pair(
    first: BrowserContext, second: BrowserContext, turn: TurnServer | None = None
) -> AsyncIterator[PeerJsPair]:
    """PeerJS's pages, connected to its server; they call straight, or through `turn` alone."""
    install_libraries(PEERJS)
    async with _serving() as url:
        with _process(str(node()), "server.mjs") as (process, printed):
            port = int(printed.readline())
            one, two = await first.new_page(), await second.new_page()
            for page, me, other in ((one, "one", "two"), (two, "two", "one")):
                await page.goto(url)
                await page.evaluate(_PEER, [port, me, other, _configuration(turn)])
            yield PeerJsPair(one, two, process.pid)


def _configuration(turn: TurnServer | None) -> dict[str, Any]:
    """As `RTCPeerConnection` takes it."""
    if turn is None:
        return {"iceServers": []}
    username, credential = turn.credentials(expires=int(time.time()) + 3600)
    server = {"urls": turn.urls, "username": username, "credential": credential}
    return {"iceServers": [server], "iceTransportPolicy": "relay"}


@asynccontextmanager
async def _serving() -> AsyncIterator[str]:
    """The page and the library, at a URL."""
    app = web.Application()
    library = (PEERJS / "node_modules/peerjs/dist/peerjs.min.js").read_text("utf-8")

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=_PEER_PAGE, content_type="text/html")

    async def script(_: web.Request) -> web.Response:
        return web.Response(text=library, content_type="text/javascript")

    app.add_routes([web.get("/", page), web.get("/peerjs.js", script)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()
