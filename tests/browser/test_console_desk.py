"""What the console's desk offers: replies, languages, alerts, and room on a tablet and from right to left."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Page, ViewportSize, expect
from support.browsers.console_page import ConsoleEnvironment, ConsolePage, console_environment
from support.browsers.pseudo_page import BESIDE_THE_WINDOW, build_pseudo
from support.browsers.real_browser import chromium
from support.clients.sdk_people import PATIENCE, new_staff, until
from support.eventually import eventually
from teduh_crypto.credentials import comparison_words, verify_enrolment
from teduh_sdk import events
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.staff.staff import Staff
from teduh_sdk.survivor import Survivor
from teduh_signaling.relay.codec import decode_client_frame
from teduh_signaling.relay.frames import Acknowledge, Availability, Ping, SetAvailability, Urgency

_REPLIES = """
replies = [{ id = "Apa Anda aman?", en = "Are you safe?" }, "Halo."]
"""
_SMALL_TARGETS = """() => {
  const small = []
  for (const one of document.querySelectorAll("button, input, select, textarea, summary, a")) {
    const target = one.closest("label") ?? one
    const { width, height } = target.getBoundingClientRect()
    if (!one.checkVisibility() || (width >= 44 && height >= 44)) continue
    small.push(`${one.outerHTML.slice(0, 80)} ${width}x${height}`)
  }
  return small
}"""
_LISTEN = """
  window.alerts = []
  for (const name of ["Notification", "speechSynthesis", "Audio"]) {
    Object.defineProperty(window, name, { get() { window.alerts.push(name); return undefined } })
  }
  const play = OscillatorNode.prototype.start
  OscillatorNode.prototype.start = function (...when) {
    window.alerts.push("tone")
    return play.apply(this, when)
  }
  window.titles = new Set()
  addEventListener("DOMContentLoaded", () => {
    const note = () => window.titles.add(document.title)
    new MutationObserver(note).observe(document.head, { subtree: true, childList: true, characterData: true })
  })
"""


async def _asked(people: AsyncExitStack, environment: ConsoleEnvironment, text: str) -> Conversation:
    """Somebody who asks in Indonesian, and has written."""
    survivor = await people.enter_async_context(Survivor(environment.url, environment.organisation.public))
    hers = await survivor.ask(need="shelter", language="id", urgency=Urgency.URGENT)
    await hers.send(text)
    return hers


async def test_replies_are_the_organisations_in_her_language_and_ones_own(tmp_path: Path) -> None:
    """Pressing one puts it into the field, where it can still be changed; nothing is sent by it."""
    async with (
        console_environment(tmp_path, _REPLIES) as environment,
        chromium(tmp_path / "profile") as browser,
        AsyncExitStack() as people,
    ):
        await _asked(people, environment, "Halo?")
        console = await ConsolePage.enter(browser, environment)
        await console.accept()
        await console.field.fill("Saya di sini.")
        await console.button("Replies").click()
        await console.button("Save what is in the field as a reply").click()
        replies = console.page.locator(".reply")
        await expect(replies).to_have_text(["Apa Anda aman?", "Halo.", "Saya di sini."])
        await console.field.fill("")
        await replies.first.click()
        await expect(console.field).to_have_value("Apa Anda aman?")
        await expect(console.message("Apa Anda aman?")).to_have_count(0)


async def test_the_language_that_was_chosen_is_there_after_unlocking(tmp_path: Path) -> None:
    """And nothing of it outside the encrypted key store: the door speaks the browser's language."""
    async with console_environment(tmp_path) as environment, chromium(tmp_path / "profile") as browser:
        console = await ConsolePage.enter(browser, environment)
        before = await console.kept()
        await console.button("Bahasa Indonesia").click()
        await expect(console.page.get_by_text("Terhubung", exact=True)).to_be_visible()
        await expect(console.page.locator("html")).to_have_attribute("lang", "id")
        await console.keeps_more_than(before)
        await console.page.reload()
        await console.unlock()
        await expect(console.page.get_by_text("Terhubung", exact=True)).to_be_visible()


async def test_the_words_to_compare_are_the_coordinators_in_indonesian_too(tmp_path: Path) -> None:
    async with console_environment(tmp_path) as environment, chromium(tmp_path / "profile") as browser:
        console = await ConsolePage.set_up(browser, environment)
        ((_, submission),) = await environment.relay.enrolments.waiting(now=0)
        key = verify_enrolment(submission.enrolment, submission.invitation)
        await console.button("Bahasa Indonesia").click()
        words = console.page.locator(".words-to-compare li")
        await expect(words).to_have_text(list(comparison_words(key, "id", invitation=submission.invitation)))


