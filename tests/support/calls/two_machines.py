"""Two made-up machines with a wire between them: network namespaces of Linux, and what is done to the wire.

    10.77.0.1 [namespace 0] ══ `wire`, loses and delays, both ways alike ══ `wire` [namespace 1] 10.77.0.2

The wire is a veth under tc's netem. Where the kernel was built without netem, it is two TUN devices between
which a `TunWire` does the same; a good wire is a veth with nothing done to it. `means` says which it was.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final, NoReturn

import pytest

from support.calls.tun_wire import TUN, TunWire

ADDRESSES: Final = ("10.77.0.1", "10.77.0.2")
_WIRE: Final = "wire"


class _Impossible(Exception):
    """This machine cannot do it: why."""


@dataclass(frozen=True, slots=True)
class Machines:
    """The names of two namespaces, by what the wire between them is made bad, and the wire if it is ours."""

    names: tuple[str, str]
    means: str
    tun: TunWire | None = None


@contextmanager
def two_machines(*, loss: float = 0.0, delay: float = 0.0) -> Iterator[Machines]:
    """Two machines, within an event loop; `loss` is a probability, `delay` in seconds, each way.

    Skips the test where this machine can have no namespaces; under continuous integration that fails it.
    """
    names = (f"teduh-{os.getpid()}-0", f"teduh-{os.getpid()}-1")
    with ExitStack() as stack:
        try:
            _look()
            for name in names:
                stack.callback(_forget, name)
                _run("ip", "netns", "add", name)
            machines = _wired(stack, names, loss, delay)
        except _Impossible as why:
            _give_up(str(why))
        with machines.tun.carrying() if machines.tun else nullcontext():
            yield machines


def _wired(stack: ExitStack, names: tuple[str, str], loss: float, delay: float) -> Machines:
    if not loss and not delay:
        _veth(names)
        return Machines(names, "veth")
    try:
        _veth(names)
        for name in names:
            _run("ip", "netns", "exec", name, *_netem(loss, delay))
    except _Impossible:
        _run("ip", "-n", names[0], "link", "delete", _WIRE)
        return Machines(names, "TUN", _tun(stack, names, loss, delay))
    return Machines(names, "netem")


def _netem(loss: float, delay: float) -> Sequence[str]:
    bad = ("loss", f"{loss:%}", "delay", f"{delay * 1000:.0f}ms", "limit", "1000")
    return ("tc", "qdisc", "add", "dev", _WIRE, "root", "netem", *bad)


def _veth(names: tuple[str, str]) -> None:
    first, second = names
    peer = ("type", "veth", "peer", "name", _WIRE, "netns", second)
    _run("ip", "link", "add", _WIRE, "netns", first, *peer)
    _address(names)


def _tun(stack: ExitStack, names: tuple[str, str], loss: float, delay: float) -> TunWire:
    made = (f"td{os.getpid()}a", f"td{os.getpid()}b")
    try:
        wire = TunWire(made, loss=loss, delay=delay)
    except OSError as error:
        raise _Impossible(f"the kernel has no netem, and {TUN} gives no interface: {error}") from error
    stack.callback(wire.close)
    for interface, name in zip(made, names, strict=True):
        _run("ip", "link", "set", interface, "netns", name, "name", _WIRE)
    _address(names)
    return wire


def _address(names: tuple[str, str]) -> None:
    for name, address in zip(names, ADDRESSES, strict=True):
        _run("ip", "-n", name, "address", "add", f"{address}/24", "dev", _WIRE)
        _run("ip", "-n", name, "link", "set", _WIRE, "up")
        _run("ip", "-n", name, "link", "set", "lo", "up")


def _look() -> None:
    if os.geteuid() != 0:
        raise _Impossible("network namespaces need root")


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise _Impossible(f"this kernel cannot {' '.join(command)}: {done.stderr.strip()}")


def _forget(name: str) -> None:
    subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def _give_up(why: str) -> NoReturn:
    pytest.skip(why)
