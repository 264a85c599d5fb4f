"""A relay or a staff device that is killed mid-conversation: nothing is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.clients.sdk_people import collect, enrolled, new_staff, until
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import RelayProcess, relay_process
from support.store.valkey_server import start_valkey
from teduh_sdk import events
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.device.key_store import KeyStore, MemoryKeyStore
from teduh_sdk.exceptions import RelayLost
from teduh_sdk.net.transport import Dial, Socket, dial_relay
from teduh_sdk.staff.staff import Staff
from teduh_sdk.survivor import Survivor
from teduh_server.redis_store.embedded import EmbeddedValkey

ORGANISATION = RelayOrganisation()


@pytest.fixture
def store() -> Iterator[EmbeddedValkey]:
    with start_valkey() as valkey:
        yield valkey


@pytest.fixture
def relay(tmp_path: Path, store: EmbeddedValkey) -> Iterator[RelayProcess]:
    with relay_process(tmp_path / "relay", ORGANISATION.write(tmp_path), store.url) as process:
        yield process


async def accept(staff: Staff) -> Conversation:
    async for request in staff.requests():
        return await request.accept()
    raise AssertionError("no request came")


async def speak(conversation: Conversation, name: str, count: int) -> None:
    for number in range(count):
        await conversation.send(f"{name} {number}")
        await asyncio.sleep(0.005)


async def test_a_relay_killed_mid_conversation_loses_nothing_and_repeats_nothing(relay: RelayProcess) -> None:
    await ORGANISATION.publish_revocations(relay.url)
    store = new_staff(ORGANISATION, "Sari")
    async with (
        Survivor(relay.url, ORGANISATION.public) as survivor,
        Staff(relay.url, ORGANISATION.public, store) as staff,
    ):
        hers = await survivor.ask()
        his = await accept(staff)
        await hers.joined()
        count = 120
        speaking = asyncio.gather(speak(hers, "she", count), speak(his, "he", count))
        for _ in range(2):
            await asyncio.sleep(0.2)
            relay.kill()
            await asyncio.to_thread(relay.start)
        await speaking
        heard_by_him = [one.text for one in await collect(his, events.TextReceived, count)]
        heard_by_her = [one.text for one in await collect(hers, events.TextReceived, count)]
        assert heard_by_him == [f"she {number}" for number in range(count)]
        assert heard_by_her == [f"he {number}" for number in range(count)]


async def test_a_store_killed_mid_conversation_loses_nothing_and_repeats_nothing(
    relay: RelayProcess, store: EmbeddedValkey
) -> None:
    """The relay stays up, and says that it cannot take what is sent; it is sent again until it can."""
    await ORGANISATION.publish_revocations(relay.url)
    async with (
        Survivor(relay.url, ORGANISATION.public) as survivor,
        Staff(relay.url, ORGANISATION.public, new_staff(ORGANISATION, "Sari")) as staff,
    ):
        hers = await survivor.ask()
        his = await accept(staff)
        await hers.joined()
        count = 120
        speaking = asyncio.gather(speak(hers, "she", count), speak(his, "he", count))
        for _ in range(2):
            await asyncio.sleep(0.2)
            store.kill()
            await asyncio.to_thread(store.revive)
        await speaking
        heard_by_him = [one.text for one in await collect(his, events.TextReceived, count)]
        heard_by_her = [one.text for one in await collect(hers, events.TextReceived, count)]
        assert heard_by_him == [f"she {number}" for number in range(count)]
        assert heard_by_her == [f"he {number}" for number in range(count)]


async def test_two_on_different_nodes_talk_on_when_one_node_is_killed(
    relay: RelayProcess, store: EmbeddedValkey, tmp_path: Path
) -> None:
    """Clients know the service by one address, behind which are two nodes; here the address is a choice."""
    await ORGANISATION.publish_revocations(relay.url)
    organisation_file = ORGANISATION.write(tmp_path)
    with relay_process(tmp_path / "other", organisation_file, store.url, public_origin=relay.url) as other:
        nodes = [other.url, relay.url]
        survivor = Survivor(relay.url, ORGANISATION.public, dial=dial_first_alive(nodes))
        store_of_sari = new_staff(ORGANISATION, "Sari")
        async with survivor, Staff(relay.url, ORGANISATION.public, store_of_sari) as staff:
            hers = await survivor.ask()
            his = await accept(staff)
            await hers.joined()
            await hers.send("from the other node")
            assert (await until(his, events.TextReceived)).text == "from the other node"
            other.kill()
            await hers.send("from this one")
            await his.send("I hear you")
            assert (await until(his, events.TextReceived)).text == "from this one"
            assert (await until(hers, events.TextReceived)).text == "I hear you"


def dial_first_alive(nodes: list[str]) -> Dial:
    """What a proxy in front of several nodes does."""

    async def dial() -> Socket:
        for node in nodes[:-1]:
            try:
                return await dial_relay(node)()
            except RelayLost:
                continue
        return await dial_relay(nodes[-1])()

    return dial


async def test_people_are_told_that_the_link_broke_and_came_back(relay: RelayProcess) -> None:
    await ORGANISATION.publish_revocations(relay.url)
    async with Survivor(relay.url, ORGANISATION.public) as survivor:
        hers = await survivor.ask()
        relay.kill()
        await until(hers, events.Reconnecting)
        await asyncio.to_thread(relay.start)
        await until(hers, events.Connected)
        assert (await until(hers, events.Waiting)).position == 1


async def test_a_relay_that_stops_politely_is_left_and_found_again(relay: RelayProcess) -> None:
    await ORGANISATION.publish_revocations(relay.url)
    store = new_staff(ORGANISATION, "Sari")
    async with (
        Survivor(relay.url, ORGANISATION.public) as survivor,
        Staff(relay.url, ORGANISATION.public, store) as staff,
    ):
        hers = await survivor.ask()
        his = await accept(staff)
        await hers.joined()
        await asyncio.to_thread(relay.stop)
        await hers.send("still here")
        await asyncio.to_thread(relay.start)
        assert (await until(his, events.TextReceived)).text == "still here"


async def vanish(staff: Staff) -> None:
    """End without any goodbye, as a killed process does."""
    for task in staff._tasks:
        task.cancel()
    await asyncio.gather(*staff._tasks, return_exceptions=True)


class CrashingStore(MemoryKeyStore):
    """What a process leaves behind that dies: a copy of the store at that very moment."""

    def as_left_behind(self) -> KeyStore:
        copy = MemoryKeyStore()
        for name in self.names(""):
            copy.put(name, self.get(name) or b"")
        return copy


async def test_a_staff_process_that_dies_goes_on_where_it_was(relay: RelayProcess) -> None:
    """What was said to it meanwhile it hears, once; what it had said is not said again."""
    await ORGANISATION.publish_revocations(relay.url)
    device = ORGANISATION.staff("Sari")
    store = CrashingStore()
    enrolled(device, store)
    async with Survivor(relay.url, ORGANISATION.public) as survivor:
        hers = await survivor.ask()
        first = Staff(relay.url, ORGANISATION.public, store)
        await first.__aenter__()
        his = await accept(first)
        await hers.send("before")
        told = await until(his, events.TextReceived)
        assert told.text == "before"
        await his.send("said before the crash")
        assert (await until(hers, events.TextReceived)).text == "said before the crash"
        left_behind = store.as_left_behind()
        await vanish(first)
        await hers.send("while you were away")
        async with Staff(relay.url, ORGANISATION.public, left_behind) as again:
            (his,) = again.conversations
            again_told, new = await collect(his, events.TextReceived, 2)
            # The first was still in the application's hands when it died, so it is told again, under its id.
            assert (again_told.text, again_told.message_id) == (told.text, told.message_id)
            assert (new.text, new.message_id == told.message_id) == ("while you were away", False)
            await his.send("back again")
            assert (await until(hers, events.TextReceived)).text == "back again"
