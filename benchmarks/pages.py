"""How soon she can write, and be joined, on a poor phone; beside a bare page of equal weight.

    python benchmarks/pages.py [--quick]

    first load    what the browser transfers until she waits, by the DevTools protocol, headers included
    usable        from the beginning of the navigation until something is painted, Exit is there, a tap on
                  "Emergency" has shown a number to call, and the tap to somebody is answered, the rest of
                  the page being still on its way
    can write     from the beginning of the navigation until there is a field to write in, the tap included,
                  which a script makes as soon as there is something to tap
    join          from the moment at which a counselor accepts until her page names the counselor, verified
    longest task  the longest stretch between her tap and somebody's first message in which the page answers
                  to nothing; tasks of up to 50 ms are not told, and count as 0
    blocked       of all such tasks between the two, what each takes beyond 50 ms (total blocking time)
    exit          from the tap on Exit, in a conversation of a hundred messages, until the cover stands and no
                  word is in the page any more, by the page's clock (`tests/support/browsers/left_page.py`)

The profile is 400 kbit/s both ways and a processor four times slower, by the DevTools protocol, and 400 ms
from a question to its answer, by a slow line (`slow_line.py`), which the WebSocket goes through too. The
anchor is a static page of the same transferred bytes, whose script has nothing to do but to put up the field:
the least that any page of this weight could take. Each round opens both, with a fresh browser profile; the
medians are printed, each with its goal (120 KiB, 1.8 s until usable, 5 s to write, 3 s to join, no long task
and 200 ms blocked, 100 ms to leave) and whether it was kept. One that was not kept is the exit code 1; with
--quick only the weight decides that, for one round on a busy machine says nothing of seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from aiohttp import web
from goals import COLUMNS, Goal
from playwright.async_api import BrowserContext, ConsoleMessage, Page, expect
from slow_line import slow_line
from support.browsers.environment import HARMLESS_TITLE, RelayEnvironment, harmless_site, relay_environment
from support.browsers.left_page import NOTE_HOW_SOON, Left
from support.browsers.real_browser import PATIENCE_MS, chromium

ROUNDS: Final = 5
ONE_WAY_SECONDS, BYTES_PER_SECOND, SLOWER = 0.2, 400_000 / 8, 4
USABLE_GOAL, CAN_WRITE_GOAL, JOIN_GOAL, EXIT_GOAL = 1.8, 5.0, 3.0, 100.0
LONGEST_TASK_GOAL, BLOCKED_GOAL, NOT_LONG = 50.0, 200.0, 50.0
MESSAGES: Final = 100
FIRST_LOAD_GOAL: Final = 120 * 1024
WEIGHT: Final = "first load, bytes"
LONGEST_TASK: Final = "longest task until the first message, ms"

# Taps as soon as that is possible, and notes what comes of it, and when. It says so by itself, for whoever
# looks into a page gives it work that is not its own.
_WATCH: Final = """
window.noted = { tasks: [] }
const note = (what, when) => {
  if (noted[what] !== undefined) return
  noted[what] = when
  console.debug("noted " + what)
}
new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) noted.tasks.push({ startTime, duration })
}).observe({ type: "longtask", buffered: true })
new PerformanceObserver((list) => {
  for (const { name, startTime } of list.getEntries())
    if (name === "first-contentful-paint") note("painted", startTime)
}).observe({ type: "paint", buffered: true })
const tap = () => {
  const named = [".exit", ".emergency-button", ".foot .primary"].map((one) => document.querySelector(one))
  if (named.includes(null)) return
  const [, emergency, start] = named
  emergency.click()
  const hasNumbers = document.querySelector('#emergency a[href^="tel:"]') !== null
  emergency.click()
  start.click()
  if (hasNumbers && start.getAttribute("aria-busy") === "true") note("tapped", performance.now())
}
const look = () => {
  if (noted.tapped === undefined) tap()
  if (document.querySelector("textarea") !== null) note("canWrite", performance.now())
  if (document.querySelector(".place-now") !== null) note("waits", performance.now())
  if (document.querySelector(".room-names")?.textContent) note("joined", Date.now())
  if (document.querySelector(".message") !== null) note("heard", performance.now())
}
new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true })
"""
_BARE: Final = """<!doctype html><title>Notes</title><div id="page"></div>
<script type="application/json">{filler}</script>
<script>document.getElementById("page").append(document.createElement("textarea"))</script>"""


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit to her page: bytes, seconds, and milliseconds to leave."""

    transferred: int
    usable: float
    can_write: float
    join: float
    longest_task: float
    blocked: float
    exit: float


class Noted:
    """What a page says of itself."""

    def __init__(self, page: Page) -> None:
        self._said: dict[str, asyncio.Event] = {}
        page.on("console", self._hear)

    async def has(self, what: str) -> None:
        """Done once it has been said."""
        async with asyncio.timeout(PATIENCE_MS / 1000):
            await self._event(what).wait()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.text.startswith("noted "):
            self._event(message.text.removeprefix("noted ")).set()

    def _event(self, what: str) -> asyncio.Event:
        return self._said.setdefault(what, asyncio.Event())


async def slow_page(browser: BrowserContext) -> tuple[Page, list[int]]:
    """A tab on the slow phone, and what it transfers, request by request."""
    page = await browser.new_page()
    await page.add_init_script(_WATCH)
    await page.add_init_script(NOTE_HOW_SOON)
    session = await browser.new_cdp_session(page)
    transferred: list[int] = []
    session.on("Network.loadingFinished", lambda event: transferred.append(int(event["encodedDataLength"])))
    await session.send("Network.enable")
    await session.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 0,
            "downloadThroughput": BYTES_PER_SECOND,
            "uploadThroughput": BYTES_PER_SECOND,
        },
    )
    await session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    return page, transferred


