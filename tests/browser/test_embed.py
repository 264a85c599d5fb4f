"""The survivor's page inside another site: opened, closed, left, and never read by the site around it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer
from playwright.async_api import FrameLocator, Page, Route, expect
from support.browsers.call_pages import DEVICES, WATCH
from support.browsers.environment import RelayEnvironment, accepted, killable_environment, relay_environment
from support.browsers.real_browser import chromium, two_taps
from support.clients.sdk_people import PATIENCE, until
from teduh_sdk import events
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.staff.staff import Staff

# As docs/pages.md has it for a site that wants to see a change before its visitors do.
HOST_PAGE = """<!doctype html><title>Rumah Aman</title><link rel="icon" href="data:,"><h1>Our house</h1>
<script src="/events.js"></script>
<script src="{relay}/embed.js" data-label="Talk to us" data-close="Close"
  integrity="{integrity}" crossorigin="anonymous"></script>
"""
EVENTS = """window.heard = [];
for (const name of ["open", "close", "exit"])
  document.addEventListener(`teduh:${name}`, () => heard.push(name));
"""
STATES = "() => window.tracks.map((track) => track.readyState)"
EXIT = re.compile("^(Exit|Keluar)$")


@dataclass(frozen=True, slots=True)
class Site:
    """Another site, and the environment whose page it shows."""

    page: Page
    url: str
    here: RelayEnvironment

    async def open(self) -> None:
        await self.page.goto("about:blank")
        await self.page.goto(self.url)
        await self.page.get_by_role("button", name="Talk to us").click()

    async def heard(self) -> object:
        return await self.page.evaluate("heard")


@asynccontextmanager
async def host_server() -> AsyncIterator[tuple[BaseTestServer, dict[str, str]]]:
    """A site with a strict policy of its own, which lets in the loader and the frame."""
    told: dict[str, str] = {}

    async def show(request: web.Request) -> web.Response:
        images = "img-src data:"
        policy = f"default-src 'none'; {images}; script-src 'self' {told['relay']}; frame-src {told['relay']}"
        page = HOST_PAGE.format_map(told)
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
async def embedding(folder: Path, *, listed: bool, more: str = "", **settings: object) -> AsyncIterator[Site]:
    async with host_server() as (server, told):
        host = str(server.make_url("/")).rstrip("/")
        table = f'exit_url = "{host}/weather"\nembedded_by = {[host] if listed else []!r}\n{more}'
        async with (
            relay_environment(folder, table, **settings) as here,
            chromium(
                folder / "profile",
                width=360,
                height=640,
                touch=True,
                arguments=DEVICES,
                # The frame leaves, too, to where this site's policy lets no frame go.
                troubles="frame-src" if listed else "frame-ancestors",
            ) as browser,
        ):
            told |= {"relay": here.url, "integrity": await published_hash(here.url)}
            yield Site(await browser.new_page(), f"{host}/", here)


async def published_hash(relay: str) -> str:
    """Of the loader, as the relay's manifest has it."""
    async with aiohttp.ClientSession() as session, session.get(f"{relay}/manifest.json") as response:
        return str((await response.json())["built"]["embed.js"])


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


Leave = Callable[[Site, FrameLocator], Awaitable[None]]


async def by_button(_: Site, frame: FrameLocator) -> None:
    await frame.get_by_role("button", name=EXIT).tap()


async def by_shift(_: Site, frame: FrameLocator) -> None:
    for _press in range(3):
        await frame.get_by_role("textbox").press("Shift")


async def by_two_taps(site: Site, frame: FrameLocator) -> None:
    box = await frame.get_by_role("region", name="Conversation").bounding_box()
    assert box is not None
    await two_taps(site.page, box["x"] + box["width"] - 8, box["y"] + box["height"] / 2)


async def test_exit_in_the_frame_leaves_the_host_too_and_back_does_not_return(tmp_path: Path) -> None:
    """In mid-conversation, in each of its ways; staff are told."""
    async with embedding(tmp_path, listed=True) as site, site.here.staff("Sari") as staff:
        for leave in (by_button, by_shift, by_two_taps):
            frame, his = await talking_inside(site, staff)
            await leave(site, frame)
            await site.page.wait_for_url("**/weather")
            assert (await until(his, events.MemberDisconnected)).participant.is_survivor
            await site.page.go_back()
            assert site.page.url == "about:blank"


