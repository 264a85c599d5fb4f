"""How late the event loop is: whoever waits for it waits so much longer."""

from __future__ import annotations

import asyncio
from collections import deque

_LOOK_SECONDS = 0.25
_LOOKS = 240
"""A minute of them."""


class LoopLag:
    """That of one event loop."""

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=_LOOKS)

    @property
    def longest(self) -> float:
        """Seconds by which it was late at most, within about the last minute."""
        return max(self._late, default=0.0)

    async def look_forever(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _LOOK_SECONDS
            await asyncio.sleep(_LOOK_SECONDS)
            self._late.append(max(0.0, loop.time() - due))
