"""Who may be brought in: what staff have proposed, and what the survivor has said to it.

    Invitation (staff) ──> open ──> InvitationAnswer (survivor) ──> consent ──> the commit that adds her

A consent holds for one device under one name and role, and is used up when she comes in.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from teduh_signaling.chat.messages import Invitation, InvitationAnswer

from teduh_sdk import events
from teduh_sdk.events import Event
from teduh_sdk.group.room import Consent, Participant


@dataclass(slots=True)
class Invitations:
    """The open invitations by id, and the consents by device id."""

    open: dict[bytes, Invitation] = field(default_factory=dict)
    consents: dict[bytes, Consent] = field(default_factory=dict)

    def propose(self, invitation: Invitation, by: Participant) -> bool:
        """Take an invitation; False if its sender may not make it."""
        if by.is_survivor or invitation.id in self.open:
            return False
        self.open[invitation.id] = invitation
        return True

    def hear(self, invitation: Invitation, by: Participant) -> list[Event]:
        """Somebody proposes a colleague."""
        if self.propose(invitation, by):
            return [events.InvitationReceived(invitation, by)]
        return [events.MessageRefused("an invitation that its sender may not make")]

    def hear_answer(self, answer: InvitationAnswer, by: Participant) -> list[Event]:
        """An answer has come, or is ours; nothing is told of one that answers nothing."""
        invitation = self.answer(answer, by)
        return [] if invitation is None else [events.InvitationAnswered(invitation, answer.accepted)]

    def answer(self, answer: InvitationAnswer, by: Participant) -> Invitation | None:
        """Take an answer; returns the invitation that it answers, or None if it answers none."""
        if not by.is_survivor:
            return None
        invitation = self.open.pop(answer.invitation_id, None)
        if invitation is not None and answer.accepted:
            consent = Consent(invitation.device_id, invitation.name, invitation.role)
            self.consents[invitation.device_id] = consent
        return invitation

    def use(self, newcomer: Participant) -> None:
        """She is in: coming again would need a new consent."""
        self.consents.pop(newcomer.device_id, None)
