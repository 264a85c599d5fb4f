"""The store goes away, loses something, or the relay is started anew, while somebody waits or writes."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from support.clients.sdk_people import collect, new_staff, until
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here, relay_process
from support.store.valkey_server import start_valkey
from teduh_sdk import events
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.exceptions import RequestGone
from teduh_sdk.staff.staff import Staff
from teduh_sdk.survivor import Survivor
from teduh_server.conversation_log.appends import Appends
from teduh_server.redis_store.exceptions import StoreUnavailable
from teduh_server.session.connection import Connection
from teduh_signaling.relay.frames import Append

ORGANISATION = RelayOrganisation()
PEOPLE = 10


async def _claimed(staff: Staff) -> Conversation:
    """The next who waits, as soon as somebody does."""
    async with asyncio.timeout(40):
        while True:
            with suppress(RequestGone):
                return await staff.claim()
            await asyncio.sleep(0.1)


async def test_who_is_connected_is_not_absent_because_the_store_was_away(tmp_path: Path) -> None:
    """Longer than a survivor may be absent; her link stands all the time."""
    with start_valkey() as store:
        async with relay_here(ORGANISATION.write(tmp_path), store.url, absent_seconds=6) as (relay, url):
            await ORGANISATION.publish_revocations(url)
            async with (
                Survivor(url, ORGANISATION.public) as survivor,
                Staff(url, ORGANISATION.public, new_staff(ORGANISATION, "Sari")) as sari,
            ):
                hers = await survivor.ask()
                await until(hers, events.Waiting)
                store.kill()
                await asyncio.sleep(6.5)
                # The absent are looked for every second; this is the last time that it is in vain.
                with pytest.raises(StoreUnavailable):
                    await relay.parts.queue.sweep()
                await asyncio.to_thread(store.revive)
                await eventually(lambda: relay.parts.store.available)
                await relay.parts.queue.sweep()
                assert (await sari.claim()).id == hers.id


async def test_she_waits_again_when_the_store_has_lost_her_request(tmp_path: Path) -> None:
    with start_valkey() as store:
        async with relay_here(ORGANISATION.write(tmp_path), store.url, absent_seconds=4) as (relay, url):
            await ORGANISATION.publish_revocations(url)
            async with (
                Survivor(url, ORGANISATION.public) as survivor,
                Staff(url, ORGANISATION.public, new_staff(ORGANISATION, "Sari")) as sari,
            ):
                hers = await survivor.ask()
                await until(hers, events.Connected)
                await until(hers, events.Waiting)
                await relay.parts.store.ask((b"FLUSHALL",))
                assert (await _claimed(sari)).id == hers.id


async def test_all_behind_one_address_keep_their_places_when_the_relay_is_started_anew(
    tmp_path: Path,
) -> None:
    """More than may ask anew from there within a minute: they ask for nothing new."""
    limits = {"requests_per_minute": 6, "absent_seconds": 10}
    organisation = ORGANISATION.write(tmp_path)
    with start_valkey() as store, relay_process(tmp_path / "relay", organisation, store.url) as relay:
        await ORGANISATION.publish_revocations(relay.url)
        async with AsyncExitStack() as stack:
            people = []
            for place in range(1, PEOPLE + 1):
                survivor = await stack.enter_async_context(Survivor(relay.url, ORGANISATION.public))
                people.append(await survivor.ask())
                assert (await until(people[-1], events.Waiting)).position == place
            relay.kill()
            relay._settings.update(limits)
            await asyncio.to_thread(relay.start)
            for place, conversation in enumerate(people, 1):
                async with asyncio.timeout(30):
                    await until(conversation, events.Reconnecting)
                    assert (await until(conversation, events.Waiting)).position == place


async def test_a_console_that_comes_back_while_the_store_is_away_is_told_who_waits_later(
    tmp_path: Path,
) -> None:
    with start_valkey() as store:
        async with relay_here(ORGANISATION.write(tmp_path), store.url) as (relay, url):
            await ORGANISATION.publish_revocations(url)
            async with (
                Staff(url, ORGANISATION.public, new_staff(ORGANISATION, "Sari")) as sari,
                Survivor(url, ORGANISATION.public) as survivor,
            ):
                listings = sari.routing.listing()
                assert (await anext(listings)).waiting == 0
                store.kill()
                await eventually(lambda: not relay.parts.store.available)
                (console,) = relay.parts.routing.presence.here()
                console.abort()
                await eventually(
                    lambda: [each for each in relay.parts.routing.presence.here() if each is not console]
                )
                await asyncio.to_thread(store.revive)
                await eventually(lambda: relay.parts.store.available)
                await survivor.ask()
                async with asyncio.timeout(20):
                    while (await anext(listings)).waiting != 1:
                        pass


async def test_a_store_that_is_away_is_not_answered_by_ever_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of four messages is refused, and all four are repeated once for that."""
    counters: list[int] = []
    append = Appends.append

    def counting(appends: Appends, connection: Connection, frame: Append) -> None:
        counters.append(frame.counter)
        append(appends, connection, frame)

    monkeypatch.setattr(Appends, "append", counting)
    with start_valkey() as store:
        async with relay_here(ORGANISATION.write(tmp_path), store.url) as (relay, url):
            await ORGANISATION.publish_revocations(url)
            async with (
                Survivor(url, ORGANISATION.public) as survivor,
                Staff(url, ORGANISATION.public, new_staff(ORGANISATION, "Sari")) as sari,
            ):
                hers = await survivor.ask()
                his = await _claimed(sari)
                await hers.joined()
                store.kill()
                await eventually(lambda: not relay.parts.store.available)
                counters.clear()
                for word in ("he", "has", "come", "home"):
                    await hers.send(word)
                rounds = 8
                await asyncio.sleep(0.55 * rounds)
                # A repetition waits for half a second at least.
                assert len(counters) <= 4 * (rounds + 2)
                await asyncio.to_thread(store.revive)
                heard = [one.text for one in await collect(his, events.TextReceived, 4)]
                assert heard == ["he", "has", "come", "home"]
