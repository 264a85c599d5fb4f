"""What a request costs while the relay is flooded: a server's core, and a phone in the page.

    python benchmarks/request_price.py [--quick]

    native core    scrypt of OpenSSL, one thread: what whoever floods pays with a server, by processor time
    page           the survivor's page as built, in Chromium at a quarter of this machine's speed, from the
                   price to the proof: the sentence that she reads meanwhile is what is timed; and the longest
                   task of the main thread, for the page must go on living
    relay          what it takes to check a proof, in a thread of the least priority

The price is that of a source's first request while the queue is longest.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from playwright.async_api import Page
from support.browsers.environment import relay_environment  # the path comes first
from support.browsers.real_browser import chromium
from teduh_sdk.survivor import Survivor
from teduh_server.matching.request_price import BASE_BITS, MEMORY, MOST_DOUBLINGS_OF_QUEUE, PUZZLES
from teduh_signaling.relay.frames import Price
from teduh_signaling.relay.proof_of_work import attempts, solve, verify

SLOWER = 4
GOAL_CORE_SECONDS, GOAL_PAGE_SECONDS = 0.3, 10.0
WATCH = """() => {
  window.worked = { longest: 0, from: 0, to: 0 }
  new PerformanceObserver((list) => {
    for (const { duration, startTime } of list.getEntries())
      if (startTime >= window.worked.from && window.worked.from && !window.worked.to)
        window.worked.longest = Math.max(window.worked.longest, duration)
  }).observe({ type: "longtask" })
  new MutationObserver(() => {
    const isWorking = document.body.innerText.includes("small task")
    if (isWorking && !window.worked.from) window.worked.from = performance.now()
    if (!isWorking && window.worked.from && !window.worked.to) window.worked.to = performance.now()
  }).observe(document, { childList: true, subtree: true, characterData: true })
}"""


def _price() -> Price:
    return Price(os.urandom(32), PUZZLES, BASE_BITS + MOST_DOUBLINGS_OF_QUEUE, MEMORY)


def native(times: int) -> tuple[list[float], list[float]]:
    """Seconds of a core to solve, and to check."""
    solving, checking = [], []
    for _ in range(times):
        price, begun = _price(), time.thread_time()
        proof = solve(price)
        solved = time.thread_time()
        verify(price, proof)
        solving.append(solved - begun)
        checking.append(time.thread_time() - solved)
    return solving, checking


async def page(times: int) -> tuple[list[float], list[float]]:
    """Seconds that the page works, and milliseconds of its longest task meanwhile."""
    seconds, longest = [], []
    with tempfile.TemporaryDirectory() as folder:
        async with (
            relay_environment(Path(folder), free_requests=1_000_000, calm_waiting=1) as place,
            AsyncExitStack() as people,
        ):
            for _ in range(4):
                others = await people.enter_async_context(Survivor(place.url, place.organisation.public))
                await others.ask()
            for number in range(times):
                async with chromium(Path(folder) / f"profile{number}") as browser:
                    worked = await _work(browser.pages[0], place.url)
                seconds.append((worked["to"] - worked["from"]) / 1000)
                longest.append(worked["longest"])
    return seconds, longest


async def _work(shown: Page, url: str) -> dict[str, float]:
    slow = await shown.context.new_cdp_session(shown)
    await shown.goto(url)
    await slow.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    await shown.evaluate(WATCH)
    await shown.get_by_role("button", name="Talk to somebody").click()
    await shown.wait_for_function("() => window.worked.to > 0", timeout=180_000)
    worked: dict[str, float] = await shown.evaluate("() => window.worked")
    return worked


def _row(name: str, values: list[float], digits: int = 2) -> None:
    print(f"{name:<52} {statistics.median(values):>8.{digits}f} {max(values):>8.{digits}f}", flush=True)


def main() -> int:
    arguments = argparse.ArgumentParser(description="What a request costs while the relay is flooded.")
    arguments.add_argument("--quick", action="store_true", help="once, to see that it works")
    chosen = arguments.parse_args()
    price = _price()
    mebibytes = 128 * 8 * 2**price.memory / 2**20
    print(f"{attempts(price)} attempts of {mebibytes:.0f} MiB on average; median, most")
    solving, checking = native(1 if chosen.quick else 20)
    _row("native core, s", solving)
    _row("relay's check, ms", [each * 1000 for each in checking])
    seconds, longest = asyncio.run(page(1 if chosen.quick else 10))
    _row(f"page at CPU / {SLOWER}, s", seconds)
    _row("its longest task meanwhile, ms", longest, 0)
    if chosen.quick:
        return 0
    core, hers = statistics.median(solving), statistics.median(seconds)
    return 0 if core >= GOAL_CORE_SECONDS and hers <= GOAL_PAGE_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
