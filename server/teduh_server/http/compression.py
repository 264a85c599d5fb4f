"""In which encoding a page is sent: as brotli where the browser takes it and it is ready, else as gzip.

    first request            gzip, which was made at the start
    from the second on       gzip, while brotli is made in a thread
    as soon as it is there   brotli: about a seventh less for her to load, and a second's work for the relay

Browsers take brotli over https, and from their own machine. Each piece of a page is flushed: a browser
shows and runs it when that much has come.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Final

import brotli

from teduh_server.http.served_pages import Document

_WORTH_IT: Final = 2
"""Requests from which on it is worth the work, which a relay for one visitor can spare."""


@lru_cache(maxsize=32)
def _pressed(pieces: tuple[bytes, ...]) -> bytes:
    # The console's files are the same in every relay of a process.
    press = brotli.Compressor()
    early = [press.process(piece) + press.flush() for piece in pieces[:-1]]
    return bytes(b"".join(early) + press.process(pieces[-1]) + press.finish())


class Compression:
    """What was compressed of the documents of one relay, by path."""

    __slots__ = ("_asked", "_pressed")

    def __init__(self) -> None:
        self._asked: dict[str, int] = {}
        self._pressed: dict[str, bytes] = {}

    def encoded(self, path: str, document: Document, accepted: str) -> tuple[bytes, str | None]:
        """The body for a request's `Accept-Encoding`, and its `Content-Encoding`, None for none."""
        takes = {name.strip() for name, weight in _weighed(accepted) if weight > 0}
        if "br" in takes:
            pressed = self._pressed.get(path)
            if pressed is not None:
                return pressed, "br"
            self._was_asked(path, document)
        if "gzip" in takes:
            return document.compressed, "gzip"
        return document.body, None

    def _was_asked(self, path: str, document: Document) -> None:
        asked = self._asked[path] = self._asked.get(path, 0) + 1
        if asked == _WORTH_IT:
            work = asyncio.get_running_loop().run_in_executor(None, _pressed, document.pieces)
            work.add_done_callback(lambda done: self._is_pressed(path, done))

    def _is_pressed(self, path: str, done: asyncio.Future[bytes]) -> None:
        # Cancelled when the relay stops meanwhile.
        if not done.cancelled():
            self._pressed[path] = done.result()


def _weighed(accepted: str) -> list[tuple[str, float]]:
    """The codings of an `Accept-Encoding` with their weights (RFC 9110, 12.5.3)."""
    weighed = []
    for coding in accepted.lower().split(","):
        name, _, weight = coding.partition(";q=")
        try:
            weighed.append((name, float(weight or "1")))
        except ValueError:
            continue
    return weighed
