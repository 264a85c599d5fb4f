"""Why nobody new can be believed, though the relay answers."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

CLOCKS_APART_SECONDS: Final = 300
"""Of this device and the relay: more than that, and one of them is wrong."""


class VerificationBlocked(StrEnum):
    """Of two causes one; both end by themselves once the cause does."""

    CLOCK = "clock"
    """By this device's clock the organisation's newest revocation list is too old, and the relay's clock says
    otherwise. Nothing else is believed of the relay's: whoever uses the device has to look.
    """
    LIST = "list"
    """The organisation has signed no list for a day, or its authority statement has expired, or the relay
    withholds them or shows others that do not count.
    """
