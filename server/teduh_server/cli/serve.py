"""`teduh serve`: one relay node in the foreground, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import errno
import gc
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from teduh_crypto.credentials import MalformedToken

from teduh_server.app import Relay
from teduh_server.log_policy import configure_logging
from teduh_server.page_settings import InvalidPageSettings
from teduh_server.redis_store.embedded import FolderInUse
from teduh_server.settings import Settings, load_settings


def serve(
    settings_file: Annotated[
        Path | None,
        typer.Option(
            "--settings", help="The TOML file with the settings [default: teduh.toml, if there is one]"
        ),
    ] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Instead of listen_port.")] = None,
) -> None:
    """Run a relay node with the settings of a TOML file and of TEDUH_... environment variables."""
    try:
        settings = load_settings(settings_file, listen_port=port)
    except (ValidationError, OSError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error
    run_relay(settings)


def run_relay(
    settings: Settings,
    *,
    started: Callable[[Relay], Coroutine[None, None, None]] | None = None,
    demonstration: bool = False,
) -> None:
    """Run until told to stop; ends the process with a sentence when the relay cannot start."""
    configure_logging(settings.log_level)
    try:
        _run(_serve(settings, started, demonstration))
    except TimeoutError as error:
        typer.echo("The relay cannot start: the store does not answer.", err=True)
        raise typer.Exit(1) from error
    except (FolderInUse, MalformedToken, InvalidPageSettings, RuntimeError) as error:
        typer.echo(f"The relay cannot start: {error}", err=True)
        raise typer.Exit(1) from error
    except OSError as error:
        _give_up(settings, error)


async def _serve(
    settings: Settings, started: Callable[[Relay], Coroutine[None, None, None]] | None, demonstration: bool
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    relay = Relay(settings, demonstration=demonstration)
    await relay.start()
    # What exists now stays; and messages leave no cycles behind, so looking for them after every 700
    # objects is a waste.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    try:
        if started is not None:
            await started(relay)
        await stop.wait()
    finally:
        await relay.stop()


def _run(main: Coroutine[None, None, None]) -> None:
    if sys.platform == "win32":
        asyncio.run(main)
    else:
        import uvloop  # not made for Windows

        uvloop.run(main)


def _give_up(settings: Settings, error: OSError) -> None:
    if error.errno == errno.EADDRINUSE:
        where = f"{settings.listen_host}:{settings.listen_port}"
        typer.echo(f"Something listens on {where} already. Choose another port with --port.", err=True)
    elif isinstance(error, FileNotFoundError):
        typer.echo(
            f"There is no file {error.filename}. `teduh org init` makes an organisation; "
            "`teduh demo` needs none.",
            err=True,
        )
    else:
        typer.echo(f"The relay cannot start: {error.strerror or error}", err=True)
    raise typer.Exit(1) from error
