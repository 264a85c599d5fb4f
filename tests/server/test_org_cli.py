"""`teduh org`, from the making of an organisation to a revoked device, with files alone and with a relay."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import socket
import stat
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest
from aiohttp import ClientSession, web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.organisation.staffed_organisation import public_key
from support.store.valkey_server import start_valkey
from teduh_crypto.credentials import (
    AuthorityStatement,
    InvitationCode,
    Organisation,
    Role,
    StaffStatement,
    StatementRevoked,
    StatementVerifier,
    comparison_words,
    enrol,
    enrolment_id,
    first_revocation_list,
    open_statement,
    root_key,
    sign_authority_statement,
    sign_revocation_list,
)
from teduh_server.cli.org import org_app
from teduh_server.http.enrolment import enrolment_routes
from teduh_server.organisation.coordinator_client import CoordinatorClient
from teduh_server.organisation.enrolment_store import EnrolmentStore, KeptVersion
from teduh_server.organisation.organisation_folder import OrganisationFolder
from teduh_server.organisation.revocation_feed import RevocationFeed
from teduh_server.organisation.signed_revocations import SignedRevocations
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.embedded import EmbeddedValkey
from typer.testing import CliRunner, Result

PASSPHRASE = "correct horse battery staple"
DAY = 24 * 3600


@dataclass(frozen=True)
class Coordinator:
    """Somebody at a terminal, with an organisation's folder."""

    folder: Path
    environment: tuple[tuple[str, str], ...] = (("TEDUH_ORG_PASSPHRASE", PASSPHRASE),)

    def run(self, *arguments: str, typed: str | None = None) -> Result:
        """Run `teduh org <arguments>`."""
        environment = {**dict(self.environment), "TEDUH_ORG_FOLDER": str(self.folder)}
        return CliRunner().invoke(org_app, list(arguments), input=typed, env=environment)

    def do(self, *arguments: str, typed: str | None = None) -> str:
        """The same, and it must go well; returns what went to standard output."""
        result = self.run(*arguments, typed=typed)
        assert result.exit_code == 0, result.output
        return result.stdout

    async def do_soon(self, *arguments: str) -> str:
        """The same beside a relay in this event loop."""
        return await asyncio.to_thread(self.do, *arguments)

    @property
    def organisation(self) -> Organisation:
        return Organisation.load(self.folder / "organisation.toml")

    def invite(self, name: str = "Sari", *more: str) -> InvitationCode:
        return InvitationCode.parse(self.do("invite", name, "--role", "counselor", "--language", "id", *more))


@dataclass(frozen=True)
class Device:
    """A staff device that was handed a code."""

    code: InvitationCode
    key: Ed25519PrivateKey

    @property
    def id(self) -> str:
        return enrolment_id(self.code.invitation)

    @property
    def words(self) -> str:
        return " ".join(comparison_words(public_key(self.key), invitation=self.code.invitation))

    @property
    def submission(self) -> dict[str, str]:
        return {"invitation": self.code.invitation, "enrolment": enrol(self.code, self.key)}

    def write(self, path: Path) -> str:
        path.write_text(json.dumps({"id": self.id, **self.submission}))
        return str(path)

    def open(self, sealed: bytes, verifier: StatementVerifier) -> StaffStatement:
        """What the statement in `sealed` says, if it is to be believed."""
        chain = open_statement(self.code.sealing_key, self.id, sealed)
        return verifier.verify(*chain, now=int(time.time()), device_key=public_key(self.key))


@pytest.fixture(scope="module", autouse=True)
def cheap_stretching() -> Iterator[None]:
    """What keeps guessers busy would keep the tests busy too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(root_key, "STRETCHING", root_key.Stretching(iterations=1, lanes=1, memory=64))
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder just made."""
    folder = tmp_path_factory.mktemp("made") / "organisation"
    Coordinator(folder).do("init", "Rumah Aman")
    return folder


@pytest.fixture
def coordinator(made: Path, tmp_path: Path) -> Coordinator:
    """A coordinator with a copy of it."""
    return Coordinator(shutil.copytree(made, tmp_path / "organisation"))


@pytest.fixture
def device(coordinator: Coordinator) -> Device:
    return Device(coordinator.invite(), Ed25519PrivateKey.generate())


