"""Who claims to have read further than the log goes harms only itself, also when its connection moves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.clients.frame_client import frame_client
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import worker_here
from teduh_server.cluster.sibling_workers import WorkerMailboxes
from teduh_server.conversation_log.log_reader import LogReader
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.session.connection import Subscription
from teduh_signaling.relay.frames import Subscribe, Subscribed


@pytest.fixture
def mailboxes() -> Iterator[WorkerMailboxes]:
    mailboxes = WorkerMailboxes.of(2)
    assert mailboxes is not None
    yield mailboxes
    mailboxes.close()


async def test_place_beyond_the_log_keeps_no_worker_busy(
    mailboxes: WorkerMailboxes,
    valkey: EmbeddedValkey,
    organisation: RelayOrganisation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = 0
    read_page = LogReader._read_page

    async def counting(self: LogReader, subscription: Subscription) -> bool:
        nonlocal read
        read += 1
        return await read_page(self, subscription)

    monkeypatch.setattr(LogReader, "_read_page", counting)
    path = organisation.write(tmp_path)
    async with (
        worker_here(path, valkey.url, mailboxes.siblings_of(0)) as one,
        worker_here(path, valkey.url, mailboxes.siblings_of(1)) as two,
    ):
        for relay in (one, two):
            await organisation.publish_revocations(relay.origin)
        async with frame_client(one.origin) as survivor, frame_client(two.origin) as staff:
            await staff.authenticate(organisation.staff())
            conversation = await survivor.open_request()
            await staff.claim(conversation)
            await staff.append(conversation, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
            await survivor.entries(2)
            await survivor.ask(Subscribe(7, conversation, 2**53 - 1, survivor.capability), Subscribed)
            await staff.append(conversation, 2, b"said")
            await survivor.append(conversation, 1, b"hers")
            assert (await staff.entries(1))[0].payload == b"hers"
            await asyncio.sleep(0.3)
            before = read
            await asyncio.sleep(1.0)
            assert read - before < 10, (
                f"{read - before} pages were read in a second in which nobody said anything"
            )
