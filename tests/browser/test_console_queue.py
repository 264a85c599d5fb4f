"""Who waits, as staff see it: in the order of service, with what was asked for; and offers, one at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from playwright.async_api import expect
from support.browsers.accessible import barriers
from support.browsers.console_page import ConsoleEnvironment, ConsolePage, console_environment
from support.browsers.real_browser import chromium
from teduh_sdk.survivor import Survivor
from teduh_signaling.relay.frames import Urgency


@asynccontextmanager
async def _asking(
    environment: ConsoleEnvironment, need: str | None, urgency: Urgency, text: str
) -> AsyncIterator[None]:
    """Somebody who waits, and has written."""
    async with Survivor(environment.url, environment.organisation.public) as survivor:
        hers = await survivor.ask(need=need, urgency=urgency, language="id")
        await hers.send(text)
        yield


async def test_the_queue_is_listed_and_any_of_it_may_be_taken(tmp_path: Path) -> None:
    """The urgent come first; who is away sees them too; what is taken is gone; who comes back is marked."""
    async with (
        console_environment(tmp_path) as environment,
        chromium(tmp_path / "profile") as browser,
        AsyncExitStack() as people,
    ):
        console = await ConsolePage.enter(browser, environment)
        await console.page.get_by_role("radio", name="Away").check()
        await people.enter_async_context(_asking(environment, "legal", Urgency.NORMAL, "legal, first"))
        await people.enter_async_context(
            _asking(environment, "shelter", Urgency.EMERGENCY, "shelter, second")
        )
        listed = console.page.locator(".queue-item")
        await expect(listed).to_contain_text(["A safe place", "Legal advice"])
        await expect(listed.first).to_contain_text("In danger")
        await expect(listed.first).to_contain_text("Bahasa Indonesia")
        await expect(listed.first).to_contain_text("just now")
        await expect(console.page.get_by_text("2 people are waiting")).to_be_visible()
        await console.button("Accept: Legal advice").click()
        await expect(console.message("legal, first")).to_be_visible()
        await expect(listed).to_contain_text(["A safe place"])
        await console.button("Accept the next").click()
        await expect(console.message("shelter, second")).to_be_visible()
        await expect(listed).to_have_count(0)
        await expect(console.page.get_by_text("Nobody is waiting.")).to_be_visible()
        survivor = await people.enter_async_context(
            Survivor(environment.url, environment.organisation.public)
        )
        before = await survivor.ask()
        await console.button("Accept the next").click()
        await before.joined()
        await before.leave()
        await survivor.ask(continues=before)
        await expect(listed).to_contain_text(["You were with this person before"])


async def test_an_offer_counts_down_and_is_passed_on_or_accepted(tmp_path: Path) -> None:
    """Where the relay makes offers, nothing but what is offered can be taken, by button or Alt and A."""
    async with (
        console_environment(tmp_path, routing={"mode": "offer", "again_after_seconds": 0}) as environment,
        chromium(tmp_path / "profile", bypass_csp=True) as browser,
        _asking(environment, "counseling", Urgency.URGENT, "Halo?"),
    ):
        console = await ConsolePage.enter(browser, environment)
        offer = console.page.locator(".offer")
        await expect(offer).to_contain_text("Somebody to talk to")
        await expect(offer.locator(".offer-seconds")).to_contain_text("1")
        await expect(console.page).to_have_title("(1) Console")
        await expect(console.page.locator(".queue-take")).to_have_count(0)
        await expect(console.button("Accept the next")).to_have_count(0)
        for colours in ("light", "dark"):
            await console.page.emulate_media(color_scheme=colours)
            assert await barriers(console.page) == []
        first = await offer.element_handle()
        assert first is not None
        await console.button("Pass on").click()
        await first.wait_for_element_state("hidden")
        await expect(offer).to_be_visible()
        await console.page.keyboard.press("Alt+a")
        await expect(console.message("Halo?")).to_be_visible()
        await expect(offer).to_have_count(0)
