"""Two programs on two made-up machines call each other directly, over a good wire and over a bad one."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from pathlib import Path

import pytest
from support.calls.two_machines import ADDRESSES, two_machines

TESTS = Path(__file__).resolve().parents[2]
SECONDS = 4
LOSS, DELAY = 0.15, 0.3
# How long it takes the other machine to refuse a connection: there and back, or more if a packet was lost.
PROBE = f"""
import socket, time
began = time.monotonic()
try:
    socket.create_connection(({ADDRESSES[1]!r}, 9))
except ConnectionRefusedError:
    print(time.monotonic() - began)
"""


async def party(machine: str, leaf: int) -> Process:
    return await on(machine, "-m", "support.calls.calling_party", str(leaf), str(SECONDS))


async def on(machine: str, *arguments: str) -> Process:
    """A Python program on that machine."""
    command = ("ip", "netns", "exec", machine, sys.executable, *arguments)
    return await asyncio.create_subprocess_exec(*command, cwd=TESTS, stdin=PIPE, stdout=PIPE)


async def round_trip(machine: str) -> float:
    """Seconds to the second machine and back."""
    output, _ = await (await on(machine, "-c", PROBE)).communicate()
    return float(output)


async def converse(said: Process, hears: Process) -> dict[str, float]:
    """Carry what one says to the other until it has measured; returns what it has."""
    assert said.stdout is not None
    assert hears.stdin is not None
    while line := await said.stdout.readline():
        if line.startswith(b"="):
            result: dict[str, float] = json.loads(line[1:])
            return result
        hears.stdin.write(line)
    raise AssertionError("the party ended before it had measured")


async def ended(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.communicate()


@pytest.mark.parametrize(
    ("loss", "delay", "least"), [(0.0, 0.0, 0.85), (LOSS, DELAY, 0.7)], ids=["good", "loss-and-delay"]
)
async def test_voices_arrive(
    loss: float, delay: float, least: float, record_property: Callable[[str, object], None]
) -> None:
    """`least` is how much of what was said must be heard, where 15 % is lost and the rest 300 ms late."""
    with two_machines(loss=loss, delay=delay) as machines:
        record_property("wire", machines.means)
        assert await round_trip(machines.names[0]) > 2 * delay
        first, second = [await party(machine, leaf) for leaf, machine in enumerate(machines.names)]
        try:
            async with asyncio.timeout(100):
                results = await asyncio.gather(converse(first, second), converse(second, first))
        finally:
            await asyncio.gather(ended(first), ended(second))
    print(f"the wire was bad by {machines.means}" if loss else "the wire was good", results)
    for result in results:
        assert result["received"] / result["sent"] >= least
        assert result["hears"]
    if machines.tun is not None:
        assert machines.tun.lost / (machines.tun.lost + machines.tun.passed) > loss * 0.6
