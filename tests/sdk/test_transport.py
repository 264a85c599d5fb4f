"""One WebSocket to the relay, over networks that are none of ours."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from support.clients.sdk_people import new_staff
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_sdk.exceptions import RelayLost
from teduh_sdk.net import transport
from teduh_sdk.net.transport import Backoff, Socket, dial_relay, race, relay_origin
from teduh_sdk.staff.staff import Staff
from teduh_sdk.survivor import Survivor
from teduh_signaling.relay.frames import MAX_FRAME_BYTES


async def test_whoever_accepts_the_connection_and_says_nothing_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As behind a network address translator that has forgotten, or a proxy that hangs."""
    monkeypatch.setattr(transport, "_CONNECT_SECONDS", 0.1)
    silent = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silent.wait()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server, asyncio.timeout(20):
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(RelayLost):
            await dial_relay(f"http://127.0.0.1:{port}")()
        silent.set()


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://relay.example/", "https://relay.example"),
        ("HTTPS://Relay.Example:443", "https://relay.example"),
        ("https://relay.example:8443/help", "https://relay.example:8443"),
        ("http://[2001:DB8::1]:80/", "http://[2001:db8::1]"),
    ],
)
def test_the_origin_that_is_signed_is_what_the_relay_knows_itself_by(written: str, origin: str) -> None:
    assert relay_origin(written) == origin


@pytest.mark.parametrize(
    "written", ["relay.example", "wss://relay.example", "localhost:8420", "https://", ""]
)
def test_what_is_no_address_of_a_relay_is_refused_at_once(written: str) -> None:
    """It would have been dialled for ever, without a word."""
    organisation = RelayOrganisation()
    with pytest.raises(ValueError, match="no address of a relay"):
        Survivor(written, organisation.public)


async def test_staff_are_let_in_however_the_address_is_written(tmp_path: Path) -> None:
    organisation = RelayOrganisation()
    with start_valkey() as valkey:
        async with relay_here(organisation.write(tmp_path), valkey.url) as (_, url):
            await organisation.publish_revocations(url)
            written = url.replace("http", "HTTP") + "/"
            async with (
                asyncio.timeout(20),
                Staff(written, organisation.public, new_staff(organisation, "Sari")) as sari,
            ):
                assert await sari.colleagues() == ()


class TwoAddresses(AbstractResolver):
    """A name that stands for two machines."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(
                hostname=host, host=f"127.0.0.{last}", port=port, family=socket.AF_INET, proto=0, flags=flags
            )
            for last in (2, 1)
        ]

    async def close(self) -> None:
        """It holds nothing."""


async def test_where_one_address_hangs_another_one_is_tried(tmp_path: Path) -> None:
    """The kernel of a machine whose relay hangs still accepts connections: its address would always win."""
    organisation = RelayOrganisation()
    with start_valkey() as valkey:
        async with relay_here(organisation.write(tmp_path), valkey.url) as (_, url):
            port = int(url.rpartition(":")[2])
            with socket.create_server(("127.0.0.2", port)):
                dial = dial_relay(f"http://relay.test:{port}", TwoAddresses())
                async with asyncio.timeout(10):
                    connected = await race(dial, seconds=(0.1, 0.1))
                    assert await connected.receive()
                    await connected.close()


async def test_the_attempts_that_were_too_slow_are_closed() -> None:
    answers: list[asyncio.Future[Socket]] = []
    made: list[Made] = []

    async def dial() -> Socket:
        answers.append(asyncio.get_running_loop().create_future())
        return await answers[-1]

    async def at_once(_: float) -> None:
        await asyncio.sleep(0)

    racing = asyncio.create_task(race(dial, at_once))
    await eventually(lambda: len(answers) == 3)
    made = [Made(), Made()]
    answers[2].set_result(made[0])
    answers[0].set_result(made[1])
    won = await racing
    await eventually(lambda: any(each.is_closed for each in made))
    assert [each for each in made if not each.is_closed] == [won]
    assert answers[1].cancelled()


class Made:
    """A connection that was made."""

    def __init__(self) -> None:
        self.is_closed = False

    async def send(self, data: bytes) -> None:
        """Nobody hears it."""

    async def receive(self) -> bytes:
        raise RelayLost("nobody speaks")

    async def close(self) -> None:
        self.is_closed = True


async def test_what_the_other_machine_has_not_got_yet_is_known() -> None:
    """While that becomes less the connection lives, though the relay cannot answer before it has all."""
    accepted: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accepted.put((reader, writer))

    async with await asyncio.start_server(accept, "127.0.0.1", 0, limit=1024) as server:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        theirs, their_writer = await accepted.get()
        ours = writer.get_extra_info("socket")
        assert transport._unacknowledged(ours) == 0
        while transport._unacknowledged(ours) == 0:
            writer.write(bytes(MAX_FRAME_BYTES))
            await asyncio.sleep(0)
        reading = asyncio.create_task(theirs.read())
        await eventually(lambda: transport._unacknowledged(ours) == 0)
        writer.close()
        await reading
        their_writer.close()


async def test_the_longest_wait_is_four_seconds() -> None:
    backoff = Backoff(lambda _, longest: longest)
    assert [backoff.next_wait() for _ in range(8)] == [0.25, 0.5, 1, 2, 4, 4, 4, 4]
