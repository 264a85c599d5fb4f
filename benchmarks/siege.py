"""How long somebody waits for a counselor while somebody else floods the queue.

    python benchmarks/siege.py [--quick] [--priced SECONDS]

    fakes              requests of a process of its own (`siege_fakes.py`), all there first, half of them
                       emergencies, from 1, 25, 200 or 1,000 addresses of loopback. Nothing costs anything,
                       and no address is held up as it connects: the worst that can come in. With --priced
                       the same with the relay's default prices, for so long on one core
    survivors          come when all fakes are there, each from an address of her own
    counselors         three, who take what comes next (or is offered), and report a fake after one second
    conversations      that went on before, in which something is said all the time

Prints for each how many fakes waited (a relay holds 256 KiB of one source, so that of thousands from one
address it takes in the first hundred and some), how many requests were before hers when she came, when a
counselor was with her, how long after a report the last request of that source was out, and how long what was
said meanwhile took to arrive, from when it was to be said. The exit code is 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from conversations import StaffDevice
from relay import progress, raise_file_limit
from relays import TeduhRelay
from siege_fakes import FAKE
from teduh_signaling.relay.codec import decode_relay_frame, encode
from teduh_signaling.relay.frames import (
    MAX_FRAME_BYTES,
    SUBPROTOCOL,
    Accepted,
    AnswerOffer,
    AnyClientFrame,
    AnyRelayFrame,
    Append,
    Authenticated,
    Availability,
    Claim,
    Claimed,
    Done,
    Entry,
    Error,
    ErrorCode,
    Hello,
    Leave,
    Offer,
    OpenRequest,
    ReportAbuse,
    RequestOpened,
    SetAvailability,
)
from teduh_signaling.relay.proof_of_work import solve

REPORT_SECONDS = 1.0
COUNSELORS = 3
TALKS = 5
SAID_EACH = 4.0
"""Messages a second in each conversation."""
TALK_GOAL_MS = 100.0
OUT_GOAL_SECONDS = 1.0
LONGEST = 420.0
"""Seconds after which a run is given up."""
COLUMNS = "{:<24} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}"


@dataclass(frozen=True, slots=True)
class Siege:
    """One run."""

    sources: int
    each: int
    goal_seconds: float | None
    """For the ninety-ninth percentile; None: she is never refused, and stands behind one of each source."""


FULL = (Siege(1, 10_000, 10), Siege(25, 400, 10), Siege(200, 50, 75), Siege(1000, 10, None))
QUICK = (Siege(1, 20, None), Siege(4, 5, None))
SURVIVORS, QUICK_SURVIVORS = 20, 2


@dataclass(slots=True)
class Outcome:
    waited: list[float] = field(default_factory=list)
    before_her: list[int] = field(default_factory=list)
    refused: int = 0
    paid: list[float] = field(default_factory=list)
    said_ms: list[float] = field(default_factory=list)
    reported: dict[int, float] = field(default_factory=dict)
    """When a source was reported first; monotonic."""
    out: list[float] = field(default_factory=list)
    """How many seconds later the last of its requests was out; infinite where not all were."""
    lost: int = 0
    """Of the running conversations, those that were cut or in which something was refused."""


class Client:
    """One connection; frames that nobody waits for are dropped."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, frame: AnyClientFrame) -> None:
        await self._socket.send_bytes(encode(frame))

    async def next(self, *wanted: type[AnyRelayFrame]) -> AnyRelayFrame:
        """The next frame of one of these kinds; raises ConnectionError when the relay has hung up."""
        while True:
            message = await self._socket.receive()
            if message.type is not aiohttp.WSMsgType.BINARY:
                raise ConnectionError("the relay hung up")
            frame = decode_relay_frame(message.data)
            if isinstance(frame, wanted):
                return frame


@asynccontextmanager
async def connected(port: int, address: str = "127.0.0.1") -> AsyncIterator[tuple[Client, Hello]]:
    """From an address of loopback."""
    connector = aiohttp.TCPConnector(local_addr=(address, 0))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.ws_connect(
            f"http://127.0.0.1:{port}/v1/socket", protocols=(SUBPROTOCOL,), max_msg_size=MAX_FRAME_BYTES + 1
        ) as socket,
    ):
        client = Client(socket)
        hello = await client.next(Hello)
        assert isinstance(hello, Hello)
        yield client, hello


async def _sign_in(client: Client, hello: Hello, device: StaffDevice) -> None:
    await client.send(device.authenticate(hello))
    await client.next(Authenticated)


async def _begin(client: Client, conversation_id: bytes) -> None:
    """The first commit, by which a survivor has a counselor."""
    await client.send(Append(conversation_id, 1, 1, 0, secrets.token_bytes(2000), secrets.token_bytes(4000)))
    await client.next(Accepted)


