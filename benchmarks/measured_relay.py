"""A relay under measurement: a process of its own, pinned to a core, with what belongs to it.

    core 1: the relay with all of its processes, and its store if it has one        core 0: the load generator

Only the one that is being measured has anything to do: the others are halted, where many are measured in one
run. They would need little of the core, but now and then, in a latency of some tenths of a millisecond.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import ClassVar, Self

import psutil
from conversations import Pair
from load import Kind, LoadGenerator, Mode, SetUpResult

START_SECONDS = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
            # Nobody listens on a free port, but a probe that is given the same one connects to itself.
            return bool(probe.getsockname() != probe.getpeername())
    except OSError:
        return False


class Relay(ABC):
    """One relay process and what belongs to it. A context manager: leaving it ends the process."""

    name: ClassVar[str]
    kind: ClassVar[Kind]
    mode: ClassVar[Mode]
    """How messages are usually sent."""
    modes: ClassVar[Sequence[Mode]]
    """All ways whose highest rate is looked for."""
    subprotocol: ClassVar[str]

    def __init__(self, core: int | None, *more_cores: int) -> None:
        self.port = free_port()
        self._is_halted = False
        command = self._command()
        cores = ",".join(str(each) for each in (core, *more_cores))
        self._process = subprocess.Popen(
            command if core is None else ["taskset", "-c", cores, *command],
            env=self._environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # A group in which something is halted gets SIGHUP when the shell that began it ends.
            start_new_session=True,
        )
        self._wait_until_it_listens()

    @property
    def pid(self) -> int:
        return self._process.pid

    @classmethod
    def missing(cls) -> str | None:
        """What is not installed; None if it can be measured."""
        return None

    @abstractmethod
    def _command(self) -> Sequence[str]: ...

    def _environment(self) -> dict[str, str]:
        return dict(os.environ)

    @abstractmethod
    def pair(self) -> Pair:
        """Two connections that talk with each other."""

    @abstractmethod
    def set_ups(self, generator: LoadGenerator, count: int, parallel: int) -> SetUpResult:
        """So many new connections, each up to where its client may begin to talk."""

    def memory(self) -> dict[str, int]:
        """Bytes that each of the relay's processes has to itself (proportional set size), by role."""
        return {"relay": proportional_set_size(self._process.pid)}

    def processor_seconds(self) -> float:
        """CPU time used so far by all processes of the relay."""
        return processor_seconds(self._process.pid)

    def store_seconds(self) -> float:
        """The part of it that its store used; 0 for a relay that has none."""
        return 0.0

    def halt(self) -> None:
        """Stop all of its processes until `awake`."""
        self._is_halted = True
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.suspend()

    @contextmanager
    def awake(self, waking_seconds: float) -> Iterator[None]:
        """Let it run for as long as it is measured, if it is halted otherwise; after so many seconds whatever
        was due meanwhile is done.
        """
        if not self._is_halted:
            yield
            return
        self._go_on()
        time.sleep(waking_seconds)
        try:
            yield
        finally:
            self.halt()

    def _go_on(self) -> None:
        self._is_halted = False
        # A store before those who ask it.
        for process in reversed(self._processes()):
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def _processes(self) -> list[psutil.Process]:
        """All of them, each behind whoever has started it."""
        if self._process.poll() is not None:
            return []
        own = psutil.Process(self._process.pid)
        return [own, *own.children(recursive=True)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._go_on()
        self._process.terminate()
        self._process.wait(timeout=START_SECONDS)

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"the {self.name} ended with {self._process.returncode}")
            if self._serves():
                return
            time.sleep(0.05)
        raise RuntimeError(f"the {self.name} does not listen")

    def _serves(self) -> bool:
        return _answers(self.port)


def move(pid: int, core: int | None) -> None:
    """Give a process another core, with all that it does in threads of its own."""
    if core is not None:
        for thread in psutil.Process(pid).threads():
            os.sched_setaffinity(thread.id, {core})


def processor_seconds(pid: int) -> float:
    """CPU time of one process so far."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def proportional_set_size(pid: int) -> int:
    """Bytes of memory that a process has to itself, with its part of what it shares."""
    size: int = psutil.Process(pid).memory_full_info().pss
    return size
