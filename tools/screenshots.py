"""Makes the pictures of the pages: `make screenshots`, or `python tools/screenshots.py console`.

    the pages, a relay, made-up people ──> docs/screenshots/<page>-<state>-<language>-<scheme>-<width>.png

Every state of both pages in Indonesian and English, light and dark, at 360 and 1280 pixels: to be looked at
whenever a page changes, and shown to whoever asks what it looks like. Nothing in them is anybody's.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, get_args

REPOSITORY: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

import structlog  # noqa: E402 - the path to the tests comes first
from playwright.async_api import Browser, async_playwright, expect  # noqa: E402 - the path to the tests comes first
from screenshot_calls import DEVICES, call_states  # noqa: E402
from screenshot_camera import Camera, Language  # noqa: E402
from screenshot_console import console_states  # noqa: E402
from screenshot_shift import shift_states  # noqa: E402
from screenshot_survivor import survivor_states  # noqa: E402
from support.browsers.real_browser import ARGUMENTS, PATIENCE_MS  # noqa: E402
from support.programs import executable  # noqa: E402

_PATIENCE_SECONDS: Final = 600.0
"""After which a page in one language is taken to hang."""
PICTURES: Final = REPOSITORY / "docs" / "screenshots"
PAGES: Final[Mapping[str, Callable[[Browser, Path, Camera], Awaitable[None]]]] = {
    "survivor": survivor_states,
    "console": console_states,
    "console-shift": shift_states,
    "call": call_states,
}


async def make_pictures(folder: Path, wanted: str = "") -> list[Path]:
    """Make the pictures of the pages whose names begin with `wanted`; gives where they are."""
    expect.set_options(timeout=PATIENCE_MS)
    taken: list[Path] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable("chromium"), args=[*ARGUMENTS, *DEVICES]
        )
        for language in get_args(Language):
            for name, states in PAGES.items():
                if name.startswith(wanted):
                    taken += await _of_page(browser, folder, language, states)
        await browser.close()
    return taken


async def _of_page(
    browser: Browser,
    folder: Path,
    language: Language,
    states: Callable[[Browser, Path, Camera], Awaitable[None]],
) -> list[Path]:
    camera = Camera(folder, language)
    with tempfile.TemporaryDirectory() as scratch:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await states(browser, Path(scratch), camera)
    return camera.taken


def main(wanted: str = "") -> None:
    """Make them all, or those of one page; the pictures of states that are no more go."""
    # What the relays have to tell concerns nobody here, unless it is a trouble.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    PICTURES.mkdir(parents=True, exist_ok=True)
    taken = asyncio.run(make_pictures(PICTURES, wanted))
    for path in set(PICTURES.glob(f"{wanted}*.png")) - set(taken):
        path.unlink()
    size = sum(path.stat().st_size for path in taken)
    print(f"{len(taken)} pictures, {size / 2**20:.1f} MiB")  # noqa: T201 - what a command says


if __name__ == "__main__":
    main(*sys.argv[1:2])
