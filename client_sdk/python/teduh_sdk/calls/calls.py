"""The calls of one conversation: between the state machine that both SDKs share, and aiortc.

    conversation ── call_signal, room_changed ──> Calls ──> CallSession (sans-IO) ──> actions
         ^                                          │                                    │
         └──── send_call_signal <───────────────────┼── Send ────────────────────────────┤
                                      Peer <────────┼── CreateOffer, ClosePeer ... ──────┤
                                      Call <────────┴── Tell, StopMedia ─────────────────┘

There is one call at a time. A `Call` outlives its end, to tell of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Protocol

from aiortc import MediaStreamTrack
from teduh_signaling.call import actions
from teduh_signaling.call.actions import Action
from teduh_signaling.call.codec import decode_call, encode_call
from teduh_signaling.call.exceptions import CallNotAllowed
from teduh_signaling.call.messages import EndReason, Media
from teduh_signaling.call.session import CallSession, PeerView
from teduh_signaling.call.timing import Timing
from teduh_signaling.chat.exceptions import RemoteMessageError

from teduh_sdk.calls import events
from teduh_sdk.calls.call import Call, Input, Line, media_of, stop_all
from teduh_sdk.calls.peer import Peer, PeerReports
from teduh_sdk.calls.route import Route, RouteTest, are_stale, check_routes, route
from teduh_sdk.calls.settings import CallSettings
from teduh_sdk.calls.steady_clock import SteadyClock
from teduh_sdk.calls.translation import translated
from teduh_sdk.conversation.call_signals import CallListener
from teduh_sdk.exceptions import CallNotPossible, NotJoined, TeduhError
from teduh_sdk.group.room import Participant
from teduh_sdk.net.ice_servers import IceServers


class Carrier(Protocol):
    """What calls need of a conversation."""

    @property
    def participants(self) -> tuple[Participant, ...]:
        """Who is in the room, verified."""

    @property
    def me(self) -> Participant | None:
        """Ourselves, once we are in it."""

    def listen_to_calls(self, listener: CallListener) -> None:
        """Tell this one."""

    def send_call_signal(self, data: bytes, *, is_ephemeral: bool = False) -> None:
        """To all members, inside the encryption."""

    async def ice_servers(self) -> IceServers:
        """By which TURN servers."""


class Calls:
    """See the module. Iterate over it for calls that ring here."""

    def __init__(
        self, carrier: Carrier, settings: CallSettings | None = None, timing: Timing | None = None
    ) -> None:
        self._carrier: Final = carrier
        self._settings: Final = settings or CallSettings()
        self._timing: Final = timing
        self._session: CallSession | None = None
        self._call: Call | None = None
        self._ringing: deque[Call] = deque()
        self._something = asyncio.Event()
        self._is_over = False
        self._is_busy = False
        self._peers: dict[int, tuple[int, Peer]] = {}
        self._room: dict[int, Participant] = {}
        self._servers: IceServers | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._clock: Final = SteadyClock()
        self._closing: set[asyncio.Task[None]] = set()
        self._line: Final = Line(self._perform, self._prepare, lambda: carrier.me, self._settings.profile)
        self.room_changed()
        carrier.listen_to_calls(self)

    def __aiter__(self) -> Calls:
        return self

    async def __anext__(self) -> Call:
        while not self._ringing:
            if self._is_over:
                raise StopAsyncIteration
            self._something.clear()
            await self._something.wait()
        return self._ringing.popleft()

    @property
    def current(self) -> Call | None:
        """The call that rings or goes on."""
        return self._call

    @property
    def running(self) -> tuple[Participant, ...]:
        """Who is in a call of this conversation that we are not in, and could `join`."""
        running = None if self._session is None else self._session.running
        members = () if running is None else running.members
        return tuple(self._room[leaf] for leaf in members if leaf in self._room)

    @property
    def peers(self) -> tuple[PeerView, ...]:
        """The others in our call, as the state machine sees them."""
        return () if self._session is None else self._session.peers

    async def call(self, tracks: Iterable[MediaStreamTrack] = (), to: Iterable[Participant] = ()) -> Call:
        """Ring everybody in the room, or those in `to`; returns while it rings.

        `tracks` is what will be heard and seen of us, read only once somebody listens. Raises
        `CallNotPossible` (nobody is there, or there is a call), `CallsUnavailable`, and what `ice_servers`
        raises.
        """
        leaves = [one.leaf_index for one in to]
        return await self._start(tracks, lambda media: lambda session, now: session.ring(media, now, leaves))

    async def join(self, tracks: Iterable[MediaStreamTrack] = ()) -> Call:
        """Go into the call that others in the room have. Raises as `call` does."""
        return await self._start(tracks, lambda media: lambda session, now: session.join(media, now))

    def set_busy(self, *, busy: bool) -> None:
        """Whether calls that come are answered by *busy* rather than ring here."""
        self._is_busy = busy
        if self._session is not None:
            self._session.set_busy(busy)

    async def check_routes(self) -> tuple[RouteTest, ...]:
        """Try the TURN servers before a call; raises `CallsUnavailable`, `NoRelayedPath`."""
        return await check_routes(await self._current_servers(), self._settings.gather)

    async def close(self) -> None:
        """Leave the call, and wait until connections are closed, but not for TURN servers that are gone."""
        if self._call is not None:
            await self._call.hang_up()
        self._disarm()
        while self._closing:
            await asyncio.wait(self._closing)

    # --- what the conversation tells ------------------------------------------------------------------------

    def call_signal(self, sender: Participant, data: bytes, is_live: bool) -> None:
        """Somebody's device said this about a call; what does not parse concerns nobody."""
        with contextlib.suppress(RemoteMessageError):
            message = decode_call(data)
            if message is not None and self._session is not None:
                self._do(self._session.receive(sender.leaf_index, message, self._clock.now(), is_live))

    def room_changed(self) -> None:
        """Somebody came or left; whoever was removed is neither heard nor seen from here on."""
        me = self._carrier.me
        if me is None:
            self._leave_room()
            return
        self._room.update({one.leaf_index: one for one in self._carrier.participants})
        present = {one.leaf_index: one.device_key.hex() for one in self._carrier.participants}
        if self._session is None:
            self._session = CallSession(
                me.leaf_index, present, new_call_id=lambda: secrets.token_bytes(8), timing=self._timing
            )
            self._session.set_busy(self._is_busy)
        else:
            self._do(self._session.members(me.leaf_index, present, self._clock.now()))

    def conversation_over(self) -> None:
        """The conversation has ended, and every call with it."""
        self._leave_room()
        self._disarm()
        self._is_over = True
        self._something.set()

    def _leave_room(self) -> None:
        if self._session is not None:
            self._do(self._session.members(-1, {}, self._clock.now()))

    # --- inputs ---------------------------------------------------------------------------------------------

    async def _start(self, tracks: Iterable[MediaStreamTrack], begin: Callable[[Media], Input]) -> Call:
        given = list(tracks)
        try:
            await self._prepare()
            if self._call is not None:
                raise CallNotPossible("there is a call already")
            media = media_of(given)
            self._call = call = Call(self._line, by=None, media=media)
            try:
                self._perform(begin(media))
            except BaseException:
                self._call = None
                raise
        except BaseException:
            stop_all(given)
            raise
        call.begin(given)
        return call

    def _perform(self, what: Input) -> None:
        if self._session is None or self._is_over:
            raise NotJoined("nobody is in the room")
        try:
            wanted = what(self._session, self._clock.now())
        except CallNotAllowed as refused:
            raise CallNotPossible(str(refused)) from refused
        self._do(wanted)

    async def _prepare(self) -> None:
        """Before anything rings: can there be a call at all?"""
        route(await self._current_servers(), 0)

    async def _current_servers(self) -> IceServers:
        if self._servers is None or are_stale(self._servers, time.time()):
            self._servers = await self._carrier.ice_servers()
        return self._servers

    # --- actions --------------------------------------------------------------------------------------------

    def _do(self, wanted: Iterable[Action]) -> None:
        for action in wanted:
            match action:
                case actions.Send():
                    self._carrier.send_call_signal(
                        encode_call(action.message), is_ephemeral=action.is_ephemeral
                    )
                case actions.CreateOffer() | actions.ApplyDescription() | actions.AddCandidates():
                    self._peer(action.peer, action.generation).do(action)
                case actions.ClosePeer():
                    self._close_peer(action.peer)
                case actions.StopMedia():
                    self._stop_media()
                case actions.Tell():
                    self._emit(action.event)
        self._arm()

    def _peer(self, leaf: int, generation: int) -> Peer:
        known = self._peers.get(leaf)
        if known is not None and known[0] == generation:
            return known[1]
        self._close_peer(leaf)
        assert self._call is not None
        peer = Peer(
            lambda: self._route(generation),
            self._call.outgoing,
            self._settings,
            self._reports(leaf, generation),
        )
        self._peers[leaf] = (generation, peer)
        return peer

    async def _route(self, generation: int) -> Route:
        # A connection that had to be made anew may have failed for its credentials.
        if generation > 1:
            self._servers = None
        return route(await self._current_servers(), generation - 1)

    def _reports(self, leaf: int, generation: int) -> PeerReports:
        def describe(revision: int, sdp: str) -> None:
            self._input(lambda one, now: one.local_description(leaf, generation, revision, sdp, (), now))

        def connected() -> None:
            self._input(lambda one, now: one.peer_connected(leaf, generation, now))

        def arrived() -> None:
            self._input(lambda one, now: one.peer_alive(leaf, generation, now))

        def failed(why: BaseException | None) -> None:
            if isinstance(why, TeduhError) and self._call is not None and leaf in self._room:
                self._call.emit(events.PathUnavailable(self._room[leaf], why))
            self._input(lambda one, now: one.peer_failed(leaf, generation, now))

        def hear(track: MediaStreamTrack) -> None:
            if self._call is not None and leaf in self._room:
                self._call.incoming.listen(self._room[leaf], track)

        def measured(loss: float) -> None:
            if self._call is not None:
                self._call.measured(leaf, loss)

        return PeerReports(describe, connected, hear, failed, arrived, measured)

    def _input(self, what: Input) -> None:
        if self._session is not None:
            self._do(what(self._session, self._clock.now()))

    def _close_peer(self, leaf: int) -> None:
        known = self._peers.pop(leaf, None)
        if known is None:
            return
        if self._call is not None:
            self._call.incoming.cut(leaf)
        closing = known[1].cut()
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _stop_media(self) -> None:
        for leaf in tuple(self._peers):
            self._close_peer(leaf)
        if self._call is not None:
            self._call.stop()

    def _emit(self, event: actions.CallEvent) -> None:
        match event:
            case actions.Ringing():
                self._rings(event)
            case actions.Missed():
                self._over(events.Ended(event.reason, self._room.get(event.by)))
            case actions.Ended():
                by = None if event.by is None else self._room.get(event.by)
                self._over(events.Ended(event.reason, by))
            case _ if self._call is not None:
                told = translated(event, self._room, self._answer)
                if told is not None:
                    self._call.emit(told)
            case _:
                pass

    def _rings(self, event: actions.Ringing) -> None:
        # The other rang another time; it is the new call that can be answered.
        self._over(events.Ended(EndReason.REPLACED))
        self._call = Call(self._line, by=self._room.get(event.by), media=event.media)
        self._ringing.append(self._call)
        self._something.set()

    def _over(self, end: events.Ended) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.emit(end)

    def _answer(self, leaf: int, granted: bool) -> Callable[[], Awaitable[None]]:
        asked = self._call

        async def answer() -> None:
            if self._call is not asked:
                raise CallNotPossible("the call is over")
            self._perform(lambda session, now: session.answer_recording(leaf, granted, now))

        return answer

    # --- time -----------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        self._disarm()
        due = None if self._session is None or self._is_over else self._session.next_timer
        if due is not None:
            wait = max(0, due - self._clock.now()) / 1000
            self._timer = asyncio.get_running_loop().call_later(wait, self._tick)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = None
        self._input(lambda session, now: session.tick(now))
