"""A colleague comes and goes:

invited at the command line, enrolled by the SDK, heard by a survivor, revoked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from relay_process import relay_here
from sdk_people import PATIENCE, until
from teduh_crypto.credentials import Organisation, root_key
from teduh_sdk import enrol_device, events
from teduh_sdk.exceptions import AuthenticationRefused, EnrolmentFailed
from teduh_sdk.key_store import KeyStore, MemoryKeyStore
from teduh_sdk.staff import Staff
from teduh_sdk.survivor import Survivor
from teduh_server.cli.org import org_app
from typer.testing import CliRunner
from valkey_server import start_valkey

PASSPHRASE = "correct horse battery staple"


@pytest.fixture(autouse=True)
def cheap_stretching(monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps guessers busy would keep the tests busy too."""
    monkeypatch.setattr(root_key, "STRETCHING", root_key.Stretching(iterations=1, lanes=1, memory=64))


@dataclass(frozen=True)
class Office:
    """A coordinator's folder and the relay that serves the organisation."""

    folder: Path
    url: str = ""

    async def do(self, *arguments: str) -> str:
        """Run `teduh org <arguments>`; returns what it printed."""
        return await asyncio.to_thread(self.do_now, *arguments)

    def do_now(self, *arguments: str) -> str:
        environment = {"TEDUH_ORG_PASSPHRASE": PASSPHRASE, "TEDUH_ORG_FOLDER": str(self.folder)}
        if self.url:
            environment["TEDUH_ORG_RELAY"] = self.url
        result = CliRunner().invoke(org_app, list(arguments), env=environment)
        assert result.exit_code == 0, result.output
        return result.stdout.strip()

    @property
    def organisation(self) -> Organisation:
        return Organisation.load(self.folder / "organisation.toml")

    async def enrol(self, name: str, role: str = "counselor") -> KeyStore:
        """Invite somebody, let her device enrol, compare the words, and approve; returns her key store."""
        code = await self.do("invite", name, "--role", role)
        enrolment = await enrol_device(self.url, self.organisation, code)
        await self.do("approve", "--words", " ".join(enrolment.words))
        store = MemoryKeyStore()
        async with asyncio.timeout(PATIENCE):
            await enrolment.wait(store)
        return store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Office(tmp_path / "office").do_now("init", "Rumah Aman")
    return tmp_path / "office"


@pytest.fixture
async def office(folder: Path) -> AsyncIterator[Office]:
    with start_valkey() as valkey:
        async with relay_here(folder / "organisation.toml", valkey.url) as (_, url):
            office = Office(folder, url)
            await office.do("refresh")
            yield office


async def test_who_was_invited_and_approved_is_heard_by_name(office: Office) -> None:
    store = await office.enrol("Sari")
    async with (
        Survivor(office.url, office.organisation) as survivor,
        Staff(office.url, office.organisation, store) as staff,
    ):
        hers = await survivor.ask()
        async for request in staff.requests():
            his = await request.accept()
            break
        await his.send("I am here.")
        heard = await until(hers, events.TextReceived)
        assert str(heard.sender) == "Sari (counselor)"


async def test_who_is_revoked_is_let_in_no_more(office: Office) -> None:
    store = await office.enrol("Sari")
    staff_id = (await office.do("list")).split()[1]
    async with Staff(office.url, office.organisation, store) as staff:
        assert await staff.colleagues() == ()
        await office.do("revoke", staff_id, "--yes")
        with pytest.raises(AuthenticationRefused):
            await staff.colleagues()
    async with Staff(office.url, office.organisation, store) as staff:
        with pytest.raises(AuthenticationRefused):
            await staff.colleagues()


async def test_a_code_is_good_for_one_device(office: Office) -> None:
    code = await office.do("invite", "Sari", "--role", "counselor")
    await enrol_device(office.url, office.organisation, code)
    with pytest.raises(EnrolmentFailed, match="invitation_used"):
        await enrol_device(office.url, office.organisation, code)
