"""The states of the survivor's page, one after the other as she meets them.

Another state is another line `await camera.take(...)` at its moment. The page is used by what it is made of
rather than by its words, for the visit is made in every language.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, BrowserContext, Page, Route, expect
from screenshot_camera import SIZES, Camera, Language
from screenshot_wire import Wire
from support.browsers.directory_environment import environment_with_directory
from support.browsers.environment import RelayEnvironment, accepted, harmless_site, joined, relay_environment
from support.clients.sdk_people import collect
from teduh_crypto.credentials import Role
from teduh_sdk import Directory, events
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.staff.staff import Staff


@dataclass(frozen=True, slots=True)
class Said:
    """What is said in one language."""

    hers: str
    theirs: str
    hers_again: str
    theirs_again: str
    reason: str
    unsent: str


SAID: Final[dict[Language, Said]] = {
    "en": Said(
        hers="Hello. I do not know if I am right here.",
        theirs="You are. I am Sari. Are you safe at the moment?",
        hers_again="He is at work until five. My wrist hurts since yesterday. Could somebody look at it?",
        theirs_again="Thank you for telling me. We can take it one step at a time.",
        reason="to look at your wrist",
        unsent="Are you still there?",
    ),
    "id": Said(
        hers="Halo. Saya tidak tahu apakah ini tempat yang tepat.",
        theirs="Tepat. Saya Sari. Apakah Anda aman saat ini?",
        hers_again="Dia bekerja sampai jam lima. Pergelangan tangan saya sakit. Bisakah ada yang memeriksa?",
        theirs_again="Terima kasih sudah bercerita. Kita jalani pelan-pelan.",
        reason="untuk memeriksa pergelangan tangan Anda",
        unsent="Masih di situ?",
    ),
}
_NOBODY: Final = re.compile("Nobody is on duty|tidak ada petugas")
LINKS: Final = """
[[page.emergency_numbers]]
number = "129"
link = "https://wa.me/628111129129"
name = "SAPA 129"
about = { id = "Layanan perempuan dan anak, 24 jam", en = "Help for women and children, day and night" }
[[page.emergency_numbers]]
number = "110"
name = { id = "Polisi", en = "Police" }
[[page.emergency_numbers]]
link = "https://forms.example/rumah"
name = { id = "Formulir", en = "Form" }
about = { id = "Dibaca setiap hari", en = "Read every day" }
"""
DISGUISES: Final = ("weather", "recipe")


async def survivor_states(browser: Browser, folder: Path, camera: Camera) -> None:
    """All states, each in as many pictures as `camera` takes."""
    async with harmless_site() as harmless, _environment(folder, harmless) as here:
        async with _visit(browser, here, camera) as page:
            await _from_opening_to_waiting(page, camera)
            await _talking(page, here, camera)
        async with _visit(browser, here, camera) as page:
            await _left_alone(page, here, camera)
        async with _visit(browser, here, camera) as page:
            await _deceived(page, here, camera)
        async with _visit(browser, here, camera) as page:
            await _refused_and_kept_waiting(page, camera)
        async with _visit(browser, here, camera) as page:
            await _of_another_day(page, camera)
        async with _visit(browser, here, camera) as page:
            await _broken(page, here, camera)
        async with _visit(browser, here, camera) as page:
            await page.locator(".exit").click()
            await page.wait_for_url(harmless)
            await camera.take(page, "survivor-after-exit")
    for disguise in DISGUISES:
        table = f'[page.disguise]\nskin = "{disguise}"\n'
        async with relay_environment(folder / disguise, table) as here, _visit(browser, here, camera) as page:
            await camera.take(page, f"survivor-disguise-{disguise}")
    folder_with_directory = folder / "directory"
    folder_with_directory.mkdir()
    async with (
        environment_with_directory(folder_with_directory) as here,
        _visit(browser, here, camera) as page,
    ):
        await _looking_for_others(page, here, camera)
    async with relay_environment(folder / "links", LINKS) as here, _visit(browser, here, camera) as page:
        await page.locator(".emergency-button").click()
        await camera.take(page, "survivor-emergency-links")


def _environment(folder: Path, harmless: str) -> AbstractAsyncContextManager[RelayEnvironment]:
    # Whoever is gone is soon said to be.
    return relay_environment(folder / "house", _page(harmless), unreachable_seconds=0.5)


def _page(harmless: str) -> str:
    hours = 'hours = { id = "Setiap hari, 08.00-22.00", en = "Every day, 8 to 22" }'
    return f'exit_url = "{harmless}"\n{hours}\n[page.cover]\nafter_seconds = 0.01\n'


async def _from_opening_to_waiting(page: Page, camera: Camera) -> None:
    said = SAID[camera.language]
    await camera.take(page, "survivor-opening")
    await page.locator("input[name=need]").nth(1).check()
    await page.locator("input[name=urgency]").nth(1).check()
    await camera.take(page, "survivor-form", shown=".wishes .choice >> nth=1")
    await page.locator("input[name=urgency]").nth(2).check()
    await camera.take(page, "survivor-danger", shown=".wishes .card")
    await page.locator("input[name=urgency]").nth(1).check()
    await page.locator(".emergency-button").click()
    await camera.take(page, "survivor-emergency-numbers")
    await page.locator(".emergency-button").click()
    await _asking(page, said)
    await camera.take(page, "survivor-waiting")


async def _looking_for_others(page: Page, here: RelayEnvironment, camera: Camera) -> None:
    """The directory, searched before she asks, and one of its services sent by staff."""
    said = SAID[camera.language]
    opener = page.locator("button[aria-controls=services]")
    await opener.click()
    await expect(page.locator("#services h3")).to_have_count(3)
    await camera.take(page, "survivor-who-else")
    await page.locator("#services select").first.select_option(index=1)
    await camera.take(page, "survivor-who-else-searched")
    await page.keyboard.press("Escape")
    async with here.staff("Sari") as staff:
        await _asking(page, said)
        conversation = await _answered(page, await accepted(staff), said)
        directory = await Directory.fetch(here.url, here.organisation.public)
        (found,) = directory.search(need="shelter")
        await conversation.refer(directory.referral_to(found.service, said.reason))
        await expect(page.locator(".message .card a").first).to_be_visible()
        await camera.take(page, "survivor-service-from-staff")


async def _talking(page: Page, here: RelayEnvironment, camera: Camera) -> None:
    said = SAID[camera.language]
    async with here.staff("Sari") as staff, here.staff("Dewi", Role.MEDIC):
        his = await _answered(page, await accepted(staff), said)
        await his.typing()
        await expect(page.locator(".typing")).not_to_be_empty()
        await camera.take(page, "survivor-talking")
        await page.locator(".room-button").click()
        await camera.take(page, "survivor-who-is-here")
        await page.locator(".room-button").click()
        (colleague,) = [one for one in await staff.colleagues() if one.name == "Dewi"]
        inviting = asyncio.create_task(his.invite(colleague, said.reason))
        await expect(page.locator(".question")).to_be_visible()
        await camera.take(page, "survivor-asked-about-newcomer")
        await page.locator(".question .button.primary").click()
        await inviting
        await page.keyboard.press("F5")
        await camera.take(page, "survivor-reload-asks-first")
        await page.locator(".question .button.primary").click()
        await _hide_for_a_while(page)
        await camera.take(page, "survivor-cover")
        await page.locator(".spot").click()
        await his.end()
        await expect(page.locator(".over")).to_be_visible()
        await camera.take(page, "survivor-ended")


async def _left_alone(page: Page, here: RelayEnvironment, camera: Camera) -> None:
    """Her counselor's device dies; somebody else goes on, hands over to a third, and she ends it herself."""
    said = SAID[camera.language]
    await _asking(page, said)
    async with here.staff("Sari") as staff:
        await _answered(page, await accepted(staff), said)
    card = page.locator(".question")
    await expect(card).to_be_visible()
    await say(page, said.unsent)
    await camera.take(page, "survivor-counselor-cannot-be-reached")
    await card.locator(".primary").click()
    await expect(card.get_by_role("status")).to_have_text(_NOBODY)
    await camera.take(page, "survivor-seeking-somebody-else")
    async with here.staff("Dewi", Role.MEDIC) as staff:
        taking = asyncio.create_task(accepted(staff))
        await expect(card.locator(".primary")).to_be_visible()
        await camera.take(page, "survivor-somebody-else-found")
        await card.locator(".primary").click()
        await _handed_over(page, here, (staff, await taking), camera)
    await page.locator(".room-button").click()
    await page.locator("#room > .button").click()
    await expect(page.locator(".over")).to_be_visible()
    await camera.take(page, "survivor-ended-by-herself")


