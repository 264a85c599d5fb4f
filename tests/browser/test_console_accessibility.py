"""WCAG 2.2 AA in every state of the console, in both languages and colour schemes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, expect
from support.browsers.accessible import barriers
from support.browsers.console_page import (
    IN_ENGLISH,
    IN_INDONESIAN,
    ConsoleEnvironment,
    ConsolePage,
    DeskWords,
    console_environment,
)
from support.browsers.environment import accepted, joined
from support.browsers.real_browser import ColourScheme, chromium
from support.browsers.survivor_page import ENGLISH, INDONESIAN, SurvivorPage, Words
from support.clients.sdk_people import new_staff, until
from support.organisation.coordinator import Coordinator
from teduh_crypto.credentials import Role
from teduh_sdk import events
from teduh_sdk.staff.staff import Staff
from teduh_sdk.survivor import Survivor


class States:
    """What stands in the way in each state that was visited."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}

    async def look(self, page: Page, state: str) -> None:
        """Ask about the page as it is now."""
        self.found[state] = await barriers(page)


@pytest.mark.parametrize(
    ("language", "hers", "words", "colours"),
    [("en", ENGLISH, IN_ENGLISH, "light"), ("id", INDONESIAN, IN_INDONESIAN, "dark")],
)
async def test_nothing_in_the_console_stands_in_anybodys_way(
    tmp_path: Path, language: str, hers: Words, words: DeskWords, colours: ColourScheme
) -> None:
    """A supervisor's, for she sees the board beside all that counselors see."""
    states = States()
    async with (
        console_environment(tmp_path) as environment,
        chromium(tmp_path / "profile", language, colours=colours, bypass_csp=True) as browser,
        Staff(
            environment.url, environment.organisation.public, new_staff(environment.organisation, "Rina")
        ) as colleague,
    ):
        she = await SurvivorPage.open(browser, environment.url, hers)
        console = await _at_the_door(browser, environment, words, states)
        await states.look(console.page, "an empty desk, with the board")
        await _talking(she, console, states)
        await _dialogs(console.page, states)
        await _inviting(she, console, states)
        await _being_brought_in(environment, colleague, console, states)
        await _asking_to_join(colleague, console, states)
        await _asked_to_join(environment, she, console, states)
        await _locked(browser, environment, console, states)
    assert {state: rules for state, rules in states.found.items() if rules} == {}


async def _at_the_door(
    browser: BrowserContext, environment: ConsoleEnvironment, words: DeskWords, states: States
) -> ConsolePage:
    new = ConsolePage(await browser.new_page(), words)
    await new.page.goto(environment.console_url)
    await expect(new.page.locator(".door [type=submit]")).to_be_visible()
    await states.look(new.page, "setting up")
    await new.page.close()
    coordinator = Coordinator.inviting(environment.url, environment.organisation, Role.SUPERVISOR)
    console = await ConsolePage.set_up_by(browser, coordinator.link, words)
    await states.look(console.page, "the words")
    await coordinator.approve_waiting()
    await console.is_at_the_desk()
    await console.page.get_by_role("radio", name=words.available).check()
    await expect(console.page.locator(".board")).to_be_visible()
    return console


async def _talking(she: SurvivorPage, console: ConsolePage, states: States) -> None:
    page = console.page
    await she.ask()
    await she.say("Is somebody there?")
    await expect(page.locator(".queue-item")).to_be_visible()
    await states.look(page, "the queue")
    await console.accept()
    await console.say("I am here.")
    await expect(page.locator(".progress.read")).to_be_visible()
    await states.look(page, "a conversation")
    await page.locator("[data-replies]").click()
    await states.look(page, "the replies")
    await page.keyboard.press("Escape")
    await page.locator("[data-search]").fill("somebody")
    await expect(page.locator(".result")).to_be_visible()
    await states.look(page, "the search")
    await page.locator("[data-search]").fill("")


