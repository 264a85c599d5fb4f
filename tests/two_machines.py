"""Two made-up machines with a wire between them: network namespaces of Linux, and what tc does to the wire.

10.77.0.1 [namespace 0] ══ veth, `discipline` on both ends ══ [namespace 1] 10.77.0.2
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import pytest

ADDRESSES: Final = ("10.77.0.1", "10.77.0.2")


@contextmanager
def two_machines(discipline: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The names of two namespaces; skips the test where this machine cannot have them."""
    if os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("tc") is None:
        pytest.skip("network namespaces need root, and ip and tc (Debian's iproute2)")
    first, second = names = (f"teduh-{os.getpid()}-0", f"teduh-{os.getpid()}-1")
    try:
        for name in names:
            _run("ip", "netns", "add", name)
        _run(
            "ip",
            "link",
            "add",
            "wire",
            "netns",
            first,
            "type",
            "veth",
            "peer",
            "name",
            "wire",
            "netns",
            second,
        )
        for name, address in zip(names, ADDRESSES, strict=True):
            _run("ip", "-n", name, "address", "add", f"{address}/24", "dev", "wire")
            _run("ip", "-n", name, "link", "set", "wire", "up")
            _run("ip", "-n", name, "link", "set", "lo", "up")
            _run("ip", "netns", "exec", name, "tc", "qdisc", "add", "dev", "wire", "root", *discipline)
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"this kernel cannot {' '.join(command)}: {done.stderr.strip()}")
