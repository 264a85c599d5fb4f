"""The states of a call, on her page and in the console.

Another state is another line `await camera.take(...)` at its moment. What is seen of people is Chromium's
made-up camera.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Page, expect
from screenshot_camera import SIZES, Camera
from screenshot_console import ASKING, asking, set_up
from screenshot_survivor import SAID, say
from support.browsers.call_pages import DEVICES, PLAYS_BY_A_TAP
from support.browsers.console_page import ConsoleEnvironment, console_environment
from support.browsers.environment import joined
from support.calls.calling_room import rung
from support.calls.known_media import MovingBar, Tone
from support.clients.sdk_people import new_staff
from teduh_crypto.credentials import Role
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.staff.staff import Staff

__all__ = ["DEVICES", "call_states"]

Pages = tuple[Page, Page]
"""Hers, and the console."""


async def call_states(browser: Browser, folder: Path, camera: Camera) -> None:
    """All states, each in as many pictures as `camera` takes."""
    async with (
        console_environment(folder / "calls", calls={"allow_direct": True}) as environment,
        AsyncExitStack() as open_,
    ):
        pages: list[Page] = []
        for _ in range(2):
            context = await browser.new_context(locale=camera.language, viewport=SIZES[-1])
            open_.push_async_callback(context.close)
            pages.append(await context.new_page())
        hers, console = pages
        await console.goto(environment.coordinator.link())
        await set_up(console)
        await environment.approve()
        await expect(console.locator(".link.connected")).to_be_visible()
        await console.locator(".segment.available input").check()
        await hers.goto(environment.url)
        await hers.locator(".foot .primary").click()
        await console.locator(".queue-accept").click()
        await expect(hers.locator(".composer .round")).to_be_visible()
        await say(hers, SAID[camera.language].hers)
        await _before(hers, camera)
        await _calling(hers, console, camera)
        await _only_listening(hers, console, camera)
        await _of_four((hers, console), environment, camera)


async def _before(hers: Page, camera: Camera) -> None:
    await hers.locator(".composer .round").click()
    await expect(hers.locator(".call .question")).to_be_visible()
    await camera.take(hers, "call-how")
    await hers.locator(".call .answers .button").nth(1).click()
    buttons = hers.locator(".call-check > .button")
    await buttons.nth(1).click()
    await expect(hers.locator(".preview video")).to_be_visible()
    await buttons.nth(0).click()
    await hers.locator(".call-check .call-check-line .button").last.click()
    await camera.take(hers, "call-trying-out", shown=".call-check .loudness")
    await buttons.last.click()
    await hers.locator(".call .answers .button").first.click()


async def _calling(hers: Page, console: Page, camera: Camera) -> None:
    await console.locator(".talk-head .button").nth(1).click()
    await expect(hers.locator(".call .question")).to_be_visible()
    await camera.take(hers, "call-she-is-rung")
    await camera.take(console, "call-console-calls")
    await hers.locator(".call .answers .primary").click()
    await expect(hers.locator(".tile video")).to_be_visible()
    await expect(hers.locator(".quality")).to_be_visible()
    await camera.take(hers, "call-she-sees-the-counselor")
    await hers.locator(".controls .button").nth(1).click()
    await expect(console.locator(".tile:not(.own-tile) video")).to_be_visible()
    await camera.take(console, "call-console-in-the-call")
    await hers.locator(".controls .exit").click()
    await expect(console.locator(".call-line")).to_be_visible()
    await camera.take(console, "call-console-afterwards")


async def _only_listening(hers: Page, console: Page, camera: Camera) -> None:
    await hers.evaluate(PLAYS_BY_A_TAP)
    await console.locator(".talk-head .button").nth(1).click()
    await hers.locator(".call .answers .button").nth(1).click()
    sound = hers.locator("audio + .question .primary")
    await expect(sound).to_be_visible()
    await expect(hers.locator(".quality")).to_be_visible()
    await camera.take(hers, "call-sound-by-a-tap")
    await sound.click()
    await hers.locator(".controls .exit").click()
    await expect(console.locator(".call-line")).to_be_visible()


async def _of_four(pages: Pages, environment: ConsoleEnvironment, camera: Camera) -> None:
    """Two colleagues whose devices are programs; and the call's bar while another conversation is shown."""
    hers, console = pages
    async with AsyncExitStack() as open_:
        colleagues = [
            await open_.enter_async_context(_brought_in(pages, environment, name, role))
            for name, role in (("Budiman", Role.MEDIC), ("Citra", Role.INTERPRETER))
        ]
        await console.locator(".talk-head .button").nth(1).click()
        for one in colleagues:
            await (await rung(one.calls)).accept([Tone(700), MovingBar()])
        await hers.locator(".call .answers .primary").click()
        await expect(hers.locator(".tile:not(.own-tile) video")).to_have_count(3)
        await camera.take(hers, "call-of-four", shown=".controls")
        await camera.take(console, "call-console-of-four", shown=".controls")
        await open_.enter_async_context(asking(environment, ASKING[camera.language][1]))
        await console.locator(".queue-accept").click()
        await expect(console.locator(".call-bar")).to_be_visible()
        await camera.take(console, "call-console-while-another-is-shown", whole=True)


@asynccontextmanager
async def _brought_in(
    pages: Pages, environment: ConsoleEnvironment, name: str, role: Role
) -> AsyncIterator[Conversation]:
    hers, console = pages
    keys = new_staff(environment.organisation, name, role)
    async with Staff(environment.url, environment.organisation.public, keys) as staff:
        await staff.set_available(1)
        await console.locator("[data-invite]").click()
        dialog = console.get_by_role("dialog")
        await dialog.get_by_role("radio", name=name).check()
        await dialog.locator(".primary").click()
        await hers.locator(".question .primary").click()
        yield await joined(staff)
