"""The units of deploy/systemd as a whole: what each option of them must be, and why."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from teduh_server.config.settings import SETTINGS_FILE_VARIABLE, Settings

from support.deployment.command_lines import faults_of_command
from support.deployment.settings import SECRET_FILE, names_of_secrets, relay_settings
from support.deployment.whole_document import UNREADABLE, Document, Such, faults, number, written_lines

INSTALLED: Final = "/opt/teduh"
"""Where docs/operations.md puts it."""
_PROGRAM = f"{INSTALLED}/bin/teduh"
_DRAIN: Final = float(Settings.model_fields["drain_seconds"].default)

_ALONE: Document = {
    # A user that exists as long as the unit runs, and what nobody else reads.
    "DynamicUser": ["yes"],
    "UMask": ["0077"],
    # Nothing else of the machine is there for it.
    "ProtectSystem": ["strict"],
    "ProtectHome": ["yes"],
    "PrivateTmp": ["yes"],
    "PrivateDevices": ["yes"],
    "DevicePolicy": ["closed"],
    "ProtectClock": ["yes"],
    "ProtectControlGroups": ["yes"],
    "ProtectHostname": ["yes"],
    "ProtectKernelLogs": ["yes"],
    "ProtectKernelModules": ["yes"],
    "ProtectKernelTunables": ["yes"],
    "ProtectProc": ["invisible"],
    "RemoveIPC": ["yes"],
    # Nothing that it could become.
    "NoNewPrivileges": ["yes"],
    "CapabilityBoundingSet": [""],
    "AmbientCapabilities": [""],
    "RestrictSUIDSGID": ["yes"],
    "RestrictNamespaces": ["yes"],
    "RestrictRealtime": ["yes"],
    "LockPersonality": ["yes"],
    "MemoryDenyWriteExecute": ["yes"],
    "SystemCallArchitectures": ["native"],
    # The order counts: what is privileged is taken out of what services use.
    "SystemCallFilter": ["@system-service", "~@privileged"],
    "SystemCallErrorNumber": ["EPERM"],
}
_SERVICE: Document = {
    "Type": ["exec"],
    "Restart": ["always"],
    "RestartSec": [number(1, 10)],
    "LimitNOFILE": [number(65_536, 1_048_576)],
    # Handed over in memory, to this unit alone.
    "LoadCredential": ["turn-secret:/etc/teduh/turn-secret"],
}


def _unit(description: str, service: Document, **more: list[str]) -> Document:
    return {
        "Unit": {
            "Description": [description],
            "Documentation": [f"file:{INSTALLED}/docs/operations.md"],
            "Wants": ["network-online.target"],
            "After": ["network-online.target"],
            # Never given up, however often it has failed.
            "StartLimitIntervalSec": ["0"],
            **more,
        },
        "Service": _SERVICE | _ALONE | service,
        "Install": {"WantedBy": ["multi-user.target"]},
    }


RELAY: Final = _unit(
    "Teduh relay",
    {
        "ExecStart": [Such("a command of teduh", lambda line: faults_of_line(line) == [])],
        "Environment": [
            f"{SETTINGS_FILE_VARIABLE}=/etc/teduh/teduh.toml",
            "TEDUH_DATA_FOLDER=%S/teduh",
            f"{SECRET_FILE}=%d/turn-secret",
        ],
        # A SIGTERM to all would take its Valkey away before it has drained.
        "KillMode": ["mixed"],
        "TimeoutStopSec": [number(int(_DRAIN) + 11, 600)],
        "StateDirectory": ["teduh"],
        "StateDirectoryMode": ["0700"],
        "WorkingDirectory": ["%S/teduh"],
        "RestrictAddressFamilies": ["AF_INET AF_INET6 AF_UNIX"],
    },
)
TURN: Final = _unit(
    "TURN server of Teduh",
    {
        "ExecStart": [f"{INSTALLED}/deploy/coturn/start.sh"],
        "EnvironmentFile": ["/etc/teduh/turn.env"],
        "Environment": ["TURN_SECRET_FILE=%d/turn-secret", "TURN_RUNTIME_FOLDER=%t/teduh-turn"],
        "RuntimeDirectory": ["teduh-turn"],
        "RuntimeDirectoryMode": ["0700"],
        # It asks for nothing but its own processes, and looks at the interfaces of the machine by netlink.
        "ProcSubset": ["pid"],
        "RestrictAddressFamilies": ["AF_INET AF_INET6 AF_NETLINK AF_UNIX"],
    },
    # Both would want port 3478.
    Conflicts=["coturn.service"],
)


def faults_of_line(line: str) -> list[str]:
    """Of the command line that starts the relay: every core of the machine, and what `teduh` says of it."""
    program, *words = shlex.split(line)
    if program != _PROGRAM:
        return [f"{program} is not where teduh is"]
    if words != ["serve", "--workers", "0"]:
        return ["not a process for every core"]
    return faults_of_command(words)


def options_of_unit(text: str) -> dict[str, dict[str, list[str]]]:
    """The values of each option of each section, in their order. Raises ValueError for another line."""
    sections: dict[str, dict[str, list[str]]] = {}
    for line in written_lines(text):
        if line.startswith("["):
            if line in {f"[{name}]" for name in sections} or not line.endswith("]"):
                raise ValueError(f"{line} is there twice, or is no section")
            current = sections.setdefault(line[1:-1], {})
            continue
        option, equals, value = line.partition("=")
        if not equals or not sections:
            raise ValueError(f"{line} is no option")
        current.setdefault(option, []).append(value)
    return sections


def faults_of_relay_unit(text: str, folder: Path) -> Iterator[str]:
    """Everything in teduh-relay.service that is not as it must be; `folder` is for a secret of the test's."""
    try:
        unit = options_of_unit(text)
        yield from faults(unit, RELAY)
        told = dict(each.split("=", 1) for each in unit["Service"]["Environment"])
        yield from (f"{name} holds a secret" for name in names_of_secrets(told))
        relay_settings(told, folder)
    except (*UNREADABLE, AssertionError) as error:
        yield f"cannot be read: {error!r}"


def faults_of_turn_unit(text: str, _folder: Path) -> Iterator[str]:
    """Everything in teduh-turn.service that is not as it must be."""
    try:
        yield from faults(options_of_unit(text), TURN)
    except UNREADABLE as error:
        yield f"cannot be read: {error!r}"
