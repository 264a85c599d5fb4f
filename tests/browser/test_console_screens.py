"""Where things stand in the console: four conversations on a laptop, one on a phone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect
from support.browsers.accessible import barriers
from support.browsers.console_page import ConsoleEnvironment, ConsolePage, console_environment
from support.browsers.pseudo_page import BESIDE_THE_WINDOW
from support.browsers.real_browser import ColourScheme, chromium
from support.clients.sdk_people import new_staff
from teduh_crypto.credentials import Role
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.staff.staff import Staff
from teduh_sdk.survivor import Survivor
from teduh_signaling.relay.frames import Urgency

_URGENCIES = (Urgency.NORMAL, Urgency.EMERGENCY, Urgency.URGENT, Urgency.NORMAL)


@asynccontextmanager
async def _talking(
    environment: ConsoleEnvironment, console: ConsolePage, urgencies: tuple[Urgency, ...] = _URGENCIES
) -> AsyncIterator[list[Conversation]]:
    """One conversation after the other is accepted; in each she has written which one it is."""
    talks = []
    await console.page.locator(".capacity select").select_option("4")
    async with AsyncExitStack() as people:
        for number, urgency in enumerate(urgencies, 1):
            survivor = await people.enter_async_context(
                Survivor(environment.url, environment.organisation.public)
            )
            hers = await survivor.ask(need="legal", language="id", urgency=urgency)
            await hers.send(f"hers {number}")
            await console.accept()
            await expect(console.message(f"hers {number}")).to_be_visible()
            talks.append(hers)
        yield talks


async def _is_whole(one: Locator) -> None:
    await expect(one).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("role", [Role.COUNSELOR, Role.SUPERVISOR])
async def test_four_conversations_and_the_field_are_in_sight_at_once(tmp_path: Path, role: Role) -> None:
    """At 1280 by 800, while others wait and a supervisor's board is there, too."""
    async with (
        console_environment(tmp_path) as environment,
        chromium(tmp_path / "profile") as browser,
        AsyncExitStack() as people,
    ):
        console = await ConsolePage.enter(browser, environment, role)
        async with _talking(environment, console):
            for _ in range(3):
                survivor = await people.enter_async_context(
                    Survivor(environment.url, environment.organisation.public)
                )
                await survivor.ask()
            await expect(console.page.locator(".queue-item")).to_have_count(3)
            await expect(console.page.locator(".talk-button")).to_have_count(4)
            for one in await console.page.locator(".talk-button").all():
                await _is_whole(one)
            await _is_whole(console.field)


async def test_the_list_has_danger_first_and_then_who_has_waited_longest(tmp_path: Path) -> None:
    """How long is shown; whoever was answered goes down; numbers, and their keys, stay with the person."""
    async with console_environment(tmp_path) as environment, chromium(tmp_path / "profile") as browser:
        await browser.clock.install()
        console = await ConsolePage.enter(browser, environment)
        async with _talking(environment, console) as talks:
            names = console.page.locator(".talk-name")
            await expect(names).to_have_text(["Person 2", "Person 1", "Person 3", "Person 4"])
            await expect(console.page.locator(".talk-waits")).to_have_text(["Waiting for an answer"] * 4)
            await browser.clock.fast_forward("03:00")
            await expect(console.page.locator(".talk-waits").first).to_have_text(
                "Waiting for an answer: 3 min"
            )
            await console.page.keyboard.press("Alt+1")
            await console.field.hover()
            await console.say("I am here.")
            await expect(names).to_have_text(["Person 2", "Person 3", "Person 4", "Person 1"])
            await expect(console.page.locator(".talk-waits")).to_have_count(3)
            await talks[0].send("and now?")
            await expect(console.page.locator(".talk-waits")).to_have_count(4)
            await expect(names).to_have_text(["Person 2", "Person 3", "Person 4", "Person 1"])


async def test_the_list_does_not_move_under_a_pointer(tmp_path: Path) -> None:
    """What is meant for one person must not be opened for another."""
    async with console_environment(tmp_path) as environment, chromium(tmp_path / "profile") as browser:
        console = await ConsolePage.enter(browser, environment)
        async with _talking(environment, console, (Urgency.NORMAL, Urgency.NORMAL)) as talks:
            for number in (1, 2):
                await console.page.keyboard.press(f"Alt+{number}")
                await console.say("I am here.")
            names = console.page.locator(".talk-name")
            await expect(names).to_have_text(["Person 1", "Person 2"])
            await console.page.locator(".talk-button").first.hover()
            await talks[1].send("and now?")
            await expect(console.page.locator(".talk-waits")).to_have_count(1)
            await expect(names).to_have_text(["Person 1", "Person 2"])
            await console.field.hover()
            await expect(names).to_have_text(["Person 2", "Person 1"])


async def test_staff_tell_people_apart_by_a_nickname_and_a_colour(tmp_path: Path) -> None:
    """Both stand wherever the person does, also after unlocking; the number stays for who sees no colours."""
    async with console_environment(tmp_path) as environment, chromium(tmp_path / "profile") as browser:
        console = await ConsolePage.enter(browser, environment)
        page = console.page
        async with _talking(environment, console, (Urgency.NORMAL,)):
            before = await console.kept()
            await page.get_by_label("Nickname").fill("Two children")
            await page.get_by_role("radio", name="Pink").check()
            await console.keeps_more_than(before)
            await page.reload()
            await console.unlock()
            listed = page.get_by_role("button", name="Two children")
            await expect(listed.locator(".talk-mark.pink")).to_have_text("1")
            await listed.click()
            await expect(page.locator("#talk-title")).to_have_text("Two children, Person 1")
            await expect(page.locator(".message .speaker").first).to_have_text("Two children")


