"""On her phone: a network that goes away, words of every kind, another language, and hands that use keys."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect
from support.browsers.environment import accepted, relay_environment
from support.browsers.pseudo_page import BESIDE_THE_WINDOW, build_pseudo
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import ENGLISH, INDONESIAN, SurvivorPage, Words
from support.clients.sdk_people import collect, until
from support.relay.dishonest_proxy import DishonestProxy, dishonest
from teduh_sdk import events


async def test_nothing_is_lost_when_the_network_goes_away(tmp_path: Path) -> None:
    """Sockets that are there break, and no new one is let through until it is back."""
    proxies: list[DishonestProxy] = []
    async with relay_environment(tmp_path) as here, here.staff("Sari") as staff:
        proxies.append(DishonestProxy(here.url))
        async with dishonest(proxies[0]) as url, chromium(tmp_path / "profile") as browser:
            hers = await SurvivorPage.open(browser, url)
            await hers.ask()
            his = await accepted(staff)
            await hers.is_in_the_room("Sari")
            await hers.say("hers, before")
            proxies[0].cut()
            await hers.shows(ENGLISH.reconnecting)
            meanwhile = [f"meanwhile {number}" for number in range(4)]
            for text in meanwhile:
                await hers.say(text)
            await his.send("his, meanwhile")
            proxies[0].mend()
            await hers.shows(ENGLISH.connected)
            heard = [one.text for one in await collect(his, events.TextReceived, 5)]
            assert heard == ["hers, before", *meanwhile]
            await expect(hers.message("his, meanwhile")).to_be_visible()
            await expect(hers.message("meanwhile 3")).to_contain_text(ENGLISH.delivered)
            assert await hers.messages.count() == 6


async def test_nothing_is_lost_when_the_network_falls_silent(tmp_path: Path) -> None:
    """Nothing closes and nothing arrives: she is told after two heartbeats, and what was said comes later."""
    async with relay_environment(tmp_path, heartbeat_seconds=2) as here, here.staff("Sari") as staff:
        proxy = DishonestProxy(here.url)
        async with dishonest(proxy) as url, chromium(tmp_path / "profile") as browser:
            hers = await SurvivorPage.open(browser, url)
            await hers.ask()
            his = await accepted(staff)
            await hers.is_in_the_room("Sari")
            proxy.fall_silent()
            # Her page believes that it is connected as yet, and sends into the void.
            meanwhile = [f"meanwhile {number}" for number in range(3)]
            for text in meanwhile:
                await hers.say(text)
            await his.send("his, meanwhile")
            await hers.shows(ENGLISH.reconnecting)
            await expect(hers.message("meanwhile 0")).not_to_contain_text(ENGLISH.sent)
            proxy.mend()
            await hers.shows(ENGLISH.connected)
            assert [one.text for one in await collect(his, events.TextReceived, 3)] == meanwhile
            await expect(hers.message("his, meanwhile")).to_be_visible()
            await expect(hers.message("meanwhile 2")).to_contain_text(ENGLISH.delivered)
            assert await hers.messages.count() == 4


async def test_words_of_every_kind_arrive_as_they_are_and_lead_nowhere(tmp_path: Path) -> None:
    """What she writes in the field while she waits is still there when somebody comes."""
    async with (
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile", width=360, height=640) as browser,
        here.staff() as staff,
    ):
        hers = await SurvivorPage.open(browser, here.url)
        await hers.ask()
        unusual = "👩🏽‍🦱 “tolong” <b>&amp; https://example.org/ 0812-3456-7890 مرحبا"
        await hers.say(unusual)
        await hers.field.fill("half a sentence, ")
        his = await accepted(staff)
        assert (await until(his, events.TextReceived)).text == unusual
        await hers.is_in_the_room("Sari")
        await expect(hers.field).to_have_value("half a sentence, ")
        await hers.field.press_sequentially("and the rest")
        await hers.field.press("Enter")
        assert (await until(his, events.TextReceived)).text == "half a sentence, and the rest"
        # More than one message can hold, without a place to break it.
        long = "https://example.org/" + 1000 * "🌧ab-0123456"
        await hers.field.fill(long)
        await hers.field.press("Enter")
        parts = [one.text for one in await collect(his, events.TextReceived, 2)]
        assert "".join(parts) == long
        await his.send(unusual + parts[0][:500])
        await expect(hers.messages.last).to_have_text(unusual + parts[0][:500])
        assert await hers.page.locator(".talk a").count() == 0
        assert await hers.page.evaluate(BESIDE_THE_WINDOW) <= 0


@pytest.mark.parametrize(
    ("languages", "words"), [("id-ID", INDONESIAN), ("ms-MY", INDONESIAN), ("en-GB", ENGLISH)]
)
async def test_the_page_speaks_the_language_of_her_browser_and_the_one_she_chooses(
    tmp_path: Path, languages: str, words: Words
) -> None:
    """The organisation's first one when hers is none of them; another by a tap, and remembered nowhere."""
    async with relay_environment(tmp_path) as here, chromium(tmp_path / "profile", languages) as browser:
        page = (await SurvivorPage.open(browser, here.url)).page
        first, other = (ENGLISH, INDONESIAN) if words is ENGLISH else (INDONESIAN, ENGLISH)
        await expect(page.get_by_role("button", name=first.start)).to_be_visible()
        await expect(page.locator("html")).to_have_attribute("lang", "en" if first is ENGLISH else "id")
        await page.get_by_role("button", name="Bahasa Indonesia" if first is ENGLISH else "English").click()
        await expect(page.get_by_role("button", name=other.start)).to_be_visible()
        await expect(page.locator("html")).to_have_attribute("lang", "id" if first is ENGLISH else "en")
        await page.reload()
        await expect(page.get_by_role("button", name=first.start)).to_be_visible()