async def _handed_over(
    page: Page, here: RelayEnvironment, staff: tuple[Staff, Conversation], camera: Camera
) -> None:
    who, theirs = staff
    async with here.staff("Rina") as third:
        await third.colleagues()  # She is connected.
        (colleague,) = [one for one in await who.colleagues() if one.name == "Rina"]
        going = asyncio.create_task(theirs.hand_over(colleague, note="-"))
        await page.locator(".question .button.primary").click()
        await joined(third)
        await going
        await expect(page.locator(".notice.noteHandedOver")).to_be_visible()
        await expect(page.locator(".notice.left")).to_have_count(2)
        await camera.take(page, "survivor-note-handed-over")


async def _deceived(page: Page, here: RelayEnvironment, camera: Camera) -> None:
    said = SAID[camera.language]
    wire = Wire()
    await wire.follow(page)
    await page.reload()
    await _asking(page, said)
    await wire.cut()
    wire.is_cut, wire.lies = False, True
    await expect(page.locator(".over")).to_be_visible()
    await camera.take(page, "survivor-stopped-before-anybody-came")
    wire.lies = False
    await page.reload()
    await _asking(page, said)
    async with here.staff("Sari") as staff:
        await _answered(page, await accepted(staff), said)
        await wire.cut()
        await expect(page.locator(".link.reconnecting")).to_be_visible()
        await say(page, said.unsent)
        await camera.take(page, "survivor-connection-lost")
        wire.is_cut, wire.lies = False, True
        await expect(page.locator(".over")).to_be_visible()
        await camera.take(page, "survivor-stopped-for-her-safety")


