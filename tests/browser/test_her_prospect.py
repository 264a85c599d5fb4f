"""What her page says while she waits: when somebody will be there, how long it takes, what counts no more."""

from __future__ import annotations

import time
from pathlib import Path

from playwright.async_api import expect
from support.browsers.console_page import console_environment
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import SurvivorPage
from support.clients.sdk_people import new_staff
from teduh_sdk import Shift, Staff
from teduh_server.redis_store import keys


async def test_she_is_told_when_how_long_and_what_no_longer_counts(tmp_path: Path) -> None:
    # Never within a day of now.
    day = time.gmtime(time.time() + 2 * 24 * 3600)
    table = f'[opening]\ntime_zone = "UTC"\n{time.strftime("%A", day).lower()} = ["12:00-13:00"]\n'
    routing = {"mode": "offer", "widen_after_seconds": 1}
    async with (
        console_environment(tmp_path, f'regions = ["Bandung"]\n{table}', routing=routing) as environment,
        Staff(
            environment.url, environment.organisation.public, new_staff(environment.organisation, "Sari")
        ) as sari,
        chromium(tmp_path / "profile") as browser,
    ):
        taken = [int(time.time() * 1000) - minutes * 60_000 for minutes in range(1, 31)]
        await environment.relay.parts.store.ask((b"RPUSH", keys.QUEUE_TAKEN, *taken))
        hers = await SurvivorPage.open(browser, environment.url)
        await hers.page.get_by_label("Roughly where are you?").select_option("Bandung")
        await hers.ask()
        place = hers.page.locator(".place")
        await expect(place).to_contain_text("Nobody is on duty just now. Somebody will be there again on")
        await expect(place).to_contain_text(time.strftime("%A", day))
        await sari.set_available(1, Shift(region="Jakarta"))
        await expect(place).to_contain_text("You are next.")
        # Between none and that many would tell nothing.
        await expect(place).to_contain_text("It may take up to")
        await expect(place).not_to_contain_text("between")
        await expect(place).to_contain_text("Nobody who fits everything you asked for is free")
        await expect(place).not_to_contain_text("Nobody is on duty")
        async for offer in sari.routing.offers():
            await offer.accept()
            break
        await hers.is_in_the_room("Sari")
