"""The relay's store is away, and then has lost everything: she is told both, and keeps what she wrote."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import expect
from support.browsers.accessible import barriers
from support.browsers.environment import RelayEnvironment, accepted, organisation_file
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import ENGLISH, INDONESIAN, SurvivorPage, Words
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_server.redis_store.durability import Durability

SAID = {
    ENGLISH: ("Not sending. We keep trying…", "Nobody has ended it", "was not sent", "Start a new chat"),
    INDONESIAN: (
        "Belum terkirim. Terus dicoba…",
        "Tidak ada yang mengakhirinya",
        "belum terkirim",
        "Chat lagi",
    ),
}


@pytest.mark.parametrize("words", [ENGLISH, INDONESIAN], ids=["en", "id"])
async def test_what_she_wrote_is_in_the_field_again(tmp_path: Path, words: Words) -> None:
    organisation = RelayOrganisation()
    held, forgotten, unsent, again = SAID[words]
    with start_valkey(durability=Durability.MEMORY) as valkey:
        file = organisation_file(organisation, tmp_path, "")
        async with (
            relay_here(file, valkey.url) as (_, url),
            chromium(
                tmp_path / "hers",
                "en" if words is ENGLISH else "id",
                width=360,
                height=740,
                bypass_csp=True,
            ) as browser,
        ):
            await organisation.publish_revocations(url)
            async with RelayEnvironment(url, organisation).staff() as staff:
                survivor = await SurvivorPage.open(browser, url, words)
                await survivor.ask()
                his = await accepted(staff)
                await his.joined()
                await his.send("Are you safe?")
                await expect(survivor.message("Are you safe?")).to_be_visible()
                await his.confirmed()
                await asyncio.to_thread(valkey.kill)
                await survivor.say("He is coming up the stairs.")
                await expect(survivor.page.locator(".link")).to_have_text(held)
                assert await barriers(survivor.page) == []
                await asyncio.to_thread(valkey.revive)
                await expect(survivor.page.get_by_text(forgotten)).to_be_visible()
                await expect(survivor.page.get_by_text(unsent)).to_be_visible()
                await expect(survivor.message("He is coming up the stairs.")).to_be_visible()
                assert await barriers(survivor.page) == []
                await survivor.button(again).click()
                await survivor.ask()
                await expect(survivor.page.get_by_role("textbox")).to_have_value(
                    "He is coming up the stairs."
                )
