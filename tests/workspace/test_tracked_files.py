"""The repository works anywhere: no path of one machine, no host of one network, no unpinned package."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LOCKS = ("requirements/run.txt", "requirements/test.txt", "requirements/bench.txt", "requirements/lock.txt")

# Written in pieces, so that this file does not find itself.
MACHINE_PATH = re.compile(rb"(?<![\w.])/(?:" + b"|".join([b"home", b"root", b"work", b"Users"]) + rb")/\w")
INDEX_OPTION = re.compile(rb"--(?:extra-)?index-" + rb"url |--find-" + rb"links |--trusted-" + rb"host ")


def tracked_files() -> Iterator[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    ).stdout
    paths = (REPOSITORY / name.decode() for name in listed.split(b"\0") if name)
    return (path for path in paths if path.is_file())


@pytest.mark.parametrize("pattern", [MACHINE_PATH, INDEX_OPTION], ids=["machine paths", "package indexes"])
def test_no_file_names(pattern: re.Pattern[bytes]) -> None:
    found = {
        f"{path.relative_to(REPOSITORY)}: {match[0].decode()}"
        for path in tracked_files()
        if (match := pattern.search(path.read_bytes()))
    }
    assert not found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_a_version_and_a_hash(lock: str) -> None:
    text = (REPOSITORY / lock).read_text().replace("\\\n", " ")
    entries = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert entries
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._\[\]-]+==[^ ]+ .*--hash=sha256:[0-9a-f]{64}", entry), entry


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host(lock: str) -> None:
    assert "://" not in (REPOSITORY / lock).read_text()


def test_scripts_can_be_executed() -> None:
    assert (REPOSITORY / ".ci/run").stat().st_mode & 0o111