async def _counsel(port: int, device: StaffDevice, outcome: Outcome, *, is_offered: bool) -> None:
    async with connected(port) as (client, hello):
        await _sign_in(client, hello, device)
        while True:
            claimed = await (_offered(client) if is_offered else _next_waiting(client))
            await _begin(client, claimed.conversation_id)
            if claimed.key_package.startswith(FAKE):
                await asyncio.sleep(REPORT_SECONDS)
                outcome.reported.setdefault(int(claimed.key_package.removeprefix(FAKE)), time.monotonic())
                await client.send(ReportAbuse(5, claimed.conversation_id))
                await client.next(Done)
                await client.send(Leave(6, claimed.conversation_id))
                await client.next(Done, Error)


async def _next_waiting(client: Client) -> Claimed:
    while True:
        await client.send(Claim(3))
        answer = await client.next(Claimed, Error)
        if isinstance(answer, Claimed):
            return answer
        await asyncio.sleep(0.05)


async def _offered(client: Client) -> Claimed:
    await client.send(SetAvailability(3, Availability.AVAILABLE, 1))
    while True:
        offer = await client.next(Offer)
        assert isinstance(offer, Offer)
        await client.send(AnswerOffer(4, offer.conversation_id, True))
        answer = await client.next(Claimed, Error)
        if isinstance(answer, Claimed):
            return answer


async def _survive(port: int, number: int, outcome: Outcome) -> None:
    begun = time.monotonic()
    async with connected(port, f"127.9.0.{number + 1}") as (client, _):
        opened = await _ask(client, outcome)
        if opened is None:
            return
        outcome.before_her.append(max(0, opened.position - 1))
        await client.next(Entry)
        outcome.waited.append(time.monotonic() - begun)


async def _ask(client: Client, outcome: Outcome) -> RequestOpened | None:
    capability, proof = secrets.token_bytes(32), b""
    while True:
        await client.send(OpenRequest(1, capability, b"hers", proof_of_work=proof))
        answer = await client.next(RequestOpened, Error)
        if isinstance(answer, RequestOpened):
            return answer
        assert isinstance(answer, Error)
        if answer.code is not ErrorCode.PROOF_OF_WORK_REQUIRED or answer.price is None:
            outcome.refused += 1
            return None
        begun = time.monotonic()
        proof = await asyncio.to_thread(solve, answer.price)
        outcome.paid.append(time.monotonic() - begun)


async def _talk(
    port: int,
    device: StaffDevice,
    number: int,
    outcome: Outcome,
    begun: asyncio.Event,
    *,
    is_offered: bool,
) -> None:
    """Something is said all the time, and each waits until the other has it."""
    address = f"127.8.0.{number + 1}"
    async with connected(port, address) as (survivor, _), connected(port) as (staff, hello):
        await _sign_in(staff, hello, device)
        await survivor.send(OpenRequest(1, secrets.token_bytes(32), b"talks"))
        opened = await survivor.next(RequestOpened)
        assert isinstance(opened, RequestOpened)
        conversation_id = opened.conversation_id
        await (_offered(staff) if is_offered else _next_waiting(staff))
        await _begin(staff, conversation_id)
        await survivor.next(Entry)
        await survivor.next(Entry)
        begun.set()
        await _say(survivor, staff, conversation_id, outcome)


async def _say(survivor: Client, staff: Client, conversation_id: bytes, outcome: Outcome) -> None:
    """What comes late makes what is said next no later: its time counts from when it was to be said."""
    due, counter = time.monotonic(), 0
    while True:
        due += 1 / SAID_EACH
        await asyncio.sleep(due - time.monotonic())
        counter += 1
        append = Append(conversation_id, counter, 0, 1, secrets.token_bytes(1024))
        try:
            await survivor.send(append)
            answer = await survivor.next(Accepted, Error)
            if isinstance(answer, Accepted):
                await staff.next(Entry)
        except ConnectionError:
            answer = None
        finally:
            # Also of what has not arrived when the run ends.
            outcome.said_ms.append((time.monotonic() - due) * 1000)
        if not isinstance(answer, Accepted):
            outcome.lost += 1
            return


async def _run(siege: Siege, mode: str, survivors: int, priced: float | None) -> tuple[Outcome, int, float]:
    """What came of it, how many fakes waited, and how many seconds they took to come in."""
    settings: dict[str, object] = {"routing.mode": mode}
    if priced is not None:
        settings |= {"free_requests": 3, "calm_waiting": 30, "waiting_requests": 10_000}
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            relay = stack.enter_context(TeduhRelay(None, Path(folder), **settings))
            talking = await _begin_talks(relay, outcome, is_offered=mode == "offer")
            fakes, waiting, seconds = await _let_in(relay.port, siege, priced)
            outcome.said_ms.clear()
            is_offered = mode == "offer"
            counselors = [
                asyncio.create_task(_counsel(relay.port, relay.device(), outcome, is_offered=is_offered))
                for _ in range(COUNSELORS)
            ]
            try:
                async with asyncio.timeout(LONGEST):
                    coming = (_survive(relay.port, number, outcome) for number in range(survivors))
                    await asyncio.gather(*coming)
            except TimeoutError:
                progress(f"given up after {LONGEST:.0f} s: {len(outcome.waited)} of {survivors} were helped")
            for task in (*counselors, *talking):
                task.cancel()
            await asyncio.gather(*counselors, *talking, return_exceptions=True)
            # What was reported last may still be on its way out.
            await asyncio.sleep(2 * OUT_GOAL_SECONDS)
            await _dismiss(fakes, outcome)
    return outcome, waiting, seconds


