"""What aiortc does not do, as measured with 1.16. Each fails when upstream has changed it: then the code that
works around it, named in the docstring, can go.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, cast

import av
import pytest
from aioice import ice, stun
from aiortc import (
    AudioStreamTrack,
    RTCConfiguration,
    RTCIceGatherer,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.codecs.opus import OpusEncoder
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtcconfiguration import RTCBundlePolicy
from aiortc.rtcicetransport import connection_kwargs
from aiortc.rtp import RtpPacket
from av import CodecContext
from teduh_sdk.calls.voice_buffer import DEPTH, VoiceBuffer

LOW_VIDEO_RATE = 100_000
NO_SERVERS = RTCConfiguration([])
CANDIDATE = "candidate:1 1 udp 2130706431 127.0.0.1 9 typ host"


class RefusingTurn(asyncio.DatagramProtocol):
    """A TURN server that knows no user: whatever the credentials are, they are wrong."""

    transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        request = stun.parse_message(data)
        refusal = stun.Message(
            message_method=request.message_method,
            message_class=stun.Class.ERROR,
            transaction_id=request.transaction_id,
        )
        refusal.attributes["ERROR-CODE"] = (401, "Unauthorized")
        refusal.attributes["REALM"] = "teduh"
        refusal.attributes["NONCE"] = b"0123456789abcdef"
        self.transport.sendto(bytes(refusal), address)


@asynccontextmanager
async def refusing_turn_url() -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(RefusingTurn, local_addr=("127.0.0.1", 0))
    try:
        yield f"turn:127.0.0.1:{transport.get_extra_info('sockname')[1]}?transport=udp"
    finally:
        transport.close()


def test_only_the_first_turn_url_is_used() -> None:
    """`calls.route` chooses the first deliberately, and tries the next one itself."""
    chosen = connection_kwargs(
        [
            RTCIceServer(["turn:first.example?transport=udp", "turn:second.example?transport=tcp"], "u", "p"),
            RTCIceServer("turns:third.example", "u", "p"),
        ]
    )
    assert chosen["turn_server"] == ("first.example", 3478)


def test_a_missing_list_of_servers_means_those_of_google() -> None:
    """`calls.route` passes a list always, an empty one too."""
    assert [server.urls for server in RTCIceGatherer.getDefaultIceServers()] == [
        "stun:stun.l.google.com:19302"
    ]
    assert RTCConfiguration().iceServers is None
    assert connection_kwargs([]) == {}


async def nothing_left_to_do(before: set[asyncio.Task[Any]]) -> None:
    """All tasks are done but those that were there `before`."""
    async with asyncio.timeout(60):
        while begun := asyncio.all_tasks() - before:
            await asyncio.wait(begun)


async def test_wrong_credentials_leave_a_connection_new_for_ever() -> None:
    """`calls.peer` looks whether there is a candidate, and has a time limit of its own.

    aiortc makes connections in tasks, and a state that changes comes of one of them; so this waits until none
    of them is left, rather than for some turns of the loop.
    """
    before = asyncio.all_tasks()
    async with refusing_turn_url() as url:
        configuration = RTCConfiguration(
            [RTCIceServer(url, "user", "wrong")], iceTransportPolicy=RTCIceTransportPolicy.RELAY
        )
        caller, called = RTCPeerConnection(configuration), RTCPeerConnection(configuration)
        caller.addTrack(AudioStreamTrack())
        await caller.setLocalDescription(await caller.createOffer())
        await called.setRemoteDescription(caller.localDescription)
        await called.setLocalDescription(await called.createAnswer())
        await caller.setRemoteDescription(called.localDescription)
        await nothing_left_to_do(before)

    assert "a=candidate" not in caller.localDescription.sdp
    assert "a=end-of-candidates" in caller.localDescription.sdp
    assert (caller.connectionState, called.connectionState) == ("new", "new")
    await asyncio.gather(caller.close(), called.close())


async def test_an_ice_restart_is_silently_not_done() -> None:
    """`calls.peer` builds a new connection under a new generation."""
    caller, called = RTCPeerConnection(RTCConfiguration([])), RTCPeerConnection(RTCConfiguration([]))
    caller.addTrack(AudioStreamTrack())
    await caller.setLocalDescription(await caller.createOffer())
    first = fragment(caller.localDescription)
    await called.setRemoteDescription(caller.localDescription)
    await called.setLocalDescription(await called.createAnswer())
    await caller.setRemoteDescription(called.localDescription)

    assert not hasattr(caller, "restartIce")
    again = await caller.createOffer()
    assert fragment(again) == first
    restarted = RTCSessionDescription(again.sdp.replace(first, "restarted"), "offer")
    await called.setRemoteDescription(restarted)
    await called.setLocalDescription(await called.createAnswer())
    (receiver,) = called.getReceivers()
    gatherer = receiver.transport.transport.iceGatherer
    assert gatherer.getLocalParameters().usernameFragment == fragment(called.localDescription)
    assert gatherer._connection.remote_username in (None, first)
    await asyncio.gather(caller.close(), called.close())


def test_opus_is_fixed_at_96_kilobits() -> None:
    """`calls.encoding` encodes itself, and gives aiortc packets."""
    assert OpusEncoder().codec.bit_rate == 96_000


def test_vp8_does_not_go_below_250_kilobits() -> None:
    """`calls.encoding` encodes itself, and gives aiortc packets."""
    encoder = Vp8Encoder()
    encoder.target_bitrate = LOW_VIDEO_RATE
    assert encoder.target_bitrate == 250_000


def test_a_dead_path_is_noticed_after_half_a_minute() -> None:
    """`calls.peer` watches whether anything comes."""
    assert ice.CONSENT_INTERVAL * ice.CONSENT_FAILURES == 30


def test_closing_waits_longer_for_a_turn_server_than_anybody_does() -> None:
    """`calls.peer` closes with a time limit."""
    assert stun.RETRY_RTO * sum(2**tries for tries in range(stun.RETRY_MAX + 1)) > 60


@pytest.mark.skipif(av.library_versions["libavcodec"] >= (63,), reason="FFmpeg 9, with PyAV 19, has it")
def test_opus_knows_no_discontinuous_transmission() -> None:
    """`calls.encoding` would ask for it."""
    codec = CodecContext.create("libopus", "w")
    codec.format, codec.layout, codec.sample_rate = "s16", "mono", 48_000
    codec.options = {"dtx": "1", "fec": "1"}
    codec.open()
    assert codec.options == {"dtx": "1"}


def test_a_relay_only_connection_without_turn_gathers_nothing_and_says_nothing() -> None:
    """`calls.route` refuses before there is a connection."""
    gatherer = RTCIceGatherer([], RTCIceTransportPolicy.RELAY)
    asyncio.run(gatherer.gather())
    assert (gatherer.state, gatherer.getLocalCandidates()) == ("completed", [])


@pytest.mark.parametrize(
    ("policy", "known"), [(RTCBundlePolicy.MAX_BUNDLE, 0), (RTCBundlePolicy.BALANCED, 1)]
)
async def test_max_bundle_forgets_the_candidates_of_an_answer(policy: RTCBundlePolicy, known: int) -> None:
    """`calls.route` asks for BALANCED.

    Chrome names its candidates in the first section alone. Under MAX_BUNDLE aiortc heeds those of the last,
    which has none; and where nobody is heard who was not sent something first, as through TURN, the two never
    connect.
    """
    caller, called = (
        RTCPeerConnection(RTCConfiguration([], bundlePolicy=policy)),
        RTCPeerConnection(NO_SERVERS),
    )
    for kind in ("audio", "video"):
        caller.addTransceiver(kind)
    await caller.setLocalDescription(await caller.createOffer())
    await called.setRemoteDescription(caller.localDescription)
    await called.setLocalDescription(await called.createAnswer())
    first, video, second = without_candidates(called.localDescription.sdp).partition("m=video")
    answer = f"{first}a={CANDIDATE}\r\na=end-of-candidates\r\n{video}{second}"
    await caller.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    transport = caller.getReceivers()[0].transport.transport
    assert len(transport.getRemoteCandidates()) == known
    await asyncio.gather(caller.close(), called.close())


def without_candidates(sdp: str) -> str:
    kept = [line for line in sdp.splitlines() if "candidate" not in line]
    return "".join(f"{line}\r\n" for line in kept)


def fragment(description: RTCSessionDescription) -> str:
    (line,) = (line for line in description.sdp.splitlines() if line.startswith("a=ice-ufrag:"))
    return line.partition(":")[2]


def voice(number: int) -> RtpPacket:
    packet = RtpPacket(sequence_number=number % 65536, timestamp=number * 960)
    packet._data = number.to_bytes(4, "big")  # type: ignore[attr-defined]  # aiortc sets it
    return packet


def through_buffer(buffer: JitterBuffer, numbers: Iterable[int]) -> list[int]:
    frames = [buffer.add(voice(number))[1] for number in numbers]
    return [int.from_bytes(frame.data, "big") for frame in frames if frame is not None]


def with_loss(count: int) -> list[int]:
    chance = random.Random(1)
    return [number for number in range(65_000, 65_000 + count) if chance.random() >= 0.15]


def test_voices_beside_a_lost_one_are_thrown_away() -> None:
    """`calls.voice_buffer` hands on all that come."""
    arrived = with_loss(2000)
    assert len(through_buffer(JitterBuffer(capacity=16, prefetch=4), arrived)) < 0.6 * len(arrived)
    assert through_buffer(VoiceBuffer(), arrived) == arrived[:-DEPTH]


def test_our_own_buffer_puts_in_order_what_overtook_and_drops_what_came_twice_or_too_late() -> None:
    assert through_buffer(VoiceBuffer(), [1, 3, 2, 2, 5, 4, 6, 7, 8, 9, 1]) == [1, 2, 3, 4, 5]
