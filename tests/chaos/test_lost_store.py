"""A store that comes back without its data: nobody takes that for a goodbye, and nothing that was said goes
without a word.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from support.clients.sdk_people import new_staff, until
from support.clients.web_peer import organisation_json, web_peer
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import RelayProcess, relay_process
from support.store.valkey_server import start_valkey
from teduh_sdk import events
from teduh_sdk.exceptions import ConversationForgotten
from teduh_sdk.staff.staff import Staff
from teduh_sdk.survivor import Survivor
from teduh_server.redis_store.durability import Durability
from teduh_server.redis_store.embedded import EmbeddedValkey

ORGANISATION = RelayOrganisation()


@dataclass
class Environment:
    """A relay whose store keeps nothing over a crash, and a counselor."""

    valkey: EmbeddedValkey
    relay: RelayProcess
    staff: Staff

    async def lose(self) -> None:
        await asyncio.to_thread(self.valkey.kill)

    async def come_back_empty(self) -> None:
        await asyncio.to_thread(self.valkey.revive)


@asynccontextmanager
async def environment(folder: Path) -> AsyncIterator[Environment]:
    with (
        start_valkey(durability=Durability.MEMORY) as valkey,
        relay_process(folder / "relay", ORGANISATION.write(folder), valkey.url) as relay,
    ):
        await ORGANISATION.publish_revocations(relay.url)
        async with Staff(relay.url, ORGANISATION.public, new_staff(ORGANISATION, "Sari")) as staff:
            yield Environment(valkey, relay, staff)


async def test_a_lost_store_is_told_as_such_and_what_was_not_sent_is_handed_back(tmp_path: Path) -> None:
    async with environment(tmp_path) as at, Survivor(at.relay.url, ORGANISATION.public) as survivor:
        hers = await survivor.ask()
        his = await (await anext(at.staff.requests())).accept()
        await hers.joined()
        await his.confirmed()
        await hers.confirmed()
        await at.lose()
        for conversation, text in ((hers, "He is back."), (his, "Are you safe?")):
            await conversation.send(text)
            await until(conversation, events.RelayUnavailable)
        await at.come_back_empty()
        for conversation, text in ((hers, "He is back."), (his, "Are you safe?")):
            stopped = await until(conversation, events.Stopped)
            assert isinstance(stopped.reason, ConversationForgotten)
            assert [one.text for one in stopped.unsent] == [text]


async def test_the_same_in_the_browsers_sdk(tmp_path: Path) -> None:
    async with environment(tmp_path) as at, web_peer() as her:
        await her.call("openSurvivor", url=at.relay.url, organisation=organisation_json(ORGANISATION.public))
        await her.call("ask")
        his = await (await anext(at.staff.requests())).accept()
        await her.until("joined")
        await his.confirmed()
        await her.call("confirmed")
        await at.lose()
        await her.call("send", text="He is back.")
        await her.until("relayUnavailable")
        await at.come_back_empty()
        stopped = await her.until("stopped")
        assert str(stopped["reason"]).startswith("ConversationForgotten")
        match stopped["unsent"]:
            case [{"text": "He is back.", "wasTried": True}]:
                pass
            case other:
                raise AssertionError(other)


async def test_who_waits_when_the_store_is_lost_waits_on(tmp_path: Path) -> None:
    """Nobody has come yet, so a new request has all that the lost one had."""
    async with environment(tmp_path) as at, Survivor(at.relay.url, ORGANISATION.public) as survivor:
        hers = await survivor.ask()
        await hers.send("Is somebody there?")
        await at.lose()
        await at.come_back_empty()
        his = await (await anext(at.staff.requests())).accept()
        assert (await until(his, events.TextReceived)).text == "Is somebody there?"
        assert not hers.is_over


async def test_a_store_that_was_away_for_a_while_is_told_both_times(tmp_path: Path) -> None:
    with (
        start_valkey() as valkey,
        relay_process(tmp_path / "relay", ORGANISATION.write(tmp_path), valkey.url) as relay,
    ):
        await ORGANISATION.publish_revocations(relay.url)
        keys = new_staff(ORGANISATION, "Sari")
        async with (
            Staff(relay.url, ORGANISATION.public, keys) as staff,
            Survivor(relay.url, ORGANISATION.public) as survivor,
        ):
            hers = await survivor.ask()
            his = await (await anext(staff.requests())).accept()
            await hers.joined()
            await asyncio.to_thread(valkey.kill)
            await hers.send("He is back.")
            await until(hers, events.RelayUnavailable)
            await asyncio.to_thread(valkey.revive)
            await until(hers, events.RelayAvailable)
            assert (await until(his, events.TextReceived)).text == "He is back."