class TestWithFilesAlone:
    """An organisation without a relay: everything goes by hand."""

    def test_init_makes_a_sealed_key_and_a_public_file(self, coordinator: Coordinator) -> None:
        assert coordinator.organisation.name == "Rumah Aman"
        assert json.loads((coordinator.folder / "root.key").read_bytes())["format"] == "teduh-sealed-key-1"

    def test_what_is_secret_is_its_owners_alone(
        self, made: Path, coordinator: Coordinator, device: Device
    ) -> None:
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
        assert stat.S_IMODE((made / "root.key").stat().st_mode) == 0o600
        record = coordinator.folder / "enrolments" / f"{device.id}.json"
        assert stat.S_IMODE(record.stat().st_mode) == 0o600

    def test_init_does_not_overwrite(self, coordinator: Coordinator) -> None:
        before = (coordinator.folder / "root.key").read_bytes()
        result = coordinator.run("init", "Another")
        assert result.exit_code == 1
        assert (coordinator.folder / "root.key").read_bytes() == before

    @pytest.mark.parametrize("passphrase", ["", "short"])
    def test_a_weak_passphrase_makes_nothing(self, tmp_path: Path, passphrase: str) -> None:
        folder = tmp_path / "new"
        result = Coordinator(folder, (("TEDUH_ORG_PASSPHRASE", passphrase),)).run("init", "Rumah Aman")
        assert result.exit_code == 1
        assert not folder.exists()

    def test_the_passphrase_is_asked_for(self, coordinator: Coordinator) -> None:
        asked = Coordinator(coordinator.folder, ())
        assert asked.run("refresh", typed=f"{PASSPHRASE}\n").exit_code == 0
        wrong = asked.run("refresh", typed="not this one at all\n")
        assert wrong.exit_code == 1
        assert "passphrase" in wrong.stderr

    def test_the_passphrase_comes_from_a_file(self, coordinator: Coordinator, tmp_path: Path) -> None:
        file = tmp_path / "passphrase"
        file.write_text(PASSPHRASE + "\n")
        Coordinator(coordinator.folder, (("TEDUH_ORG_PASSPHRASE_FILE", str(file)),)).do("refresh")

    def test_a_device_is_approved(self, coordinator: Coordinator, device: Device, tmp_path: Path) -> None:
        output = tmp_path / "sealed"
        submission = device.write(tmp_path / "submission.json")
        coordinator.do(
            "approve", "--submission", submission, "--output", str(output), "--words", device.words
        )
        statement = device.open(output.read_bytes(), OrganisationFolder(coordinator.folder).verifier())
        assert (statement.name, statement.role, statement.languages) == ("Sari", Role.COUNSELOR, ("id",))
        assert statement.expires - statement.not_before <= 30 * 24 * 3600
        # By a clock that shows what the newest list says, however old that is, she has begun already.
        assert statement.not_before <= time.time() - 24 * 3600

    def test_the_words_are_shown_and_asked_about(
        self, coordinator: Coordinator, device: Device, tmp_path: Path
    ) -> None:
        arguments = (
            "approve", "--submission", device.write(tmp_path / "submission.json"), "--output", str(tmp_path /
            "out")
        )  # fmt: skip
        refused = coordinator.run(*arguments, typed="n\n")
        assert refused.exit_code == 1
        assert device.words.replace(" ", "  ") in refused.stdout
        assert not (tmp_path / "out").exists()
        coordinator.do(*arguments, typed="y\n")
        assert (tmp_path / "out").exists()

    def test_other_words_are_refused(self, coordinator: Coordinator, device: Device, tmp_path: Path) -> None:
        """Somebody who stole the code, or a relay, has put another key in the place of the device's."""
        thief = Device(device.code, Ed25519PrivateKey.generate())
        submission = thief.write(tmp_path / "submission.json")
        result = coordinator.run(
            "approve", "--submission", submission, "--output", str(tmp_path / "out"), "--words", device.words
        )
        assert result.exit_code == 1
        assert not (tmp_path / "out").exists()

    def test_an_uninvited_device_is_refused(self, coordinator: Coordinator, tmp_path: Path) -> None:
        other = Coordinator(shutil.copytree(coordinator.folder, tmp_path / "other"))
        elsewhere = Device(other.invite(), Ed25519PrivateKey.generate())
        submission = elsewhere.write(tmp_path / "submission.json")
        result = coordinator.run(
            "approve",
            "--submission",
            submission,
            "--output",
            str(tmp_path / "out"),
            "--words",
            elsewhere.words,
        )
        assert result.exit_code == 1

    def test_approving_again_signs_nothing_new(
        self, coordinator: Coordinator, device: Device, tmp_path: Path
    ) -> None:
        verifier = OrganisationFolder(coordinator.folder).verifier()
        statements = set()
        for attempt in range(2):
            output = tmp_path / f"sealed-{attempt}"
            submission = device.write(tmp_path / "submission.json")
            coordinator.do(
                "approve", "--submission", submission, "--output", str(output), "--words", device.words
            )
            statements.add(device.open(output.read_bytes(), verifier).statement_id)
        assert len(statements) == 1

    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("Sari", ["--role", "issuer"]),
            ("Sari", ["--role", "boss"]),
            ("", ["--role", "medic"]),
            ("Sari", ["--role", "medic", "--language", "not a language"]),
            ("Sari", ["--role", "medic", "--staff-id", "not an id"]),
        ],
    )
    def test_an_invitation_that_nothing_could_come_of_is_refused(
        self, coordinator: Coordinator, name: str, options: list[str]
    ) -> None:
        result = coordinator.run("invite", name, *options)
        assert result.exit_code == 1
        assert coordinator.do("list") == ""

    def test_a_code_can_go_to_a_file(self, coordinator: Coordinator, tmp_path: Path) -> None:
        file = tmp_path / "code"
        assert coordinator.do("invite", "Sari", "--role", "medic", "--output", str(file)) == ""
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert InvitationCode.parse(file.read_text()).invitation

    def test_list_and_show_say_how_things_stand(
        self, coordinator: Coordinator, device: Device, tmp_path: Path
    ) -> None:
        assert "Sari: invited" in coordinator.do("list")
        submission = device.write(tmp_path / "submission.json")
        output = str(tmp_path / "out")
        coordinator.do("approve", "--submission", submission, "--output", output, "--words", device.words)
        assert "Sari: approved" in coordinator.do("list")
        assert device.words.replace(" ", "  ") in coordinator.do("show", device.id)
        coordinator.do("revoke", device.id, "--yes")
        assert "Sari: revoked" in coordinator.do("list")
        shown = coordinator.do("show")
        assert coordinator.organisation.root_public_key.hex() in shown
        assert ", 1 entries, until" in shown

    def test_nothing_secret_is_shown(self, coordinator: Coordinator, device: Device) -> None:
        shown = coordinator.do("list") + coordinator.do("show") + coordinator.do("show", device.id)
        assert str(device.code).rpartition(":")[2] not in shown

    def test_a_revoked_person_is_believed_on_no_device(
        self, coordinator: Coordinator, device: Device, tmp_path: Path
    ) -> None:
        folder = OrganisationFolder(coordinator.folder)
        staff_id = folder.record(device.id).person.subject
        submission = device.write(tmp_path / "submission.json")
        output = tmp_path / "out"
        coordinator.do(
            "approve", "--submission", submission, "--output", str(output), "--words", device.words
        )
        second = Device(coordinator.invite("Sari", "--staff-id", staff_id), Ed25519PrivateKey.generate())
        coordinator.do("revoke", staff_id, "--yes")
        with pytest.raises(StatementRevoked):
            device.open(output.read_bytes(), folder.verifier())
        refused = coordinator.run(
            "approve", "--submission", second.write(tmp_path / "second.json"), "--output", str(tmp_path /
            "none"), "--words", second.words,
        )  # fmt: skip
        assert refused.exit_code == 1

    def test_revoking_asks_first(self, coordinator: Coordinator, device: Device) -> None:
        staff_id = OrganisationFolder(coordinator.folder).record(device.id).person.subject
        assert coordinator.run("revoke", staff_id, typed="n\n").exit_code == 1
        assert "Sari: invited" in coordinator.do("list")

    @pytest.mark.parametrize("who", ["nobody", "Sari"])
    def test_nobody_is_revoked_by_a_name(self, coordinator: Coordinator, who: str) -> None:
        assert coordinator.run("revoke", who, "--yes").exit_code == 1

    def test_refresh_keeps_what_is_revoked(self, coordinator: Coordinator, device: Device) -> None:
        staff_id = OrganisationFolder(coordinator.folder).record(device.id).person.subject
        coordinator.do("revoke", staff_id, "--yes")
        before = OrganisationFolder(coordinator.folder).revocations()
        coordinator.do("refresh")
        after = OrganisationFolder(coordinator.folder).revocations()
        assert after.version > before.version
        assert after.subjects == {staff_id}

    def test_refresh_goes_on_where_one_was_killed_in_the_middle(self, coordinator: Coordinator) -> None:
        """In a container every process has the same number, and so has what a killed one leaves behind."""
        lists = {path.name: path.read_bytes() for path in coordinator.folder.glob("revocations.*")}
        for name in lists:
            (coordinator.folder / f".{name}.{os.getpid()}").write_bytes(b"half of")
        coordinator.do("refresh")
        assert all((coordinator.folder / name).read_bytes() != lists[name] for name in lists)

    def test_a_folder_that_is_none_is_refused(self, tmp_path: Path) -> None:
        result = Coordinator(tmp_path).run("list")
        assert result.exit_code == 1
        assert "teduh org init" in result.stderr


