"""A survivor's connection goes to the worker of this machine that has whoever she talks with.

The kernel deals out connections among the workers, so half of those who talk with each other are at two of
them. What they say then goes by a script and a channel of the store, at twice the cost of what is said
between two connections of one node. So the worker with the staff asks the others for her, and the one that
has her hands over her socket:

::

    worker A                                        worker B
    staff subscribe, and others are there ──Wanted──> her connection, and no staff?
    or others join where staff are                    reads to the end of her next message; all that she said
                                                      before is answered, all that is for her is written
    subscribes her where B stopped, reads on <──Moved + socket── forgets her

Neither of the two people notices. If A dies before it has read this, the worker that takes its place does; if
none does, her heartbeats are not answered and she connects anew, as after the death of any node. Her address
is not among what is said: it stays with the kernel, and in the MAC that rate limits go by (`rate_limit`).
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Protocol

from msgspec import MsgspecError, Struct, msgpack
from teduh_signaling.relay.frames import SURVIVOR_MEMBER
from teduh_signaling.relay.protocol import State

from teduh_server import metrics
from teduh_server.connection import Connection
from teduh_server.delivery_service import DeliveryService
from teduh_server.halting import Halt
from teduh_server.handlers.intake import Intake
from teduh_server.log_policy import fault
from teduh_server.neighbours import Neighbours
from teduh_server.redis_store.exceptions import StoreError
from teduh_server.subscription import Subscription

PAUSES_SECONDS = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6)
"""Before each attempt: she has to be let in first, or is looking for somebody else."""
QUIET_SECONDS = 0.25
"""How long what she has said may take to be answered, while nothing more is read."""
_LOOK_SECONDS = 0.002


class Wanted(Struct, frozen=True, array_like=True, tag=1):
    """Staff of this conversation are at `worker`."""

    conversation_id: bytes
    worker: int


class Moved(Struct, frozen=True, array_like=True, tag=2):
    """A connection as it stands; `message` and `unread` are what it has said and nobody has looked at."""

    conversation_id: bytes
    member: int
    cursor: int
    told_reachable: bool | None
    source: bytes
    nonce: bytes
    requests: int
    free_at: float
    message: bytes
    unread: bytes


class Reported(Struct, frozen=True, array_like=True, tag=3):
    """What came from this source was no request for help; see `abuse`."""

    source: bytes


_encode = msgpack.Encoder().encode
_decode = msgpack.Decoder(Wanted | Moved | Reported).decode


class Edge(Protocol):
    """The connections of this worker."""

    def intake_of(self, connection: Connection) -> Intake | None: ...

    async def arrive(self, plain: socket.socket, moved: Moved, attach: Callable[[Connection], None]) -> None:
        """Go on with a connection; `attach` comes before anything of it is read. Raises OSError."""


class Searches(Protocol):
    """The queue, as far as it matters here."""

    async def is_sought(self, conversation_id: bytes) -> bool:
        """Whether somebody is sought for this conversation, or not let in yet. Raises StoreError."""

    def forget(self, conversation_id: bytes) -> None:
        """Nobody here waits for news of it."""

    def follows(self, conversation_id: bytes) -> bool:
        """Whether somebody here waits for news of it."""


class Migration:
    """What one worker hands over, and takes."""

    __slots__ = (
        "_delivery",
        "_edge",
        "_leaving",
        "_neighbours",
        "_reported",
        "_searches",
        "_spawn",
        "_trying",
    )

    def __init__(
        self,
        neighbours: Neighbours,
        delivery: DeliveryService,
        edge: Edge,
        searches: Searches,
        spawn: Callable[[Coroutine[None, None, None]], None],
        reported: Callable[[bytes], None],
    ) -> None:
        """`reported` is called with each source that staff have reported at another worker."""
        self._neighbours = neighbours
        self._reported = reported
        self._delivery = delivery
        self._edge = edge
        self._searches = searches
        self._spawn = spawn
        self._leaving: dict[Connection, _Departure] = {}
        # Conversations of which this worker is asked to hand over whoever is here, and by whom last.
        self._trying: dict[bytes, int] = {}

    def start(self) -> None:
        """Listen to the neighbours."""
        self._delivery.on_apart = self.ask
        self._neighbours.listen(self._receive)

    def close(self) -> None:
        self._neighbours.close()

    def ask(self, conversation_id: bytes) -> None:
        """Staff of it are here, and others elsewhere: let the survivor come, if she is on this machine."""
        self._neighbours.tell_all(_encode(Wanted(conversation_id, self._neighbours.number)))

    def report(self, source: bytes) -> None:
        """What came from there was no request for help: the others know it by the same name."""
        self._neighbours.tell_all(_encode(Reported(source)))

    def gone(self, connection: Connection) -> None:
        """The connection has ended."""
        self._leaving.pop(connection, None)

    def _receive(self, message: bytes, sockets: list[socket.socket]) -> None:
        try:
            said = _decode(message)
        except MsgspecError as error:
            # No worker of ours says such a thing.
            fault("neighbour_not_understood", error)
            for plain in sockets:
                plain.close()
            return
        if isinstance(said, Moved):
            for plain in sockets:
                self._spawn(self._arrive(plain, said))
        elif isinstance(said, Reported):
            self._reported(said.source)
        elif said.conversation_id in self._trying:
            self._trying[said.conversation_id] = said.worker
        elif self._hers(said.conversation_id):
            self._trying[said.conversation_id] = said.worker
            self._spawn(self._try(said.conversation_id, 0))

    # --- going ---

    def _hers(self, conversation_id: bytes) -> list[Subscription]:
        """Her subscriptions here, if no staff of the conversation are here as well."""
        conversation = self._delivery.conversation(conversation_id)
        if conversation is None or conversation.has_staff:
            return []
        return [each for each in conversation.subscriptions if each.member == SURVIVOR_MEMBER]

    async def _try(self, conversation_id: bytes, attempt: int) -> None:
        """Begin to hand her over as soon as that may be."""
        try:
            while attempt < len(PAUSES_SECONDS) and self._hers(conversation_id):
                await asyncio.sleep(PAUSES_SECONDS[attempt])
                attempt += 1
                if await self._is_let_in(conversation_id):
                    worker, hers = self._trying[conversation_id], self._hers(conversation_id)
                    halting = [self._halts(each, worker, attempt) for each in hers]
                    if all(halting):
                        return
        finally:
            del self._trying[conversation_id]

    async def _is_let_in(self, conversation_id: bytes) -> bool:
        """Whether nobody is being sought for her."""
        try:
            if await self._searches.is_sought(conversation_id):
                return False
        except StoreError:
            return False
        self._searches.forget(conversation_id)
        return True

    def _halts(self, subscription: Subscription, worker: int, attempt: int) -> bool:
        """Whether it goes to `worker` as soon as something is said."""
        connection = subscription.connection
        departure = self._leaving.get(connection)
        if departure is not None:
            departure.worker = worker
            return True
        intake = self._edge.intake_of(connection)
        if intake is None or not self._may_go(subscription):
            return False
        go = partial(self._hand_over, subscription)
        self._leaving[connection] = _Departure(intake, worker, attempt, go)
        return True

    def _may_go(self, subscription: Subscription) -> bool:
        connection, conversation = subscription.connection, subscription.conversation
        return (
            connection.protocol.state is State.ANONYMOUS
            and len(connection.subscriptions) == 1
            and connection.subscriptions.get(conversation.id) is subscription
            and not subscription.is_behind
            # Else the other worker would take what she claims to have read for what is in the log.
            and subscription.cursor <= conversation.newest
            and not conversation.has_staff
            and not self._searches.follows(conversation.id)
        )

    def _hand_over(self, subscription: Subscription, departure: _Departure, halt: Halt | None) -> bool:
        """All that she said is answered: let her go, if she still may; whether she has gone."""
        connection, conversation_id = subscription.connection, subscription.conversation.id
        del self._leaving[connection]
        if halt is not None and self._may_go(subscription) and self._send(subscription, departure, halt):
            metrics.MOVED.inc()
            departure.intake.release()
            return True
        if conversation_id not in self._trying:
            self._trying[conversation_id] = departure.worker
            self._spawn(self._try(conversation_id, departure.attempt))
        return False

    def _send(self, subscription: Subscription, departure: _Departure, halt: Halt) -> bool:
        connection, intake = subscription.connection, departure.intake
        descriptor = intake.descriptor
        if descriptor is None or halt.message is None:
            return False
        moved = Moved(
            subscription.conversation.id,
            subscription.member,
            subscription.cursor,
            subscription.told_reachable,
            connection.source,
            connection.nonce,
            connection.requests,
            intake.free_at,
            halt.message,
            intake.unread,
        )
        return self._neighbours.tell(departure.worker, _encode(moved), descriptor)

    # --- coming ---

    async def _arrive(self, plain: socket.socket, moved: Moved) -> None:
        attach = partial(
            self._delivery.adopt,
            conversation_id=moved.conversation_id,
            member=moved.member,
            cursor=moved.cursor,
            told_reachable=moved.told_reachable,
        )
        try:
            await self._edge.arrive(plain, moved, attach)
        except OSError:
            # It broke on the way; she connects anew.
            plain.close()
        except BaseException:
            plain.close()
            raise


class _Departure:
    """One connection between the wish that it goes and its going, or staying."""

    __slots__ = ("_go", "_halt", "_loop", "_until", "attempt", "intake", "worker")

    def __init__(
        self, intake: Intake, worker: int, attempt: int, go: Callable[[_Departure, Halt | None], bool]
    ) -> None:
        """`go` lets it go, or is told that it cannot (None); whether it has gone."""
        self._go = go
        self._loop = asyncio.get_running_loop()
        self._until = 0.0
        self.attempt = attempt
        self.intake = intake
        self.worker = worker
        self._halt = intake.halt(self._halted)

    def _halted(self) -> None:
        self._until = time.monotonic() + QUIET_SECONDS
        # What this tick writes shall be written.
        self._loop.call_soon(self._look)

    def _look(self) -> None:
        intake = self.intake
        if intake.connection.closed:
            return
        is_at_rest = intake.is_at_rest()
        if not is_at_rest and time.monotonic() < self._until:
            self._loop.call_later(_LOOK_SECONDS, self._look)
        elif not self._go(self, self._halt if is_at_rest else None):
            intake.resume(self._halt)
