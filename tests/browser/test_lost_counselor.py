"""A counselor's console dies in the middle of a conversation; another goes on, and nothing is lost."""

from __future__ import annotations

import os
import re
from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import Locator, Page, expect
from support.browsers.accessible import barriers
from support.browsers.console_page import ConsolePage, console_environment
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import SurvivorPage

PICTURES = os.environ.get("TEDUH_PICTURES")
"""A folder, for whoever wants to look at it."""


async def _look(page: Page, name: str) -> None:
    for colours in ("light", "dark"):
        await page.emulate_media(color_scheme=colours)
        assert await barriers(page) == []
    if PICTURES is not None:
        await page.screenshot(path=f"{PICTURES}/{name}.png")


async def _look_for_a_colleague(console: ConsolePage) -> None:
    """In the queue, where anybody may take it."""
    await console.page.locator("[data-invite]").click()
    await console.page.get_by_label("Whoever takes it from the queue").check()
    await console.page.get_by_label("An interpreter").check()
    await console.button("Ask").click()
    await expect(console.page.get_by_text("Waiting in the queue for a colleague")).to_be_visible()


async def _picks_it(console: ConsolePage, question: Locator) -> None:
    await console.button("Accept: An interpreter").click()
    await expect(
        console.page.get_by_text("The person is being asked whether you may come in")
    ).to_be_visible()
    await expect(question).to_contain_text("would like to bring in")


async def test_another_goes_on_when_the_console_dies_and_nothing_is_lost(tmp_path: Path) -> None:
    """It is looked for a colleague then, who picks it from the list, and comes in or not as she decides."""
    async with (
        console_environment(tmp_path, unreachable_seconds=1) as environment,
        chromium(tmp_path / "hers", width=360, height=740, bypass_csp=True) as hers,
        chromium(tmp_path / "second", bypass_csp=True) as colleagues,
        AsyncExitStack() as dying,
    ):
        survivor = await SurvivorPage.open(hers, environment.url)
        await survivor.ask()
        first_browser = await dying.enter_async_context(chromium(tmp_path / "first"))
        first = await ConsolePage.enter(first_browser, environment)
        await first.accept()
        await first.say("Are you safe?")
        await expect(survivor.message("Are you safe?")).to_be_visible()
        # The console is gone, without a word.
        await dying.aclose()
        await survivor.say("He is coming up the stairs.")
        question = survivor.page.get_by_role("alert")
        await expect(question).to_contain_text("cannot be reached")
        link = survivor.page.locator(".room-summary .link")
        await expect(link).to_have_text(re.compile("^Connected; .+ cannot be reached$"))
        await _look(survivor.page, "away")
        await survivor.button("Look for somebody else").click()
        await survivor.shows("We are looking for somebody else")
        await survivor.say("Please answer.")
        await _look(survivor.page, "seeking")

        second = await ConsolePage.enter(colleagues, environment)
        await second.button("Accept the next").click()
        await expect(
            second.page.get_by_text("The person is being asked whether you may come in")
        ).to_be_visible()
        await _look(second.page, "asked")
        await expect(question).to_contain_text("can go on with you. Let them in?")
        await _look(survivor.page, "found")
        # She decides by the keyboard.
        await question.get_by_role("button").last.focus()
        await survivor.page.keyboard.press("Enter")

        await expect(second.message("He is coming up the stairs.")).to_be_visible()
        await expect(second.message("Please answer.")).to_be_visible()
        await expect(second.message("Are you safe?")).to_have_count(0)
        await second.say("I am here now.")
        await expect(survivor.message("I am here now.")).to_be_visible()
        await expect(question).to_have_count(0)
        await expect(link).to_have_text("Connected")
        assert await survivor.own_messages.all_inner_texts() == [
            "He is coming up the stairs.",
            "Please answer.",
        ]
        await _look(survivor.page, "goes-on")

        # The first console comes back, and is told in so many words.
        async with chromium(tmp_path / "first") as again:
            page = again.pages[0]
            await page.goto(environment.console_url)
            back = ConsolePage(page)
            await back.unlock()
            await page.get_by_role("button").filter(has_text="Over").first.click()
            await expect(page.get_by_text("You are not in this conversation any more")).to_be_visible()

            await _look_for_a_colleague(second)
            await _picks_it(back, question)
            await survivor.button("No").click()
            await expect(page.get_by_text("The person has not let you in")).to_be_visible()
            await expect(page.get_by_text("The person is being asked whether you may come in")).to_have_count(
                0
            )
            await _look(page, "not-let-in")
            await _look_for_a_colleague(second)
            await _picks_it(back, question)
            await survivor.button(survivor.words.let_join).click()
            await back.say("I translate.")
            await expect(survivor.message("I translate.")).to_be_visible()
            await expect(second.message("I translate.")).to_be_visible()
