"""This device's clock, which never goes back.

What is due would otherwise wait until it has come there again, and others would take what we say for
something old. A computer whose clock was ahead is set right in the middle of a call, too.
"""

from __future__ import annotations

import time


class SteadyClock:
    """One device's."""

    def __init__(self) -> None:
        self._ahead = 0
        self._last = 0

    def now(self) -> int:
        """Milliseconds since 1970, as far as this device knows."""
        read = int(time.time() * 1000)
        self._ahead = max(self._ahead, self._last - read)
        self._last = read + self._ahead
        return self._last