@pytest.fixture
def issuer(coordinator: Coordinator, tmp_path: Path) -> Coordinator:
    own = "another horse another staple"
    with_both = Coordinator(coordinator.folder, (*coordinator.environment, ("TEDUH_ISSUER_PASSPHRASE", own)))
    with_both.do("issuer", "Night desk", "--issuer-folder", str(tmp_path / "issuer"), "--days", "7")
    return Coordinator(tmp_path / "issuer", (("TEDUH_ORG_PASSPHRASE", own),))


def stated(coordinator: Coordinator) -> AuthorityStatement:
    """The authority statement in a folder."""
    statement = OrganisationFolder(coordinator.folder).stated()
    assert statement is not None
    return statement


def validity(statement: AuthorityStatement) -> int:
    """Days."""
    return (statement.expires - statement.issued) // DAY


class TestIssuer:
    """An issuer runs the organisation from a folder of its own while the root key rests."""

    def test_what_an_issuer_approves_is_believed(
        self, coordinator: Coordinator, issuer: Coordinator, tmp_path: Path
    ) -> None:
        device = Device(issuer.invite("Dewi"), Ed25519PrivateKey.generate())
        output = tmp_path / "out"
        submission = device.write(tmp_path / "submission.json")
        issuer.do("approve", "--submission", submission, "--output", str(output), "--words", device.words)
        statement = device.open(output.read_bytes(), OrganisationFolder(coordinator.folder).verifier())
        assert statement.name == "Dewi"
        assert statement.expires <= time.time() + 7 * 24 * 3600

    def test_the_root_key_is_not_in_the_issuers_folder(self, issuer: Coordinator) -> None:
        assert not (issuer.folder / "root.key").exists()

    def test_an_issuer_appoints_no_issuer(self, issuer: Coordinator, tmp_path: Path) -> None:
        assert issuer.run("issuer", "Another", "--issuer-folder", str(tmp_path / "third")).exit_code == 1

    def test_the_root_can_revoke_an_issuer(self, coordinator: Coordinator, issuer: Coordinator) -> None:
        listed = coordinator.do("list")
        assert "Night desk: approved" in listed
        coordinator.do("revoke", listed.split()[0], "--yes")
        assert "Night desk: revoked" in coordinator.do("list")


