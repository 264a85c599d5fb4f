"""Waiting for what a page comes to, in a browser that tells no events of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

PATIENCE_SECONDS: Final = 45.0
"""After which something is taken never to happen."""


async def until_page(
    is_so: Callable[[], Awaitable[object]], what: str, shown: Callable[[], Awaitable[object]]
) -> None:
    """Wait until `is_so()` is true.

    Raises AssertionError after `PATIENCE_SECONDS`, with what `shown()` gives.
    """
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await is_so():  # noqa: ASYNC110 -- the drivers tell nothing of what a page shows
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"nothing is {what}; the page shows:\n{await shown()}") from None