async def test_title_and_sound_say_that_something_waits_and_never_what(tmp_path: Path) -> None:
    async with (
        console_environment(tmp_path) as environment,
        chromium(tmp_path / "profile") as browser,
        AsyncExitStack() as people,
    ):
        await browser.add_init_script(_LISTEN)
        console = await ConsolePage.enter(browser, environment)
        hers = await _asked(people, environment, "first words")
        await expect(console.page).to_have_title("(1) Console")
        await console.accept()
        await expect(console.message("first words")).to_be_visible()
        await expect(console.page).to_have_title("Console")
        await console.page.get_by_role("searchbox").fill("first")
        await hers.send("second words")
        await expect(console.page).to_have_title("(1) Console")
        await console.page.wait_for_function("() => window.alerts.length > 0")
        assert set(await console.page.evaluate("window.alerts")) == {"tone"}
        assert set(await console.page.evaluate("[...window.titles]")) <= {"Console", "(1) Console"}
        await console.page.get_by_role("searchbox").fill("")
        await console.button("Sound").click()
        before = await console.page.evaluate("window.alerts.length")
        await _asked(people, environment, "somebody else")
        await expect(console.page).to_have_title("(1) Console")
        assert await console.page.evaluate("window.alerts.length") == before


async def test_each_conversation_counts_its_own_unread_and_a_full_desk_is_busy(tmp_path: Path) -> None:
    """Of two that go on, one has said more than the other; who has as many as she takes is not available."""
    async with (
        console_environment(tmp_path) as environment,
        chromium(tmp_path / "profile") as browser,
        AsyncExitStack() as people,
    ):
        console = await ConsolePage.enter(browser, environment)
        talks = []
        for text in ("hers", "others"):
            talks.append(await _asked(people, environment, text))
            await console.accept()
            await expect(console.message(text)).to_be_visible()
        search = console.page.get_by_role("searchbox")
        await search.fill("nothing of that")
        for hers, texts in zip(talks, (["one", "two", "three"], ["alone"]), strict=True):
            for text in texts:
                await hers.send(text)
        await expect(console.page.locator(".unread .spoken")).to_have_text(["3 unread", "1 unread"])
        await search.fill("")
        await expect(console.page.locator(".unread .spoken")).to_have_text(["3 unread"])
        await console.page.keyboard.press("Alt+1")
        await expect(console.message("three")).to_be_visible()
        await expect(console.page.locator(".unread")).to_have_count(0)
        keys = new_staff(environment.organisation, "Sari")
        colleague = await people.enter_async_context(
            Staff(environment.url, environment.organisation.public, keys)
        )
        for most, availability in (("2", Availability.BUSY), ("4", Availability.AVAILABLE)):
            await console.page.get_by_role("combobox", name="Conversations at once").select_option(most)
            full = console.page.get_by_text("You have as many conversations as you take at once.")
            await expect(full).to_have_count(int(availability is Availability.BUSY))
            await _seen_as(availability, colleague)


async def _seen_as(availability: Availability, colleague: Staff) -> None:
    """Wait until the relay says so of the one other who is there."""
    async with asyncio.timeout(PATIENCE):
        seen: list[Availability] = []
        while seen != [availability]:
            seen = [one.availability for one in await colleague.colleagues()]


async def test_only_counts_of_outcomes_stay_and_nothing_of_them_leaves(tmp_path: Path) -> None:
    """Ending asks for an outcome; what is sent, and what she is told, is the same whatever was chosen."""
    async with (
        console_environment(tmp_path) as environment,
        chromium(tmp_path / "profile") as browser,
        AsyncExitStack() as people,
    ):
        left: list[str | bytes] = []
        browser.on("page", lambda page: _watch(page, left))
        console = await ConsolePage.enter(browser, environment)
        sent, told = [], []
        for outcome in ("Referred to others", "Emergency help was called"):
            hers = await _asked(people, environment, "Halo?")
            await console.accept()
            # The receipt that she was read is the last that the console owes.
            await until(hers, events.Read)
            left.clear()
            await console.button("End…").click()
            end = console.button("End it for everybody")
            await expect(end).to_be_disabled()
            await console.page.get_by_role("radio", name=outcome).check()
            await end.click()
            async with asyncio.timeout(PATIENCE):
                told.append([type(event).__name__ async for event in hers])
            await expect(console.page.locator(".talk-button")).to_have_count(0)
            await eventually(lambda: "Leave" in {kind for kind, _ in _kinds_and_sizes(left)})
            sent.append(list(left))
        await console.button("Kept notes").click()
        dialog = console.page.get_by_role("dialog")
        await expect(dialog.locator(".facts dt")).to_have_text(
            ["Referred to others", "Emergency help was called"]
        )
        await expect(dialog.locator(".facts dd")).to_have_text(["1", "1"])
        await expect(dialog.get_by_text("No notes are kept.")).to_be_visible()
        assert told[0] == told[1]
        first, second = (_kinds_and_sizes(frames) for frames in sent)
        assert "Append" in {kind for kind, _ in first}
        assert first == second