class TestAuthorityStatement:
    """The root signs it with every list of its own; an issuer does not."""

    def test_without_issuers_it_is_good_for_92_days(self, coordinator: Coordinator) -> None:
        coordinator.do("refresh")
        assert validity(stated(coordinator)) == 92
        assert stated(coordinator).issuers == frozenset()
        assert stated(coordinator).least == OrganisationFolder(coordinator.folder).revocations().version

    def test_it_lists_an_issuer_for_8_days(self, coordinator: Coordinator, issuer: Coordinator) -> None:
        assert validity(stated(coordinator)) == 8
        (listed,) = stated(coordinator).issuers
        (record,) = OrganisationFolder(coordinator.folder).records()
        assert listed == record.statement_id
        assert stated(issuer).issuers == {listed}

    def test_it_lists_a_revoked_issuer_no_more(self, coordinator: Coordinator, issuer: Coordinator) -> None:
        before = stated(coordinator)
        coordinator.do("revoke", coordinator.do("list").split()[0], "--yes")
        after = stated(coordinator)
        assert after.issuers == frozenset()
        assert after.version > before.version
        assert after.least == OrganisationFolder(coordinator.folder).revocations().version

    def test_it_lists_an_issuer_no_more_whose_own_statement_has_ended(
        self, coordinator: Coordinator, issuer: Coordinator
    ) -> None:
        folder = OrganisationFolder(coordinator.folder)
        (record,) = folder.records()
        folder.save(msgspec.structs.replace(record, statement_expires=int(time.time())))
        coordinator.do("refresh")
        assert stated(coordinator).issuers == frozenset()

    def test_it_keeps_an_issuer_whom_another_folder_of_the_roots_has_appointed(
        self, coordinator: Coordinator, issuer: Coordinator
    ) -> None:
        (record,) = OrganisationFolder(coordinator.folder).records()
        (coordinator.folder / "enrolments" / f"{record.id}.json").unlink()
        coordinator.do("refresh")
        assert stated(coordinator).issuers == {record.statement_id}

    def test_an_issuer_signs_the_daily_list_under_the_roots_statement(
        self, coordinator: Coordinator, issuer: Coordinator
    ) -> None:
        before = stated(issuer)
        issuer.do("refresh")
        assert stated(issuer) == before

    def test_it_is_told_two_days_before_its_end_that_the_root_key_is_needed(
        self, coordinator: Coordinator, issuer: Coordinator
    ) -> None:
        assert "root key must sign" not in issuer.run("refresh").stderr
        folder = OrganisationFolder(coordinator.folder)
        aged = replace(stated(coordinator), issued=int(time.time()) - 6 * DAY - 60)
        aged = replace(aged, expires=aged.issued + 8 * DAY)
        text = sign_authority_statement(aged, folder.unlock(PASSPHRASE))
        (issuer.folder / "authority.jwt").write_text(text)
        assert "root key must sign" in issuer.run("refresh").stderr

    def test_it_is_shown(self, coordinator: Coordinator, issuer: Coordinator) -> None:
        assert "1 issuers, until" in coordinator.do("show")

    def test_a_folder_of_an_earlier_release_gets_one_with_the_roots_next_list(
        self, coordinator: Coordinator
    ) -> None:
        (coordinator.folder / "authority.jwt").unlink()
        assert "none yet" in coordinator.do("show")
        coordinator.do("refresh")
        assert validity(stated(coordinator)) == 92


