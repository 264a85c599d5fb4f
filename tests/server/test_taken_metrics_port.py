"""A worker whose figures cannot be served serves people all the same."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_process
from support.store.valkey_process import free_port


async def test_taken_metrics_port_of_the_second_worker_ends_it_not(
    tmp_path: Path, organisation: RelayOrganisation
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        metrics_port = taken.getsockname()[1] - 1
        with relay_process(
            tmp_path / "relay", organisation.write(tmp_path), workers=2, metrics_port=metrics_port
        ) as relay:
            await eventually(lambda: len(relay.workers()) == 2)
            before = relay.workers()
            await asyncio.sleep(8)
            log = relay.log.read_text()
            assert "worker died" not in log, log[-1500:]
            assert relay.workers() == before
