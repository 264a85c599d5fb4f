"""A siege as the pages show it: she is told that her device works for her request; staff report a fake."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import ViewportSize, expect
from support.browsers.accessible import barriers
from support.browsers.console_page import (
    IN_ENGLISH,
    IN_INDONESIAN,
    ConsolePage,
    DeskWords,
    console_environment,
)
from support.browsers.environment import relay_environment
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import ENGLISH, INDONESIAN, SurvivorPage, Words
from support.clients.sdk_people import until
from teduh_crypto.credentials import Role
from teduh_sdk import events
from teduh_sdk.survivor import Survivor

PHONE, DESK = ViewportSize(width=360, height=740), ViewportSize(width=1280, height=800)
WORKING = {
    "en": "This device is doing a small task",
    "id": "HP ini sedang mengerjakan tugas kecil",
}
REPORT = {
    "en": ("This was no request for help…", "This was no request for help?", "Report it, and end"),
    "id": ("Ini bukan permintaan bantuan…", "Ini bukan permintaan bantuan?", "Laporkan, lalu akhiri"),
}


@pytest.mark.parametrize(("language", "words"), [("en", ENGLISH), ("id", INDONESIAN)])
async def test_she_is_told_that_her_device_works_and_then_she_is_in_the_line(
    tmp_path: Path, language: str, words: Words
) -> None:
    """What solves the price comes later, under its hash, and runs within the page's policy."""
    async with (
        relay_environment(tmp_path, free_requests=1, calm_waiting=1) as place,
        chromium(tmp_path / "profile", language) as browser,
        AsyncExitStack() as people,
    ):
        staff = await people.enter_async_context(place.staff())
        await staff.set_available(1)
        for _ in range(3):
            others = await people.enter_async_context(Survivor(place.url, place.organisation.public))
            await others.ask()
        she = await SurvivorPage.open(browser, place.url, words)
        await she.page.set_viewport_size(PHONE)
        failures: list[str] = []
        she.page.on("pageerror", lambda error: failures.append(str(error)))
        await she.ask()
        await expect(she.page.get_by_text(WORKING[language])).to_be_visible()
        assert await barriers(she.page) == []
        await she.page.screenshot(path=tmp_path / f"paying-{language}.png")
        await expect(she.page.get_by_text(WORKING[language])).to_have_count(0, timeout=60_000)
        await expect(she.page.locator(".place-now")).to_contain_text("4")
        assert failures == []


@pytest.mark.parametrize(("language", "words"), [("en", IN_ENGLISH), ("id", IN_INDONESIAN)])
async def test_staff_report_a_fake_and_who_shares_its_address_is_back_by_herself(
    tmp_path: Path, language: str, words: DeskWords
) -> None:
    opener, title, go = REPORT[language]
    async with (
        console_environment(tmp_path) as place,
        chromium(tmp_path / "profile", language) as browser,
        Survivor(place.url, place.organisation.public) as fake,
        Survivor(place.url, place.organisation.public) as neighbour,
    ):
        await fake.ask()
        console = await ConsolePage.set_up_by(browser, place.coordinator.link(Role.COUNSELOR), words)
        await place.approve()
        await console.is_at_the_desk()
        await console.page.get_by_role("radio", name=words.available).check()
        await console.accept()
        waiting = await neighbour.ask()
        await until(waiting, events.Waiting)
        await console.button(words.end).click()
        for size, device in ((PHONE, "phone"), (DESK, "desk")):
            await console.page.set_viewport_size(size)
            await expect(console.button(opener)).to_be_visible()
            await console.page.screenshot(path=tmp_path / f"end-{language}-{device}.png")
        await console.button(opener).click()
        dialog = console.page.get_by_role("dialog", name=title)
        for size, device in ((PHONE, "phone"), (DESK, "desk")):
            await console.page.set_viewport_size(size)
            await expect(dialog).to_be_visible()
            await console.page.screenshot(path=tmp_path / f"report-{language}-{device}.png")
        assert await barriers(console.page) == []
        await console.button(go).click()
        await expect(dialog).to_have_count(0)
        await until(waiting, events.Reconnecting)
        assert (await until(waiting, events.Waiting)).position == 1