@pytest.fixture(scope="module")
def valkey() -> Iterator[EmbeddedValkey]:
    with start_valkey() as valkey:
        yield valkey


@dataclass(frozen=True)
class Relay:
    """A relay's enrolment endpoints, which know the organisation's public file alone."""

    origin: str
    verifier: StatementVerifier
    enrolments: EnrolmentStore
    feed: RevocationFeed

    async def submit(self, device: Device) -> int:
        async with (
            ClientSession() as session,
            session.post(f"{self.origin}/v1/enrolments", json=device.submission) as response,
        ):
            return response.status

    async def fetch(self, device: Device) -> bytes:
        """The sealed statement."""
        async with (
            ClientSession() as session,
            session.get(f"{self.origin}/v1/enrolments/{device.id}") as response,
        ):
            encoded = (await response.json())["sealed"]
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))


@pytest.fixture
async def relay(coordinator: Coordinator, valkey: EmbeddedValkey) -> AsyncIterator[Relay]:
    store = Store(StoreAddress.parse(valkey.url))
    await store.start()
    await store.ask((b"FLUSHALL",))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        public, enrolments = coordinator.organisation, EnrolmentStore(store)
        verifier = StatementVerifier(public.root_public_key, public.id)
        relay = Relay(origin, verifier, enrolments, RevocationFeed(enrolments, verifier))
        application = web.Application()
        application.add_routes(enrolment_routes(enrolments, verifier, relay.feed, origin=origin))
        runner = web.AppRunner(application)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        yield relay
        await runner.cleanup()
    await store.close()


