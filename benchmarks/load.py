"""The load generator's handle: compiles the C program once, hands connections over, asks for runs.

Python: set up, hand over ──► C: send, receive, time ──► one line of JSON per run
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import msgspec

SOURCE = Path(__file__).parent / "load_generator" / "load_generator.c"

Mode = Literal["durable", "ephemeral", "bare", "text"]
Kind = Literal["teduh", "bare", "mqtt"]
"""What the generator must know of a protocol beside messages: ours has pings, MQTT acknowledgements."""

MESSAGE_BYTES = 300


@dataclass(frozen=True, slots=True)
class Connected:
    """An open connection to hand over: its socket, and where its member stands in the conversation."""

    descriptor: int
    conversation_id: bytes = bytes(16)
    epoch: int = 0
    counter: int = 0


@dataclass(frozen=True, slots=True)
class TextPeer:
    """An open connection to another server: what stands before and behind the text of a message there."""

    descriptor: int
    before: bytes
    behind: bytes


RANDOM_DIGITS = "RANDOM-16-DIGITS"
"""Stands in a log-in for a name that nobody else has."""


@dataclass(frozen=True, slots=True)
class LogIn:
    """How a client of another server begins: its path, what it waits for (nothing: at once) and says then.

    The last turn only waits.
    """

    path: str
    subprotocol: str
    turns: Sequence[tuple[bytes, bytes]]


class RunResult(msgspec.Struct, frozen=True):
    """One run of open-loop load. Times in milliseconds, from the intended time of sending to delivery."""

    sent: int
    received: int
    from_before: int
    """What earlier runs had sent and not seen arrive: each run takes only its own for received."""
    accepted: int
    errors: int
    closed: int
    first_error: str
    p50_ms: float
    p99_ms: float
    max_ms: float
    late_p99_ms: float
    """How late the generator itself was in sending: the part of the latency that is not the relay's."""
    generator_cpu: float
    """Share of one core that the generator used; near 1 it was the bottleneck."""
    overloaded: bool

    @property
    def complete(self) -> bool:
        """Whether everything sent arrived, and nothing was refused."""
        return not (self.overloaded or self.errors or self.closed) and self.received == self.sent


class SetUpResult(msgspec.Struct, frozen=True):
    """One storm of new connections, each up to the answer to its first frame."""

    finished: int
    closed: int
    errors: int
    first_error: str
    seconds: float
    generator_cpu: float

    @property
    def per_second(self) -> float:
        return self.finished / self.seconds


def compile_generator(folder: Path) -> Path:
    """The program, compiled into `folder`. Raises FileNotFoundError without a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise FileNotFoundError("the relay benchmark needs a C compiler (cc, gcc or clang)")
    program = folder / "load_generator"
    subprocess.run([compiler, "-O2", "-std=c11", "-o", str(program), str(SOURCE), "-lm"], check=True)
    return program


class LoadGenerator:
    """A running generator that owns the given connections. A context manager: leaving it ends the program."""

    def __init__(
        self,
        program: Path,
        kind: Kind,
        connections: Sequence[Connected | TextPeer],
        core: int | None,
    ) -> None:
        command = [str(program), kind, str(len(connections))]
        self._process = subprocess.Popen(
            command if core is None else ["taskset", "-c", str(core), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[connection.descriptor for connection in connections],
            text=True,
        )
        self._write(_handing_over(each) for each in connections)

    def run(self, mode: Mode, rate: float, seconds: float, size: int) -> RunResult:
        """`rate` messages a second over all connections, for `seconds`, each of `size` bytes."""
        self._write([f"run {mode} {rate} {seconds} {size}"])
        return msgspec.json.decode(self._read(), type=RunResult)

    def set_ups(
        self,
        port: int,
        frame: bytes,
        *,
        count: int,
        parallel: int,
        subprotocol: str,
        answer_tag: int = 0,
        random_at: int = 0,
    ) -> SetUpResult:
        """Open `count` connections, send `frame` on each, and wait for the answer with `answer_tag` (0: any).

        32 fresh random bytes go into the frame at `random_at`, unless that is 0.
        """
        fields = (port, count, parallel, answer_tag, random_at, "/v1/socket", subprotocol, frame.hex())
        return self._storm("setups", fields)

    def log_ins(self, port: int, log_in: LogIn, *, count: int, parallel: int) -> SetUpResult:
        """Open `count` connections and log in on each."""
        turns = ",".join(f"{wanted.hex()}:{said.hex()}" for wanted, said in log_in.turns)
        return self._storm("logins", (port, count, parallel, log_in.path, log_in.subprotocol or "-", turns))

    def _storm(self, word: str, fields: Sequence[object]) -> SetUpResult:
        self._write([f"{word} {' '.join(str(field) for field in fields)}"])
        return msgspec.json.decode(self._read(), type=SetUpResult)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=30)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _write(self, lines: Iterable[str]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f"{line}\n" for line in lines))
        self._process.stdin.flush()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the load generator ended with {self._process.wait()}")
        return line


def _handing_over(connection: Connected | TextPeer) -> str:
    if isinstance(connection, TextPeer):
        before, behind = connection.before.hex(), connection.behind.hex()
        return f"peer {connection.descriptor} {before} {behind}"
    where = f"{connection.conversation_id.hex()} {connection.epoch} {connection.counter}"
    return f"connection {connection.descriptor} {where}"


def cores() -> tuple[int | None, int | None]:
    """The core for the relay and its Valkey, and the generator's; with a single core nothing is pinned.

    The generator has the first, which is the one that the devices of a machine interrupt.
    """
    available = sorted(os.sched_getaffinity(0))
    return (available[1], available[0]) if len(available) > 1 else (None, None)


def third_core() -> int | None:
    """One that is neither the relay's nor the generator's, if there is one."""
    return next(iter(sorted(os.sched_getaffinity(0))[2:]), None)
