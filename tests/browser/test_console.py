"""The staff console in a real browser: how a device comes in, what locking keeps, and what is left."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

from playwright.async_api import Locator, expect
from support.browsers.console_page import IN_INDONESIAN, PASSPHRASE, ConsolePage, console_environment
from support.browsers.environment import killable_environment
from support.browsers.needles import find, in_folder
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import INDONESIAN, SurvivorPage
from support.clients.sdk_people import collect, until
from support.organisation.coordinator import Coordinator
from support.relay.relay_process import held_port
from teduh_sdk import events
from teduh_sdk.survivor import Survivor

_WITH_PRF = {
    "protocol": "ctap2",
    "ctap2Version": "ctap2_1",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "hasPrf": True,
    "automaticPresenceSimulation": True,
}

# Every private key that lies in the browser's store, and what comes of asking for its bytes.
_KEPT_KEYS = """async () => {
  const opened = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
  const database = await opened(indexedDB.open("teduh"))
  const records = await opened(database.transaction("records").objectStore("records").getAll())
  const keys = records.flatMap((record) => [record, ...Object.values(record)])
    .filter((value) => value instanceof CryptoKey && value.type !== "public")
  return Promise.all(keys.map(async (key) => {
    const refusal = await crypto.subtle.exportKey("pkcs8", key).then(() => "exported", ({ name }) => name)
    return `${key.algorithm.name} ${key.type}: ${key.extractable ? "True" : "False"}, ${refusal}`
  }))
}"""


async def test_a_device_is_in_when_the_coordinator_has_seen_the_same_words(tmp_path: Path) -> None:
    """The words are the coordinator's; who closes the page while waiting goes on where it was left."""
    async with console_environment(tmp_path) as environment, chromium(tmp_path / "profile") as browser:
        console = await ConsolePage.set_up(browser, environment)
        assert "#" not in console.page.url
        words = console.page.locator(".words-to-compare li")
        assert await words.all_inner_texts() == await environment.words_to_compare()
        shown = await words.all_inner_texts()
        await console.page.reload()
        await console.unlock()
        await console.headed("Compare these four words")
        assert await words.all_inner_texts() == shown
        await environment.approve()
        await console.is_at_the_desk()


async def test_an_invitation_is_good_for_one_device(tmp_path: Path) -> None:
    async with console_environment(tmp_path) as environment:
        link = environment.coordinator.link()
        for profile, outcome in (
            ("first", "Compare these four words"),
            ("second", "This invitation was used already. Ask your coordinator for another one."),
        ):
            async with chromium(tmp_path / profile) as browser:
                console = ConsolePage(await browser.new_page())
                await console.page.goto(link)
                await console.page.get_by_label("Passphrase", exact=True).fill(PASSPHRASE)
                await console.page.get_by_label("The same passphrase again").fill(PASSPHRASE)
                await console.button("Set up").click()
                await expect(console.page.get_by_text(outcome)).to_be_visible()


async def test_both_pages_talk_and_locking_loses_nothing(tmp_path: Path) -> None:
    """What comes while the console is locked is there when it is unlocked, and what was there before, too."""
    async with console_environment(tmp_path) as environment, chromium(tmp_path / "profile") as browser:
        hers = await SurvivorPage.open(browser, environment.url)
        console = await ConsolePage.enter(browser, environment)
        await hers.ask()
        await hers.say("Is somebody there?")
        await console.accept()
        await expect(console.message("Is somebody there?")).to_be_visible()
        await console.say("I am here.")
        await expect(hers.message("I am here.")).to_be_visible()
        await expect(console.message("I am here.")).to_contain_text("Read")
        await console.button("Lock").click()
        await hers.say("And now?")
        await console.unlock("not the passphrase")
        await expect(console.page.get_by_text("That is not the right passphrase or passkey.")).to_be_visible()
        await console.unlock()
        await console.page.get_by_role("button", name="Person 1").click()
        for text in ("Is somebody there?", "I am here.", "And now?"):
            await expect(console.message(text)).to_have_count(1)
        await console.say("Still here.")
        await expect(hers.message("Still here.")).to_be_visible()


