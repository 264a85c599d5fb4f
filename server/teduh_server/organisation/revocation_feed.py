"""Keeps one node's verifier on the newest revocation list and authority statement, whichever node they came
through.

    PUT /v1/revocations ──> checked against the newest ──> store ──> this node's verifier
                                                            │ version, every two seconds
    other nodes' verifiers <────────────────────────────────┘

Both are signed and verified again by every node; the store is only where they lie. No list is taken that
leaves out somebody whom the newest revokes and who may have a statement still: of two who sign at once, one
would undo what the other has revoked, and so would whoever signs far from the network.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog
from teduh_crypto.credentials import (
    CredentialError,
    RevocationList,
    RevocationListRollback,
    StatementVerifier,
)

from teduh_server.organisation.enrolment_store import (
    NOTHING_KEPT,
    AnotherListKept,
    EnrolmentStore,
    KeptVersion,
    NewerListKept,
)
from teduh_server.organisation.revocation_history import RevocationHistory
from teduh_server.organisation.signed_revocations import SignedRevocations
from teduh_server.redis_store.exceptions import StoreError

_PERIOD: Final = 2.0
"""Seconds between two looks at the store: how long a revoked device may still be believed by another node."""

_MOST_COMPARED: Final = 8
"""Lists with which an offered one is compared, when others come each time in between."""

OnAdopted = Callable[[RevocationList], None]


def ignore(_: RevocationList) -> None:
    """Do nothing more when a list is adopted."""


class RevocationsDropped(Exception):
    """The list leaves out what the newest one revokes, and may not yet."""


class RevocationFeed:
    """The newest list for one node: `verifier` believes by it, `on_adopted` is told when it changes."""

    __slots__ = ("_clock", "_on_adopted", "_signed", "_since", "_store", "_task", "_verifier")

    def __init__(
        self,
        store: EnrolmentStore,
        verifier: StatementVerifier,
        on_adopted: OnAdopted = ignore,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._verifier = verifier
        self._on_adopted = on_adopted
        self._clock = clock
        self._signed: SignedRevocations | None = None
        self._since = RevocationHistory()
        self._task: asyncio.Task[None] | None = None

    @property
    def signed(self) -> SignedRevocations | None:
        """What is in force, as clients get it."""
        return self._signed

    async def start(self) -> None:
        """Look once, then keep looking until `close`."""
        with suppress(StoreError):
            await self.refresh()
        self._task = asyncio.create_task(self._keep_looking())

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def put(self, text: str, authority: str | None = None) -> RevocationList:
        """Keep a list, and the authority statement that came with it, for all nodes, and adopt them here.

        Raises `CredentialError` if they are not to be believed or are older than those held,
        `RevocationsDropped`, `StoreUnavailable`, and `NewerListKept` if another node was given newer ones
        meanwhile.
        """
        for _ in range(_MOST_COMPARED):
            compared = await self.refresh()
            now = int(self._clock())
            offered, stated = self._verifier.check_revocations(text, authority, now=now)
            held = self._verifier.revocations
            if held is not None and not self._since.on(held).allows(offered, now=now):
                raise RevocationsDropped
            since = self._since.on(offered)
            version = KeptVersion(stated.version, offered.version)
            signed = SignedRevocations(text, authority or self._stated())
            try:
                await self._store.put_revocations(version, signed, now=now, since=since, instead_of=compared)
            except AnotherListKept:
                continue
            except NewerListKept:
                await self.refresh()
                raise
            # Unless this node has heard of still newer ones meanwhile.
            with suppress(RevocationListRollback):
                adopted = self._verifier.adopt_revocations(text, signed.authority, now=now)
                self._in_force(signed, since, adopted)
            return offered
        raise NewerListKept

    async def refresh(self) -> KeptVersion:
        """Adopt what the store keeps if it is newer than what is in force; give it back what it has lost.

        Returns the version that is in the store now.
        """
        held, kept = self._held(), await self._store.revocations_version()
        if self._signed is not None and kept < held:
            # A failover, or a store begun anew: a node that starts now must not believe whom it revokes.
            with suppress(NewerListKept):
                await self._store.put_revocations(
                    held, self._signed, now=int(self._clock()), since=self._since
                )
            return held
        if kept == NOTHING_KEPT or (self._signed is not None and kept == held):
            return kept
        await self._resume()
        return kept

    async def _resume(self) -> None:
        kept = await self._store.revocations()
        if kept is None:
            return
        signed, since = kept
        # What has gone stale is held all the same: nobody new is believed by it, but what it revokes must be
        # on the next, and a node that began meanwhile would otherwise not know it.
        with suppress(CredentialError):
            adopted = self._verifier.resume_revocations(signed.list, signed.authority)
            in_force = SignedRevocations(signed.list, signed.authority or self._stated())
            self._in_force(in_force, since.on(adopted), adopted)

    def _held(self) -> KeptVersion:
        """The version of what is in force here."""
        authority, revocations = self._verifier.authority, self._verifier.revocations
        return KeptVersion(
            0 if authority is None else authority.version, 0 if revocations is None else revocations.version
        )

    def _stated(self) -> str | None:
        """The authority statement in force, as it was signed."""
        return None if self._signed is None else self._signed.authority

    def _in_force(self, signed: SignedRevocations, since: RevocationHistory, adopted: RevocationList) -> None:
        self._signed, self._since = signed, since
        self._on_adopted(adopted)
        structlog.get_logger().info("revocation list adopted", version=adopted.version)

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(_PERIOD)
            with suppress(StoreError):
                await self.refresh()