async def test_exit_in_the_frame_leaves_the_host_too_while_the_relay_is_away(tmp_path: Path) -> None:
    """By way of the relay she would come to an error of her browser's, with an address that she never saw."""
    async with (
        host_server() as (server, told),
        chromium(tmp_path / "profile", width=360, height=640, touch=True, troubles="frame-src") as browser,
    ):
        host = str(server.make_url("/")).rstrip("/")
        table = f'exit_url = "{host}/weather"\nembedded_by = {[host]!r}\n'
        with killable_environment(tmp_path, table) as (here, relay):
            await here.organisation.publish_revocations(here.url)
            told |= {"relay": here.url, "integrity": await published_hash(here.url)}
            site = Site(await browser.new_page(), f"{host}/", here)
            await site.open()
            frame = site.page.frame_locator("iframe")
            await frame.get_by_role("button", name="Talk to somebody").tap()
            await expect(frame.locator(".link.connected")).to_be_visible()
            relay.kill()
            await expect(frame.get_by_text("Reconnecting…")).to_be_visible()
            await frame.get_by_role("button", name=EXIT).tap()
            await site.page.wait_for_url("**/weather")
            await site.page.go_back()
            assert site.page.url == "about:blank"


async def test_exit_in_the_frame_leaves_the_host_too_where_the_relay_says_nothing(tmp_path: Path) -> None:
    """Until it answered, the site would be there to be seen."""
    async with (
        host_server() as (server, told),
        chromium(tmp_path / "profile", width=360, height=640, touch=True, troubles="frame-src") as browser,
    ):
        host = str(server.make_url("/")).rstrip("/")
        table = f'exit_url = "{host}/weather"\nembedded_by = {[host]!r}\n'
        with killable_environment(tmp_path, table) as (here, relay):
            told |= {"relay": here.url, "integrity": await published_hash(here.url)}
            site = Site(await browser.new_page(), f"{host}/", here)
            await site.open()
            exit_button = site.page.frame_locator("iframe").get_by_role("button", name=EXIT)
            await expect(exit_button).to_be_visible()
            os.kill(relay.pid, signal.SIGSTOP)
            try:
                await exit_button.tap(no_wait_after=True)
                await site.page.wait_for_url("**/weather")
            finally:
                os.kill(relay.pid, signal.SIGCONT)
            await site.page.go_back()
            assert site.page.url == "about:blank"


async def talking_inside(site: Site, staff: Staff) -> tuple[FrameLocator, Conversation]:
    """She has asked for somebody in the frame, and has been answered."""
    await site.open()
    frame = site.page.frame_locator("iframe")
    await frame.get_by_role("button", name="Talk to somebody").tap()
    his = await accepted(staff)
    await his.send("I am here.")
    await expect(frame.get_by_text("I am here.")).to_be_visible()
    return frame, his


async def test_nothing_is_read_in_a_frame_that_is_closed_until_it_is_opened(tmp_path: Path) -> None:
    """Whoever waits for her answer must not believe that she has seen what is not shown anywhere."""
    async with embedding(tmp_path, listed=True) as site, site.here.staff("Sari") as staff:
        frame, his = await talking_inside(site, staff)
        await until(his, events.Read)
        await site.page.get_by_role("button", name="Close").click()
        await expect(site.page.locator("iframe")).to_be_hidden()
        await expect(frame.locator(".app.veiled")).to_be_attached()
        # What would be said of the first comes before anything of the second.
        for text in ("Are you still there?", "Take your time."):
            sent = await his.send(text)
            told: list[events.Event] = []
            async with asyncio.timeout(PATIENCE):
                while not any(
                    isinstance(each, events.Delivered) and each.message_id == sent for each in told
                ):
                    told.append(await anext(his))
            assert not [each for each in told if isinstance(each, events.Read)]
        await site.page.evaluate("Teduh.open()")
        await expect(frame.get_by_text("Take your time.")).to_be_visible()
        await until(his, events.Read)


async def test_page_in_a_frame_that_was_closed_for_long_shows_its_cover(tmp_path: Path) -> None:
    """As one whose tab was hidden: whoever presses the button on the site later must not find her words."""
    async with (
        embedding(tmp_path, listed=True, more='cover = { skin = "weather" }') as site,
        site.here.staff("Sari") as staff,
    ):
        frame, _ = await talking_inside(site, staff)
        await site.page.evaluate("Teduh.close()")
        await expect(frame.locator(".app.veiled")).to_be_attached()
        (inside,) = site.page.main_frame.child_frames
        await inside.evaluate("() => { const now = Date.now.bind(Date); Date.now = () => now() + 61_000 }")
        await site.page.evaluate("Teduh.open()")
        await expect(frame.get_by_text("Weather today")).to_be_visible()
        await expect(frame.get_by_text("I am here.")).to_be_hidden()
        await frame.locator(".spot").tap()
        await expect(frame.get_by_text("I am here.")).to_be_visible()


