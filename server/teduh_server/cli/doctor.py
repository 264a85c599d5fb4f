"""`teduh doctor`: is everything as it should be? Looks, changes nothing, and says so in plain words.

    good      TURN turn:turn.example:3478?transport=udp
              The TURN server relays, and refuses ...
    problem   store
              ...

The exit code is 0 without problems, 1 with some, 2 when the settings cannot even be read.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from teduh_server.config.settings import Settings, load_settings
from teduh_server.doctor.authority import check_authority
from teduh_server.doctor.configuration import check_configuration
from teduh_server.doctor.directory import check_directory
from teduh_server.doctor.finding import Finding, Level
from teduh_server.doctor.machine import check_machine
from teduh_server.doctor.store import check_store
from teduh_server.doctor.turn import check_turn

_COLOURS = {
    Level.GOOD: typer.colors.GREEN,
    Level.WARNING: typer.colors.YELLOW,
    Level.PROBLEM: typer.colors.RED,
}


def doctor(
    settings_file: Annotated[
        Path | None,
        typer.Option(
            "--settings", help="The TOML file with the settings [default: teduh.toml, if there is one]"
        ),
    ] = None,
) -> None:
    """Look at the settings, the organisation's authority statement and directory, the store, this machine
    and the TURN servers, and say what is wrong.
    """
    try:
        settings = load_settings(settings_file)
    except (ValidationError, OSError, ValueError) as error:
        typer.echo(f"The settings cannot be read: {error}", err=True)
        raise typer.Exit(2) from error
    findings = asyncio.run(examine(settings))
    for finding in findings:
        _show(finding)
    problems = sum(finding.level is Level.PROBLEM for finding in findings)
    typer.echo(f"\n{problems} problem{'' if problems == 1 else 's'}." if problems else "\nNo problems.")
    raise typer.Exit(1 if problems else 0)


async def examine(settings: Settings) -> list[Finding]:
    """All findings, in the order in which they are told."""
    return [
        *check_configuration(settings),
        *await check_authority(settings),
        *await check_directory(settings),
        *check_machine(settings),
        *await check_store(settings),
        *await check_turn(settings.calls),
    ]


def _show(finding: Finding) -> None:
    level = typer.style(f"{finding.level.value:<9}", fg=_COLOURS[finding.level])
    typer.echo(f"{level} {finding.about}: {finding.says}")
