"""What the store can answer besides a reply.

StoreError
├── StoreUnavailable    no connection, or it broke: whether the command took effect is unknown
└── StoreRefused        the server answered with an error: a bug, or a server that is full or misconfigured
"""

from __future__ import annotations


class StoreError(Exception):
    """Base of both."""


class StoreUnavailable(StoreError):
    """The command may or may not have taken effect."""


class StoreRefused(StoreError):
    """The server's error reply."""
