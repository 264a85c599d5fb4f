"""`teduh push-key`: the key by which the relay names itself to push services."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

_File = Annotated[Path, typer.Argument(help="Where to write it, readable by nobody else.")]


def push_key(
    file: Annotated[Path, typer.Argument(help="Where to write it, readable by nobody else.")],
) -> None:
    """Make the private key for `push.key_file`; it replaces none."""
    # Only here: whoever wakes nobody does without these libraries.
    from teduh_server.staff.push_message import new_push_key

    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be written: {error.strerror}") from error
    with open(descriptor, "wb") as opened:
        opened.write(new_push_key())
