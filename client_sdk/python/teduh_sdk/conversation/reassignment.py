"""Asks the relay to reassign the survivor's conversation to other staff, and keeps asking.

It asks again whenever the relay may have an answer:

    begin ──> RequestReassignment ──> Done: she waits
                 ^               └──> KeyPackage: `ReassignmentFound`, or `ReassignmentRefused`
                 └── position 0, a new connection, a commit that failed

    end ──> CancelRequest, and again until it is done: with a new connection, or where the relay was too busy
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from teduh_signaling.relay.frames import CancelRequest, KeyPackage, RequestDetails, RequestReassignment

from teduh_sdk import events
from teduh_sdk.conversation.conversation_state import ConversationState
from teduh_sdk.events import Event
from teduh_sdk.exceptions import NotTrusted, RelayLost, RelayRefused
from teduh_sdk.net.clock import now_in_seconds
from teduh_sdk.net.relay_link import Answer, RelayLink
from teduh_sdk.net.transport import uniform


@dataclass(frozen=True, slots=True)
class ReassignmentHost:
    """What the reassignment needs of the conversation."""

    state: ConversationState
    link: RelayLink
    flush_soon: Callable[[], None]
    emit: Callable[[Event], None]
    is_busy: Callable[[RelayRefused], bool]


class Reassignment:
    """The reassignment of one conversation, as its driver: link, retries and time."""

    def __init__(self, conversation: ReassignmentHost, details: RequestDetails) -> None:
        self._conversation = conversation
        self._details = details
        self._is_to_cancel = False
        """Whether the relay may still hold the request for a reassignment."""

    async def begin(self, details: RequestDetails | None) -> None:
        """Raises `NotJoined`, `ConversationOver`, `RelayRefused`, `RelayLost`."""
        self._details = self._details if details is None else details
        self._is_to_cancel = False
        link = self._conversation.link
        self._conversation.state.set_reassignment(now_in_seconds(), is_on=True)
        try:
            await link.wait_until_up()
            answer = await link.answer_to(self._frame)
            if isinstance(answer, RelayRefused | RelayLost):
                raise answer
        except BaseException:
            # Also when the task was cancelled: the caller believes that nothing was requested.
            self._give_up()
            raise
        self._take(answer)

    def end(self) -> None:
        """End the reassignment. Raises `NotJoined`, `ConversationOver`."""
        self._conversation.state.set_reassignment(now_in_seconds(), is_on=False)
        self._is_to_cancel = True
        self.cancel()
        self._conversation.flush_soon()

    def cancel(self) -> None:
        """Take the conversation out of the queue, if it is there."""
        conversation_id = self._conversation.state.conversation_id
        self._conversation.link.question(lambda ref: CancelRequest(ref, conversation_id), self._cancelled)

    def _cancelled(self, answer: Answer) -> None:
        if isinstance(answer, RelayRefused) and self._conversation.is_busy(answer):
            asyncio.get_running_loop().call_later(uniform(0.5, 1.5), self._cancel_again)
        elif not isinstance(answer, RelayLost):
            self._is_to_cancel = False

    def _cancel_again(self) -> None:
        if self._is_to_cancel and not self._conversation.state.is_over:
            self.cancel()

    def retry(self) -> None:
        """Ask again, unless she has said yes; after a reconnect this is what keeps the place."""
        state = self._conversation.state
        if state.is_over:
            return
        if self._is_to_cancel:
            self.cancel()
        # Behind the commit it would put a conversation back into the queue into which somebody has just come.
        if state.reassignment.is_on and not state.reassignment.is_approved:
            self._conversation.link.question(self._frame, self._take)

    def failed(self) -> None:
        """Whoever was let in has not come."""
        self._conversation.state.reassignment.is_approved = False
        self.retry()

    def _frame(self, ref: int) -> RequestReassignment:
        return RequestReassignment(ref, self._conversation.state.conversation_id, self._details)

    def _take(self, answer: Answer) -> None:
        state = self._conversation.state
        if isinstance(answer, RelayRefused) and self._conversation.is_busy(answer):
            asyncio.get_running_loop().call_later(uniform(0.5, 1.5), self.retry)
        if not isinstance(answer, KeyPackage) or state.is_over:
            return
        try:
            state.receive_candidate(answer, now_in_seconds())
        except NotTrusted as reason:
            self._give_up()
            self._conversation.emit(events.ReassignmentRefused(reason))
        self._conversation.flush_soon()

    def _give_up(self) -> None:
        if self._conversation.state.is_over:
            self.cancel()
        else:
            self.end()
