"""Whether a worker still runs its event loop: it writes a byte every second, and its supervisor looks.

A worker that hangs keeps its port and its connections: the kernel goes on dealing people out to it, and
nobody answers them. It does not die by itself either.

Silence is counted in looks of the supervisor, each for a moment at most, not by the clock: where the whole
machine was suspended, or had no time for anybody, the supervisor did not look either, and nobody is taken
for dead.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import Final

BEAT_SECONDS: Final = 1.0
HANGS_AFTER_SECONDS: Final = 30.0
"""Far more than any work keeps the event loop busy for."""
_LONGEST_LOOK_SECONDS: Final = 2.0
"""So much silence at most is believed at one look, however long ago the last one was."""
_AT_ONCE: Final = 65_536


class Heartbeat:
    """That of one place among the workers; made before the fork, used by one process at either end."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        for end in (self._read, self._write):
            os.set_blocking(end, False)
        # None until the first beat: before, it is about to start, and serves nobody.
        self._silent: float | None = None

    # --- the worker ---

    async def beat_forever(self) -> None:
        """From before it takes connections until it has none."""
        while True:
            self.beat()
            await asyncio.sleep(BEAT_SECONDS)

    def beat(self) -> None:
        """Once; never blocks, and never raises."""
        # Where the supervisor has not looked for a day there is no room; where it is gone, others notice.
        with suppress(OSError):
            os.write(self._write, b"1")

    # --- the supervisor ---

    def begin_anew(self) -> None:
        """Another process is about to have this place."""
        self._hear()
        self._silent = None

    def look(self, since: float) -> bool:
        """Whether the worker hangs; the last look was `since` so many seconds."""
        if self._hear():
            self._silent = 0.0
        elif self._silent is not None:
            self._silent += min(since, _LONGEST_LOOK_SECONDS)
        return self._silent is not None and self._silent > HANGS_AFTER_SECONDS

    def close(self) -> None:
        """Close both ends."""
        os.close(self._read)
        os.close(self._write)

    def _hear(self) -> bool:
        with suppress(BlockingIOError):
            return bool(os.read(self._read, _AT_ONCE))
        return False
