"""Light enough for her phone (promise 8), as a real browser counts what it receives."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
from playwright.async_api import CDPSession
from support.browsers.environment import relay_environment
from support.browsers.real_browser import PATIENCE_MS, chromium
from support.browsers.survivor_page import SurvivorPage

MOST_BYTES = 120 * 1024


class Transfers:
    """What came over the network: addresses asked for, and bytes with headers, as they were sent."""

    def __init__(self, session: CDPSession) -> None:
        self.addresses: list[str] = []
        self.bytes = 0
        session.on("Network.requestWillBeSent", lambda event: self.addresses.append(event["request"]["url"]))
        session.on("Network.loadingFinished", self._finished)

    def _finished(self, event: dict[str, float]) -> None:
        self.bytes += int(event["encodedDataLength"])


async def is_compressed_best(url: str) -> None:
    """Visitors before her have asked for the page, as often as it takes."""
    headers = {"Accept-Encoding": "br"}
    async with asyncio.timeout(PATIENCE_MS / 1000), aiohttp.ClientSession(headers=headers) as session:
        encoding = None
        while encoding != "br":
            async with session.get(url) as response:
                encoding = response.headers.get("Content-Encoding")


async def test_the_first_load_is_light_and_comes_from_one_place(tmp_path: Path) -> None:
    async with relay_environment(tmp_path) as here, chromium(tmp_path / "profile") as browser:
        await is_compressed_best(here.url)
        session = await browser.new_cdp_session(browser.pages[0])
        transfers = Transfers(session)
        await session.send("Network.enable")
        hers = await SurvivorPage.open(browser, here.url)
        # Up to the moment at which she waits: whatever the page brings later counts too.
        await hers.ask()
        assert 0 < transfers.bytes <= MOST_BYTES
        fetched = [address for address in transfers.addresses if not address.startswith("data:")]
        assert fetched[0] == f"{here.url}/"
        assert all(address.startswith(f"{here.url}/") for address in fetched)
        # Nothing of what only older browsers need, or calls.
        assert not [address for address in fetched if address.endswith(".js")]
