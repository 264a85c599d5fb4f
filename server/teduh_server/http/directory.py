"""The directory of services, whole: who else can help.

    GET /v1/directory    anybody    -> {"statement", "directory"}

There is nothing to ask it for: the search is on the reader's device, and the relay learns only that somebody
has fetched it. The answer is the same for everybody, made once, and kept by no browser.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
from aiohttp import web

from teduh_server.http.compression import Compression
from teduh_server.http.served_pages import JSON, NO_STORE, Document, document
from teduh_server.organisation.signed_directory import ServedDirectory, SignedDirectory

DIRECTORY_PATH = "/v1/directory"
_HEADERS = {
    "Cache-Control": NO_STORE,
    # It is public, and pages of other origins (`allowed_origins`) have to read it too.
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


def directory_routes(
    served: ServedDirectory,
    allow: Callable[[web.Request], bool],
    *,
    origin: str,
    clock: Callable[[], float] = time.time,
) -> list[web.RouteDef]:
    """The route; `allow` says no to a source that asks too often."""
    made = _Made(origin)

    async def show(request: web.Request) -> web.Response:
        if not allow(request):
            return _refusal(429, "rate_limited", "too many requests; wait a little")
        current = served.current(int(clock()))
        if current is None:
            return _refusal(404, "no_directory", "this relay has no directory that counts now")
        body, encoding = made.encoded(current, request.headers.get("Accept-Encoding", ""))
        encoded = {} if encoding is None else {"Content-Encoding": encoding}
        return web.Response(body=body, headers={**made.headers, **encoded})

    return [web.get(DIRECTORY_PATH, show)]


class _Made:
    """The newest directory as it is sent, made when it is new."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._of: SignedDirectory | None = None
        self._document: Document | None = None
        self._compression = Compression()

    @property
    def headers(self) -> dict[str, str]:
        return {} if self._document is None else dict(self._document.headers)

    def encoded(self, current: SignedDirectory, accepted: str) -> tuple[bytes, str | None]:
        if self._document is None or self._of is not current:
            self._of, self._compression = current, Compression()
            self._document = document(msgspec.json.encode(current), JSON, self._origin, _HEADERS)
        return self._compression.encoded(DIRECTORY_PATH, self._document, accepted)


def _refusal(status: int, code: str, detail: str) -> web.Response:
    body = msgspec.json.encode({"error": code, "detail": detail})
    headers = {"Cache-Control": NO_STORE, "Access-Control-Allow-Origin": "*"}
    return web.Response(body=body, status=status, content_type=JSON, headers=headers)
