"""A real Valkey process that a test kills, freezes, and starts again at its old port with its old data."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import redis
from teduh_server.redis_store.server_program import bundled

from support.eventually import eventually_here

_READY_SECONDS = 60.0
_given: set[int] = set()
LASTING: Final = {"appendonly": "yes", "appendfsync": "always", "save": "", "slowlog-log-slower-than": "-1"}
"""Settings under which it answers only what its disk has taken."""


class ValkeyProcess:
    """One `valkey-server` on a port of its own, with its files in `folder`.

    It is started by the words of `prefix`, such as `ip netns exec name`, from the one that comes in a wheel
    unless another `program` is named.
    """

    def __init__(
        self,
        folder: Path,
        settings: dict[str, str],
        *,
        host: str = "127.0.0.1",
        prefix: Sequence[str] = (),
        program: Path | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.host = host
        self.port = free_port()
        self.settings = settings
        self._prefix = prefix
        self._program = program or bundled()
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start, and wait until it answers."""
        settings = {"port": str(self.port), "bind": self.host, "dir": str(self.folder), **self.settings}
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        with (self.folder / "valkey.out").open("ab") as out:
            self._process = subprocess.Popen(
                [*self._prefix, str(self._program), *self._first(), *arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        eventually_here(lambda: self._answers() or not self.running, f"{self.folder} does not answer")
        if not self.running:
            raise RuntimeError(f"{self.folder} has ended at once")

    def _first(self) -> list[str]:
        return []

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """SIGTERM: it writes what it has, and ends."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP: its connections stay, and it says nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def ask(self, *words: str | int) -> object:
        """One command over a connection of its own."""
        with redis.Redis(self.host, self.port, socket_timeout=2.0, protocol=2) as client:
            client.response_callbacks.clear()  # The answer as it is.
            return client.execute_command(*words)

    def _answers(self) -> bool:
        try:
            return bool(self.ask("PING"))
        except redis.RedisError:
            return False


def role_of(node: ValkeyProcess) -> object:
    try:
        return as_list(node.ask("ROLE"))[0]
    except redis.RedisError:
        return None


def free_port() -> int:
    """A port below 55,536 (Valkey refuses others for clusters) that nothing listens on now.

    It is bound later, so that none of these is one that the kernel gives away by itself (from 32,768 on), nor
    one that another worker of pytest may choose.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 12
    for _ in range(1000):
        port = 20_000 + 1000 * worker + random.randrange(1000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port
    raise RuntimeError("no free port")


def as_bytes(answer: object) -> bytes:
    assert isinstance(answer, bytes)
    return answer


def as_list(answer: object) -> list[object]:
    assert isinstance(answer, list)
    return answer


@contextmanager
def lasting_valkey(folder: Path, **settings: str) -> Iterator[ValkeyProcess]:
    """A started server that answers only what its disk has taken, with these settings beside."""
    valkey = ValkeyProcess(folder, {**LASTING, **settings})
    valkey.start()
    try:
        yield valkey
    finally:
        valkey.thaw()
        valkey.kill()
