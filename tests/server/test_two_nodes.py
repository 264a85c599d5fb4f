"""Two relay nodes on one store, a single server or a cluster: what is said to one is heard at the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from support.clients.frame_client import FrameClient, frame_client, talking_pair
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here, relay_process
from support.store.held_channel import held_channel
from support.store.valkey_cluster import ValkeyCluster, valkey_cluster
from teduh_crypto.credentials import Role
from teduh_server.redis_store import channel_link
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.staff import presence
from teduh_signaling.relay.frames import (
    AskToJoin,
    Availability,
    Board,
    Claim,
    Colleagues,
    Done,
    Entry,
    Ephemeral,
    EphemeralEntry,
    Error,
    ErrorCode,
    FetchKeyPackage,
    InboxItem,
    JoinAsked,
    KeyPackage,
    ListColleagues,
    MembershipEnded,
    PublishKeyPackages,
    QueuePosition,
    SetAvailability,
    WatchBoard,
)


@pytest.fixture(scope="module")
def _cluster() -> Iterator[ValkeyCluster]:
    with valkey_cluster(3, 1, appendonly="no") as cluster:
        yield cluster


@pytest.fixture(params=["one server", "cluster", "replicated cluster"])
def store(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings that name it."""
    if request.param == "one server":
        valkey = request.getfixturevalue("valkey")
        assert isinstance(valkey, EmbeddedValkey)
        return {"store_url": valkey.url, "durability": "memory"}
    cluster = request.getfixturevalue("_cluster")
    assert isinstance(cluster, ValkeyCluster)
    for node in cluster.current_masters():
        node.ask("FLUSHALL")
    return {
        "store_url": cluster.url,
        "durability": "replicated" if request.param == "replicated cluster" else "memory",
    }


@pytest.fixture
async def urls(
    store: dict[str, str], organisation: RelayOrganisation, tmp_path: Path
) -> AsyncIterator[tuple[str, str]]:
    path = organisation.write(tmp_path)
    async with relay_here(path, **store) as (_, one), relay_here(path, **store) as (_, two):
        revocations = organisation.revoking_nobody()
        await organisation.publish_revocations(one, revocations)
        await organisation.publish_revocations(two, revocations)
        yield one, two


