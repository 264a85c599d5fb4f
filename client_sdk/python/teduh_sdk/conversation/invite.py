"""Staff bring a colleague in, and hand over to her.

invitation ──> her yes ──> key package ──> commit ──> the colleague is here ──> note, opened ──> leave

Or whoever takes it from the queue, who is proposed to her by name like anybody else:

RequestReassignment ──> waits ──> a colleague claims it ──> key package ──> invitation ──> her yes ──> commit
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from teduh_crypto.exceptions import RemoteError
from teduh_signaling.chat.messages import Invitation
from teduh_signaling.relay.frames import (
    CancelRequest,
    FetchKeyPackage,
    KeyPackage,
    RequestDetails,
    RequestReassignment,
)

from teduh_sdk import events
from teduh_sdk.conversation.conversation_state import ConversationState
from teduh_sdk.conversation.hand_over_notes import require_short_enough
from teduh_sdk.events import Event
from teduh_sdk.exceptions import ColleagueAbsent, InvitationDeclined, NotTrusted, RelayRefused, TeduhError
from teduh_sdk.group.group_changes import AddMember, RemoveMember, key_package_from_wire
from teduh_sdk.group.room import Participant
from teduh_sdk.net.clock import now_in_seconds
from teduh_sdk.net.relay_link import Answer, RelayLink
from teduh_sdk.trust.colleague import Colleague

Proposed = Callable[[str, str], None]
"""Is told of whom, by name and role, the survivor is being asked."""


def no_one_listens(_name: str, _role: str) -> None:
    """Of whom she is being asked."""


@dataclass(frozen=True, slots=True)
class Host:
    """What a conversation lends for it."""

    state: ConversationState
    link: RelayLink
    flush: Callable[[], None]
    until: Callable[[Callable[[Event | None], bool]], Awaitable[None]]
    """Wait for what an event, or the state, tells."""
    finished: Callable[[], TeduhError | None]
    """Why it goes on no more; None while it does."""


class Inviting:
    """By one member of the staff, in one conversation."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def invite(self, colleague: Colleague, reason: str, within: float | None = None) -> Participant:
        """See `Conversation.invite`."""
        await self._propose(colleague.device_id, colleague.name, colleague.role, reason)
        newcomer = await self.add_invited(colleague.device_id)
        if within is not None:
            await self._await_or_take_out(newcomer, within)
        return newcomer

    async def add_invited(self, device_id: bytes) -> Participant:
        """See `Conversation.add_invited`."""
        conversation_id = self._host.state.conversation_id
        answer = await self._host.link.ask(
            lambda ref: FetchKeyPackage(ref, device_id, conversation_id), KeyPackage
        )
        return await self._change(_addition(answer))

    async def invite_from_queue(
        self, details: RequestDetails, reason: str, proposed: Proposed
    ) -> Participant:
        """See `Conversation.invite_from_queue`."""
        conversation_id = self._host.state.conversation_id
        try:
            answer = await self._who_takes(details)
            change = _addition(answer)
            newcomer = await self._preview(change)
            if newcomer.device_id != answer.device_id:
                raise NotTrusted("the key package is of another device")
            name = newcomer.name or ""
            proposed(name, newcomer.role)
            await self._propose(newcomer.device_id, name, newcomer.role, reason)
            return await self._change(change)
        finally:
            self._host.link.question(lambda ref: CancelRequest(ref, conversation_id), _ignore)

    async def hand_over(self, colleague: Colleague, reason: str, note: str, within: float) -> Participant:
        """See `Conversation.hand_over`; whoever calls it leaves when this is done."""
        if note:
            require_short_enough(note)
        newcomer = self._with_device(colleague.device_id) or await self.invite(colleague, reason, within)
        try:
            async with asyncio.timeout(within):
                await self._is_here(newcomer)
                if note:
                    await self._give_note(newcomer, note)
        except TimeoutError:
            raise ColleagueAbsent("the colleague has not come in") from None
        return newcomer

    async def _propose(self, device_id: bytes, name: str, role: str, reason: str) -> None:
        invitation = self._host.state.invite(device_id, name, role, reason, now_in_seconds())
        self._host.flush()
        await self._answer_to(invitation)

    async def _await_or_take_out(self, newcomer: Participant, within: float) -> None:
        """Whoever does not come is a member no longer: the survivor agreed to somebody who is here."""
        try:
            async with asyncio.timeout(within):
                await self._is_here(newcomer)
        except TimeoutError:
            if self._has(newcomer):
                await self._change(RemoveMember(newcomer.device_key))
            raise ColleagueAbsent("the colleague has not come in") from None

    async def _who_takes(self, details: RequestDetails) -> KeyPackage:
        """The key package of the device that has taken this conversation from the queue."""
        link = self._host.link
        conversation_id = self._host.state.conversation_id
        while True:
            self._require_open()
            await link.wait_until_up()
            # Before it is asked, or the news could come between the two.
            news = asyncio.get_running_loop().create_task(self._news_of_the_queue())
            await asyncio.sleep(0)
            try:
                answer = await link.answer_to(lambda ref: RequestReassignment(ref, conversation_id, details))
                if isinstance(answer, KeyPackage):
                    return answer
                if isinstance(answer, RelayRefused):
                    raise answer
                await news
            finally:
                news.cancel()

    async def _news_of_the_queue(self) -> None:
        heard: list[Event] = []

        def is_heard(event: Event | None) -> bool:
            is_taken = isinstance(event, events.Waiting) and event.position == 0
            if event is not None and (is_taken or isinstance(event, events.Connected)):
                heard.append(event)
            return bool(heard) or self._host.finished() is not None

        await self._host.until(is_heard)

    async def _preview(self, change: AddMember) -> Participant:
        """Who would come in, proven."""
        membership = self._host.state.membership
        # Whatever commit of ours is under way comes first.
        await self._host.until(lambda _: membership.pending is None or self._host.finished() is not None)
        self._require_open()
        try:
            return membership.preview(change, now_in_seconds())
        except RemoteError as error:
            raise _as_ours(error) from error

    def _require_open(self) -> None:
        reason = self._host.finished()
        if reason is not None:
            raise reason

    async def _is_here(self, newcomer: Participant) -> None:
        state = self._host.state
        await self._host.until(lambda _: newcomer.device_key in state.notes.keys or not self._has(newcomer))
        self._require(newcomer)

    async def _give_note(self, newcomer: Participant, text: str) -> None:
        note_id = self._host.state.hand_over_note(newcomer, text, now_in_seconds())
        opened: list[Event] = []

        def is_decided(event: Event | None) -> bool:
            if isinstance(event, events.Delivered) and event.message_id == note_id:
                opened.append(event)
            return bool(opened) or not self._has(newcomer)

        self._host.flush()
        await self._host.until(is_decided)
        if not opened:
            self._require(newcomer)

    def _has(self, newcomer: Participant) -> bool:
        return self._host.finished() is None and self._with_key(newcomer.device_key) is not None

    def _require(self, newcomer: Participant) -> None:
        self._require_open()
        if not self._has(newcomer):
            raise ColleagueAbsent("the colleague has left again")

    def _with_device(self, device_id: bytes) -> Participant | None:
        staff = (one for one in self._host.state.participants if not one.is_survivor)
        return next((one for one in staff if one.device_id == device_id), None)

    def _with_key(self, device_key: bytes) -> Participant | None:
        everybody = self._host.state.participants
        return next((one for one in everybody if one.device_key == device_key), None)

    async def _answer_to(self, invitation: Invitation) -> None:
        accepted: list[bool] = []

        def answers(event: Event | None) -> bool:
            if isinstance(event, events.InvitationAnswered) and event.invitation.id == invitation.id:
                accepted.append(event.accepted)
            return bool(accepted) or self._host.finished() is not None

        await self._host.until(answers)
        reason = self._host.finished()
        if not accepted and reason is not None:
            raise reason
        if not accepted[0]:
            raise InvitationDeclined("the survivor said no")

    async def _change(self, change: AddMember | RemoveMember) -> Participant:
        """Change the group; returns whom the change is about."""
        failed: list[Exception] = []
        device_key = _key_of(change)
        before = self._with_key(device_key)
        if before is not None and isinstance(change, AddMember):
            # She has come in already, by another invitation.
            return before

        def is_decided(event: Event | None) -> bool:
            if isinstance(event, events.ChangeFailed) and event.change is change:
                failed.append(event.reason)
            is_done = (self._with_key(device_key) is None) != (before is None)
            return bool(failed) or self._host.finished() is not None or is_done

        if self._host.finished() is None:
            self._host.state.change(change, now_in_seconds())
            self._host.flush()
        await self._host.until(is_decided)
        if failed:
            raise _as_ours(failed[0])
        who = self._with_key(device_key) or before
        if who is None:
            raise self._host.finished() or ColleagueAbsent("the colleague did not come in")
        return who


def _key_of(change: AddMember | RemoveMember) -> bytes:
    if isinstance(change, RemoveMember):
        return change.device_key
    return change.key_package.leaf_node.signature_key


def _addition(answer: KeyPackage) -> AddMember:
    try:
        return AddMember(key_package_from_wire(answer.key_package))
    except RemoteError as error:
        raise _as_ours(error) from error


def _ignore(_: Answer) -> None:
    """Where it is over, the relay has taken it out of the queue itself."""


def _as_ours(error: Exception) -> TeduhError:
    if isinstance(error, TeduhError):
        return error
    reason = NotTrusted(f"the colleague's key package is not valid: {error}")
    reason.__cause__ = error
    return reason
