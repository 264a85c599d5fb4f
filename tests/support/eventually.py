"""Waiting for what sets no event: another process, a library, the outside. The only polling that tests do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

_AGAIN_SECONDS = 0.01


async def eventually(condition: Callable[[], object], within: float = 20.0) -> None:
    """Wait until `condition()` is true; raises TimeoutError when it is not within so many seconds."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 -- a condition of the outside, which sets no event
            await asyncio.sleep(_AGAIN_SECONDS)


async def becomes(ask: Callable[[], Awaitable[object]], wanted: object, within: float = 20.0) -> None:
    """Ask until the answer is `wanted`; fails with the last answer when it is not within so many seconds."""
    answer = None
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            while (answer := await ask()) != wanted:  # noqa: ASYNC110 -- as above
                await asyncio.sleep(_AGAIN_SECONDS)
    assert answer == wanted


def eventually_here(condition: Callable[[], object], complaint: str, within: float = 60.0) -> None:
    """The same where no event loop runs; raises TimeoutError with `complaint`."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(complaint)
        time.sleep(_AGAIN_SECONDS)
