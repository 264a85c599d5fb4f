"""Who else can help, on her page: before she asks, while she waits, and when it is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from playwright.async_api import Page, Request, Route, WebSocket, expect
from support.browsers.accessible import barriers
from support.browsers.console_page import (
    IN_ENGLISH,
    IN_INDONESIAN,
    ConsolePage,
    DeskWords,
    console_environment,
)
from support.browsers.directory_environment import days_ago, environment_with_directory, sign_services
from support.browsers.environment import accepted, relay_environment
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import ENGLISH, INDONESIAN, SurvivorPage, Words
from teduh_sdk import Directory
from teduh_server.organisation.signed_directory import DIRECTORY_FILE


@dataclass(frozen=True, slots=True)
class Shown:
    """What stands there in one language."""

    words: Words
    code: str
    title: str
    found: str
    one: str
    safe_house: str
    legal: str
    checked: str
    need: str
    legal_need: str
    open_now: str
    police: str


LANGUAGES = (
    Shown(
        ENGLISH,
        "en",
        "Who else can help",
        "3 places can help",
        "1 place can help",
        "Safe House",
        "Legal Aid",
        "Last checked on ",
        "What do you need?",
        "Legal advice",
        "Only what is open now",
        "Police",
    ),
    Shown(
        INDONESIAN,
        "id",
        "Siapa lagi yang bisa membantu",
        "3 tempat bisa membantu",
        "1 tempat bisa membantu",
        "Rumah Aman",
        "Bantuan Hukum",
        "Terakhir diperiksa ",
        "Anda butuh bantuan apa?",
        "Nasihat hukum",
        "Hanya yang buka sekarang",
        "Polisi",
    ),
)
each_language = pytest.mark.parametrize("shown", LANGUAGES, ids=lambda shown: shown.code)


def asked_of(page: Page) -> list[str]:
    """The paths that the page asks for, from now on."""
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    return asked


@each_language
async def test_she_searches_before_she_asks_and_nobody_learns_for_what(tmp_path: Path, shown: Shown) -> None:
    async with (
        environment_with_directory(tmp_path) as here,
        chromium(tmp_path / "profile", shown.code, width=360, height=640) as browser,
    ):
        hers = await SurvivorPage.open(browser, here.url, shown.words)
        page = hers.page
        await hers.button(shown.title).click()
        panel = page.locator("#services")
        await expect(panel.get_by_role("status")).to_have_text(shown.found)
        assert await barriers(page) == []
        asked = asked_of(page)
        await panel.get_by_label(shown.need).select_option(label=shown.legal_need)
        await expect(panel.get_by_role("status")).to_have_text(shown.one)
        await expect(panel.get_by_role("heading", level=3)).to_have_text([shown.legal])
        await panel.get_by_label(shown.need).select_option(index=0)
        await panel.get_by_label(shown.open_now).check()
        await expect(panel.get_by_role("heading", level=3)).to_have_text([shown.police])
        assert asked == []


@each_language
async def test_a_number_stands_there_in_full_before_it_can_be_called(tmp_path: Path, shown: Shown) -> None:
    async with (
        environment_with_directory(tmp_path) as here,
        chromium(tmp_path / "profile", shown.code, width=360, height=640) as browser,
    ):
        hers = await SurvivorPage.open(browser, here.url, shown.words)
        await hers.button(shown.title).click()
        card = hers.page.locator("#services .card").filter(has_text=shown.safe_house)
        await expect(card.locator(".site")).to_have_text(["0811 1129 129", "https://wa.me/628111129129"])
        called, written = card.locator("a").nth(0), card.locator("a").nth(1)
        await expect(called).to_have_attribute("href", "tel:08111129129")
        await expect(written).to_have_attribute("href", "https://wa.me/628111129129")
        await expect(written).to_have_attribute("rel", "noopener noreferrer")
        number, tap = await card.locator(".site").nth(0).bounding_box(), await called.bounding_box()
        assert number is not None
        assert tap is not None
        assert number["y"] + number["height"] <= tap["y"]


@each_language
async def test_old_facts_say_so_and_older_ones_are_not_there(tmp_path: Path, shown: Shown) -> None:
    async with (
        environment_with_directory(tmp_path) as here,
        chromium(tmp_path / "profile", shown.code, width=360, height=640) as browser,
    ):
        hers = await SurvivorPage.open(browser, here.url, shown.words)
        await hers.button(shown.title).click()
        panel = hers.page.locator("#services")
        old = date.fromisoformat(days_ago(181))
        await expect(panel.locator(".card").filter(has_text=shown.checked)).to_have_count(1)
        await expect(panel.get_by_text(shown.checked)).to_contain_text(str(old.year))
        await expect(panel.locator(".card").filter(has_text=shown.checked)).to_contain_text(shown.safe_house)
        await expect(panel.get_by_role("heading", level=3)).to_have_count(3)


@each_language
async def test_it_is_there_while_she_waits_and_when_it_is_over(tmp_path: Path, shown: Shown) -> None:
    async with (
        environment_with_directory(tmp_path) as here,
        here.staff() as staff,
        chromium(tmp_path / "profile", shown.code, width=360, height=640) as browser,
    ):
        hers = await SurvivorPage.open(browser, here.url, shown.words)
        async with hers.page.expect_response("**/v1/directory"):
            await hers.ask()
        # It has come while she waits: opening it asks nobody.
        asked = asked_of(hers.page)
        await hers.button(shown.title).click()
        await expect(hers.page.locator("#services").get_by_role("status")).to_have_text(shown.found)
        assert [url for url in asked if "/v1/directory" in url] == []
        assert await barriers(hers.page) == []
        await hers.page.keyboard.press("Escape")
        await expect(hers.page.locator("#services")).to_have_count(0)
        conversation = await accepted(staff)
        await hers.is_in_the_room("Sari")
        await expect(hers.button(shown.title)).to_have_count(0)
        await conversation.end()
        await hers.button(shown.title).click()
        await expect(hers.page.locator("#services").get_by_role("status")).to_have_text(shown.found)


@dataclass(frozen=True, slots=True)
class Desk:
    """What stands on the console in one language."""

    words: DeskWords
    replies: str
    send_one: str
    field: str
    send: str


DESKS = {
    "en": Desk(IN_ENGLISH, "Replies", "Send a place that can help", "Name", "Send: Safe House"),
    "id": Desk(IN_INDONESIAN, "Jawaban", "Kirim tempat bantuan", "Nama", "Kirim: Rumah Aman"),
}


@each_language
async def test_staff_find_a_service_and_she_sees_it_as_the_organisation_signed_it(
    tmp_path: Path, shown: Shown
) -> None:
    """Nobody is asked while staff search, nor when it comes; its number stands in full above the call."""
    desk = DESKS[shown.code]
    (tmp_path / DIRECTORY_FILE).write_text("{}")
    async with (
        console_environment(tmp_path) as here,
        chromium(tmp_path / "hers", shown.code, width=360, height=640) as her_browser,
        chromium(tmp_path / "theirs", shown.code) as their_browser,
    ):
        sign_services(tmp_path, here.organisation)
        console = await ConsolePage.set_up_by(their_browser, here.coordinator.link(), desk.words)
        await here.approve()
        await console.is_at_the_desk()
        await console.page.get_by_role("radio", name=desk.words.available).check()
        hers = await SurvivorPage.open(her_browser, here.url, shown.words)
        async with hers.page.expect_response("**/v1/directory"):
            await hers.ask()
        await console.accept()
        await expect(hers.page.locator(".room-names")).to_be_visible()
        await console.button(desk.replies).click()
        await console.button(desk.send_one).click()
        dialog = console.page.get_by_role("dialog")
        await expect(dialog.get_by_role("heading", level=3)).to_have_count(3)
        assert await barriers(console.page) == []
        asked = [*asked_of(console.page), *asked_of(hers.page)]
        await dialog.get_by_label(desk.field, exact=True).fill("rumah")
        await expect(dialog.get_by_role("heading", level=3)).to_have_text([shown.safe_house])
        await expect(dialog.locator("bdi")).to_have_text(["0811 1129 129", "https://wa.me/628111129129"])
        await dialog.get_by_role("button", name=desk.send).click()
        await expect(dialog).to_have_count(0)
        await expect(console.page.locator(".message.own .words")).to_contain_text("0811 1129 129")
        card = hers.page.locator(".message .card").filter(has_text=shown.safe_house)
        called = card.locator("a").nth(0)
        await expect(called).to_have_attribute("href", "tel:08111129129")
        await expect(card.locator(".site").nth(0)).to_have_text("0811 1129 129")
        number, tap = await card.locator(".site").nth(0).bounding_box(), await called.bounding_box()
        assert number is not None
        assert tap is not None
        assert number["y"] + number["height"] <= tap["y"]
        assert await barriers(hers.page) == []
        assert asked == []


async def test_without_the_directory_she_reads_what_staff_say_and_nothing_can_be_called(
    tmp_path: Path,
) -> None:
    async with (
        environment_with_directory(tmp_path) as here,
        here.staff() as staff,
        chromium(tmp_path / "profile", width=360, height=640) as browser,
    ):
        hers = await SurvivorPage.open(browser, here.url)
        await hers.page.route("**/v1/directory", lambda route: route.abort())
        await hers.ask()
        conversation = await accepted(staff)
        await hers.is_in_the_room("Sari")
        directory = await Directory.fetch(here.url, here.organisation.public)
        (found,) = directory.search(need="shelter")
        await conversation.refer(directory.referral_to(found.service, "Ask for Ratmi."))
        words = hers.page.locator(".message .words")
        await expect(words).to_have_text(
            "Rumah Aman\n0811 1129 129\nhttps://wa.me/628111129129\nAsk for Ratmi."
        )
        await expect(hers.page.locator(".message a")).to_have_count(0)


async def test_what_she_looks_for_is_in_nothing_that_leaves_her_device(tmp_path: Path) -> None:
    """While the connection to the relay stands: neither in a request nor in a frame."""
    async with (
        environment_with_directory(tmp_path) as here,
        chromium(tmp_path / "profile", width=360, height=640) as browser,
    ):
        hers = await SurvivorPage.open(browser, here.url)
        sent: list[bytes] = []

        def listen(socket: WebSocket) -> None:
            def note(data: str | bytes) -> None:
                sent.append(data if isinstance(data, bytes) else data.encode())

            socket.on("framesent", note)

        hers.page.on("websocket", listen)
        async with hers.page.expect_response("**/v1/directory"):
            await hers.ask()
        await hers.button("Who else can help").click()
        panel = hers.page.locator("#services")
        await expect(panel.get_by_role("status")).to_have_text("3 places can help")
        asked = asked_of(hers.page)
        await panel.get_by_label("Where?").select_option(label="Jakarta")
        await panel.get_by_label("What do you need?").select_option(label="Legal advice")
        await expect(panel.get_by_role("heading", level=3)).to_have_text(["Legal Aid"])
        # What is typed now goes out after whatever the search might have sent.
        await hers.page.keyboard.press("Escape")
        before = len(sent)
        await hers.say("Is somebody there?")
        async with here.staff() as staff:
            await accepted(staff)
            await hers.is_in_the_room("Sari")
        assert len(sent) > before > 0
        assert [word for word in (b"ID-JK", b"Jakarta", b"legal") for data in sent if word in data] == []
        assert [url for url in asked if not url.startswith("ws")] == []


async def test_it_works_by_the_keyboard_alone(tmp_path: Path) -> None:
    async with (
        environment_with_directory(tmp_path) as here,
        chromium(tmp_path / "profile", width=360, height=640) as browser,
    ):
        hers = await SurvivorPage.open(browser, here.url)
        opener = hers.button("Who else can help")
        await opener.focus()
        await hers.page.keyboard.press("Enter")
        await expect(hers.page.get_by_role("heading", name="Who else can help")).to_be_focused()
        need = hers.page.get_by_label("What do you need?")
        await expect(need).to_be_visible()
        for _ in range(2):
            await hers.page.keyboard.press("Tab")
        await expect(need).to_be_focused()
        await hers.page.keyboard.press("Escape")
        await expect(opener).to_be_focused()


@each_language
async def test_one_that_is_not_the_organisations_is_not_shown(tmp_path: Path, shown: Shown) -> None:
    """A relay that lies gets a number of its own before nobody: she is given the emergency numbers."""
    async with (
        environment_with_directory(tmp_path) as here,
        chromium(tmp_path / "profile", shown.code, width=360, height=640) as browser,
    ):
        hers = await SurvivorPage.open(browser, here.url, shown.words)
        page = hers.page
        lies = True

        async def lie(route: Route) -> None:
            answer = await route.fetch()
            text = await answer.text()
            await route.fulfill(
                response=answer, body=text.replace("0811 1129 129", "0812 3456 789") if lies else text
            )

        await page.route("**/v1/directory", lie)
        await hers.button(shown.title).click()
        panel = page.locator("#services")
        await expect(panel.get_by_role("alert")).to_be_visible()
        await expect(panel.get_by_text("0812 3456 789")).to_have_count(0)
        await expect(panel.locator(".number strong").first).to_have_text("129")
        lies = False
        await panel.get_by_role("button").last.click()
        await expect(panel.get_by_role("status")).to_have_text(shown.found)


async def test_nothing_is_offered_where_the_organisation_has_none(tmp_path: Path) -> None:
    async with (
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile", width=360, height=640) as browser,
    ):
        hers = await SurvivorPage.open(browser, here.url)
        await hers.ask()
        await expect(hers.button("Who else can help")).to_have_count(0)
