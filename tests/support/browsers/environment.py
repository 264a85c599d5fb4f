"""A relay that serves the built pages, staff who answer, and the harmless site to which quick exit goes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from teduh_crypto.credentials import Role
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.staff.staff import Staff

from support.clients.sdk_people import new_staff
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import RelayProcess, relay_here, relay_process
from support.store.valkey_server import start_valkey

HARMLESS_TITLE = "Weather of the week"
_HARMLESS = f"""<!doctype html><html lang="en"><head><title>{HARMLESS_TITLE}</title>
<link rel="icon" href="data:,"></head><body><main><h1>{HARMLESS_TITLE}</h1>
<form><label>Place <input name="place"></label></form></main></body></html>"""


@dataclass(frozen=True, slots=True)
class RelayEnvironment:
    """Where the page is, and who may answer there."""

    url: str
    organisation: RelayOrganisation = field(default_factory=RelayOrganisation)

    def staff(self, name: str = "Sari", role: Role = Role.COUNSELOR) -> Staff:
        """A staff member with a device; to be entered."""
        return Staff(self.url, self.organisation.public, new_staff(self.organisation, name, role))


async def accepted(staff: Staff) -> Conversation:
    """The conversation of the next request."""
    async for request in staff.requests(capacity=3):
        return await request.accept()
    raise AssertionError("there are always requests")


async def joined(staff: Staff) -> Conversation:
    """The conversation of the next invitation."""
    async for invited in staff.invitations():
        return await invited.join()
    raise AssertionError("there are always invitations")


@asynccontextmanager
async def relay_environment(
    folder: Path, page: str = "", **settings: object
) -> AsyncIterator[RelayEnvironment]:
    """A relay in this event loop; `page` is the text of the organisation's `[page]` table."""
    organisation = RelayOrganisation()
    with start_valkey() as valkey:
        file = organisation_file(organisation, folder, page)
        async with relay_here(file, valkey.url, **settings) as (_, url):
            await organisation.publish_revocations(url)
            yield RelayEnvironment(url, organisation)


@contextmanager
def killable_environment(folder: Path, page: str = "") -> Iterator[tuple[RelayEnvironment, RelayProcess]]:
    """A relay as a process, whose first revocation list is yet to be published; `page` as above."""
    organisation = RelayOrganisation()
    with (
        start_valkey() as valkey,
        relay_process(folder / "relay", organisation_file(organisation, folder, page), valkey.url) as process,
    ):
        yield RelayEnvironment(process.url, organisation), process


def organisation_file(organisation: RelayOrganisation, folder: Path, page: str) -> Path:
    """The organisation's file with its `[page]` table."""
    path = organisation.write(folder)
    path.write_text(f"{path.read_text('utf-8')}\n[page]\n{page}", "utf-8")
    return path


@asynccontextmanager
async def harmless_site() -> AsyncIterator[str]:
    """A site with a form, as any site has one, compressed and to be cached; its URL."""

    async def show(_: web.Request) -> web.Response:
        response = web.Response(
            text=_HARMLESS, content_type="text/html", headers={"Cache-Control": "max-age=3600"}
        )
        response.enable_compression(web.ContentCoding.gzip)
        return response

    app = web.Application()
    app.router.add_get("/", show)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()
