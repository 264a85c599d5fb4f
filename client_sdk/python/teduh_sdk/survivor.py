"""The survivor's side: ask for help, and talk with whoever comes. Everything lives in memory only.

ask ──> fresh keys, fresh capability ──> OpenRequest ──> wait in the queue ──> Welcome ──> talk
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from typing import Final
from weakref import WeakKeyDictionary

from teduh_crypto.credentials import Organisation
from teduh_crypto.mls import BasicCredential, KeyPackageBundle, cipher_suite
from teduh_signaling.relay.exceptions import LocalProtocolError
from teduh_signaling.relay.frames import (
    CancelRequest,
    Done,
    ErrorCode,
    Hello,
    Leave,
    OpenRequest,
    Price,
    RequestDetails,
    RequestOpened,
    Urgency,
)
from teduh_signaling.relay.proof_of_work import solve

from teduh_sdk import events
from teduh_sdk.client import Client
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.conversation.conversation_state import ConversationState
from teduh_sdk.conversation.membership import Identity
from teduh_sdk.exceptions import RelayLost, RelayMisbehaved, RelayRefused, TeduhError
from teduh_sdk.group.group_changes import HYBRID_SUITE, key_package_to_wire, new_key_package
from teduh_sdk.net.clock import now_in_seconds
from teduh_sdk.net.relay_link import Answer
from teduh_sdk.net.transport import Dial, uniform
from teduh_sdk.trust.authentication_service import ANONYMOUS_IDENTITY_LENGTH

_CANCEL_SECONDS: Final = 2.0
_PASSING: Final = frozenset(
    {
        ErrorCode.PROOF_OF_WORK_REQUIRED,
        ErrorCode.RATE_LIMITED,
        ErrorCode.SHUTTING_DOWN,
        ErrorCode.UNAVAILABLE,
        ErrorCode.INTERNAL,
    }
)
"""Refusals after which asking again is right."""
_RETRY_SECONDS: Final = 1.0
_LONGEST_RETRY_SECONDS: Final = 60.0


_capabilities: Final = WeakKeyDictionary[Conversation, tuple[str, bytes]]()
"""By which a conversation is proven to have been hers, after the relay at which it was: a later `Survivor`
may continue it there, and no other relay learns of it.
"""


class Survivor(Client):
    """Somebody who seeks help. Nothing about her is stored anywhere but in this object.

    async with Survivor(relay_url, organisation) as survivor:
        conversation = await survivor.ask(need="counseling")
    """

    def __init__(
        self,
        relay_url: str,
        organisation: Organisation,
        *,
        suite: int = HYBRID_SUITE,
        dial: Dial | None = None,
        can_call: bool = True,
    ) -> None:
        """As `Client`; whoever comes is told if this device can take part in no call."""
        super().__init__(relay_url, organisation, suite=suite, dial=dial)
        self._can_call: Final = can_call
        self._requests: Final[dict[Conversation, _Request]] = {}

    async def ask(
        self,
        *,
        need: str | None = None,
        language: str | None = None,
        preferred_gender: str | None = None,
        region: str | None = None,
        urgency: Urgency | None = None,
        continues: Conversation | None = None,
    ) -> Conversation:
        """Ask for help; returns as soon as the relay has the request.

        An `urgency` of None is one that she has not said: staff see that, and she is served as with
        `Urgency.NORMAL`.
        The conversation tells the place in the queue (`Waiting`), and when somebody comes (`Joined`). What is
        said before is kept and sent then. Whoever is in the conversation that it `continues`, or was when it
        ended, is asked first; it may be one of an earlier `Survivor` at the same relay. Waits while the relay
        cannot be reached, or nobody could be believed (`verification_blocked`), and so does whoever comes.
        While the relay is flooded it works for the request first, some seconds of one core, in a thread.
        Raises `RelayRefused`.
        """
        await self._revocations.wait()
        details = RequestDetails(
            need,
            language,
            preferred_gender,
            region,
            urgency=urgency or Urgency.NORMAL,
            is_urgency_said=urgency is not None,
        )
        earlier = None
        if continues is not None:
            where, capability = _capabilities.get(continues, ("", b""))
            earlier = (capability, continues) if where == self._relay_url else None
        request = _Request(self, details, earlier)
        try:
            await request.open()
        except BaseException:
            # Whoever has asked is told of no conversation: nobody is to come into it.
            request.abandon()
            raise
        assert request.conversation is not None
        _capabilities[request.conversation] = (self._relay_url, request.capability)
        return request.conversation

    async def _finish(self) -> None:
        await asyncio.gather(*(self._leave(conversation) for conversation in self.conversations))

    async def _leave(self, conversation: Conversation) -> None:
        request = self._requests.get(conversation)
        if request is not None:
            await request.stop()
        if self._link.is_up and not conversation.participants:
            await self._cancel(conversation)
        await conversation._leave_at_once()

    def _over(self, conversation: Conversation) -> None:
        super()._over(conversation)
        request = self._requests.pop(conversation, None)
        if request is not None:
            request.end()

    async def _cancel(self, conversation: Conversation) -> None:
        try:
            async with asyncio.timeout(_CANCEL_SECONDS):
                await self._link.ask(lambda ref: CancelRequest(ref, conversation.state.conversation_id), Done)
        except (TimeoutError, TeduhError):
            # The relay drops who does not come back; nobody waits for an answer here.
            return


class _Request:
    """One call for help: its keys, and how it is put to the relay again after a reconnect."""

    def __init__(
        self,
        survivor: Survivor,
        details: RequestDetails,
        earlier: tuple[bytes, Conversation] | None,
    ) -> None:
        """`earlier`: the conversation that it continues, and its capability."""
        self._survivor = survivor
        self._details = details
        self._earlier = earlier
        self.capability = secrets.token_bytes(32)
        suite = cipher_suite(survivor._suite)
        credential = BasicCredential(secrets.token_bytes(ANONYMOUS_IDENTITY_LENGTH))
        key = suite.generate_signature_key()
        self._bundle: KeyPackageBundle | None = new_key_package(
            suite, credential, key, survivor._service.time(now_in_seconds())
        )
        self._key_package = key_package_to_wire(self._bundle.key_package)
        self._reopening: asyncio.Task[None] | None = None
        self._is_left = False
        # What the last attempt was told that it costs, and on which connection.
        self._price: Price | None = None
        self._quoted_on: Hello | None = None
        self.conversation: Conversation | None = None

    def end(self) -> None:
        """She waits no more: it is not put to the relay again."""
        self._is_left = True
        if self._reopening is not None and self._reopening is not asyncio.current_task():
            self._reopening.cancel()

    def abandon(self) -> None:
        """The same, and whoever began it knows nothing of its conversation, if there is one by now."""
        self.end()
        if self.conversation is not None:
            self.conversation.state.give_up(TeduhError("nobody waits for it"))
            self.conversation.flush()

    async def stop(self) -> None:
        """As `end`; nothing of it runs any more then."""
        self.end()
        if self._reopening is not None:
            await asyncio.gather(self._reopening, return_exceptions=True)

    async def open(self) -> None:
        """Put the request to the relay until it is taken; raises `RelayRefused`."""
        while self.conversation is None or not self.conversation.is_over:
            try:
                await self._open_once()
            except RelayLost:
                continue
            except RelayRefused as refused:
                if refused.price is not None:
                    self._price = refused.price
                    continue
                if not self._is_passing(refused.code):
                    raise
                wait = min(max(refused.retry_after_ms / 1000, _RETRY_SECONDS), _LONGEST_RETRY_SECONDS)
                # Not all of those who were told the same at once.
                await asyncio.sleep(wait * uniform(1, 1.25))
            else:
                return

    def _is_passing(self, code: ErrorCode) -> bool:
        # Who has waited already does not lose her words because the queue is full as she comes back.
        return code in _PASSING or (code is ErrorCode.TOO_MANY and self.conversation is not None)

    async def _open_once(self) -> None:
        link = self._survivor._link
        await link.wait_until_up()
        solution = await self._pay(link.hello)
        continues, continuation = None, b""
        if self._earlier is not None:
            continues, continuation = self._earlier[0], self._earlier[1]._continuation
        await link.ask(
            lambda ref: OpenRequest(
                ref, self.capability, self._key_package, self._details, solution, continues, continuation
            ),
            RequestOpened,
            self._opened,
        )

    async def _pay(self, hello: Hello) -> bytes:
        """The proof of work for what this connection was told the request costs; empty if nothing."""
        price, quoted_on = self._price, self._quoted_on
        self._price, self._quoted_on = None, hello
        if price is None or quoted_on is not hello:
            return b""
        link, is_given_up = self._survivor._link, threading.Event()
        try:
            solution = await asyncio.to_thread(
                solve, price, lambda: not is_given_up.is_set() and link.is_with(hello)
            )
        except LocalProtocolError as error:
            raise RelayMisbehaved("it asks for more work than it may") from error
        finally:
            is_given_up.set()
        if not solution:
            raise RelayLost("the price was quoted on another connection")
        return solution

    def _opened(self, answer: RequestOpened) -> None:
        # Called before the next frame is looked at, which may be the first entry of the conversation.
        if self._is_left:
            # It was on its way; so nobody is to take it.
            conversation_id = answer.conversation_id
            self._survivor._link.question(lambda ref: Leave(ref, conversation_id), _ignore)
            return
        if self.conversation is None:
            self.conversation = self._new_conversation(answer.conversation_id)
            self._survivor._requests[self.conversation] = self
        else:
            self._survivor._conversations.pop(self.conversation.state.conversation_id, None)
            self.conversation.state.begin_anew(answer.conversation_id)
        self._survivor._conversations[answer.conversation_id] = self.conversation
        self.conversation.emit(events.Waiting(answer.position))
        self.conversation.subscribe(self.capability)

    def _new_conversation(self, conversation_id: bytes) -> Conversation:
        # From here on the private keys are the conversation's, which forgets them when they have served.
        bundle, self._bundle = self._bundle, None
        assert bundle is not None
        identity = Identity(
            bundle.signature_key.public,
            is_survivor=True,
            bundles=(bundle,),
            can_call=self._survivor._can_call,
        )
        state = ConversationState(conversation_id, identity, self._survivor._verify)
        return Conversation(
            state, self._survivor._link, resume=self._resume, over=self._survivor._over, details=self._details
        )

    def _resume(self, conversation: Conversation) -> None:
        if conversation.participants:
            conversation.subscribe(self.capability)
        elif not self._is_left and (self._reopening is None or self._reopening.done()):
            self._reopening = asyncio.create_task(self._open_again(conversation))

    async def _open_again(self, conversation: Conversation) -> None:
        try:
            await self.open()
        except TeduhError as reason:
            conversation.state.give_up(reason)
            conversation.flush()


def _ignore(_: Answer) -> None:
    """The relay drops who does not come back."""
