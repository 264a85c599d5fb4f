"""The example of a user interface of one's own, served by another site than the relay."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from playwright.async_api import expect
from support.browsers.environment import accepted
from support.browsers.real_browser import chromium
from support.clients.node_runtime import node
from support.clients.sdk_people import new_staff, until
from support.clients.web_peer import WEB, built_peer, organisation_json
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_crypto.credentials import Organisation
from teduh_sdk import events
from teduh_sdk.staff.staff import Staff


def build_example(folder: Path, relay: str, organisation: Organisation) -> None:
    """Put the example into `folder` as its own site would serve it."""
    built_peer()  # brings the packages
    config = WEB / "tests" / "ownUi.config.ts"
    command = [str(node()), "node_modules/vite/bin/vite.js", "build", "--config", str(config)]
    public = json.dumps(organisation_json(organisation))
    done = subprocess.run(
        [*command, "--outDir", str(folder)],
        cwd=WEB,
        env={**os.environ, "VITE_RELAY": relay, "VITE_ORGANISATION": public},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@asynccontextmanager
async def site(folder: Path) -> AsyncIterator[str]:
    """A site that serves a folder; its origin."""

    async def index(_: web.Request) -> web.FileResponse:
        return web.FileResponse(folder / "index.html")

    app = web.Application()
    app.router.add_get("/", index)
    app.router.add_static("/", folder)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_page_of_ones_own_on_another_site_asks_and_talks(tmp_path: Path) -> None:
    organisation = RelayOrganisation()
    folder = tmp_path / "site"
    folder.mkdir()
    async with site(folder) as origin, chromium(tmp_path / "profile") as browser:
        with start_valkey() as valkey:
            file = organisation.write(tmp_path)
            async with relay_here(file, valkey.url, allowed_origins=[origin]) as (_, url):
                await organisation.publish_revocations(url)
                await asyncio.to_thread(build_example, folder, url, organisation.public)
                page = await browser.new_page()
                await page.goto(origin)
                await page.get_by_role("button", name="I would like to talk to somebody").click()
                await expect(page.get_by_role("status")).to_have_text("You are number 1 in line.")
                await page.get_by_label("Your message").fill("Is somebody there?")
                await page.get_by_role("button", name="Send").click()
                async with Staff(url, organisation.public, new_staff(organisation, "Sari")) as staff:
                    his = await accepted(staff)
                    assert (await until(his, events.TextReceived)).text == "Is somebody there?"
                    await his.send("<b>I am here.</b>")
                    await expect(page.get_by_text("Sari: <b>I am here.</b>")).to_be_visible()
                    assert str((await until(his, events.Read)).by) == "survivor"
