"""deploy/systemd: the units start what there is, with settings that there are, and with next to no rights."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest
import typer
from support.deployment.settings import DEPLOY, SECRET_FILE, names_of_secrets, relay_settings
from support.deployment.units import options_of_unit
from support.programs import executable
from teduh_server.cli.main import app
from teduh_server.config.settings import Settings
from teduh_signaling.relay.frames import CallPolicy

UNITS = ("teduh-relay.service", "teduh-turn.service")
each_unit = pytest.mark.parametrize("name", UNITS)
LEAST_EXPOSED = 2.0
"""Of 10; without any hardening it is 9.6."""


def unit(name: str) -> dict[str, list[str]]:
    """All values of each option, of whatever section."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in (DEPLOY / "systemd" / name).read_text("utf-8").splitlines():
        option, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[option].append(value)
    return found


def environment(name: str) -> dict[str, str]:
    return dict(each.split("=", 1) for each in unit(name)["Environment"])


def analyse(tmp_path: Path, name: str, *arguments: str) -> str:
    """What systemd says of the unit, whose program need not be installed."""
    text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", _text(name), flags=re.M)
    (tmp_path / name).write_text(text)
    command = [executable("systemd-analyze"), *arguments, str(tmp_path / name)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return ended.stdout + ended.stderr


def _text(name: str) -> str:
    return (DEPLOY / "systemd" / name).read_text("utf-8")


@each_unit
def test_systemd_understands_every_line(tmp_path: Path, name: str) -> None:
    # It may have something to say of this machine's own units, too.
    said = analyse(tmp_path, name, "verify", "--man=no").splitlines()
    assert [line for line in said if name in line] == []


@each_unit
def test_unit_is_exposed_next_to_nothing(tmp_path: Path, name: str) -> None:
    said = analyse(tmp_path, name, "security", "--offline=true", "--no-pager")
    level = re.search(r"Overall exposure level.*: ([\d.]+)", said)
    assert level is not None
    assert float(level[1]) <= LEAST_EXPOSED


@each_unit
def test_unit_is_not_root_and_cannot_become_it(name: str) -> None:
    options = unit(name)
    assert options["DynamicUser"] == ["yes"]
    assert options["NoNewPrivileges"] == ["yes"]
    assert options["CapabilityBoundingSet"] == [""]
    assert options["ProtectSystem"] == ["strict"]
    assert options["ProtectHome"] == ["yes"]


@each_unit
def test_unit_allows_many_connections_and_comes_back(name: str) -> None:
    assert int(unit(name)["LimitNOFILE"][0]) >= 65536
    assert unit(name)["Restart"] == ["always"]


@each_unit
def test_secret_is_handed_over_in_memory_and_not_in_the_file(name: str) -> None:
    assert unit(name)["LoadCredential"] == ["turn-secret:/etc/teduh/turn-secret"]
    assert names_of_secrets(environment(name)) == []
    handed = [value for option, value in environment(name).items() if option.endswith("SECRET_FILE")]
    assert handed == ["%d/turn-secret"]


def test_relay_is_started_by_a_command_with_options_that_there_are() -> None:
    program, command, *options = shlex.split(unit(UNITS[0])["ExecStart"][0])
    assert Path(program).name == "teduh"
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # it is a group
    known = {option for parameter in commands[command].params for option in parameter.opts}
    assert {option for option in options if option.startswith("--")} <= known


def test_variables_of_the_relay_are_settings_in_the_folder_that_it_may_write_to(tmp_path: Path) -> None:
    told = environment(UNITS[0])
    (settings_file,) = (value for name, value in told.items() if name == "TEDUH_SETTINGS_FILE")
    assert settings_file == "/etc/teduh/teduh.toml"
    settings = relay_settings(told, tmp_path)
    assert unit(UNITS[0])["StateDirectory"] == ["teduh"]
    assert str(settings.data_folder) == "%S/teduh"
    assert SECRET_FILE in told


def test_stopping_relay_drains_before_anything_else_of_it_is_stopped() -> None:
    """A SIGTERM to all would take its Valkey away at once."""
    options = unit(UNITS[0])
    assert options["KillMode"] == ["mixed"]
    assert float(options["TimeoutStopSec"][0]) > float(Settings.model_fields["drain_seconds"].default) + 10


def test_turn_is_started_by_the_script_that_is_here_in_a_folder_in_memory() -> None:
    (program,) = unit(UNITS[1])["ExecStart"]
    assert (DEPLOY.parent / Path(program).relative_to("/opt/teduh")).stat().st_mode & 0o111
    assert unit(UNITS[1])["RuntimeDirectory"] == ["teduh-turn"]
    assert environment(UNITS[1])["TURN_RUNTIME_FOLDER"] == "%t/teduh-turn"


def test_push_key_of_the_guide_is_handed_over_to_the_unit(tmp_path: Path) -> None:
    """It can be read by root alone, whom the unit's user is not."""
    guide = (DEPLOY.parent / "docs" / "routing.md").read_text("utf-8")
    made = re.search(r"^teduh push-key (\S+)$", guide, re.M)
    drop_in = re.search(r"```ini\n# /etc/systemd/system/teduh-relay\.service\.d/.*?\n(.*?)```", guide, re.S)
    in_file = re.search(r"```toml\n(# teduh\.toml\n\[push\].*?)```", guide, re.S)
    assert made is not None
    assert drop_in is not None
    assert in_file is not None
    added = options_of_unit(drop_in[1])["Service"]
    assert added["LoadCredential"] == [f"push-key:{made[1]}"]
    (tmp_path / "teduh.toml").write_text(in_file[1])
    told = environment(UNITS[0]) | {"TEDUH_SETTINGS_FILE": str(tmp_path / "teduh.toml")}
    told |= dict(each.split("=", 1) for each in added["Environment"])
    assert str(relay_settings(told, tmp_path).push.key_file) == "%d/push-key"


def test_settings_file_of_the_guide_makes_calls_that_go_through_turn(tmp_path: Path) -> None:
    """docs/operations.md shows a teduh.toml; with this unit's variables it is complete."""
    guide = (DEPLOY.parent / "docs" / "operations.md").read_text("utf-8")
    found = re.search(r"```toml\n(# /etc/teduh/teduh\.toml\n.*?)```", guide, re.S)
    assert found is not None
    (tmp_path / "teduh.toml").write_text(found[1])
    told = environment(UNITS[0]) | {"TEDUH_SETTINGS_FILE": str(tmp_path / "teduh.toml")}
    settings = relay_settings(told, tmp_path)
    assert settings.calls.policy is CallPolicy.RELAY
    assert settings.public_origin is not None
    assert settings.client_address_header is not None
