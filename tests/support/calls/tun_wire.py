"""A wire between two network interfaces of this kernel, of two TUN devices: it loses and delays what passes.

    [namespace 0] interface ── file ──> each lost with `loss`, the others after `delay` ──> file ── interface
                            <──       ── likewise                                      <──       [namespace 1]

What tc's netem does to a veth, for kernels that were built without it: whole IP packets, in both directions,
and no program that uses the interfaces can tell the difference.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

TUN: Final = Path("/dev/net/tun")
# linux/if_tun.h: give this file an interface; IP packets alone, without a header before each.
_TUNSETIFF: Final = 0x400454CA
_IFF_TUN: Final = 0x0001
_IFF_NO_PI: Final = 0x1000
_PACKET_BYTES: Final = 65_536


class TunWire:
    """Carries packets while the event loop runs; `loss` is a probability, `delay` in seconds."""

    def __init__(self, names: tuple[str, str], *, loss: float, delay: float, seed: int = 1) -> None:
        """`names` are of interfaces that are made here; another namespace may take each."""
        self.passed = 0
        self.lost = 0
        self._loss, self._delay = loss, delay
        self._random = random.Random(seed)
        self._ends = tuple(_interface(name) for name in names)

    @contextmanager
    def carrying(self) -> Iterator[None]:
        """Packets pass within this block."""
        loop = asyncio.get_running_loop()
        first, second = self._ends
        loop.add_reader(first, self._carry, first, second)
        loop.add_reader(second, self._carry, second, first)
        try:
            yield
        finally:
            for end in self._ends:
                loop.remove_reader(end)

    def close(self) -> None:
        """The interfaces go with their files."""
        for end in self._ends:
            os.close(end)
        self._ends = ()

    def _carry(self, near: int, far: int) -> None:
        """All that waits at this end: perhaps, and later."""
        loop = asyncio.get_running_loop()
        while packet := _read(near):
            if self._random.random() < self._loss:
                self.lost += 1
                continue
            self.passed += 1
            loop.call_later(self._delay, self._write, far, packet)

    def _write(self, end: int, packet: bytes) -> None:
        if end in self._ends:
            try:
                os.write(end, packet)
            except OSError:
                # The interface is down or its queue is full: lost, as on any wire.
                self.lost += 1


def _interface(name: str) -> int:
    end = os.open(TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH14x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    except OSError:
        os.close(end)
        raise
    return end


def _read(end: int) -> bytes:
    try:
        return os.read(end, _PACKET_BYTES)
    except OSError:
        return b""
