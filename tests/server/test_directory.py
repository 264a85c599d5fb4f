"""The directory of services: what is wrong is told plainly, and the relay serves the newest that counts."""

from __future__ import annotations

import base64
import gzip
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.clients.plain_relay import PlainRelay, plain_relay
from teduh_crypto.credentials import (
    Authority,
    DirectoryStatement,
    StatementVerifier,
    root_key,
    verify_directory,
)
from teduh_server.cli.main import app
from teduh_server.organisation.directory_check import check_directory
from teduh_server.organisation.directory_csv import directory_from_csv
from teduh_server.organisation.signed_directory import (
    DIRECTORY_FILE,
    DirectoryNotSigned,
    ServedDirectory,
    national_directory,
    sign_directory,
    statement_file,
)
from teduh_signaling.directory.format import (
    MAX_SERVICES,
    Directory,
    InvalidDirectory,
    read_directory,
    write_directory,
)
from typer.testing import CliRunner

TODAY = date(2030, 3, 17)
NOW = 1_900_000_000
DAY = 24 * 3600
ROOT = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
VERIFIER = StatementVerifier(ROOT.public_key().public_bytes_raw(), "rumah-aman")
AUTHORITY = Authority("rumah-aman", ROOT)
COLUMNS = "name,organization,needs,languages,areas,phones,hours,assured_date,source\n"
ROW = (
    "UPTD PPA,Kota,counseling|legal,id|su,ID-JB Jawa Barat,0811 1129 129|110,"
    '"MO,TU,WE,TH,FR 08:00-16:00 +07:00",2030-03-01,a call\n'
)


def table(*rows: str, columns: str = COLUMNS) -> bytes:
    return (columns + "".join(rows)).encode()


def directory_with(change: Callable[[dict[str, Any]], object]) -> bytes:
    """A good directory of two services, the second changed."""
    content = write_directory(directory_from_csv(table(ROW, ROW.replace("UPTD PPA", "Klinik"))))
    parsed = json.loads(content)
    change(parsed["services"][1])
    return json.dumps(parsed, indent=1).encode()


def found(content: bytes) -> list[str]:
    return [str(finding) for finding in check_directory(content, TODAY)]


