"""Staff that signs in all at once: each connection proves possession of the key in a statement of its own.

Each proof is a signature over the relay's fresh nonce, which the C generator cannot make; so this storm
is Python's, on the generator's core, and says how much of that core it used.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from conversations import RelayConnection, StaffDevice
from load import SetUpResult
from teduh_signaling.relay.frames import Authenticated

PARALLEL = 16


def sign_in(port: int, device: StaffDevice) -> RelayConnection:
    connection = RelayConnection(port)
    connection.send(device.authenticate(connection.hello))
    connection.expect(Authenticated)
    return connection


def storm_of_staff(port: int, devices: Sequence[StaffDevice]) -> SetUpResult:
    """All devices sign in, a few at a time; the connections stay open until the last one is in."""
    begin, processor = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(PARALLEL) as workers:
        connections = list(workers.map(lambda device: sign_in(port, device), devices))
    seconds, busy = time.monotonic() - begin, time.process_time() - processor
    for connection in connections:
        connection.socket.close()
    return SetUpResult(len(connections), 0, 0, "", seconds, busy / seconds)
