"""The states of the staff console, from the first opening to the lock.

Another state is another line `await camera.take(...)` at its moment. The console is used by what it is
made of rather than by its words, for the visit is made in every language.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, Page, expect
from screenshot_camera import SIZES, Camera, Language
from screenshot_survivor import SAID, Said
from support.browsers.console_page import PASSPHRASE, ConsoleEnvironment, console_environment
from support.clients.sdk_people import new_staff
from support.organisation.coordinator import Coordinator
from teduh_crypto.credentials import Role
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.staff.staff import Staff
from teduh_sdk.survivor import Survivor
from teduh_signaling.relay.frames import Urgency


@dataclass(frozen=True, slots=True)
class Asking:
    """What somebody asks for."""

    need: str | None
    urgency: Urgency | None
    text: str


ASKING: Final[dict[Language, Sequence[Asking]]] = {
    "en": (
        Asking("medical", Urgency.URGENT, SAID["en"].hers),
        Asking(
            "shelter", Urgency.EMERGENCY, "I left the house with the children. Where can we sleep tonight?"
        ),
        Asking("legal", None, "I would like to know what happens if I report it."),
    ),
    "id": (
        Asking("medical", Urgency.URGENT, SAID["id"].hers),
        Asking(
            "shelter",
            Urgency.EMERGENCY,
            "Saya keluar rumah bersama anak-anak. Di mana kami bisa tidur malam ini?",
        ),
        Asking("legal", None, "Saya ingin tahu apa yang terjadi jika saya melapor."),
    ),
}
NOTES: Final[dict[Language, str]] = {
    "en": "Wrist: offered Dewi. He is back at five. Safe word: blue scarf.",
    "id": "Pergelangan tangan: tawarkan Dewi. Ia pulang jam lima. Kata aman: selendang biru.",
}


async def console_states(browser: Browser, folder: Path, camera: Camera) -> None:
    """All states, each in as many pictures as `camera` takes."""
    async with console_environment(folder / "offers", routing={"mode": "offer"}) as environment:
        await _offered(browser, environment, camera)
        await _supervised(browser, environment, camera)
    async with console_environment(folder / "claims") as environment, AsyncExitStack() as people:
        context = await browser.new_context(locale=camera.language, viewport=SIZES[-1])
        people.push_async_callback(context.close)
        page = await context.new_page()
        await _coming_in(page, environment, camera)
        await _used(browser, environment, camera)
        hers = [await people.enter_async_context(asking(environment, one)) for one in ASKING[camera.language]]
        await expect(page.locator(".queue-item")).to_have_count(len(hers))
        await camera.take(page, "console-queue", whole=True)
        await _conversations(page, hers, camera)
        await _around_a_conversation(page, camera)
        await _inviting(page, environment, camera)
        await _ending(page, camera)
        other = await context.new_page()
        await other.goto(environment.console_url)
        await expect(other.locator(".door .button.primary")).to_be_visible()
        await camera.take(other, "console-other-tab")
        await other.close()
        await page.bring_to_front()
        await page.locator(".lock").click()
        await expect(page.locator(".door input[type=password]")).to_be_visible()
        await camera.take(page, "console-locked")
        await page.locator(".door input[type=password]").fill("not the passphrase")
        await page.locator(".door [type=submit]").click()
        await expect(page.get_by_role("alert")).to_be_visible()
        await camera.take(page, "console-wrong-passphrase")


async def _offered(browser: Browser, environment: ConsoleEnvironment, camera: Camera) -> None:
    async with AsyncExitStack() as people:
        context = await browser.new_context(locale=camera.language, viewport=SIZES[-1])
        people.push_async_callback(context.close)
        page = await context.new_page()
        await page.goto(environment.coordinator.link())
        await set_up(page)
        await environment.approve()
        await expect(page.locator(".link.connected")).to_be_visible()
        await page.locator(".segment.available input").check()
        one = replace(ASKING[camera.language][0], need="counseling")
        await people.enter_async_context(asking(environment, one))
        await expect(page.locator(".offer")).to_be_visible()
        await camera.take(page, "console-offer", whole=True)


async def _supervised(browser: Browser, environment: ConsoleEnvironment, camera: Camera) -> None:
    """The board of a supervisor, while several wait and one could be asked."""
    coordinator = Coordinator.inviting(environment.url, environment.organisation, Role.SUPERVISOR)
    async with AsyncExitStack() as people:
        context = await browser.new_context(locale=camera.language, viewport=SIZES[-1])
        people.push_async_callback(context.close)
        page = await context.new_page()
        await page.goto(coordinator.link)
        await set_up(page)
        await coordinator.approve_waiting()
        await expect(page.locator(".link.connected")).to_be_visible()
        for one in ASKING[camera.language]:
            await people.enter_async_context(asking(environment, one))
        await expect(page.locator(".queue-item")).to_have_count(len(ASKING[camera.language]))
        # The numbers are told every few seconds.
        await expect(page.locator(".board dd").first).to_have_text(str(len(ASKING[camera.language])))
        await camera.take(page, "console-board", whole=True, shown=".board")


async def set_up(page: Page) -> None:
    """Choose the passphrase, and wait for the words to compare."""
    await _choose_passphrase(page)
    await expect(page.locator(".words-to-compare")).to_be_visible()


async def _choose_passphrase(page: Page) -> None:
    secrets = page.locator(".door input[type=password]")
    for place in range(2):
        await secrets.nth(place).fill(PASSPHRASE)
    await page.locator(".door [type=submit]").click()


async def _used(browser: Browser, environment: ConsoleEnvironment, camera: Camera) -> None:
    """An invitation that another device has answered already."""
    link = environment.coordinator.link()
    async with AsyncExitStack() as devices:
        for _ in range(2):
            context = await browser.new_context(locale=camera.language, viewport=SIZES[-1])
            devices.push_async_callback(context.close)
            page = await context.new_page()
            await page.goto(link)
            await _choose_passphrase(page)
        await expect(page.get_by_role("alert")).to_be_visible()
        await camera.take(page, "console-invitation-used")


async def _coming_in(page: Page, environment: ConsoleEnvironment, camera: Camera) -> None:
    await page.goto(environment.coordinator.link())
    await expect(page.locator(".door input[type=password]")).to_have_count(2)
    await camera.take(page, "console-enrolment", whole=True)
    await set_up(page)
    await camera.take(page, "console-four-words-and-waiting", whole=True)
    await environment.approve()
    await expect(page.locator(".link.connected")).to_be_visible()
    await camera.take(page, "console-away", whole=True)
    await page.locator(".segment.available input").check()
    await camera.take(page, "console-empty-desk", whole=True)


async def _conversations(page: Page, hers: Sequence[Conversation], camera: Camera) -> None:
    said = replace(SAID[camera.language], theirs=SAID[camera.language].theirs.replace("Sari", "Dewi"))
    # The one in danger comes first in the line; the first conversation shall be another.
    takes = (".queue-take >> nth=1", ".queue-accept", ".queue-accept")
    for place, (take, one) in enumerate(zip(takes, hers, strict=True), start=1):
        await page.locator(take).click()
        await expect(page.locator(".talk-button")).to_have_count(place)
        await one.joined()
    first, second, third = hers
    await page.locator(".talk-button").first.click()
    await _talk(page, first, said)
    await page.locator("[data-note]").fill(NOTES[camera.language])
    await page.locator(".composer textarea").focus()
    await first.typing()
    await expect(page.locator(".typing")).not_to_be_empty()
    await camera.take(page, "console-conversation", whole=True)
    await second.send(said.unsent)
    await third.send(said.unsent)
    await expect(page.locator(".unread")).to_have_count(2)
    await camera.take(page, "console-several-conversations", whole=True)


async def _talk(page: Page, hers: Conversation, said: Said) -> None:
    await _say(page, said.theirs)
    await hers.send(said.hers_again)
    await expect(page.locator(".message")).to_have_count(3)
    await _say(page, said.theirs_again)
    await expect(page.locator(".progress.delivered").last).to_be_visible()


async def _around_a_conversation(page: Page, camera: Camera) -> None:
    await page.locator("[data-note]").focus()
    await camera.take(page, "console-private-note", whole=True)
    await page.locator("[data-replies]").click()
    await camera.take(page, "console-prepared-replies", whole=True)
    await page.keyboard.press("Escape")
    await page.locator("[data-search]").fill(SAID[camera.language].theirs.split()[0])
    await expect(page.locator(".result").first).to_be_visible()
    await camera.take(page, "console-search", whole=True)
    await page.locator("[data-search]").fill("")


async def _inviting(page: Page, environment: ConsoleEnvironment, camera: Camera) -> None:
    """She is asked whether a colleague may join, and has not answered yet."""
    keys = new_staff(environment.organisation, "Rina", Role.MEDIC)
    async with Staff(environment.url, environment.organisation.public, keys):
        await page.locator(".talk-button").first.click()
        await page.locator("[data-invite]").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_role("radio", name="Rina").check()
        await camera.take(page, "console-bring-in-a-colleague")
        await dialog.locator(".primary").click()
        await expect(dialog).to_have_count(0)
        await camera.take(page, "console-waiting-for-consent", whole=True)


async def _ending(page: Page, camera: Camera) -> None:
    await page.locator(".talk-button").first.click()
    await page.locator(".talk-head .exit").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("radio").nth(1).check()
    await dialog.get_by_role("checkbox").check()
    await camera.take(page, "console-end-with-outcome")
    await dialog.locator(".exit").click()
    await expect(page.locator(".talk-button")).to_have_count(2)
    for opener, state in (("notes", "kept-notes"), ("keys", "keys"), ("erase", "sign-out")):
        await page.locator(f"[data-menu={opener}]").click()
        await _dialog(page, camera, f"console-{state}")


async def _dialog(page: Page, camera: Camera, state: str) -> None:
    await expect(page.get_by_role("dialog")).to_be_visible()
    await camera.take(page, state)
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def _say(page: Page, text: str) -> None:
    field = page.locator(".composer textarea")
    await field.fill(text)
    await field.press("Enter")
    await expect(field).to_have_value("")


@asynccontextmanager
async def asking(environment: ConsoleEnvironment, request: Asking) -> AsyncIterator[Conversation]:
    """Somebody who waits, and has written already."""
    async with Survivor(environment.url, environment.organisation.public) as survivor:
        hers = await survivor.ask(urgency=request.urgency, need=request.need, language="id")
        await hers.send(request.text)
        yield hers