class TestCheck:
    def test_a_good_directory_has_nothing_wrong(self) -> None:
        assert found(directory_with(lambda service: None)) == []

    @pytest.mark.parametrize(
        "number",
        [
            "110",
            "119",
            "112",
            "1500-567",
            "08111-129-129",
            "+628111129129",
            "021 345 6789",
            "+62 21 345 6789",
        ],
    )
    def test_numbers_that_somebody_may_answer(self, number: str) -> None:
        assert found(directory_with(lambda service: service["phones"][0].update(number=number))) == []

    @pytest.mark.parametrize(
        "number", ["08111", "0811 112 912 9129", "12", "+62 110", "+1 555 0100", "*123#"]
    )
    def test_numbers_that_are_none(self, number: str) -> None:
        (said,) = found(directory_with(lambda service: service["phones"][0].update(number=number)))
        assert said.startswith("service 2 (Klinik), line ")
        assert said.endswith(f"{number} is no telephone number in ID")

    @pytest.mark.parametrize("number", ["129", "192"])
    def test_a_short_number_that_is_not_known_is_to_be_called_first(self, number: str) -> None:
        """129 is SAPA's, 192 nobody's; no list that we have tells them apart."""
        (said,) = check_directory(
            directory_with(lambda service: service["phones"][0].update(number=number)), TODAY
        )
        assert not said.is_fault
        assert said.text == f"{number} is no short number that is known for ID; call it before you sign"

    def test_a_fax_is_not_offered_as_something_to_call(self) -> None:
        (said,) = found(directory_with(lambda service: service["phones"][0].update(type="fax")))
        assert said.endswith("0811 1129 129 is of the type fax, and would be shown to be called")

    def test_an_unknown_need(self) -> None:
        (said,) = found(
            directory_with(
                lambda service: service["attributes"][0]["taxonomy_term"].update(code="councelling")
            )
        )
        assert "unknown need councelling; known are: emergency, counseling" in said

    def test_hours_by_a_clock_of_another_country(self) -> None:
        times = {"opens_at": "08:00+01:00", "closes_at": "16:00+01:00"}
        (said,) = found(directory_with(lambda service: service["schedules"][0].update(times)))
        assert said.endswith("its hours are not by a clock of ID, which is +07:00, +08:00, +09:00")

    def test_the_line_is_the_services(self) -> None:
        content = directory_with(lambda service: service.update(status="open"))
        (said,) = found(content)
        named = int(said.partition("line ")[2].partition(":")[0])
        lines = content.decode().splitlines()
        assert '"id"' in lines[named - 1]
        assert '"Klinik"' in lines[named]
        assert "is not one of: active, inactive" in said

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"assured_date": "28-01-2026"}, "assured_date is no date like 2026-01-28"),
            ({"url": "www.example.org"}, "url is no address that begins with https://"),
            ({"source": None}, "source: Expected `str`, got `null`"),
            ({"phones": []}, "a service needs a phone, a url or an email"),
        ],
    )
    def test_what_is_wrong_is_said_in_plain_words(self, change: dict[str, Any], said: str) -> None:
        (line,) = found(directory_with(lambda service: service.update(change)))
        assert line.endswith(said)

    def test_a_missing_property_is_named(self) -> None:
        (line,) = found(directory_with(lambda service: service.pop("source")))
        assert line.endswith("has no source")

    def test_each_service_that_is_wrong_is_told(self) -> None:
        content = directory_with(lambda service: service.update(status="open"))
        parsed = json.loads(content)
        parsed["services"][0]["assured_date"] = "soon"
        assert len(found(json.dumps(parsed).encode())) == 2

    @pytest.mark.parametrize(
        ("checked", "said"),
        [
            ("2029-09-18", []),
            ("2029-09-17", ['note: shown with "last checked on 2029-09-17"; check the facts again']),
            ("2029-03-17", ['note: shown with "last checked on 2029-03-17"; check the facts again']),
            (
                "2029-03-16",
                ["note: last checked on 2029-03-16, so nobody is shown it; check the facts again"],
            ),
            ("2030-03-18", ["it was checked on 2030-03-18, which has not come yet"]),
        ],
    )
    def test_how_old_facts_are(self, checked: str, said: list[str]) -> None:
        lines = found(directory_with(lambda service: service.update(assured_date=checked)))
        assert [line.partition(": ")[2] for line in lines] == said

    def test_10_000_services_are_told_at_once(self) -> None:
        (line,) = found(b'{"hsds_version": "3.1", "services": [' + b",".join([b"{}"] * 10_000) + b"]}")
        assert line.startswith(f"the file: it has 10000 services, and may have {MAX_SERVICES}")

    def test_what_is_too_large_to_be_fetched(self) -> None:
        one = json.loads(directory_with(lambda service: None))["services"][1]
        # What does not compress, and is the same each time.
        noise = random.Random(1)
        noisy = [
            {
                **one,
                "id": f"00000000-0000-4000-8000-{number:012x}",
                "description": base64.b64encode(noise.randbytes(600)).decode(),
            }
            for number in range(130)
        ]
        (line,) = found(json.dumps({"hsds_version": "3.1", "services": noisy}).encode())
        assert line.startswith("the file: each reader fetches ")

    @pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"services": 1}', b"\xff", b"[" * 100_000])
    def test_what_is_no_directory_is_told(self, content: bytes) -> None:
        (line,) = found(content)
        assert line.startswith("the file: no ")


