"""Keeps one node's verifier on the newest revocation list, whichever node it came through.

    PUT /v1/revocations ──> checked against the newest ──> store ──> this node's verifier
                                                            │ version, every two seconds
    other nodes' verifiers <────────────────────────────────┘

The list is signed and verified again by every node; the store is only where it lies. No list is taken that
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

from teduh_server.enrolment_store import AnotherListKept, EnrolmentStore, NewerListKept
from teduh_server.redis_store.exceptions import StoreError
from teduh_server.revoked_since import RevokedSince

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

    __slots__ = ("_clock", "_on_adopted", "_since", "_store", "_task", "_text", "_verifier")

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
        self._text: str | None = None
        self._since = RevokedSince()
        self._task: asyncio.Task[None] | None = None

    @property
    def text(self) -> str | None:
        """The list in force, as clients get it."""
        return self._text

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

    async def put(self, text: str) -> RevocationList:
        """Keep a list for all nodes, and adopt it here.

        Raises `CredentialError` if it is not to be believed or is older than the one held,
        `RevocationsDropped`, `StoreUnavailable`, and `NewerListKept` if another node was given a newer one
        meanwhile.
        """
        for _ in range(_MOST_COMPARED):
            compared = await self.refresh()
            now = int(self._clock())
            offered = self._verifier.check_revocations(text, now=now)
            held = self._verifier.revocations
            if held is not None and not self._since.on(held).allows(offered, now=now):
                raise RevocationsDropped
            since = self._since.on(offered)
            try:
                await self._store.put_revocations(
                    offered.version, text, now=now, since=since, instead_of=compared or 0
                )
            except AnotherListKept:
                continue
            except NewerListKept:
                await self.refresh()
                raise
            # Unless this node has heard of a still newer one meanwhile.
            with suppress(RevocationListRollback):
                self._in_force(text, since, self._verifier.adopt_revocations(text, now=now))
            return offered
        raise NewerListKept

    async def refresh(self) -> int | None:
        """Adopt the store's list if it is newer than the one in force; give it back one that it has lost.

        Returns the version that is in the store now.
        """
        held = self._verifier.revocations
        version = await self._store.revocations_version()
        if self._text is not None and held is not None and (version is None or version < held.version):
            # A failover, or a store begun anew: a node that starts now must not believe whom it revokes.
            with suppress(NewerListKept):
                await self._store.put_revocations(
                    held.version, self._text, now=int(self._clock()), since=self._since
                )
            return held.version
        if version is None or (self._text is not None and held is not None and version <= held.version):
            return version
        kept = await self._store.revocations()
        if kept is not None:
            text, since = kept
            # One that has gone stale is held all the same: nobody new is believed by it, but what it revokes
            # must be on the next, and a node that began meanwhile would otherwise not know it.
            with suppress(CredentialError):
                adopted = self._verifier.resume_revocations(text)
                self._in_force(text, since.on(adopted), adopted)
        return version

    def _in_force(self, text: str, since: RevokedSince, adopted: RevocationList) -> RevocationList:
        self._text, self._since = text, since
        self._on_adopted(adopted)
        structlog.get_logger().info("revocation list adopted", version=adopted.version)
        return adopted

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(_PERIOD)
            with suppress(StoreError):
                await self.refresh()
