"""Being woken, in a real browser: the box, the relay, a push service on this machine, the one sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import CDPSession, Page, expect
from support.browsers.console_page import ConsoleEnvironment, ConsolePage, console_environment
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import SurvivorPage
from support.clients.frame_client import frame_client
from support.clients.sdk_people import PATIENCE
from support.eventually import becomes
from support.relay.push_service import push_service, push_settings, subscribes_here
from teduh_server.redis_store import keys
from teduh_server.staff.push_message import TEXT


@asynccontextmanager
async def _environment(folder: Path) -> AsyncIterator[ConsoleEnvironment]:
    async with console_environment(folder, push=push_settings(folder)) as environment:
        yield environment


async def _scopes(page: Page) -> list[str]:
    """Where the origin has service workers."""
    found = await page.evaluate(
        "navigator.serviceWorker.getRegistrations()"
        ".then((all) => all.map(({ scope }) => new URL(scope).pathname))"
    )
    assert isinstance(found, list)
    return found


async def _are_subscribed(environment: ConsoleEnvironment, count: int) -> None:
    """Wait until so many devices are: whoever signs out does not wait for the relay."""
    await becomes(lambda: environment.relay.parts.store.ask((b"HLEN", keys.PUSH_DEVICES)), count, PATIENCE)


class _Worker:
    """The worker as the browser's own tools see it."""

    def __init__(self, cdp: CDPSession) -> None:
        self._cdp = cdp
        self._registration: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        cdp.on("ServiceWorker.workerRegistrationUpdated", self._updated)

    def _updated(self, news: dict[str, Any]) -> None:
        for each in news["registrations"]:
            if not self._registration.done() and not each["isDeleted"]:
                self._registration.set_result(each["registrationId"])

    async def push(self, origin: str, text: str) -> None:
        """As if the push service had brought this."""
        await self._cdp.send("ServiceWorker.enable")
        told = {"origin": origin, "registrationId": await self._registration, "data": text}
        await self._cdp.send("ServiceWorker.deliverPushMessage", told)


async def test_a_console_is_woken_by_one_sentence_and_her_page_has_no_worker(tmp_path: Path) -> None:
    """From the tick to the push service, from the push to the notice, and nothing of it after signing out."""
    async with (
        push_service() as service,
        _environment(tmp_path) as environment,
        chromium(tmp_path / "profile", troubles="TrustedScriptURL") as browser,
    ):
        await subscribes_here(browser, service)
        await browser.grant_permissions(["notifications"], origin=environment.url)
        console = await ConsolePage.enter(browser, environment)
        page = console.page
        assert await _scopes(page) == []
        await page.get_by_text("Your shift", exact=True).click()
        box = page.get_by_role("checkbox", name="Wake this device when somebody waits")
        await box.click()
        await expect(box).to_be_checked()
        assert await _scopes(page) == ["/console/"]
        await _are_subscribed(environment, 1)

        hers = await SurvivorPage.open(browser, environment.url)
        her_page = hers.page
        assert await her_page.evaluate("navigator.serviceWorker.controller") is None
        assert await her_page.evaluate("navigator.serviceWorker.getRegistration('/')") is None
        refused = await her_page.evaluate(
            "navigator.serviceWorker.register('/console/worker.js').then(() => '', (error) => error.name)"
        )
        assert refused

        await page.keyboard.press("Alt+l")
        await console.headed("Locked")
        async with frame_client(environment.url) as survivor:
            await survivor.open_request()
            body, _ = await asyncio.wait_for(service.pushed.get(), PATIENCE)
        assert service.read(body) == TEXT

        worker = _Worker(await browser.new_cdp_session(page))
        notices = (
            "navigator.serviceWorker.ready.then((worker) => worker.getNotifications())"
            ".then((all) => all.map(({ title, body }) => [title, body]))"
        )
        shown: list[list[str]] = []
        async with asyncio.timeout(PATIENCE):
            while not shown:
                # A worker that was about to stop may miss one.
                await worker.push(environment.url, "Dewi, in Bandung")
                shown = await page.evaluate(notices)
        assert shown == [["Somebody is waiting", "Seseorang sedang menunggu"]]

        await console.unlock()
        await console.is_at_the_desk()
        await page.get_by_text("Your shift", exact=True).click()
        await expect(box).to_be_checked()
        await console.button("Sign out and erase").click()
        await console.button("Erase it all").click()
        await console.headed("Set up this device")
        assert await _scopes(page) == []
        await _are_subscribed(environment, 0)
