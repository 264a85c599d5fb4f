"""What it means for a conversation that a member said something: an event, a receipt, a change, an end."""

from __future__ import annotations

from teduh_signaling.chat import messages as chat

from teduh_sdk import events
from teduh_sdk.conversation.member_state import MemberState
from teduh_sdk.conversation.membership import Membership
from teduh_sdk.conversation.state_output import StateOutput
from teduh_sdk.events import Event
from teduh_sdk.group.epoch_agreement import check_acknowledgement
from teduh_sdk.group.group_changes import RemoveMember
from teduh_sdk.group.room import Participant

Heard = chat.AnyMessage | chat.OfCall | chat.Unknown


def events_of(sender: Participant, message: Heard, *, is_live: bool) -> list[Event]:
    """What to tell of what is for people, or about a call; nothing of what devices say about the room."""
    match message:
        case chat.Text():
            said = events.TextReceived(message.id, sender, message.text, message.sent, message.reply_to)
            return [said]
        case chat.Receipt():
            kind = events.Read if message.kind is chat.ReceiptKind.READ else events.Delivered
            return [kind(message_id, sender) for message_id in message.message_ids]
        case chat.Attachment() | chat.Location() | chat.Form() | chat.Referral() | chat.Unknown():
            return [events.MessageReceived(sender, message)]
        case chat.OfCall():
            return [events.CallSignal(sender, message.raw, is_live)]
    return []


class MessageHandler:
    """Takes what devices of others say about the room."""

    def __init__(self, membership: Membership, output: StateOutput) -> None:
        self._membership = membership
        self._output = output
        # Whose devices have said that they can take part in no call.
        self._without_calls: set[bytes] = set()

    def hear_about_the_room(self, member_state: MemberState, sender: Participant, message: Heard) -> bool:
        """Whether the conversation has ended by it. Raises `EpochsDiffer`, `LogBroken`."""
        match message:
            case chat.EpochAcknowledgement():
                self._hear_acknowledgement(member_state, sender, message)
            case chat.Invitation():
                self._output.emit(*self._membership.invitations.hear(message, sender))
            case chat.InvitationAnswer():
                self._output.emit(*self._membership.invitations.hear_answer(message, sender))
            case chat.Leaving():
                return self._see_leaving(member_state, sender)
            case chat.Ending():
                return True
            case chat.NoteKey():
                self._output.emit(*member_state.notes.take_key(message, sender))
            case chat.HandOverNote():
                self._hear_note(member_state, sender, message)
        return False

    def _hear_acknowledgement(
        self, member_state: MemberState, sender: Participant, said: chat.EpochAcknowledgement
    ) -> None:
        group, me = self._membership.group, self._membership.me
        assert group is not None
        assert me is not None
        check_acknowledgement(group, said)
        member_state.agreement.confirm(sender.device_key)
        for beginning in said.beginnings:
            if beginning.leaf == me.leaf_index:
                self._membership.senders.began(sender.device_key, beginning.appended)
        if said.cannot_call and sender.device_key not in self._without_calls:
            self._without_calls.add(sender.device_key)
            self._output.emit(events.CallsUnsupported(sender))

    def _hear_note(self, member_state: MemberState, sender: Participant, note: chat.HandOverNote) -> None:
        room, me = self._membership.room, self._membership.me
        if me is None:
            return
        heard = member_state.notes.take_note(note, sender, me, room, self._membership.conversation_id)
        if any(isinstance(one, events.NoteReceived) for one in heard):
            member_state.receipts.owe(chat.ReceiptKind.DELIVERED, note.id)
        self._output.emit(*heard)

    def _see_leaving(self, member_state: MemberState, sender: Participant) -> bool:
        member_state.leaving.add(sender.device_key)
        self._output.emit(events.Left(sender))
        if sender.is_survivor:
            return True
        staying = [one for one in self._membership.room.staff if not member_state.is_leaving(one)]
        if staying and staying[0] == self._membership.me:
            # The first of those who stay does it; should he fail, the next commit of anybody can do it as
            # well.
            member_state.queue(RemoveMember(sender.device_key))
        return False
