"""What a call costs beside a plain PeerJS call, between two real pages of one Chromium, in one run.

    python benchmarks/calls.py [--quick]

    first picture, sound   from the tap that leads to the call (answering ours; calling with PeerJS, whose
                           other side answers by itself) until the other side's first picture is shown and
                           the first sound is played; opening devices is part of it in both
    signaling              from ringing until then: what both pages sent over their WebSockets; ours is
                           encrypted and padded. Ring, join, offer and answer are its four flights
    server                 processor time of the relay, or of the PeerJS server, for one call
    restart                from a change of network until sound and pictures take another way

Ours is measured twice: straight between the pages, as PeerJS does it, and through a TURN server, as it is in
use (left out where coturn is not installed). Both on one machine without added delay: ratios hold, absolute
figures are those of this machine. Without Debian's Chromium nothing is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from call_browsers import WATCH, Measured, Pair, TeduhPair, peerjs_pair, teduh_pair
from call_pages import call_browser
from playwright.async_api import Browser, BrowserContext
from real_browser import PATIENCE_MS, PROGRAM
from turn_server import turn_server

CALLS, QUICK_CALLS = 20, 1
OFTEN = {"fetches_per_minute": 1e6}
"""Nobody calls as often as a benchmark does."""
COLUMNS = "{:<34} {:>12} {:>12} {:>12} {:>8}"


@dataclass(slots=True)
class Figures:
    """Of one pair of pages."""

    calls: list[Measured] = field(default_factory=list)
    restarts: list[float] = field(default_factory=list)
    server_ms: float = 0

    def of(self, name: str) -> list[float]:
        """One figure of each call."""
        return [float(getattr(call, name)) for call in self.calls]


async def measured(pair: Pair, count: int) -> Figures:
    """So many calls, one after the other; one before them, so that everything is loaded."""
    await pair.measure()
    before = pair.processor_seconds()
    figures = Figures([await pair.measure() for _ in range(count)])
    figures.server_ms = 1000 * (pair.processor_seconds() - before) / count
    if isinstance(pair, TeduhPair):
        figures.restarts = [await pair.restart() for _ in range(max(1, count // 4))]
    return figures


async def visitor(browser: Browser) -> BrowserContext:
    context = await browser.new_context(locale="en", permissions=["camera", "microphone"])
    context.set_default_timeout(PATIENCE_MS)
    await context.add_init_script(WATCH)
    return context


async def run(count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with call_browser() as browser:
            people = [await visitor(browser) for _ in range(6)]
            free = {"allow_direct": True, **OFTEN}
            async with teduh_pair(people[0], people[1], folder / "direct", free) as ours:
                direct = await measured(ours, count)
            relayed = Figures()
            if shutil.which("turnserver") is not None:
                (folder / "turn").mkdir()
                with turn_server(folder / "turn", allow_loopback_peers=True) as turn:
                    bound = turn.calls(**OFTEN)
                    async with teduh_pair(people[2], people[3], folder / "relayed", bound) as ours:
                        relayed = await measured(ours, count)
            async with peerjs_pair(people[4], people[5]) as theirs:
                anchor = await measured(theirs, count)
    print_table(count, direct, relayed, anchor)


def print_table(count: int, direct: Figures, relayed: Figures, anchor: Figures) -> None:
    print(f"Calls between two pages of one Chromium, {count} of each kind. Ratios: ours, direct, to PeerJS.")
    print(COLUMNS.format("", "direct", "through TURN", "PeerJS", "ratio"))
    for what, name in (("first picture", "picture"), ("first sound", "sound")):
        for label, share in (("p50", 0.5), ("p95", 0.95)):
            values = [quantile(one.of(name), share) for one in (direct, relayed, anchor)]
            row(f"{what}, ms: {label}", *values)
    for what, name in (("signaling messages a call", "messages"), ("signaling bytes a call", "bytes")):
        values = [quantile(one.of(name), 0.5) for one in (direct, relayed, anchor)]
        row(what, *values)
    row("server, ms of processor a call", direct.server_ms, relayed.server_ms, anchor.server_ms)
    row("restart, ms: p50", quantile(direct.restarts, 0.5), quantile(relayed.restarts, 0.5))


def row(what: str, direct: float, relayed: float, anchor: float = 0) -> None:
    compared = ("", "") if anchor == 0 else (f"{anchor:,.1f}", f"{direct / anchor:.2f}")
    print(COLUMNS.format(what, f"{direct:,.1f}", f"{relayed:,.1f}", *compared))


def quantile(values: Sequence[float], share: float) -> float:
    """The value that so large a share does not exceed; 0 of none."""
    ordered = sorted(values) or [0.0]
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main() -> None:
    arguments = argparse.ArgumentParser(description="Measure calls.")
    arguments.add_argument("--quick", action="store_true", help="one call each, to see that it works")
    quick = arguments.parse_args().quick
    if not Path(PROGRAM).exists():
        print("Calls are not measured: there is no Chromium.")
        return
    try:
        asyncio.run(run(QUICK_CALLS if quick else CALLS))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
