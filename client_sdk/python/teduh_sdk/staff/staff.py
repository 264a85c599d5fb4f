"""The staff's side: say that one is available, take requests, bring in colleagues; for a person or a bot.

    enter ──> authenticate ──> requests() ──> Request.accept() ──> Conversation
                   │
                   └─────────> invitations() ──> InvitedTo.join() ──> Conversation

Whatever a restart must not lose is in the key store before it goes to the relay.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from teduh_crypto.credentials import CredentialError, Organisation, Role
from teduh_crypto.exceptions import RemoteError
from teduh_crypto.mls import Credential, Group
from teduh_crypto.padding import padding_for
from teduh_signaling.relay.frames import (
    AcknowledgeInbox,
    AnyRelayFrame,
    Append,
    AskToJoin,
    Authenticate,
    Authenticated,
    Availability,
    Claim,
    Claimed,
    Colleagues,
    Done,
    EntryKind,
    ErrorCode,
    Hello,
    InboxItem,
    JoinAsked,
    Leave,
    ListColleagues,
    MembershipEnded,
    PublishKeyPackages,
    QueueChanged,
    SetAvailability,
)
from teduh_signaling.relay.frames import Colleague as ColleagueFrame

from teduh_sdk.client import Client
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.conversation.conversation_state import ConversationState
from teduh_sdk.conversation.invite import Proposed, no_one_listens
from teduh_sdk.conversation.membership import Identity
from teduh_sdk.conversation.saved_conversation import VERSION, Kept, SavedHeard, restore_heard, save_heard
from teduh_sdk.device.device import (
    forget_key_package,
    keep_key_packages,
    stored_device,
    stored_key_packages,
)
from teduh_sdk.device.key_store import KeyStore
from teduh_sdk.exceptions import (
    DeviceNotProven,
    KeyStoreDamaged,
    NotLetIn,
    NotTrusted,
    RequestUnusable,
    TeduhError,
)
from teduh_sdk.group.group_changes import (
    HYBRID_SUITE,
    AddMember,
    key_package_from_wire,
    key_package_to_wire,
    new_group,
)
from teduh_sdk.group.room import Participant
from teduh_sdk.net.clock import now_in_seconds
from teduh_sdk.net.relay_link import Answer
from teduh_sdk.net.transport import Dial
from teduh_sdk.staff.role_invite import invite_one_of, suitable
from teduh_sdk.staff.staff_routing import Ask, News, StaffRouting
from teduh_sdk.trust.colleague import Colleague

_CONVERSATION: Final = "conversation/"
_KEY_PACKAGES_READY: Final = 8
_SET_AWAY_SECONDS: Final = 2.0
_ANSWER_ON_ITS_WAY_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Shift:
    """What the relay knows of somebody besides her statement; all of it is optional."""

    gender: str | None = None
    """For those who prefer one."""
    region: str | None = None
    until: int = 0
    """When the shift ends, in seconds since 1970: nothing is offered from then on; 0: not known."""


class Staff(Client):
    """A staff device, whose key store holds its key and statement (see `enrolment`)."""

    def __init__(
        self,
        relay_url: str,
        organisation: Organisation,
        key_store: KeyStore,
        *,
        suite: int = HYBRID_SUITE,
        dial: Dial | None = None,
    ) -> None:
        """Raises `KeyStoreError` when no device was enrolled into `key_store`, and as every client."""
        super().__init__(relay_url, organisation, suite=suite, dial=dial)
        self._store: Final = key_store
        self._device: Final = stored_device(key_store)
        self._availability = Availability.AWAY
        self._capacity = 0
        self._shift = Shift()
        self._queue = _Waiting()
        self.routing: Final = StaffRouting(self._link, self._claim)
        """Who waits, what is offered, how it goes."""
        self._asked: Final[News[Colleague]] = News()
        self._inbox: asyncio.Queue[InvitedTo | TeduhError] = asyncio.Queue()
        self._invited: set[tuple[bytes, int]] = set()
        self._expected: dict[bytes, asyncio.Future[InboxItem | None]] = {}
        self._lost: Final[list[Conversation]] = []

    @property
    def lost(self) -> tuple[Conversation, ...]:
        """Conversations that were kept, and could not be gone on with when the client was entered, because a
        statement of somebody in the room has ended, for example. Each tells what was said before, and why it
        has `Stopped`.
        """
        return tuple(self._lost)

    async def requests(self, *, capacity: int = 1) -> AsyncIterator[Request]:
        """Say that we are available, and tell of each request that waits, or is offered to us.

        A request that is told of may be gone when it is accepted: others are told of it too. `capacity` is
        how many conversations more this device takes; the shift is the one of `set_available`.
        """
        await self.set_available(capacity)
        if self.routing.makes_offers:
            async for offer in self.routing.offers():
                yield Request(self._queue.count, offer.accept)
        while True:
            yield Request(await self._queue.next(), self.claim)

    async def claim(self, conversation_id: bytes | None = None) -> Conversation:
        """Take a certain request, or the next, and join; raises as `Request.accept`.

        Where the relay makes offers, that is for supervisors: otherwise `RelayRefused`.
        """
        return await self._claim(lambda ref: Claim(ref, conversation_id))

    async def set_available(self, capacity: int, shift: Shift | None = None) -> None:
        """Take so many conversations more; without `shift` what was said of it before still holds."""
        if shift is not None:
            self._shift = shift
        await self._set_availability(Availability.AVAILABLE, capacity)

    async def invitations(self) -> AsyncIterator[InvitedTo]:
        """Tell of each conversation into which a colleague has brought us."""
        while True:
            invited = await self._inbox.get()
            if isinstance(invited, TeduhError):
                self._inbox.put_nowait(invited)
                raise invited
            yield invited

    async def colleagues(self) -> tuple[Colleague, ...]:
        """Who else is connected, as far as their statements hold."""
        found: list[Colleague] = []
        after: bytes | None = None
        while True:
            answer = await self._link.ask(partial(_colleagues_after, after), Colleagues)
            page = [frame for frame in answer.colleagues if after is None or frame.device_id > after]
            if not page:
                return tuple(found)
            found += self._believed(page)
            after = page[-1].device_id

    async def invite_role(
        self,
        conversation: Conversation,
        role: str,
        *,
        language: str | None = None,
        reason: str = "",
        within: float = 120.0,
        proposed: Proposed = no_one_listens,
    ) -> Participant:
        """Bring in any available colleague of a role: the least busy first.

        The survivor is asked about one at a time, who is `proposed` by name. If she says no, nobody else is
        asked for; if a device does not come `within` so many seconds of her yes, it is taken out, and the
        next is proposed. Raises as `Conversation.invite`, or `ColleagueAbsent` when nobody suitable is left.
        """

        async def candidates() -> list[Colleague]:
            return suitable(await self.colleagues(), role, language)

        return await invite_one_of(conversation, candidates, reason, within, proposed)

    async def ask_to_join(self, colleague: Colleague) -> None:
        """Supervisor: ask a colleague to be brought into a conversation of hers; she may say nothing to it.

        If she agrees, and the survivor does, it comes as any of `invitations`. Raises `RelayRefused`:
        not_permitted, or no_key_package when the device is not connected.
        """
        await self._link.ask(lambda ref: AskToJoin(ref, colleague.device_id), Done)

    async def asks_to_join(self) -> AsyncIterator[Colleague]:
        """Tell of each supervisor who asks to be brought in: `Conversation.invite` her, or do nothing."""
        async for asked in self._asked.all():
            yield asked

    async def set_busy(self) -> None:
        """Take no more requests for now."""
        await self._set_availability(Availability.BUSY, 0)

    async def set_away(self) -> None:
        """Not here for now."""
        await self._set_availability(Availability.AWAY, 0)

    @property
    def availability(self) -> Availability:
        """What we have said last."""
        return self._availability

    # --- the link -------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        await super()._begin()
        await self._link_conversations()

    async def _link_conversations(self) -> None:
        names = self._store.names(_CONVERSATION)
        if names:
            # A stored room is verified anew, for which a fresh revocation list is needed.
            await self._revocations.wait()
        for name in names:
            self._restore(name)

    async def _finish(self) -> None:
        if self._link.is_up and self._availability is not Availability.AWAY:
            try:
                async with asyncio.timeout(_SET_AWAY_SECONDS):
                    await self.set_away()
            except (TimeoutError, TeduhError):
                return

    def _introduce(self, hello: Hello) -> Authenticate | None:
        return self._device.authenticate(self._origin, hello)

    def _on_up(self, authenticated: Authenticated | None) -> None:
        super()._on_up(authenticated)
        if self._availability is not Availability.AWAY:
            self._link.question(self._availability_frame, _ignore)
        if authenticated is not None:
            self.routing.link_is_up(authenticated.offers)
        left = 0 if authenticated is None else authenticated.key_packages_left
        if left < _KEY_PACKAGES_READY:
            self._publish_key_packages(_KEY_PACKAGES_READY - left)

    def _receive(self, frame: AnyRelayFrame) -> None:
        if isinstance(frame, QueueChanged):
            self._queue.changed(frame.waiting)
        elif isinstance(frame, InboxItem):
            self._take_inbox_item(frame)
        elif isinstance(frame, JoinAsked):
            self._hear_ask(frame)
        elif isinstance(frame, MembershipEnded) and frame.conversation_id in self._expected:
            self._decide(frame.conversation_id, None)
        elif not self.routing.receive(frame):
            super()._receive(frame)

    def _failed(self, reason: TeduhError) -> None:
        super()._failed(reason)
        self._queue.fail(reason)
        self.routing.fail(reason)
        self._asked.fail(reason)
        self._inbox.put_nowait(reason)
        for expected in self._expected.values():
            if not expected.done():
                expected.set_exception(reason)

    async def _set_availability(self, availability: Availability, capacity: int) -> None:
        self._availability, self._capacity = availability, capacity
        await self._link.ask(self._availability_frame, Done)

    def _availability_frame(self, ref: int) -> SetAvailability:
        shift = self._shift
        return SetAvailability(
            ref, self._availability, self._capacity, shift.gender, shift.region, shift.until
        )

    def _publish_key_packages(self, count: int) -> None:
        bundles = [self._device.new_key_package(self._suite) for _ in range(count)]
        keep_key_packages(self._store, self._device, bundles)
        wire = tuple(key_package_to_wire(bundle.key_package) for bundle in bundles)
        self._link.question(lambda ref: PublishKeyPackages(ref, wire), _ignore)

    def _hear_ask(self, frame: JoinAsked) -> None:
        # Whoever asks is there; how many conversations she takes does not matter for it.
        who = ColleagueFrame(frame.device_id, Availability.BUSY, frame.statement, frame.issuer_statement)
        for colleague in self._believed([who]):
            if colleague.role == Role.SUPERVISOR.value:
                self._asked.put(colleague)

    def _believed(self, frames: Iterable[ColleagueFrame]) -> Iterator[Colleague]:
        for frame in frames:
            try:
                said = self._service.verifier.verify(
                    frame.statement, frame.issuer_statement, now=self._service.time(now_in_seconds())
                )
            except CredentialError:
                continue
            if said.device_id == frame.device_id != self._device.device_id:
                yield Colleague(
                    frame.device_id,
                    said.name,
                    said.role.value,
                    said.languages,
                    said.skills,
                    frame.availability,
                    frame.load,
                )

    # --- conversations --------------------------------------------------------------------------------------

    async def _claim(self, ask: Ask) -> Conversation:
        await self._revocations.wait()
        self._require_proven()
        taken: list[Conversation | None] = []
        is_wanted = True

        def take(answer: Claimed) -> None:
            self.routing.taken(answer.conversation_id)
            if answer.epoch == 0 and not is_wanted:
                self._give_back(answer)
            elif answer.epoch == 0:
                taken.append(self._take(answer))
            elif not answer.member and is_wanted:
                self._expect(answer)

        try:
            claimed = await self._link.ask(ask, Claimed, take)
            if claimed.epoch:
                return await self._take_over(claimed)
            return await self._begin_taken(claimed, *taken)
        except asyncio.CancelledError:
            # Whoever has claimed is told of no conversation: this device is not to be with her, silent.
            is_wanted = False
            for conversation in taken:
                if conversation is not None:
                    self._start(conversation.leave())
            raise

    async def _begin_taken(self, claimed: Claimed, conversation: Conversation | None) -> Conversation:
        # What the relay counts too; said anew after a reconnect, it must not be one too many.
        self._capacity = max(0, self._capacity - 1)
        if conversation is None or not await self._begun(conversation):
            self._discard(claimed)
            raise RequestUnusable("the request came with a key package that is not valid")
        return conversation

    def _give_back(self, claimed: Claimed) -> None:
        """Nobody here waits for it any more: it is taken for nobody, and goes to somebody else."""
        self._link.question(lambda ref: Leave(ref, claimed.conversation_id), _ignore)

    def _require_proven(self) -> None:
        """Who is not proven to herself has no room to bring somebody into: what she took would be lost."""
        myself = _Myself(self._device.credential, self._device.public_key)
        try:
            self._service.verify_staff(myself, now=now_in_seconds())
        except CredentialError as error:
            raise DeviceNotProven(f"this device is not proven: {error}") from error

    def _expect(self, claimed: Claimed) -> None:
        # One of them goes to whoever is asked about us, also where the answer is no.
        self._publish_key_packages(1)
        # Before the next frame is looked at, which may be the invitation.
        self._expected[claimed.conversation_id] = asyncio.get_running_loop().create_future()

    async def _take_over(self, claimed: Claimed) -> Conversation:
        """The conversation goes on; its survivor is asked, and her device brings this one in."""
        conversation_id = claimed.conversation_id
        if claimed.member:
            # It was ours all along.
            return self._own(conversation_id)
        expected = self._expected[conversation_id]
        try:
            async with asyncio.timeout(claimed.lease_seconds + _ANSWER_ON_ITS_WAY_SECONDS):
                item = await expected
        except TimeoutError:
            # Neither the invitation nor the relay's word came: the connection was lost meanwhile.
            item = None
        finally:
            if self._expected.get(conversation_id) is expected:
                del self._expected[conversation_id]
        if item is None:
            raise NotLetIn(ErrorCode.REQUEST_GONE, "she has not let us in")
        self._capacity = max(0, self._capacity - 1)
        return await self._join(item)

    def _own(self, conversation_id: bytes) -> Conversation:
        conversation = self._conversations.get(conversation_id)
        if conversation is None:
            raise RequestUnusable("this device has lost the keys of its own conversation")
        return conversation

    async def _begun(self, conversation: Conversation) -> bool:
        try:
            await conversation.joined()
        except RequestUnusable:
            return False
        return True

    def _discard(self, claimed: Claimed) -> None:
        # Left alone it would go back to the head of the queue, in the way of all others. The relay takes a
        # request off the queue by the first commit, whatever is in it; so this one adds nobody.
        group = self._alone(claimed, self._suite)
        commit = group.commit(padding=padding_for)
        conversation_id = claimed.conversation_id
        self._conversations.pop(conversation_id, None)
        self._link.send(Append(conversation_id, 1, EntryKind.COMMIT.value, 0, commit.message))
        self._link.question(lambda ref: Leave(ref, conversation_id), _ignore)

    def _alone(self, claimed: Claimed, suite: int) -> Group:
        key = self._device.key.private_bytes_raw()
        return new_group(claimed.conversation_id, suite, self._device.credential, key)

    def _take(self, claimed: Claimed) -> Conversation | None:
        try:
            key_package = key_package_from_wire(claimed.key_package)
        except RemoteError:
            return None
        group = self._alone(claimed, key_package.cipher_suite)
        conversation = self._conversation(self._state(claimed.conversation_id))
        first = AddMember(key_package, by_capability=True)
        conversation.state.create(group, claimed.member, first, now_in_seconds())
        conversation.flush()
        return conversation

    def _take_inbox_item(self, item: InboxItem) -> None:
        key = (item.conversation_id, item.after)
        if item.conversation_id in self._conversations:
            self._link.send(AcknowledgeInbox(item.seq))
        elif key not in self._invited:
            self._invited.add(key)
            if not self._decide(item.conversation_id, item):
                # In place of the one that it took: the connection may last all day.
                self._publish_key_packages(1)
                self._inbox.put_nowait(InvitedTo(self, item))

    def _decide(self, conversation_id: bytes, item: InboxItem | None) -> bool:
        """We are let into what we have taken, or, without an item, are not; False if nobody waits for it."""
        expected = self._expected.get(conversation_id)
        if expected is None or expected.done():
            return False
        expected.set_result(item)
        return True

    async def _join(self, item: InboxItem) -> Conversation:
        await self._revocations.wait()
        bundles = stored_key_packages(self._store, self._device)
        identity = Identity(self._device.public_key, is_survivor=False, bundles=bundles)
        state = ConversationState(item.conversation_id, identity, self._verify)
        state.start_after(item.after)
        conversation = self._conversation(state)
        conversation.link_is_up()
        try:
            await conversation.joined()
        except asyncio.CancelledError:
            # As with a request that was taken.
            self._start(_go_again(conversation))
            raise
        finally:
            self._link.send(AcknowledgeInbox(item.seq))
        return conversation

    def _state(self, conversation_id: bytes) -> ConversationState:
        identity = Identity(self._device.public_key, is_survivor=False)
        return ConversationState(conversation_id, identity, self._verify)

    def _conversation(
        self, state: ConversationState, undelivered_events: tuple[SavedHeard, ...] = ()
    ) -> Conversation:
        conversation = Conversation(
            state,
            self._link,
            resume=Conversation.subscribe,
            keep=self._keep,
            over=self._over,
            undelivered_events=[restore_heard(saved) for saved in undelivered_events],
        )
        self._conversations[state.conversation_id] = conversation
        return conversation

    def _keep(self, conversation: Conversation) -> None:
        state = conversation.state
        name = _CONVERSATION + state.conversation_id.hex()
        if conversation.is_over:
            self._store.delete(name)
        elif state.membership.group is not None:
            undelivered_events = tuple(save_heard(event) for event in conversation.undelivered_events)
            self._store.put(name, Kept(VERSION, state.save(), undelivered_events).to_bytes())
        used, state.membership.joined_by = state.membership.joined_by, None
        if used is not None:
            forget_key_package(self._store, self._device, used)

    def _restore(self, name: str) -> None:
        kept = Kept.from_bytes(self._store.get(name) or b"")
        try:
            state = ConversationState.restore(
                kept.conversation, self._device.public_key, self._verify, now_in_seconds()
            )
        except (NotTrusted, RemoteError) as error:
            # Its room does not pass any more (a statement has ended): nobody there is to be talked to.
            self._lose(kept, error)
        else:
            self._conversation(state, kept.undelivered_events)

    def _lose(self, kept: Kept, error: NotTrusted | RemoteError) -> None:
        reason = error if isinstance(error, NotTrusted) else KeyStoreDamaged(f"it cannot be read: {error}")
        conversation = self._conversation(
            self._state(kept.conversation.conversation_id), kept.undelivered_events
        )
        conversation.state.give_up(reason)
        conversation.flush()
        self._lost.append(conversation)


@dataclass(frozen=True, slots=True)
class _Myself:
    """This device as others see it in a group."""

    credential: Credential
    signature_key: bytes
    leaf_index: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody waits; `waiting` is how many do."""

    waiting: int
    _accept: Callable[[], Coroutine[None, None, Conversation]] = field(repr=False)

    async def accept(self) -> Conversation:
        """Take the next request, or the one that is offered, and join; returns when she can be talked to.

        Raises `RequestGone` when somebody else was faster or she has left, `RequestUnusable`, `RelayLost`,
        `ConversationOver`, and `DeviceNotProven`, with nothing taken, when by this device's clock its own
        statement is not valid.
        """
        return await self._accept()


