"""No word that is typed is lost: nor of whoever is faster than the page, nor of whoever is interrupted."""

from __future__ import annotations

import asyncio
from pathlib import Path

from playwright.async_api import Page, expect
from support.browsers.console_page import PASSPHRASE, ConsolePage, console_environment
from support.browsers.environment import accepted, relay_environment
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import ENGLISH, SurvivorPage

# Puts the keyboard into a field, and a word, before the browser has drawn the field for the first time.
_EAGER = """
window.eager = (selector) => {
  const look = () => {
    const field = document.querySelector(selector)
    if (field === null || field.offsetParent === null) return
    watch.disconnect()
    field.focus()
    document.execCommand("insertText", false, "word ")
  }
  const watch = new MutationObserver(look)
  watch.observe(document, { subtree: true, childList: true })
}
"""
# Whatever a page does once it has drawn itself is done.
_DRAWN = """async () => {
  for (let frame = 0; frame < 3; frame++)
    await new Promise((go) => requestAnimationFrame(() => setTimeout(go, 50)))
}"""


async def goes_on(page: Page, text: str) -> None:
    """Type the rest into whatever has the keyboard now."""
    await page.evaluate(_DRAWN)
    await page.keyboard.type(text)


async def test_she_writes_before_she_has_seen_that_she_waits(tmp_path: Path) -> None:
    async with console_environment(tmp_path) as desk, chromium(tmp_path / "profile") as browser:
        await browser.add_init_script(_EAGER)
        hers = await SurvivorPage.open(browser, desk.url)
        await hers.page.evaluate("eager('textarea')")
        await hers.button(ENGLISH.start).click()
        await expect(hers.field).to_have_value("word ")
        await goes_on(hers.page, "of hers")
        await expect(hers.field).to_have_value("word of hers")


async def test_she_writes_on_while_her_phone_works_to_let_somebody_in(tmp_path: Path) -> None:
    """Not a key is lost or comes twice, on a processor four times slower than this one."""
    async with (
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile") as browser,
        here.staff() as staff,
    ):
        hers = await SurvivorPage.open(browser, here.url)
        session = await browser.new_cdp_session(hers.page)
        await session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        await hers.ask()
        written = ""
        joining = asyncio.create_task(accepted(staff))
        await hers.field.focus()
        while not joining.done() or not await hers.page.locator(".room-names").count():
            word = f"word{len(written)} "
            await hers.page.keyboard.type(word)
            written += word
        await hers.is_in_the_room("Sari")
        await expect(hers.field).to_be_focused()
        await expect(hers.field).to_have_value(written)
        await joining


async def test_what_she_was_writing_when_it_ended_is_there_when_she_asks_again(tmp_path: Path) -> None:
    async with (
        relay_environment(tmp_path) as here,
        chromium(tmp_path / "profile") as browser,
        here.staff() as staff,
    ):
        hers = await SurvivorPage.open(browser, here.url)
        await hers.ask()
        his = await accepted(staff)
        await hers.is_in_the_room("Sari")
        await hers.field.press_sequentially("He has taken my ")
        await his.end()
        await hers.shows("Sari has ended it.")
        await hers.button(ENGLISH.again).click()
        await hers.button(ENGLISH.start).click()
        await expect(hers.field).to_have_value("He has taken my ")
        # Once sent, it does not come back.
        await hers.field.press_sequentially("phone")
        await hers.field.press("Enter")
        await expect(hers.message("He has taken my phone")).to_be_visible()
        await hers.button("Stop waiting").click()
        await hers.ask()
        await expect(hers.field).to_have_value("")


async def test_staff_write_before_they_have_seen_the_conversation_the_note_or_the_lock(
    tmp_path: Path,
) -> None:
    """Neither is overwritten, nor does it go elsewhere: a note must never go where she could read it."""
    async with console_environment(tmp_path) as desk, chromium(tmp_path / "profile") as browser:
        await browser.add_init_script(_EAGER)
        hers = await SurvivorPage.open(browser, desk.url)
        console = await ConsolePage.enter(browser, desk)
        page = console.page
        await hers.ask()
        await page.evaluate("eager('.composer textarea')")
        await console.accept()
        await goes_on(page, "of his")
        await expect(console.field).to_have_value("word of his")
        await page.set_viewport_size({"width": 1000, "height": 700})
        await page.get_by_role("button", name="Details").click()
        await expect(console.note).to_have_count(0)
        assert await page.evaluate(_TYPE_A_NOTE) == ["a note", "word of his"]
        await page.evaluate("eager('input[type=password]')")
        await console.button("Lock").click()
        await page.evaluate(_DRAWN)
        await page.keyboard.press("Control+a")
        await page.keyboard.type(PASSPHRASE)
        await page.keyboard.press("Enter")
        await console.is_at_the_desk()
        # What was not sent yet is there again.
        await page.get_by_role("button", name="Person 1").click()
        await expect(console.field).to_have_value("word of his")


# The key for the note and the next one, as fast as two events can be; what the note and the field hold then.
_TYPE_A_NOTE = """async () => {
  const field = document.querySelector(".composer textarea")
  field.focus()
  const turn = () => new Promise((go) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = go
    port2.postMessage(null)
  })
  const key = { code: "KeyN", altKey: true, bubbles: true, cancelable: true }
  field.dispatchEvent(new KeyboardEvent("keydown", key))
  await turn()
  document.execCommand("insertText", false, "a note")
  return [document.querySelector("[data-note]").value, field.value]
}"""
