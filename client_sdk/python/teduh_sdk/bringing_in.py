"""Staff bring a colleague in, and hand over to her.

invitation ──> her yes ──> key package ──> commit ──> the colleague is here ──> note, opened ──> leave
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from teduh_crypto.exceptions import RemoteError
from teduh_signaling.chat.messages import Invitation
from teduh_signaling.relay.frames import FetchKeyPackage, KeyPackage

from teduh_sdk import events
from teduh_sdk.clock import now_in_seconds
from teduh_sdk.colleague import Colleague
from teduh_sdk.conversation_state import ConversationState
from teduh_sdk.events import Event
from teduh_sdk.exceptions import ColleagueAbsent, InvitationDeclined, NotTrusted, TeduhError
from teduh_sdk.group_changes import AddMember, key_package_from_wire
from teduh_sdk.hand_over_notes import require_short_enough
from teduh_sdk.relay_link import RelayLink
from teduh_sdk.room import Participant


@dataclass(frozen=True, slots=True)
class Host:
    """What a conversation lends for it."""

    state: ConversationState
    link: RelayLink
    settle: Callable[[], None]
    until: Callable[[Callable[[Event | None], bool]], Awaitable[None]]
    """Wait for what an event, or the state, tells."""
    finished: Callable[[], TeduhError | None]
    """Why it goes on no more; None while it does."""


class BringingIn:
    """By one member of the staff, in one conversation."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def invite(self, colleague: Colleague, reason: str) -> Participant:
        """See `Conversation.invite`."""
        name, role, state = colleague.name, colleague.role, self._host.state
        invitation = state.invite(colleague.device_id, name, role, reason, now_in_seconds())
        self._host.settle()
        await self._answer_to(invitation)
        answer = await self._host.link.ask(lambda ref: FetchKeyPackage(ref, colleague.device_id), KeyPackage)
        try:
            key_package = key_package_from_wire(answer.key_package)
        except RemoteError as error:
            raise _as_ours(error) from error
        return await self._bring_in(AddMember(key_package))

    async def hand_over(self, colleague: Colleague, reason: str, note: str, within: float) -> Participant:
        """See `Conversation.hand_over`; whoever calls it leaves when this is done."""
        if note:
            require_short_enough(note)
        newcomer = self._with_device(colleague.device_id) or await self.invite(colleague, reason)
        try:
            async with asyncio.timeout(within):
                await self._is_here(newcomer)
                if note:
                    await self._give_note(newcomer, note)
        except TimeoutError:
            raise ColleagueAbsent("the colleague has not come in") from None
        return newcomer

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

        self._host.settle()
        await self._host.until(is_decided)
        if not opened:
            self._require(newcomer)

    def _has(self, newcomer: Participant) -> bool:
        return self._host.finished() is None and self._with_key(newcomer.device_key) is not None

    def _require(self, newcomer: Participant) -> None:
        reason = self._host.finished()
        if reason is not None:
            raise reason
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

    async def _bring_in(self, change: AddMember) -> Participant:
        failed: list[Exception] = []
        device_key = change.key_package.leaf_node.signature_key

        def is_decided(event: Event | None) -> bool:
            if isinstance(event, events.ChangeFailed) and event.change is change:
                failed.append(event.reason)
            return bool(failed) or self._host.finished() is not None or self._with_key(device_key) is not None

        if self._host.finished() is None:
            self._host.state.change(change, now_in_seconds())
            self._host.settle()
        await self._host.until(is_decided)
        if failed:
            raise _as_ours(failed[0])
        newcomer = self._with_key(device_key)
        if newcomer is None:
            raise self._host.finished() or ColleagueAbsent("the colleague did not come in")
        return newcomer


def _as_ours(error: Exception) -> TeduhError:
    if isinstance(error, TeduhError):
        return error
    reason = NotTrusted(f"the colleague's key package is not valid: {error}")
    reason.__cause__ = error
    return reason
