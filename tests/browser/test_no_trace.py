"""Promise 3 in a real browser: after a conversation nothing of it is anywhere on her device.

    profile folder, read as bytes ──> what she typed, what she read: nowhere
                                  ──> a word typed into another site's form: found, so the search can fail
    its caches                    ──> her page's address, under which it would lie there compressed: nowhere
                                  ──> the address of another site's page, which came compressed too: found

The other site's form also tells when to look: browsers write their session file some seconds later, in order,
so once its word is on the disk, all that came before it would be there too.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from playwright.async_api import BrowserContext, expect
from support.browsers.environment import (
    HARMLESS_TITLE,
    RelayEnvironment,
    accepted,
    harmless_site,
    relay_environment,
)
from support.browsers.needles import find
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import ENGLISH, SurvivorPage
from support.browsers.traces import beyond, files_with, paths_after, told
from support.clients.sdk_people import until
from support.eventually import eventually
from teduh_sdk import events
from yarl import URL

KEPT_BY_ITS_ORIGIN = """(async () => JSON.stringify({
  cookies: document.cookie,
  localStorage: localStorage.length,
  sessionStorage: sessionStorage.length,
  databases: (await indexedDB.databases()).length,
  caches: (await caches.keys()).length,
  serviceWorkers: (await navigator.serviceWorker.getRegistrations()).length,
}))()"""
NOTHING = {
    "cookies": "",
    "localStorage": 0,
    "sessionStorage": 0,
    "databases": 0,
    "caches": 0,
    "serviceWorkers": 0,
}
# Chromium lists those visits that end a chain of redirects (`PAGE_TRANSITION_CHAIN_END`).
LISTED = "SELECT url, title FROM urls WHERE id IN (SELECT url FROM visits WHERE transition & 0x20000000)"
KEPT_BY_CHROMIUM = frozenset(
    {
        "Default/DIPS",
        "Default/History",
        "Default/MediaDeviceSalts",
        "Default/Preferences",
        "Default/Sessions",
        "Default/Top Sites",
        "segmentation_platform",
    }
)
"""Files and folders in which the relay's name may stand; docs/pages.md says so of each."""
VISITED = "SELECT url, title FROM urls"


def needle() -> str:
    """A word that stands nowhere by chance."""
    return f"word{secrets.token_hex(12)}"


