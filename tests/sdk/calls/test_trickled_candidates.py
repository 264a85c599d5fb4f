"""Browsers send a description before any of its candidates is found; these follow (RFC 8838)."""

from __future__ import annotations

import asyncio

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from support.calls.calling_room import QUICK, direct
from teduh_sdk.calls.encoding import AudioEncoder
from teduh_sdk.calls.outgoing import Outgoing
from teduh_sdk.calls.peer import Peer, PeerReports
from teduh_sdk.calls.route import Route, route
from teduh_signaling.call.actions import AddCandidates, ApplyDescription, CreateOffer
from teduh_signaling.call.messages import Candidate


def parted(description: RTCSessionDescription) -> tuple[str, tuple[Candidate, ...]]:
    """The description without the candidates of its only section, and these."""
    lines = description.sdp.splitlines()
    kept = [line for line in lines if "candidate" not in line]
    named = [line.removeprefix("a=") for line in lines if line.startswith("a=candidate:")]
    return "".join(f"{line}\r\n" for line in kept), tuple(Candidate(one, "0", 0) for one in named)


class Program:
    """A peer as a program has it, and what it reports."""

    def __init__(self) -> None:
        self.described: asyncio.Queue[RTCSessionDescription] = asyncio.Queue()
        self.connected = asyncio.Event()
        self.failures: list[object] = []
        self._kind = "offer"
        voice = Outgoing(AudioEncoder(QUICK.profile), lambda _: None, lambda: None)
        reports = PeerReports(
            on_description=lambda _, sdp: self.described.put_nowait(RTCSessionDescription(sdp, self._kind)),
            on_connected=self.connected.set,
            on_track=lambda _: None,
            on_failed=self.failures.append,
            on_arrival=lambda: None,
            on_loss=lambda _: None,
        )
        self.peer = Peer(self._route, {"audio": voice}, QUICK, reports)

    async def answer(self, sdp: str) -> RTCSessionDescription:
        self._kind = "answer"
        self.peer.do(ApplyDescription(1, 1, 1, True, False, sdp))
        return await self.described.get()

    async def offer(self) -> RTCSessionDescription:
        self.peer.do(CreateOffer(1, 1, 1, False))
        return await self.described.get()

    async def _route(self) -> Route:
        return route(direct(), 0)


@pytest.mark.parametrize("offers", ["the browser offers", "the program offers"])
async def test_a_description_may_come_before_its_candidates(offers: str) -> None:
    program, browser = Program(), RTCPeerConnection(route(direct(), 0).configuration)
    if offers == "the browser offers":
        browser.addTransceiver("audio")
        await browser.setLocalDescription(await browser.createOffer())
        sdp, candidates = parted(browser.localDescription)
        await browser.setRemoteDescription(await program.answer(sdp))
    else:
        await browser.setRemoteDescription(await program.offer())
        await browser.setLocalDescription(await browser.createAnswer())
        sdp, candidates = parted(browser.localDescription)
        program.peer.do(ApplyDescription(1, 1, 1, False, False, sdp))
    assert candidates
    for one in candidates:
        program.peer.do(AddCandidates(1, 1, (one,)))
    async with asyncio.timeout(20):
        await program.connected.wait()
    assert program.failures == []
    await program.peer.cut()
    await browser.close()
