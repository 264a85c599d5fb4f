"""A conversation as an application holds it: say things, and iterate over what happens.

    async for event in conversation:
        match event: ...

The driver around `ConversationState`: it brings the time, the link and the waiting. After every step it
keeps the state (staff), then sends, then tells the application; nothing is sent that is not kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from teduh_signaling.chat.messages import Referral
from teduh_signaling.relay.frames import (
    Accepted,
    AnyRelayFrame,
    Done,
    Error,
    ErrorCode,
    FetchIceServers,
    Leave,
    MembershipEnded,
    QueuePosition,
    RequestDetails,
    Subscribe,
    Subscribed,
)
from teduh_signaling.relay.frames import IceServers as IceServersFrame

from teduh_sdk import events
from teduh_sdk.conversation.call_exchange import CallExchange
from teduh_sdk.conversation.call_signals import CallListener
from teduh_sdk.conversation.conversation_frame import ConversationFrame
from teduh_sdk.conversation.conversation_state import ConversationState
from teduh_sdk.conversation.event_queue import EventQueue, heard_among
from teduh_sdk.conversation.faults import reason_of
from teduh_sdk.conversation.invite import Host, Inviting, Proposed, no_one_listens
from teduh_sdk.conversation.reactions import Reactions
from teduh_sdk.conversation.reassignment import Reassignment, ReassignmentHost
from teduh_sdk.conversation.saved_conversation import HeardKept
from teduh_sdk.events import Event
from teduh_sdk.exceptions import (
    CommitConflict,
    ConversationOver,
    KeyStoreError,
    LogBroken,
    RelayRefused,
    RequestUnusable,
    TeduhError,
)
from teduh_sdk.group.group_changes import Change
from teduh_sdk.group.room import Participant
from teduh_sdk.net.clock import now_in_seconds
from teduh_sdk.net.ice_servers import IceServers, read_ice_servers
from teduh_sdk.net.relay_link import Answer, RelayLink
from teduh_sdk.net.transport import uniform
from teduh_sdk.trust.colleague import Colleague

if TYPE_CHECKING:
    from teduh_sdk.calls import Call, Calls, MediaStreamTrack

_RETRIES: Final = 2
_RETRY_WITHIN: Final = 0.6
_LEAST_RETRY: Final = 0.5
"""Seconds before what was refused is sent again, also where the relay names no time."""
_GOODBYE_SECONDS: Final = 3.0
_BUSY: Final = frozenset(
    {
        ErrorCode.RATE_LIMITED,
        ErrorCode.UNAVAILABLE,
        ErrorCode.TOO_MANY,
        ErrorCode.SHUTTING_DOWN,
        ErrorCode.INTERNAL,
    }
)
_CANNOT_TAKE: Final = frozenset({ErrorCode.UNAVAILABLE, ErrorCode.TOO_MANY, ErrorCode.INTERNAL})
"""Of these, what is no fault of ours, and may last."""
_MOST_CHECKS: Final = 3
_NO_DETAILS: Final = RequestDetails()


class Conversation:
    """Made by `Survivor.ask`, `Request.accept` and `InvitedTo.join`. One task at a time may iterate over
    it.
    """

    def __init__(
        self,
        state: ConversationState,
        link: RelayLink,
        *,
        resume: Callable[[Conversation], None],
        keep: Callable[[Conversation], None] | None = None,
        over: Callable[[Conversation], None] = lambda _: None,
        undelivered_events: Iterable[Event] = (),
        details: RequestDetails = _NO_DETAILS,
    ) -> None:
        self.state: Final = state
        self._link = link
        self._resume = resume
        self._keep: Final = keep
        self._over = over
        self._reason: TeduhError | None = None
        self._calls: Calls | None = None
        self._call_exchange: Final = CallExchange()
        self._reassignment: Final = Reassignment(self._reassignment_host(), details)
        self._inviting: Final = Inviting(self._host())
        self._reactions: Final = Reactions(state, self.flush, self.cancel_reassignment)
        self._events: Final = EventQueue(self._keep_what_is_left)
        for event in undelivered_events:
            self._events.put(self._reactions.beside(event))
        # What is about to be told, as soon as it is kept and what it leads to is sent.
        self._to_emit: list[Event] = []
        self._flushing: asyncio.Handle | None = None
        self._waiting: list[tuple[Callable[[Event | None], bool], asyncio.Future[None]]] = []
        self._is_connected = False
        self._has_left = False
        # Of a survivor's: what the relay gave as she left, by which she may ask for whoever was with her.
        self._continuation = b""
        # Whether what is in flight, or the subscription, is about to be asked for again: once, however often
        # it was refused.
        self._is_to_repeat = self._is_to_subscribe = False
        self._is_available = True
        self._attempts: dict[int, int] = {}
        self._waited_for: tuple[object, int] = (None, 0)

    def __repr__(self) -> str:
        return f"<Conversation of {len(self.participants)}, epoch {self.state.epoch}>"

    @property
    def id(self) -> bytes:
        """What the relay calls it, 16 bytes."""
        return self.state.conversation_id

    @property
    def participants(self) -> tuple[Participant, ...]:
        """Who is in the room, verified."""
        return self.state.participants

    @property
    def me(self) -> Participant | None:
        """Ourselves, once we are in the room."""
        return self.state.me

    @property
    def is_over(self) -> bool:
        """Whether it has ended; its keys are gone then."""
        return self.state.is_over

    @property
    def is_connected(self) -> bool:
        """Whether the relay hears us now, and we it."""
        return self._is_connected and not self.is_over

    def __aiter__(self) -> Conversation:
        return self

    async def __anext__(self) -> Event:
        return await self._events.next()

    @property
    def undelivered_events(self) -> tuple[HeardKept, ...]:
        """What people said that the application has not been told, or not finished with."""
        return (*self._events.heard, *heard_among(self._to_emit))

    async def send(self, text: str, *, reply_to: bytes | None = None) -> bytes:
        """Say something; returns the message id at once. It is kept until the relay has it (`Sent`).

        Raises `ConversationOver` and `MessageTooLong`.
        """
        message_id = self.state.send_text(text, now_in_seconds(), reply_to)
        self.flush()
        return message_id

    async def refer(self, referral: Referral) -> None:
        """Staff: tell of a service that can help further, as `Directory.referral_to` made it.

        Raises `ConversationOver` and `MessageTooLong`.
        """
        self.state.say(referral, now_in_seconds())
        self.flush()

    async def typing(self, *, active: bool = True) -> None:
        """Show the others that somebody writes here, or has stopped."""
        self.state.type(active=active, now=now_in_seconds())
        self.flush()

    @property
    def calls(self) -> Calls:
        """Voice and video, with `teduh-sdk[calls]`; iterate over it for calls that ring here."""
        if self._calls is None:
            # Imported here, so that who only writes needs no aiortc.
            from teduh_sdk.calls import Calls

            self._calls = Calls(self)
        return self._calls

    async def call(self, tracks: Iterable[MediaStreamTrack] = (), to: Iterable[Participant] = ()) -> Call:
        """Ring everybody in the room, or those in `to`; see `Calls.call`."""
        return await self.calls.call(tracks, to)

    async def close_calls(self) -> None:
        """Leave the call, if there is one; called when the client closes."""
        if self._calls is not None:
            await self._calls.close()

    def listen_to_calls(self, listener: CallListener) -> None:
        """Hear what is said about calls from now on, and what was said in the minute before."""
        self._call_exchange.listen(listener)

    def send_call_signal(self, data: bytes, *, is_ephemeral: bool = False) -> None:
        """Say something about a call to everybody in the room; nothing is said when it is over.

        `is_ephemeral`: it may be lost, and leaves nothing in the log; at most 1 KiB.
        """
        if not self.is_over:
            self.state.signal_call(data, now_in_seconds(), is_ephemeral=is_ephemeral)
            self.flush()

    async def joined(self) -> tuple[Participant, ...]:
        """Wait until somebody else is in the room; returns who.

        Raises why the conversation has stopped, or `ConversationOver` if it has ended.
        """
        await self._until(lambda _: self.state.is_in_room or self._is_finished)
        if self._is_finished:
            raise self._reason or ConversationOver("the conversation ended before anybody joined")
        return tuple(someone for someone in self.participants if someone != self.state.me)

    async def confirmed(self) -> None:
        """Wait until everything said is in the log (or the conversation is over)."""
        await self._until(lambda _: self.state.is_confirmed or self._is_finished)

    async def invite(
        self, colleague: Colleague, reason: str = "", *, within: float | None = None
    ) -> Participant:
        """Staff: bring a colleague in, if the survivor agrees; returns when she is in the room's next epoch.

        Raises `InvitationDeclined`, `CommitConflict`, `RelayRefused` (no key package), `NotTrusted`. If her
        device has not come `within` so many seconds after that, it is taken out again: `ColleagueAbsent`.
        """
        return await self._inviting.invite(colleague, reason, within)

    async def add_invited(self, device_id: bytes) -> Participant:
        """Staff: she has said yes (`InvitationAnswered`) to somebody for whom nobody waits any more, as
        after a restart in the middle of `invite`.

        Rejects as `invite`.
        """
        return await self._inviting.add_invited(device_id)

    async def invite_from_queue(
        self, details: RequestDetails, reason: str = "", proposed: Proposed = no_one_listens
    ) -> Participant:
        """Staff: ask in the queue for a colleague; who takes it is `proposed` to the survivor by name.

        She comes in if the survivor agrees. Raises what `invite` raises, or `RelayRefused` if too many wait,
        or the survivor looks for somebody herself.
        """
        return await self._inviting.invite_from_queue(details, reason, proposed)

    async def hand_over(
        self, colleague: Colleague, *, reason: str = "", note: str = "", within: float = 300.0
    ) -> Participant:
        """Staff: have a colleague take over: she is brought in if need be, gets the note, and we leave.

        Nothing is left before the colleague's own device is in the room and has opened the note (at most 4094
        bytes; only that device can read it). Raises what `invite` raises, or `ColleagueAbsent` if she has not
        come `within` seconds of being let in; we are still in the room then.
        """
        newcomer = await self._inviting.hand_over(colleague, reason, note, within)
        await self.leave()
        return newcomer

    async def request_reassignment(self, details: RequestDetails | None = None) -> None:
        """Survivor: ask for other staff, for nobody here answers any more; the conversation goes on.

        It waits in the queue (`Waiting`), as it was first asked for unless `details` says otherwise.
        `ReassignmentFound` tells who takes it, to be let in or not; what is written meanwhile is kept for
        them.

        Raises `NotJoined`, `ConversationOver`, `RelayRefused`, `RelayLost`.
        """
        await self._reassignment.begin(details)

    async def cancel_reassignment(self) -> None:
        """Survivor: cancel the reassignment. Raises `NotJoined`, `ConversationOver`."""
        self._reassignment.end()
        self.flush()

    async def ice_servers(self, *, allow_direct: bool | None = None) -> IceServers:
        """Whether and how a call may go, with credentials for one call; ask again for the next, and when it
        has to be rebuilt.

        Direct calls, if the relay offers them, are agreed to where `allow_direct` says so; by default only
        with a relay on this machine. Raises `RelayRefused` (rate_limited), `RelayLost`, `RelayMisbehaved`.
        """
        answer = await self._link.ask(
            lambda ref: FetchIceServers(ref, self.state.conversation_id), IceServersFrame
        )
        agreed = self._link.is_on_this_machine if allow_direct is None else allow_direct
        return read_ice_servers(answer, allow_direct=agreed)

    async def leave(self) -> None:
        """Leave, and forget all keys of it. Staff who stay remove us; if the survivor leaves, it is over."""
        await self._say_goodbye(for_all=False)

    async def end(self) -> None:
        """End it for everybody, who all forget their keys."""
        await self._say_goodbye(for_all=True)

    # --- used by Survivor and Staff -------------------------------------------------------------------------

    async def _leave_at_once(self) -> None:
        """Leave as the client closes: where the relay cannot be reached now it is not waited for."""
        await self._say_goodbye(for_all=False, is_patient=False)

    def receive(self, frame: AnyRelayFrame) -> None:
        """A frame about this conversation came."""
        if isinstance(frame, Error) and frame.code in _BUSY:
            # Each of what is in flight is refused, and one repetition is of them all.
            if not self._is_to_repeat:
                self._is_to_repeat = True
                wait = max(frame.retry_after_ms / 1000, _LEAST_RETRY) + uniform(0.05, 0.25)
                asyncio.get_running_loop().call_later(wait, self._repeat)
            if frame.code in _CANNOT_TAKE:
                self._emit_availability(is_available=False)
        elif isinstance(frame, MembershipEnded) and self._may_ask_again:
            self._resume(self)
        elif isinstance(frame, ConversationFrame):
            if isinstance(frame, Accepted):
                self._emit_availability(is_available=True)
            try:
                self.state.receive(frame, now_in_seconds())
            except Exception as fault:  # noqa: BLE001 -- it ends this conversation, and none of the others
                self.state.give_up(reason_of(fault))
            if isinstance(frame, QueuePosition) and frame.position == 0:
                self._reassignment.retry()
        self.flush_soon()

    @property
    def is_owed(self) -> bool:
        """Whether the relay owes us an entry, or the answer to what we said."""
        return self.state.waiting_for is not None

    def emit(self, event: Event) -> None:
        """Tell the application something that the state does not know of."""
        self._emit([event])

    def client_stopped(self, reason: TeduhError) -> None:
        """The client is closed, or can do no more. What is kept is sent when it is opened again."""
        unsent = self.state.unsent if self._keep is None else ()
        self._emit([events.Stopped(reason, unsent)])

    @property
    def _may_ask_again(self) -> bool:
        # Whoever waits has nothing yet that a new request would not have.
        return self.state.is_survivor and not self.state.is_in_room and not self.is_over

    def _emit_availability(self, *, is_available: bool) -> None:
        if self._is_available is not is_available:
            self._is_available = is_available
            self._emit([events.RelayAvailable() if is_available else events.RelayUnavailable()])

    def link_is_up(self) -> None:
        """The link is back: subscribe again, each conversation in its own way."""
        if not self.is_over:
            self._resume(self)

    def link_is_down(self) -> None:
        """The link broke."""
        if not self.is_over:
            self.state.disconnected()
            self._is_connected = False
            self._emit([events.Reconnecting()])

    def subscribe(self, capability: bytes | None = None) -> None:
        """Ask for what comes after what we have."""
        self._link.question(
            lambda ref: Subscribe(ref, self.state.conversation_id, self.state.cursor, capability),
            self.subscribed,
        )

    def subscribed(self, answer: Answer) -> None:
        """The answer to `subscribe`."""
        if isinstance(answer, Subscribed):
            self.state.connected(answer, now_in_seconds(), self._link.hello.limits.appends_in_flight)
            if not self._is_connected:
                self._is_connected = True
                self._emit([events.Connected()])
            if not self.state.has_in_flight:
                self._emit_availability(is_available=True)
            self._reassignment.retry()
        elif isinstance(answer, RelayRefused) and answer.code in _BUSY:
            if answer.code in _CANNOT_TAKE:
                self._emit_availability(is_available=False)
            if not self._is_to_subscribe:
                self._is_to_subscribe = True
                asyncio.get_running_loop().call_later(uniform(0.2, 1.0), self._subscribe_again)
        elif isinstance(answer, RelayRefused):
            self.state.give_up(answer)
        self.flush_soon()

    def watch(self) -> None:
        """Called every few seconds, for what is due by then.

        What does not come is asked for again, and after that not waited for: an entry behind which others
        wait, or the answer to an append.
        """
        self.state.watch(now_in_seconds())
        self.flush_soon()
        waiting_for = self.state.waiting_for
        if waiting_for is None or waiting_for != self._waited_for[0]:
            self._waited_for = (waiting_for, 0)
            return
        times = self._waited_for[1] + 1
        self._waited_for = (waiting_for, times)
        if self.state.has_gap and times > _MOST_CHECKS:
            self.state.give_up(LogBroken("an entry of the log does not come"))
            self.flush()
        elif not self._is_to_subscribe:
            self.link_is_up()

    def look_again(self) -> None:
        """The revocation list has changed: verify the room anew."""
        self.state.look_again(now_in_seconds())
        self.flush()

    def flush_soon(self) -> None:
        """Flush when all frames that have come together were looked at."""
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Keep the state, then send, then tell."""
        self._flushing = None
        frames, happened = self.state.take_frames(), self.state.take_events()
        self._to_emit = happened
        if frames or happened:
            self._keep_or_stop()
            happened += self.state.take_events()
        for frame in () if self.is_over else frames:
            self._link.send(frame)
        if self.is_over and not self._has_left:
            # Ended by others, or stopped: the log need not wait for us.
            self._has_left = True
            self._link.question(lambda ref: Leave(ref, self.state.conversation_id), self._parted)
            self._over(self)
        self._to_emit = []
        self._emit(happened)

    # --- inside ---------------------------------------------------------------------------------------------

    def _parted(self, answer: Answer) -> None:
        """Take the answer to Leave."""
        if isinstance(answer, Done):
            self._continuation = answer.continuation

    def _keep_or_stop(self) -> None:
        try:
            if self._keep is not None:
                self._keep(self)
        except (OSError, TeduhError) as error:
            # What is not kept must not be sent, nor told to be read.
            reason = error if isinstance(error, TeduhError) else KeyStoreError(f"it cannot be kept: {error}")
            self.state.give_up(reason)

    def _keep_what_is_left(self) -> None:
        self._keep_or_stop()
        if self.is_over:
            self.flush_soon()

    def _reassignment_host(self) -> ReassignmentHost:
        return ReassignmentHost(
            self.state, self._link, self.flush_soon, self.emit, is_busy=lambda refused: refused.code in _BUSY
        )

    def _host(self) -> Host:
        return Host(self.state, self._link, self.flush, self._until, self._finished)

    def _finished(self) -> TeduhError | None:
        over = ConversationOver("the conversation is over")
        return (self._reason or over) if self._is_finished else None

    @property
    def _is_finished(self) -> bool:
        return self.is_over or self._reason is not None

    def _subscribe_again(self) -> None:
        self._is_to_subscribe = False
        self.link_is_up()

    def _repeat(self) -> None:
        self._is_to_repeat = False
        self.state.repeat(now_in_seconds())
        self.flush()

    def _emit(self, happened: list[Event]) -> None:
        for event in happened:
            if isinstance(event, events.Stopped):
                self._reason = event.reason
            if isinstance(event, events.ChangeFailed):
                self._reassignment.failed()
            if isinstance(event, events.ChangeFailed) and not self.state.is_in_room:
                # `Staff` takes the request off the queue, for which we must still be a member.
                self._has_left = True
                self.state.give_up(RequestUnusable(f"nobody can be added: {event.reason}"))
                self.flush_soon()
            if isinstance(event, events.CommitLost):
                self._try_again(event.change)
            elif not isinstance(event, events.CallSignal):
                self._events.put(self._reactions.beside(event))
            self._call_exchange.hear(event)
        for told in (*happened, None):
            self._wake(told)

    def _try_again(self, change: Change) -> None:
        # Jitter, so that two who change the group at once do not meet again and again.
        attempts = self._attempts[id(change)] = self._attempts.get(id(change), 0) + 1
        if attempts > _RETRIES:
            conflict = CommitConflict("others changed the group first, each time")
            self._emit([events.ChangeFailed(change, conflict)])
        else:
            asyncio.get_running_loop().call_later(uniform(0, _RETRY_WITHIN), self._change, change)

    def _change(self, change: Change) -> None:
        if not self.is_over:
            self.state.change(change, now_in_seconds())
            self.flush()

    async def _say_goodbye(self, *, for_all: bool, is_patient: bool = True) -> None:
        if self.is_over:
            return
        me = self.state.me
        if self.state.reassignment.is_on:
            self._reassignment.cancel()
        self.state.leave(now_in_seconds(), for_all=for_all)
        self.flush()
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self._until(
                    lambda _: (
                        self.state.is_confirmed or self._is_finished or not (is_patient or self._link.is_up)
                    )
                )
                if is_patient or self._link.is_up:
                    self._parted(
                        await self._link.ask(lambda ref: Leave(ref, self.state.conversation_id), Done)
                    )
        except (TimeoutError, TeduhError):
            # Best effort: whoever stays sees that we do not answer.
            pass
        finally:
            # Our keys go in any case, also where nobody waits for the goodbye any more.
            self._has_left = True
            unsent = self.state.unsent
            self.state.wipe()
            self._keep_or_stop()
            self._over(self)
            self._emit([events.Ended(me, unsent)])

    async def _until(self, condition: Callable[[Event | None], bool]) -> None:
        if condition(None):
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((condition, future))
        await future

    def _wake(self, event: Event | None) -> None:
        still = []
        for condition, future in self._waiting:
            if future.done():
                continue
            if condition(event):
                future.set_result(None)
            else:
                still.append((condition, future))
        self._waiting = still


def _ignore(_: Answer) -> None:
    """Whoever has ended waits for no answer."""
