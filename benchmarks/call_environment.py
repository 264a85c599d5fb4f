"""The relay that calls are measured on, as a process of its own so that its processor time can be read.

    python benchmarks/call_environment.py FOLDER CALLS

CALLS is its `calls` settings as JSON. It prints its URL and a link for one console, lets in whoever comes by
that first, and ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from pathlib import Path

import structlog

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.browsers.console_page import ConsoleEnvironment, console_environment


async def main(folder: str, calls: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    async with console_environment(Path(folder), calls=json.loads(calls)) as environment:
        print(json.dumps({"url": environment.url, "link": environment.coordinator.link()}), flush=True)
        letting_in = asyncio.create_task(let_one_in(environment))
        await asyncio.to_thread(sys.stdin.read)
        letting_in.cancel()


async def let_one_in(environment: ConsoleEnvironment) -> None:
    """No longer than it must: looking for devices costs time that no call costs."""
    while not await environment.approve():  # noqa: ASYNC110 -- in the store, nothing tells of a device
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    # It ends with its input, and takes its Valkey along.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    asyncio.run(main(*sys.argv[1:3]))