def _watch(page: Page, left: list[str | bytes]) -> None:
    """Note everything that leaves `page`: requests by their address, and what its sockets say."""
    page.on("request", lambda request: left.append(request.url))
    page.on("websocket", lambda socket: socket.on("framesent", lambda sent: left.append(sent)))


def _kinds_and_sizes(frames: Sequence[str | bytes]) -> set[tuple[str, int]]:
    """Of all but what tells of time only: that the device lives, how far it has read, and its free seats.

    How many receipts there are depends on what came together; that she heard the same is compared apart.
    """
    decoded = [(decode_client_frame(_bytes(each)), len(each)) for each in frames]
    of_time = Ping | Acknowledge | SetAvailability
    return {(type(frame).__name__, size) for frame, size in decoded if not isinstance(frame, of_time)}


def _bytes(sent: str | bytes) -> bytes:
    assert isinstance(sent, bytes), f"{sent} was asked for"
    return sent


async def test_a_tablet_has_room_for_all_of_it(tmp_path: Path) -> None:
    """Upright and lying, and by touch: nothing beside the window, everything large enough for a finger."""
    upright, lying = (ViewportSize(width=820, height=1100), ViewportSize(width=1100, height=820))
    async with (
        console_environment(tmp_path) as environment,
        chromium(tmp_path / "profile", width=820, height=1100, touch=True) as browser,
        AsyncExitStack() as people,
    ):
        await _asked(people, environment, "Halo?")
        console = await ConsolePage.enter(browser, environment)
        await console.button("Accept the next").tap()
        for size in (upright, lying):
            await console.page.set_viewport_size(size)
            await expect(console.message("Halo?")).to_be_in_viewport()
            await _fits(console.page)
            await console.button("Details").tap()
            await expect(console.note).to_be_in_viewport()
            await expect(console.field).to_be_in_viewport()
            await _fits(console.page)
            await console.button("Details").tap()
            await expect(console.note).to_have_count(0)
            await console.button("Replies").tap()
            await _fits(console.page)
            await console.page.locator(".reply").first.tap()
            await expect(console.field).not_to_have_value("")
        await console.button("Send").tap()
        await expect(console.page.locator(".message.own")).to_be_in_viewport()
        await console.button("End…").tap()
        await console.page.get_by_role("radio", name="Could be helped").tap()
        await _fits(console.page)
        await console.button("End it for everybody").tap()
        await expect(console.page.locator(".talk-button")).to_have_count(0)


async def _fits(page: Page) -> None:
    assert await page.evaluate(BESIDE_THE_WINDOW) <= 0
    assert await page.evaluate(_SMALL_TARGETS) == []


async def test_it_stands_in_a_language_from_right_to_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mirrored: the queue at the right, the details at the left, own words at the left; nothing overflows."""
    monkeypatch.setattr("teduh_server.app.BUILT", build_pseudo("console", tmp_path / "built"))
    async with (
        console_environment(tmp_path) as environment,
        chromium(tmp_path / "profile", width=1280) as browser,
        AsyncExitStack() as people,
    ):
        page = await browser.new_page()
        await page.goto(environment.coordinator.link())
        for place in range(2):
            await page.locator(".door input[type=password]").nth(place).fill("four words of hers")
        await page.locator(".door [type=submit]").click()
        await expect(page.locator(".words-to-compare")).to_be_visible()
        assert await page.evaluate(BESIDE_THE_WINDOW) <= 0
        await environment.approve()
        await expect(page.locator(".link.connected")).to_be_visible()
        await page.locator(".segment.available input").check()
        await _asked(people, environment, "Halo?")
        await page.locator(".queue-accept").click()
        await page.locator(".composer textarea").fill("Saya di sini.")
        await page.locator(".composer .send").click()
        side, stage, details = [await _middle(page, name) for name in (".side", ".stage", ".details")]
        assert details < stage < side
        assert await _middle(page, ".message.own") < await _middle(page, ".message:not(.own)")
        assert await _middle(page, ".composer .send") < await _middle(page, ".composer textarea")
        assert await page.evaluate(BESIDE_THE_WINDOW) <= 0


async def _middle(page: Page, selector: str) -> float:
    box = await page.locator(selector).first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2