@dataclass(frozen=True, slots=True)
class InvitedTo:
    """A colleague has brought us into a conversation; the survivor has agreed."""

    _staff: Staff = field(repr=False)
    _item: InboxItem = field(repr=False)

    @property
    def conversation_id(self) -> bytes:
        """Which conversation."""
        return self._item.conversation_id

    async def join(self) -> Conversation:
        """Go in; raises `ConversationOver` when it ended or its room does not pass."""
        return await self._staff._join(self._item)


class _Waiting:
    """How many requests wait, as far as we know."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = asyncio.Event()
        self._reason: TeduhError | None = None

    def fail(self, reason: TeduhError) -> None:
        self._reason = reason
        self._changed.set()

    @property
    def count(self) -> int:
        return self._count

    def changed(self, count: int) -> None:
        self._count = count
        self._changed.set()

    async def next(self) -> int:
        # Each told number is told once; what the relay says next counts anew.
        while self._count == 0:
            if self._reason is not None:
                raise self._reason
            self._changed.clear()
            await self._changed.wait()
        count, self._count = self._count, self._count - 1
        return count


def _colleagues_after(after: bytes | None, ref: int) -> ListColleagues:
    return ListColleagues(ref, after)


async def _go_again(conversation: Conversation) -> None:
    """Leave with a word, for which one has to be in the room: without it the others see somebody silent."""
    with suppress(TeduhError):
        await conversation.joined()
        await conversation.leave()


def _ignore(_: Answer) -> None:
    """For what is asked again at every reconnect."""
