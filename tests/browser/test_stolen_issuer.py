"""A relay that lies shows her page what the thief of a revoked issuer's key has signed: it is refused."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Route
from support.browsers.environment import accepted, relay_environment
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import SurvivorPage
from support.organisation.stolen_issuer import StolenIssuer

PATH = "**/v1/revocations"
NO_LIST = "Right now we cannot be sure who would answer"


async def test_page_believes_nobody_by_the_list_of_an_issuer_whom_the_root_lists_no_more(
    tmp_path: Path,
) -> None:
    """She is told, and goes on by herself once she is shown the organisation's own."""
    async with (
        relay_environment(tmp_path) as here,
        here.staff("Sari") as staff,
        chromium(tmp_path / "profile") as browser,
    ):
        stolen = StolenIssuer(here.organisation)
        lie = {"list": stolen.empty_list(), "authority": stolen.stated(lists_it=False, version=2)}

        async def answer(route: Route) -> None:
            await route.fulfill(json=lie)

        hers = await SurvivorPage.open(browser, here.url)
        await hers.page.route(PATH, answer)
        await hers.ask()
        await hers.shows(NO_LIST)
        await hers.page.unroute(PATH)
        await accepted(staff)
        await hers.is_in_the_room("Sari")
