"""How full the store is, and what is refused before it is: it keeps a reserve for accepted conversations.

    80 %     new requests, and whatever else strangers ask to be kept
    85 %     what is said in conversations that nobody has taken
    100 %    what is said in accepted ones: the store refuses it by itself, and nothing that it holds is lost

A store without `maxmemory` is never full by what it says; `teduh doctor` tells its operator.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from teduh_server.redis_store.client import Store
from teduh_server.redis_store.exceptions import StoreError

REQUESTS_SHARE: Final = 0.80
UNCLAIMED_SHARE: Final = 0.85
_LOOK_SECONDS: Final = 1.0


class StoreReserve:
    """What one node knows of it, looked at every second."""

    __slots__ = ("_share", "_store")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._share = 0.0

    @property
    def refuses_requests(self) -> bool:
        """Whether nothing new is begun."""
        return self._share >= REQUESTS_SHARE

    @property
    def refuses_unclaimed(self) -> bool:
        """Whether nothing is added to what nobody has taken."""
        return self._share >= UNCLAIMED_SHARE

    async def look(self) -> None:
        """Ask each master how full it is. Raises StoreError."""
        answers = await asyncio.gather(*self._store.ask_masters((b"INFO", b"memory")))
        self._share = max((_share_of(each) for each in answers if isinstance(each, bytes)), default=0.0)

    async def watch_forever(self) -> None:
        """Look every second."""
        while True:
            # What was known last counts; a store that is away takes nothing anyway.
            with suppress(StoreError):
                await self.look()
            await asyncio.sleep(_LOOK_SECONDS)


def _share_of(info: bytes) -> float:
    """How much of `maxmemory` is used; 0 where there is no such limit."""
    fields = dict(line.split(b":", 1) for line in info.split(b"\r\n") if b":" in line)
    most = int(fields.get(b"maxmemory", b"0"))
    return int(fields.get(b"used_memory", b"0")) / most if most else 0.0
