"""What newcomers and talkers feel while ten sockets flood the relay at line rate, beside an idle relay.

python benchmarks/flood.py [--quick] [--only pings ...]

Each flood lasts some seconds. Meanwhile another address asks, of the flooded relay and of an idle one on the
same core, in turn:

    lag        round trip of a Ping on a connection that stands, every 20 ms: what the event loop is behind
    newcomer   a new connection up to its Hello, every 100 ms
    /readyz    a new connection each, every 100 ms: the share that is answered 200 within a second
    /metrics   the same on the metrics port

The exit code is 1 where the lag's p99 is above 100 ms, or /readyz is not always answered.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import selectors
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from load import cores
from measured_relay import free_port
from raw_socket import BINARY, CLOSE, PING, PONG, frame_header, upgrade_request
from relay import progress, raise_file_limit
from relays import TeduhRelay
from teduh_server.config.settings import Settings
from teduh_signaling.relay.codec import encode
from teduh_signaling.relay.frames import SUBPROTOCOL, Ping

SOCKETS = 10
SLOW_SOCKETS = 2000
LAG_MS = 100.0
PROBE_ADDRESS = "127.0.0.2"
DEFAULTS = {
    name: Settings.model_fields[name].default
    for name in ("frames_per_second", "bytes_per_second", "connections_per_minute", "requests_per_minute")
}
"""Of a relay as deployed; only the probes' address may connect as often as it asks."""


def _frame(opcode: int, payload: bytes = b"", *, final: bool = True) -> bytes:
    head = frame_header(opcode, len(payload))
    return (head if final else bytes((head[0] & 0x7F,)) + head[1:]) + payload


@dataclass(frozen=True, slots=True)
class Flood:
    """What is said again and again; `first` once, before it."""

    said: bytes
    first: bytes = b""
    upgrades: bool = True
    sockets: int = SOCKETS
    on_metrics_port: bool = False
    pause_seconds: float = 0.0
    """Between two bytes of one socket; 0: as fast as it is taken."""


SLOW_HEAD = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
FLOODS: dict[str, Flood] = {
    "pings": Flood(_frame(PING)),
    "pongs": Flood(_frame(PONG)),
    "full pings": Flood(_frame(PING, bytes(125))),
    "closes": Flood(_frame(CLOSE)),
    "empty continuations": Flood(_frame(0, final=False), first=_frame(BINARY, b"x", final=False)),
    "tiny messages": Flood(_frame(BINARY, encode(Ping(1)))),
    "unmasked": Flood(bytes((0x80 | PING, 0))),
    "requests": Flood(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", upgrades=False),
    "requests for metrics": Flood(
        b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", upgrades=False, on_metrics_port=True
    ),
    "slow heads": Flood(b"x", SLOW_HEAD, upgrades=False, sockets=SLOW_SOCKETS, pause_seconds=0.5),
    "slow heads, metrics": Flood(
        b"x", SLOW_HEAD, upgrades=False, sockets=SLOW_SOCKETS, on_metrics_port=True, pause_seconds=0.5
    ),
}


# --- the flood, in a process of its own ---


@dataclass(slots=True)
class _Flooding:
    """One socket; `left` is what is not written yet."""

    connection: socket.socket
    left: bytes
    next_at: float = 0.0


class _Flooder:
    def __init__(self, flood: Flood, port: int) -> None:
        self._flood = flood
        self._port = port
        self._block = flood.said if flood.pause_seconds else flood.said * (1 + 2**18 // len(flood.said))
        self._selector = selectors.DefaultSelector()

    def run(self, until: float) -> None:
        for _ in range(self._flood.sockets):
            self._connect()
        while time.monotonic() < until:
            for key, events in self._selector.select(0.05):
                self._go_on(key.data, events)
            if self._flood.pause_seconds:
                time.sleep(0.02)

    def _connect(self) -> None:
        with suppress(OSError):
            connection = socket.create_connection(("127.0.0.1", self._port), timeout=1)
            connection.setblocking(False)
            first = upgrade_request(self._port, SUBPROTOCOL) if self._flood.upgrades else b""
            flooding = _Flooding(connection, first + self._flood.first)
            self._selector.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE, flooding)

    def _go_on(self, each: _Flooding, events: int) -> None:
        """A socket that is closed is opened again; what it is told is read and thrown away."""
        try:
            if events & selectors.EVENT_READ and not each.connection.recv(65536):
                raise ConnectionError
            if events & selectors.EVENT_WRITE:
                self._write(each)
        except BlockingIOError:
            return
        except OSError:
            self._selector.unregister(each.connection)
            each.connection.close()
            self._connect()

    def _write(self, each: _Flooding) -> None:
        now = time.monotonic()
        if not each.left:
            if now < each.next_at:
                return
            each.left, each.next_at = self._block, now + self._flood.pause_seconds
        each.left = each.left[each.connection.send(each.left) :]


def _run_flood(name: str, port: int, seconds: float, core: int | None) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})
    raise_file_limit(SLOW_SOCKETS)
    _Flooder(FLOODS[name], port).run(time.monotonic() + seconds)


# --- what others feel ---


