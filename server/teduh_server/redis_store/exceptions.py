"""What the store can answer besides a reply.

StoreError
├── StoreUnavailable    no connection, or it broke, or the server cannot now, or what it did is not yet kept
│                       as promised: whether the command took effect is unknown
├── StoreRefused        the server answered with an error: a bug, or a server that is full or misconfigured
└── StoreNotDurable     the server cannot keep what the `durability` setting promises
"""

from __future__ import annotations

import errno


class StoreError(Exception):
    """Base of all."""


class StoreUnavailable(StoreError):
    """The command may or may not have taken effect."""


class StoreRefused(StoreError):
    """The server's error reply."""


class StoreNotDurable(StoreError):
    """The setting promises more than the server keeps."""


FULL_OR_FAILING = frozenset({"MISCONF", "NOREPLICAS", "OOM"})
"""Why a server takes no writes: it cannot write its file, its replicas are away, it has no memory left. They
end by themselves, or by what an operator does.
"""


def cause_of(error: BaseException) -> str:
    """One word for an operator: the server's own, such as `MISCONF` or `LOADING`, the system's, such as
    `ENOSPC`, or the name of the error.
    """
    if isinstance(error, OSError) and error.errno is not None and error.errno in errno.errorcode:
        return errno.errorcode[error.errno]
    word = str(error).partition(" ")[0]
    return word if isinstance(error, StoreError) and word.isupper() else type(error).__name__