async def visit(here: RelayEnvironment, url: str, browser: BrowserContext) -> Visit:
    """Open the page, ask, and be joined."""
    page, transferred = await slow_page(browser)
    noted_by = Noted(page)
    await page.goto(url)
    await noted_by.has("waits")
    first_load = sum(transferred)
    async with here.staff("Sari") as staff:
        request = await anext(staff.requests())
        begun = time.time()
        his = await request.accept()
        await noted_by.has("joined")
        await his.send("text 0")
        await noted_by.has("heard")
        noted = await page.evaluate("noted")
        tasks = [
            each["duration"]
            for each in noted["tasks"]
            if noted["tapped"] <= each["startTime"] + each["duration"] and each["startTime"] <= noted["heard"]
        ]
        for number in range(1, MESSAGES):
            await his.send(f"text {number}")
        await expect(page.locator(".message")).to_have_count(MESSAGES)
        left = Left(page)
        await page.locator(".exit").click()
        await expect(page).to_have_title(HARMLESS_TITLE)
    await page.close()
    return Visit(
        first_load,
        max(noted["tapped"], noted["painted"]) / 1000,
        noted["canWrite"] / 1000,
        noted["joined"] / 1000 - begun,
        max(tasks, default=0.0),
        sum(each - NOT_LONG for each in tasks),
        left.after_milliseconds,
    )


async def bare_visit(url: str, browser: BrowserContext) -> float:
    """Seconds until the bare page has its field."""
    page, _ = await slow_page(browser)
    await page.goto(url)
    seconds = float(await page.evaluate("noted.canWrite")) / 1000
    await page.close()
    return seconds


@asynccontextmanager
async def bare_page(weight: int) -> AsyncIterator[str]:
    """Serves a page of that many bytes that no compression makes smaller; its URL."""
    filler = secrets.token_urlsafe(weight)[: max(0, weight - len(_BARE) - 200)]
    body = _BARE.replace("{filler}", f'"{filler}"').encode()

    async def show(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="text/html", headers={"Cache-Control": "no-store"})

    application = web.Application()
    application.router.add_get("/", show)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def measure(rounds: int) -> tuple[list[Visit], list[float]]:
    """All visits of both pages, taking turns."""
    visits, bare = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with (
            harmless_site() as harmless,
            relay_environment(folder, f'exit_url = "{harmless}"') as here,
            slow_line(here.url, ONE_WAY_SECONDS) as hers,
        ):
            # The first of several only makes the relay compress its page, and the machine load what it needs.
            for number in range(0 if rounds > 1 else 1, rounds + 1):
                async with chromium(folder / f"profile-{number}", width=360, height=640) as browser:
                    seen = await visit(here, hers, browser)
                    async with (
                        bare_page(seen.transferred) as near,
                        slow_line(near, ONE_WAY_SECONDS) as url,
                    ):
                        alone = await bare_visit(url, browser)
                if number > 0:
                    visits.append(seen)
                    bare.append(alone)
    return visits, bare


def page_goals(visits: Sequence[Visit]) -> list[Goal]:
    """The medians beside what is promised (`SECURITY.md`) and wanted for such a phone."""

    def goal(name: str, figures: Iterable[float], bound: float) -> Goal:
        return Goal(name, statistics.median(figures), bound, at_least=False)

    return [
        goal(WEIGHT, (each.transferred for each in visits), FIRST_LOAD_GOAL),
        goal("usable, s", (each.usable for each in visits), USABLE_GOAL),
        goal("can write, s", (each.can_write for each in visits), CAN_WRITE_GOAL),
        goal("join after acceptance, s", (each.join for each in visits), JOIN_GOAL),
        goal(LONGEST_TASK, (each.longest_task for each in visits), LONGEST_TASK_GOAL),
        goal("blocked until the first message, ms", (each.blocked for each in visits), BLOCKED_GOAL),
        goal("quick exit, ms", (each.exit for each in visits), EXIT_GOAL),
    ]


def table(visits: Sequence[Visit], bare: Sequence[float]) -> str:
    """What is printed."""
    ratio = statistics.median(each.can_write / alone for each, alone in zip(visits, bare, strict=True))
    title = f"her page, 400 kbit/s, 400 ms, 4x slower, n={len(visits)}"
    return "\n".join(
        [
            COLUMNS.format(title, "goal", "measured", ""),
            *[goal.row() for goal in page_goals(visits)],
            COLUMNS.format(
                "bare page of equal weight, can write, s", "", f"{statistics.median(bare):.2f}", ""
            ),
            COLUMNS.format("can write, times the bare page", "", f"{ratio:.2f}", ""),
        ]
    )


def exit_code(visits: Sequence[Visit], *, is_quick: bool) -> int:
    """1 if a goal was not kept that may decide."""
    may_decide = [goal for goal in page_goals(visits) if goal.name == WEIGHT or not is_quick]
    return int(not all(goal.kept for goal in may_decide))


def main() -> int:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description="Measure her page on a poor phone.")
    arguments.add_argument("--quick", action="store_true", help="one round, to see that it works")
    is_quick = arguments.parse_args().quick
    # The relay in this process has a log of its own, which is no figure.
    with redirect_stdout(sys.stderr):
        visits, bare = asyncio.run(measure(1 if is_quick else ROUNDS))
    print(table(visits, bare))
    return exit_code(visits, is_quick=is_quick)


if __name__ == "__main__":
    sys.exit(main())
