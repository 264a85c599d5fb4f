"""The pages over HTTP: what somebody who seeks help opens, what staff work in, and the way out.

    GET  /                        the survivor's page, one document
    GET  /NAME.HASH.js            what that page loads only when it needs it
    GET  /x                       quick exit: browsers forget this origin, and go on to a harmless site
    POST /x                       the same, sent by a page that is being left
    GET  /console/                the staff console, and its files under /console/assets/
    GET  /console/worker.js       its service worker, which says that somebody is waiting
    GET  /embed.js                the loader for other sites
    GET  /manifest.json           the hashes of all of these

Nothing about visitors is kept or logged. Where the console has an origin of its own, each origin serves its
own pages only, so that quick exit empties nothing of the console's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable

from aiohttp import web
from teduh_crypto.credentials import Organisation

from teduh_server.config.page_settings import PageSettings
from teduh_server.http.compression import Compression
from teduh_server.http.served_pages import (
    NO_STORE,
    Document,
    Origins,
    PagesNotBuilt,
    always,
    console_assets,
    console_page,
    console_worker,
    embed_script,
    manifest,
    survivor_page,
    survivor_scripts,
)
from teduh_server.transport.browser_origin import host_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_NOT_BUILT = "This relay serves no pages: they were not built.\n"
_ASSETS = "/console/assets/"
_WORKER = "/console/worker.js"
FORGET = '"cookies", "storage"'
"""What browsers are told to forget of this origin.

Not `"*"`, which has the cache emptied as well. Nothing of her page is in it, for all is `no-store`; and
Firefox keeps a file there, named after the origin, which says that it was emptied.
"""


def page_routes(
    organisation: Organisation,
    settings: PageSettings,
    origins: Origins,
    built: Traversable,
    *,
    demonstration: bool,
    has_directory: bool = False,
) -> list[web.RouteDef]:
    """The routes; a page that was not built is a 404 that says so."""
    documents: dict[str, Document] = {}

    def keep(path: str, make: Callable[[], Document]) -> None:
        try:
            documents[path] = make()
        except PagesNotBuilt:
            return

    keep("/", lambda: survivor_page(organisation, settings, origins, built, has_directory=has_directory))
    keep(
        "/console/",
        lambda: console_page(
            organisation, settings, origins, built, demonstration=demonstration, has_directory=has_directory
        ),
    )
    keep(_WORKER, lambda: console_worker(origins, built))
    keep("/embed.js", lambda: embed_script(origins, built))
    for name, asset in console_assets(origins, built).items():
        documents[_ASSETS + name] = asset
    for name, script in survivor_scripts(origins, built).items():
        documents[f"/{name}"] = script
    keep("/manifest.json", lambda: manifest(documents, origins, built))
    return Pages(documents, settings.exit_url, origins).routes()


@dataclass(frozen=True, slots=True)
class Pages:
    """Answers with documents, by path."""

    documents: dict[str, Document] = field(repr=False)
    exit_url: str
    origins: Origins
    compression: Compression = field(default_factory=Compression, repr=False)

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        return [
            web.get("/", self._survivors(self.document)),
            web.get(r"/{script:\w+\.[0-9a-f]{16}\.js}", self._survivors(self.document)),
            web.get("/x", self._survivors(self.leave)),
            web.post("/x", self._survivors(self.leaving)),
            web.get("/embed.js", self._survivors(self.document)),
            web.get("/manifest.json", self.document),
            web.get("/console", self._consoles(self.to_console)),
            web.get("/console/", self._consoles(self.document)),
            web.get(_WORKER, self._consoles(self.document)),
            web.get(_ASSETS + "{name}", self._consoles(self.document)),
        ]

    async def document(self, request: web.Request) -> web.Response:
        """The document at this path."""
        document = self.documents.get(request.path)
        if document is None:
            raise web.HTTPNotFound(text=_NOT_BUILT, headers=self._plain())
        accepted = request.headers.get("Accept-Encoding", "")
        body, encoding = self.compression.encoded(request.path, document, accepted)
        encoded = {} if encoding is None else {"Content-Encoding": encoding}
        return web.Response(body=body, headers={**document.headers, **encoded})

    async def leave(self, request: web.Request) -> web.Response:
        """Quick exit's navigation."""
        return web.Response(status=303, headers={**self._forgetting(request), "Location": self.exit_url})

    async def leaving(self, request: web.Request) -> web.Response:
        """Quick exit's beacon; it arrives even when the tab is closed at once."""
        return web.Response(status=204, headers=self._forgetting(request))

    async def to_console(self, request: web.Request) -> web.Response:
        """The address without its last stroke. Browsers carry the fragment along."""
        return web.Response(status=308, headers={**self._plain(), "Location": "/console/"})

    def _forgetting(self, request: web.Request) -> dict[str, str]:
        # Another site must not be able to erase a console by sending its visitors here.
        if request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none"):
            return {**self._plain(), "Clear-Site-Data": FORGET}
        return self._plain()

    def _plain(self) -> dict[str, str]:
        return {"Cache-Control": NO_STORE, **always(self.origins.relay)}

    def _survivors(self, handler: Handler) -> Handler:
        return self._only(lambda host: host != host_of(self.origins.console), handler)

    def _consoles(self, handler: Handler) -> Handler:
        return self._only(lambda host: host == host_of(self.origins.console), handler)

    def _only(self, here: Callable[[str], bool], handler: Handler) -> Handler:
        """`handler`, at the origin where it belongs, if there are two."""
        if not self.origins.apart:
            return handler

        async def handle(request: web.Request) -> web.StreamResponse:
            if here(request.host):
                return await handler(request)
            if request.path == "/":
                raise web.HTTPSeeOther("/console/", headers=self._plain())
            raise web.HTTPNotFound(headers=self._plain())

        return handle