async def test_a_colleague_comes_in_if_she_agrees_and_takes_over_when_a_shift_ends(tmp_path: Path) -> None:
    """She is told who and why, and may say no. The note is the colleague's alone; who hands over is gone."""
    async with (
        console_environment(tmp_path) as environment,
        chromium(tmp_path / "profile") as browser,
        chromium(tmp_path / "other") as other_browser,
    ):
        hers = await SurvivorPage.open(browser, environment.url)
        console = await ConsolePage.enter(browser, environment)
        other = await ConsolePage.enter(other_browser, environment)
        await hers.ask()
        await console.accept()
        name = (await other.page.locator(".who strong").inner_text()).strip()
        for answer, said in (("No", "no"), ("Yes, let them join", "yes")):
            await console.button("Bring in a colleague…").click()
            if said == "no":
                await console.page.get_by_role("radio", name=name).check()
            else:
                await console.page.get_by_role("radio", name="Anybody of a role").check()
                await console.page.get_by_role("radio", name="counselor").check()
            await console.page.get_by_label("Why (the person sees this)").fill("for your papers")
            await console.button("Ask").click()
            await hers.shows("for your papers")
            await hers.page.get_by_role("button", name=answer, exact=True).click()
            await expect(console.page.get_by_text(f"The person said {said} to {name}")).to_be_visible()
        await other.button("Join").click()
        await other.say("I am here too.")
        await expect(hers.message("I am here too.")).to_be_visible()
        await expect(console.message("I am here too.")).to_be_visible()
        await _end_shift(console, name, "Ask for Ibu Tini.")
        note = other.page.locator(".hand-over-note").filter(has_text="Hand-over note from")
        await expect(note.get_by_text("Ask for Ibu Tini.")).to_be_visible()
        await hers.shows("handed a note on to a colleague here")
        await hers.shows("has left.")
        await other.say("I go on with you.")
        await expect(hers.message("I go on with you.")).to_be_visible()
        await hers.say("Good.")
        await expect(other.message("Good.")).to_be_visible()
        for page in (hers.page, console.page):
            await expect(page.get_by_text("Ask for Ibu Tini.")).to_have_count(0)


async def _end_shift(console: ConsolePage, name: str, note: str) -> None:
    """By keys alone, but for the choice of the colleague."""
    await console.page.locator("[data-end-shift]").press("Enter")
    dialog = console.page.get_by_role("dialog")
    await dialog.get_by_role("radio", name=name).press("Space")
    await dialog.get_by_label("Note on person 1").fill(note)
    await dialog.get_by_role("button", name="Hand over all").press("Enter")
    await expect(dialog.get_by_text(f"Handed over to {name}.")).to_be_visible()
    await console.page.keyboard.press("Escape")
    over = console.page.get_by_text(f"You have handed this conversation over to {name}.")
    await expect(over).to_be_visible()
    await expect(console.page.get_by_role("radio", name="Away")).to_be_checked()


async def test_one_tab_holds_the_keys(tmp_path: Path) -> None:
    """A second tab says so; when it takes over, the first one lets go of everything."""
    async with console_environment(tmp_path) as environment, chromium(tmp_path / "profile") as browser:
        first = await ConsolePage.enter(browser, environment)
        second = ConsolePage(await browser.new_page())
        await second.page.goto(environment.console_url)
        await second.headed("The console is open in another tab")
        await first.is_at_the_desk()
        await second.button("Use this tab instead").click()
        await first.headed("The console is open in another tab")
        await second.unlock()
        await second.is_at_the_desk()


async def test_nothing_is_readable_on_the_disk_and_signing_out_erases(tmp_path: Path) -> None:
    """What was said, the note and a nickname are not in the profile; signed out, no database is left."""
    said, heard, note, draft, nickname = words = [f"word{secrets.token_hex(12)}" for _ in range(5)]
    profile = tmp_path / "profile"
    async with console_environment(tmp_path / "house") as environment:
        async with chromium(profile) as browser:
            hers = await SurvivorPage.open(browser, environment.url)
            console = await ConsolePage.enter(browser, environment)
            await hers.ask()
            await console.accept()
            await hers.say(heard)
            await expect(console.message(heard)).to_be_visible()
            await console.note.press_sequentially(note)
            await console.page.locator("[data-nickname]").press_sequentially(nickname)
            await console.say(said)
            await console.field.press_sequentially(draft)
            await expect(console.note).to_have_attribute("aria-busy", "false")
        assert await asyncio.to_thread(lambda: find(words, in_folder(profile))) == []
        async with chromium(profile) as browser:
            console = ConsolePage(await browser.new_page())
            await console.page.goto(environment.console_url)
            await console.unlock()
            await console.page.get_by_role("button", name=nickname).click()
            await expect(console.note).to_have_value(note)
            await console.button("Sign out and erase").click()
            await console.button("Erase it all").click()
            await console.headed("Set up this device")
            assert await console.page.evaluate("indexedDB.databases()") == []


