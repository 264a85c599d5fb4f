"""The survivor's page as a person uses it: by what stands on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from playwright.async_api import BrowserContext, Locator, Page, expect

_BARE_GROUND: Final = """() => {
  const occupied = 'button, a, input, textarea, select, label, summary, .card, .panel, h1, h2, h3, p, li'
  for (let y = innerHeight - 4; y > 0; y -= 8)
    for (let x = innerWidth / 2; x < innerWidth; x += 8)
      if (document.elementFromPoint(x, y)?.closest(occupied) === null) return [x, y]
  return null
}"""
"""A place in sight on which there is nothing, from below."""


@dataclass(frozen=True, slots=True)
class Words:
    """What stands on the page in one language, as far as the tests look for it."""

    start: str
    waiting: str
    field: str
    send: str
    sent: str
    delivered: str
    read: str
    reconnecting: str
    connected: str
    exit: str
    let_join: str
    room: str
    end: str
    ended_by_her: str
    writes: str
    again: str


ENGLISH = Words(
    start="Talk to somebody",
    waiting="We are finding somebody for you",
    field="Your message",
    send="Send",
    sent="Sent",
    delivered="Delivered",
    read="Read",
    reconnecting="Reconnecting…",
    connected="Connected",
    exit="Exit",
    let_join="Yes, let them join",
    room="Who is here",
    end="End the conversation",
    ended_by_her="You have ended the conversation",
    writes="Sari is writing…",
    again="Start a new chat",
)
INDONESIAN = Words(
    start="Mulai chat, gratis",
    waiting="Kami sedang menghubungi petugas",
    field="Pesan Anda",
    send="Kirim",
    sent="Terkirim",
    delivered="Sampai",
    read="Dibaca",
    reconnecting="Menyambung lagi…",
    connected="Terhubung",
    exit="Keluar",
    let_join="Ya, boleh masuk",
    room="Siapa di sini",
    end="Akhiri percakapan",
    ended_by_her="Anda telah mengakhiri percakapan",
    writes="Sari sedang menulis…",
    again="Chat lagi",
)


@dataclass(frozen=True, slots=True)
class SurvivorPage:
    """One tab with the page open."""

    page: Page
    words: Words = ENGLISH

    @classmethod
    async def open(cls, browser: BrowserContext, url: str, words: Words = ENGLISH) -> SurvivorPage:
        """Open it in the browser's first tab, as from a link."""
        page = browser.pages[0]
        await page.goto(url)
        return cls(page, words)

    async def ask(self) -> None:
        """The one tap, until she waits."""
        await self.button(self.words.start).click()
        await expect(self.page.get_by_role("heading", name=self.words.waiting)).to_be_visible()

    async def say(self, text: str) -> None:
        """Type it key by key, and send it."""
        await self.field.press_sequentially(text)
        await self.field.press("Enter")
        await expect(self.message(text)).to_be_visible()

    @property
    def field(self) -> Locator:
        """Where she writes."""
        return self.page.get_by_role("textbox", name=self.words.field)

    @property
    def messages(self) -> Locator:
        """The words of each message, in order."""
        return self.page.locator(".message .words")

    @property
    def own_messages(self) -> Locator:
        """The words of each message of hers, in order."""
        return self.page.locator(".message.own .words")

    def message(self, text: str) -> Locator:
        """The message with this text."""
        return self.page.locator(".message").filter(has=self.page.get_by_text(text, exact=True))

    def button(self, name: str) -> Locator:
        """A button by its name."""
        return self.page.get_by_role("button", name=name, exact=True)

    async def leave_by_button(self) -> None:
        """Quick exit, by the button that is always there."""
        await self.button(self.words.exit).click()

    async def leave_by_shift(self) -> None:
        """Quick exit, from the field in which she has begun to write."""
        await self.field.fill("I am not sure whether")
        for _ in range(3):
            await self.field.press("Shift")

    async def leave_by_two_taps(self) -> None:
        """Quick exit, by two taps on an empty place."""
        place = await self.page.evaluate(_BARE_GROUND)
        assert place is not None, "no bare ground in sight"
        await self.page.mouse.dblclick(*place)

    async def shows(self, text: str) -> None:
        """Wait until this stands on the page."""
        await expect(self.page.get_by_text(text).first).to_be_visible()

    async def is_in_the_room(self, name: str) -> None:
        """Wait until the header names this person."""
        await expect(self.page.locator(".room-names")).to_contain_text(name)


async def hide(page: Page, seconds: int) -> None:
    """Put the tab behind another one for so long, as far as its own program can tell."""
    await page.evaluate(
        """(milliseconds) => {
            let state = "hidden"
            Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state })
            document.dispatchEvent(new Event("visibilitychange"))
            const now = Date.now.bind(Date)
            Date.now = () => now() + milliseconds
            state = "visible"
            document.dispatchEvent(new Event("visibilitychange"))
            Date.now = now
        }""",
        seconds * 1000,
    )
