"""The conversation log's way to its members: in order, without gaps, each entry once per connection.

::

    Append --> the store (`appends`) --> Accepted to the sender
                     |      \\-------> Entry to the other subscribers of this node, at once
                     \\-- published --> the other nodes that hold subscribers

    early:      an entry of a conversation at several nodes that overtook another waits a moment for it
    live:       an entry that follows the cursor of a subscription is written and moves the cursor
    catching up: anything else (a gap, a slow reader, a lost channel) is read from the log, from the cursor on

Each subscription has a cursor: the last entry that was handed to its connection. An entry is written live
only if it is the very next one and the connection is not congested. Otherwise the subscription reads the
log page by page, waiting whenever the transport is full, until nothing newer is known; so whatever is
missed on the way is found in the log, and a slow reader costs a page of memory.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial

from teduh_signaling.relay.codec import decode_relay_frame, encode
from teduh_signaling.relay.entry import entry_conversation_id, place_entry
from teduh_signaling.relay.frames import (
    SURVIVOR_MEMBER,
    Append,
    Ephemeral,
    EphemeralEntry,
    ErrorCode,
    MemberDisconnected,
    MembershipEnded,
)

from teduh_server.cluster import node_channel
from teduh_server.cluster.node_channel import NodeChannel
from teduh_server.cluster.observers import Observers
from teduh_server.conversation_log.acknowledgements import Acknowledgements
from teduh_server.conversation_log.appends import Appends
from teduh_server.conversation_log.inbox import Inbox
from teduh_server.conversation_log.joining import Joining
from teduh_server.conversation_log.log_reader import LogReader, pause_after
from teduh_server.conversation_log.reorder_buffer import ReorderBuffer
from teduh_server.operations import metrics
from teduh_server.redis_store import scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.commands import Command, Reply
from teduh_server.redis_store.exceptions import StoreError
from teduh_server.redis_store.keys import ConversationKeys
from teduh_server.redis_store.scripts import LogLimits, MemberState
from teduh_server.session.connection import Connection, LocalConversation, Subscription


class DeliveryService:
    """Subscriptions and what is delivered to them on one node; its appends are `appends`."""

    def __init__(
        self,
        store: Store,
        channel: NodeChannel,
        limits: LogLimits,
        inbox: Inbox,
        spawn: Callable[[Coroutine[None, None, None]], None],
        *,
        notes_staff: bool = False,
        may_say_early: Callable[[Connection, Append], bool] = lambda connection, frame: True,
    ) -> None:
        """`notes_staff`: whether a conversation's state names the staff devices that have left it.
        `may_say_early`: as `Appends` has it.
        """
        self._store = store
        self._notes_staff = notes_staff
        self._inbox = inbox
        self._node_id = limits.node
        self._limits = limits
        self._spawn = spawn
        self._log = LogReader(store)
        self._early = ReorderBuffer(self.deliver)
        self._conversations: dict[bytes, LocalConversation] = {}
        self.first_commits = Observers[[bytes]]()
        """Told of a conversation that somebody has taken, or in which the survivor has added somebody."""
        self.acknowledgements = Acknowledgements(store, limits.most_entries)
        self.appends = Appends(
            store,
            limits,
            inbox,
            spawn,
            self,
            self.acknowledgements,
            may_say_early,
            self.first_commits.notify,
        )
        channel.on(node_channel.ENTRIES, self._receive_entries)
        channel.on(node_channel.EPHEMERAL_ENTRY, self._receive_ephemeral)
        channel.on(node_channel.MEMBER_DISCONNECTED, self._receive_member_disconnected)
        channel.on(node_channel.MEMBERSHIP_ENDED, self._receive_membership_ended)
        channel.on(node_channel.NODE_JOINED, self._receive_node_joined)
        channel.on(node_channel.LOOK_AT_LOG, self._receive_look)

    @property
    def conversation_count(self) -> int:
        return len(self._conversations)

    def count_active(self) -> int:
        """How many conversations here have their survivor connected, and somebody with her."""
        return sum(1 for each in self._conversations.values() if each.is_active)

    @property
    def conversations(self) -> tuple[LocalConversation, ...]:
        """Those in which somebody is connected here."""
        return tuple(self._conversations.values())

    def conversation(self, conversation_id: bytes) -> LocalConversation | None:
        """The conversation with this id, if somebody is connected to it here."""
        return self._conversations.get(conversation_id)

    async def epoch_of(self, conversation_id: bytes) -> int:
        """The epoch of a conversation, 0 if there is none. Raises StoreError."""
        return scripts.epoch_of(
            await self._store.ask(scripts.read_state(ConversationKeys.of(conversation_id)))
        )

    def survivors(self, conversation_id: bytes) -> list[Connection]:
        """The connections here over which the survivor of this conversation talks."""
        conversation = self._conversations.get(conversation_id)
        subscriptions = conversation.subscriptions if conversation is not None else []
        return [each.connection for each in subscriptions if each.member == SURVIVOR_MEMBER]

    # --- delivering ---

    def deliver(
        self, conversation: LocalConversation, seq: int, entry: bytes, own: Subscription | None = None
    ) -> None:
        """Hand an entry to all subscribers here but `own`, who appended it."""
        if seq > conversation.newest:
            if seq > conversation.newest + 1 and conversation.on_other_nodes:
                self._early.hold(conversation, seq, entry, own)
                return
            conversation.newest = seq
        for subscription in conversation.subscriptions:
            if subscription is own:
                # A Welcome counts as its sender's own too: Accepted tells where it is, right behind the
                # commit.
                if subscription.cursor == seq - 1 and not subscription.catching_up:
                    subscription.cursor = seq
                else:
                    self._pass_over(subscription, seq)
            elif subscription.cursor == seq - 1 and not subscription.catching_up:
                connection = subscription.connection
                if connection.congested:
                    self._catch_up(subscription)
                else:
                    connection.write(entry)
                    subscription.cursor = seq
            elif subscription.cursor < seq:
                self._catch_up(subscription)
        if conversation.early is not None:
            self._early.follow(conversation)

    def _pass_over(self, own: Subscription, seq: int) -> None:
        own.has_own(seq)
        if own.cursor < seq:
            self._catch_up(own)

    def _catch_up(self, subscription: Subscription) -> None:
        if not subscription.catching_up and not subscription.ended:
            subscription.catching_up = True
            if subscription.connection.congested:
                metrics.SLOW_READERS.inc()
            self._spawn(self._read_log(subscription))

    async def _read_log(self, subscription: Subscription) -> None:
        """Hand over the log from the cursor on, until nothing newer is known."""
        try:
            await self._log.hand_over(subscription)
        finally:
            subscription.catching_up = False
            if subscription.ends_after is not None:
                self._end_subscription(subscription)

    def _receive_entries(self, message: bytes) -> None:
        for seq, entry in node_channel.published_entries(message):
            conversation = self._conversations.get(entry_conversation_id(entry))
            if conversation is None:
                continue
            if self._store.held_back:
                # It may not be kept as promised yet: what the log then says is.
                self.deliver_from_log(conversation, seq)
            else:
                self.deliver(conversation, seq, place_entry(entry, seq))

    def deliver_from_log(self, conversation: LocalConversation, seq: int) -> None:
        """Have all subscribers here read the log up to `seq`, for an entry of which nothing else is known."""
        conversation.newest = max(conversation.newest, seq)
        for subscription in conversation.subscriptions:
            if subscription.cursor < seq:
                self._catch_up(subscription)

    def look(self, conversation: LocalConversation) -> None:
        """Find out whether the log goes further than is known here."""
        self._spawn(self._look(conversation))

    async def _look(self, conversation: LocalConversation) -> None:
        last = None
        while conversation.subscriptions:
            try:
                last = scripts.last_seq(await self._store.ask(scripts.read_last_seq(conversation.keys)))
                break
            except StoreError as error:
                await asyncio.sleep(pause_after(error))
        if last is not None and last > conversation.newest:
            self.deliver_from_log(conversation, last)

    def _receive_look(self, message: bytes) -> None:
        """A node of an earlier release has appended without publishing."""
        conversation = self._conversations.get(message[:16])
        if conversation is not None:
            self.look(conversation)

    # --- subscribing ---

    async def begin(
        self, conversation_id: bytes, capability_hash: bytes, asked: Callable[[], None] | None = None
    ) -> Joining | None:
        """Begin a conversation with its survivor, or prove her if there is one; None: she has left it.

        `asked` is called as soon as the store has been asked, before it answers. Raises StoreError.
        """
        conversation = self._local(conversation_id)
        command = scripts.create_conversation(
            conversation.keys, capability_hash, self._node_id, self._store.now_ms(), self._limits.retention_ms
        )
        joining = await self._join(conversation, command, scripts.begun, asked)
        return joining or await self.prove(conversation_id, capability_hash=capability_hash)

    async def prove(
        self,
        conversation_id: bytes,
        *,
        capability_hash: bytes | None = None,
        device_id: bytes | None = None,
    ) -> Joining | None:
        """Prove a member by capability or device and register this node; None: there is no such member.

        Raises StoreError.
        """
        conversation = self._local(conversation_id)
        command = scripts.subscribe(
            conversation.keys,
            conversation_id,
            self._node_id,
            self._store.now_ms(),
            self._limits.retention_ms,
            capability_hash=capability_hash,
            device_id=device_id,
        )
        return await self._join(conversation, command, scripts.member_state)

    async def _join(
        self,
        conversation: LocalConversation,
        command: Command,
        state_of: Callable[[Reply], MemberState | None],
        asked: Callable[[], None] | None = None,
    ) -> Joining | None:
        # Entries that arrive from now on are counted, so that none falls between the proof and the
        # subscription.
        conversation.joining += 1
        joins = conversation.joins
        try:
            if conversation.channel is not None:
                await self._store.listen(conversation.channel)
            answer = self._store.ask(command)
            if asked is not None:
                asked()
            state = state_of(await answer)
        except BaseException:
            self.released(conversation)
            raise
        if state is None:
            self.released(conversation)
            return None
        # Who has joined meanwhile may have been heard of before this answer was read.
        conversation.on_other_nodes = state.on_other_nodes or joins != conversation.joins
        conversation.newest = max(conversation.newest, state.last_seq)
        if state.not_invited:
            self._spawn(self.appends.invite_again(conversation, state.not_invited))
        if state.staff_seen_ms:
            silent_ms = max(0, self._store.now_ms() - state.staff_seen_ms)
            conversation.silent_since = time.monotonic() - silent_ms / 1000
        return Joining(self, conversation, state)

    def attach(
        self, connection: Connection, conversation: LocalConversation, member: int, after: int
    ) -> None:
        """Begin to deliver to `connection` what comes after `after`; in place of an earlier subscription."""
        self.unsubscribe(connection, conversation.id, keep=conversation)
        subscription = Subscription(connection, conversation, member, after)
        connection.subscriptions[conversation.id] = subscription
        conversation.subscriptions.append(subscription)
        if subscription.cursor < conversation.newest:
            self._catch_up(subscription)

    def released(self, conversation: LocalConversation) -> None:
        """A `Joining` is done with."""
        conversation.joining -= 1
        self._forget_if_unused(conversation)

    def unsubscribe(
        self, connection: Connection, conversation_id: bytes, keep: LocalConversation | None = None
    ) -> None:
        """Stop delivering."""
        subscription = connection.subscriptions.pop(conversation_id, None)
        if subscription is not None:
            subscription.ended = True
            conversation = subscription.conversation
            conversation.subscriptions.remove(subscription)
            if conversation is not keep:
                if subscription.member != SURVIVOR_MEMBER and not conversation.has_staff:
                    self._store.send(scripts.note_staff(conversation.keys, self._store.now_ms()))
                self._forget_if_unused(conversation)

    def detach(self, connection: Connection) -> None:
        """The connection has gone."""
        for conversation_id in list(connection.subscriptions):
            self.unsubscribe(connection, conversation_id)

    def _local(self, conversation_id: bytes) -> LocalConversation:
        conversation = self._conversations.get(conversation_id)
        if conversation is None:
            conversation = self._conversations[conversation_id] = LocalConversation(conversation_id)
            conversation.channel = self._store.own_channel(self._node_id, conversation_id)
        return conversation

    def _forget_if_unused(self, conversation: LocalConversation) -> None:
        if conversation.subscriptions or conversation.joining:
            return
        if self._conversations.get(conversation.id) is conversation:
            del self._conversations[conversation.id]
            if conversation.watched_since:
                # She goes, perhaps to another node.
                silent_ms = int(1000 * (time.monotonic() - conversation.staff_last))
                self._store.send(scripts.note_staff(conversation.keys, self._store.now_ms() - silent_ms))
            self._store.send(scripts.unregister_node(conversation.keys, self._node_id))
            if conversation.channel is not None:
                self._store.unlisten(conversation.channel)

    def forget(self, conversation_id: bytes) -> None:
        """The conversation was dropped, for nobody has taken it: nobody here is subscribed to it any more."""
        conversation = self._conversations.get(conversation_id)
        for subscription in [] if conversation is None else list(conversation.subscriptions):
            self.unsubscribe(subscription.connection, conversation_id)

    # --- leaving ---

    async def leave(self, connection: Connection, conversation_id: bytes) -> scripts.Left | None:
        """End the membership of this connection's member; None if it is none. Raises StoreError."""
        subscription = connection.subscriptions.get(conversation_id)
        if subscription is None:
            return None
        conversation, staff = subscription.conversation, connection.staff
        if staff is not None:
            # First: should the store fail now, it is still a member, and leaves again.
            await self._inbox.forget(staff.device_id, conversation.id, conversation.newest)
        return await self._leave(conversation, subscription.member)

    async def leave_by_beacon(self, conversation_id: bytes, capability_hash: bytes) -> bool:
        """End the membership that the capability proves, without a connection; False if there is none. Raises
        StoreError.
        """
        joining = await self.prove(conversation_id, capability_hash=capability_hash)
        if joining is None:
            return False
        try:
            await self._leave(joining.conversation, joining.state.member)
        finally:
            joining.release()
        return True

    async def _leave(self, conversation: LocalConversation, member: int) -> scripts.Left:
        command = scripts.leave(conversation.keys, member, is_noted=self._notes_staff)
        left = scripts.left(await self._store.ask(command))
        if left is None:
            # It had left already, and the others know.
            return scripts.Left(0, (), b"")
        for own in [each for each in conversation.subscriptions if each.member == member]:
            self.unsubscribe(own.connection, conversation.id)
        gone = encode(MemberDisconnected(conversation.id, member))
        self._write_to_all(conversation, gone)
        if conversation.on_other_nodes:
            self._store.call(
                scripts.pass_on(conversation.keys, self._node_id, gone),
                partial(conversation.heard_elsewhere, conversation.joins),
            )
        return left

    def _receive_member_disconnected(self, data: bytes) -> None:
        conversation = self._conversations.get(entry_conversation_id(data))
        if conversation is not None:
            gone = decode_relay_frame(data)
            assert isinstance(gone, MemberDisconnected)
            for own in [each for each in conversation.subscriptions if each.member == gone.member]:
                self.unsubscribe(own.connection, conversation.id)
            self._write_to_all(conversation, data)

    @staticmethod
    def _write_to_all(conversation: LocalConversation, data: bytes) -> None:
        for subscription in conversation.subscriptions:
            if subscription.ends_after is None:
                subscription.connection.write(data)

    def end_membership(self, conversation: LocalConversation, member: int) -> None:
        """A member is none any more: it is handed what came before, and nothing else."""
        self._early.release(conversation)
        for subscription in [each for each in conversation.subscriptions if each.member == member]:
            if subscription.catching_up:
                subscription.ends_after = conversation.newest
            else:
                self._end_subscription(subscription)

    def _end_subscription(self, subscription: Subscription) -> None:
        if not subscription.is_over():
            subscription.connection.send(MembershipEnded(subscription.conversation.id))
            self.unsubscribe(subscription.connection, subscription.conversation.id)

    def _receive_membership_ended(self, message: bytes) -> None:
        conversation = self._conversations.get(message[:16])
        if conversation is None:
            return
        if self._store.held_back:
            # As with entries: the store says who is a member, and says only what is kept.
            self._spawn(self._rejoin(conversation))
        else:
            self.end_membership(conversation, int.from_bytes(message[16:20], "big"))

    # --- passing on without storing ---

    def pass_on(self, connection: Connection, frame: Ephemeral) -> None:
        """Hand an ephemeral payload to whoever is connected and reads fast enough."""
        subscription = connection.subscriptions.get(frame.conversation_id)
        if subscription is None:
            return
        conversation = subscription.conversation
        data = encode(EphemeralEntry(frame.conversation_id, subscription.member, frame.payload))
        for other in conversation.subscriptions:
            if other is not subscription and other.ends_after is None and not other.connection.congested:
                other.connection.write(data)
        if conversation.on_other_nodes:
            self._store.call(
                scripts.pass_on(conversation.keys, self._node_id, data),
                partial(conversation.heard_elsewhere, conversation.joins),
            )

    def _receive_ephemeral(self, data: bytes) -> None:
        conversation = self._conversations.get(entry_conversation_id(data))
        if conversation is None:
            return
        for subscription in conversation.subscriptions:
            if not subscription.connection.congested:
                subscription.connection.write(data)

    def _receive_node_joined(self, message: bytes) -> None:
        conversation = self._conversations.get(message[:16])
        if conversation is not None:
            conversation.on_other_nodes = True
            conversation.joins += 1

    # --- after a lost channel ---

    async def rejoin(self) -> None:
        """Register anew everywhere and look for what was missed while nobody listened."""
        await asyncio.gather(*(self._rejoin(each) for each in list(self._conversations.values())))

    async def _rejoin(self, conversation: LocalConversation) -> None:
        members = tuple({subscription.member for subscription in conversation.subscriptions})
        conversation.joins += 1
        joins = conversation.joins
        command = scripts.rejoin(conversation.keys, conversation.id, self._node_id, members)
        while True:
            newest = conversation.newest
            had_read = [(each, each.cursor) for each in conversation.subscriptions]
            try:
                state = scripts.rejoined(await self._store.ask(command))
                break
            except StoreError as error:
                # Also of a store that is full: until it has done this, nobody here hears what others say.
                await asyncio.sleep(pause_after(error))
        for member in members if state is None else state.ended_members:
            self.end_membership(conversation, member)
        if state is None:
            return
        conversation.on_other_nodes = state.on_other_nodes or joins != conversation.joins
        if conversation.newest == newest > state.last_seq:
            conversation.newest = state.last_seq
        for subscription, cursor in had_read:
            if cursor > state.last_seq and not subscription.is_over():
                # Something else will stand where that was read: who comes anew hears that.
                subscription.connection.end(ErrorCode.UNAVAILABLE, "the store has lost what was read before")
        conversation.newest = max(conversation.newest, state.last_seq)
        for subscription in conversation.subscriptions:
            if subscription.cursor < conversation.newest:
                self._catch_up(subscription)
