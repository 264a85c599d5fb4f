"""Debian's Chromium with a profile of its own, as a visitor's browser is: headless, and nothing else special.

Playwright turns the back/forward cache off; here it stays on, for what Back shows is among the things that
are tested.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from playwright.async_api import BrowserContext, async_playwright, expect

PROGRAM = "/usr/bin/chromium"
PATIENCE_MS = 45_000
"""After which something is taken never to happen."""

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

ColourScheme = Literal["light", "dark"]


@asynccontextmanager
async def chromium(
    profile: Path,
    language: str = "en",
    *,
    width: int = 1280,
    height: int = 800,
    colours: ColourScheme = "light",
    bypass_csp: bool = False,
) -> AsyncIterator[BrowserContext]:
    """A running browser that keeps its files in `profile`; it is closed with the block."""
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            profile,
            executable_path=PROGRAM,
            args=ARGUMENTS,
            ignore_default_args=["--disable-back-forward-cache"],
            timeout=PATIENCE_MS,
            locale=language,
            viewport={"width": width, "height": height},
            color_scheme=colours,
            bypass_csp=bypass_csp,
        )
        context.set_default_timeout(PATIENCE_MS)
        try:
            yield context
        finally:
            await context.close()
