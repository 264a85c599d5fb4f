"""What a call costs beside a plain PeerJS call, between two real pages of one Chromium, in one run.

    python benchmarks/calls.py [--quick]

    first picture, sound   from the caller's tap until the other side's first picture is shown to the caller,
                           and the first sound is played; and from the answer on. The other side answers by
                           itself as soon as it rings, as PeerJS's does. All have allowed their devices,
                           and open camera and microphone within the time measured
    signaling              what both pages sent over their WebSockets until then; ours is encrypted, padded.
                           A flight is what one side sends before the other's next turn, messages of the log
                           alone: Ring, Join, offer, answer. And for a whole call: its heartbeats and its end
    server                 processor time of the relay, or of the PeerJS server, for one call
    restart                from a change of network, of which the browser tells, until sound and pictures take
                           another way; PeerJS has none
    quick exit             from her tap, in a call, until her microphone and camera are off; once

Both are measured twice: straight between the pages, and through a TURN server, as ours is in use (those
columns are left out where coturn is not installed). The four take turns, call by call, so that what else the
machine does weighs on all. One machine without added delay: ratios hold, absolute figures are those of this
machine. Without Debian's Chromium nothing is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from call_browsers import WATCH, Measured, Pair, TeduhPair, peerjs_pair, teduh_pair
from playwright.async_api import Browser, BrowserContext
from support.browsers.call_pages import call_browser
from support.browsers.real_browser import PATIENCE_MS
from support.calls.turn_server import TurnServer, turn_server
from support.programs import PROGRAMS

CALLS, QUICK_CALLS = 20, 1
LASTING_SECONDS, QUICK_LASTING_SECONDS = 30.0, 6.0
"""Of the one call whose bytes are counted until its end; a heartbeat comes every five seconds."""
RESTARTS, QUICK_RESTARTS = 10, 1
GOAL_MS, GOAL_FLIGHTS, GOAL_EXIT_MS = 1000.0, 4, 100.0
GOAL_RATIO = 1.3
"""Of our median to that of PeerJS on the same way."""
DIRECT, TURN, PEERJS, PEERJS_TURN = "direct", "through TURN", "PeerJS", "PeerJS, TURN"
SAME_WAY = {DIRECT: PEERJS, TURN: PEERJS_TURN}
MEDIA = (
    ("first picture", "picture"),
    ("first sound", "sound"),
    ("first picture after the answer", "picture_after_answer"),
    ("first sound after the answer", "sound_after_answer"),
)
SIGNALING = (
    ("signaling flights a call", "flights"),
    ("signaling messages a call", "messages"),
    ("signaling bytes until connected", "bytes"),
)


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to measure of each kind."""

    calls: int
    restarts: int
    lasting_seconds: float


FULL = Effort(CALLS, RESTARTS, LASTING_SECONDS)
QUICK = Effort(QUICK_CALLS, QUICK_RESTARTS, QUICK_LASTING_SECONDS)


@dataclass(slots=True)
class Figures:
    """Of one pair of pages."""

    calls: list[Measured]
    server_ms: float = 0.0
    lasting_bytes: float = math.nan
    restarts: list[float] = field(default_factory=list)
    exit_ms: float = math.nan

    def of(self, name: str) -> list[float]:
        """One figure of each call."""
        return [float(getattr(call, name)) for call in self.calls]

    def worst(self) -> float:
        """Milliseconds from the tap: what 95 % of the calls stay within, for pictures and for sound."""
        return max(quantile(self.of(name), 0.95) for name in ("picture", "sound"))


async def measured(pairs: dict[str, Pair], effort: Effort) -> dict[str, Figures]:
    """So many calls of each, by turns; one of each before them, so that everything is loaded."""
    for pair in pairs.values():
        await pair.measure()
    found = {name: Figures([]) for name in pairs}
    for _ in range(effort.calls):
        for name, pair in pairs.items():
            before = pair.processor_seconds()
            found[name].calls.append(await pair.measure())
            found[name].server_ms += 1000 * (pair.processor_seconds() - before) / effort.calls
    for name, pair in pairs.items():
        found[name].lasting_bytes = await pair.bytes_of_a_call(effort.lasting_seconds)
        if isinstance(pair, TeduhPair):
            found[name].restarts = [await pair.restart() for _ in range(effort.restarts)]
            found[name].exit_ms = await pair.exit()
    return found


