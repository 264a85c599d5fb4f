"""`teduh serve`: relay nodes in the foreground, until SIGTERM or Ctrl-C."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from teduh_server.cli.run import run_relay
from teduh_server.cli.workers import supervise, worker_count
from teduh_server.config.settings import load_settings


def serve(
    settings_file: Annotated[
        Path | None,
        typer.Option(
            "--settings", help="The TOML file with the settings [default: teduh.toml, if there is one]"
        ),
    ] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Instead of listen_port.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=0, max=256, help="Instead of workers; 0 is one for each core.")
    ] = None,
) -> None:
    """Run a relay with the settings of a TOML file and of TEDUH_... environment variables."""
    try:
        settings = load_settings(settings_file, listen_port=port, workers=workers)
    except (ValidationError, OSError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error
    if worker_count(settings) == 1:
        run_relay(settings)
    else:
        supervise(settings)
