"""Chromium and aiortc in one call, through a real coturn: her page, and a counselor's program.

Her made-up camera shows a moving figure and her microphone beeps at 400 Hz; the program shows a moving bar
and sounds at 400 Hz as well, for that is what the listeners in the page look for.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from av import AudioFrame, VideoFrame
from numpy.typing import NDArray
from support.browsers.call_pages import Caller, call_browser, visitor
from support.browsers.survivor_page import SurvivorPage
from support.calls.bad_wire import bad_wire
from support.calls.calling_room import heard, rung, until
from support.calls.known_media import LOUD, RATE, SAMPLES, MovingBar, Samples, Tone, samples_of
from support.calls.turn_server import TurnServer, turn_server
from support.clients.sdk_people import new_staff
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_sdk import Conversation, Staff
from teduh_sdk.calls import Call, EndReason, MediaReason, events

BEEP = 400
LOSS, DELAY = 0.15, 0.3
# Her page reaches the TURN server by another port, whatever the relay says: that of a bad wire.
DETOUR = """
const Straight = RTCPeerConnection;
const detour = (configuration) => ({
  ...configuration,
  iceServers: configuration.iceServers.map((one) => ({ ...one, urls: ['turn:127.0.0.1:%d?transport=udp'] })),
});
window.RTCPeerConnection = class extends Straight {
  constructor(configuration) { super(detour(configuration)); }
  setConfiguration(configuration) { super.setConfiguration(detour(configuration)); }
};
"""
# Waits until so many packets of sound have come since now; gives the share of those sent that have.
ARRIVING = """async (count) => {
  const sound = async () => {
    const report = [...(await window.connections.at(-1).getStats()).values()];
    return report.find((one) => one.type === 'inbound-rtp' && one.kind === 'audio');
  };
  const before = await sound();
  for (;;) {
    const now = await sound();
    const [received, lost] = ['packetsReceived', 'packetsLost'].map((name) => now[name] - before[name]);
    if (received >= count) return received / (received + lost);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}"""


class HerSide:
    """What the program hears and sees of her: the beep, and something that moves."""

    def __init__(self, call: Call) -> None:
        self._pitches: list[float] = []
        self._pictures: list[NDArray[np.float64]] = []
        self._before: Samples = np.zeros(SAMPLES)
        call.on_audio(self._hear)
        call.on_video(self._see)

    def _hear(self, _: object, frame: AudioFrame) -> None:
        now = samples_of(frame)
        if np.abs(now).max() > LOUD:
            spectrum = np.abs(np.fft.rfft(np.concatenate([self._before, now])))
            self._pitches.append(float(np.argmax(spectrum)) * RATE / 2 / SAMPLES)
        self._before = now

    def _see(self, _: object, frame: VideoFrame) -> None:
        self._pictures.append(frame.reformat(format="gray").to_ndarray().astype(np.float64))

    def hears_the_beep(self) -> bool:
        return any(350 < pitch < 450 for pitch in self._pitches)

    def sees_movement(self) -> bool:
        if len(self._pictures) < 10 or self._pictures[-1].shape != self._pictures[-8].shape:
            return False
        return int((np.abs(self._pictures[-1] - self._pictures[-8]) > 24).sum()) > 50


@asynccontextmanager
async def talk(
    folder: Path, turn: TurnServer, detour: int | None = None
) -> AsyncIterator[tuple[Caller, Conversation]]:
    """Her page and the program's conversation with her; her way to TURN may go by a wire's port."""
    organisation = RelayOrganisation()
    with start_valkey() as valkey:
        async with (
            relay_here(organisation.write(folder), valkey.url, calls=turn.calls()) as (_, url),
            call_browser() as browser,
            visitor(browser, viewport={"width": 360, "height": 740}) as phone,
        ):
            await organisation.publish_revocations(url)
            if detour is not None:
                await phone.add_init_script(DETOUR % detour)
            page = await phone.new_page()
            await page.goto(url)
            hers = SurvivorPage(page)
            await hers.ask()
            async with Staff(url, organisation.public, new_staff(organisation, "Sari")) as staff:
                async for request in staff.requests():
                    conversation = await request.accept()
                    break
                await hers.is_in_the_room("Sari")
                yield Caller(page), conversation


async def test_the_program_rings_and_her_page_answers(tmp_path: Path) -> None:
    with turn_server(tmp_path, allow_loopback_peers=True) as turn:
        async with talk(tmp_path, turn) as (hers, conversation):
            call = await conversation.call([Tone(BEEP), MovingBar()])
            her_side = HerSide(call)
            await hers.button("Answer").click()
            await hers.is_connected()
            await hers.sees_movement()
            await hers.hears_the_beep()
            await heard(her_side.hears_the_beep)
            await hers.button("Camera on").click()
            assert (await until(call, events.PeerMedia)).media.video is True
            await heard(her_side.sees_movement)
            (traffic,) = await hers.traffic()
            assert {tuple(pair) for pair in traffic.selected} == {("relay", "relay")}
            assert set(traffic.local) == set(traffic.pairs) == {"relay"}
            candidates = re.findall(r"candidate:.*", "\n".join(await hers.came_in()))
            assert candidates
            assert all(" typ relay raddr 0.0.0.0 rport 9" in one for one in candidates)
            await call.hang_up()
            await hers.shows("has hung up")
            assert set(await hers.tracks()) == {"ended"}


async def test_her_page_rings_and_the_program_answers(tmp_path: Path) -> None:
    with turn_server(tmp_path, allow_loopback_peers=True) as turn:
        async with talk(tmp_path, turn) as (hers, conversation):
            await hers.page.get_by_role("button", name="Talk by voice or video").click()
            await hers.page.get_by_role("button", name="Voice call", exact=True).click()
            call = await rung(conversation.calls)
            assert (call.media.audio, call.media.video) == (True, False)
            her_side = HerSide(call)
            await call.accept([Tone(BEEP)])
            await hers.is_connected()
            await hers.hears_the_beep()
            await heard(her_side.hears_the_beep)
            await hers.button("Hang up").click()
            assert (await until(call, events.Ended)).reason is EndReason.HUNG_UP


async def test_on_a_bad_line_voices_are_heard_and_her_pictures_give_way(tmp_path: Path) -> None:
    """15 % lost and 300 ms in each direction, on her leg to the TURN server."""
    with turn_server(tmp_path, allow_loopback_peers=True) as turn:
        async with (
            bad_wire(("127.0.0.1", turn.port), loss=0.0, delay=0.02) as wire,
            talk(tmp_path, turn, wire.port) as (hers, conversation),
        ):
            call = await conversation.call([Tone(BEEP)])
            before = HerSide(call)
            await hers.button("Answer").click()
            await hers.is_connected()
            await hers.button("Camera on").click()
            await heard(before.sees_movement)
            wire.loss, wire.delay = LOSS, DELAY
            await hers.shows("The connection is too weak for pictures. You can go on talking.")
            media = (await until(call, events.PeerMedia)).media
            while media.video:
                media = (await until(call, events.PeerMedia)).media
            assert (media.audio, media.reason) == (True, MediaReason.NETWORK)
            assert sorted(await hers.tracks()) == ["ended", "live"]
            passed, lost = wire.passed, wire.lost
            assert 0.7 < await hers.page.evaluate(ARRIVING, 500) < 0.97
            assert (wire.lost - lost) / (wire.lost - lost + wire.passed - passed) > 0.1
            await hers.hears_the_beep()
            afterwards = HerSide(call)
            await heard(afterwards.hears_the_beep)
            await hers.is_connected()
            await call.hang_up()
            await hers.shows("has hung up")


async def test_a_turn_server_that_dies_is_told_on_both_sides_and_the_call_goes_on_when_it_is_back(
    tmp_path: Path,
) -> None:
    with turn_server(tmp_path, allow_loopback_peers=True) as turn:
        async with talk(tmp_path, turn) as (hers, conversation):
            call = await conversation.call([Tone(BEEP)])
            await hers.button("Answer").click()
            await hers.is_connected()
            await until(call, events.PeerConnected)
            turn.kill()
            turn.start()
            await until(call, events.PeerReconnecting)
            await until(call, events.PeerConnected)
            her_side = HerSide(call)
            await heard(her_side.hears_the_beep)
            await hers.is_connected()