class TestWithARelay:
    """The same through a relay, which never sees a name, a passphrase or an unsealed statement."""

    async def test_the_whole_story(self, coordinator: Coordinator, device: Device, relay: Relay) -> None:
        """Invited, enrolled, compared, approved, believed; revoked, and believed no more."""
        await coordinator.do_soon("refresh", "--relay", relay.origin)
        assert await relay.submit(device) == 202
        await coordinator.do_soon("approve", "--relay", relay.origin, "--words", device.words)
        sealed = await relay.fetch(device)
        assert device.open(sealed, relay.verifier).name == "Sari"
        await coordinator.do_soon("revoke", device.id, "--yes", "--relay", relay.origin)
        with pytest.raises(StatementRevoked):
            device.open(sealed, relay.verifier)

    async def test_several_that_wait_must_be_named(
        self, coordinator: Coordinator, device: Device, relay: Relay
    ) -> None:
        second = Device(coordinator.invite("Dewi"), Ed25519PrivateKey.generate())
        await relay.submit(device)
        await relay.submit(second)
        arguments = ("approve", "--relay", relay.origin, "--words", second.words)
        unclear = await asyncio.to_thread(coordinator.run, *arguments)
        assert unclear.exit_code == 1
        assert second.id in unclear.stderr
        await coordinator.do_soon(*arguments, second.id)
        assert await relay.fetch(second)

    async def test_two_folders_lose_nothing_of_each_others_lists(
        self, coordinator: Coordinator, device: Device, relay: Relay, tmp_path: Path
    ) -> None:
        """One revokes on the relay, the other has revoked offline; the next list has both."""
        second = Device(coordinator.invite("Dewi"), Ed25519PrivateKey.generate())
        folder = OrganisationFolder(coordinator.folder)
        sari, dewi = (folder.record(each.id).person.subject for each in (device, second))
        copy = Coordinator(shutil.copytree(coordinator.folder, tmp_path / "copy"))
        await coordinator.do_soon("revoke", sari, "--yes", "--relay", relay.origin)
        await copy.do_soon("revoke", dewi, "--yes")
        await copy.do_soon("refresh", "--relay", relay.origin)
        assert relay.verifier.revocations is not None
        assert relay.verifier.revocations.subjects == {sari, dewi}

    async def test_two_who_sign_in_the_same_moment_lose_nothing_of_each_others_lists(
        self,
        coordinator: Coordinator,
        device: Device,
        relay: Relay,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The list of the one comes to the relay after the other has looked at it, and before hers."""
        second = Device(coordinator.invite("Dewi"), Ed25519PrivateKey.generate())
        folder = OrganisationFolder(coordinator.folder)
        sari, dewi = (folder.record(each.id).person.subject for each in (device, second))
        copy = OrganisationFolder(shutil.copytree(coordinator.folder, tmp_path / "copy"))
        in_between = [copy.revocations().revoking(now=int(time.time()) - 60, subjects=[sari])]
        put = CoordinatorClient.put_revocations

        async def after_another(client: CoordinatorClient, signed: SignedRevocations) -> None:
            if in_between:
                await put(client, copy.publish(in_between.pop(), copy.unlock(PASSPHRASE)))
            await put(client, signed)

        monkeypatch.setattr(CoordinatorClient, "put_revocations", after_another)
        await coordinator.do_soon("revoke", dewi, "--yes", "--relay", relay.origin)
        assert relay.verifier.revocations is not None
        assert relay.verifier.revocations.subjects == {sari, dewi}
        assert OrganisationFolder(coordinator.folder).revocations() == relay.verifier.revocations

    async def test_a_list_that_was_signed_without_a_network_goes_on_from_the_relays(
        self, coordinator: Coordinator, device: Device, relay: Relay, tmp_path: Path
    ) -> None:
        second = Device(coordinator.invite("Dewi"), Ed25519PrivateKey.generate())
        folder = OrganisationFolder(coordinator.folder)
        sari, dewi = (folder.record(each.id).person.subject for each in (device, second))
        online = Coordinator(shutil.copytree(coordinator.folder, tmp_path / "copy"))
        await online.do_soon("revoke", sari, "--yes", "--relay", relay.origin)
        newest = tmp_path / "newest.json"
        async with ClientSession() as session:
            async with session.get(f"{relay.origin}/v1/revocations") as response:
                newest.write_bytes(await response.read())
            await coordinator.do_soon("revoke", dewi, "--yes", "--newest", str(newest))
            brought = msgspec.to_builtins(folder.signed_revocations)
            async with session.put(f"{relay.origin}/v1/revocations", json=brought) as response:
                assert response.status == 204
        assert relay.verifier.revocations is not None
        assert relay.verifier.revocations.subjects == {sari, dewi}

    async def test_whom_another_folder_revoked_stays_revoked_after_a_weekend(
        self, coordinator: Coordinator, device: Device, relay: Relay
    ) -> None:
        """Revoked on Friday, from elsewhere; nothing signed since, and the relay's process is a new one on
        Monday, when somebody signs from a folder that has never heard of it.
        """
        folder = OrganisationFolder(coordinator.folder)
        sari, friday = folder.record(device.id).person.subject, int(time.time()) - 3 * 24 * 3600
        stale = first_revocation_list(folder.organisation.id, now=friday).revoking(
            now=friday, subjects=[sari]
        )
        text = sign_revocation_list(stale, folder.unlock(PASSPHRASE))
        kept = KeptVersion(0, stale.version)
        await relay.enrolments.put_revocations(kept, SignedRevocations(text), now=friday)
        await relay.feed.refresh()
        await coordinator.do_soon("refresh", "--relay", relay.origin)
        assert relay.verifier.revocations is not None
        assert relay.verifier.revocations.subjects == {sari}

    async def test_an_issuer_is_believed_once_the_relay_has_the_roots_statement(
        self, coordinator: Coordinator, issuer: Coordinator, relay: Relay
    ) -> None:
        """`issuer` was appointed without the relay, which has an older statement."""
        folder = OrganisationFolder(coordinator.folder)
        (record,) = folder.records()
        folder.save(msgspec.structs.replace(record, statement_expires=0))
        await coordinator.do_soon("refresh", "--relay", relay.origin)
        refused = await asyncio.to_thread(issuer.run, "refresh", "--relay", relay.origin)
        assert refused.exit_code == 1
        assert "not_believed" in refused.stderr
        folder.save(record)
        await coordinator.do_soon("refresh", "--relay", relay.origin)
        await issuer.do_soon("refresh", "--relay", relay.origin)
        assert relay.verifier.revocations == OrganisationFolder(issuer.folder).revocations()
        assert stated(issuer) == relay.verifier.authority

    async def test_appointing_with_the_relay_is_one_command(
        self, coordinator: Coordinator, relay: Relay, tmp_path: Path
    ) -> None:
        own = ("TEDUH_ISSUER_PASSPHRASE", "another horse another staple")
        appointing = Coordinator(coordinator.folder, (*coordinator.environment, own))
        folder = tmp_path / "issuer"
        await appointing.do_soon(
            "issuer", "Night desk", "--issuer-folder", str(folder), "--relay", relay.origin
        )
        issuer = Coordinator(folder, (("TEDUH_ORG_PASSPHRASE", own[1]),))
        await issuer.do_soon("refresh", "--relay", relay.origin)
        assert relay.verifier.revocations == OrganisationFolder(folder).revocations()

    async def test_the_root_revokes_a_thief_who_dates_his_lists_ahead(
        self, coordinator: Coordinator, issuer: Coordinator, relay: Relay
    ) -> None:
        """And whose list the relay holds; his next one is refused."""
        await coordinator.do_soon("refresh", "--relay", relay.origin)
        thief = OrganisationFolder(issuer.folder)
        authority = thief.unlock(dict(issuer.environment)["TEDUH_ORG_PASSPHRASE"])

        def ahead() -> str:
            now, held = int(time.time()), relay.verifier.revocations
            assert held is not None
            return sign_revocation_list(replace(held.revoking(now=now), version=now + 300), authority)

        await relay.feed.put(ahead())
        night_desk = OrganisationFolder(coordinator.folder).records()[0]
        await coordinator.do_soon("revoke", night_desk.id, "--yes", "--relay", relay.origin)
        assert relay.verifier.authority is not None
        assert relay.verifier.authority.issuers == frozenset()
        assert relay.verifier.revocations == OrganisationFolder(coordinator.folder).revocations()
        with pytest.raises(StatementRevoked):
            await relay.feed.put(ahead())

    async def test_a_relay_that_is_gone_is_said_plainly(self, coordinator: Coordinator) -> None:
        result = await asyncio.to_thread(coordinator.run, "refresh", "--relay", "http://127.0.0.1:1")
        assert result.exit_code == 1
        assert "cannot be reached" in result.stderr
        assert "Traceback" not in result.output
