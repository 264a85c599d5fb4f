"""Command lines of deployment files, read by the relay's own command line."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import typer
from teduh_server.cli.main import app
from typer.core import TyperGroup
from typer.exceptions import TyperException


def faults_of_command(words: Sequence[str]) -> list[str]:
    """What `teduh` would say of these arguments, without doing anything."""
    group = _commands()
    name, *arguments = words
    if name not in group.commands:
        return [f"teduh has no command {name}"]
    try:
        group.commands[name].make_context(name, list(arguments))
    except TyperException as error:
        return [f"teduh {name}: {error}"]
    return []


@cache
def _commands() -> TyperGroup:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return group
