"""The address of a TURN server, as RFC 7065 writes it: the relay's settings and its clients read it alike.

A client dials whatever it takes for an address of a TURN server, so a relay must not be able to slip it
anything else: no ``stun:`` (whose server would learn her address and give nothing for it), no user
information, no path, no white space.

    turn:turn.example:3478?transport=udp
    turns:turn.example:443?transport=tcp
    turn:[2001:db8::7]
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_SHAPE = re.compile(
    r"(?P<scheme>turns?):"
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z](?:[0-9A-Za-z.-]{0,252}[0-9A-Za-z])?)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:\?transport=(?P<transport>udp|tcp))?",
    re.ASCII,
)
_DEFAULT_PORTS = {"turn": 3478, "turns": 5349}
# What browsers take when the address names no transport; of RFC 5928's look-ups in DNS they make none.
_DEFAULT_TRANSPORTS: dict[str, Literal["udp", "tcp"]] = {"turn": "udp", "turns": "tcp"}


@dataclass(frozen=True, slots=True)
class TurnUrl:
    """A TURN server and how to reach it; `host` is a name or an address without brackets."""

    secure: bool
    host: str
    port: int
    transport: Literal["udp", "tcp"]

    @classmethod
    def parse(cls, text: str) -> TurnUrl:
        """Raises ValueError, which does not repeat `text`, when it is no address of a TURN server."""
        found = _SHAPE.fullmatch(text)
        if found is None:
            raise ValueError("not an address of a TURN server (turn:host:port or turns:host:port)")
        scheme = found["scheme"]
        port = int(found["port"]) if found["port"] else _DEFAULT_PORTS[scheme]
        if not 0 < port < 65536:
            raise ValueError("the port of the TURN server is none")
        named: Literal["udp", "tcp"] | None = found["transport"]  # type: ignore[assignment]  # the pattern's
        return cls(scheme == "turns", found["host"].strip("[]"), port, named or _DEFAULT_TRANSPORTS[scheme])
