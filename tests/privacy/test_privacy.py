"""Promises 1 and 4: nothing of a conversation is readable in what passes the relay, or in what it keeps."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import aiohttp
import msgspec
import pytest
import redis
from support.browsers import needles
from support.clients.sdk_people import PATIENCE, new_staff, until
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import RelayProcess, relay_process
from support.store.valkey_server import start_valkey
from teduh_crypto.credentials import Role, StatementVerifier
from teduh_sdk import Directory, events
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.group.room import Participant
from teduh_sdk.net.transport import SOCKET_PATH, Dial, Socket, WebSocket
from teduh_sdk.staff.staff import Staff
from teduh_sdk.survivor import Survivor
from teduh_server.organisation.signed_directory import national_directory, sign_directory
from teduh_signaling.call.codec import encode_call
from teduh_signaling.call.messages import (
    AnyCallMessage,
    Cancel,
    Candidate,
    Candidates,
    Decline,
    Description,
    EndReason,
    HangUp,
    Heartbeat,
    Join,
    Media,
    MediaReason,
    MediaState,
    NegotiationWish,
    Phase,
    Recording,
    RecordingStep,
    Renegotiate,
    Ring,
)
from teduh_signaling.chat.messages import Referral
from teduh_signaling.directory.format import read_directory, write_directory
from teduh_signaling.relay.frames import SUBPROTOCOL

SHE_SAYS = "The blue kitchen door is broken, meet me at Jalan Melati 17"
HE_SAYS = "I write your name Ayu Lestari nowhere, été ☂"
SHE_SEEKS = ("a-need-of-hers", "ID-QX-OF-HERS", "qzx")
REFERRAL = Referral(
    id=bytes([7]) * 16,
    sent=1,
    service="Rumah Kenanga 44",
    kind="shelter",
    contact="0811 9090 7171",
    note="ask for Bu Ratmi",
    service_id=bytes(range(16)),
    directory_version=9,
)
REASON = "a physician for the fractured wrist"
COUNSELOR = "Kusumawardhani"
MEDIC = "Tjokroaminoto"
HER_ADDRESS, HIS_ADDRESS, MEDICS_ADDRESS = "127.77.13.91", "127.66.201.58", "127.99.41.17"
HER_BROWSER, HIS_BROWSER, MEDICS_BROWSER = "Borrowed-Phone/7.31", "Office-Laptop/4.22", "Ward-Tablet/2.95"
HER_HOST, HER_RELAYED, HIS_RELAYED = "10.77.13.91 61234", "198.51.100.77 50123", "203.0.113.45 49876"
CALL_ID = b"call#id7"
HER_CANDIDATES = (
    Candidate(f"candidate:1 1 udp 2122260223 {HER_HOST} typ host"),
    Candidate(f"candidate:2 1 udp 41885439 {HER_RELAYED} typ relay raddr 0.0.0.0 rport 0", "0", 0),
)
HIS_CANDIDATES = (
    Candidate(f"candidate:9 1 udp 41885439 {HIS_RELAYED} typ relay raddr 0.0.0.0 rport 0", "0", 0),
)
NO_MORE = (Candidate("", "0", 0),)


@dataclass(frozen=True)
class Described:
    """What is secret in somebody's description."""

    fingerprint: str
    ice_password: str

    @property
    def sdp(self) -> str:
        return "\r\n".join(
            (
                "v=0",
                "m=audio 9 UDP/TLS/RTP/SAVPF 111",
                f"a=ice-pwd:{self.ice_password}",
                f"a=fingerprint:{self.fingerprint}",
            )
        )


HERS = Described("5A:C2:9E:11:7F:D4:60:3B:88:21:E7:4C:B6:0D:95:F3", "kq7WmZ0xPdTfY3uLhN8s")
HIS = Described("C4:08:B1:6D:EE:92:37:A5:1F:7C:40:DA:83:5B:E6:29", "Vb2RjX9oGcEaN5tKyQ4w")
OF_THE_CALL = (
    HERS.fingerprint,
    HERS.ice_password,
    HIS.fingerprint,
    HIS.ice_password,
    HER_HOST,
    HER_RELAYED,
    HIS_RELAYED,
    "UDP/TLS/RTP",
    "typ relay raddr",
    CALL_ID.decode(),
)
OF_THE_DIRECTORY = (*SHE_SEEKS[:2], REFERRAL.service, REFERRAL.contact, REFERRAL.note)
OF_THE_TALK = (
    *OF_THE_DIRECTORY,
    SHE_SAYS,
    "blue kitchen door",
    "Jalan Melati",
    HE_SAYS,
    "Ayu Lestari",
    REASON,
)
SECRETS = (
    *OF_THE_CALL,
    *OF_THE_TALK,
    COUNSELOR,
    MEDIC,
    HER_ADDRESS,
    HIS_ADDRESS,
    MEDICS_ADDRESS,
    HER_BROWSER,
    HIS_BROWSER,
    MEDICS_BROWSER,
)