async def _dismiss(fakes: asyncio.subprocess.Process, outcome: Outcome) -> None:
    """Let the fakes end, and hear what became of the reported ones."""
    told, _ = await fakes.communicate(b"")
    for line in told.decode().splitlines():
        source, still_there, last_out = line.split()
        reported = outcome.reported.get(int(source))
        if reported is not None:
            # Those that counselors have taken are not taken out.
            is_out = int(still_there) <= COUNSELORS
            outcome.out.append(max(0.0, float(last_out) - reported) if is_out else math.inf)


async def _begin_talks(relay: TeduhRelay, outcome: Outcome, *, is_offered: bool) -> list[asyncio.Task[None]]:
    talking = []
    for number in range(TALKS):
        begun = asyncio.Event()
        talk = _talk(relay.port, relay.device(), number, outcome, begun, is_offered=is_offered)
        talking.append(asyncio.create_task(talk))
        await begun.wait()
    return talking


async def _let_in(
    port: int, siege: Siege, priced: float | None
) -> tuple[asyncio.subprocess.Process, int, float]:
    begun = time.monotonic()
    seconds = 600.0 if priced is None else priced
    program = Path(__file__).with_name("siege_fakes.py")
    arguments = (str(program), str(port), str(siege.sources), str(siege.each), str(seconds))
    fakes = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert fakes.stdout is not None
    waiting, _ = (await fakes.stdout.readline()).split()
    return fakes, int(waiting), time.monotonic() - begun


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest rank; nan of nothing."""
    return sorted(values)[max(0, round(len(values) * share) - 1)] if values else float("nan")


def _report(
    siege: Siege,
    mode: str,
    survivors: int,
    result: tuple[Outcome, int, float],
    *,
    is_priced: bool,
    is_quick: bool,
) -> bool:
    """Print one row; whether the goals are kept."""
    outcome, waiting, seconds = result
    waited, said = percentile(outcome.waited, 0.99), percentile(outcome.said_ms, 0.99)
    out = max(outcome.out, default=math.nan)
    most_before = max(outcome.before_her, default=-1)
    name = f"{mode}, {siege.sources} x {siege.each}"
    print(
        COLUMNS.format(
            name,
            f"{waiting}",
            f"{seconds:.0f}",
            f"{most_before}",
            f"{percentile(outcome.waited, 0.5):.1f}",
            f"{waited:.1f}",
            f"{percentile(outcome.paid, 0.5):.2f}" if outcome.paid else "-",
            f"{out:.2f}",
            f"{said:.0f}",
        ),
        flush=True,
    )
    is_kept = len(outcome.waited) == survivors and outcome.refused == outcome.lost == 0
    # Of her neighbours in this run each is a source, too.
    is_kept &= most_before <= siege.sources + survivors - 1
    # Else it was no siege; whoever pays may not have come so far.
    is_kept &= is_priced or waiting >= siege.sources
    if siege.goal_seconds is not None:
        is_kept &= waited <= siege.goal_seconds
    # In the moment that a tiny run takes, nothing may have been said or reported.
    return is_kept and (is_quick or (said <= TALK_GOAL_MS and out <= OUT_GOAL_SECONDS))


def main() -> int:
    arguments = argparse.ArgumentParser(description="How long somebody waits during a siege.")
    arguments.add_argument("--quick", action="store_true", help="tiny numbers, to see that it works")
    arguments.add_argument(
        "--priced", metavar="SECONDS", type=float, help="with the relay's prices, for so long"
    )
    arguments.add_argument("--sources", type=int, nargs="+", help="not all of them")
    arguments.add_argument("--modes", nargs="+", choices=("claim", "offer"), default=("claim", "offer"))
    chosen = arguments.parse_args()
    raise_file_limit(20_000)
    survivors = QUICK_SURVIVORS if chosen.quick else SURVIVORS
    sieges = [
        each
        for each in (QUICK if chosen.quick else FULL)
        if not chosen.sources or each.sources in chosen.sources
    ]
    heads = ("waiting", "after s", "before", "p50 s", "p99 s", "work s", "out s", "said p99")
    print(COLUMNS.format("mode, addresses x each", *heads))
    kept = True
    for mode in chosen.modes:
        for siege in sieges:
            result = asyncio.run(_run(siege, mode, survivors, chosen.priced))
            is_priced = chosen.priced is not None
            kept &= _report(siege, mode, survivors, result, is_priced=is_priced, is_quick=chosen.quick)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