class TestImport:
    def test_a_table_becomes_a_directory_without_faults(self) -> None:
        directory = directory_from_csv(table(ROW))
        assert found(write_directory(directory)) == []
        (service,) = directory.services
        assert service.name == "UPTD PPA"
        assert service.needs == {"counseling", "legal"}
        assert [language.code for language in service.languages] == ["id", "su"]
        assert [(area.extent, area.name) for area in service.service_areas] == [("ID-JB", "Jawa Barat")]
        assert [phone.number for phone in service.phones] == ["0811 1129 129", "110"]
        assert service.schedules[0].offset() == 7 * 60

    def test_a_service_keeps_its_id_when_it_is_imported_again(self) -> None:
        first, again = (
            directory_from_csv(table(row)) for row in (ROW, ROW.replace("0811 1129 129", "0811 1129 130"))
        )
        assert [service.id for service in first.services] == [service.id for service in again.services]

    def test_every_id_is_its_own(self) -> None:
        (service,) = directory_from_csv(table(ROW)).services
        inner: tuple[Any, ...] = (
            *service.languages,
            *service.service_areas,
            *service.attributes,
            *service.phones,
            *service.schedules,
        )
        ids = [service.id, service.organization.id, *(one.id for one in inner)]
        assert len(set(ids)) == len(ids)

    @pytest.mark.parametrize("separator", [";", "\t"])
    def test_a_spreadsheet_that_separates_otherwise(self, separator: str) -> None:
        quoted = '"MO,TU,WE,TH,FR 08:00-16:00 +07:00"'
        row = ROW.replace(quoted, "HOURS").replace(",", separator).replace("HOURS", quoted)
        content = b"\xef\xbb\xbf" + table(row, columns=COLUMNS.replace(",", separator))
        assert directory_from_csv(content) == directory_from_csv(table(ROW))

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (table(ROW, columns=COLUMNS.replace("phones", "telephones")), "a column telephones"),
            (table(ROW, columns=COLUMNS.replace("source", "from")), "no column source"),
            (table(ROW, ROW.replace("a call", "")), "row 3, column source: it is empty"),
            (table(ROW, ROW.replace(",a call", "")), "row 3 has not as many cells as row 1"),
            (table(ROW.replace("2030-03-01", "1/3/2030")), "row 2 .UPTD PPA.: assured_date is no date"),
            (table(ROW.replace("08:00-16:00", "8-16")), "row 2, column hours: 'MO,TU,WE,TH,FR 8-16"),
            (table(ROW.replace("129|110", "call us")), r"row 2 .UPTD PPA.: phones\[0\].number is no number"),
            (table(ROW.replace("ID-JB", "Jabar")), "extent is no country"),
            ("name\n\xe9".encode("latin-1"), "not in UTF-8"),
            (b"", "no column name"),
        ],
    )
    def test_what_is_wrong_is_told_by_its_row(self, content: bytes, said: str) -> None:
        with pytest.raises(InvalidDirectory, match=said):
            directory_from_csv(content)

    def test_two_rows_of_one_service_are_refused(self) -> None:
        with pytest.raises(InvalidDirectory, match=r"row 3 .UPTD PPA.: an earlier row"):
            directory_from_csv(table(ROW, ROW))


class TestNational:
    """Every fact is one of our list, and nothing else is shipped."""

    FACTS = (
        ("SAPA 129", {"129", "https://wa.me/628111129129"}, "2026-01-28"),
        ("Polisi", {"110"}, "2026-01-12"),
        ("Ambulans", {"119"}, "2016-07-01"),
        ("healing119.id", {"https://healing119.id"}, "2025-08-07"),
        ("Komnas Perempuan", {"pengaduan@komnasperempuan.go.id"}, "2024-08-14"),
    )

    def directory(self) -> Directory:
        return read_directory(national_directory())

    def test_the_facts_are_those_that_have_a_source_and_a_date(self) -> None:
        told = tuple(
            (
                service.name,
                {phone.number for phone in service.phones}
                | {url.url for url in service.additional_urls}
                | ({service.url} if service.url else set())
                | ({service.email} if service.email else set()),
                service.assured_date.isoformat(),
            )
            for service in self.directory().services
        )
        assert told == self.FACTS
        assert all(service.source for service in self.directory().services)

    def test_only_of_the_police_hours_are_known(self) -> None:
        assert [service.name for service in self.directory().services if service.schedules] == ["Polisi"]

    def test_nothing_is_wrong_with_it(self) -> None:
        assert not [one for one in check_directory(national_directory(), date(2026, 12, 3)) if one.is_fault]

    def test_its_table_is_in_the_package(self) -> None:
        assert (files("teduh_server") / "organisation" / "indonesia.csv").is_file()


def sign(
    folder: Path, content: bytes = b"", *, now: int = NOW, validity: int = 30 * DAY
) -> DirectoryStatement:
    written = content or write_directory(directory_from_csv(table(ROW)))
    return sign_directory(folder, written, AUTHORITY, VERIFIER, now=now, validity=validity)


