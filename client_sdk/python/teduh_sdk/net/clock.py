"""The time, as conversations count it."""

from __future__ import annotations

import time


def now_in_seconds() -> int:
    """Seconds since 1970, by this device's clock."""
    return int(time.time())
