"""How a person watches a test in a browser: by environment variables, so that no test has to be changed.

TEDUH_TESTS_HEADED=1            in a window, on the display of DISPLAY
TEDUH_TESTS_SLOW_MS=500         so many milliseconds between what the test does
TEDUH_TESTS_TRACE=FOLDER        a recording of each browser there, for `playwright show-trace`
"""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypedDict

from playwright.async_api import BrowserContext

_NUMBERS: Final = itertools.count(1)


class Watched(TypedDict):
    """Arguments of Playwright's launch."""

    headless: bool
    slow_mo: float


def as_watched() -> Watched:
    """As the environment says."""
    return Watched(
        headless=os.environ.get("TEDUH_TESTS_HEADED", "") == "",
        slow_mo=float(os.environ.get("TEDUH_TESTS_SLOW_MS", "0")),
    )


@asynccontextmanager
async def traced(context: BrowserContext) -> AsyncIterator[None]:
    """Record the block where the environment names a folder; its file is there also when the block fails."""
    folder = os.environ.get("TEDUH_TESTS_TRACE", "")
    if folder == "":
        yield
        return
    await context.tracing.start(screenshots=True, snapshots=True)
    try:
        yield
    finally:
        await context.tracing.stop(path=Path(folder) / f"trace-{os.getpid()}-{next(_NUMBERS)}.zip")