@asynccontextmanager
async def before_a_call(folder: Path) -> AsyncIterator[tuple[Site, FrameLocator]]:
    """She talks with somebody in the frame, and is asked how she would like to call."""
    async with (
        embedding(folder, listed=True, calls={"allow_direct": True}) as site,
        site.here.staff("Sari") as staff,
    ):
        await site.page.add_init_script(WATCH)
        frame, _ = await talking_inside(site, staff)
        await frame.get_by_role("button", name="Talk by voice or video").tap()
        yield site, frame


async def test_closing_the_frame_ends_her_call(tmp_path: Path) -> None:
    """Whoever has closed it does not think that somebody still hears the room."""
    async with before_a_call(tmp_path) as (site, frame):
        await frame.get_by_role("button", name="Voice call").tap()
        await expect(frame.get_by_text("Your microphone is on")).to_be_visible()
        (inside,) = site.page.main_frame.child_frames
        assert await inside.evaluate(STATES) == ["live"]
        await site.page.evaluate("Teduh.close()")
        await inside.wait_for_function(f"({STATES})().every((state) => state === 'ended')")
        await site.page.evaluate("Teduh.open()")
        await expect(frame.get_by_role("button", name="Talk by voice or video")).to_be_visible()
        await expect(frame.get_by_text("Your microphone is on")).to_be_hidden()


async def test_closing_the_frame_turns_off_what_she_tries(tmp_path: Path) -> None:
    """A camera that looks on behind what is closed, and its light, tell of her."""
    async with before_a_call(tmp_path) as (site, frame):
        await frame.get_by_role("button", name="Try microphone and camera first").tap()
        await frame.get_by_role("button", name="Show me my picture").tap()
        await expect(frame.get_by_text("Your camera is on, for you alone")).to_be_visible()
        await frame.get_by_role("button", name="Try the microphone").tap()
        await expect(frame.get_by_text("Your microphone is on, for you alone")).to_be_visible()
        (inside,) = site.page.main_frame.child_frames
        assert await inside.evaluate(STATES) == ["live", "live"]
        await site.page.evaluate("Teduh.close()")
        await inside.wait_for_function(f"({STATES})().every((state) => state === 'ended')")


async def test_strangers_in_the_page_cannot_pretend_that_she_leaves(tmp_path: Path) -> None:
    async with embedding(tmp_path, listed=True) as site:
        await site.open()
        await site.page.evaluate(
            "new Promise((done) => { postMessage({ teduh: 'exit' }, '*'); setTimeout(done) })"
        )
        assert await site.heard() == ["open"]
        assert site.page.url == site.url


CONTACT = """
[[page.emergency_numbers]]
link = "https://chat.example/62811"
name = "Rumah Aman"
"""


async def test_an_emergency_link_opens_from_the_frame_without_the_frames_limits(tmp_path: Path) -> None:
    """In a tab with an origin of its own, or its site could do nothing; host and frame stay as they are."""
    async with embedding(tmp_path, listed=True, more=CONTACT) as site:

        async def answer(route: Route) -> None:
            page = "<!doctype html><title>Elsewhere</title>"
            await route.fulfill(body=page, content_type="text/html")

        await site.page.context.route("https://chat.example/**", answer)
        await site.open()
        frame = site.page.frame_locator("iframe")
        await frame.locator(".emergency-button").tap()
        async with site.page.context.expect_page() as opening:
            await frame.locator("#emergency a").tap()
        elsewhere = await opening.value
        await expect(elsewhere).to_have_title("Elsewhere")
        found = await elsewhere.evaluate("[origin, opener, document.referrer]")
        assert found == ["https://chat.example", None, ""]
        await expect(frame.locator("#emergency")).to_be_visible()
        assert site.page.url == site.url


async def test_site_that_is_not_listed_shows_nothing(tmp_path: Path) -> None:
    async with embedding(tmp_path, listed=False) as site:
        async with site.page.expect_console_message(lambda message: "frame-ancestors" in message.text):
            await site.open()
        assert await site.page.frame_locator("iframe").get_by_role("button", name=EXIT).count() == 0