async def _refused_and_kept_waiting(page: Page, camera: Camera) -> None:
    wire = Wire()
    await wire.follow(page)
    await page.reload()
    await camera.take(page, "survivor-reloaded")
    await page.clock.install()
    await page.reload()
    wire.refuses = True
    await page.locator(".foot .primary").click()
    await expect(page.locator(".welcome [role=alert]")).to_be_visible()
    await camera.take(page, "survivor-asking-failed")
    wire.refuses, wire.opens = False, _tomorrow_at_eight()
    await page.locator(".foot .primary").click()
    await expect(page.locator(".place")).to_contain_text(re.compile(r"\d\d[:.]\d\d"))
    await camera.take(page, "survivor-waiting-until-it-opens")


async def _of_another_day(page: Page, camera: Camera) -> None:
    """By her device's clock all that the organisation has signed is long over."""
    await page.clock.set_system_time("2031-03-09T14:20:00")
    await page.reload()
    await page.locator(".foot .primary").click()
    await expect(page.locator(".place")).to_contain_text("2031")
    await camera.take(page, "survivor-wrong-clock", whole=True)


def _tomorrow_at_eight() -> int:
    day = 24 * 3600
    return (int(time.time()) // day + 1) * day + 8 * 3600


async def _broken(page: Page, here: RelayEnvironment, camera: Camera) -> None:
    async def break_block(route: Route) -> None:
        answer = await route.fetch()
        body = (await answer.text()).replace('"organisation":', '"nobody":', 1)
        await route.fulfill(response=answer, body=body)

    await page.route(f"{here.url}/", break_block)
    await page.reload()
    await expect(page.locator(".skin.plain h1")).to_be_visible()
    await camera.take(page, "survivor-broken")


async def _asking(page: Page, said: Said) -> None:
    await page.locator(".foot .primary").click()
    await expect(page.locator(".link.connected")).to_be_visible()
    await say(page, said.hers)


async def _answered(page: Page, his: Conversation, said: Said) -> Conversation:
    """Both have said what they say, and she has read all of it."""
    await his.send(said.theirs)
    await expect(page.locator(".message")).to_have_count(2)
    await say(page, said.hers_again)
    await his.send(said.theirs_again)
    await expect(page.locator(".message")).to_have_count(4)
    for heard in await collect(his, events.TextReceived, 2):
        await heard.mark_read()
    await expect(page.locator(".progress.read").first).to_be_visible()
    return his


async def say(page: Page, text: str) -> None:
    """Write it, and send it."""
    field = page.locator(".composer textarea")
    await field.fill(text)
    await page.locator(".composer .send").click()
    await expect(field).to_have_value("")


async def _hide_for_a_while(page: Page) -> None:
    await page.evaluate(
        """async () => {
          const hidden = { configurable: true, get: () => "hidden" }
          Object.defineProperty(document, "visibilityState", hidden)
          document.dispatchEvent(new Event("visibilitychange"))
          await new Promise((resolve) => setTimeout(resolve, 100))
          delete document.visibilityState
          document.dispatchEvent(new Event("visibilitychange"))
        }"""
    )
    await expect(page.locator(".skin")).to_be_visible()


@asynccontextmanager
async def _visit(browser: Browser, here: RelayEnvironment, camera: Camera) -> AsyncIterator[Page]:
    """Her page, in a browser that has never been anywhere."""
    context: BrowserContext = await browser.new_context(
        locale=camera.language, viewport=SIZES[-1], bypass_csp=camera.looks_inside
    )
    page = await context.new_page()
    try:
        await page.goto(here.url)
        await expect(page.locator(".app, .skin").first).to_be_visible()
        yield page
    finally:
        await context.close()
