"""A network namespace that can be cut off: what listens inside is reached by one link, and that can be taken
away.

    outside (10.213.x.1)  ---- veth ----  inside (10.213.x.2)

It takes root and the `ip` command (Debian package iproute2).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IsolatedNetwork:
    """The namespace, its two addresses, and the words that run a program inside."""

    name: str
    outside: str
    inside: str

    @property
    def prefix(self) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.name)

    def cut(self) -> None:
        """No packet passes any more; connections stay, and hear nothing."""
        _ip("-n", self.name, "link", "set", "inner", "down")

    def mend(self) -> None:
        _ip("-n", self.name, "link", "set", "inner", "up")


def why_not_isolated() -> str | None:
    """Why there can be none here; None if there can."""
    if os.geteuid() != 0:
        return "network namespaces take root"
    try:
        with isolated_network():
            return None
    except subprocess.CalledProcessError:
        return "network namespaces are not allowed here"


@contextmanager
def isolated_network() -> Iterator[IsolatedNetwork]:
    """A namespace of its own with a link to it, until the end."""
    number = os.getpid() % 250
    name, link = f"teduh-{os.getpid()}", f"td{os.getpid()}"
    made = IsolatedNetwork(name, f"10.213.{number}.1", f"10.213.{number}.2")
    _ip("netns", "add", name)
    try:
        _ip("link", "add", link, "type", "veth", "peer", "name", "inner", "netns", name)
        _ip("addr", "add", f"{made.outside}/30", "dev", link)
        _ip("link", "set", link, "up")
        _ip("-n", name, "addr", "add", f"{made.inside}/30", "dev", "inner")
        _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", name, "link", "set", "inner", "up")
        yield made
    finally:
        with suppress(subprocess.CalledProcessError):
            _ip("link", "del", link)
        _ip("netns", "del", name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
