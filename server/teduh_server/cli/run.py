"""One relay node in the foreground: until a signal says stop, or whoever started it is gone."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

import typer
from teduh_crypto.credentials import MalformedToken

from teduh_server.app import Relay
from teduh_server.cli.heartbeat import Heartbeat
from teduh_server.cluster.sibling_workers import SiblingWorkers
from teduh_server.config.page_settings import InvalidPageSettings
from teduh_server.config.settings import Settings
from teduh_server.operations.log_policy import configure_logging
from teduh_server.redis_store.embedded import FolderInUse

Started = Callable[[Relay], Coroutine[None, None, None]]


@dataclass(frozen=True, slots=True)
class PartOfMany:
    """A worker beside others: it shares the port, tells `ready` that it serves, stops when `lifeline` ends.

    Both are file descriptors of pipes. By its `heartbeat` it shows that it does not hang. It tells its
    `sibling_workers` of sources that staff have reported.
    """

    lifeline: int
    ready: int
    heartbeat: Heartbeat
    siblings: SiblingWorkers | None = None


def run_relay(
    settings: Settings,
    *,
    started: Started | None = None,
    demonstration: bool = False,
    part: PartOfMany | None = None,
) -> None:
    """Run until told to stop; ends the process with a sentence when the relay cannot start."""
    configure_logging(settings.log_level)
    dump_no_memory()
    try:
        _run(_serve(settings, started, demonstration, part))
    except (FolderInUse, MalformedToken, InvalidPageSettings, RuntimeError) as error:
        typer.echo(f"The relay cannot start: {error}", err=True)
        raise typer.Exit(1) from error
    except OSError as error:
        _give_up(settings, error)


def dump_no_memory() -> None:
    """Let a crash of this process, and of those that it starts, leave none of its memory on the disk: there
    are network addresses in it, and in the embedded Valkey's what was acknowledged long ago.
    """
    if sys.platform != "win32":
        import resource  # not there on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


async def _serve(
    settings: Settings, started: Started | None, demonstration: bool, part: PartOfMany | None
) -> None:
    stop = asyncio.Event()
    beating: asyncio.Task[None] | None = None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if part is not None:
        loop.add_reader(part.lifeline, stop.set)
        beating = loop.create_task(part.heartbeat.beat_forever())
    siblings = None if part is None else part.siblings
    relay = Relay(settings, demonstration=demonstration, shared_port=part is not None, siblings=siblings)
    await relay.start()
    # What exists now stays; and messages leave no cycles behind, so looking for them after every 700
    # objects is a waste.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    if part is not None:
        os.write(part.ready, b"1")
    try:
        if started is not None and await _is_ready(relay, stop):
            await started(relay)
        await stop.wait()
    finally:
        await relay.stop()
        if beating is not None:
            beating.cancel()


async def _is_ready(relay: Relay, stop: asyncio.Event) -> bool:
    """Wait until it is, or is to stop."""
    waits = [asyncio.ensure_future(relay.until_ready()), asyncio.ensure_future(stop.wait())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    return not stop.is_set()


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
