"""One conversation as one member holds it: frames in, frames and events out, no I/O.

    Subscribed, Accepted, Entry, Error ...        send_text, invite, approve ...
                  │                                        │
                  v                                        v
          ┌─ LogOrder ──> what is next ─┐        ┌──── Outbox ────┐
          │                             v        v                │
          │              Group + Room (one epoch, verified)       │
          │                    │                 │                │
          └────────────────────┼─────────────────┼────────────────┘
                               v                 v
                         take_events()      take_frames()

Two rules hold everything together. *One order*: entries are applied by their place in the log, our own
among them, and our own commit takes effect at its place, not when it is sent. *No unverified epoch*: a
state of the group is looked at through the authentication service and the rules of `room` before it
replaces the old one; if it does not pass, all keys are wiped and the conversation stops.

The caller serialises calls, keeps `save()` before it sends what `take_frames()` gave, and sends in order.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Final

from teduh_crypto.credentials import RevocationListStale
from teduh_crypto.exceptions import RemoteError
from teduh_crypto.mls import Group
from teduh_signaling.chat import messages as chat
from teduh_signaling.chat.codec import decode_message
from teduh_signaling.chat.exceptions import RemoteMessageError
from teduh_signaling.relay import frames as relay

from teduh_sdk import events
from teduh_sdk.conversation.conversation_frame import ConversationFrame
from teduh_sdk.conversation.ephemerals import Ephemerals
from teduh_sdk.conversation.hand_over_notes import HandOverNotes, NotePath
from teduh_sdk.conversation.log_order import LogOrder, OwnEntry, OwnWelcome
from teduh_sdk.conversation.member_state import MemberState
from teduh_sdk.conversation.membership import Identity, Membership, RoomChange
from teduh_sdk.conversation.message_handler import Heard, MessageHandler, events_of
from teduh_sdk.conversation.queue_news import QueueNews, event_of
from teduh_sdk.conversation.reassignment_state import ReassignmentState
from teduh_sdk.conversation.saved_conversation import (
    SavedConversation,
    restore_membership,
    save_change,
    save_membership,
    save_notes,
    save_order,
    save_outbox,
)
from teduh_sdk.conversation.send_window import WINDOW, SendWindow
from teduh_sdk.conversation.sender import Sender
from teduh_sdk.conversation.state_output import StateOutput
from teduh_sdk.events import Event
from teduh_sdk.exceptions import (
    ConversationForgotten,
    ConversationOver,
    LogBroken,
    NotJoined,
    NotTrusted,
    RequestUnusable,
    RosterNotAdmitted,
    TeduhError,
    WrongConversation,
)
from teduh_sdk.group.group_changes import AddMember, Change, Refresh, key_package_from_wire
from teduh_sdk.group.room import Participant, VerifyRoom


class ConversationState:
    """See the module. `now` is always seconds since 1970."""

    def __init__(self, conversation_id: bytes, identity: Identity, verify: VerifyRoom) -> None:
        self.membership: Final = Membership(conversation_id, identity, verify)
        self.reassignment: Final = ReassignmentState()
        self._is_disconnected = False
        # Whether the Welcome is here, and nobody can be believed before there is a fresh revocation list.
        self._awaits_list = False
        # Survivor: the place of the commit by which somebody has come, or has only taken her request.
        self._taken_at = 0
        self._send_window: Final = SendWindow()
        self._ephemerals = Ephemerals()
        self._output: Final = StateOutput()
        member_state = MemberState(LogOrder(member=relay.SURVIVOR_MEMBER if identity.is_survivor else -1))
        self._sender: Final = Sender(
            self.membership, member_state, self._send_window, self.reassignment, self._output
        )
        self._message_handler: Final = MessageHandler(self.membership, self._output)

    @property
    def _member_state(self) -> MemberState:
        return self._sender.member_state

    @property
    def conversation_id(self) -> bytes:
        """What the relay calls it, 16 bytes; also the id of the group."""
        return self.membership.conversation_id

    @property
    def notes(self) -> HandOverNotes:
        """The keys to which notes can be sealed."""
        return self._member_state.notes

    @property
    def cursor(self) -> int:
        """The last entry of the log that was taken."""
        return self._member_state.order.cursor

    @property
    def participants(self) -> tuple[Participant, ...]:
        """Who is in the room, verified, but for those who said that they left; empty before and after."""
        return tuple(one for one in self.membership.room if not self._member_state.is_leaving(one))

    @property
    def me(self) -> Participant | None:
        """Ourselves, once we are in the room."""
        return self.membership.me

    @property
    def is_over(self) -> bool:
        """Whether it has ended; all keys are gone then."""
        return self._output.is_over

    @property
    def is_confirmed(self) -> bool:
        """Whether everything that was said is in the log, and nothing waits behind a gap."""
        return self._member_state.is_confirmed

    @property
    def unsent(self) -> tuple[events.Unsent, ...]:
        """The texts that were said and are not known to be in the log; none once it is over."""
        return self._member_state.outbox.unsent

    @property
    def epoch(self) -> int:
        """The epoch of the group; 0 before there is one."""
        return self.membership.epoch

    @property
    def is_in_room(self) -> bool:
        """Whether there is an epoch in which we and somebody else are."""
        return len(self.membership.room) > 0

    @property
    def is_survivor(self) -> bool:
        """Whether it is hers."""
        return self.membership.identity.is_survivor

    @property
    def has_in_flight(self) -> bool:
        """Whether something was sent that the relay has not answered."""
        return bool(self._member_state.outbox.in_flight)

    @property
    def has_gap(self) -> bool:
        """Whether later entries wait for one that has not come."""
        return self._member_state.order.has_gap

    @property
    def waiting_for(self) -> object | None:
        """The entry or the answer that the relay owes us; None when it owes nothing."""
        in_flight = self._member_state.outbox.in_flight
        owes_entry = (self.has_gap or self._lacks_welcome) and not self._awaits_list
        if self._send_window.is_up and not self._output.is_over and (in_flight or owes_entry):
            return self.cursor, in_flight[0].append.counter if in_flight else 0
        return None

    @property
    def _lacks_welcome(self) -> bool:
        return self._taken_at > 0 and self.membership.group is None

    def take_frames(self) -> list[relay.AnyClientFrame]:
        """What to send, in order."""
        return self._output.take_frames()

    def take_events(self) -> list[Event]:
        """What happened, in order."""
        return self._output.take_events()

    def save(self) -> SavedConversation:
        """All that is needed to go on after a restart; contains keys."""
        member_state = self._member_state
        return SavedConversation(
            conversation_id=self.conversation_id,
            membership=save_membership(self.membership),
            place=save_order(member_state.order),
            outbox=save_outbox(member_state.outbox),
            changes=tuple(save_change(change) for change in member_state.changes),
            leaving=tuple(member_state.leaving),
            receipts={int(kind): ids for kind, ids in member_state.receipts.by_kind.items()},
            owes_acknowledgement=member_state.owes_acknowledgement,
            notes=save_notes(member_state.notes),
            appended_before=member_state.appended_before,
            confirmed=tuple(member_state.agreement.confirmed),
        )

    @classmethod
    def restore(
        cls, saved: SavedConversation, device_key: bytes, verify: VerifyRoom, now: int
    ) -> ConversationState:
        """Go on from what was saved; the room is verified anew.

        Raises `RosterNotAdmitted` if it does not pass any more, a `RemoteError` for damaged bytes.
        """
        state = cls(saved.conversation_id, Identity(device_key, is_survivor=False), verify)
        restore_membership(state.membership, saved.membership, now)
        state._sender.member_state = MemberState.restore(saved)
        state._send_window.read_up_to(state.cursor)
        if saved.confirmed is None:
            # The release before kept nothing of this, and what was confirmed is not said again.
            state._member_state.agreement.confirmed = {one.device_key for one in state.membership.room}
        return state

    def create(self, group: Group, member: int, first: Change, now: int) -> None:
        """Staff: begin the conversation with `group` at epoch 0, in which we are alone."""
        self._member_state.order = LogOrder(member=member)
        self.membership.group = group
        self._member_state.leaf_keys.renewed(now)
        self._send_window.is_up = True
        self.change(first, now)

    def start_after(self, seq: int) -> None:
        """Staff: we are invited, and may read from the entry after `seq` on, which is our Welcome."""
        self._member_state.order.cursor = seq
        self._send_window.read_up_to(seq)

    def send_text(self, text: str, now: int, reply_to: bytes | None = None) -> bytes:
        """Say something; returns the message id. Kept until somebody is there to hear it.

        Raises `ConversationOver` and `MessageTooLong`.
        """
        message_id = secrets.token_bytes(16)
        self.say(chat.Text(id=message_id, sent=now, text=text, reply_to=reply_to), now)
        return message_id

    def say(self, message: chat.Text | chat.Referral, now: int) -> None:
        """The same, of what is made already."""
        self._sender.say(message)
        self._sender.advance(now)

    def mark_read(self, message_id: bytes, now: int) -> None:
        """Tell the sender that a person has seen this message."""
        if not self._output.is_over:
            self._member_state.receipts.owe(chat.ReceiptKind.READ, message_id)
            self._sender.advance(now)

    def type(self, *, active: bool, now: int) -> None:
        """Show the others that we write, or have stopped. Lost when nobody is there."""
        if self.membership.group is not None and self._send_window.is_up:
            payload = self._ephemerals.typing.seal(self.membership.group, active=active, now=now)
            self._output.send(relay.Ephemeral(self.conversation_id, payload))

    def signal_call(self, data: bytes, now: int, *, is_ephemeral: bool) -> None:
        """Say something about a call to everybody: in the log, or beside it, where it may be lost."""
        group = self.membership.group
        if not is_ephemeral:
            self._sender.say_of_call(data)
            self._sender.advance(now)
        elif group is not None and self._send_window.is_up:
            payload = self._ephemerals.calls.seal(group, data, now)
            self._output.send(relay.Ephemeral(self.conversation_id, payload))

    def invite(self, device_id: bytes, name: str, role: str, reason: str, now: int) -> chat.Invitation:
        """Staff: ask the survivor whether this colleague may come in; the answer comes as an event."""
        me = self._require_room()
        invitation = chat.Invitation(secrets.token_bytes(16), now, device_id, name, role, reason)
        self._sender.say(invitation)
        self.membership.invitations.propose(invitation, me)
        self._sender.advance(now)
        return invitation

    def hand_over_note(self, to: Participant, text: str, now: int) -> bytes:
        """Staff: seal a note to a colleague who awaits one; returns its id, for `Delivered`."""
        path = NotePath(self.conversation_id, self._require_room(), to)
        note = self.notes.seal(text, path, now)
        self._sender.say(note)
        self._sender.advance(now)
        return note.id

    def answer(self, invitation: chat.Invitation, *, accepted: bool, now: int) -> None:
        """Survivor: yes or no to somebody new in the room; raises `NotJoined`, `ConversationOver`."""
        me = self._require_room()
        answer = chat.InvitationAnswer(invitation.id, now, accepted)
        self._sender.say(answer)
        self._output.emit(*self.membership.invitations.hear_answer(answer, me))
        self._sender.advance(now)

    def set_reassignment(self, now: int, *, is_on: bool) -> None:
        """Survivor: begin or end a reassignment; raises `NotJoined`, `ConversationOver`."""
        self._require_room()
        self.reassignment.end()
        self.reassignment.is_on = is_on
        self._sender.advance(now)

    def receive_candidate(self, answer: relay.KeyPackage, now: int) -> None:
        """Survivor: the device of this key package has taken the conversation; tells of it by
        `ReassignmentFound`.

        Raises `NotTrusted`.
        """
        self._require_room()
        reassignment = self.reassignment
        if not reassignment.is_on or reassignment.candidate is not None or reassignment.is_approved:
            return
        try:
            change = AddMember(key_package_from_wire(answer.key_package))
            newcomer = self.membership.preview(change, now)
        except RemoteError as error:
            raise NotTrusted(f"the key package of whoever came is not valid: {error}") from error
        if newcomer.device_id != answer.device_id:
            raise NotTrusted("the key package is not of the device that the relay names")
        self.reassignment.candidate = change
        self._output.emit(events.ReassignmentFound(newcomer))

    def admit_candidate(self, now: int) -> None:
        """Survivor: add the approved candidate; remove who is silent or has left."""
        self._require_room()
        candidate, self.reassignment.candidate = self.reassignment.candidate, None
        if candidate is not None:
            self.reassignment.is_approved = True
            change = replace(candidate, instead_of=self.reassignment.silent | self._member_state.leaving)
            self.change(change, now)

    def change(self, change: Change, now: int) -> None:
        """Change the group; adopted when, and where, the relay has put the commit."""
        self._require_open()
        if isinstance(change, Refresh):
            self._member_state.leaf_keys.is_owed = True
        else:
            self._member_state.queue(change)
        self._sender.advance(now)

    def leave(self, now: int, *, for_all: bool = False) -> None:
        """Say that we leave, or that it is over for everybody; keys stay until `wipe`, to send this."""
        if self.membership.group is not None and not self._output.is_over:
            self.reassignment.end()
            self._member_state.leaf_keys.stop()
            self._sender.say(chat.Ending(sent=now) if for_all else chat.Leaving(sent=now))
            self._sender.advance(now)

    def wipe(self) -> None:
        """Forget every key and everything unsent. Python cannot overwrite what it frees; it is out of
        reach.
        """
        self._output.is_over = True
        self.membership.wipe()
        self._member_state.wipe()
        self.reassignment.forget()
        self._output.drop_frames()

    def connected(self, frame: relay.Subscribed, now: int, window: int = WINDOW) -> None:
        """We are subscribed (again): what is in the log, and what of ours is."""
        if self._output.is_over:
            return
        if self._member_state.order.member < 0:
            self._member_state.order.member = frame.member
        if frame.last_seq > self.cursor and frame.first_seq > self.cursor + 1:
            self._stop(LogBroken("entries have expired before they were read"))
            return
        if frame.last_seq < self.cursor:
            self._stop(LogBroken("the relay has lost entries that were read before"))
            return
        if frame.counter >= self._member_state.outbox.next_counter:
            # Our state is older than the log: what we said next would be taken for a repetition, and dropped.
            self._stop(LogBroken("the log holds what this device does not know that it has said"))
            return
        if self._lacks_welcome and frame.last_seq == self._taken_at:
            # A Welcome comes into the log with its commit: whoever has taken the request could not add her.
            self._stop(RequestUnusable("nobody can answer this request; ask again"))
            return
        self._send_window.connected(frame.last_seq, window)
        self._sender.were_accepted(frame.counter)
        self._sender.advance(now)
        self._await_confirmations(now)

    def begin_anew(self, conversation_id: bytes) -> None:
        """Survivor: the request was forgotten before anybody took it, and stands again under this id."""
        if not self.is_in_room and conversation_id != self.conversation_id:
            self.membership.conversation_id = conversation_id
            self._member_state.order = LogOrder(member=relay.SURVIVOR_MEMBER)
            self._awaits_list, self._taken_at = False, 0
            self._send_window.read_up_to(0)

    def look_again(self, now: int) -> None:
        """There is a fresh revocation list. Verify the room anew, for somebody may have been revoked since,
        and read on where there was none to believe somebody by.
        """
        if not self._output.is_over:
            self._go_on(partial(self._look_again, now), now)

    def _look_again(self, now: int) -> None:
        self.membership.look_again(now)
        self._awaits_list = False
        self._read_log(now)

    def give_up(self, reason: TeduhError) -> None:
        """Stop for good, and say why."""
        self._stop(reason)

    def watch(self, now: int) -> None:
        """Called every few seconds: send what is due by now, and tell of who does not confirm the epoch."""
        self._sender.advance(now)
        self._await_confirmations(now)

    def _await_confirmations(self, now: int) -> None:
        if self._output.is_over or not self._send_window.is_up or self.me is None:
            return
        others = [one for one in self.participants if one != self.me]
        absent = [
            one
            for one in others
            if (self._is_disconnected if one.is_survivor else self.reassignment.is_unreachable)
        ]
        agreement = self._member_state.agreement
        if agreement.look(_keys(others), _keys(absent), now):
            late = tuple(one for one in others if one.device_key in agreement.late)
            self._output.emit(events.Unconfirmed(late))

    def disconnected(self) -> None:
        """The link broke. Nothing is encrypted until it is back, for the epoch may move on meanwhile."""
        self._send_window.is_up = False
        self._member_state.agreement.disconnected()
        self._output.drop_frames()

    def repeat(self, now: int) -> None:
        """Send again what is in flight: the relay was too busy for it. It recognises what it has."""
        self._send_window.repeat()
        self._sender.advance(now)

    def receive(self, frame: ConversationFrame, now: int) -> None:
        """A frame about this conversation came."""
        if not self._output.is_over:
            self._go_on(partial(self._take, frame, now), now)

    def _go_on(self, step: Callable[[], None], now: int) -> None:
        try:
            step()
            self._sender.advance(now)
            self._await_confirmations(now)
        except (RosterNotAdmitted, WrongConversation) as reason:
            self._refuse(reason)
        except (NotTrusted, ConversationForgotten) as reason:
            self._stop(reason)

    def _take(self, frame: ConversationFrame, now: int) -> None:
        match frame:
            case relay.Entry():
                self._member_state.order.received(frame)
            case relay.Accepted():
                if frame.counter >= self._member_state.outbox.next_counter:
                    raise LogBroken("the relay accepts what was never sent")
                self._sender.were_accepted(frame.counter)
                self._member_state.order.accepted(frame.counter, frame.seq)
            case relay.Error():
                self._sender.refused(frame)
            case relay.EphemeralEntry():
                if (group := self.membership.group) is not None:
                    self._output.emit(*self._ephemerals.open(group, self.membership.room, frame.payload))
            case relay.QueuePosition() | relay.PreferencesRelaxed() | relay.OpeningTime():
                self._hear_of_the_queue(frame)
            case relay.MemberDisconnected() | relay.StaffReachable():
                self._hear_of_members(frame)
            case relay.MembershipEnded():
                # Whoever is taken out reads the commit first.
                raise ConversationForgotten(
                    relay.ErrorCode.UNKNOWN_CONVERSATION, "the relay says that this device is no member"
                )
        self._read_log(now)

    def _hear_of_members(self, news: relay.MemberDisconnected | relay.StaffReachable) -> None:
        if isinstance(news, relay.MemberDisconnected):
            self._is_reported_gone(news.member)
        else:
            self._are_reported(reachable=news.reachable)

    def _hear_of_the_queue(self, news: QueueNews) -> None:
        self._output.emit(event_of(news))
        if isinstance(news, relay.QueuePosition) and news.position:
            self._output.emit(*self.reassignment.lapse())

    def _are_reported(self, *, reachable: bool) -> None:
        if self.membership.identity.is_survivor:
            present = tuple(one for one in self.participants if not one.is_survivor)
            self._output.emit(
                *self.reassignment.set_reachable(self.membership.room, present, reachable=reachable)
            )

    def _is_reported_gone(self, member: int) -> None:
        # The relay's numbers mean nothing to us but hers; and what it says of her again is no news.
        if member != relay.SURVIVOR_MEMBER or self.membership.identity.is_survivor or self._is_disconnected:
            return
        for survivor in (one for one in self.participants if one.is_survivor):
            self._is_disconnected = True
            self._output.emit(events.MemberDisconnected(survivor))

    def _read_log(self, now: int) -> None:
        if self._awaits_list:
            return
        for item in self._member_state.order.take():
            match item:
                case OwnEntry():
                    self._take_own(item.counter, now)
                case OwnWelcome():
                    pass
                case relay.Entry():
                    self._read(item, now)
            if self._output.is_over or self._awaits_list:
                return

    def _take_own(self, counter: int, now: int) -> None:
        self._sender.were_accepted(counter)
        pending = self.membership.pending
        change = self.membership.adopt(counter, now)
        if change is None or pending is None:
            return
        if not pending.is_restored:
            self._member_state.leaf_keys.renewed(now)
        self._see_room(change)
        if self.membership.identity.is_survivor and change.came:
            self._complete_reassignment()

    def _complete_reassignment(self) -> None:
        # Whoever has come in cannot read what was said before: what nobody has is said again.
        self.reassignment.end()
        self.reassignment.is_unreachable, self.reassignment.silent = False, frozenset()
        self._member_state.outbox = self._member_state.outbox.add_first(
            tuple(self.reassignment.undelivered.values())
        )

    def _read(self, entry: relay.Entry, now: int) -> None:
        if self.membership.group is None:
            if entry.kind is relay.EntryKind.WELCOME:
                self._join(entry, now)
            elif entry.kind is relay.EntryKind.COMMIT and self.membership.identity.is_survivor:
                self._taken_at = entry.seq
        elif entry.kind is relay.EntryKind.COMMIT:
            self._follow(entry, now)
        elif entry.kind is relay.EntryKind.MESSAGE:
            self._open(entry, now)

    def _join(self, welcome: relay.Entry, now: int) -> None:
        try:
            self._see_room(self.membership.join(welcome, now))
            self._member_state.leaf_keys.is_owed = True
        except RosterNotAdmitted as reason:
            if not isinstance(reason.__cause__, RevocationListStale):
                raise
            # Whoever came may well be who she says. That cannot be known now, and is looked at again as soon
            # as it can; until then nobody is in.
            self._awaits_list = True
            self._member_state.order.put_back(welcome)

    def _follow(self, entry: relay.Entry, now: int) -> None:
        lost = self.membership.pending
        change = self.membership.follow(entry, now)
        if isinstance(change, Participant):
            self._end(change)
            return
        # What was in flight was made in the epoch that is left; the relay refuses it, and it is said anew.
        if self._member_state.outbox.in_flight:
            self._sender.take_back(self._member_state.outbox.in_flight[0].append.counter)
        self._see_room(change)
        if lost is not None:
            self._sender.lost(lost.change)

    def _see_room(self, change: RoomChange) -> None:
        self._member_state.owes_acknowledgement = True
        self._member_state.agreement.enter()
        for someone in change.came:
            self._member_state.has_come(someone)
            self._output.emit(events.Joined(someone))
        for someone in change.went:
            if not self._member_state.is_leaving(someone):
                self._output.emit(events.Left(someone))
            self._member_state.has_left(someone)
        if not self.membership.identity.is_survivor and any(not one.is_survivor for one in change.came):
            self.notes.owes_key = True
        for survivor in (someone for someone in change.went if someone.is_survivor):
            self._end(survivor)

    def _open(self, entry: relay.Entry, now: int) -> None:
        try:
            sender, data = self.membership.open(entry, now)
            if not self._member_state.is_leaving(sender):
                self._hear(sender, decode_message(data), is_live=self._send_window.is_live(entry.seq))
        except RemoteError as error:
            self._output.emit(events.MessageRefused(f"an entry did not open: {error}"))
        except RemoteMessageError as error:
            self._output.emit(events.MessageRefused(f"a member said something unreadable: {error}"))

    def _hear(self, sender: Participant, message: Heard, *, is_live: bool) -> None:
        if isinstance(message, chat.Text | chat.Referral):
            self._member_state.receipts.owe(chat.ReceiptKind.DELIVERED, message.id)
        if is_live:
            # That she is there comes before what she says, which may be that she leaves.
            self._output.emit(*self.reassignment.received_from(sender))
        self._member_state.leaf_keys.note_talk(message)
        self._output.emit(*events_of(sender, message, is_live=is_live))
        self.reassignment.confirm_delivery(message)
        if self._message_handler.hear_about_the_room(self._member_state, sender, message):
            self._end(sender)

    def _require_open(self) -> None:
        if self._output.is_over:
            raise ConversationOver("the conversation is over")

    def _require_room(self) -> Participant:
        self._require_open()
        me = self.me
        if me is None:
            raise NotJoined("nobody has joined yet")
        return me

    def _end(self, by: Participant) -> None:
        if not self._output.is_over:
            unsent = self.unsent
            self.wipe()
            self._output.emit(events.Ended(by, unsent))

    def _refuse(self, reason: NotTrusted) -> None:
        self._output.emit(events.RosterRefused(reason))
        self._stop(reason)

    def _stop(self, reason: TeduhError) -> None:
        if not self._output.is_over:
            unsent = self.unsent
            self.wipe()
            self._output.emit(events.Stopped(reason, unsent))


def _keys(people: Iterable[Participant]) -> frozenset[bytes]:
    return frozenset(one.device_key for one in people)