class TestServed:
    """`ServedDirectory`: what the relay has to send."""

    def test_nothing_where_there_is_none(self, tmp_path: Path) -> None:
        assert ServedDirectory(tmp_path / DIRECTORY_FILE, VERIFIER).current(NOW) is None

    def test_what_was_signed_is_served_and_believed(self, tmp_path: Path) -> None:
        sign(tmp_path)
        served = ServedDirectory(tmp_path / DIRECTORY_FILE, VERIFIER).current(NOW)
        assert served is not None
        verify_directory(served.statement, served.directory.encode(), VERIFIER, now=NOW)

    def test_a_newer_one_takes_its_place_while_it_runs(self, tmp_path: Path) -> None:
        sign(tmp_path)
        served = ServedDirectory(tmp_path / DIRECTORY_FILE, VERIFIER)
        before = served.current(NOW)
        sign(tmp_path, national_directory(), now=NOW)
        after = served.current(NOW)
        assert before is not None
        assert after is not None
        assert "UPTD PPA" in before.directory
        assert "Komnas" in after.directory

    def test_an_older_one_does_not(self, tmp_path: Path) -> None:
        older, newer = tmp_path / "older", tmp_path / "newer"
        for folder, now in ((older, NOW), (newer, NOW + 1)):
            folder.mkdir()
            sign(folder, now=now)
        served = ServedDirectory(newer / DIRECTORY_FILE, VERIFIER)
        before = served.current(NOW)
        for file in (DIRECTORY_FILE, statement_file(Path(DIRECTORY_FILE)).name):
            (older / file).replace(newer / file)
        assert before is not None
        assert served.current(NOW) is before

    @pytest.mark.parametrize(
        "change", [lambda text: text.replace("129", "128"), lambda text: text[:-9], lambda _: ""]
    )
    def test_a_changed_one_is_not_served(self, tmp_path: Path, change: Callable[[str], str]) -> None:
        sign(tmp_path)
        file = tmp_path / DIRECTORY_FILE
        file.write_text(change(file.read_text("utf-8")), "utf-8")
        assert ServedDirectory(file, VERIFIER).current(NOW) is None

    def test_one_that_a_clock_ahead_has_signed_is_served_as_soon_as_it_counts(self, tmp_path: Path) -> None:
        sign(tmp_path, now=NOW + 1000)
        served = ServedDirectory(tmp_path / DIRECTORY_FILE, VERIFIER)
        assert served.current(NOW) is None
        assert served.current(NOW + 1000) is not None

    def test_what_is_taken_away_is_served_until_it_ends(self, tmp_path: Path) -> None:
        sign(tmp_path, validity=DAY)
        served = ServedDirectory(tmp_path / DIRECTORY_FILE, VERIFIER)
        before = served.current(NOW)
        for file in tmp_path.iterdir():
            file.unlink()
        assert before is not None
        assert served.current(NOW + DAY - 1) is before
        assert served.current(NOW + DAY) is None

    def test_one_of_too_many_bytes_is_not_read_whole(self, tmp_path: Path) -> None:
        sign(tmp_path)
        (tmp_path / DIRECTORY_FILE).write_bytes(b" " * (2 * 1024 * 1024))
        assert ServedDirectory(tmp_path / DIRECTORY_FILE, VERIFIER).current(NOW) is None

    def test_it_ends_with_its_statement(self, tmp_path: Path) -> None:
        sign(tmp_path, validity=DAY)
        served = ServedDirectory(tmp_path / DIRECTORY_FILE, VERIFIER)
        assert served.current(NOW + DAY - 1) is not None
        assert served.current(NOW + DAY) is None

    def test_another_organisations_is_not_served(self, tmp_path: Path) -> None:
        sign(tmp_path)
        other = StatementVerifier(Ed25519PrivateKey.generate().public_key().public_bytes_raw(), "rumah-aman")
        assert ServedDirectory(tmp_path / DIRECTORY_FILE, other).current(NOW) is None


class TestSign:
    def test_versions_go_up_even_in_one_second(self, tmp_path: Path) -> None:
        assert [sign(tmp_path).version for _ in range(3)] == [NOW, NOW + 1, NOW + 2]

    def test_one_with_faults_is_not_signed(self, tmp_path: Path) -> None:
        with pytest.raises(DirectoryNotSigned):
            sign(tmp_path, directory_with(lambda service: service.update(status="open")))
        assert list(tmp_path.iterdir()) == []

    def test_what_nobody_reads_is_left_out(self, tmp_path: Path) -> None:
        sign(tmp_path, directory_with(lambda service: service.update(assurer_email="private@example.org")))
        assert "private" not in (tmp_path / DIRECTORY_FILE).read_text("utf-8")


