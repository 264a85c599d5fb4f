"""What `teduh doctor` says of the settings, of the machine, and as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.calls.turn_server import turn_server
from support.organisation.relay_organisation import RelayOrganisation
from teduh_server.cli.main import app
from teduh_server.config.settings import Settings
from teduh_server.doctor.configuration import check_configuration
from teduh_server.doctor.finding import Finding, Level
from teduh_server.doctor.machine import check_machine, clock_is_kept
from typer.testing import CliRunner


def found(tmp_path: Path, **settings: object) -> list[Finding]:
    chosen: dict[str, object] = {"organisation_file": RelayOrganisation().write(tmp_path), **settings}
    return check_configuration(Settings(**chosen))  # type: ignore[arg-type]  # pydantic checks them


def bad(findings: list[Finding]) -> list[tuple[Level, str]]:
    return [(finding.level, finding.about) for finding in findings if finding.level is not Level.GOOD]


def test_settings_of_a_relay_behind_a_proxy_are_good(tmp_path: Path) -> None:
    assert not bad(
        found(
            tmp_path,
            public_origin="https://relay.example",
            console_origin="https://staff.example:8443",
            client_address_header="X-Client",
        )
    )


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"public_origin": "http://relay.example"}, (Level.PROBLEM, "public_origin")),
        ({"public_origin": "https://relay.example/"}, (Level.PROBLEM, "public_origin")),
        ({"console_origin": "https://staff.example/console"}, (Level.PROBLEM, "console_origin")),
        ({"listen_host": "0.0.0.0"}, (Level.PROBLEM, "public_origin")),
        ({"public_origin": "https://relay.example"}, (Level.WARNING, "client_address_header")),
    ],
)
def test_settings_that_nobody_can_have_meant_are_told(
    tmp_path: Path, settings: dict[str, object], complaint: tuple[Level, str]
) -> None:
    assert complaint in bad(found(tmp_path, **settings))


def test_missing_and_damaged_organisation_files_are_problems(tmp_path: Path) -> None:
    (tmp_path / "damaged.toml").write_text("id = 7\n")
    for name in ("nowhere.toml", "damaged.toml"):
        settings = Settings(organisation_file=tmp_path / name)
        assert bad(check_configuration(settings)) == [(Level.PROBLEM, "organisation")]


def test_turn_secret_that_others_can_read_is_told(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s")
    calls = {"turn_urls": ("turn:turn.example",), "turn_secret_file": secret}
    secret.chmod(0o644)
    assert bad(found(tmp_path, calls=calls)) == [(Level.WARNING, "calls.turn_secret_file")]
    secret.chmod(0o640)
    assert not bad(found(tmp_path, calls=calls))


def test_pages_that_are_not_built_are_a_problem(tmp_path: Path) -> None:
    missing = [each for each in check_machine(Settings(), tmp_path) if each.about == "pages"]
    assert [each.level for each in missing] == [Level.PROBLEM]
    for name in ("survivor.html", "embed.js", "manifest.json"):
        (tmp_path / name).touch()
    (tmp_path / "console").mkdir()
    there = [each for each in check_machine(Settings(), tmp_path) if each.about == "pages"]
    assert [each.level for each in there] == [Level.GOOD]


def test_kernel_is_asked_about_its_clock() -> None:
    assert clock_is_kept() in {True, False, None}
    assert [each.about for each in check_machine(Settings())].count("clock") == 1


def run(tmp_path: Path, text: str) -> tuple[int, str]:
    """Exit code and output of `teduh doctor` with these settings."""
    # No port on which another relay of this machine might answer.
    (tmp_path / "teduh.toml").write_text(f"listen_port = 0\n{text}")
    result = CliRunner().invoke(app, ["doctor", "--settings", str(tmp_path / "teduh.toml")])
    return result.exit_code, result.output


def test_doctor_looks_at_everything_and_its_exit_code_tells_of_problems(tmp_path: Path) -> None:
    organisation = RelayOrganisation().write(tmp_path)
    with turn_server(tmp_path, allow_loopback_peers=True) as turn:
        settings = f"""
            organisation_file = "{organisation}"
            data_folder = "{tmp_path}"
            [calls]
            turn_urls = ["{turn.urls[0]}"]
            turn_secret = "{turn.secret}"
        """
        code, output = run(tmp_path, settings)
    assert code == 1
    for about in ("organisation:", "clock:", "pages:", "store:", "turn:127.0.0.1"):
        assert about in output
    assert "relays to private addresses" in output
    assert turn.secret not in output


def test_doctor_without_problems_says_so(tmp_path: Path) -> None:
    organisation = RelayOrganisation().write(tmp_path)
    code, output = run(tmp_path, f'organisation_file = "{organisation}"\ndata_folder = "{tmp_path}"\n')
    assert code == 0, output
    assert "No problems." in output


def test_doctor_that_cannot_read_the_settings_says_which(tmp_path: Path) -> None:
    code, output = run(tmp_path, "listen_prot = 1\n")
    assert code == 2
    assert "listen_prot" in output
