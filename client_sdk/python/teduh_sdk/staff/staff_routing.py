"""The staff's view of the queue: who waits, what is offered, how it goes.

    listing() ──> WatchQueue ──> the listing whenever it changes ──> Staff.claim(conversation id)
    offers() ───> each offer ──> OpenOffer.accept(), or decline()
    board() ────> WatchBoard ──> numbers, for supervisors;   alerts() ──> requests that find nobody

What is watched is asked for anew whenever the link comes back. Of listings and boards only the newest is
kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from teduh_signaling.relay.frames import (
    AnswerOffer,
    AnyClientFrame,
    AnyRelayFrame,
    Board,
    Done,
    FetchPushKey,
    Offer,
    OfferEnded,
    Preference,
    PushKey,
    QueueAlert,
    QueueListing,
    ReportAbuse,
    RequestDetails,
    SubscribePush,
    UnsubscribePush,
    WatchBoard,
    WatchQueue,
)

from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.exceptions import TeduhError
from teduh_sdk.net.clock import now_in_seconds
from teduh_sdk.net.relay_link import Answer, RelayLink

_T = TypeVar("_T")
Ask = Callable[[int], AnyClientFrame]
Take = Callable[[Ask], Coroutine[None, None, Conversation]]


class News(Generic[_T]):
    """What comes one after the other, for one who listens."""

    def __init__(self, *, newest_only: bool = False) -> None:
        self._kept: asyncio.Queue[_T | TeduhError] = asyncio.Queue()
        self._newest_only = newest_only
        self.wanted = False

    def put(self, item: _T) -> None:
        if self._newest_only:
            while not self._kept.empty():
                self._kept.get_nowait()
        self._kept.put_nowait(item)

    def fail(self, reason: TeduhError) -> None:
        """Nothing more will come."""
        self._kept.put_nowait(reason)

    async def all(self) -> AsyncIterator[_T]:
        """Everything from now on; raises the reason when nothing more will come."""
        while True:
            item = await self._kept.get()
            if isinstance(item, TeduhError):
                # For whoever else listens, or comes later.
                self._kept.put_nowait(item)
                raise item
            yield item


@dataclass(frozen=True, slots=True)
class OpenOffer:
    """A request that is offered to this person until `until`, in seconds since 1970; then to the next."""

    _routing: StaffRouting = field(repr=False)
    conversation_id: bytes
    details: RequestDetails
    waited_seconds: int
    until: int
    dropped: tuple[Preference, ...]

    async def accept(self) -> Conversation:
        """Take it, and join; raises as `Request.accept`."""
        return await self._routing._accept(self.conversation_id)

    async def decline(self) -> None:
        """Let it go to somebody else, at once. Raises `RelayLost`."""
        await self._routing._decline(self.conversation_id)


@dataclass(frozen=True, slots=True)
class PushAddress:
    """What a push subscription says of itself (Push API)."""

    endpoint: str
    public_key: bytes
    """`p256dh`, 65 bytes."""
    secret: bytes = field(repr=False)
    """`auth`, 16 bytes."""


class StaffRouting:
    """Part of a `Staff`."""

    def __init__(self, link: RelayLink, take: Take) -> None:
        self._link: Final = link
        self._take: Final = take
        self._listing: Final[News[QueueListing]] = News(newest_only=True)
        self._newest: QueueListing | None = None
        self._board: Final[News[Board]] = News(newest_only=True)
        self._alerts: Final[News[QueueAlert]] = News()
        self._offers: Final[News[OpenOffer]] = News()
        self.open_offers: Final[dict[bytes, OpenOffer]] = {}
        """What is offered now, by conversation id."""
        self.makes_offers = False
        """Whether the relay offers requests; otherwise whoever sees one may claim it."""

    async def listing(self) -> AsyncIterator[QueueListing]:
        """Who waits, now and whenever it changes."""
        self._listing.wanted = True
        self._watch()
        async for listing in self._listing.all():
            yield listing

    async def offers(self) -> AsyncIterator[OpenOffer]:
        """What is offered to us; an offer may be over when it is accepted."""
        async for offer in self._offers.all():
            if offer.conversation_id in self.open_offers:
                yield offer

    async def board(self) -> AsyncIterator[Board]:
        """The numbers, every few seconds. For supervisors; others hear nothing."""
        self._board.wanted = True
        self._watch()
        async for board in self._board.all():
            yield board

    async def alerts(self) -> AsyncIterator[QueueAlert]:
        """For supervisors: requests that find nobody, each as it becomes so. Those that wait so already are
        told to whoever asks for `board()`, and again when the connection was lost.
        """
        async for alert in self._alerts.all():
            yield alert

    async def report_abuse(self, conversation_id: bytes) -> None:
        """This was no request for help: another one costs its sender more. Raises `RelayRefused`."""
        await self._link.ask(lambda ref: ReportAbuse(ref, conversation_id), Done)

    async def push_key(self) -> bytes | None:
        """The key for a push subscription; None when this relay wakes nobody."""
        return (await self._link.ask(lambda ref: FetchPushKey(ref), PushKey)).public_key

    async def subscribe_push(self, address: PushAddress) -> None:
        """Have this device woken when somebody waits. Raises `RelayRefused`."""
        await self._link.ask(
            lambda ref: SubscribePush(ref, address.endpoint, address.public_key, address.secret), Done
        )

    async def unsubscribe_push(self) -> None:
        """Have it woken no more."""
        await self._link.ask(lambda ref: UnsubscribePush(ref), Done)

    # --- for Staff ---

    def link_is_up(self, makes_offers: bool) -> None:
        self.makes_offers = makes_offers
        # What was offered over the old connection is told anew, or has gone to somebody else.
        self.open_offers.clear()
        self._watch()

    def receive(self, frame: AnyRelayFrame) -> bool:
        """Take a frame; False if it is not about this."""
        match frame:
            case QueueListing():
                self._list(frame)
            case Board():
                self._board.put(frame)
            case QueueAlert():
                self._alerts.put(frame)
            case Offer():
                self._add(frame)
            case OfferEnded():
                self.open_offers.pop(frame.conversation_id, None)
            case _:
                return False
        return True

    def taken(self, conversation_id: bytes) -> None:
        """We have taken it: nobody waits there any more, though the relay gathers its news before it says
        so.
        """
        newest = self._newest
        if newest is None:
            return
        left = tuple(each for each in newest.requests if each.conversation_id != conversation_id)
        struck = len(newest.requests) - len(left)
        if struck:
            self._list(QueueListing(newest.waiting - struck, left))

    def fail(self, reason: TeduhError) -> None:
        self._listing.fail(reason)
        self._board.fail(reason)
        self._alerts.fail(reason)
        self._offers.fail(reason)

    def _list(self, listing: QueueListing) -> None:
        self._newest = listing
        self._listing.put(listing)

    def _add(self, frame: Offer) -> None:
        until = now_in_seconds() + frame.seconds_left
        offer = OpenOffer(
            self, frame.conversation_id, frame.details, frame.waited_seconds, until, frame.dropped
        )
        self.open_offers[frame.conversation_id] = offer
        self._offers.put(offer)

    def _watch(self) -> None:
        if self._link.is_up:
            if self._listing.wanted:
                self._link.question(lambda ref: WatchQueue(ref), _ignore)
            if self._board.wanted:
                self._link.question(lambda ref: WatchBoard(ref), _ignore)

    async def _accept(self, conversation_id: bytes) -> Conversation:
        self.open_offers.pop(conversation_id, None)
        return await self._take(lambda ref: AnswerOffer(ref, conversation_id, True))

    async def _decline(self, conversation_id: bytes) -> None:
        self.open_offers.pop(conversation_id, None)
        await self._link.ask(lambda ref: AnswerOffer(ref, conversation_id, False), Done)


def _ignore(_: Answer) -> None:
    """For what is asked again at every reconnect."""
