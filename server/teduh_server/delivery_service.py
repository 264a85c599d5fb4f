"""The conversation log's way to its members: in order, without gaps, each entry once per connection.

::

    Append --> script in the store --> Accepted to the sender
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

from teduh_signaling.relay.codec import encode
from teduh_signaling.relay.entry import (
    entry_conversation_id,
    entry_template,
    place_entry,
)
from teduh_signaling.relay.frames import (
    SURVIVOR_MEMBER,
    Accepted,
    Acknowledge,
    Append,
    EntryKind,
    Ephemeral,
    EphemeralEntry,
    ErrorCode,
    MemberGone,
    MembershipEnded,
)

from teduh_server import metrics, node_channel
from teduh_server.acknowledgements import Acknowledgements
from teduh_server.connection import Connection
from teduh_server.early_entries import EarlyEntries
from teduh_server.inbox import Inbox
from teduh_server.joining import Joining
from teduh_server.log_reader import LogReader
from teduh_server.node_channel import NodeChannel
from teduh_server.redis_store import scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.exceptions import StoreError, StoreRefused, StoreUnavailable
from teduh_server.redis_store.keys import ConversationKeys
from teduh_server.redis_store.scripts import Appended, LogLimits, MemberState
from teduh_server.redis_store.wire import Answer, Command, Reply
from teduh_server.refused_append import append_failed, not_appended, refuse_append
from teduh_server.subscription import LocalConversation, Subscription
from teduh_server.websocket import Post

_STORE_PAUSE_SECONDS = 0.1


class DeliveryService:
    """Appends, subscriptions and their delivery on one node."""

    def __init__(
        self,
        store: Store,
        channel: NodeChannel,
        limits: LogLimits,
        inbox: Inbox,
        spawn: Callable[[Coroutine[None, None, None]], None],
        *,
        noted_ms: int = 0,
    ) -> None:
        """`noted_ms`: for how long it is noted which staff devices were in a conversation that they left."""
        self._store = store
        self._noted_ms = noted_ms
        self._node_id = limits.node
        self._limits = limits
        self._inbox = inbox
        self._spawn = spawn
        self._post = Post.of(asyncio.get_running_loop())
        self._log = LogReader(store)
        self._early = EarlyEntries(self._deliver)
        self._conversations: dict[bytes, LocalConversation] = {}
        self.acknowledgements = Acknowledgements(store)
        self.on_first_commit: Callable[[bytes], None] = lambda conversation_id: None
        self.appends_in_flight = 0
        self.accepted = 0
        channel.on(node_channel.ENTRIES, self._receive_entries)
        channel.on(node_channel.EPHEMERAL_ENTRY, self._receive_ephemeral)
        channel.on(node_channel.MEMBER_GONE, self._receive_member_gone)
        channel.on(node_channel.MEMBERSHIP_ENDED, self._receive_membership_ended)
        channel.on(node_channel.NODE_JOINED, self._receive_node_joined)

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
        """One of them."""
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

    # --- appending ---

    def append(self, connection: Connection, frame: Append) -> None:
        """Append, and answer with Accepted or an Error once the store has."""
        conversation_id = frame.conversation_id
        subscription = connection.subscriptions.get(conversation_id)
        if subscription is None:
            refuse_append(connection, frame, ErrorCode.UNKNOWN_CONVERSATION, "subscribe first")
            return
        changes_members = frame.welcome is not None or frame.added or frame.removed
        if changes_members and not frame.kind:
            refuse_append(connection, frame, ErrorCode.UNEXPECTED_FRAME, "only a commit changes members")
            return
        member = subscription.member
        entry = entry_template(conversation_id, member, frame.counter, frame.kind, frame.epoch, frame.payload)
        welcome = b""
        if frame.welcome is not None:
            # The Welcome opens the epoch that its commit begins.
            welcome = entry_template(
                conversation_id, member, 0, EntryKind.WELCOME, frame.epoch + 1, frame.welcome
            )
        connection.in_flight += 1
        self.appends_in_flight += 1
        answered = partial(self._answered, subscription, frame, entry, welcome)
        keys, now, limits = subscription.conversation.keys, _now_ms(), self._limits
        if frame.kind:
            changes = (welcome, frame.added, frame.removed)
            commit = scripts.append_commit(
                keys, member, frame.counter, frame.epoch, entry, now, limits, *changes
            )
            self._store.call(commit, scripts.alone(answered))
        else:
            message = scripts.append(keys, member, frame.counter, 0, frame.epoch, entry, now, limits)
            self._store.call_joined(message, scripts.APPEND_SHARED, answered)

    def _answered(
        self, subscription: Subscription, frame: Append, entry: bytes, welcome: bytes, answer: Answer
    ) -> None:
        """The store's answer to an append."""
        self.appends_in_flight -= 1
        connection = subscription.connection
        connection.landed()
        if type(answer) is int:
            conversation, entry = subscription.conversation, place_entry(entry, answer)
            if conversation.early is None:
                # Whoever waits to read it goes before whoever waits to hear that it is kept.
                self._deliver(conversation, answer, entry, subscription)
                self._accept(subscription, frame, answer)
            else:
                # What waits for this one comes to its sender too, who must know its place by then.
                self._accept(subscription, frame, answer)
                self._deliver(conversation, answer, entry, subscription)
            if not self.appends_in_flight:
                # It was the last: where little is said, nobody waits for others in this tick.
                self._post.flush()
            return
        if isinstance(answer, StoreError):
            append_failed(connection, frame, answer)
            return
        assert not isinstance(answer, StoreRefused | StoreUnavailable)
        result = scripts.append_result(answer)
        if not isinstance(result, Appended):
            not_appended(connection, frame, result)
        elif result.repeated:
            self._accept_repeated(subscription, frame, result.seq)
        else:
            self._committed(subscription, frame, entry, welcome, result)

    def _committed(
        self, subscription: Subscription, frame: Append, entry: bytes, welcome: bytes, result: Appended
    ) -> None:
        conversation, seq = subscription.conversation, result.seq
        if not frame.added:
            self._accept(subscription, frame, seq)
        self._deliver(conversation, seq, place_entry(entry, seq), subscription)
        for member in result.removed_members:
            self._end_membership(conversation, member)
        if frame.removed:
            # Somebody else has gone on with the survivor: she does not come back to who had left before.
            self._store.send(scripts.forget_parted(conversation.keys, frame.removed))
        if welcome:
            self._deliver(conversation, seq + 1, place_entry(welcome, seq + 1), subscription)
        if frame.epoch == 0 or (frame.added and subscription.member == SURVIVOR_MEMBER):
            self.on_first_commit(conversation.id)
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
        self._accept(subscription, frame, seq)

    def _accept(self, subscription: Subscription, frame: Append, seq: int) -> None:
        self.accepted += 1
        accepted = Accepted(frame.conversation_id, frame.counter, seq)
        subscription.connection.write(encode(accepted))

    def _accept_repeated(self, subscription: Subscription, frame: Append, seq: int) -> None:
        if frame.added and seq:
            self._spawn(self._invite(subscription, frame, seq))
        else:
            accepted = Accepted(frame.conversation_id, frame.counter, seq)
            subscription.connection.write(encode(accepted))

    # --- delivering ---

    def _deliver(
        self, conversation: LocalConversation, seq: int, entry: bytes, own: Subscription | None = None
    ) -> None:
        if seq > conversation.newest:
            if seq > conversation.newest + 1 and conversation.on_other_nodes:
                self._early.hold(conversation, seq, entry, own)
                return
            conversation.newest = seq
        for subscription in conversation.subscriptions:
            if subscription is own:
                # A Welcome counts as its sender's own too: Accepted tells where it is, right behind the
                # commit.
                subscription.has_own(seq)
                if subscription.cursor < seq:
                    self._catch_up(subscription)
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
                self._deliver_from_log(conversation, seq)
            else:
                self._deliver(conversation, seq, place_entry(entry, seq))

    def _deliver_from_log(self, conversation: LocalConversation, seq: int) -> None:
        conversation.newest = max(conversation.newest, seq)
        for subscription in conversation.subscriptions:
            if subscription.cursor < seq:
                self._catch_up(subscription)

    # --- subscribing ---

    async def begin(
        self, conversation_id: bytes, capability_hash: bytes, asked: Callable[[], None] | None = None
    ) -> Joining | None:
        """Begin a conversation with its survivor, or prove her if there is one; None: she has left it.

        `asked` is called as soon as the store has been asked, before it answers. Raises StoreError.
        """
        conversation = self._local(conversation_id)
        command = scripts.create_conversation(
            conversation.keys, capability_hash, self._node_id, _now_ms(), self._limits.retention_ms
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
            _now_ms(),
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
        conversation.on_other_nodes = state.on_other_nodes
        conversation.newest = max(conversation.newest, state.last_seq)
        if state.staff_seen_ms:
            silent_ms = max(0, _now_ms() - state.staff_seen_ms)
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
                    self._store.send(scripts.note_staff(conversation.keys, _now_ms()))
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
                self._store.send(scripts.note_staff(conversation.keys, _now_ms() - silent_ms))
            self._store.send(scripts.unregister_node(conversation.keys, self._node_id))
            if conversation.channel is not None:
                self._store.unlisten(conversation.channel)

    # --- acknowledging, leaving ---

    def acknowledge(self, connection: Connection, frame: Acknowledge) -> None:
        """Note it; what one tick brings for one member goes to the store once."""
        subscription = connection.subscriptions.get(frame.conversation_id)
        if subscription is not None:
            self.acknowledgements.note(subscription, frame.seq)

    async def leave(self, connection: Connection, conversation_id: bytes) -> bool:
        """End the membership of this connection's member; False if it is none. Raises StoreError."""
        subscription = connection.subscriptions.get(conversation_id)
        if subscription is None:
            return False
        await self._leave(subscription.conversation, subscription.member)
        return True

    async def farewell(self, conversation_id: bytes, capability_hash: bytes) -> bool:
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

    async def _leave(self, conversation: LocalConversation, member: int) -> None:
        command = scripts.leave(conversation.keys, member, self._noted_ms)
        if scripts.members_left(await self._store.ask(command)) is None:
            # It had left already, and the others know.
            return
        for own in [each for each in conversation.subscriptions if each.member == member]:
            self.unsubscribe(own.connection, conversation.id)
        gone = encode(MemberGone(conversation.id, member))
        self._write_to_all(conversation, gone)
        if conversation.on_other_nodes:
            self._store.call(
                scripts.pass_on(conversation.keys, self._node_id, gone), conversation.heard_elsewhere
            )

    def _receive_member_gone(self, data: bytes) -> None:
        conversation = self._conversations.get(entry_conversation_id(data))
        if conversation is not None:
            self._write_to_all(conversation, data)

    @staticmethod
    def _write_to_all(conversation: LocalConversation, data: bytes) -> None:
        for subscription in conversation.subscriptions:
            if subscription.ends_after is None:
                subscription.connection.write(data)

    def _end_membership(self, conversation: LocalConversation, member: int) -> None:
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
            self._end_membership(conversation, int.from_bytes(message[16:20], "big"))

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
                scripts.pass_on(conversation.keys, self._node_id, data), conversation.heard_elsewhere
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

    # --- after a lost channel ---

    async def rejoin(self) -> None:
        """Register anew everywhere and look for what was missed while nobody listened."""
        await asyncio.gather(*(self._rejoin(each) for each in list(self._conversations.values())))

    async def _rejoin(self, conversation: LocalConversation) -> None:
        members = tuple({subscription.member for subscription in conversation.subscriptions})
        command = scripts.rejoin(conversation.keys, self._node_id, members)
        while True:
            try:
                state = scripts.rejoined(await self._store.ask(command))
                break
            except StoreUnavailable:
                await asyncio.sleep(_STORE_PAUSE_SECONDS)
        for member in members if state is None else state.ended_members:
            self._end_membership(conversation, member)
        if state is None:
            return
        conversation.on_other_nodes = state.on_other_nodes
        conversation.newest = max(conversation.newest, state.last_seq)
        for subscription in conversation.subscriptions:
            if subscription.cursor < conversation.newest:
                self._catch_up(subscription)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
