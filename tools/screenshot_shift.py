"""The states of the console around a shift: its settings, handing over, who asks and who is asked.

Another state is another line `await camera.take(...)` at its moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Locator, Page, expect
from screenshot_camera import SIZES, Camera
from screenshot_console import ASKING, NOTES, asking, set_up
from screenshot_survivor import SAID
from support.browsers.console_page import ConsoleEnvironment, console_environment
from support.clients.sdk_people import new_staff, until
from support.organisation.coordinator import Coordinator
from support.relay.push_service import push_service, push_settings, subscribes_here
from teduh_crypto.credentials import Role
from teduh_sdk import events
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.staff.staff import Staff


@dataclass(frozen=True, slots=True)
class Shift:
    """A counselor's console, and the relay behind it."""

    environment: ConsoleEnvironment
    browser: Browser
    page: Page
    camera: Camera

    @property
    def dialog(self) -> Locator:
        """The dialog that is open."""
        return self.page.get_by_role("dialog")

    async def name(self) -> str:
        """What the counselor is called."""
        return (await self.page.locator(".who strong").inner_text()).strip()


async def shift_states(browser: Browser, folder: Path, camera: Camera) -> None:
    """All states, each in as many pictures as `camera` takes."""
    async with push_service() as service, _environment(folder) as environment, AsyncExitStack() as people:
        context = await people.enter_async_context(_somebody(browser, camera))
        await subscribes_here(context, service)
        shift = Shift(environment, browser, await context.new_page(), camera)
        await shift.page.goto(environment.coordinator.link())
        await set_up(shift.page)
        await environment.approve()
        await expect(shift.page.locator(".link.connected")).to_be_visible()
        await _settings(shift)
        hers = [
            await people.enter_async_context(asking(environment, one)) for one in ASKING[camera.language][:2]
        ]
        await _accepted(shift, hers)
        keys = new_staff(environment.organisation, "Rina", Role.MEDIC)
        rina = await people.enter_async_context(Staff(environment.url, environment.organisation.public, keys))
        await rina.colleagues()  # She is connected.
        await _handing_over(shift)
        await _ending_the_shift(shift, hers, rina)
        await _supervised(shift)
        await _she_is_asked(shift)


@asynccontextmanager
async def _environment(folder: Path) -> AsyncIterator[ConsoleEnvironment]:
    regions = 'regions = ["Jakarta", "Bandung"]'
    async with console_environment(
        folder, regions, push=push_settings(folder), unreachable_seconds=0.5
    ) as environment:
        yield environment


@asynccontextmanager
async def _somebody(browser: Browser, camera: Camera) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(
        locale=camera.language, viewport=SIZES[-1], bypass_csp=camera.looks_inside
    )
    try:
        yield context
    finally:
        await context.close()


async def _settings(shift: Shift) -> None:
    """Open; being woken, where the browser is not allowed to and where it is."""
    page, camera = shift.page, shift.camera
    summary = page.locator(".shift summary")
    await summary.click()
    box = page.locator(".waking input")
    await camera.take(page, "console-shift-settings", whole=True, shown=".waking")
    await box.click()
    await expect(page.locator(".shift [role=alert]")).to_be_visible()
    await camera.take(page, "console-shift-waking-not-allowed", whole=True, shown=".shift [role=alert]")
    await page.context.grant_permissions(["notifications"], origin=shift.environment.url)
    await box.click()
    await expect(box).to_be_checked()
    await camera.take(page, "console-shift-is-woken", whole=True, shown=".waking")
    await summary.click()


async def _accepted(shift: Shift, hers: Sequence[Conversation]) -> None:
    await shift.page.locator(".segment.available input").check()
    for place in range(len(hers)):
        await shift.page.locator(".queue-accept").click()
        await expect(shift.page.locator(".talk-button")).to_have_count(place + 1)
    for one in hers:
        await one.joined()


async def _handing_over(shift: Shift) -> None:
    page, camera = shift.page, shift.camera
    await page.locator("[data-hand-over]").click()
    await shift.dialog.get_by_role("radio").check()
    await shift.dialog.locator("textarea").fill(NOTES[camera.language])
    await camera.take(page, "console-shift-hand-over-one")
    await page.keyboard.press("Escape")


async def _ending_the_shift(shift: Shift, hers: Sequence[Conversation], rina: Staff) -> None:
    """One person says yes to the colleague, and one no."""
    page, camera = shift.page, shift.camera
    await page.locator("[data-end-shift]").click()
    await shift.dialog.get_by_role("radio").check()
    await shift.dialog.locator("textarea").first.fill(NOTES[camera.language])
    await camera.take(page, "console-shift-end")
    await shift.dialog.locator(".primary").click()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_comes(rina))
        tasks.create_task(_agrees(hers[0]))
        await (await until(hers[1], events.InvitationReceived)).decline()
    await expect(page.locator(".hand-over.done")).to_be_visible()
    await expect(page.locator(".hand-over.declined")).to_be_visible()
    await camera.take(page, "console-shift-end-and-how-it-went")
    await page.keyboard.press("Escape")


async def _agrees(hers: Conversation) -> None:
    await (await until(hers, events.InvitationReceived)).approve()


async def _comes(staff: Staff) -> None:
    async for invited in staff.invitations():
        await invited.join()
        return


async def _supervised(shift: Shift) -> None:
    """A supervisor asks the counselor to be brought in."""
    environment, camera = shift.environment, shift.camera
    coordinator = Coordinator.inviting(environment.url, environment.organisation, Role.SUPERVISOR)
    async with _somebody(shift.browser, camera) as context:
        page = await context.new_page()
        await page.goto(coordinator.link)
        await set_up(page)
        await coordinator.approve_waiting()
        await page.locator("[data-ask-to-join]").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_role("radio", name=await shift.name()).check()
        await dialog.locator(".primary").click()
        await expect(dialog.get_by_role("status")).to_be_visible()
        await camera.take(page, "console-shift-ask-to-join")
        card = shift.page.locator(".asking")
        await card.get_by_role("radio").check()
        await camera.take(shift.page, "console-shift-asked-to-join", whole=True, shown=".asking")
        await card.locator(".button").last.click()


async def _she_is_asked(shift: Shift) -> None:
    """Her counselor's device has died; whether this one may go on is for her to say."""
    environment, page, camera = shift.environment, shift.page, shift.camera
    keys = new_staff(environment.organisation, "Budi")
    async with asking(environment, ASKING[camera.language][2]) as hers:
        async with Staff(environment.url, environment.organisation.public, keys) as budi:
            await (await budi.claim()).send(SAID[camera.language].theirs)
        await until(hers, events.StaffUnreachable)
        await hers.request_reassignment()
        await page.locator(".segment.available input").check()
        await page.locator(".queue-accept").click()
        told = page.locator(".queue-accept ~ [role=status]")
        await expect(told).to_be_visible()
        await expect(page.locator(".queue-item")).to_have_count(0)
        await camera.take(page, "console-shift-she-is-being-asked", whole=True)
