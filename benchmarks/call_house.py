"""The relay that calls are measured on, as a process of its own so that its processor time can be read.

    python benchmarks/call_house.py FOLDER CALLS

CALLS is its `calls` settings as JSON. It prints its URL and a link for one console, lets in whoever comes by
that, and ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path

import structlog

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from console_page import console_house


async def main(folder: str, calls: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    async with console_house(Path(folder), calls=json.loads(calls)) as house:
        letting_in = asyncio.create_task(
            house.coordinator.approve_forever(house.relay.enrolments, lambda _: None)
        )
        print(json.dumps({"url": house.url, "link": house.coordinator.link()}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        letting_in.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
