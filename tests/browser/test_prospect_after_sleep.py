"""Her phone sleeps while nobody is there; when it is back, somebody is: what does her page say?"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from playwright.async_api import expect
from support.browsers.console_page import console_environment
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import ENGLISH, SurvivorPage
from support.clients.sdk_people import new_staff
from support.relay.dishonest_proxy import DishonestProxy, dishonest
from teduh_sdk import Staff


async def test_her_page_says_no_more_that_nobody_is_there(tmp_path: Path) -> None:
    day = time.gmtime(time.time() + 2 * 24 * 3600)
    table = f'[opening]\ntime_zone = "UTC"\n{time.strftime("%A", day).lower()} = ["12:00-13:00"]\n'
    async with console_environment(tmp_path, table) as environment, chromium(tmp_path / "profile") as browser:
        proxy = DishonestProxy(environment.url)
        async with dishonest(proxy) as url:
            hers = await SurvivorPage.open(browser, url)
            await hers.ask()
            place = hers.page.locator(".place")
            await expect(place).to_contain_text("Nobody is on duty just now. Somebody will be there again on")
            proxy.cut()
            await hers.shows(ENGLISH.reconnecting)
            async with Staff(
                environment.url, environment.organisation.public, new_staff(environment.organisation, "Sari")
            ) as sari:
                await sari.set_busy()
                await asyncio.sleep(1)
                proxy.mend()
                await hers.shows(ENGLISH.connected)
                await asyncio.sleep(8)
                print("her page, 8 s after it is connected again, with Sari there:", await place.inner_text())
                await expect(place).not_to_contain_text("Nobody is on duty just now")