def cached(profile: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of the browser's caches, in which each entry begins with the address of what it holds."""
    return ((place, data) for place, data in files(profile) if "Cache" in place)


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder in which a browser may be writing."""
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file():
                yield str(path.relative_to(folder)), path.read_bytes()
        except FileNotFoundError:
            continue


async def wait_until_written(browser: BrowserContext, profile: Path, site: str) -> str:
    """Type a word into another site's form until the browser has written it down; that word."""
    word = needle()
    page = await browser.new_page()
    await page.goto(site)
    await page.get_by_label("Place").fill(word)
    await page.goto(f"{site}?next")
    await eventually(lambda: find([word], files(profile)), within=45.0)
    await page.close()
    return word


async def talk(browser: BrowserContext, here: RelayEnvironment) -> tuple[SurvivorPage, list[str], bytes]:
    """A conversation, and what must not be found: its words, with whom it was, and the page's own; its id."""
    early, said, heard, begun, name = words = [needle() for _ in range(5)]
    async with here.staff(name) as staff:
        hers = await SurvivorPage.open(browser, here.url)
        await hers.ask()
        await hers.say(early)
        his = await accepted(staff)
        assert (await until(his, events.TextReceived)).text == early
        await hers.say(said)
        await his.send(heard)
        await expect(hers.message(heard)).to_be_visible()
        await expect(hers.message(said)).to_contain_text(ENGLISH.delivered)
        await hers.field.press_sequentially(begun)
    return hers, [*words, here.organisation.public.name, ENGLISH.start], his.state.conversation_id


async def kept_by_origin(browser: BrowserContext, hers: SurvivorPage) -> dict[str, object]:
    """What the page's origin has kept, asked from within."""
    session = await browser.new_cdp_session(hers.page)
    answer = await session.send(
        "Runtime.evaluate", {"expression": KEPT_BY_ITS_ORIGIN, "awaitPromise": True, "returnByValue": True}
    )
    kept: dict[str, object] = json.loads(answer["result"]["value"])
    return kept


def history(profile: Path, query: str) -> list[tuple[str, str]]:
    """Addresses and titles in the history of a closed browser."""
    with closing(sqlite3.connect(profile / "Default" / "History")) as database:
        return database.execute(query).fetchall()


async def test_nothing_of_a_conversation_is_left_behind(tmp_path: Path) -> None:
    """Not after quick exit, running or closed, nor in a browser that dies in mid-conversation."""
    profile = tmp_path / "profile"
    async with harmless_site() as site, relay_environment(tmp_path, f'exit_url = "{site}"') as here:
        async with chromium(profile) as browser:
            hers, words, conversation = await talk(browser, here)
            assert await kept_by_origin(browser, hers) == NOTHING
            controls = [await wait_until_written(browser, profile, site)]
            assert find(words, files(profile)) == []
            await by_shift(hers)
            await expect(hers.page).to_have_title(HARMLESS_TITLE)
            controls.append(await wait_until_written(browser, profile, site))
            assert find(words, files(profile)) == []
            # From a document of the same origin, for the page itself is gone.
            await hers.page.goto(f"{here.url}/manifest.json")
            assert await kept_by_origin(browser, hers) == NOTHING
            assert await browser.cookies() == []
        assert find(words, files(profile)) == []
        assert find([here.url], cached(profile)) == []
        assert find([site], cached(profile))
        # Her leave beacon went out by a beacon, which browsers keep no more than the rest.
        assert [place for place, data in files(profile) if conversation in data] == []
        async with chromium(profile) as browser:
            _, more_words, _ = await talk(browser, here)
            controls.append(await wait_until_written(browser, profile, site))
            await die(profile)
        assert find([*words, *more_words], files(profile)) == []
        for control in controls:
            assert find([control], files(profile))


@pytest.mark.parametrize("how", ["left", "closed"])
async def test_what_a_call_needed_is_not_in_the_caches(tmp_path: Path, how: str) -> None:
    """Browsers keep what they make of a script under its address, `no-store` or not, after quick exit too."""
    profile = tmp_path / "profile"
    async with (
        harmless_site() as site,
        relay_environment(tmp_path, f'exit_url = "{site}"', calls={"allow_direct": True}) as here,
    ):
        async with chromium(profile) as browser, here.staff("Sari") as staff:
            hers = await SurvivorPage.open(browser, here.url)
            await hers.ask()
            await accepted(staff)
            await hers.is_in_the_room("Sari")
            await hers.button("Talk by voice or video").click()
            await expect(hers.button("Voice call")).to_be_visible()
            await wait_until_written(browser, profile, site)
            if how == "left":
                await by_shift(hers)
                await expect(hers.page).to_have_title(HARMLESS_TITLE)
            else:
                await browser.new_page()
                await hers.page.close()
        assert find([here.url], cached(profile)) == []
        assert find([site], cached(profile))


@pytest.mark.parametrize("how", ["left", "closed"])
async def test_chromium_keeps_her_address_where_the_documentation_says(tmp_path: Path, how: str) -> None:
    """And behind it nothing that tells: not what was fetched, nor how she was taken leave of."""
    profile, name = tmp_path / "profile", f"{needle()}.localhost"
    async with (
        harmless_site() as site,
        relay_environment(tmp_path, f'exit_url = "{site}"', calls={"allow_direct": True}) as here,
    ):
        async with chromium(profile) as browser, here.staff("Sari") as staff:
            hers = await SurvivorPage.open(browser, str(URL(here.url).with_host(name).with_path("/")))
            await hers.ask()
            await accepted(staff)
            await hers.is_in_the_room("Sari")
            await hers.button("Talk by voice or video").click()
            await expect(hers.button("Voice call")).to_be_visible()
            await wait_until_written(browser, profile, site)
            places = files_with(name, profile)
            if how == "left":
                await by_shift(hers)
                await expect(hers.page).to_have_title(HARMLESS_TITLE)
            else:
                await browser.new_page()
                await hers.page.close()
            await wait_until_written(browser, profile, site)
            places |= files_with(name, profile)
        places |= files_with(name, profile)
    assert "Default/History" in places
    assert beyond(KEPT_BY_CHROMIUM, places) == set()
    assert told(KEPT_BY_CHROMIUM) == KEPT_BY_CHROMIUM
    assert paths_after(name, profile) <= {"/", "/x"}


async def by_shift(hers: SurvivorPage) -> None:
    for _ in range(3):
        await hers.page.keyboard.press("Shift")


async def die(profile: Path) -> None:
    """The browser that uses this profile is killed, as when the battery is taken out."""
    option = f"--user-data-dir={profile}"
    own = [
        process for process in psutil.process_iter(["cmdline"]) if option in (process.info["cmdline"] or [])
    ]
    assert own
    for process in own:
        process.kill()
    await asyncio.to_thread(psutil.wait_procs, own)


async def test_the_history_lists_one_neutral_entry_and_after_quick_exit_only_where_it_led(
    tmp_path: Path,
) -> None:
    """Quick exit takes the place of her page, so that browsers show the harmless site alone."""
    profile = tmp_path / "profile"
    async with harmless_site() as site, relay_environment(tmp_path, f'exit_url = "{site}"') as here:
        async with chromium(profile) as browser:
            closed, _, _ = await talk(browser, here)
            await browser.new_page()
            await closed.page.close()
        assert history(profile, VISITED) == [(f"{here.url}/", "Catatan")]
        profile = tmp_path / "another"
        async with chromium(profile) as browser:
            left, _, _ = await talk(browser, here)
            await left.button(ENGLISH.exit).click()
            await expect(left.page).to_have_title(HARMLESS_TITLE)
        assert history(profile, LISTED) == [(site, HARMLESS_TITLE)]
        # Behind what is listed stands the way out, which says as little.
        assert [url for url, _ in history(profile, VISITED)] == [f"{here.url}/", f"{here.url}/x", site]
        assert {title for _, title in history(profile, VISITED)} <= {"Catatan", HARMLESS_TITLE}
