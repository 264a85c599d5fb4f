"""A relay for one test: as a process that can be killed and started again, or in the test's own event loop.

Both need an organisation file; `RelayOrganisation` in `relay_organisation` makes one with staff devices.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

from teduh_server.app import Relay
from teduh_server.cluster.sibling_workers import SiblingWorkers
from teduh_server.config.settings import Settings
from teduh_server.redis_store.keys import ALL_NODES_CHANNEL

from support.chaos.failing_machine import FailingMachine
from support.chaos.isolated_network import IsolatedNetwork
from support.eventually import becomes, eventually

_START_SECONDS = 60.0
_NO_KIND = 0x7F
"""Of a message between nodes that means nothing to them."""

GENEROUS = {
    # Tests come from one address and are fast.
    "connections_per_minute": 1_000_000,
    "requests_per_minute": 1_000_000,
    "frames_per_second": 100_000,
    "bytes_per_second": 1_000_000_000,
    "free_requests": 1_000_000,
    "calm_waiting": 1_000_000,
}


class RelayProcess:
    """One relay node as `python -m teduh_server serve` runs it.

    The port is chosen by the kernel and kept through restarts, also while nothing runs. `log` is its standard
    error.
    """

    def __init__(
        self,
        folder: Path,
        organisation_file: Path,
        store_url: str | None = None,
        network: IsolatedNetwork | None = None,
        machine: FailingMachine | None = None,
        **settings: object,
    ) -> None:
        """In a `network` it listens at the inner address, and can be cut off. A `machine` may fail it."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.log = folder / "relay.log"
        self.port = 0
        self._host = "127.0.0.1" if network is None else network.inside
        self._network = network
        machine = machine or FailingMachine()
        self._prefix = (*(() if network is None else network.prefix), *machine.prefix)
        self._environment = machine.environment
        self._settings = {
            **GENEROUS,
            "organisation_file": str(organisation_file),
            "data_folder": str(folder / "data"),
            "drain_seconds": 1.0,
            # A store of a test's own is not held to more than it is, unless the test says so.
            **({"store_url": store_url, "durability": "memory"} if store_url else {}),
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._held = ExitStack()

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start and wait until it is ready."""
        if self.port == 0 and self._network is None:
            self.port = self._held.enter_context(held_port(self._host))
        logged = self.log.stat().st_size if self.log.exists() else 0
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TEDUH_")}
        environment |= {f"TEDUH_{name.upper()}": _written(value) for name, value in self._settings.items()}
        environment |= {"TEDUH_LISTEN_HOST": self._host, "TEDUH_LISTEN_PORT": str(self.port)}
        environment |= self._environment
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._prefix, sys.executable, "-m", "teduh_server", "serve"],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait_until_ready(logged)

    def workers(self) -> set[int]:
        """The processes of its workers, if it has any, without Valkey's."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        workers = set()
        for pid in children:
            # One that has just ended is none.
            with suppress(FileNotFoundError, ProcessLookupError):
                if b"valkey" not in Path(f"/proc/{pid}/cmdline").read_bytes():
                    workers.add(int(pid))
        return workers

    def kill(self) -> None:
        """SIGKILL: no goodbye, nothing flushed."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM: drain and end; returns the exit code."""
        return self._end(signal.SIGTERM)

    async def begin_to_stop(self) -> None:
        """SIGTERM, and return when the relay has begun to drain."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        await eventually(lambda: b'"relay stopping"' in self.log.read_bytes())

    def wait(self) -> int:
        """Wait until it has ended by itself; returns the exit code."""
        assert self._process is not None
        return self._process.wait(_START_SECONDS)

    def release(self) -> None:
        """Let others have its port."""
        self._held.close()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self._process.wait(_START_SECONDS)

    def _wait_until_ready(self, logged: int) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                raise RuntimeError(f"the relay did not start:\n{self.log.read_text()}")
            port = self._announced_port(logged)
            if port:
                self.port = port
                if self._is_ready():
                    return
            time.sleep(0.02)
        raise RuntimeError(f"the relay is not ready:\n{self.log.read_text()}")

    def _announced_port(self, logged: int) -> int:
        for line in self.log.read_bytes()[logged:].splitlines(keepends=True):
            # The last may not be written to its end yet.
            if (
                line.startswith(b"{")
                and line.endswith(b"\n")
                and (record := json.loads(line)).get("event") == "relay started"
            ):
                return int(record["port"])
        return 0

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2.0) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            error.close()
            return False
        except OSError:
            return False


@contextmanager
def held_port(host: str = "127.0.0.1") -> Iterator[int]:
    """A port that nobody is given by the kernel meanwhile; whoever was told of it can listen there.

    It is bound here and not listened on: connections to it are refused (socket(7), SO_REUSEADDR).
    """
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((host, 0))
        yield held.getsockname()[1]


def _written(value: object) -> str:
    """A setting as an environment variable holds it; a table as JSON."""
    return json.dumps(value) if isinstance(value, dict) else str(value)


@contextmanager
def relay_process(
    folder: Path,
    organisation_file: Path,
    store_url: str | None = None,
    network: IsolatedNetwork | None = None,
    machine: FailingMachine | None = None,
    **settings: object,
) -> Iterator[RelayProcess]:
    """A running relay process, with its own embedded Valkey unless `store_url` names another."""
    process = RelayProcess(folder, organisation_file, store_url, network, machine, **settings)
    try:
        process.start()
    except BaseException:
        process.kill()
        process.release()
        raise
    try:
        yield process
    finally:
        # A killed relay leaves its Valkey running; a relay that starts and stops takes it along.
        if not process.running and store_url is None:
            process.start()
        if process.running:
            process.stop()
        process.release()


@asynccontextmanager
async def relay_here(
    organisation_file: Path, store_url: str, **settings: object
) -> AsyncIterator[tuple[Relay, str]]:
    """A relay in this event loop, and its URL."""
    async with worker_here(organisation_file, store_url, None, **settings) as relay:
        yield relay, relay.origin


@asynccontextmanager
async def worker_here(
    organisation_file: Path, store_url: str, siblings: SiblingWorkers | None, **settings: object
) -> AsyncIterator[Relay]:
    """The same with siblings, as one of the workers of one machine has them."""
    chosen: dict[str, object] = {
        **GENEROUS,
        "organisation_file": organisation_file,
        "listen_port": 0,
        "store_url": store_url,
        "durability": "memory",
        "drain_seconds": 0.2,
        **settings,
    }
    relay = Relay(Settings(**chosen), siblings=siblings)  # type: ignore[arg-type]  # pydantic checks them
    await relay.start()
    try:
        async with asyncio.timeout(_START_SECONDS):
            await relay.until_ready()
        yield relay
    finally:
        await relay.stop()


async def until_it_listens(relay: Relay) -> None:
    """Wait until this node hears what others publish, and has looked at what it may have missed before."""
    heard = asyncio.Event()
    relay.parts.channel.on(_NO_KIND, lambda _: heard.set())

    async def ask() -> bool:
        await relay.parts.store.publish_confirmed(ALL_NODES_CHANNEL, bytes((_NO_KIND,)))
        with suppress(TimeoutError):
            await asyncio.wait_for(heard.wait(), 0.1)
        return heard.is_set()

    await becomes(ask, wanted=True)
