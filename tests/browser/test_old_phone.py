"""A phone from before Chrome 137: its WebCrypto knows neither Ed25519 nor X25519, so the page fetches
what steps in.

The curves are taken away before the page's own script runs; everything else is as everywhere.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from playwright.async_api import BrowserContext, Request, Route, expect
from support.browsers.environment import accepted, relay_environment
from support.browsers.real_browser import PATIENCE_MS, chromium
from support.browsers.survivor_page import SurvivorPage
from support.clients.sdk_people import until
from teduh_sdk import events

SPARE = re.compile(r"/spare\.[0-9a-f]{16}\.js$")
_OLD = """
for (const [name, at] of [["importKey", 2], ["generateKey", 0]]) {
  const real = crypto.subtle[name].bind(crypto.subtle)
  SubtleCrypto.prototype[name] = async (...given) => {
    const algorithm = given[at].name ?? given[at]
    if (algorithm === "Ed25519" || algorithm === "X25519")
      throw new DOMException("Unrecognized name.", "NotSupportedError")
    return real(...given)
  }
}
"""


async def grow_old(browser: BrowserContext) -> None:
    await browser.add_init_script(_OLD)


async def test_whole_story_works_on_an_old_phone(tmp_path: Path) -> None:
    async with relay_environment(tmp_path) as here, chromium(tmp_path / "profile") as browser:
        await grow_old(browser)
        fetched: list[Request] = []
        browser.on("request", lambda request: fetched.append(request) if SPARE.search(request.url) else None)
        hers = await SurvivorPage.open(browser, here.url)
        await hers.ask()
        await hers.say("Is somebody there?")
        async with here.staff("Sari") as staff:
            his = await accepted(staff)
            assert (await until(his, events.TextReceived)).text == "Is somebody there?"
            await his.send("I am here")
            await expect(hers.message("I am here")).to_be_visible()
        # Once, however often it is needed.
        assert len(fetched) == 1


async def test_a_changed_part_does_not_run_and_a_good_one_is_taken_afterwards(tmp_path: Path) -> None:
    """Browsers hold it against its hash; without it nothing can be verified, so the page goes on asking."""
    async with relay_environment(tmp_path) as here, chromium(tmp_path / "profile") as browser:
        await grow_old(browser)
        changed: list[str] = []
        refused = asyncio.Event()

        async def change(route: Route) -> None:
            answer = await route.fetch()
            await route.fulfill(response=answer, body=f"document.title = 'taken';{await answer.text()}")
            changed.append(route.request.url)
            if len(changed) == 2:
                refused.set()

        await browser.route(SPARE, change)
        hers = await SurvivorPage.open(browser, here.url)
        await hers.ask()
        # What did not run the first time is fetched again.
        async with asyncio.timeout(PATIENCE_MS / 1000):
            await refused.wait()
        await hers.shows("Asking for somebody")
        assert await hers.page.title() == "Catatan"
        await browser.unroute(SPARE)
        await hers.shows("Nobody is on duty just now.")