async def test_erasing_stands_apart_from_what_is_pressed_every_day(tmp_path: Path) -> None:
    """In both widths no other button is within 48 pixels of it; and it asks first."""
    nearest = """(erase) => {
      const box = erase.getBoundingClientRect()
      const gaps = [...document.querySelectorAll("button, select, input, summary")]
        .filter((one) => one !== erase && one.checkVisibility())
        .map((one) => one.getBoundingClientRect())
        .filter(({ right, left }) => right > box.left && left < box.right)
        .map(({ top, bottom }) => Math.max(box.top - bottom, top - box.bottom))
      return Math.min(...gaps)
    }"""
    async with console_environment(tmp_path) as environment, chromium(tmp_path / "profile") as browser:
        console = await ConsolePage.enter(browser, environment)
        erase = console.button("Sign out and erase")
        for width, height in ((1280, 800), (360, 640)):
            await console.page.set_viewport_size({"width": width, "height": height})
            await expect(console.page.locator(".top").get_by_role("button", name="erase")).to_have_count(0)
            await erase.scroll_into_view_if_needed()
            assert await erase.evaluate(nearest) >= 48
            await erase.click()
            await expect(console.page.get_by_role("dialog").get_by_role("heading")).to_be_visible()
            await console.page.keyboard.press("Escape")


async def test_who_is_available_is_the_first_to_hand_over_to(tmp_path: Path) -> None:
    """Whoever is away stands below, though she came first."""
    async with (
        console_environment(tmp_path) as environment,
        chromium(tmp_path / "profile") as browser,
        Staff(
            environment.url, environment.organisation.public, new_staff(environment.organisation, "Ayu")
        ) as ayu,
        Staff(
            environment.url, environment.organisation.public, new_staff(environment.organisation, "Wati")
        ) as wati,
    ):
        await ayu.set_away()
        console = await ConsolePage.enter(browser, environment)
        async with _talking(environment, console, (Urgency.NORMAL,)):
            await wati.set_available(1)
            await console.page.locator("[data-hand-over]").click()
            options = console.page.get_by_role("dialog").locator(".choice-option")
            await expect(options).to_have_text(["Wati (counselor), available", "Ayu (counselor), away"])


@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_on_a_phone_list_conversation_and_details_are_screens(
    tmp_path: Path, colours: ColourScheme
) -> None:
    """360 by 640, by touch: one at a time, back and forth, with the focus; nothing in anybody's way."""
    async with (
        console_environment(tmp_path) as environment,
        chromium(
            tmp_path / "profile", width=360, height=640, touch=True, colours=colours, bypass_csp=True
        ) as browser,
    ):
        console = await ConsolePage.enter(browser, environment)
        page = console.page
        async with _talking(environment, console, (Urgency.EMERGENCY,)) as (hers,):
            await _is_whole(console.field)
            await _is_whole(console.message("hers 1"))
            await expect(page.locator(".side")).to_be_hidden()
            await _fits(page)
            await page.locator("[data-details]").tap()
            await expect(page.locator(".details h2").first).to_be_focused()
            await expect(console.note).to_be_visible()
            await expect(console.field).to_be_hidden()
            await _fits(page)
            await hers.send("not read yet")
            back = console.button("Back to the conversation")
            await expect(page).to_have_title("(1) Console")
            await back.tap()
            await expect(page.locator("[data-details]")).to_be_focused()
            await _is_whole(console.message("not read yet"))
            await expect(page).to_have_title("Console")
            await console.button("Back to the list").tap()
            await expect(console.page.locator(".talk-button")).to_be_focused()
            await expect(console.field).to_have_count(0)
            await _is_whole(console.page.locator(".talk-button"))
            await _fits(page)
            await hers.send("and now?")
            await expect(page.locator(".unread .spoken")).to_have_text("1 unread")
            await page.locator(".talk-button").tap()
            await expect(page.locator("#talk-title")).to_be_focused()
            await expect(page.locator(".top")).to_be_hidden()


async def test_on_a_phone_a_colleague_who_calls_is_seen_over_a_conversation(tmp_path: Path) -> None:
    """The list is out of sight; what in it does not wait is told where staff are, and counted at Back."""
    async with (
        console_environment(tmp_path) as environment,
        chromium(tmp_path / "profile", width=360, height=640, touch=True) as browser,
        Staff(
            environment.url,
            environment.organisation.public,
            new_staff(environment.organisation, "Maya", Role.SUPERVISOR),
        ) as maya,
    ):
        console = await ConsolePage.enter(browser, environment)
        async with _talking(environment, console, (Urgency.NORMAL,)):
            (other,) = await maya.colleagues()
            await maya.ask_to_join(other)
            told = console.page.get_by_role("alert").filter(has_text="1 new in the list")
            await expect(told).to_be_visible()
            await _fits(console.page)
            await told.get_by_role("button", name="Show the list").tap()
            await _is_whole(console.page.locator(".asking p"))


async def _fits(page: Page) -> None:
    assert await page.evaluate(BESIDE_THE_WINDOW) <= 0
    assert await barriers(page) == []