ORGANISATION = RelayOrganisation()


@dataclass
class Remains:
    """What is left of a session: the relay still runs, and so does its store."""

    relay: RelayProcess
    store: redis.Redis
    store_pid: int
    folder: Path
    passed: list[tuple[str, bytes]]
    """Every frame on every connection: which way it went, and its bytes."""

    def places(self) -> Iterator[tuple[str, bytes]]:
        yield from needles.in_store(self.store)
        yield from needles.in_folder(self.folder)
        yield from needles.in_open_files(self.relay.pid)
        yield from needles.in_open_files(self.store_pid)


def recent_directory() -> bytes:
    """The national one, all of it checked today."""
    directory = read_directory(national_directory())
    today = datetime.fromtimestamp(time.time(), UTC).date()
    services = tuple(msgspec.structs.replace(one, assured_date=today) for one in directory.services)
    return write_directory(msgspec.structs.replace(directory, services=services))


@pytest.fixture(scope="module")
def remains(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remains]:
    folder = tmp_path_factory.mktemp("privacy")
    organisation_file = ORGANISATION.write(tmp_path_factory.mktemp("organisation"))
    verifier = StatementVerifier(ORGANISATION.public.root_public_key, ORGANISATION.id)
    sign_directory(
        organisation_file.parent, recent_directory(), ORGANISATION.authority, verifier, now=int(time.time())
    )
    with (
        start_valkey(folder / "valkey") as valkey,
        relay_process(folder / "relay", organisation_file, valkey.url, log_level="debug") as relay,
        redis.Redis.from_url(valkey.url) as store,
    ):
        passed: list[tuple[str, bytes]] = []
        asyncio.run(session(relay.url, passed))
        assert valkey.pid is not None
        yield Remains(relay, store, valkey.pid, folder, passed)


class Overheard(WebSocket):
    """Remembers what the relay gets to see, and what it lets others see."""

    __slots__ = ("_passed",)

    def __init__(
        self,
        session: aiohttp.ClientSession,
        socket: aiohttp.ClientWebSocketResponse,
        passed: list[tuple[str, bytes]],
    ) -> None:
        super().__init__(session, socket)
        self._passed = passed

    async def send(self, data: bytes) -> None:
        self._passed.append(("a frame to the relay", data))
        await super().send(data)

    async def receive(self) -> bytes:
        data = await super().receive()
        self._passed.append(("a frame from the relay", data))
        return data


def dial_from(relay_url: str, address: str, browser: str, passed: list[tuple[str, bytes]]) -> Dial:
    """Connect as if from another machine, with another program."""

    async def dial() -> Socket:
        client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(local_addr=(address, 0)), headers={"User-Agent": browser}
        )
        socket = await client.ws_connect(relay_url + SOCKET_PATH, protocols=(SUBPROTOCOL,))
        return Overheard(client, socket, passed)

    return dial


async def session(url: str, passed: list[tuple[str, bytes]]) -> None:
    """All kinds of things are said and done, and the conversation is left standing."""
    await ORGANISATION.publish_revocations(url)
    hers_from = dial_from(url, HER_ADDRESS, HER_BROWSER, passed)
    his_from = dial_from(url, HIS_ADDRESS, HIS_BROWSER, passed)
    medics_from = dial_from(url, MEDICS_ADDRESS, MEDICS_BROWSER, passed)
    public = ORGANISATION.public
    survivor = Survivor(url, public, dial=hers_from)
    async with (
        survivor,
        Staff(url, public, new_staff(ORGANISATION, COUNSELOR), dial=his_from) as staff,
        Staff(url, public, new_staff(ORGANISATION, MEDIC, Role.MEDIC), dial=medics_from) as medic,
    ):
        directory = await Directory.fetch(url, public)
        need, region, language = SHE_SEEKS
        assert directory.search()
        assert directory.search(need=need, region=region, language=language) == ()
        hers = await survivor.ask(need="counseling", language="id")
        await hers.send(SHE_SAYS)
        his = await accept(staff)
        await (await until(his, events.TextReceived)).mark_read()
        await his.send(HE_SAYS)
        await (await until(hers, events.TextReceived)).mark_read()
        await his.refer(REFERRAL)
        assert (await until(hers, events.MessageReceived)).message == REFERRAL
        await hers.typing()
        await until(his, events.TypingSeen)
        await add_invited(hers, his, staff, medic)
        for conversation in (hers, his):
            await conversation.confirmed()
        await set_up_a_call(hers, his)
        # She is gone without a goodbye, so that what is said to her now stays in the log; nor do the others
        # say any: what is left is what a running conversation leaves.
        for task in survivor._tasks:
            task.cancel()
        await his.send(HE_SAYS)
        await his.confirmed()
        for client in (survivor, staff, medic):
            client._conversations.clear()


