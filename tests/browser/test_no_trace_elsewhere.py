"""Promise 3 in Debian's Firefox and WebKitGTK, with a profile that is kept: what they write of her visit.

    profile, all that can be unpacked unpacked ──> what was said, who said it, in which conversation: nowhere
                                               ──> words of a site that may be kept: found, each in the
                                                   form that would have hidden hers
    the relay's name                           ──> in the files that docs/pages.md names, and in no other
    what stands behind the name                ──> "/" and "/x", which tell nothing

`test_no_trace.py` does the same in Chromium.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import pytest
from support.browsers.environment import HARMLESS_TITLE, RelayEnvironment, accepted, relay_environment
from support.browsers.firefox import DEVICES, Firefox, firefox
from support.browsers.keeping_site import Control, KeepingSite, keeping_site, needle
from support.browsers.needles import find
from support.browsers.page_patience import until_page
from support.browsers.survivor_page import ENGLISH
from support.browsers.traces import beyond, files_with, paths_after, told
from support.browsers.webkit import made_up_screen
from support.browsers.webkit_kept import KeptWebKitPage, kept_webkit
from support.browsers.written_down import written
from support.clients.sdk_people import until
from teduh_sdk import events
from teduh_sdk.staff.staff import Staff
from yarl import URL

pytestmark = pytest.mark.xdist_group("other_browsers")

SOON: Final = {"browser.sessionstore.interval": 500}
"""Preferences by which Firefox writes its session down twice a second, instead of every 15 s."""
NAME: Final = needle()
"""Of the counselor."""
CALLS: Final = ("Talk by voice or video", "Voice call")
"""By which the part of her page comes that few need."""
NO_CALLS: Final = (CALLS[0], "This browser cannot make calls. You can go on writing here.")
FIREFOX_KEEPS: Final = frozenset(
    {
        "bounce-tracking-protection.sqlite",
        "permissions.sqlite",
        "places.sqlite",
        "sessionstore-backups",
        "sessionstore.jsonlz4",
    }
)
"""Files and folders in which the relay's name may stand; docs/pages.md says so of each."""
WEBKIT_KEEPS: Final = frozenset({"XDG_DATA_HOME/webkitgtk-4.1/MiniBrowser/storage"})
"""As above."""


