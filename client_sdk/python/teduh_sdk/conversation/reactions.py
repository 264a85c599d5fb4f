"""What an application can do about an event, put beside it: say that it was read, say yes, say no."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from teduh_sdk import events
from teduh_sdk.conversation.conversation_state import ConversationState
from teduh_sdk.events import Event
from teduh_sdk.net.clock import now_in_seconds


@dataclass(frozen=True, slots=True)
class Reactions:
    """To what happens in one conversation."""

    state: ConversationState
    flush: Callable[[], None]
    cancel_reassignment: Callable[[], Awaitable[None]]

    def beside(self, event: Event) -> Event:
        """The event, with what can be done about it."""
        match event:
            case events.TextReceived():
                return self._markable(event)
            case events.InvitationReceived():
                return self._answerable(event)
            case events.ReassignmentFound():
                return replace(event, approve=self._let_in, decline=self.cancel_reassignment)
        return event

    def _markable(self, event: events.TextReceived) -> Event:
        async def mark_read() -> None:
            self.state.mark_read(event.message_id, now_in_seconds())
            self.flush()

        return replace(event, mark_read=mark_read)

    def _answerable(self, event: events.InvitationReceived) -> Event:
        async def approve() -> None:
            self.state.answer(event.invitation, accepted=True, now=now_in_seconds())
            self.flush()

        async def decline() -> None:
            self.state.answer(event.invitation, accepted=False, now=now_in_seconds())
            self.flush()

        return replace(event, approve=approve, decline=decline)

    async def _let_in(self) -> None:
        self.state.admit_candidate(now_in_seconds())
        self.flush()