@dataclass(slots=True)
class Felt:
    """Of one relay; times in milliseconds."""

    lags: list[float] = field(default_factory=list)
    newcomers: list[float] = field(default_factory=list)
    ready: list[bool] = field(default_factory=list)
    metrics: list[bool] = field(default_factory=list)

    def p99(self, values: Sequence[float]) -> float:
        return sorted(values)[max(0, -(-len(values) * 99 // 100) - 1)] if values else float("inf")

    def share(self, values: Sequence[bool]) -> float:
        return 100 * sum(values) / len(values) if values else 0.0


async def _lags(port: int, felt: Felt, until: float) -> None:
    reader, writer = await _open(port)
    await _upgrade(reader, writer, port)
    ping = _frame(BINARY, encode(Ping(1)))
    while time.monotonic() < until:
        began = time.monotonic()
        writer.write(ping)
        await _message(reader)
        felt.lags.append(1000 * (time.monotonic() - began))
        await asyncio.sleep(0.02)
    writer.close()


async def _newcomers(port: int, felt: Felt, until: float) -> None:
    while time.monotonic() < until:
        began = time.monotonic()
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(5):
                reader, writer = await _open(port)
                await _upgrade(reader, writer, port)
                writer.close()
        felt.newcomers.append(1000 * (time.monotonic() - began))
        await asyncio.sleep(0.1)


async def _answered(port: int, path: str, answers: list[bool], until: float) -> None:
    while time.monotonic() < until:
        head = b""
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(1):
                reader, writer = await _open(port)
                writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
                head = await reader.readuntil(b"\r\n")
                writer.close()
        answers.append(b" 200 " in head)
        await asyncio.sleep(0.1)


async def _open(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(PROBE_ADDRESS, 0))


async def _upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    writer.write(upgrade_request(port, SUBPROTOCOL))
    await reader.readuntil(b"\r\n\r\n")
    await _message(reader)


async def _message(reader: asyncio.StreamReader) -> None:
    """Read one; none from the relay is masked, and a ping that comes before it is passed over."""
    while True:
        first, length = await reader.readexactly(2)
        if length > 125:
            length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
        await reader.readexactly(length)
        if first & 0x0F == BINARY:
            return


async def _feel(port: int, metrics_port: int, seconds: float) -> Felt:
    felt, until = Felt(), time.monotonic() + seconds
    await asyncio.gather(
        _lags(port, felt, until),
        _newcomers(port, felt, until),
        _answered(port, "/readyz", felt.ready, until),
        _answered(metrics_port, "/metrics", felt.metrics, until),
    )
    return felt


# --- a run ---


@dataclass(frozen=True, slots=True)
class Environment:
    flooded: TeduhRelay
    flooded_metrics: int
    idle: TeduhRelay
    idle_metrics: int
    generator_core: int | None

    async def measure(self, name: str, seconds: float) -> tuple[Felt, Felt]:
        """What is felt of the flooded relay, and of the idle one."""
        port = self.flooded_metrics if FLOODS[name].on_metrics_port else self.flooded.port
        process = multiprocessing.get_context("spawn").Process(
            target=_run_flood, args=(name, port, seconds + 2, self.generator_core)
        )
        process.start()
        try:
            await asyncio.sleep(1.0)
            felt, idle = await asyncio.gather(
                _feel(self.flooded.port, self.flooded_metrics, seconds),
                _feel(self.idle.port, self.idle_metrics, seconds),
            )
        finally:
            process.terminate()
            process.join()
        return felt, idle


def _show(name: str, felt: Felt, idle: Felt) -> bool:
    """One line; whether the goals are met."""
    lag = felt.p99(felt.lags)
    met = lag <= LAG_MS and all(felt.ready)
    columns = [
        f"{name:22}",
        f"{lag:9.1f} / {idle.p99(idle.lags):.1f}",
        f"{felt.p99(felt.newcomers):9.1f} / {idle.p99(idle.newcomers):.1f}",
        f"{felt.share(felt.ready):7.1f} / {idle.share(idle.ready):.1f}",
        f"{felt.share(felt.metrics):7.1f} / {idle.share(idle.metrics):.1f}",
        "" if met else "  missed",
    ]
    print("  ".join(columns), flush=True)
    return met


async def _run(names: Sequence[str], seconds: float, say: Callable[[str], None]) -> int:
    relay_core, generator_core = cores()
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2)]
        ports = [free_port(), free_port()]
        relays = []
        for folder, port in zip(folders, ports, strict=True):
            # The flooder is one address, the probes another: each has what one address may do.
            settings = {**DEFAULTS, "connections_per_minute": 1200.0}
            relays.append(stack.enter_context(TeduhRelay(relay_core, folder, metrics_port=port, **settings)))
        environment = Environment(relays[0], ports[0], relays[1], ports[1], generator_core)
        print(f"{SOCKETS} sockets at line rate, {seconds:g} s each; flooded / idle relay, same core")
        print(f"{'flood':22}  lag p99, ms     newcomer p99, ms   /readyz, %    /metrics, %")
        met = True
        for name in names:
            say(name)
            met = _show(name, *await environment.measure(name, seconds)) and met
    return 0 if met else 1


def main() -> int:
    arguments = argparse.ArgumentParser(description="Floods of frames, requests and slow heads.")
    arguments.add_argument("--quick", action="store_true", help="half a second each, to see that it works")
    arguments.add_argument("--only", nargs="+", choices=tuple(FLOODS), default=tuple(FLOODS))
    chosen = arguments.parse_args()
    raise_file_limit(SLOW_SOCKETS)
    code = asyncio.run(_run(chosen.only, 0.5 if chosen.quick else 5.0, progress))
    # With so short a look a single late probe decides.
    return 0 if chosen.quick else code


if __name__ == "__main__":
    sys.exit(main())