def said_in_a_call(now: int) -> tuple[list[AnyCallMessage], list[AnyCallMessage]]:
    """All that she and he say of a call, from the ring to the heartbeats; more than one call ever has."""
    begun, media = (CALL_ID, now, now), Media(audio=True, video=True)
    to_him, to_her = (*begun, 1, now, 1), (*begun, 0, now, 1)
    hers: list[AnyCallMessage] = [
        Ring(*begun, media),
        Cancel(*begun, EndReason.CANCELLED),
        Description(*to_him, 1, True, False, HERS.sdp, HER_CANDIDATES),
        Candidates(*to_him, 1, HER_CANDIDATES),
        Candidates(*to_him, 1, NO_MORE),
        MediaState(*begun, Media(audio=True, video=False, reason=MediaReason.NETWORK)),
        Recording(*begun, RecordingStep.GRANT, 1),
        HangUp(*begun, EndReason.HUNG_UP),
    ]
    his: list[AnyCallMessage] = [
        Decline(*begun, EndReason.BUSY),
        Join(*begun, media),
        Description(*to_her, 1, False, False, HIS.sdp, HIS_CANDIDATES),
        Candidates(*to_her, 1, HIS_CANDIDATES),
        Candidates(*to_her, 1, NO_MORE),
        Renegotiate(*to_her, NegotiationWish.RESTART),
    ]
    beat = Heartbeat(*begun, Phase.IN_CALL, media, True, (), ())
    return [*hers, beat], [*his, beat]


async def set_up_a_call(hers: Conversation, his: Conversation) -> None:
    """Each says everything, and the other hears it; the log keeps what it will keep of it."""
    ears = (CallEar(), CallEar())
    both = said_in_a_call(1000 * int(time.time()))
    for conversation, ear in zip((hers, his), ears, strict=True):
        conversation.listen_to_calls(ear)
    for conversation, said in zip((hers, his), both, strict=True):
        for message in said:
            conversation.send_call_signal(encode_call(message), is_ephemeral=isinstance(message, Heartbeat))
    for ear, said in zip(ears, reversed(both), strict=True):
        await asyncio.wait_for(ear.has_heard_all(len(said)), PATIENCE)


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


async def add_invited(hers: Conversation, his: Conversation, staff: Staff, medic: Staff) -> None:
    await medic.colleagues()
    (colleague,) = await staff.colleagues()
    inviting = asyncio.create_task(his.invite(colleague, REASON))
    await (await until(hers, events.InvitationReceived)).approve()
    await inviting
    async for invitation in medic.invitations():
        theirs = await invitation.join()
        await theirs.send(SHE_SAYS)
        break
    assert (await until(hers, events.TextReceived)).sender.name == MEDIC


def test_nothing_of_it_is_readable_in_store_files_or_logs(remains: Remains) -> None:
    assert needles.find(SECRETS, remains.places()) == []


def test_nothing_of_it_is_readable_in_any_frame(remains: Remains) -> None:
    """On its way through the relay, in either direction. Working names do pass: statements hold them."""
    assert needles.find((*OF_THE_CALL, *OF_THE_TALK), remains.passed) == []


def test_everything_that_calls_say_was_said() -> None:
    """A new kind of message has to be planted, too."""
    assert {type(one) for said in said_in_a_call(0) for one in said} == set(get_args(AnyCallMessage))


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
    # A padded message is a frame of more than 1 KiB; ten and more of them went each way.
    for way in ("to", "from"):
        assert (
            sum(place == f"a frame {way} the relay" and len(data) > 1024 for place, data in remains.passed)
            > 15
        )


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