_KILLED_WHILE_IT_SIGNS = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [{tests!r}, {server_tests!r}]
import test_directory

calls, replace = 0, Path.replace

def replace_or_die(self, target):
    global calls
    calls += 1
    if calls > {finished}:
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(self, target)

Path.replace = replace_or_die
test_directory.sign(Path(sys.argv[1]), test_directory.national_directory(), now=test_directory.NOW + 1)
"""
RENAMES = 3


class TestKilled:
    """`kill -9` while a directory is put in the place of the one before."""

    def killed(self, folder: Path, finished: int) -> int:
        """Signs the national directory, and dies after so many renames."""
        here = Path(__file__)
        script = _KILLED_WHILE_IT_SIGNS.format(
            tests=str(here.parents[1]), server_tests=str(here.parent), finished=finished
        )
        return subprocess.run([sys.executable, "-c", script, str(folder)], check=False).returncode

    @pytest.mark.parametrize("finished", range(RENAMES))
    def test_there_is_a_directory_at_every_moment(self, tmp_path: Path, finished: int) -> None:
        before = sign(tmp_path)
        assert self.killed(tmp_path, finished) == -signal.SIGKILL
        # A relay that starts just now has the one before or the new one, whole.
        served = ServedDirectory(tmp_path / DIRECTORY_FILE, VERIFIER).current(NOW + 1)
        assert served is not None
        held = verify_directory(served.statement, served.directory.encode(), VERIFIER, now=NOW + 1)
        assert held.version == before.version + (finished >= 2)
        assert ("Komnas" in served.directory) == (finished >= 2)

    @pytest.mark.parametrize("finished", range(RENAMES))
    def test_whoever_signs_again_goes_on(self, tmp_path: Path, finished: int) -> None:
        before = sign(tmp_path)
        self.killed(tmp_path, finished)
        served = ServedDirectory(tmp_path / DIRECTORY_FILE, VERIFIER)
        assert served.current(NOW + 1) is not None
        # Killed once more, at the moment at which the newest file would be written over the one that counts.
        self.killed(tmp_path, 1)
        assert ServedDirectory(tmp_path / DIRECTORY_FILE, VERIFIER).current(NOW + 1) is not None
        after = sign(tmp_path, now=NOW + 1)
        assert after.version > before.version
        now = served.current(NOW + 1)
        assert now is not None
        assert "UPTD PPA" in now.directory

    def test_the_first_directory(self, tmp_path: Path) -> None:
        self.killed(tmp_path, 2)
        assert ServedDirectory(tmp_path / DIRECTORY_FILE, VERIFIER).current(NOW + 1) is not None

    def test_nobody_kills_it_too_late(self, tmp_path: Path) -> None:
        sign(tmp_path)
        assert self.killed(tmp_path, RENAMES) == 0


@pytest.fixture
def organisation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a new one."""
    monkeypatch.setenv("TEDUH_ORG_PASSPHRASE", "correct horse battery staple")
    # What keeps guessers busy would keep the tests busy too.
    monkeypatch.setattr(root_key, "STRETCHING", root_key.Stretching(iterations=1, lanes=1, memory=64))
    folder = tmp_path / "organisation"
    run("org", "init", "Rumah Aman", "--folder", str(folder))
    return folder


def run(*arguments: str, status: int = 0) -> tuple[str, str]:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == status, result.output
    return result.stdout, result.stderr


