"""Which modules are compiled where that is possible, and where `make` puts them (`tools/compile_relay.py`).

Relays that tests and benchmarks start as processes run compiled, as deployed ones do; those in a test's own
event loop, and whatever else a test calls, run as Python. So both are tested by the same tests.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[1]
COMPILED: Final = REPOSITORY / "build" / "compiled"
"""A tree that has both packages as they are, and machine code beside the modules below."""
HASH: Final = "sources.sha256"
"""The file in it that says of what it was made."""

MODULES: Final = (
    "signaling/teduh_signaling/relay/codec.py",
    "signaling/teduh_signaling/relay/entry.py",
    "signaling/teduh_signaling/relay/protocol.py",
    "server/teduh_server/acknowledgements.py",
    "server/teduh_server/appends.py",
    "server/teduh_server/connection.py",
    "server/teduh_server/delivery_service.py",
    "server/teduh_server/early_entries.py",
    "server/teduh_server/frame_boundaries.py",
    "server/teduh_server/handlers/intake.py",
    "server/teduh_server/redis_store/joint.py",
    "server/teduh_server/redis_store/sealed_wire.py",
    "server/teduh_server/redis_store/wire.py",
    "server/teduh_server/subscription.py",
    "server/teduh_server/websocket.py",
)
"""Those that every message passes, and those that inherit of them."""
TOOL: Final = "tools/compile_relay.py"


def hash_of_sources() -> str:
    """Of what machine code is made, and how, and which Python it is for."""
    digest = hashlib.sha256(f"{sys.implementation.cache_tag} {sys.version}".encode())
    for path in (*MODULES, TOOL):
        source = (REPOSITORY / path).read_bytes()
        digest.update(b"%b %d\n%b" % (path.encode(), len(source), source))
    return digest.hexdigest()


def is_current() -> bool:
    """Whether there is machine code, and of today's sources."""
    try:
        return (COMPILED / HASH).read_text("ascii") == hash_of_sources()
    except FileNotFoundError:
        return False


def compiled_first(environment: dict[str, str]) -> dict[str, str]:
    """The same environment, in which a relay runs compiled if it may."""
    if not is_current():
        return environment
    path = [str(COMPILED), *filter(None, (environment.get("PYTHONPATH"),))]
    return {**environment, "PYTHONPATH": os.pathsep.join(path)}
