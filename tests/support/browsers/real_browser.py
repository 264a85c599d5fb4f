"""Debian's Chromium with a profile of its own, as a visitor's browser is: headless, and nothing else special.

Playwright turns the back/forward cache off; here it stays on, for what Back shows is among the things that
are tested. Whatever a page throws and nobody catches, and whatever its policy had to refuse, fails the test.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.async_api import BrowserContext, Page, async_playwright, expect

from support.browsers.watching import as_watched, traced
from support.programs import executable

PATIENCE_MS = 45_000
"""After which something is taken never to happen."""

_FEATURES_OFF = (
    # Surfaces of the browser's own window, for each of which it starts a renderer that no page is in: a
    # quarter of the processor time of a visit.
    "PreloadTopChromeWebUI",
    "WebUIOmniboxPopup",
    # What Playwright turns off, too: of several switches of this name the last one counts.
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(_FEATURES_OFF)}",
)

ColourScheme = Literal["light", "dark"]
_REFUSED = re.compile("Content Security Policy|TrustedHTML|TrustedScript")


@dataclass(frozen=True, slots=True)
class Troubles:
    """What went wrong in the pages of a browser without anybody's having caught it.

    Those in which `expected`, a regular expression, is found are what the test is about.
    """

    expected: str | None = None
    seen: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        """From now on, in all its pages."""
        context.on("weberror", lambda thrown: self._note(f"{thrown.error}"))
        context.on("console", lambda said: self._note(said.text) if _REFUSED.search(said.text) else None)

    def _note(self, trouble: str) -> None:
        if self.expected is None or not re.search(self.expected, trouble):
            self.seen.append(trouble)


async def two_taps(page: Page, x: float, y: float) -> None:
    """With a finger, one soon after the other: neither waits for what the page makes of the one before."""
    await asyncio.gather(page.touchscreen.tap(x, y), page.touchscreen.tap(x, y))


@asynccontextmanager
async def chromium(
    profile: Path,
    language: str = "en",
    *,
    width: int = 1280,
    height: int = 800,
    colours: ColourScheme = "light",
    bypass_csp: bool = False,
    touch: bool = False,
    arguments: Sequence[str] = (),
    troubles: str | None = None,
) -> AsyncIterator[BrowserContext]:
    """A running browser that keeps its files in `profile`; it is closed with the block.

    What its pages throw or are refused fails the block, unless `troubles`, a regular expression, is in it.
    """
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            profile,
            executable_path=executable("chromium"),
            args=[*ARGUMENTS, *arguments],
            ignore_default_args=["--disable-back-forward-cache"],
            timeout=PATIENCE_MS,
            locale=language,
            viewport={"width": width, "height": height},
            color_scheme=colours,
            bypass_csp=bypass_csp,
            has_touch=touch,
            **as_watched(),
        )
        context.set_default_timeout(PATIENCE_MS)
        watched = Troubles(troubles)
        watched.watch(context)
        try:
            async with traced(context):
                yield context
        finally:
            await context.close()
    assert watched.seen == [], f"a page threw, or was refused, what nobody expected: {watched.seen}"