async def test_keys_alone_do_everything_and_nothing_moves_for_who_wants_that(tmp_path: Path) -> None:
    async with (
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile") as browser,
        here.staff() as staff,
    ):
        hers = await SurvivorPage.open(browser, here.url)
        await hers.page.emulate_media(reduced_motion="reduce")
        await reach(hers.page, hers.button(ENGLISH.start))
        await hers.page.keyboard.press("Enter")
        await hers.shows(ENGLISH.waiting)
        his = await accepted(staff)
        await hers.is_in_the_room("Sari")
        await reach(hers.page, hers.field)
        await hers.page.keyboard.type("by keys alone")
        await hers.page.keyboard.press("Enter")
        assert (await until(his, events.TextReceived)).text == "by keys alone"
        moving = "document.getAnimations().filter((one) => one.playState === 'running').length"
        assert await hers.page.evaluate(moving) == 0
        await reach(hers.page, hers.button(f"{ENGLISH.room}: Sari"))
        await hers.page.keyboard.press("Enter")
        await reach(hers.page, hers.button(ENGLISH.end))
        await hers.page.keyboard.press("Enter")
        await hers.shows(ENGLISH.ended_by_her)
        await until(his, events.Ended)


async def reach(page: Page, target: Locator) -> None:
    """Press Tab until the focus is there, and can be seen."""
    for _ in range(40):
        if await target.evaluate("(element) => element === document.activeElement"):
            assert await target.evaluate("(element) => element.matches(':focus-visible')")
            return
        await page.keyboard.press("Tab")
    raise AssertionError("the keyboard does not lead there")


async def test_it_stands_in_a_language_from_right_to_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mirrored on a phone of 360 pixels: exit at the left, own words at the left; nothing overflows."""
    built = await asyncio.to_thread(build_pseudo, "survivor", tmp_path / "built")
    monkeypatch.setattr("teduh_server.app.BUILT", built)
    async with (
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile", width=360, height=640) as browser,
        here.staff() as staff,
    ):
        page = browser.pages[0]
        await page.goto(here.url)
        await expect(page.locator("html")).to_have_attribute("dir", "rtl")
        assert await page.evaluate(BESIDE_THE_WINDOW) <= 0
        await page.locator(".foot .primary").click()
        await expect(page.locator(".composer textarea")).to_be_visible()
        assert await page.evaluate(BESIDE_THE_WINDOW) <= 0
        await page.locator(".composer textarea").fill("Halo")
        await page.locator(".composer .send").click()
        his = await accepted(staff)
        await his.send("Saya di sini.")
        await expect(page.locator(".message:not(.own)")).to_be_visible()
        assert await middle(page, ".message.own") < await middle(page, ".message:not(.own)")
        assert await middle(page, ".composer .primary") < await middle(page, ".composer textarea")
        assert await middle(page, ".exit") < 180
        assert await page.evaluate(BESIDE_THE_WINDOW) <= 0


@pytest.mark.parametrize("words", [ENGLISH, INDONESIAN], ids=["en", "id"])
async def test_how_the_link_stands_is_beside_no_button(tmp_path: Path, words: Words) -> None:
    """The widest of it on a small phone: the network is gone while she waits."""
    language = "id" if words is INDONESIAN else "en"
    async with (
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile", language, width=360, height=640) as browser,
    ):
        proxy = DishonestProxy(here.url)
        async with dishonest(proxy) as url:
            hers = await SurvivorPage.open(browser, url, words)
            await hers.ask()
            await expect(hers.page.locator(".link.connected")).to_be_visible()
            proxy.cut()
            link = hers.page.get_by_text(words.reconnecting)
            await expect(link).to_be_visible()
            assert await edge(link, "right") < await edge(hers.page.locator(".emergency-button"), "left")


async def edge(element: Locator, side: str) -> float:
    """Of what is drawn, in CSS pixels from the left."""
    range_of = "(node) => { const r = document.createRange(); r.selectNodeContents(node); return r }"
    return float(await element.evaluate(f"(node) => ({range_of})(node).getBoundingClientRect().{side}"))


async def middle(page: Page, selector: str) -> float:
    box = await page.locator(selector).first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2
