"""Who talks with whom on the bare relays: two connections that begin with the same 16 bytes are a pair."""

from __future__ import annotations

from typing import Generic, TypeVar

PAIR_BYTES = 16
REGISTERED = b"ok"

Connection = TypeVar("Connection")


class Meetings(Generic[Connection]):
    """The connections of one relay; `partners` is looked into for each message."""

    __slots__ = ("_waiting", "partners")

    def __init__(self) -> None:
        self._waiting: dict[bytes, Connection] = {}
        self.partners: dict[Connection, Connection] = {}

    def register(self, connection: Connection, pair: bytes) -> None:
        """The second of a pair finds the first; both know each other from then on."""
        first = self._waiting.pop(pair, None)
        if first is None:
            self._waiting[pair] = connection
        else:
            self.partners[connection], self.partners[first] = first, connection

    def leave(self, connection: Connection) -> None:
        self.partners.pop(connection, None)
