"""What one member says, on its way into the log: queued, encrypted under the present epoch, sent, answered.

    say ──> Outbox ──advance, when link, log and epoch allow──> Append ──> relay
               ^                                                             │
               └──take_back: the epoch has moved on, say it anew─ refused <──┤
                                               were_accepted: `Sent`      <──┘

`advance` is called after everything that may have changed what is allowed.
"""

from __future__ import annotations

from teduh_crypto.exceptions import RemoteError
from teduh_signaling.chat import messages as chat
from teduh_signaling.chat.codec import decode_message, encode_message
from teduh_signaling.chat.exceptions import LocalMessageError
from teduh_signaling.relay import frames as relay

from teduh_sdk import events
from teduh_sdk.conversation.call_signals import is_too_old
from teduh_sdk.conversation.member_state import MemberState
from teduh_sdk.conversation.membership import Membership
from teduh_sdk.conversation.reassignment_state import ReassignmentState
from teduh_sdk.conversation.send_window import SendWindow
from teduh_sdk.conversation.state_output import StateOutput
from teduh_sdk.exceptions import (
    ConversationForgotten,
    ConversationOver,
    LogBroken,
    MessageTooLong,
    RosterNotAdmitted,
)
from teduh_sdk.group.epoch_agreement import acknowledgement_of
from teduh_sdk.group.group_changes import Change, Refresh


