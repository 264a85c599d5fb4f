"""Two programs on two made-up machines call each other directly, over a good wire and over a bad one."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest
from two_machines import two_machines

PARTY = Path(__file__).resolve().parents[2] / "calling_party.py"
SECONDS = 4
GOOD = ("pfifo", "limit", "1000")
BAD = ("netem", "loss", "15%", "delay", "300ms", "limit", "1000")


async def party(machine: str, leaf: int) -> Process:
    return await asyncio.create_subprocess_exec(
        "ip",
        "netns",
        "exec",
        machine,
        sys.executable,
        str(PARTY),
        str(leaf),
        str(SECONDS),
        stdin=PIPE,
        stdout=PIPE,
    )


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


@pytest.mark.parametrize(("discipline", "least"), [(GOOD, 0.85), (BAD, 0.7)], ids=["good", "loss-and-delay"])
async def test_voices_arrive(discipline: tuple[str, ...], least: float) -> None:
    """`least` is how much of what was said must be heard, where 15 % is lost and the rest 300 ms late."""
    with two_machines(discipline) as machines:
        first, second = [await party(machine, leaf) for leaf, machine in enumerate(machines)]
        try:
            async with asyncio.timeout(100):
                results = await asyncio.gather(converse(first, second), converse(second, first))
        finally:
            await asyncio.gather(ended(first), ended(second))
    for result in results:
        assert result["received"] / result["sent"] >= least
        assert result["hears"]
