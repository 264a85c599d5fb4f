"""Who waits in vain behind those whom the listing holds is shown when she moves up."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import expect
from support.browsers.console_page import ConsolePage, console_environment
from support.browsers.real_browser import chromium
from support.clients.frame_client import frame_client
from teduh_crypto.credentials import Role
from teduh_signaling.relay.frames import (
    CancelRequest,
    Done,
    OpenRequest,
    RequestDetails,
    RequestOpened,
    Urgency,
)


async def test_who_was_behind_the_listing_is_shown_when_she_moves_up(tmp_path: Path) -> None:
    async with (
        console_environment(tmp_path, routing={"alert_after_seconds": 3.0}) as environment,
        chromium(tmp_path / "profile", bypass_csp=True) as browser,
        AsyncExitStack() as people,
    ):
        console = await ConsolePage.enter(browser, environment, Role.SUPERVISOR)
        alert = console.page.get_by_role("region", name="Board").get_by_role("alert")
        # Urgent, so that the rate limit lets all of them through.
        details = RequestDetails(urgency=Urgency.EMERGENCY)
        waiting = []
        for place in range(9):
            asking = await people.enter_async_context(frame_client(environment.url))
            for each in range(8):
                request = OpenRequest(each, bytes([place, each]) * 16, b"key package", details)
                waiting.append((asking, (await asking.ask(request, RequestOpened)).conversation_id))
        # The listing has room for 64 of these 72; all have waited in vain by then.
        await expect(alert).to_have_count(64, timeout=30_000)
        await console.page.wait_for_timeout(2000)
        for number, (asking, conversation) in enumerate(waiting[:10]):
            await asking.ask(CancelRequest(1, conversation), Done)
            if number == 0:
                await console.page.wait_for_timeout(2000)
        await expect(alert).to_have_count(62, timeout=10_000)
