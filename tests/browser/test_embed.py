"""The survivor's page inside another site: opened, closed, left, and never read by the site around it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import BaseTestServer, TestServer
from playwright.async_api import Page, async_playwright, expect
from relay_organisation import RelayOrganisation
from relay_process import relay_here
from teduh_server.redis_store.durability import Durability
from teduh_server.served_pages import BUILT
from valkey_server import start_valkey

CHROMIUM = "/usr/bin/chromium"
HOST_PAGE = """<!doctype html><title>Rumah Aman</title><h1>Our house</h1>
<script src="/events.js"></script>
<script src="{relay}/embed.js" integrity="{hash}" crossorigin
  data-label="Talk to somebody" data-close="Close"></script>
"""
EVENTS = """window.heard = [];
for (const name of ["open", "close", "exit"])
  document.addEventListener(`teduh:${name}`, () => heard.push(name));
"""
EXIT = re.compile("^(Exit|Keluar)$")


@dataclass(frozen=True, slots=True)
class Site:
    """Another site, and the relay whose page it shows."""

    page: Page
    url: str
    relay: str

    async def open(self) -> None:
        await self.page.goto("about:blank")
        await self.page.goto(self.url)
        await self.page.get_by_role("button", name="Talk to somebody").click()

    async def heard(self) -> object:
        return await self.page.evaluate("heard")


async def _hash_of_loader(relay: str) -> str:
    """What a site pins the loader to: the hash in the relay's manifest."""
    async with ClientSession() as session, session.get(f"{relay}/manifest.json") as answer:
        return str((await answer.json())["served"]["/embed.js"])


@asynccontextmanager
async def host_server() -> AsyncIterator[tuple[BaseTestServer, dict[str, str]]]:
    """A site with a strict policy of its own, which lets in the loader and the frame."""
    told: dict[str, str] = {}

    async def show(request: web.Request) -> web.Response:
        policy = f"default-src 'none'; script-src 'self' {told['relay']}; frame-src {told['relay']}"
        page = HOST_PAGE.format(
            relay=told["relay"], hash=told.get("hash") or await _hash_of_loader(told["relay"])
        )
        return web.Response(text=page, content_type="text/html", headers={"Content-Security-Policy": policy})

    async def events(request: web.Request) -> web.Response:
        return web.Response(text=EVENTS, content_type="text/javascript")

    async def weather(request: web.Request) -> web.Response:
        return web.Response(text="<title>Weather</title>Sunny", content_type="text/html")

    application = web.Application()
    application.add_routes([web.get("/", show), web.get("/events.js", events), web.get("/weather", weather)])
    async with TestServer(application) as server:
        yield server, told


@asynccontextmanager
async def embedding(folder: Path, *, listed: bool) -> AsyncIterator[Site]:
    assert (BUILT / "survivor.html").is_file(), "build the pages first: python tools/web_build.py"
    organisation = RelayOrganisation()
    path = organisation.write(folder)
    async with host_server() as (server, told), async_playwright() as playwright:
        host = str(server.make_url("/")).rstrip("/")
        embedded_by = [host] if listed else []
        page_table = f'\n[page]\nexit_url = "{host}/weather"\nembedded_by = {embedded_by!r}\n'
        path.write_text(organisation.public.to_toml() + page_table, "utf-8")
        with start_valkey(durability=Durability.MEMORY) as valkey:
            async with relay_here(path, valkey.url) as (_, relay):
                told["relay"] = relay
                browser = await playwright.chromium.launch(
                    executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
                )
                try:
                    yield Site(await browser.new_page(), f"{host}/", relay)
                finally:
                    await browser.close()


async def test_host_opens_and_closes_the_page_and_cannot_read_it(tmp_path: Path) -> None:
    async with embedding(tmp_path, listed=True) as site:
        await site.open()
        frame = site.page.locator("iframe")
        await expect(frame.content_frame.get_by_role("button", name=EXIT)).to_be_visible()
        assert await site.page.evaluate("document.querySelector('iframe').contentDocument") is None
        with pytest.raises(Exception, match="SecurityError"):
            await site.page.evaluate("document.querySelector('iframe').contentWindow.document")
        await site.page.get_by_role("button", name="Close").click()
        await expect(frame).to_be_hidden()
        await site.page.evaluate("Teduh.open()")
        await expect(frame).to_be_visible()
        await site.page.evaluate("Teduh.close()")
        assert await site.heard() == ["open", "close", "open", "close"]


async def test_exit_in_the_frame_leaves_the_host_too_and_back_does_not_return(tmp_path: Path) -> None:
    async with embedding(tmp_path, listed=True) as site:
        await site.open()
        await site.page.frame_locator("iframe").get_by_role("button", name=EXIT).click()
        await site.page.wait_for_url("**/weather")
        await site.page.go_back()
        assert site.page.url == "about:blank"


async def test_strangers_in_the_page_cannot_pretend_that_she_leaves(tmp_path: Path) -> None:
    async with embedding(tmp_path, listed=True) as site:
        await site.open()
        await site.page.evaluate(
            "new Promise((done) => { postMessage({ teduh: 'exit' }, '*'); setTimeout(done) })"
        )
        assert await site.heard() == ["open"]
        assert site.page.url == site.url


async def test_site_that_is_not_listed_shows_nothing(tmp_path: Path) -> None:
    async with embedding(tmp_path, listed=False) as site:
        async with site.page.expect_console_message(lambda message: "frame-ancestors" in message.text):
            await site.open()
        assert await site.page.frame_locator("iframe").get_by_role("button", name=EXIT).count() == 0
