"""`teduh serve --workers N`: a relay node on every core of one machine, and one process that minds them.

::

    supervisor -- embedded Valkey (unless there is a store_url)
        |-- worker: a node --+
        |-- worker: a node --+-- one port, SO_REUSEPORT: the kernel deals out the connections
        +-- worker: a node --+

A worker that dies is started again, ever later if it keeps dying; its clients connect to another meanwhile.
One that hangs is killed first (see `heartbeat`).
The supervisor holds no connection and runs no event loop: it may fork at any time, and there is little in it
that could fail. If it is killed all the same, the workers notice (the pipe that only it can write ends) and
stop in good order.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import time
from dataclasses import dataclass, field
from typing import NoReturn

import typer

from teduh_server.cli.heartbeat import Heartbeat
from teduh_server.cli.run import PartOfMany, dump_no_memory, run_relay
from teduh_server.cluster.sibling_workers import WorkerMailboxes
from teduh_server.config.settings import Settings
from teduh_server.operations.log_policy import Trouble, configure_logging, fault, log
from teduh_server.redis_store.embedded import EmbeddedValkey, FolderInUse
from teduh_server.redis_store.exceptions import cause_of
from teduh_server.transport.listening_socket import bind

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
_TEND_SECONDS = 1.0
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 10.0
_STEADY_SECONDS = 10.0
"""A worker that has lived so long is no longer one that keeps dying."""
_GRACE_SECONDS = 10.0
"""Beyond `drain_seconds`, before a worker that does not stop is killed."""


def supervise(settings: Settings) -> None:
    """Run several nodes until told to stop; ends the process with a sentence if they cannot start."""
    if not hasattr(os, "fork") or not hasattr(socket, "SO_REUSEPORT"):
        raise typer.BadParameter("this system cannot share a port between processes; use --workers 1")
    configure_logging(settings.log_level)
    dump_no_memory()
    try:
        _Supervisor(settings).run()
    except (FolderInUse, RuntimeError) as error:
        typer.echo(f"The relay cannot start: {error}", err=True)
        raise typer.Exit(1) from error


def worker_count(settings: Settings) -> int:
    """How many workers there are to be; 0 in the settings is one for each core that this process may use."""
    if settings.workers:
        return settings.workers
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(slots=True)
class _Worker:
    """One place among the workers, and the process that has it."""

    number: int
    pid: int = 0
    began: float = 0.0
    wait: float = _FIRST_WAIT
    due: float = field(default=0.0)
    heartbeat: Heartbeat = field(default_factory=Heartbeat)


class _Supervisor:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._workers = [_Worker(number) for number in range(worker_count(settings))]
        self._valkey: EmbeddedValkey | None = None
        self._trouble = Trouble("embedded Valkey does not run")
        self._stopping = False
        self._looked = time.monotonic()
        # The workers hold the other ends: `lifeline` ends when this process does, `ready` says they serve.
        self._lifeline = os.pipe()
        self._ready = os.pipe()
        self._signalled = os.pipe()
        self._mailboxes = WorkerMailboxes.of(len(self._workers)) if len(self._workers) > 1 else None

    def run(self) -> None:
        """Until told to stop."""
        holder = _hold_port(self._settings)
        try:
            self._start_store()
            self._settings = self._settings.model_copy(update={"listen_port": holder.getsockname()[1]})
            self._take_signals()
            gc.freeze()
            self._start_all(holder)
            while not self._stopping:
                self._wait(self._until_due())
                self._tend(holder)
            log().info("workers stopping")
        finally:
            self._stop_workers()
            holder.close()
            if self._valkey is not None:
                self._valkey.stop()

    def _start_store(self) -> None:
        if self._settings.store_url is None:
            valkey = EmbeddedValkey(self._settings.data_folder / "valkey", self._settings.durability)
            valkey.start()
            self._valkey = valkey
            self._settings = self._settings.model_copy(update={"store_url": valkey.url})

    # --- signals ---

    def _take_signals(self) -> None:
        for end in self._signalled:
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._signalled[1], warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)

    def _wait(self, seconds: float) -> None:
        """Wait for a signal, but not longer."""
        if select.select([self._signalled[0]], [], [], seconds)[0]:
            numbers = os.read(self._signalled[0], 4096)
            self._stopping |= signal.SIGTERM in numbers or signal.SIGINT in numbers

    # --- workers ---

    def _start_all(self, holder: socket.socket) -> None:
        """The first alone: if it cannot start, neither can the others, and one sentence is enough."""
        first, *others = self._workers
        self._fork(first, holder)
        while not self._stopping and not select.select([self._ready[0]], [], [], 0)[0]:
            self._wait(0.05)
            if not _lives(first):
                raise typer.Exit(1)
        if not self._stopping:
            for worker in others:
                self._fork(worker, holder)
            log().info("workers started", workers=len(self._workers), port=self._settings.listen_port)

    def _tend(self, holder: socket.socket) -> None:
        now = time.monotonic()
        since, self._looked = now - self._looked, now
        for worker in self._workers:
            if worker.pid and not _lives(worker):
                self._note_death(worker, now)
            elif worker.pid and worker.heartbeat.look(since):
                # It is seen to be dead at the next look, and replaced.
                log().error("worker hangs", worker=worker.number)
                _send(worker, signal.SIGKILL)
            if not worker.pid and worker.due <= now and not self._stopping:
                self._fork(worker, holder)
        if self._valkey is not None:
            self._tend_store(self._valkey)

    def _tend_store(self, valkey: EmbeddedValkey) -> None:
        try:
            self._trouble.is_(None if valkey.tend() else "ended")
        except (OSError, RuntimeError) as error:
            self._trouble.is_(cause_of(error))

    def _until_due(self) -> float:
        now = time.monotonic()
        due = [worker.due - now for worker in self._workers if not worker.pid]
        return max(0.0, min((_TEND_SECONDS, *due)))

    @staticmethod
    def _note_death(worker: _Worker, now: float) -> None:
        worker.pid = 0
        if now - worker.began > _STEADY_SECONDS:
            worker.wait = _FIRST_WAIT
        worker.due = now + worker.wait
        log().warning("worker died", worker=worker.number, again_in=worker.wait)
        worker.wait = min(worker.wait * 2, _LONGEST_WAIT)

    def _fork(self, worker: _Worker, holder: socket.socket) -> None:
        worker.began = time.monotonic()
        worker.heartbeat.begin_anew()
        try:
            worker.pid = os.fork()
        except OSError as error:
            # Where memory is short: the others go on, and this one is tried again, as one that dies at once.
            fault("worker_not_started", error)
            self._note_death(worker, worker.began)
            return
        if worker.pid == 0:
            holder.close()
            self._become(worker)

    def _become(self, worker: _Worker) -> NoReturn:
        """What the forked process does."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            for end in (self._lifeline[1], self._ready[0], *self._signalled):
                os.close(end)
            siblings = None
            if self._mailboxes is not None:
                siblings = self._mailboxes.siblings_of(worker.number)
                self._mailboxes.close()
            part = PartOfMany(self._lifeline[0], self._ready[1], worker.heartbeat, siblings)
            run_relay(_of_worker(self._settings, worker.number), part=part)
            code = 0
        except typer.Exit as end:
            code = end.exit_code
        except BaseException as error:  # noqa: BLE001 -- nothing may go on as a second supervisor
            fault("worker_failed", error)
        finally:
            os._exit(code)

    def _stop_workers(self) -> None:
        living = [worker for worker in self._workers if worker.pid]
        for worker in living:
            _send(worker, signal.SIGTERM)
        deadline = time.monotonic() + self._settings.drain_seconds + _GRACE_SECONDS
        while any(_lives(worker) for worker in living):
            if time.monotonic() > deadline:
                for worker in living:
                    _send(worker, signal.SIGKILL)
            self._wait(0.05)


def _of_worker(settings: Settings, number: int) -> Settings:
    """The settings of one worker: metrics are served at a port each."""
    if not settings.metrics_port:
        return settings
    return settings.model_copy(update={"metrics_port": settings.metrics_port + number})


def _hold_port(settings: Settings) -> socket.socket:
    """A socket that keeps the port for the workers and takes no connections.

    Whoever listens there already is found by binding without sharing first. Raises RuntimeError.
    """
    try:
        first = bind(settings.listen_host, settings.listen_port)
        port = first.getsockname()[1]
        first.close()
        return bind(settings.listen_host, port, shared=True)
    except OSError as error:
        where = f"{settings.listen_host}:{settings.listen_port}"
        raise RuntimeError(
            f"{where} cannot be listened on: {error.strerror}. Choose another port with --port."
        ) from error


def _lives(worker: _Worker) -> bool:
    if not worker.pid:
        return False
    try:
        return os.waitpid(worker.pid, os.WNOHANG)[0] == 0
    except ChildProcessError:
        return False


def _send(worker: _Worker, number: signal.Signals) -> None:
    if _lives(worker):
        os.kill(worker.pid, number)