async def _dialogs(page: Page, states: States) -> None:
    dialog = page.get_by_role("dialog")
    menu = [f"[data-menu={name}]" for name in ("keys", "notes", "erase")]
    for opener in (".talk-head .exit", "[data-hand-over]", "[data-end-shift]", *menu):
        await page.locator(opener).click()
        await expect(dialog).to_be_visible()
        await states.look(page, opener)
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
    await page.locator(".shift summary").click()
    await states.look(page, "the settings of a shift")
    await page.locator(".shift summary").click()


async def _inviting(she: SurvivorPage, console: ConsolePage, states: States) -> None:
    page = console.page
    await page.locator("[data-invite]").click()
    for way in (1, 2):
        await page.locator("[name=invite-by]").nth(way).check()
        await states.look(page, f"whom to bring in, the other way {way}")
    await page.locator("[name=invite-by]").first.check()
    await page.get_by_role("radio", name="Rina").check()
    await states.look(page, "whom to bring in")
    await page.get_by_role("dialog").locator(".primary").click()
    await expect(she.button(she.words.let_join)).to_be_visible()
    await states.look(page, "waiting for her consent")
    await she.button(she.words.let_join).click()
    await expect(page.locator(".notice.welcomed")).to_be_visible()
    # The colleague comes at once; what is still fading in has no colours to judge.
    await expect(page.locator(".notice.joined")).to_be_visible()
    await page.evaluate("Promise.all(document.getAnimations().map((each) => each.finished))")
    await states.look(page, "she has agreed")


async def _being_brought_in(
    environment: ConsoleEnvironment, colleague: Staff, console: ConsolePage, states: States
) -> None:
    async with Survivor(environment.url, environment.organisation.public) as survivor:
        hers = await survivor.ask()
        theirs = await accepted(colleague)
        (other,) = await colleague.colleagues()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(theirs.invite(other, ""))
            await (await until(hers, events.InvitationReceived)).approve()
        await expect(console.page.locator(".colleague")).to_be_visible()
        await states.look(console.page, "a colleague brings us in")


async def _asking_to_join(colleague: Staff, console: ConsolePage, states: States) -> None:
    """A supervisor names a colleague, and no conversation."""
    page = console.page
    await page.locator("[data-ask-to-join]").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("radio", name="Rina").check()
    await dialog.locator(".primary").click()
    await expect(dialog.get_by_role("status")).to_be_visible()
    await states.look(page, "a colleague was asked")
    asking = await anext(colleague.asks_to_join())
    assert asking.role == Role.SUPERVISOR
    await page.keyboard.press("Escape")


async def _asked_to_join(
    environment: ConsoleEnvironment, she: SurvivorPage, console: ConsolePage, states: States
) -> None:
    """Another supervisor comes in as staff choose, and as she agrees."""
    page = console.page
    supervisor = new_staff(environment.organisation, "Maya", Role.SUPERVISOR)
    async with Staff(environment.url, environment.organisation.public, supervisor) as maya:
        (other,) = [one for one in await maya.colleagues() if one.role == Role.SUPERVISOR]
        await maya.ask_to_join(other)
        card = page.locator(".asking")
        await expect(card).to_contain_text("Maya")
        await expect(card.locator(".primary")).to_be_disabled()
        await states.look(page, "a supervisor asks to join")
        await card.get_by_role("radio").check()
        await card.locator(".primary").click()
        await expect(card).to_have_count(0)
        await she.button(she.words.let_join).click()
        await joined(maya)
        await expect(page.locator(".notice.joined").filter(has_text="Maya")).to_be_visible()


async def _locked(
    browser: BrowserContext, environment: ConsoleEnvironment, console: ConsolePage, states: States
) -> None:
    other = ConsolePage(await browser.new_page(), console.words)
    await other.page.goto(environment.console_url)
    await expect(other.page.locator(".door .button.primary")).to_be_visible()
    await states.look(other.page, "open in another tab")
    await other.page.close()
    await console.page.keyboard.press("Alt+l")
    await console.headed(console.words.locked)
    await states.look(console.page, "locked")
    await console.unlock("not the passphrase")
    await expect(console.page.get_by_role("alert")).to_be_visible()
    await states.look(console.page, "a wrong passphrase")