@pytest.fixture
async def pair(
    urls: tuple[str, str], organisation: RelayOrganisation
) -> AsyncIterator[tuple[FrameClient, FrameClient, bytes]]:
    """A survivor on the first node, a staff device on the second, in epoch 1."""
    async with frame_client(urls[0]) as survivor, frame_client(urls[1]) as staff:
        await staff.authenticate(organisation.staff())
        conversation = await survivor.open_request()
        await staff.claim(conversation)
        await staff.append(conversation, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
        await survivor.entries(2)
        yield survivor, staff, conversation


async def test_entries_cross_in_both_directions_in_order(
    pair: tuple[FrameClient, FrameClient, bytes],
) -> None:
    survivor, staff, conversation = pair
    for counter in range(1, 30):
        await survivor.append(conversation, counter, b"s%d" % counter)
        await staff.append(conversation, counter + 1, b"c%d" % counter)
    assert [entry.payload for entry in await staff.entries(29)] == [b"s%d" % n for n in range(1, 30)]
    assert [entry.payload for entry in await survivor.entries(29)] == [b"c%d" % n for n in range(1, 30)]


async def test_concurrent_appends_on_both_nodes_reach_everybody_in_one_order(
    pair: tuple[FrameClient, FrameClient, bytes],
) -> None:
    survivor, staff, conversation = pair

    async def stream(client: FrameClient, first: int) -> dict[int, bytes]:
        places = {}
        for counter in range(first, first + 50):
            accepted = await client.append(conversation, counter, b"%d" % counter)
            places[accepted.seq] = b"%d" % counter
        return places

    hers, theirs = await asyncio.gather(stream(survivor, 1), stream(staff, 2))
    heard_by_staff = {entry.seq: entry.payload for entry in await staff.entries(50)}
    heard_by_her = {entry.seq: entry.payload for entry in await survivor.entries(50)}
    assert heard_by_staff == hers
    assert heard_by_her == theirs
    assert sorted(hers | theirs) == list(range(3, 103))


async def test_typing_crosses(pair: tuple[FrameClient, FrameClient, bytes]) -> None:
    survivor, staff, conversation = pair
    await survivor.send(Ephemeral(conversation, b"typing"))
    assert (await staff.expect(EphemeralEntry)).payload == b"typing"
    await staff.send(Ephemeral(conversation, b"typing too"))
    assert (await survivor.expect(EphemeralEntry)).payload == b"typing too"


async def test_position_reaches_a_survivor_on_another_node(
    urls: tuple[str, str], organisation: RelayOrganisation
) -> None:
    async with frame_client(urls[0]) as survivor, frame_client(urls[1]) as staff:
        await survivor.open_request()
        await staff.authenticate(organisation.staff())
        await staff.claim()
        while (await survivor.expect(QueuePosition)).position != 0:
            pass


async def test_one_capability_at_two_nodes_at_once_is_one_request(
    urls: tuple[str, str], organisation: RelayOrganisation
) -> None:
    async with (
        frame_client(urls[0]) as one,
        frame_client(urls[1]) as other,
        frame_client(urls[0]) as staff,
    ):
        other.capability = one.capability
        opened = set(await asyncio.gather(one.open_request(), other.open_request()))
        await staff.authenticate(organisation.staff())
        claimed = await staff.claim()
        assert opened == {claimed.conversation_id}
        refused = await staff.ask(Claim(9), Error)
        assert refused.code is ErrorCode.QUEUE_EMPTY


async def test_invited_and_removed_device_on_another_node_hears_of_it(
    urls: tuple[str, str], pair: tuple[FrameClient, FrameClient, bytes], organisation: RelayOrganisation
) -> None:
    _, staff, conversation = pair
    budi = organisation.staff("Budi")
    async with frame_client(urls[0]) as invited:
        await invited.authenticate(budi)
        await staff.append(conversation, 2, b"add", kind=1, welcome=b"w", added=(budi.id,))
        assert (await invited.expect(InboxItem)).conversation_id == conversation
        await invited.subscribe(conversation, 3)
        await staff.append(conversation, 3, b"remove", epoch=2, kind=1, removed=(budi.id,))
        assert (await invited.expect(MembershipEnded)).conversation_id == conversation


async def test_colleague_and_key_package_are_found_on_another_node(
    urls: tuple[str, str], organisation: RelayOrganisation
) -> None:
    sari, budi = organisation.staff(), organisation.staff("Budi")
    async with frame_client(urls[0]) as one, frame_client(urls[1]) as two:
        await one.authenticate(sari)
        await two.authenticate(budi)
        await two.ask(PublishKeyPackages(1, (b"package",)), Done)
        await one.colleagues(1)
        found = await one.ask(FetchKeyPackage(2, budi.id), KeyPackage)
        assert (found.device_id, found.key_package) == (budi.id, b"package")
        refused = await one.ask(FetchKeyPackage(3, budi.id), Error)
        assert refused.code is ErrorCode.NO_KEY_PACKAGE


async def test_people_of_a_silent_node_are_forgotten(
    valkey: EmbeddedValkey,
    organisation: RelayOrganisation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = organisation.write(tmp_path)
    budi = organisation.staff("Budi")
    async with relay_here(path, valkey.url) as (_, one), relay_here(path, valkey.url) as (_, two):
        for url in (one, two):
            await organisation.publish_revocations(url)
        async with frame_client(one) as client, frame_client(two) as other:
            await client.authenticate(organisation.staff())
            await other.authenticate(budi)
            await client.colleagues(1)
            monkeypatch.setattr(presence, "FORGOTTEN_AFTER_SECONDS", 0.0)
            assert (await client.ask(ListColleagues(2), Colleagues)).colleagues == ()


async def test_presence_is_right_again_within_fifteen_seconds_of_a_killed_node(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """By the wall's clock: who has not come back is gone, and who has, to another node, is there once."""
    path = organisation.write(tmp_path)
    gone, back = organisation.staff("Sari"), organisation.staff("Budi")
    with relay_process(tmp_path / "dying", path, valkey.url) as dying:
        async with relay_here(path, valkey.url) as (_, living), frame_client(living) as supervisor:
            revocations = organisation.revoking()
            for url in (living, dying.url):
                await organisation.publish_revocations(url, revocations)
            await supervisor.authenticate(organisation.staff("Ibu Ratna", Role.SUPERVISOR))
            async with frame_client(dying.url) as one, frame_client(dying.url) as other:
                for client, device in ((one, gone), (other, back)):
                    await client.authenticate(device)
                    await client.ask(SetAvailability(1, Availability.AVAILABLE, 2), Done)
                await _counted(supervisor, available=2, seats=4)
                dying.kill()
                deadline = asyncio.get_running_loop().time() + 15
            async with asyncio.timeout_at(deadline), frame_client(living) as again:
                await again.authenticate(back)
                await again.ask(SetAvailability(1, Availability.AVAILABLE, 1), Done)
                await _counted(supervisor, available=1, seats=1)
                assert [each.device_id for each in await supervisor.colleagues(1)] == [back.id]


async def _counted(supervisor: FrameClient, *, available: int, seats: int) -> None:
    """Wait until the board says so."""
    board = None
    while board is None or (board.available, board.seats) != (available, seats):
        await asyncio.sleep(0.05)
        await supervisor.ask(WatchBoard(1), Done)
        board = await supervisor.expect(Board)
        await supervisor.ask(WatchBoard(2, watching=False), Done)
        supervisor.seen.clear()


async def test_new_revocation_list_is_in_force_on_all_nodes(
    urls: tuple[str, str], organisation: RelayOrganisation
) -> None:
    sari = organisation.staff()
    async with frame_client(urls[1]) as client:
        await client.authenticate(sari)
        await organisation.publish_revocations(urls[0], organisation.revoking(sari))
        assert (await client.expect(Error)).code is ErrorCode.STATEMENT_REVOKED


async def test_a_supervisor_asks_to_be_brought_in_wherever_the_device_is(
    urls: tuple[str, str], organisation: RelayOrganisation
) -> None:
    """Only supervisors do; and the relay names no conversation to anybody."""
    supervisor, device = organisation.staff("Rina", Role.SUPERVISOR), organisation.staff("Sari")
    async with frame_client(urls[0]) as asking, frame_client(urls[1]) as staff, frame_client(urls[0]) as near:
        her_id = (await asking.authenticate(supervisor)).device_id
        refused = await asking.ask(AskToJoin(7, bytes(32)), Error)
        assert refused.code is ErrorCode.NO_KEY_PACKAGE
        his_id = (await staff.authenticate(device)).device_id
        await asking.colleagues(1)
        await near.authenticate(device)
        await asking.ask(AskToJoin(8, his_id), Done)
        for each in (staff, near):
            asked = await each.expect(JoinAsked)
            assert asked == JoinAsked(her_id, supervisor.statement)
        refused = await staff.ask(AskToJoin(9, her_id), Error)
        assert refused.code is ErrorCode.NOT_PERMITTED


async def test_node_whose_channel_hangs_tells_the_other_all_the_same(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not hear that somebody came elsewhere: the store knows."""
    # Nothing else helps: the hanging connection is never given up.
    monkeypatch.setattr(channel_link, "SILENT_SECONDS", 1000)
    path = organisation.write(tmp_path)
    async with (
        held_channel(tmp_path, valkey.socket_path) as held,
        relay_here(path, held.url) as (_, one),
        relay_here(path, valkey.url) as (_, two),
    ):
        revocations = organisation.revoking_nobody()
        for url in (one, two):
            await organisation.publish_revocations(url, revocations)
        device = organisation.staff()
        async with talking_pair(one, device) as (survivor, _, conversation):
            for counter in range(1, 4):
                await survivor.append(conversation, counter, b"alone")
            held.open.clear()
            async with frame_client(two) as elsewhere:
                await elsewhere.authenticate(device)
                await elsewhere.subscribe(conversation, 5)
                await survivor.append(conversation, 4, b"do you hear me?")
                assert (await elsewhere.expect(Entry)).payload == b"do you hear me?"
            held.open.set()
