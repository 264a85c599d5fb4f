"""Whether what every message passes runs as machine code, and of which sources: `tools/compile_relay.py`.

Whoever installs the next release over this one replaces the sources, and not what was once compiled of them,
of which pip knows nothing. Such a relay would run half of the one and half of the other: it does not start.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import teduh_server
from teduh_server import websocket

SUMS: Final = "teduh_server/compiled.sha256"
"""Beside the packages: of each compiled module's source the SHA-256 and the path, as `sha256sum` has them."""
PACKAGES: Final = Path(teduh_server.__file__).parents[1]


class MachineCodeIsStale(RuntimeError):
    """There is machine code of other sources than those that are installed."""


def is_compiled() -> bool:
    """Whether the modules that every message passes are compiled."""
    return not websocket.__file__.endswith(".py")


def verify_machine_code(packages: Path = PACKAGES) -> None:
    """Raises MachineCodeIsStale."""
    if is_compiled() and not _is_of_these_sources(packages):
        raise MachineCodeIsStale(
            f"what is compiled in {packages} is of other sources than are installed there. Run "
            "tools/compile_relay.py again, or remove the .so files from teduh_server and teduh_signaling."
        )


def _is_of_these_sources(packages: Path) -> bool:
    try:
        lines = (packages / SUMS).read_text("utf-8").splitlines()
        return bool(lines) and all(_is_of_this_source(packages, *line.split("  ")) for line in lines)
    except (FileNotFoundError, TypeError):
        return False


def _is_of_this_source(packages: Path, found: str, path: str) -> bool:
    return hashlib.sha256((packages / path).read_bytes()).hexdigest() == found
