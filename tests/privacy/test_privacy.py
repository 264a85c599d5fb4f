"""Promises 1 and 4: nothing of a conversation is readable in anything that the relay keeps or writes."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import needles
import pytest
import redis
from relay_organisation import RelayOrganisation
from relay_process import RelayProcess, relay_process
from sdk_people import PATIENCE, new_staff, until
from teduh_crypto.credentials import Role
from teduh_sdk import events
from teduh_sdk.conversation import Conversation
from teduh_sdk.room import Participant
from teduh_sdk.staff import Staff
from teduh_sdk.survivor import Survivor
from teduh_sdk.transport import SOCKET_PATH, Dial, Socket, WebSocket
from teduh_signaling.call.codec import encode_call
from teduh_signaling.call.messages import (
    Candidate,
    Candidates,
    Description,
    EndReason,
    HangUp,
    Heartbeat,
    Media,
    Phase,
    Ring,
)
from teduh_signaling.relay.frames import SUBPROTOCOL
from valkey_server import start_valkey

SHE_SAYS = "The blue kitchen door is broken, meet me at Jalan Melati 17"
HE_SAYS = "I write your name Ayu Lestari nowhere, été ☂"
REASON = "a physician for the fractured wrist"
COUNSELOR = "Kusumawardhani"
MEDIC = "Tjokroaminoto"
HER_ADDRESS, HIS_ADDRESS = "127.77.13.91", "127.66.201.58"
HER_BROWSER, HIS_BROWSER = "Borrowed-Phone/7.31", "Office-Laptop/4.22"
FINGERPRINT = "5A:C2:9E:11:7F:D4:60:3B:88:21:E7:4C:B6:0D:95:F3"
ICE_PASSWORD = "kq7WmZ0xPdTfY3uLhN8s"
HER_HOST, HER_RELAYED = "10.77.13.91 61234", "198.51.100.77 50123"
HER_CANDIDATES = (
    Candidate(f"candidate:1 1 udp 2122260223 {HER_HOST} typ host"),
    Candidate(f"candidate:2 1 udp 41885439 {HER_RELAYED} typ relay raddr 0.0.0.0 rport 0", "0", 0),
)
SDP = "\r\n".join(
    ("v=0", "m=audio 9 UDP/TLS/RTP/SAVPF 111", f"a=ice-pwd:{ICE_PASSWORD}", f"a=fingerprint:{FINGERPRINT}")
)
CALL_ID = b"call#id7"
SECRETS = (
    FINGERPRINT,
    ICE_PASSWORD,
    HER_HOST,
    HER_RELAYED,
    "UDP/TLS/RTP",
    CALL_ID.decode(),
    SHE_SAYS,
    "blue kitchen door",
    "Jalan Melati",
    HE_SAYS,
    "Ayu Lestari",
    REASON,
    COUNSELOR,
    MEDIC,
    HER_ADDRESS,
    HIS_ADDRESS,
    HER_BROWSER,
    HIS_BROWSER,
)

ORGANISATION = RelayOrganisation()


@dataclass
class Remains:
    """What is left of a session: the relay still runs, and so does its store."""

    relay: RelayProcess
    store: redis.Redis
    store_pid: int
    folder: Path

    def places(self) -> Iterator[tuple[str, bytes]]:
        yield from needles.in_store(self.store)
        yield from needles.in_folder(self.folder)
        yield from needles.in_open_files(self.relay.pid)
        yield from needles.in_open_files(self.store_pid)


@pytest.fixture(scope="module")
def remains(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remains]:
    folder = tmp_path_factory.mktemp("privacy")
    organisation_file = ORGANISATION.write(tmp_path_factory.mktemp("organisation"))
    with (
        start_valkey(folder / "valkey") as valkey,
        relay_process(folder / "relay", organisation_file, valkey.url, log_level="debug") as relay,
        redis.Redis.from_url(valkey.url) as store,
    ):
        asyncio.run(session(relay.url))
        assert valkey.pid is not None
        yield Remains(relay, store, valkey.pid, folder)


def dial_from(relay_url: str, address: str, browser: str) -> Dial:
    """Connect as if from another machine, with another program."""

    async def dial() -> Socket:
        client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(local_addr=(address, 0)), headers={"User-Agent": browser}
        )
        socket = await client.ws_connect(relay_url + SOCKET_PATH, protocols=(SUBPROTOCOL,))
        return WebSocket(client, socket)

    return dial


async def session(url: str) -> None:
    """All kinds of things are said and done, and the conversation is left standing."""
    await ORGANISATION.publish_revocations(url)
    hers_from, his_from = dial_from(url, HER_ADDRESS, HER_BROWSER), dial_from(url, HIS_ADDRESS, HIS_BROWSER)
    public = ORGANISATION.public
    survivor = Survivor(url, public, dial=hers_from)
    async with (
        survivor,
        Staff(url, public, new_staff(ORGANISATION, COUNSELOR), dial=his_from) as staff,
        Staff(url, public, new_staff(ORGANISATION, MEDIC, Role.MEDIC)) as medic,
    ):
        hers = await survivor.ask(need="counseling", language="id")
        await hers.send(SHE_SAYS)
        his = await accept(staff)
        await (await until(his, events.TextReceived)).mark_read()
        await his.send(HE_SAYS)
        await (await until(hers, events.TextReceived)).mark_read()
        await hers.typing()
        await until(his, events.TypingSeen)
        await bring_in(hers, his, staff, medic)
        for conversation in (hers, his):
            await conversation.settled()
        await set_up_a_call(hers, his)
        # She is gone without a goodbye, so that what is said to her now stays in the log; nor do the others
        # say any: what is left is what a running conversation leaves.
        for task in survivor._tasks:
            task.cancel()
        await his.send(HE_SAYS)
        await his.settled()
        for client in (survivor, staff, medic):
            client._conversations.clear()


async def set_up_a_call(hers: Conversation, his: Conversation) -> None:
    """All that a call says, from the ring to the heartbeats; the log keeps what it will keep of it."""
    ear = CallEar()
    his.listen_to_calls(ear)
    now, media = 1000 * int(time.time()), Media(audio=True, video=True)
    address = (CALL_ID, now, now, 1, now, 1)
    for message in (
        Ring(CALL_ID, now, now, media),
        Description(*address, 1, True, False, SDP, HER_CANDIDATES),
        Candidates(*address, 1, HER_CANDIDATES),
        HangUp(CALL_ID, now, now, EndReason.HUNG_UP),
    ):
        hers.send_call_signal(encode_call(message))
    beat = Heartbeat(CALL_ID, now, now, Phase.IN_CALL, media, True, (), ())
    hers.send_call_signal(encode_call(beat), is_ephemeral=True)
    await asyncio.wait_for(ear.has_heard_all(5), PATIENCE)


class CallEar:
    """Counts what is said about calls."""

    def __init__(self) -> None:
        self._heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def has_heard_all(self, count: int) -> None:
        for _ in range(count):
            await self._heard.get()

    def call_signal(self, sender: Participant, data: bytes, is_live: bool) -> None:
        self._heard.put_nowait(data)

    def room_changed(self) -> None:
        """Nobody comes or goes meanwhile."""

    def conversation_over(self) -> None:
        """It is left standing."""


async def accept(staff: Staff) -> Conversation:
    async for request in staff.requests():
        return await request.accept()
    raise AssertionError("no request came")


async def bring_in(hers: Conversation, his: Conversation, staff: Staff, medic: Staff) -> None:
    await medic.colleagues()
    (colleague,) = await staff.colleagues()
    bringing = asyncio.create_task(his.invite(colleague, REASON))
    await (await until(hers, events.InvitationReceived)).approve()
    await bringing
    async for invitation in medic.invitations():
        theirs = await invitation.join()
        await theirs.send(SHE_SAYS)
        break
    assert (await until(hers, events.TextReceived)).sender.name == MEDIC


def test_nothing_of_it_is_readable_in_store_files_or_logs(remains: Remains) -> None:
    assert needles.find(SECRETS, remains.places()) == []


def test_every_key_of_the_store_expires(remains: Remains) -> None:
    keys = list(remains.store.scan_iter(count=1000))
    assert keys
    assert [key for key in keys if remains.store.ttl(key) < 0] == []


def test_the_search_looks_into_what_the_session_left(remains: Remains) -> None:
    """Ciphertext is in the store and in its append-only file; the log was written."""
    places = dict(remains.places())
    assert any(len(data) > 1024 for place, data in places.items() if place.startswith("the value of"))
    assert any("appendonlydir" in place and len(data) > 1024 for place, data in places.items())
    assert any(place.endswith("relay.log") and data for place, data in places.items())


@pytest.mark.parametrize("form", sorted(needles.forms("Ayu Lestari Putri")))
@pytest.mark.parametrize("before", ["", "x", "xy"])
def test_the_search_finds_what_was_planted(form: str, before: str) -> None:
    """The test can fail: each form is found, wherever in the data it begins."""
    word = "Ayu Lestari Putri"
    pattern = needles.forms(word)[form]
    assert pattern
    (first, *_) = needles.find([word], [("here", before.encode() + pattern + b"...")])
    assert first.startswith(repr(word))


@pytest.mark.parametrize("before", ["", "x", "xy"])
def test_the_search_finds_a_name_within_encoded_data(before: str) -> None:
    """As a name lies within the claims of a token."""
    encoded = base64.urlsafe_b64encode(f'{before}{{"name":"{COUNSELOR}"}}'.encode())
    assert needles.find([COUNSELOR], [("a token", encoded)])


def test_the_search_finds_what_is_planted_in_the_store(remains: Remains) -> None:
    try:
        remains.store.set("planted", SHE_SAYS.encode("utf-16-le"), ex=60)
        assert needles.find(SECRETS, remains.places())
    finally:
        remains.store.delete("planted")
