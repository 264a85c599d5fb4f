"""Keeps one node's verifier on the newest revocation list, whichever node it came through.

    PUT /v1/revocations ──> this node's verifier ──> store
                                                      │ version, every two seconds
    other nodes' verifiers <──────────────────────────┘

The list is signed and verified again by every node; the store is only where it lies.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog
from teduh_crypto.credentials import CredentialError, RevocationList, StatementVerifier

from teduh_server.enrolment_store import EnrolmentStore, NewerListKept
from teduh_server.redis_store.exceptions import StoreError

_PERIOD: Final = 2.0
"""Seconds between two looks at the store: how long a revoked device may still be believed by another node."""

OnAdopted = Callable[[RevocationList], None]


def ignore(_: RevocationList) -> None:
    """Do nothing more when a list is adopted."""


class RevocationFeed:
    """The newest list for one node: `verifier` believes by it, `on_adopted` is told when it changes."""

    __slots__ = ("_clock", "_on_adopted", "_store", "_task", "_text", "_verifier")

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
        """Adopt a list here and keep it for all nodes.

        Raises `CredentialError` if it is not to be believed or is older than the one held,
        `StoreUnavailable`, and `NewerListKept` if another node was given a newer one meanwhile.
        """
        await self.refresh()
        now = int(self._clock())
        adopted = self._adopt(text, now)
        try:
            await self._store.put_revocations(adopted.version, text, now=now)
        except NewerListKept:
            await self.refresh()
            raise
        return adopted

    async def refresh(self) -> None:
        """Adopt the store's list if it is newer than the one in force; give it back one that it has lost."""
        held = self._verifier.revocations
        version = await self._store.revocations_version()
        if self._text is not None and held is not None and (version is None or version < held.version):
            # A failover, or a store begun anew: a node that starts now must not believe whom it revokes.
            with suppress(NewerListKept):
                await self._store.put_revocations(held.version, self._text, now=int(self._clock()))
            return
        if version is None or (self._text is not None and held is not None and version <= held.version):
            return
        text = await self._store.revocations()
        if text is not None:
            # One that has gone stale is held all the same: nobody new is believed by it, but what it revokes
            # must be on the next, and a node that began meanwhile would otherwise not know it.
            with suppress(CredentialError):
                self._in_force(text, self._verifier.resume_revocations(text))

    def _adopt(self, text: str, now: int) -> RevocationList:
        return self._in_force(text, self._verifier.adopt_revocations(text, now=now))

    def _in_force(self, text: str, adopted: RevocationList) -> RevocationList:
        self._text = text
        self._on_adopted(adopted)
        structlog.get_logger().info("revocation list adopted", version=adopted.version)
        return adopted

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(_PERIOD)
            with suppress(StoreError):
                await self.refresh()
