"""A whole conversation in a real browser: the survivor's page, and staff who use the Python SDK."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import expect
from support.browsers.accessible import Announced, announced
from support.browsers.environment import accepted, joined, killable_environment, relay_environment
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import ENGLISH, INDONESIAN, SurvivorPage, Words
from support.clients.sdk_people import collect, until
from teduh_crypto.credentials import Role
from teduh_sdk import events
from teduh_sdk.exceptions import InvitationDeclined


@pytest.mark.parametrize(("language", "words"), [("en", ENGLISH), ("id", INDONESIAN)])
async def test_one_tap_leads_to_somebody_who_listens(tmp_path: Path, language: str, words: Words) -> None:
    """One tap, words while she waits, both ways, and how each message fares, in her browser's language."""
    async with relay_environment(tmp_path) as here, chromium(tmp_path / "profile", language) as browser:
        hers = await SurvivorPage.open(browser, here.url, words)
        await hers.ask()
        await hers.say("Is somebody there?")
        async with here.staff("Sari") as staff:
            his = await accepted(staff)
            heard = await until(his, events.TextReceived)
            assert heard.text == "Is somebody there?"
            await hers.is_in_the_room("Sari")
            await expect(hers.message("Is somebody there?")).to_contain_text(words.delivered)
            await heard.mark_read()
            await expect(hers.message("Is somebody there?")).to_contain_text(words.read)
            long = "I am here. 🌿 " + "Take all the time that you need. " * 40 + "https://example.org"
            await his.typing()
            await expect(hers.page.get_by_text(words.writes)).to_be_visible()
            assert Announced("status", "polite", words.writes) in await announced(hers.page)
            await his.send(long)
            await expect(hers.messages.last).to_have_text(long)
            await expect(hers.page.get_by_text(words.writes)).to_have_count(0)
            (log,) = [one for one in await announced(hers.page) if one.role == "log"]
            assert log.live == "polite"
            assert long in log.text
            assert await hers.page.locator(".message a").count() == 0
            assert str((await until(his, events.Read)).by) == "survivor"
            await hers.button(f"{words.room}: Sari").click()
            await hers.button(words.end).click()
            await hers.shows(words.ended_by_her)
            ended = await until(his, events.Ended)
            assert ended.by is not None
            assert ended.by.is_survivor
            await hers.button(words.again).click()
            await hers.ask()
            # Whoever was with her sees who comes back, though the page has closed the first connection.
            async for listing in staff.routing.listing():
                if listing.requests:
                    assert listing.requests[0].known
                    break


async def test_she_is_asked_before_somebody_else_comes_in(tmp_path: Path) -> None:
    async with relay_environment(tmp_path) as here, chromium(tmp_path / "profile") as browser:
        hers = await SurvivorPage.open(browser, here.url)
        await hers.ask()
        async with here.staff("Sari") as staff, here.staff("Dewi", Role.MEDIC) as medic:
            his = await accepted(staff)
            await hers.is_in_the_room("Sari")
            (colleague,) = [one for one in await staff.colleagues() if one.name == "Dewi"]
            inviting = asyncio.create_task(his.invite(colleague, "out of curiosity"))
            await hers.shows("May Dewi join?")
            (alert,) = [one for one in await announced(hers.page) if one.role == "alert"]
            assert alert.live == "assertive"
            assert "May Dewi join?" in alert.text
            await hers.button("No").click()
            with pytest.raises(InvitationDeclined):
                await inviting
            await hers.shows("You said no to Dewi (health worker).")
            inviting = asyncio.create_task(his.invite(colleague, "for the bruises"))
            await hers.shows("Why: for the bruises")
            await expect(hers.page.locator(".room-names")).to_have_text("Sari")
            await hers.button(ENGLISH.let_join).click()
            assert (await inviting).name == "Dewi"
            theirs = await joined(medic)
            await hers.is_in_the_room("Dewi")
            await hers.say("Hello, Dewi")
            assert (await until(theirs, events.TextReceived)).text == "Hello, Dewi"
        # The relay has it, and nobody else yet.
        await hers.say("Are you still there?")
        await expect(hers.message("Are you still there?").locator(".progress")).to_have_text(ENGLISH.sent)


async def test_a_relay_that_is_killed_meanwhile_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    with killable_environment(tmp_path) as (here, relay):
        await here.organisation.publish_revocations(here.url)
        async with chromium(tmp_path / "profile") as browser, here.staff("Sari") as staff:
            hers = await SurvivorPage.open(browser, here.url)
            await hers.ask()
            his = await accepted(staff)
            await hers.is_in_the_room("Sari")
            await hers.say("hers, before")
            await his.send("his, before")
            await expect(hers.message("his, before")).to_be_visible()
            relay.kill()
            await hers.shows(ENGLISH.reconnecting)
            meanwhile = [f"meanwhile {number}" for number in range(5)]
            for text in meanwhile:
                await hers.say(text)
            await his.send("his, meanwhile")
            await asyncio.to_thread(relay.start)
            await hers.shows(ENGLISH.connected)
            heard = [one.text for one in await collect(his, events.TextReceived, 6)]
            assert heard == ["hers, before", *meanwhile]
            await expect(hers.message("his, meanwhile")).to_be_visible()
            await hers.say("and on")
            assert (await until(his, events.TextReceived)).text == "and on"
            own = ["hers, before", *meanwhile, "and on"]
            assert await hers.own_messages.all_inner_texts() == own
            assert await hers.messages.count() == len(own) + 2
            await expect(hers.message("and on")).to_contain_text(ENGLISH.delivered)