async def test_the_console_locks_itself_when_nobody_does_anything(tmp_path: Path) -> None:
    async with console_environment(tmp_path) as environment, chromium(tmp_path / "profile") as browser:
        await browser.clock.install()
        console = await ConsolePage.enter(browser, environment)
        await browser.clock.fast_forward("20:00")
        await console.headed("Locked")
        await expect(console.page.get_by_text("so the console locked itself")).to_be_visible()


async def test_a_passkey_opens_it_without_a_passphrase(tmp_path: Path) -> None:
    """By its PRF, with virtual authenticators; one without is of no use, and says so. The desk is behind it.

    Passkeys work at names only, not at addresses of numbers.
    """
    with held_port() as port:
        await _by_passkey(tmp_path, port)


async def _by_passkey(tmp_path: Path, port: int) -> None:
    named = f"http://localhost:{port}"
    async with (
        console_environment(tmp_path, listen_port=port, console_origin=named) as environment,
        chromium(tmp_path / "profile") as browser,
    ):
        console = ConsolePage(await browser.new_page())
        devices = await browser.new_cdp_session(console.page)
        await devices.send("WebAuthn.enable")
        without = {"options": {**_WITH_PRF, "hasPrf": False}}
        useless = await devices.send("WebAuthn.addVirtualAuthenticator", without)
        await console.page.goto(environment.coordinator.link().replace(environment.url, named))
        await console.button("Set up with a passkey").click()
        refused = "That passkey cannot be used here. A passphrase always works."
        await expect(console.page.get_by_text(refused)).to_be_visible()
        await devices.send("WebAuthn.removeVirtualAuthenticator", useless)
        await devices.send("WebAuthn.addVirtualAuthenticator", {"options": _WITH_PRF})
        await console.button("Set up with a passkey").click()
        await console.headed("Compare these four words")
        await console.page.reload()
        await console.headed("Locked")
        await expect(console.page.get_by_label("Passphrase", exact=True)).to_have_count(0)
        await console.button("Unlock with a passkey").click()
        await console.headed("Compare these four words")
        await environment.approve()
        await console.is_at_the_desk()
        await console.button("Lock").click()
        await console.button("Unlock with a passkey").click()
        await console.is_at_the_desk()
        assert await console.page.evaluate(_KEPT_KEYS) == ["Ed25519 private: False, InvalidAccessError"]


async def test_a_search_leads_to_the_message_that_was_found(tmp_path: Path) -> None:
    """What comes meanwhile is unread, for the results are in front of it."""
    async with console_environment(tmp_path) as environment, chromium(tmp_path / "profile") as browser:
        hers = await SurvivorPage.open(browser, environment.url)
        console = await ConsolePage.enter(browser, environment)
        await hers.ask()
        await console.accept()
        await hers.say("The key is under the Café's mat")
        for _ in range(8):
            # At once: by the key this would be thousands.
            await hers.field.fill(f"{secrets.token_hex(4)} and then " * 20)
            await hers.field.press("Enter")
        await expect(console.page.locator(".message")).to_have_count(9)
        await expect(console.message("The key is under the Café's mat")).not_to_be_in_viewport()
        await console.page.keyboard.press("Alt+s")
        await console.page.keyboard.type("cafe")
        await expect(console.page.locator(".result")).to_have_count(1)
        await hers.say("Hello?")
        await expect(console.page.get_by_text("1 unread")).to_be_attached()
        await expect(console.page).to_have_title("(1) Console")
        await console.page.locator(".result").click()
        await expect(console.message("The key is under the Café's mat")).to_be_in_viewport()
        await expect(console.page).to_have_title("Console")


