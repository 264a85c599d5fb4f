"""What the store can answer besides a reply.

StoreError
├── StoreUnavailable    no connection, or it broke, or the server cannot now, or what it did is not yet kept
│                       as promised: whether the command took effect is unknown
├── StoreRefused        the server answered with an error: a bug, or a server that is full or misconfigured
└── StoreNotDurable     the server cannot keep what the `durability` setting promises
"""

from __future__ import annotations


class StoreError(Exception):
    """Base of all."""


class StoreUnavailable(StoreError):
    """The command may or may not have taken effect."""


class StoreRefused(StoreError):
    """The server's error reply."""


class StoreNotDurable(StoreError):
    """The setting promises more than the server keeps."""
