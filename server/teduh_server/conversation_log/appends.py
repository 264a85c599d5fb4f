"""What clients append: to the store, then to whoever is connected here, and the answer to its sender.

::

    Append ──> append.lua, with what else this tick appends
                   └──> `appended`: Entry to the others here, Accepted to the sender
                        (the script tells the other nodes)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Protocol

from teduh_signaling.relay.codec import encode_accepted
from teduh_signaling.relay.entry import entry_template, place_entry
from teduh_signaling.relay.frames import SURVIVOR_MEMBER, Append, EntryKind, ErrorCode

from teduh_server.conversation_log.acknowledgements import Acknowledgements
from teduh_server.conversation_log.inbox import Inbox
from teduh_server.conversation_log.refused_append import append_failed, not_appended, refuse_append
from teduh_server.redis_store import scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.commands import Answer
from teduh_server.redis_store.exceptions import StoreError
from teduh_server.redis_store.scripts import Appended, LogLimits
from teduh_server.session.connection import Connection, LocalConversation, Subscription
from teduh_server.transport.websocket import WriteScheduler


class Delivery(Protocol):
    """Where what was appended goes on this node."""

    def deliver(
        self, conversation: LocalConversation, seq: int, entry: bytes, own: Subscription | None = None
    ) -> None:
        """Hand the entry at `seq` to all subscribers here but `own`, who appended it."""

    def deliver_from_log(self, conversation: LocalConversation, seq: int) -> None:
        """Have all subscribers here read the log up to `seq`."""

    def look(self, conversation: LocalConversation) -> None:
        """Find out whether the log goes further than is known here."""

    def end_membership(self, conversation: LocalConversation, member: int) -> None:
        """A commit has removed this member: it is handed what came before, and nothing else."""


class Appends:
    """Those of one node's clients."""

    __slots__ = (
        "_acknowledgements",
        "_delivery",
        "_inbox",
        "_limits",
        "_may_say_early",
        "_on_first_commit",
        "_spawn",
        "_store",
        "_writes",
        "accepted",
        "in_flight",
    )

    def __init__(
        self,
        store: Store,
        limits: LogLimits,
        inbox: Inbox,
        spawn: Callable[[Coroutine[None, None, None]], None],
        delivery: Delivery,
        acknowledgements: Acknowledgements,
        may_say_early: Callable[[Connection, Append], bool],
        on_first_commit: Callable[[bytes], None],
    ) -> None:
        """`acknowledgements` take what a member says that it has. `may_say_early`: whether a survivor may
        append this before anybody has taken her conversation. `on_first_commit` is called with a conversation
        that somebody has taken, or in which the survivor has added somebody.
        """
        self._store = store
        self._limits = limits
        self._inbox = inbox
        self._spawn = spawn
        self._delivery = delivery
        self._may_say_early = may_say_early
        self._writes = WriteScheduler.of(asyncio.get_running_loop())
        self._acknowledgements = acknowledgements
        self._on_first_commit = on_first_commit
        self.in_flight = 0
        self.accepted = 0

    def append(self, connection: Connection, frame: Append) -> None:
        """Append, and answer with Accepted or an Error once the store has."""
        conversation_id = frame.conversation_id
        subscription = connection.subscriptions.get(conversation_id)
        if subscription is None:
            refuse_append(connection, frame, ErrorCode.UNKNOWN_CONVERSATION, "subscribe first")
            return
        if has := frame.has:
            self._acknowledgements.noted(subscription, has)
        changes_members = frame.welcome is not None or frame.added or frame.removed
        if changes_members and not frame.kind:
            refuse_append(connection, frame, ErrorCode.UNEXPECTED_FRAME, "only a commit changes members")
            return
        if (
            not frame.epoch
            and subscription.member == SURVIVOR_MEMBER
            and not self._may_say_early(connection, frame)
        ):
            refuse_append(connection, frame, ErrorCode.TOO_MANY, "nobody has taken the conversation yet")
            return
        connection.in_flight += 1
        self.in_flight += 1
        self._ask_store(subscription, frame)

    def _ask_store(self, subscription: Subscription, frame: Append) -> None:
        conversation, member = subscription.conversation, subscription.member
        entry = entry_template(conversation.id, member, frame.counter, frame.kind, frame.epoch, frame.payload)
        welcome = b""
        if frame.welcome is not None:
            # The Welcome opens the epoch that its commit begins.
            welcome = entry_template(
                conversation.id, member, 0, EntryKind.WELCOME, frame.epoch + 1, frame.welcome
            )
        answered = partial(self._answered, subscription, frame, entry, welcome)
        keys, now, limits = conversation.keys, time.time_ns() // 1_000_000, self._limits
        if frame.kind:
            changes = (welcome, frame.added, frame.removed)
            commit = scripts.append_commit(
                keys, member, frame.counter, frame.epoch, entry, now, limits, *changes
            )
            self._store.call(commit, scripts.alone(answered))
        else:
            message = scripts.append(keys, member, frame.counter, 0, frame.epoch, entry, now, limits)
            self._store.call_joined(message, scripts.SHARED, answered)

    def _answered(
        self,
        subscription: Subscription,
        frame: Append,
        entry: bytes,
        welcome: bytes,
        answer: Answer,
    ) -> None:
        """The store's answer to an append."""
        if type(answer) is int:
            self._appended(subscription, frame, place_entry(entry, answer), answer)
            return
        self.in_flight -= 1
        subscription.connection.landed()
        if isinstance(answer, StoreError):
            append_failed(subscription.connection, frame, answer)
            return
        result = scripts.append_result(answer)
        if not isinstance(result, Appended):
            not_appended(subscription.connection, frame, result)
        elif result.repeated:
            self._accept_repeated(subscription, frame, result.seq)
        else:
            self._committed(subscription, frame, entry, welcome, result)

    def _appended(self, subscription: Subscription, frame: Append, entry: bytes, seq: int) -> None:
        """A message is in the log at `seq`; `entry` bears that place."""
        self.in_flight -= 1
        subscription.connection.landed()
        conversation, delivery = subscription.conversation, self._delivery
        if conversation.early is None:
            # Whoever waits to read it goes before whoever waits to hear that it is kept.
            delivery.deliver(conversation, seq, entry, subscription)
            self._accept(subscription, frame, seq)
        else:
            # What waits for this one comes to its sender too, who must know its place by then.
            self._accept(subscription, frame, seq)
            delivery.deliver(conversation, seq, entry, subscription)
        if not self.in_flight:
            # It was the last: where little is said, nobody waits for others in this tick.
            self._writes.flush()

    def _committed(
        self, subscription: Subscription, frame: Append, entry: bytes, welcome: bytes, result: Appended
    ) -> None:
        conversation, seq = subscription.conversation, result.seq
        if not frame.added:
            self._accept(subscription, frame, seq)
        self._delivery.deliver(conversation, seq, place_entry(entry, seq), subscription)
        for member in result.removed_members:
            self._delivery.end_membership(conversation, member)
        if frame.removed:
            self._spawn(self._forget_invitations(conversation, frame, seq))
        if welcome:
            self._delivery.deliver(conversation, seq + 1, place_entry(welcome, seq + 1), subscription)
        if frame.epoch == 0 or (frame.added and subscription.member == SURVIVOR_MEMBER):
            self._on_first_commit(conversation.id)
        if frame.added:
            self._spawn(self._invite(subscription, frame, seq))

    async def _invite(self, subscription: Subscription, frame: Append, seq: int) -> None:
        """Tell the added devices, and only then the sender: her retry is what repairs an invitation lost
        here.
        """
        try:
            for device_id in frame.added:
                await self._inbox.add(device_id, frame.conversation_id, seq)
        except StoreError as error:
            append_failed(subscription.connection, frame, error)
            return
        self._store.send(scripts.invited(subscription.conversation.keys, seq))
        self._accept(subscription, frame, seq)

    async def _forget_invitations(self, conversation: LocalConversation, frame: Append, seq: int) -> None:
        """Of the devices that the commit at `seq` has removed."""
        with suppress(StoreError):
            for device_id in frame.removed:
                await self._inbox.forget(device_id, conversation.id, seq)

    async def invite_again(
        self, conversation: LocalConversation, not_invited: tuple[tuple[bytes, int], ...]
    ) -> None:
        """A node has died, or its sender has gone, between a commit and its invitations."""
        with suppress(StoreError):
            for device_id, seq in not_invited:
                await self._inbox.add(device_id, conversation.id, seq)
            for seq in {seq for _, seq in not_invited}:
                self._store.send(scripts.invited(conversation.keys, seq))

    def _accept(self, subscription: Subscription, frame: Append, seq: int) -> None:
        self.accepted += 1
        self._say_accepted(subscription, frame, seq)

    def _say_accepted(self, subscription: Subscription, frame: Append, seq: int) -> None:
        accepted = encode_accepted(frame.conversation_id, frame.counter, seq)
        subscription.connection.write(accepted)

    def _accept_repeated(self, subscription: Subscription, frame: Append, seq: int) -> None:
        if frame.removed and seq:
            # The node that appended it may have died before it did this.
            self._spawn(self._forget_invitations(subscription.conversation, frame, seq))
        if frame.added and seq:
            self._spawn(self._invite(subscription, frame, seq))
        else:
            self._say_accepted(subscription, frame, seq)
        conversation = subscription.conversation
        if not seq:
            self._delivery.look(conversation)
        elif seq > conversation.newest:
            # Its first answer was lost on the way here, so nobody has been handed it.
            self._delivery.deliver_from_log(conversation, seq)
