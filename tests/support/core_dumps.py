"""Lets processes that a test starts dump their memory when they crash, as many systems do by themselves."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def allowed_core_dumps() -> Iterator[None]:
    """For whatever is started meanwhile, as far as this process may allow it."""
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)


def core_dump_limit(pid: int) -> int:
    """How many bytes of its memory the process may leave on the disk; -1 for any number."""
    return resource.prlimit(pid, resource.RLIMIT_CORE)[0]