class TestCommands:
    """`teduh directory`."""

    def test_a_new_organisation_has_signed_the_national_directory(self, organisation: Path) -> None:
        file = organisation / DIRECTORY_FILE
        assert read_directory(file.read_bytes()) == read_directory(national_directory())
        assert statement_file(file).exists()

    def test_from_a_table_to_what_the_relay_gets(self, organisation: Path, tmp_path: Path) -> None:
        today = time.strftime("%Y-%m-%d", time.gmtime())
        listed, made = tmp_path / "services.csv", tmp_path / "services.json"
        listed.write_bytes(table(ROW.replace("2030-03-01", today)))
        _, said = run("directory", "import-csv", str(listed), "--output", str(made))
        assert said.endswith("1 services\n")
        out, _ = run("directory", "check", str(made))
        assert out == "nothing keeps it from being signed\n"
        out, said = run("directory", "sign", str(made), "--folder", str(organisation), "--days", "7")
        assert out.startswith("directory version ")
        assert "directory.jwt" in said
        assert (organisation / DIRECTORY_FILE).read_bytes() == made.read_bytes()

    def test_what_is_wrong_is_told_and_the_status_says_so(self, organisation: Path, tmp_path: Path) -> None:
        faulty = tmp_path / "faulty.json"
        faulty.write_bytes(
            directory_with(lambda service: service.update(status="open", assured_date="2026-01-01"))
        )
        _, said = run("directory", "check", str(faulty), status=1)
        assert "service 2 (Klinik), line " in said
        before = (organisation / DIRECTORY_FILE).read_bytes()
        _, said = run("directory", "sign", str(faulty), "--folder", str(organisation), status=1)
        assert "service 2 (Klinik), line " in said
        assert (organisation / DIRECTORY_FILE).read_bytes() == before

    def test_a_wrong_table_is_told_in_one_line(self, tmp_path: Path) -> None:
        wrong = tmp_path / "wrong.csv"
        wrong.write_bytes(b"name\n")
        _, said = run("directory", "import-csv", str(wrong), status=1)
        assert said == "teduh directory: row 1 has no column organization\n"

    def test_the_national_list_can_be_gone_on_with(self, tmp_path: Path) -> None:
        table_of_it, _ = run("directory", "national")
        file = tmp_path / "services.csv"
        file.write_text(table_of_it, "utf-8")
        out, _ = run("directory", "import-csv", str(file))
        assert out.encode() == national_directory()

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        _, said = run("directory", "check", str(tmp_path / "none.json"), status=1)
        assert said.startswith("teduh directory: ")


async def fetch(relay: PlainRelay, **headers: str) -> tuple[int, dict[str, str], bytes]:
    async with (
        ClientSession(auto_decompress=False) as session,
        session.get(
            f"{relay.url}/v1/directory", headers={"Accept-Encoding": "identity", **headers}
        ) as response,
    ):
        return response.status, dict(response.headers), await response.read()


def put(relay: PlainRelay, folder: Path) -> int:
    """A directory of the relay's organisation; returns the time."""
    own, now = relay.organisation, int(time.time())
    authority = Authority(own.id, own.root)
    sign_directory(folder, national_directory(), authority, relay.relay.verifier, now=now)
    return now


class TestRoute:
    async def test_it_says_that_there_is_none(self) -> None:
        async with plain_relay() as relay:
            status, headers, body = await fetch(relay)
        assert (status, json.loads(body)["error"]) == (404, "no_directory")
        assert headers["Cache-Control"] == "no-store"

    async def test_everybody_gets_the_same_and_keeps_nothing(self, tmp_path: Path) -> None:
        async with plain_relay(directory_file=tmp_path / DIRECTORY_FILE) as relay:
            now, verifier = put(relay, tmp_path), relay.relay.verifier
            status, headers, body = await fetch(relay)
            assert status == 200
            assert headers["Cache-Control"] == "no-store"
            assert headers["Access-Control-Allow-Origin"] == "*"
            assert "ETag" not in headers
            assert "Last-Modified" not in headers
            answer = json.loads(body)
            verify_directory(answer["statement"], answer["directory"].encode(), verifier, now=now)
            assert read_directory(answer["directory"].encode()) == read_directory(national_directory())

    async def test_it_is_sent_compressed(self, tmp_path: Path) -> None:
        async with plain_relay(directory_file=tmp_path / DIRECTORY_FILE) as relay:
            put(relay, tmp_path)
            _, _, plain = await fetch(relay)
            _, headers, body = await fetch(relay, **{"Accept-Encoding": "gzip"})
        assert headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(body) == plain
        assert len(body) < len(plain) / 2

    async def test_a_source_that_asks_too_often_is_told(self) -> None:
        async with plain_relay() as relay:
            answers = [(await fetch(relay))[0] for _ in range(70)]
        assert set(answers) == {404, 429}
