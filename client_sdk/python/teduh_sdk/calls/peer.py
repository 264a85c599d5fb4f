"""The connection to one other device: one `RTCPeerConnection`, of one generation.

    CreateOffer ───┐                                    ┌─> on_description(revision, sdp)
    ApplyDescr. ───┼─> queue ─> one step at a time ─────┼─> on_connected()
    AddCandidates ─┘                                    ├─> on_track(track)
                                        watch ──────────┴─> on_failed(why)      once, then it is over

`cut` ends it for the ear and the eye at once; what has to be said to TURN servers and peers goes on behind.

What aiortc does not do is done here. Its states do not tell that no TURN server answered, so the description
is looked at. It notices a dead path after half a minute, so we watch whether anything comes. It closes only
when a TURN server has answered, so closing has a time limit; and it begins when the addresses are found
(`gathering`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Final

from aiortc import (
    MediaStreamTrack,
    RTCIceCandidate,
    RTCPeerConnection,
    RTCRtpSender,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.sdp import candidate_from_sdp
from aiortc.stats import RTCRemoteInboundRtpStreamStats, RTCTransportStats
from teduh_signaling.call.actions import AddCandidates, ApplyDescription, CreateOffer
from teduh_signaling.call.messages import Candidate

from teduh_sdk.calls.descriptions import (
    candidates,
    is_relayed,
    relayed_candidates,
    relayed_only,
    sections,
    within,
)
from teduh_sdk.calls.gathering import Gathering
from teduh_sdk.calls.outgoing import Branch, Outgoing
from teduh_sdk.calls.route import Route
from teduh_sdk.calls.settings import CallSettings
from teduh_sdk.calls.voice_buffer import keep_every_voice
from teduh_sdk.exceptions import NoRelayedPath

_LOOK_SECONDS: Final = 1.0
_FRACTION: Final = 256
"""RFC 3550, 6.4.1: what is lost is reported in 256ths."""
_CODECS: Final = frozenset({"audio/opus", "video/VP8", "video/rtx"})
"""What every browser has too; fewer also keep the description small, and with it the ciphertext."""
_MOST_SECTIONS: Final = 4
"""Of one kind that we make room for; nobody sends as many."""
Step = CreateOffer | ApplyDescription | AddCandidates


@dataclass(frozen=True, slots=True)
class PeerReports:
    """Whom a peer tells what."""

    on_description: Callable[[int, str], None]
    on_connected: Callable[[], None]
    on_track: Callable[[MediaStreamTrack], None]
    on_failed: Callable[[BaseException | None], None]
    on_arrival: Callable[[], None]
    """About once a second, where anything has come over it since."""
    on_loss: Callable[[float], None]
    """About once a second, of all packets the share that is lost on the way to them."""


class Peer:
    """See the module. Needs a running event loop."""

    def __init__(
        self,
        route: Callable[[], Awaitable[Route]],
        outgoing: Mapping[str, Outgoing],
        settings: CallSettings,
        reports: PeerReports,
    ) -> None:
        self._route = route
        self._outgoing = outgoing
        self._settings = settings
        self._reports = reports
        self._steps: asyncio.Queue[Step] = asyncio.Queue()
        self._connection: RTCPeerConnection | None = None
        self._gathering: Gathering | None = None
        self._relay_only = True
        self._branches: list[Branch] = []
        self._heard_by: list[RTCRtpTransceiver] = []
        self._is_cut = False
        self._tasks: list[asyncio.Task[None]] = []
        self._start(self._work())

    @property
    def connection(self) -> RTCPeerConnection | None:
        """aiortc's, once there is one: for its statistics."""
        return self._connection

    def do(self, step: Step) -> None:
        """In its turn."""
        self._steps.put_nowait(step)

    def cut(self) -> asyncio.Task[None]:
        """No sound or picture to or from this device any more; returns the task that closes the rest."""
        self._is_cut = True
        for branch in self._branches:
            branch.stop()
        for task in self._tasks:
            task.cancel()
        return asyncio.create_task(self._close())

    # --- steps ----------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        connection = await self._connect()
        while True:
            step = await self._steps.get()
            match step:
                case CreateOffer():
                    await self._offer(connection, step.revision)
                case ApplyDescription(is_offer=True):
                    await self._answer(connection, step)
                case ApplyDescription():
                    await connection.setRemoteDescription(self._theirs(step))
                case AddCandidates():
                    for one in step.candidates:
                        await self._add(connection, one)

    async def _connect(self) -> RTCPeerConnection:
        chosen = await self._route()
        self._relay_only = chosen.relay_only
        connection = self._connection = RTCPeerConnection(chosen.configuration)
        connection.on("connectionstatechange", self._state_changed)
        connection.on("track", self._track_came)
        return connection

    async def _offer(self, connection: RTCPeerConnection, revision: int) -> None:
        self._make_room(connection, dict.fromkeys(self._outgoing, 1))
        self._send_on(connection)
        await self._describe(connection, revision, await connection.createOffer())

    async def _answer(self, connection: RTCPeerConnection, offer: ApplyDescription) -> None:
        self._make_room(connection, {kind: sections(offer.sdp, kind) for kind in self._outgoing})
        await connection.setRemoteDescription(self._theirs(offer))
        self._send_on(connection)
        await self._describe(connection, offer.revision, await connection.createAnswer())

    def _make_room(self, connection: RTCPeerConnection, wanted: Mapping[str, int]) -> None:
        """So many sections of each kind, in the codecs that `encoding` speaks.

        aiortc settles on codecs when it hears an offer, so they have to be chosen before.
        """
        for kind, count in wanted.items():
            present = sum(one.kind == kind for one in connection.getTransceivers())
            for _ in range(min(count, _MOST_SECTIONS) - present):
                transceiver = connection.addTransceiver(kind, "sendrecv")
                capable = RTCRtpSender.getCapabilities(kind).codecs
                transceiver.setCodecPreferences([one for one in capable if one.mimeType in _CODECS])

    def _send_on(self, connection: RTCPeerConnection) -> None:
        """Both ways in every section, so that muting and cameras need no negotiation."""
        free = dict(self._outgoing)
        for transceiver in connection.getTransceivers():
            if transceiver.kind == "audio" and transceiver not in self._heard_by:
                self._heard_by.append(transceiver)
                keep_every_voice(transceiver.receiver)
            if (outgoing := free.pop(transceiver.kind, None)) is not None:
                self._feed(transceiver, outgoing)

    def _feed(self, transceiver: RTCRtpTransceiver, outgoing: Outgoing) -> None:
        sent: MediaStreamTrack | None = transceiver.sender.track
        if sent is not None:
            return
        branch = outgoing.branch()
        self._branches.append(branch)
        transceiver.direction = "sendrecv"
        transceiver.sender.replaceTrack(branch)
        # The sender asks its own encoder for keyframes; ours stands before it.
        transceiver.sender._send_keyframe = outgoing.request_keyframe  # type: ignore[method-assign]  # see above

    async def _describe(
        self, connection: RTCPeerConnection, revision: int, description: RTCSessionDescription
    ) -> None:
        self._gathering = Gathering(connection.setLocalDescription(description))
        await self._gathering.wait(self._settings.gather)
        sdp = _gathered(connection)
        if self._relay_only:
            sdp = relayed_only(sdp)
            if not relayed_candidates(sdp):
                raise NoRelayedPath(
                    "the TURN server gave us no address: unreachable, or it refuses the credentials"
                )
        elif not candidates(sdp):
            raise NoRelayedPath("there is no network address to offer")
        self._reports.on_description(revision, within(sdp, self._settings.profile))

    def _theirs(self, step: ApplyDescription) -> RTCSessionDescription:
        sdp = relayed_only(step.sdp) if self._relay_only else step.sdp
        return RTCSessionDescription(sdp, "offer" if step.is_offer else "answer")

    async def _add(self, connection: RTCPeerConnection, candidate: Candidate) -> None:
        if not self._relay_only or is_relayed(candidate.candidate):
            await connection.addIceCandidate(_for_aiortc(candidate))

    # --- what happens ---------------------------------------------------------------------------------------

    def _state_changed(self) -> None:
        connection = self._connection
        if connection is None or self._is_cut:
            return
        if connection.connectionState == "connected":
            self._start(self._watch(connection))
            self._reports.on_connected()
        elif connection.connectionState in ("failed", "closed"):
            self._failed(None)

    def _track_came(self, track: MediaStreamTrack) -> None:
        if not self._is_cut:
            self._reports.on_track(track)

    async def _watch(self, connection: RTCPeerConnection) -> None:
        """Fails when nothing comes any more, not even the reports that come without sound or picture."""
        seen, silent = -1, 0.0
        while silent < self._settings.stall:
            await asyncio.sleep(min(_LOOK_SECONDS, self._settings.stall / 4))
            report = (await connection.getStats()).values()
            received = sum(one.packetsReceived for one in report if isinstance(one, RTCTransportStats))
            lost = (one.fractionLost for one in report if isinstance(one, RTCRemoteInboundRtpStreamStats))
            self._reports.on_loss(max(lost, default=0) / _FRACTION)
            if received != seen:
                self._reports.on_arrival()
            silent = 0.0 if received != seen else silent + min(_LOOK_SECONDS, self._settings.stall / 4)
            seen = received
        self._failed(None)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._task_ended)
        self._tasks.append(task)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        # Whatever another device's description makes of aiortc, it costs this connection and no more.
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)

    def _failed(self, why: BaseException | None) -> None:
        if not self._is_cut:
            self._is_cut = True
            self._reports.on_failed(why)

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return

        async def close() -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.goodbye):
                    await connection.close()

        if self._gathering is None:
            await close()
        else:
            await asyncio.wait([self._gathering.and_then(close)], timeout=self._settings.goodbye)


def _gathered(connection: RTCPeerConnection) -> str:
    # None, whatever its type says, until the candidates are there.
    description: RTCSessionDescription | None = connection.localDescription
    return "" if description is None else description.sdp


def _for_aiortc(candidate: Candidate) -> RTCIceCandidate | None:
    if not candidate.candidate:
        return None
    parsed = candidate_from_sdp(candidate.candidate.removeprefix("candidate:"))
    parsed.sdpMid, parsed.sdpMLineIndex = candidate.sdp_mid, candidate.sdp_m_line_index
    return parsed
