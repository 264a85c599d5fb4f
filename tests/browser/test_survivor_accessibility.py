"""WCAG 2.2 AA in the states of the survivor's page, at phone size, in both colour schemes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from accessible import barriers
from browser_house import accepted, house
from playwright.async_api import expect
from real_browser import ColourScheme, chromium
from sdk_people import until
from survivor_page import INDONESIAN, SurvivorPage
from teduh_crypto.credentials import Role
from teduh_sdk import events


@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_nothing_on_her_page_stands_in_anybodys_way(tmp_path: Path, colours: ColourScheme) -> None:
    async with (
        house(tmp_path) as here,
        chromium(
            tmp_path / "profile", "id", width=360, height=740, colours=colours, bypass_csp=True
        ) as browser,
    ):
        found: dict[str, list[str]] = {}
        hers = await SurvivorPage.open(browser, here.url, INDONESIAN)
        await expect(hers.button(INDONESIAN.start)).to_be_visible()
        found["the first screen"] = await barriers(hers.page)
        await hers.ask()
        await hers.say("Apakah ada orang?")
        found["waiting"] = await barriers(hers.page)
        async with here.staff("Sari") as staff, here.staff("Dewi", Role.MEDIC):
            his = await accepted(staff)
            await hers.is_in_the_room("Sari")
            await his.send("Ya, saya di sini.")
            await expect(hers.messages.last).to_have_text("Ya, saya di sini.")
            found["talking"] = await barriers(hers.page)
            (colleague,) = [one for one in await staff.colleagues() if one.name == "Dewi"]
            bringing = asyncio.create_task(his.invite(colleague, "untuk lukanya"))
            await expect(hers.button(INDONESIAN.let_join)).to_be_visible()
            found["asked for a newcomer"] = await barriers(hers.page)
            bringing.cancel()
            await hers.button(f"{INDONESIAN.room}: Sari").click()
            await expect(hers.button(INDONESIAN.end)).to_be_visible()
            found["who is here"] = await barriers(hers.page)
            await hers.button(INDONESIAN.end).click()
            await until(his, events.Ended)
            await hers.shows(INDONESIAN.ended_by_her)
            found["the end"] = await barriers(hers.page)
        assert {state: rules for state, rules in found.items() if rules} == {}
