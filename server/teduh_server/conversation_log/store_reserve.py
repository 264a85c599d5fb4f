"""How full the store is, and what is refused before it is: it keeps a reserve for accepted conversations.

    80 %     new requests, and whatever else strangers ask to be kept
    85 %     what is said in conversations that nobody has taken
    100 %    what is said in accepted ones: the store refuses it by itself, and nothing that it holds is lost

A store without `maxmemory` is never full by what it says; `teduh doctor` tells its operator.
"""

from __future__ import annotations

from typing import Final

from teduh_server.redis_store.client import Store

REQUESTS_SHARE: Final = 0.80
UNCLAIMED_SHARE: Final = 0.85


class StoreReserve:
    """What one node knows of it: how full each master was a second ago (`Store.fill`)."""

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def refuses_requests(self) -> bool:
        """Whether nothing new is begun."""
        return self._store.fill.share >= REQUESTS_SHARE

    @property
    def refuses_unclaimed(self) -> bool:
        """Whether nothing is added to what nobody has taken."""
        return self._store.fill.share >= UNCLAIMED_SHARE
