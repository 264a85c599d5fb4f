"""What the tests start: brought where that may be, skipped and told elsewhere, and never used unlisted."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import bring_programs
import pytest
from support import programs
from support.program_guard import ProgramNotListed, last_lines, rerun_lines

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH, with an apt-get and a sudo that note in `log` how they are called."""
    _stand_in(tmp_path, "apt-get", "exit 0")
    _stand_in(tmp_path, "sudo", 'shift\nwhile [ "${1#*=}" != "$1" ]; do shift; done\n"$@"')
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def _stand_in(folder: Path, name: str, then: str) -> None:
    script = folder / name
    script.write_text(f'#!/bin/sh\necho "{name} $*" >> {folder}/log\n{then}\n')
    script.chmod(0o755)


def _called(folder: Path) -> list[str]:
    log = folder / "log"
    return log.read_text().splitlines() if log.is_file() else []


def test_root_on_debian_gets_the_missing_packages_by_name(
    commands: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert bring_programs.bring(["chromium", "coturn"]) == "installed: chromium coturn"
    assert capsys.readouterr().out == "installing for the tests: chromium coturn\n"
    assert _called(commands) == [
        "apt-get -qq update",
        "apt-get -qq install -y --no-install-recommends chromium coturn",
    ]


def test_a_user_with_sudo_gets_them_without_being_asked(
    commands: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    _stand_in(commands, "true", "exit 0")
    assert bring_programs.bring(["caddy"]) == "installed: caddy"
    assert "apt-get -qq install -y --no-install-recommends caddy" in _called(commands)


@pytest.mark.parametrize("lacking", ["sudo", "apt-get", "password"])
def test_elsewhere_nothing_is_installed_and_the_command_is_told(
    lacking: str, commands: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    if lacking == "password":
        _stand_in(commands, "sudo", "exit 1")
    else:
        (commands / lacking).unlink()
    told = bring_programs.bring(["caddy", "coturn"])
    assert told == "tests will be skipped; to run them too: sudo apt-get install caddy coturn"
    assert not any("install" in each for each in _called(commands))


def test_an_installation_that_fails_is_told(commands: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    _stand_in(commands, "apt-get", "echo 'no network' >&2; exit 100")
    assert "no network" in bring_programs.bring(["caddy"])


def test_what_counts_as_missing_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(programs.WITHOUT, "turnserver,ip,tc")
    found = {program.name for program in programs.missing()}
    assert {"turnserver", "ip", "tc"} <= found
    assert programs.packages_of(programs.PROGRAMS[name] for name in ("ip", "tc")) == ("iproute2",)


def test_tests_without_their_program_are_skipped_and_the_last_line_brings_it() -> None:
    """The exit code is 0: a machine without Chromium is no fault of the code."""
    files = ["browser/test_first_screen.py", "server/doctor/test_turn.py"]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", *(f"tests/{file}" for file in files)],
        cwd=REPOSITORY,
        env={**os.environ, programs.WITHOUT: "chromium,turnserver"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert ended.returncode == 0, ended.stdout
    first, second, last = ended.stdout.strip().splitlines()[-3:]
    assert re.fullmatch(r"skipped: \d+ tests: chromium is not installed \(Debian package chromium\)", first)
    assert re.fullmatch(r"skipped: \d+ tests: turnserver is not installed \(Debian package coturn\)", second)
    assert last == "to run them too: sudo apt-get install chromium coturn"


def test_what_is_skipped_for_another_reason_is_told_without_a_command() -> None:
    assert last_lines(["no official vectors"] * 2) == ["skipped: 2 tests: no official vectors"]
    assert last_lines([]) == []


def test_a_test_cannot_start_a_program_that_it_is_not_listed_with() -> None:
    assert programs.needed_by("workspace/test_programs.py::test_it") == ()
    with pytest.raises(
        ProgramNotListed, match=r"test_a_test_cannot.* starts ip: say so in tests/support/programs.py"
    ):
        subprocess.run(["ip", "link"], check=False)


def test_every_entry_of_the_list_stands_for_a_test() -> None:
    for pattern in programs.NEEDED:
        file, _, name = pattern.partition("::")
        found = sorted((REPOSITORY / "tests").glob(file))
        assert found, pattern
        defined = re.findall(
            r"def (test_\w+)", "".join(path.read_text("utf-8") for path in found if path.is_file())
        )
        assert not name or any(each.startswith(name.rstrip("*")) for each in defined), pattern


def test_continuous_integration_runs_the_readmes_commands_and_no_other() -> None:
    lines = (REPOSITORY / ".ci" / "run").read_text("utf-8").splitlines()
    assert [line for line in lines if line.startswith("make")] == ["make test", "make check"]
    assert not [line for line in lines if "apt" in line or "install" in line]


def test_what_was_run_again_is_told_in_the_last_lines() -> None:
    assert rerun_lines(["tests/browser/test_b.py::b", "tests/browser/test_a.py::a"]) == [
        "failed once and was run again: tests/browser/test_a.py::a",
        "failed once and was run again: tests/browser/test_b.py::b",
    ]
    assert rerun_lines([]) == []
