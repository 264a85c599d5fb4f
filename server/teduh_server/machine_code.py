"""Whether what every message passes runs as machine code: `tools/compile_relay.py` makes it where it can."""

from __future__ import annotations

from teduh_server import websocket


def is_compiled() -> bool:
    """Whether the modules that every message passes are compiled."""
    return not websocket.__file__.endswith(".py")