async def visitor(browser: Browser) -> BrowserContext:
    context = await browser.new_context(locale="en", permissions=["camera", "microphone"])
    context.set_default_timeout(PATIENCE_MS)
    await context.add_init_script(WATCH)
    return context


async def run(effort: Effort) -> dict[str, Figures]:
    """By the names of the columns."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        browser = await stack.enter_async_context(call_browser())

        async def two() -> tuple[BrowserContext, BrowserContext]:
            return await visitor(browser), await visitor(browser)

        async def ours(name: str, calls: dict[str, Any]) -> Pair:
            return await stack.enter_async_context(teduh_pair(*await two(), folder / name, calls))

        async def theirs(turn: TurnServer | None = None) -> Pair:
            return await stack.enter_async_context(peerjs_pair(*await two(), turn))

        pairs = {DIRECT: await ours("direct", {"allow_direct": True})}
        if PROGRAMS["turnserver"].path is not None:
            (folder / "turn").mkdir()
            turn = stack.enter_context(turn_server(folder / "turn", allow_loopback_peers=True))
            pairs[TURN] = await ours("relayed", turn.calls())
            pairs[PEERJS_TURN] = await theirs(turn)
        pairs[PEERJS] = await theirs()
        return await measured(pairs, effort)


def print_table(effort: Effort, found: dict[str, Figures]) -> None:
    print(f"Calls between two pages of one Chromium, {effort.calls} of each kind. Ratio: direct to PeerJS.")
    if TURN not in found:
        print("Calls through TURN are not measured: there is no coturn.")
    print(line("", [*found, "ratio"]))
    for what, name in MEDIA:
        for label, share in (("p50", 0.5), ("p95", 0.95)):
            row(f"{what}, ms: {label}", [quantile(one.of(name), share) for one in found.values()])
    for what, name in SIGNALING:
        row(what, [quantile(one.of(name), 0.5) for one in found.values()])
    row(f"signaling bytes of {effort.lasting_seconds:.0f} s", [one.lasting_bytes for one in found.values()])
    row("server, ms of processor a call", [one.server_ms for one in found.values()])
    ours = [one for name, one in found.items() if name in SAME_WAY]
    for label, share in (("p50", 0.5), ("p95", 0.95)):
        print(line(f"restart, ms: {label}", [f"{quantile(one.restarts, share):,.1f}" for one in ours]))
    print(line("quick exit, ms", [f"{one.exit_ms:,.1f}" for one in ours]))
    for name, anchor in SAME_WAY.items():
        if name in found:
            print_goals(name, found[name], found[anchor])


def print_goals(name: str, figures: Figures, anchor: Figures) -> None:
    """What was to be reached, and whether it was."""
    worst, flights = figures.worst(), max(figures.of("flights"))
    for what in ("picture", "sound"):
        ratio = quantile(figures.of(what), 0.5) / quantile(anchor.of(what), 0.5)
        word = "kept" if ratio <= GOAL_RATIO else "NOT KEPT"
        print(f"goal, {name}: first {what} (p50) within {GOAL_RATIO} times PeerJS's: {word} with {ratio:.2f}")
    for what, value, limit in (
        ("ms to picture and sound (p95)", worst, GOAL_MS),
        ("signaling flights (most)", flights, GOAL_FLIGHTS),
        ("ms until all is off at quick exit", figures.exit_ms, GOAL_EXIT_MS),
    ):
        word = "kept" if value <= limit else "NOT KEPT"
        print(f"goal, {name}: at most {limit:,.0f} {what}: {word} with {value:,.0f}")


def row(what: str, values: Sequence[float]) -> None:
    """The first value is ours on the straight way, the last the anchor's."""
    print(line(what, [*(f"{value:,.1f}" for value in values), f"{values[0] / values[-1]:.2f}"]))


def line(what: str, cells: Sequence[str]) -> str:
    return f"{what:<40}" + "".join(f"{cell:>14}" for cell in cells)


def quantile(values: Sequence[float], share: float) -> float:
    """The value that so large a share does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def main() -> None:
    arguments = argparse.ArgumentParser(description="Measure calls.")
    arguments.add_argument("--quick", action="store_true", help="one call each, to see that it works")
    effort = QUICK if arguments.parse_args().quick else FULL
    if PROGRAMS["chromium"].path is None:
        print("Calls are not measured: there is no Chromium.")
        return
    try:
        print_table(effort, asyncio.run(run(effort)))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
