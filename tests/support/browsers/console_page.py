"""The staff console as staff use it: by what stands on it; and the relay and coordinator behind it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import BrowserContext, Locator, Page, expect
from teduh_crypto.credentials import Role, comparison_words, verify_enrolment
from teduh_server.app import Relay
from teduh_server.cli.demo_enrolment import DemoEnrolments

from support.browsers.environment import organisation_file
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey

PASSPHRASE = "four words of hers"
# All that the console has written into the browser's store, encrypted as it is.
_KEPT = """() => new Promise((resolve, reject) => {
  const opening = indexedDB.open("teduh")
  opening.onerror = () => reject(opening.error)
  opening.onsuccess = () => {
    const asking = opening.result.transaction("records").objectStore("records").getAll()
    asking.onerror = () => reject(asking.error)
    asking.onsuccess = () => {
      opening.result.close()
      resolve(JSON.stringify(asking.result, (_, one) =>
        one instanceof ArrayBuffer ? [...new Uint8Array(one)] : ArrayBuffer.isView(one) ? [...one] : one))
    }
  }
})"""


@dataclass(frozen=True, slots=True)
class DeskWords:
    """What stands on the console in one language, as far as the tests look for it."""

    passphrase: str
    again: str
    set_up: str
    compare: str
    available: str
    locked: str
    unlock: str
    accept: str
    field: str
    note: str
    connected: str
    search: str
    end: str
    helped: str
    end_for_all: str


IN_ENGLISH = DeskWords(
    passphrase="Passphrase",
    again="The same passphrase again",
    set_up="Set up",
    compare="Compare these four words",
    available="Available",
    locked="Locked",
    unlock="Unlock",
    accept="Accept the next",
    field="Your message",
    note="Private note",
    connected="Connected",
    search="Search the open conversations",
    end="End…",
    helped="Could be helped",
    end_for_all="End it for everybody",
)
IN_INDONESIAN = DeskWords(
    passphrase="Frasa sandi",
    again="Frasa sandi yang sama sekali lagi",
    set_up="Siapkan",
    compare="Bandingkan empat kata ini",
    available="Tersedia",
    locked="Terkunci",
    unlock="Buka",
    accept="Terima yang berikutnya",
    field="Pesan Anda",
    note="Catatan pribadi",
    connected="Terhubung",
    search="Cari di percakapan yang terbuka",
    end="Akhiri…",
    helped="Dapat dibantu",
    end_for_all="Akhiri untuk semua",
)


@dataclass(frozen=True, slots=True)
class ConsoleEnvironment:
    """A relay that serves both pages, and the coordinator of its organisation."""

    url: str
    relay: Relay
    organisation: RelayOrganisation
    coordinator: DemoEnrolments

    @property
    def console_url(self) -> str:
        """Where the console is, without an invitation."""
        return f"{self.url}/console/"

    async def words_to_compare(self) -> list[str]:
        """What the coordinator sees of the one device that waits."""
        ((_, submission),) = await self.relay.enrolments.waiting(now=int(time.time()))
        device_key = verify_enrolment(submission.enrolment, submission.invitation)
        return list(comparison_words(device_key, invitation=submission.invitation))

    async def approve(self) -> list[str]:
        """The coordinator has compared the words; the names of those who are in."""
        return await self.coordinator.approve_waiting(self.relay.enrolments)


@asynccontextmanager
async def console_environment(
    folder: Path, page: str = "", **settings: object
) -> AsyncIterator[ConsoleEnvironment]:
    """Both in this event loop; `page` is the text of the organisation's `[page]` table."""
    organisation = RelayOrganisation()
    with start_valkey() as valkey:
        file = organisation_file(organisation, folder, page)
        async with relay_here(file, valkey.url, **settings) as (relay, url):
            await organisation.publish_revocations(url)
            coordinator = DemoEnrolments(organisation.authority, f"{url}/console/")
            yield ConsoleEnvironment(url, relay, organisation, coordinator)


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """One tab with the console."""

    page: Page
    words: DeskWords = IN_ENGLISH

    @classmethod
    async def set_up(
        cls, browser: BrowserContext, environment: ConsoleEnvironment, role: Role = Role.COUNSELOR
    ) -> ConsolePage:
        """Set a device up in a new tab by an invitation; it waits for the coordinator."""
        return await cls.set_up_by(browser, environment.coordinator.link(role))

    @classmethod
    async def set_up_by(
        cls, browser: BrowserContext, link: str, words: DeskWords = IN_ENGLISH
    ) -> ConsolePage:
        """Open a link in a new tab, and set the device up with `PASSPHRASE`; it waits for the coordinator."""
        console = cls(await browser.new_page(), words)
        await console.page.goto(link)
        await console.page.get_by_label(words.passphrase, exact=True).fill(PASSPHRASE)
        await console.page.get_by_label(words.again).fill(PASSPHRASE)
        await console.button(words.set_up).click()
        await console.headed(words.compare)
        return console

    @classmethod
    async def enter(
        cls, browser: BrowserContext, environment: ConsoleEnvironment, role: Role = Role.COUNSELOR
    ) -> ConsolePage:
        """Set up, approved, at the desk, and available."""
        console = await cls.set_up(browser, environment, role)
        await environment.approve()
        await console.is_at_the_desk()
        await console.page.get_by_role("radio", name=console.words.available).check()
        return console

    async def unlock(self, passphrase: str = PASSPHRASE) -> None:
        """Type the passphrase at the lock."""
        await self.headed(self.words.locked)
        await self.page.get_by_label(self.words.passphrase, exact=True).fill(passphrase)
        await self.button(self.words.unlock).click()

    async def accept(self) -> None:
        """Take the next request, once there is one."""
        await self.button(self.words.accept).click()
        await expect(self.field).to_be_visible()

    async def say(self, text: str) -> None:
        """Type it, and send it."""
        await self.field.press_sequentially(text)
        await self.field.press("Enter")
        await expect(self.message(text)).to_be_visible()

    @property
    def field(self) -> Locator:
        """Where staff write to the person."""
        return self.page.get_by_role("textbox", name=self.words.field)

    @property
    def note(self) -> Locator:
        """Where the private note is."""
        return self.page.get_by_role("textbox", name=self.words.note)

    def message(self, text: str) -> Locator:
        """The message with this text."""
        return self.page.locator(".message").filter(has=self.page.get_by_text(text, exact=True))

    def button(self, name: str) -> Locator:
        """A button by its name."""
        return self.page.get_by_role("button", name=name, exact=True)

    async def headed(self, text: str) -> None:
        """Wait until this is the headline."""
        await expect(self.page.get_by_role("heading", name=text, exact=True)).to_be_visible()

    async def kept(self) -> str:
        """What is in the browser's store, to be compared."""
        found: str = await self.page.evaluate(_KEPT)
        return found

    async def keeps_more_than(self, before: str) -> None:
        """Wait until something has been written since: that is done after it is shown."""
        await self.page.wait_for_function(f"async (before) => (await ({_KEPT})()) !== before", arg=before)

    async def is_at_the_desk(self) -> None:
        """Wait until the relay takes the device for what it is."""
        await expect(self.page.get_by_text(self.words.connected, exact=True)).to_be_visible()