class Sender:
    """Takes what one member of a conversation says into its log."""

    def __init__(
        self,
        membership: Membership,
        member_state: MemberState,
        send_window: SendWindow,
        reassignment: ReassignmentState,
        output: StateOutput,
    ) -> None:
        self.member_state = member_state
        self._membership = membership
        self._send_window = send_window
        self._reassignment = reassignment
        self._output = output

    def say(self, message: chat.AnyMessage) -> None:
        """Queue something to say; raises `ConversationOver`, `MessageTooLong`."""
        if self._output.is_over:
            raise ConversationOver("the conversation is over")
        try:
            content = encode_message(message)
        except LocalMessageError as error:
            raise MessageTooLong(str(error)) from error
        self.member_state.outbox = self.member_state.outbox.add(content)
        self.member_state.leaf_keys.note_talk(message)
        if self._membership.identity.is_survivor:
            self._reassignment.sent(message, content)

    def say_of_call(self, data: bytes) -> None:
        """Queue something about a call."""
        self.member_state.outbox = self.member_state.outbox.add(data)
        self.member_state.leaf_keys.note_talk(decode_message(data))

    def advance(self, now: int) -> None:
        """Do all that the present state allows: send what waits, tell how far we have read."""
        if self._output.is_over or not self._send_window.is_up:
            return
        if self._send_window.take_repeat(self.member_state.order.cursor):
            for sent in self.member_state.outbox.in_flight:
                self._output.send(sent.append)
        while self._may_send() and self._send_next(now):
            pass
        if self._send_window.take_acknowledgement(self.member_state.order.cursor):
            self._output.send(
                relay.Acknowledge(self._membership.conversation_id, self.member_state.order.cursor)
            )

    def _may_send(self) -> bool:
        group = self._membership.group
        if group is None or self._output.is_over or self._membership.pending is not None:
            return False
        in_flight = len(self.member_state.outbox.in_flight)
        return self._send_window.may_send(self.member_state.order.cursor, group.epoch, in_flight)

    def _send_next(self, now: int) -> bool:
        # A group in which we are alone (epoch 0) has nobody to talk to: its first commit comes before all
        # else.
        if self.member_state.changes:
            change, *rest = self.member_state.changes
            self.member_state.changes = tuple(rest)
            self._commit(change, now)
            return True
        if len(self._membership.room) == 0:
            return False
        if self._owes_refresh(now):
            # Before all that is said: whoever has copied our keys is not to read it.
            self._commit(Refresh(), now)
            return True
        if self.member_state.owes_acknowledgement and self._membership.group is not None:
            self.member_state.owes_acknowledgement = False
            beginnings = self.member_state.beginnings(self._membership.room)
            can_call = self._membership.identity.can_call
            said = acknowledgement_of(self._membership.group, beginnings, can_call=can_call)
            self._encrypt(encode_message(said), None)
            return True
        if self.member_state.notes.owes_key:
            self.member_state.outbox = self.member_state.outbox.add(
                encode_message(self.member_state.notes.offer(now))
            )
        for receipt in self.member_state.receipts.take():
            self.member_state.outbox = self.member_state.outbox.add(encode_message(receipt))
        while self.member_state.outbox.queued and is_too_old(self.member_state.outbox.queued[0], now):
            self.member_state.outbox = self.member_state.outbox.drop_first()
        if not self.member_state.outbox.queued or self._reassignment.holds_back:
            return False
        content = self.member_state.outbox.queued[0]
        self._encrypt(content, content)
        return True

    def _owes_refresh(self, now: int) -> bool:
        # Whom she seeks comes in by a commit of hers, which renews her keys as well.
        is_due = self.member_state.leaf_keys.is_due(now) and not self._reassignment.is_on
        return is_due and self._membership.may_refresh

    def _encrypt(self, data: bytes, content: bytes | None) -> None:
        if content is not None:
            self.member_state.leaf_keys.note_use(decode_message(content))
        append = self._membership.protect(data, self.member_state.outbox.next_counter)
        self.member_state.outbox = self.member_state.outbox.sent(append, content)
        self._output.send(append)

    def _commit(self, change: Change, now: int) -> None:
        try:
            append = self._membership.stage(change, self.member_state.outbox.next_counter, now)
        except (RemoteError, RosterNotAdmitted) as reason:
            if isinstance(change, Refresh):
                self.member_state.leaf_keys.failed(now)
            else:
                self._output.emit(events.ChangeFailed(change, reason))
            return
        if append is None:
            return
        if append.welcome is not None:
            self.member_state.order.sends_welcome(append.counter)
        self.member_state.outbox = self.member_state.outbox.sent(append, None)
        self._output.send(append)

    def were_accepted(self, counter: int) -> None:
        """Everything up to `counter` is in the log."""
        self.member_state.outbox, done = self.member_state.outbox.accepted(counter)
        for sent in done:
            message = None if sent.content is None else decode_message(sent.content)
            if isinstance(message, chat.Text | chat.Referral):
                self._output.emit(events.Sent(message.id))

    def refused(self, error: relay.Error) -> None:
        """The relay refused an append of ours; raises `LogBroken`, `ConversationForgotten`."""
        in_flight = self.member_state.outbox.in_flight
        if error.code is relay.ErrorCode.WRONG_EPOCH:
            self._refused_epoch(error.counter, error.expected)
        elif error.code is relay.ErrorCode.COUNTER_GAP:
            # Appends behind one that was refused. If the relay lacks one that we no longer have, it lost it.
            if in_flight and error.expected < in_flight[0].append.counter:
                raise LogBroken("the relay has forgotten what it accepted")
        elif error.code is relay.ErrorCode.NOT_PERMITTED:
            self._refused_change(error.counter)
        elif error.code is relay.ErrorCode.UNKNOWN_CONVERSATION:
            raise ConversationForgotten(error.code, error.detail)

    def _refused_change(self, counter: int) -> None:
        # The lease of the one whom she lets in had ended.
        pending = self._membership.pending
        if pending is not None and pending.counter == counter:
            self.take_back(counter)
            self._reassignment.is_approved = False
            self._output.emit(events.ReassignmentLapsed())

    def _refused_epoch(self, counter: int, expected: int) -> None:
        if self.member_state.outbox.has_in_flight(counter, expected):
            # The answer to an earlier try; meanwhile it was said anew under the right epoch.
            return
        if expected < self._membership.epoch:
            raise LogBroken("the relay has gone back to an earlier epoch")
        self._send_window.want_epoch(expected)
        lost = self._membership.pending
        self.take_back(counter)
        if lost is not None and self._membership.pending is None:
            self.lost(lost.change)

    def lost(self, change: Change) -> None:
        """Somebody else's commit came first. A refresh is still due, and made anew when the log is read."""
        if not isinstance(change, Refresh):
            self._output.emit(events.CommitLost(change))

    def take_back(self, counter: int) -> None:
        """From `counter` on, nothing that was sent is in the log: it will be said anew."""
        for sent in self.member_state.outbox.in_flight:
            if sent.append.counter >= counter:
                self.member_state.order.forget_append(sent.append.counter)
                if sent.content is None and sent.append.kind == relay.EntryKind.MESSAGE.value:
                    self.member_state.owes_acknowledgement = True
        self.member_state.outbox = self.member_state.outbox.refused(counter)
        pending = self._membership.pending
        if pending is not None and pending.counter >= counter:
            self._membership.pending = None