class Page(Protocol):
    """A page in either browser."""

    async def goto(self, url: str) -> None: ...
    async def press(self, name: str, role: str = "button") -> None: ...
    async def fill(self, name: str, text: str) -> None: ...
    async def shows(self, text: str) -> None: ...
    async def wait_for(self, function: str, *arguments: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Said:
    """What must not be found."""

    stem: str
    """With which each word of the conversation begins, hers and the counselor's."""
    conversation: bytes
    texts: tuple[str, ...]
    """What else stands on the page: names, and what she presses."""

    @property
    def needles(self) -> tuple[str | bytes, ...]:
        return self.stem, self.conversation, *self.texts


async def talk(
    page: Page, here: RelayEnvironment, staff: Staff, later: Sequence[tuple[str, str]] = ()
) -> Said:
    """From the page that is open: she asks, both write, she presses buttons, each until what it shows is
    there, and has begun to write more.
    """
    stem = needle()
    early, said, heard, begun = (f"{stem}{secrets.token_hex(3)}" for _ in range(4))
    await page.press(ENGLISH.start)
    await page.shows(ENGLISH.waiting)
    await say(page, early)
    his = await accepted(staff)
    assert (await until(his, events.TextReceived)).text == early
    await say(page, said)
    await his.send(heard)
    await page.shows(heard)
    await page.shows(NAME)
    for button, shown in later:
        await page.press(button)
        await page.shows(shown)
    await page.fill(ENGLISH.field, begun)
    return Said(stem, his.state.conversation_id, (NAME, here.organisation.public.name, ENGLISH.start))


async def say(page: Page, text: str) -> None:
    await page.fill(ENGLISH.field, text)
    await page.press(ENGLISH.send)
    await page.shows(text)


async def leave(page: Page) -> None:
    """By quick exit, until the harmless site is there."""
    await page.press(ENGLISH.exit)
    await page.wait_for("(title) => document.title === title", HARMLESS_TITLE)


def found(said: Iterable[Said], folder: Path) -> list[str]:
    return find([each for one in said for each in one.needles], written(folder))


async def until_found(controls: Iterable[Control], folder: Path) -> None:
    """Until the browser has written these down: all that came before would be on the disk by then, too."""
    for control in controls:

        async def is_found(control: Control = control) -> bool:
            return control.is_found(folder)

        async def names(control: Control = control) -> list[str]:
            return [place for place, _ in written(folder, control.files)]

        await until_page(is_found, f"in the files as {control}", names)


# --- Firefox -------------------------------------------------------------------------------------------


async def kept_by_firefox(browser: Firefox, site: KeepingSite, folder: Path) -> list[Control]:
    """What another site gives the browser to keep, once it is on the disk."""
    page = await browser.new_page(is_kept=True)
    titled = await site.titled(page)
    stored = await site.stored(page)
    controls = [
        Control(titled, "places.sqlite", r"places\.sqlite moz_places "),
        Control(stored, "data.sqlite", r"/ls/data\.sqlite data \(Snappy\) "),
        Control(stored, "*.sqlite", r"/idb/.*\.sqlite object_data \(Snappy\) "),
        Control(await site.cached(page, "gzip"), "cache2/entries/*", r"\(gzip\) "),
        Control(await site.cached(page, "br"), "cache2/entries/*", r"\(Brotli\) "),
        Control(await site.typed(page), "recovery.jsonlz4", r"\(LZ4\) "),
    ]
    await until_found(controls, folder)
    return controls


async def test_nothing_of_a_conversation_is_left_behind_in_firefox(tmp_path: Path) -> None:
    """Not after quick exit, running or ended, nor of a tab that is closed, nor of a browser that dies."""
    profile = tmp_path / "profile"
    async with (
        keeping_site() as site,
        relay_environment(tmp_path, f'exit_url = "{site.url}"') as here,
        here.staff(NAME) as staff,
    ):
        async with firefox(profile, SOON) as browser:
            hers = await browser.new_page(is_kept=True)
            await hers.goto(here.url)
            said = [await talk(hers, here, staff)]
            await kept_by_firefox(browser, site, profile)
            assert found(said, profile) == []
            await hers.bring_to_front()
            await leave(hers)
            await kept_by_firefox(browser, site, profile)
            assert found(said, profile) == []
            hers = await browser.new_page(is_kept=True)
            await hers.goto(here.url)
            said.append(await talk(hers, here, staff))
            await hers.close()
        assert found(said, profile) == []
        async with firefox(profile, SOON) as browser:
            hers = await browser.new_page(is_kept=True)
            await hers.goto(here.url)
            said.append(await talk(hers, here, staff))
            controls = await kept_by_firefox(browser, site, profile)
            await browser.die()
        assert found(said, profile) == []
        # A picture of the page would hold the words, too.
        assert list((profile / "thumbnails").glob("*")) == []
        assert [control for control in controls if not control.is_found(profile)] == []


async def test_firefox_keeps_her_address_where_the_documentation_says(tmp_path: Path) -> None:
    """In the history as one visible entry, after quick exit too: Firefox hides only what led on by itself."""
    profile, name = tmp_path / "profile", f"{needle()}.localhost"
    async with keeping_site() as site, call_environment(tmp_path, site) as here, here.staff(NAME) as staff:
        async with firefox(profile, {**DEVICES, **SOON}) as browser:
            hers = await browser.new_page(is_kept=True)
            await hers.goto(by_name(here, name))
            await talk(hers, here, staff, [CALLS])
            await kept_by_firefox(browser, site, profile)
            places = files_with(name, profile)
            assert "places.sqlite" in places
            await hers.bring_to_front()
            await leave(hers)
            await kept_by_firefox(browser, site, profile)
            places |= files_with(name, profile)
            assert paths_after(name, profile) <= {"/", "/x"}
        places |= files_with(name, profile)
        assert paths_after(name, profile) <= {"/", "/x"}
    assert beyond(FIREFOX_KEEPS, places) == set()
    assert told(FIREFOX_KEEPS) == FIREFOX_KEEPS
    assert visited(profile, name) == {("/", "Catatan", 0), ("/x", None, 1)}
    # Not `highValueCOOP`, by which the name would stay for 30 days, history cleared or not.
    assert permissions(profile, name) == {"storageAccessAPI"}


@pytest.mark.parametrize("how", ["closed", "ended", "killed"])
async def test_firefox_keeps_no_more_of_a_page_that_was_not_left(tmp_path: Path, how: str) -> None:
    """Of which the tab is closed, or with which the browser ends."""
    profile, name = tmp_path / "profile", f"{needle()}.localhost"
    async with keeping_site() as site, call_environment(tmp_path, site) as here, here.staff(NAME) as staff:
        async with firefox(profile, SOON) as browser:
            hers = await browser.new_page(is_kept=True)
            await hers.goto(by_name(here, name))
            await talk(hers, here, staff)
            if how == "closed":
                await hers.close()
                await kept_by_firefox(browser, site, profile)
            elif how == "killed":
                await kept_by_firefox(browser, site, profile)
                await browser.die()
        assert beyond(FIREFOX_KEEPS, files_with(name, profile)) == set()
        assert paths_after(name, profile) == {"/"}


def visited(profile: Path, name: str) -> set[tuple[str, str | None, int]]:
    """Of this host in the history of a closed browser: path, title, and whether it is hidden."""
    with closing(sqlite3.connect(profile / "places.sqlite")) as database:
        places = database.execute("SELECT url, title, hidden FROM moz_places").fetchall()
    return {(URL(url).path, title, hidden) for url, title, hidden in places if URL(url).host == name}


def permissions(profile: Path, name: str) -> set[str]:
    """What a closed browser keeps of this host among permissions, by its kind."""
    with closing(sqlite3.connect(profile / "permissions.sqlite")) as database:
        kept = database.execute("SELECT origin, type FROM moz_perms").fetchall()
    return {kind for origin, kind in kept if name in origin}


# --- WebKitGTK -----------------------------------------------------------------------------------------


async def kept_by_webkit(page: KeptWebKitPage, site: KeepingSite, folder: Path) -> list[Control]:
    """What another site, in the place of hers, gives the browser to keep, once it is on the disk."""
    await site.titled(page)
    stored = await site.stored(page)
    controls = [
        Control(stored, "*.localstorage", " ItemTable "),
        Control(stored, "*.sqlite3", " Records "),
        Control(await site.cached(page, "gzip"), "WebKitCache/**/*", "WebKitCache"),
    ]
    await until_found(controls, folder)
    return controls


async def test_nothing_of_a_conversation_is_left_behind_in_webkit(tmp_path: Path) -> None:
    """Not after quick exit, running or ended, nor of a window that is closed, nor of a browser that dies."""
    kept = tmp_path / "kept"
    with made_up_screen() as display:
        async with (
            keeping_site() as site,
            relay_environment(tmp_path, f'exit_url = "{site.url}"') as here,
            here.staff(NAME) as staff,
        ):
            async with kept_webkit(display, kept, here.url) as hers:
                said = [await talk(hers, here, staff)]
                assert found(said, kept) == []
                await leave(hers)
                await kept_by_webkit(hers, site, kept)
                assert found(said, kept) == []
                await hers.goto(here.url)
                said.append(await talk(hers, here, staff))
                controls = await kept_by_webkit(hers, site, kept)
            assert found(said, kept) == []
            async with kept_webkit(display, kept, here.url) as hers:
                said.append(await talk(hers, here, staff))
                await hers.close()
            assert found(said, kept) == []
            async with kept_webkit(display, kept, here.url) as hers:
                said.append(await talk(hers, here, staff))
                await hers.die()
            assert found(said, kept) == []
            assert [control for control in controls if not control.is_found(kept)] == []


async def test_webkit_keeps_her_address_where_the_documentation_says(tmp_path: Path) -> None:
    """The engine alone: what a browser built on it notes in a history of its own is that browser's."""
    kept, name = tmp_path / "kept", f"{needle()}.localhost"
    with made_up_screen() as display:
        async with (
            keeping_site() as site,
            call_environment(tmp_path, site) as here,
            here.staff(NAME) as staff,
        ):
            async with kept_webkit(display, kept, by_name(here, name)) as hers:
                await talk(hers, here, staff, [NO_CALLS])
                places = files_with(name, kept)
                await leave(hers)
                await kept_by_webkit(hers, site, kept)
                places |= files_with(name, kept)
            assert beyond(WEBKIT_KEEPS, places | files_with(name, kept)) == set()
            assert told(WEBKIT_KEEPS) == WEBKIT_KEEPS
            assert paths_after(name, kept) <= {"/", "/x"}


# --- both ----------------------------------------------------------------------------------------------


def call_environment(folder: Path, site: KeepingSite) -> AbstractAsyncContextManager[RelayEnvironment]:
    """A relay that offers calls, whose quick exit leads to the site."""
    return relay_environment(folder, f'exit_url = "{site.url}"', calls={"allow_direct": True})


def by_name(here: RelayEnvironment, name: str) -> str:
    """Where the page is, by a name of this machine's that stands nowhere by chance."""
    return str(URL(here.url).with_host(name).with_path("/"))
