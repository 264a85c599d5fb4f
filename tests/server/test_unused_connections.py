"""Connections that ask for nothing are closed in time; those that serve a request are left alone."""

from __future__ import annotations

from teduh_server.unused_connections import UnusedConnections


class Connection:
    """Notes whether it was closed."""

    closed = False

    def force_close(self) -> None:
        self.closed = True


def test_an_unused_connection_is_closed_after_the_allowed_time() -> None:
    connection, unused = Connection(), UnusedConnections(10.0)
    for now in (100.0, 109.9):
        unused.sweep([connection], now)
        assert not connection.closed
    unused.sweep([connection], 110.0)
    assert connection.closed


def test_each_connection_has_its_own_time() -> None:
    old, new, unused = Connection(), Connection(), UnusedConnections(10.0)
    unused.sweep([old], 100.0)
    unused.sweep([old, new], 110.0)
    assert (old.closed, new.closed) == (True, False)


def test_a_connection_that_has_gone_is_forgotten() -> None:
    """Otherwise each one that ever was would be kept."""
    connection, unused = Connection(), UnusedConnections(10.0)
    unused.sweep([connection], 100.0)
    unused.sweep([], 105.0)
    unused.sweep([connection], 111.0)
    assert not connection.closed
