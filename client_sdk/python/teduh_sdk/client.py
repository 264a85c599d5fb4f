"""What survivors and staff have in common: one link to one relay, and the conversations that go over it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import Final, Self

from teduh_crypto.credentials import Organisation, RevocationListStale
from teduh_crypto.mls import Member
from teduh_signaling.relay.frames import AnyRelayFrame, Authenticate, Authenticated, Hello

from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.conversation.faults import reason_of
from teduh_sdk.exceptions import ClientClosed, TeduhError
from teduh_sdk.group.group_changes import HYBRID_SUITE
from teduh_sdk.group.room import Room, VerifyRoom, verify_room
from teduh_sdk.net.clock import now_in_seconds
from teduh_sdk.net.ice_servers import is_on_this_machine
from teduh_sdk.net.relay_link import RelayLink
from teduh_sdk.net.transport import Dial, dial_relay, relay_origin
from teduh_sdk.trust.authentication_service import AuthenticationService
from teduh_sdk.trust.revocations import RevocationFetch
from teduh_sdk.trust.verification_blocked import CLOCKS_APART_SECONDS, VerificationBlocked

_WATCH_SECONDS: Final = 5.0


class Client:
    """An async context manager: the link is up, or trying to be, from entering to leaving it.

    Whoever still waits for something when it is left, or begins to after that, gets `ClientClosed`.
    """

    def __init__(
        self,
        relay_url: str,
        organisation: Organisation,
        *,
        suite: int = HYBRID_SUITE,
        dial: Dial | None = None,
    ) -> None:
        """`relay_url` is for example ``https://relay.example``; raises ValueError for what is no such
        address.
        """
        self._relay_url: Final = relay_url.rstrip("/")
        self._origin: Final = relay_origin(relay_url)
        self._suite: Final = suite
        self._service: Final = AuthenticationService.of(organisation)
        self._revocations: Final = RevocationFetch(relay_url, self._service, self._look_again)
        self._verify: Final = self._missing_no_list(verify_room(self._service))
        self._conversations: Final[dict[bytes, Conversation]] = {}
        self._link: Final = RelayLink(
            dial or dial_relay(relay_url),
            receive=self._receive,
            on_up=self._on_up,
            on_down=self._on_down,
            introduce=self._greeted,
            on_this_machine=is_on_this_machine(relay_url),
            owes=lambda: any(one.is_owed for one in self._conversations.values()),
        )
        self._tasks: list[asyncio.Task[None]] = []
        # The relay's clock less the monotonic one, in seconds; None until the relay has said its.
        self._relay_clock: float | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} with {len(self._conversations)} conversations>"

    @property
    def verification_blocked(self) -> VerificationBlocked | None:
        """Why nobody new can be believed, if that is so although the relay answers."""
        if self._relay_clock is None or not self._revocations.is_stale:
            return None
        # By our clock as it is now: it may have been set since.
        apart = now_in_seconds() - (self._relay_clock + time.monotonic())
        return VerificationBlocked.CLOCK if abs(apart) > CLOCKS_APART_SECONDS else VerificationBlocked.LIST

    @property
    def is_connected(self) -> bool:
        """Whether the relay can be reached now."""
        return self._link.is_up

    @property
    def conversations(self) -> tuple[Conversation, ...]:
        """Those that go on."""
        return tuple(one for one in self._conversations.values() if not one.is_over)

    def hurry(self) -> None:
        """Try to reach the relay at once, and see whether it is still there where it was: the network is back
        or another one, the machine has woken, or somebody looks at the application again.
        """
        self._link.hurry()

    async def __aenter__(self) -> Self:
        try:
            await self._begin()
        except BaseException:
            # It has not been entered, so nobody will leave it.
            await self._stop()
            raise
        self._start(self._link.run())
        self._start(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await asyncio.gather(*(one.close_calls() for one in self.conversations))
            await self._finish()
        finally:
            await self._stop()

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._revocations.close()
        self._failed(ClientClosed("the client is closed"))

    async def _begin(self) -> None:
        """Before the link is opened."""
        self._start(self._revocations.run())

    async def _finish(self) -> None:
        """Before the link is closed."""

    def _greeted(self, hello: Hello) -> Authenticate | None:
        self._relay_clock = hello.time - time.monotonic()
        return self._introduce(hello)

    def _introduce(self, _: Hello) -> Authenticate | None:
        return None

    def _on_up(self, _: Authenticated | None) -> None:
        for conversation in tuple(self._conversations.values()):
            conversation.link_is_up()

    def _on_down(self) -> None:
        for conversation in tuple(self._conversations.values()):
            conversation.link_is_down()

    def _missing_no_list(self, verify: VerifyRoom) -> VerifyRoom:
        """`verify`, and where it fails for want of a fresh revocation list, one is looked for."""

        def verified(members: Sequence[Member], now: int, before: Room) -> Room:
            try:
                return verify(members, now, before)
            except RevocationListStale:
                self._revocations.missed()
                raise

        return verified

    def _look_again(self) -> None:
        """There is a newer revocation list, or one again: is everybody to be believed who is in a room, or
        about to come into one?
        """
        for conversation in self.conversations:
            conversation.look_again()

    def _over(self, conversation: Conversation) -> None:
        """A conversation has ended."""
        self._conversations.pop(conversation.state.conversation_id, None)

    def _receive(self, frame: AnyRelayFrame) -> None:
        conversation = self._conversations.get(getattr(frame, "conversation_id", b""))
        if conversation is not None:
            conversation.receive(frame)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._note_end)
        self._tasks.append(task)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        # These tasks run for as long as the client is open. If one ends by itself, the relay has refused this
        # device for good or there is a fault here; either way nobody must go on waiting.
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._failed(reason_of(error))

    def _failed(self, reason: TeduhError) -> None:
        """Tell everybody who waits that nothing more will come."""
        for conversation in self.conversations:
            conversation.client_stopped(reason)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            for conversation in self.conversations:
                if self._link.is_up:
                    conversation.watch()
