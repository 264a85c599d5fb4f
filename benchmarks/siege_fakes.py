"""Whoever floods, as a process of its own: many requests from many addresses of loopback, all kept waiting.

    siege_fakes.py PORT SOURCES REQUESTS_EACH SECONDS

Half of the requests call themselves emergencies. Each connection has eight of them, answers the relay's pings
and reads all else away. What costs a proof of work is solved on all of this process's threads, for SECONDS at
most. Prints how many wait once it is done with asking, then stays until its standard input ends; a connection
that the relay ends is gone. Prints then for each source how many requests its connections still have that are
there, and when the last of those ended that are not (monotonic, 0 for never).
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor

from raw_socket import BINARY, CLOSE, PING, PONG, frame_header, upgrade_request
from teduh_signaling.relay.codec import decode_relay_frame, encode
from teduh_signaling.relay.frames import (
    SUBPROTOCOL,
    Error,
    ErrorCode,
    OpenRequest,
    RequestDetails,
    RequestOpened,
    Urgency,
)
from teduh_signaling.relay.proof_of_work import solve

PER_CONNECTION = 8
AT_ONCE = 50
"""Connections that ask at the same time."""
FAKE = b"fake "
"""So begins the key package of each, by which the counselors of the benchmark tell them; the number of its
source follows.
"""


def address(source: int) -> str:
    """Of loopback, from 127.1.0.1 on."""
    return f"127.1.{source // 250}.{source % 250 + 1}"


class Flood(asyncio.Protocol):
    """One connection that asks for `count` requests, one after the other, and then waits."""

    def __init__(self, port: int, source: int, count: int, threads: ThreadPoolExecutor, until: float) -> None:
        self.source = source
        self._key_package = FAKE + b"%d" % source
        self._request = upgrade_request(port, SUBPROTOCOL)
        self._left = count
        self._threads = threads
        self._until = until
        self._received = b""
        self._is_open = False
        self._asked = OpenRequest(1, bytes(32), self._key_package)
        self.waiting = 0
        self.lost_at = 0.0
        self.proofs = 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def connection_lost(self, error: Exception | None) -> None:
        self.waiting = 0
        self.lost_at = asyncio.get_running_loop().time()
        self._end()

    def _end(self) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def data_received(self, data: bytes) -> None:
        received = self._received + data
        if not self._is_open:
            _, end, received = received.partition(b"\r\n\r\n")
            if not end:
                self._received += data
                return
            self._is_open = True
            self._ask_next()
        at = 0
        while (frame := _frame(received, at)) is not None:
            opcode, begin, at = frame
            self._take(opcode, received[begin:at])
        self._received = received[at:]

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self._write(PONG, payload)
        elif opcode == CLOSE:
            self._transport.close()
        # An array whose second element is the tag: only these two matter.
        elif opcode == BINARY and payload[1] in (RequestOpened.__struct_config__.tag, 0x49):
            self._answered(decode_relay_frame(payload))

    def _answered(self, answer: object) -> None:
        if isinstance(answer, RequestOpened):
            self.waiting += 1
            self._ask_next()
        elif isinstance(answer, Error) and not answer.fatal:
            loop = asyncio.get_running_loop()
            if answer.code is ErrorCode.PROOF_OF_WORK_REQUIRED and answer.price and loop.time() < self._until:
                price = answer.price
                solving = loop.run_in_executor(self._threads, solve, price)
                solving.add_done_callback(lambda solved: self._pay(solved.result()))
            else:
                self._end()

    def _ask_next(self) -> None:
        if self._left == 0:
            self._end()
            return
        self._left -= 1
        urgency = Urgency.EMERGENCY if self._left % 2 else Urgency.NORMAL
        self._asked = OpenRequest(
            1, secrets.token_bytes(32), self._key_package, RequestDetails(urgency=urgency)
        )
        self._write(BINARY, encode(self._asked))

    def _pay(self, solution: bytes) -> None:
        self.proofs += 1
        asked = self._asked
        paid = OpenRequest(1, asked.capability, self._key_package, asked.details, solution)
        self._write(BINARY, encode(paid))

    def _write(self, opcode: int, payload: bytes) -> None:
        self._transport.write(frame_header(opcode, len(payload)) + payload)


def _frame(data: bytes, at: int) -> tuple[int, int, int] | None:
    """Opcode, beginning and end of the payload of the frame at `at`, if it is whole."""
    if len(data) < at + 2:
        return None
    length, begin = data[at + 1] & 0x7F, at + 2
    if length >= 126:
        size = 2 if length == 126 else 8
        length, begin = int.from_bytes(data[begin : begin + size]), begin + size
    return (data[at] & 0x0F, begin, begin + length) if len(data) >= begin + length else None


async def _flood(port: int, sources: int, each: int, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    threads, until = ThreadPoolExecutor(1), loop.time() + seconds
    gate = asyncio.Semaphore(AT_ONCE)
    floods: list[Flood] = []

    async def connect(source: int, count: int) -> None:
        async with gate:
            if loop.time() > until:
                return
            _, flood = await loop.create_connection(
                lambda: Flood(port, source, count, threads, until),
                "127.0.0.1",
                port,
                local_addr=(address(source), 0),
            )
            floods.append(flood)
            await flood.done

    counts = [min(PER_CONNECTION, each - begun) for begun in range(0, each, PER_CONNECTION)]
    await asyncio.gather(*(connect(source, count) for count in counts for source in range(sources)))
    print(sum(flood.waiting for flood in floods), sum(flood.proofs for flood in floods), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    for source in range(sources):
        own = [flood for flood in floods if flood.source == source]
        print(source, sum(flood.waiting for flood in own), max((flood.lost_at for flood in own), default=0.0))


if __name__ == "__main__":
    asyncio.run(_flood(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
