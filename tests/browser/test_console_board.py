"""A supervisor's desk: the board's numbers, what was wished for, and the shift that routing goes by."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import expect
from support.browsers.accessible import barriers
from support.browsers.console_page import ConsolePage, console_environment
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import SurvivorPage
from support.clients.frame_client import frame_client
from teduh_crypto.credentials import Role
from teduh_signaling.relay.frames import (
    CancelRequest,
    Done,
    OpenRequest,
    QueueAlert,
    RequestDetails,
    RequestOpened,
    WatchQueue,
)

ALERT_SECONDS = 3.0
_PAGE = 'regions = ["Jakarta", "Bandung"]\nneeds = ["legal", "dispatch"]'


async def test_the_board_counts_and_her_wishes_meet_the_shift(tmp_path: Path) -> None:
    """What she wishes for is seen, and offered to who says that she is it; small counts are not told."""
    async with (
        console_environment(tmp_path, _PAGE, routing={"mode": "offer", "goal_seconds": 90}) as environment,
        chromium(tmp_path / "profile", bypass_csp=True, colours="dark") as browser,
        AsyncExitStack() as people,
    ):
        for place in range(3):
            asking = await people.enter_async_context(frame_client(environment.url))
            for each in range(2):
                details = RequestDetails(need="legal", language="id")
                request = OpenRequest(each, bytes([place, each]) * 16, b"key package", details)
                await asking.ask(request, RequestOpened)
        hers = await SurvivorPage.open(browser, environment.url)
        assert await barriers(hers.page) == []
        await hers.page.get_by_role("radio", name="Somebody to come").check()
        await hers.page.get_by_label("Who would you rather talk to?").select_option("A woman")
        await hers.page.get_by_label("Roughly where are you?").select_option("Bandung")
        await hers.ask()

        console = await ConsolePage.enter(browser, environment, Role.SUPERVISOR)
        page = console.page
        board = page.get_by_role("region", name="Board")
        await expect(board).to_contain_text("Waiting7")
        await expect(board).to_contain_text("Colleagues sought0")
        await expect(board).to_contain_text("Goal: answered within90 s")
        await expect(board).to_contain_text("Available, busy, away1 / 0 / 0")
        await expect(board).to_contain_text("Conversations per available person0.0")
        await board.get_by_text("Waiting, by need").click()
        await expect(board).to_contain_text("Legal advice6")
        await expect(board).to_contain_text("Somebody to comefewer than 5")
        days = board.get_by_role("table")
        await expect(days.get_by_role("columnheader")).to_have_text(
            ["Day", "Asked", "Answered", "Within 90 s", "Given up"]
        )
        await expect(days.get_by_role("row").nth(1).get_by_role("cell")).to_have_text(["7", "0", "0", "0"])
        listed = page.locator(".queue-item").filter(has_text="Somebody to come")
        await expect(listed).to_contain_text("Rather: A woman")
        await expect(listed).to_contain_text("Bandung")
        offer = page.locator(".offer")
        await expect(offer).to_have_count(0)

        await page.get_by_text("Your shift", exact=True).click()
        await page.get_by_role("combobox", name="You are").select_option("A woman")
        await page.get_by_role("combobox", name="Region").select_option("Bandung")
        await page.get_by_label("Ends at", exact=True).fill("23:59")
        await expect(offer).to_contain_text("Rather: A woman")
        assert await barriers(page) == []
        await console.button("Accept").click()
        await expect(board).to_contain_text("Conversations per available person1.0")
        await expect(page.get_by_label("Details")).to_contain_text("Bandung")
        await expect(days.get_by_role("row").nth(1).get_by_role("cell")).to_have_text(
            ["7", "fewer than 5", "fewer than 5", "0"]
        )
        await page.set_viewport_size({"width": 360, "height": 740})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        assert await barriers(page) == []


async def test_who_waits_in_vain_is_shown_until_she_is_taken_and_anew_when_she_waits_anew(
    tmp_path: Path,
) -> None:
    async with (
        console_environment(tmp_path, routing={"alert_after_seconds": ALERT_SECONDS}) as environment,
        chromium(tmp_path / "profile", bypass_csp=True) as browser,
        frame_client(environment.url) as asking,
        frame_client(environment.url) as supervisor,
    ):
        await supervisor.authenticate(environment.organisation.staff("Ibu Ratna", Role.SUPERVISOR))
        console = await ConsolePage.enter(browser, environment, Role.SUPERVISOR)
        alert = console.page.get_by_role("region", name="Board").get_by_role("alert")
        listed = console.page.locator(".queue-item")
        asks = OpenRequest(1, asking.capability, b"key package", RequestDetails(language="id"))
        request = (await asking.ask(asks, RequestOpened)).conversation_id
        await expect(alert).to_have_count(1)
        assert await barriers(console.page) == []
        assert (await supervisor.expect(QueueAlert)).conversation_id == request
        # Whoever comes to the desk later sees it, too.
        await console.page.reload()
        await console.unlock()
        await expect(alert).to_have_count(1)

        await asking.ask(CancelRequest(2, request), Done)
        await expect(listed).to_have_count(0)
        await expect(alert).to_have_count(0)
        await asking.ask(asks, RequestOpened)
        await expect(listed).to_have_count(1)
        shown = await alert.count()
        await supervisor.ask(WatchQueue(3, False), Done)
        if not any(isinstance(frame, QueueAlert) for frame in supervisor.seen):
            # She has only begun to wait.
            assert shown == 0
        await expect(alert).to_have_count(1)
        await alert.get_by_role("button").click()
        await expect(alert).to_have_count(0)
        await expect(listed).to_have_count(0)
