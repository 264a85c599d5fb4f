"""The examples as people start them: programs of their own, at a terminal, with a relay that is killed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from support.clients.sdk_people import PATIENCE, device_of, new_staff, until
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import RelayProcess, relay_process
from support.store.valkey_server import start_valkey
from teduh_sdk import (
    Availability,
    Colleague,
    EncryptedKeyStore,
    Staff,
    Survivor,
    events,
    keep_device,
)
from teduh_sdk.exceptions import RelayLost
from teduh_signaling.relay.frames import OpenRequest, RequestDetails, RequestOpened

EXAMPLES = Path(__file__).parents[2] / "examples"
ORGANISATION = RelayOrganisation()
PASSPHRASE = "only for this test"


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[RelayProcess]:
    organisation_file = ORGANISATION.write(tmp_path)
    with (
        start_valkey() as valkey,
        relay_process(tmp_path / "relay", organisation_file, valkey.url) as process,
    ):
        yield process


class Terminal:
    """A program with a person before it: what it shows, and what is typed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.shown: list[str] = []

    async def type(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        await self._process.stdin.drain()

    async def shows(self, text: str) -> str:
        """Wait for a line with `text` in it."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while line := (await self._process.stdout.readline()).decode():
                self.shown.append(line.rstrip())
                if text in line:
                    return line.rstrip()
        raise AssertionError(f"{text!r} was not shown, but {self.shown}")

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE):
            return await self._process.wait()


@asynccontextmanager
async def run(example: str, *arguments: object, **environment: str) -> AsyncIterator[Terminal]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLES / example),
        *map(str, arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"PYTHONIOENCODING": "utf-8", "PYTHONWARNINGS": "error", **environment},
    )
    try:
        yield Terminal(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def demonstration_device(folder: Path) -> Path:
    """A device as `teduh demo` leaves it."""
    folder.mkdir()
    device = ORGANISATION.staff("Sari")
    key = device.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "device.pem").write_bytes(key)
    (folder / "statement.jwt").write_text(device.statement)
    return folder


async def test_two_terminals_talk_and_survive_a_killed_relay(relay: RelayProcess, tmp_path: Path) -> None:
    await ORGANISATION.publish_revocations(relay.url)
    where = ("--relay", relay.url, "--organisation", tmp_path / "organisation.toml")
    device = demonstration_device(tmp_path / "sari")
    async with run("chat.py", "survivor", *where) as she:
        await she.shows("number 1 in the queue")
        await she.type("Is somebody there?")
        async with run("chat.py", "counselor", *where, "--device", device) as he:
            await he.shows("survivor: Is somebody there?")
            await she.shows("Sari (counselor) is in the room, verified")
            await she.shows("[1] read")
            relay.kill()
            await she.shows("the connection is lost")
            await she.type("Can you still hear me?")
            await asyncio.to_thread(relay.start)
            await he.shows("survivor: Can you still hear me?")
            await he.type("Yes, I can.")
            await she.shows("Sari (counselor): Yes, I can.")
            await she.type("/who")
            await she.shows("Sari (counselor), survivor")
            await she.type("/leave")
            await he.shows("the conversation is over")
            assert await he.ended() == 0
        assert await she.ended() == 0


def a_request_that_nobody_can_answer(ref: int) -> OpenRequest:
    return OpenRequest(ref, b"c" * 32, b"no key package", RequestDetails())


async def test_the_greeter_stays_with_her_whatever_others_send_and_after_a_restart(
    relay: RelayProcess, tmp_path: Path
) -> None:
    await ORGANISATION.publish_revocations(relay.url)
    keep_device(
        EncryptedKeyStore.create(tmp_path / "greeter", PASSPHRASE), device_of(ORGANISATION.staff("Greeter"))
    )
    where = ("--relay", relay.url, "--organisation", tmp_path / "organisation.toml")
    command = ("greeter_bot.py", *where, "--key-store", tmp_path / "greeter")
    public = ORGANISATION.public
    async with asyncio.timeout(PATIENCE), Survivor(relay.url, public) as survivor:
        await survivor._link.ask(a_request_that_nobody_can_answer, RequestOpened)
        hers = await survivor.ask()
        async with run(*command, TEDUH_KEY_STORE_PASSPHRASE=PASSPHRASE):
            await until(hers, events.TextReceived)
        async with (
            run(*command, TEDUH_KEY_STORE_PASSPHRASE=PASSPHRASE),
            Staff(relay.url, public, new_staff(ORGANISATION, "Maya")) as maya,
        ):
            await maya.set_available(1)
            asked = await until(hers, events.InvitationReceived)
            assert asked.invitation.name == "Maya"


class BreakingRoom:
    """What the greeter needs of its device and of a conversation; the connection breaks where one asks."""

    def __init__(self, answers: list[RelayLost | tuple[Colleague, ...]]) -> None:
        self._answers = answers
        self.happened: list[str] = []
        self.is_over = False

    async def colleagues(self) -> tuple[Colleague, ...]:
        answer = self._answers.pop(0)
        if isinstance(answer, RelayLost):
            self.happened.append("broken")
            raise answer
        return answer

    async def send(self, text: str) -> None:
        """Said to her."""

    async def invite(self, colleague: Colleague, reason: str) -> None:
        self.happened.append(colleague.name)

    async def leave(self) -> None:
        self.happened.append("left")


async def test_the_greeter_looks_for_a_person_though_the_connection_breaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    specification = spec_from_file_location("greeter_bot", EXAMPLES / "greeter_bot.py")
    assert specification is not None
    assert specification.loader is not None
    greeter = module_from_spec(specification)
    specification.loader.exec_module(greeter)
    monkeypatch.setattr(greeter, "LOOK_EVERY_SECONDS", 0.0)
    maya = Colleague(b"m" * 32, "Maya", "counselor", (), (), Availability.AVAILABLE)
    room = BreakingRoom([RelayLost("the connection to the relay broke"), (maya,)])
    await greeter.hand_over(room, room)
    assert room.happened == ["broken", "Maya", "left"]


async def test_the_greeter_greets_and_hands_over_to_a_person(relay: RelayProcess, tmp_path: Path) -> None:
    await ORGANISATION.publish_revocations(relay.url)
    keep_device(
        EncryptedKeyStore.create(tmp_path / "greeter", PASSPHRASE), device_of(ORGANISATION.staff("Greeter"))
    )
    where = ("--relay", relay.url, "--organisation", tmp_path / "organisation.toml")
    public = ORGANISATION.public
    async with (
        Survivor(relay.url, public) as survivor,
        run(
            "greeter_bot.py",
            *where,
            "--key-store",
            tmp_path / "greeter",
            TEDUH_KEY_STORE_PASSPHRASE=PASSPHRASE,
        ),
    ):
        hers = await survivor.ask()
        async with (
            asyncio.timeout(PATIENCE),
            Staff(relay.url, public, new_staff(ORGANISATION, "Maya")) as maya,
        ):
            await asyncio.shield(hers.joined())
            # She is available from now on, which the greeter notices.
            available = asyncio.ensure_future(anext(maya.requests()))
            async for event in hers:
                if isinstance(event, events.InvitationReceived):
                    await event.approve()
                if isinstance(event, events.Left):
                    break
            available.cancel()
            theirs = await (await anext(maya.invitations())).join()
            # Maya's device takes the greeter out once it is in the room itself.
            rest = {"Maya (counselor)", "survivor"}
            await eventually(lambda: {str(one) for one in theirs.participants} == rest)
