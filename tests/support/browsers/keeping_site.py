"""A site of which browsers keep all that they can: the control of what looks through their files.

What it gives them holds a word of its own each time, packed so that it stands nowhere byte by byte once a
compressor has gone over it. A search that does not find these words in their places finds nothing.
"""

from __future__ import annotations

import gzip
import itertools
import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import brotli
from aiohttp import web

from support.browsers.environment import HARMLESS_TITLE
from support.browsers.needles import find
from support.browsers.written_down import written

_FILLING: Final = "and so on, " * 3000
"""So much that everybody who compresses what is worth it does so."""
_STORE: Final = """async (text) => {
  localStorage.setItem("kept", text);
  const database = await new Promise((resolve) => {
    const opening = indexedDB.open("kept");
    opening.onupgradeneeded = () => opening.result.createObjectStore("kept");
    opening.onsuccess = () => resolve(opening.result);
  });
  await new Promise((resolve) => {
    const writing = database.transaction("kept", "readwrite", { durability: "strict" });
    writing.oncomplete = resolve;
    writing.objectStore("kept").put(text, "kept");
  });
  database.close();
}"""
_FETCH: Final = "async (path) => (await (await fetch(path)).text()).length"


def needle() -> str:
    """A word that stands nowhere by chance."""
    return f"word{secrets.token_hex(12)}"


def packable(word: str, filling: str = _FILLING) -> str:
    """A text with this word, of which a compressor writes two references to what stood before."""
    half = len(word) // 2
    return f"{word[half:]} {word[:half]} {filling} {word}"


class Page(Protocol):
    """A page in a browser, as far as it is needed here."""

    async def goto(self, url: str) -> None: ...
    async def fill(self, name: str, text: str) -> None: ...
    async def evaluate(self, function: str, *arguments: object) -> Any: ...


@dataclass(frozen=True, slots=True)
class Control:
    """A word, and the files in which, and the form in which, it has to be found."""

    word: str
    files: str
    place: str

    def is_found(self, folder: Path) -> bool:
        """Whether it is there, in any of the files (a glob) and in a place that this pattern matches."""
        return any(re.search(self.place, hit) for hit in find([self.word], written(folder, self.files)))


@dataclass(frozen=True, slots=True)
class KeepingSite:
    """The site, by its URL."""

    url: str
    words: dict[str, str] = field(default_factory=dict)
    """The word of each path that was asked for."""
    _numbers: Callable[[], int] = field(default_factory=lambda: itertools.count(1).__next__)

    def new_path(self, kind: str) -> tuple[str, str]:
        """A path that nobody has asked for, and its word."""
        path = f"/{kind}/{self._numbers()}"
        return path, self.words.setdefault(path, needle())

    async def titled(self, page: Page) -> str:
        """Open a page of it whose title is a word; that."""
        path, word = self.new_path("titled")
        await page.goto(f"{self.url.rstrip('/')}{path}")
        return word

    async def typed(self, page: Page) -> str:
        """Type a word into the form of the page that is open; that."""
        word = needle()
        await page.fill("Place", packable(word, "and"))
        return word

    async def stored(self, page: Page) -> str:
        """Let the page that is open store a word, in localStorage and IndexedDB; that."""
        word = needle()
        await page.evaluate(_STORE, packable(word))
        return word

    async def cached(self, page: Page, kind: str) -> str:
        """Let the open page fetch a word in an answer that is `gzip` or `br` and may be kept; that."""
        path, word = self.new_path(kind)
        assert await page.evaluate(_FETCH, path) == len(packable(word))
        return word


@asynccontextmanager
async def keeping_site() -> AsyncIterator[KeepingSite]:
    """It has a form at `/`; anybody may come."""
    sites: list[KeepingSite] = []

    async def show(request: web.Request) -> web.Response:
        title = sites[0].words.get(request.path, HARMLESS_TITLE)
        return web.Response(text=_form(title), content_type="text/html")

    async def answer(request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        body = packable(sites[0].words[request.path]).encode()
        packed = gzip.compress(body) if kind == "gzip" else brotli.compress(body)
        headers = {"Content-Encoding": kind, "Cache-Control": "public, max-age=86400"}
        return web.Response(body=packed, content_type="text/plain", headers=headers)

    app = web.Application()
    app.router.add_get("/", show)
    app.router.add_get("/titled/{number}", show)
    app.router.add_get("/{kind:gzip|br}/{number}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        sites.append(KeepingSite(f"http://localhost:{runner.addresses[0][1]}/"))
        yield sites[0]
    finally:
        await runner.cleanup()


def _form(title: str) -> str:
    return f"""<!doctype html><html lang="en"><head><title>{title}</title>
<link rel="icon" href="data:,"></head><body><main><h1>{title}</h1>
<form><label>Place <input name="place"></label></form></main></body></html>"""
