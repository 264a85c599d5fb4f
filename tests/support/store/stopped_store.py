"""A store whose clock stands still unless a test moves it."""

from __future__ import annotations

import time

from teduh_server.redis_store.client import Store
from teduh_server.redis_store.location import Location


class StoppedStore(Store):
    """Its clock is `moment_ms`, milliseconds since 1970; at first the time at which it was made."""

    def __init__(self, location: Location) -> None:
        super().__init__(location)
        self.moment_ms = time.time_ns() // 1_000_000

    def now_ms(self) -> int:
        return self.moment_ms