async def test_both_talk_in_indonesian_and_staff_by_keys_alone(tmp_path: Path) -> None:
    """From the invitation to the outcome without a pointer; and each page shows that the other one types."""
    words = IN_INDONESIAN
    async with console_environment(tmp_path) as environment, chromium(tmp_path / "profile", "id") as browser:
        hers = await SurvivorPage.open(browser, environment.url, INDONESIAN)
        console = ConsolePage(await browser.new_page(), words)
        page, keys = console.page, console.page.keyboard
        await page.add_init_script("addEventListener('pointerdown', () => { window.pointed = true }, true)")
        await page.goto(environment.coordinator.link())
        await _tab_to(page.get_by_label(words.passphrase, exact=True))
        await keys.type(PASSPHRASE)
        await _tab_to(page.get_by_label(words.again))
        await keys.type(PASSPHRASE)
        await keys.press("Enter")
        await console.headed(words.compare)
        await environment.approve()
        await console.is_at_the_desk()
        await _tab_to(page.get_by_role("radio", name="Tidak bertugas"))
        await keys.press("ArrowDown")
        await expect(page.get_by_role("radio", name=words.available)).to_be_checked()
        await hers.ask()
        await expect(console.button(words.accept)).to_be_enabled()
        await keys.press("Alt+a")
        await expect(console.field).to_be_focused()
        # As slowly as people write: a notice that is lost while keys change is told again after four seconds.
        await hers.field.press_sequentially("Ada orang di sana?", delay=350)
        await expect(page.locator(".typing")).to_have_text("Klien 1 sedang menulis…")
        await hers.field.press("Enter")
        await expect(console.message("Ada orang di sana?")).to_be_visible()
        await keys.type("Saya di sini.")
        await expect(hers.page.locator(".typing")).to_have_text("Dewi sedang menulis…")
        await keys.press("Enter")
        await expect(hers.message("Saya di sini.")).to_be_visible()
        await expect(page.locator(".typing")).to_be_empty()
        await keys.press("Alt+s")
        await keys.type("ada orang")
        await _tab_to(page.locator(".result"))
        await keys.press("Enter")
        await expect(console.message("Ada orang di sana?")).to_be_in_viewport()
        await _tab_to(console.button(words.end))
        await keys.press("Enter")
        await _tab_to(page.get_by_role("dialog").get_by_role("radio").first)
        await keys.press("Space")
        await expect(page.get_by_role("radio", name=words.helped)).to_be_checked()
        await _tab_to(console.button(words.end_for_all))
        await keys.press("Enter")
        await hers.shows("Dewi mengakhirinya.")
        await expect(page.get_by_text("Belum ada.", exact=True)).to_be_visible()
        assert await page.evaluate("window.pointed") is None


async def _tab_to(wanted: Locator) -> None:
    """Press Tab until it has the focus, as who has no pointer does."""
    await expect(wanted).to_be_visible()
    for _ in range(60):
        if await wanted.evaluate("(one) => one === document.activeElement"):
            return
        await wanted.page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} is not reached by the keyboard")


async def test_a_relay_that_is_killed_under_an_open_console_costs_nothing(tmp_path: Path) -> None:
    """What was said meanwhile arrives once, in order; and the queue is watched again."""
    with killable_environment(tmp_path) as (here, relay):
        await here.organisation.publish_revocations(here.url)
        coordinator = Coordinator.inviting(here.url, here.organisation)
        async with (
            chromium(tmp_path / "profile") as browser,
            Survivor(here.url, here.organisation.public) as survivor,
        ):
            console = await ConsolePage.set_up_by(browser, coordinator.link)
            await coordinator.approve_waiting()
            await console.is_at_the_desk()
            hers = await survivor.ask()
            await hers.send("hers, before")
            await console.accept()
            await console.say("mine, before")
            await until(hers, events.TextReceived)
            relay.kill()
            await expect(console.page.locator(".top .link.reconnecting")).to_be_visible()
            await console.say("mine, meanwhile")
            await console.say("mine, meanwhile too")
            await hers.send("hers, meanwhile")
            await asyncio.to_thread(relay.start)
            await console.is_at_the_desk()
            await expect(console.message("hers, meanwhile")).to_be_visible()
            await console.say("and on")
            heard = [one.text for one in await collect(hers, events.TextReceived, 3)]
            assert heard == ["mine, meanwhile", "mine, meanwhile too", "and on"]
            said = ["hers, before", "mine, before", *heard[:2], "hers, meanwhile", "and on"]
            await expect(console.page.locator(".message .words")).to_have_text(said)
            await expect(console.message("and on")).to_contain_text("Delivered")
            async with Survivor(here.url, here.organisation.public) as another:
                await another.ask()
                await expect(console.page.locator(".queue-item")).to_have_count(1)
