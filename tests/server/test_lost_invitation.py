"""A node that dies between a commit and the invitation that goes with it: whoever was added hears of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.clients.frame_client import frame_client, talking_pair
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from teduh_server.conversation_log.inbox import Inbox
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_signaling.relay.frames import Append, InboxItem


async def test_who_was_added_is_invited_though_the_node_died(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = organisation.write(tmp_path)
    counselor, medic = organisation.staff(), organisation.staff("Budi")
    add = Inbox.add
    dead: list[Inbox] = []

    async def die(inbox: Inbox, device_id: bytes, conversation_id: bytes, after: int) -> None:
        if inbox in dead:
            await asyncio.Event().wait()
        await add(inbox, device_id, conversation_id, after)

    monkeypatch.setattr(Inbox, "add", die)
    async with relay_here(path, valkey.url) as (one, at_one), relay_here(path, valkey.url) as (_, at_two):
        for url in (at_one, at_two):
            await organisation.publish_revocations(url)
        async with (
            talking_pair(at_one, counselor) as (survivor, staff, conversation),
            frame_client(at_two) as again,
            frame_client(at_two) as colleague,
        ):
            device = (await colleague.authenticate(medic)).device_id
            dead.append(one.parts.inbox)
            commit = Append(conversation, 2, 1, 1, b"commit", b"welcome", (device,), ())
            await staff.send(commit)
            await survivor.entries(2)
            # The node is dead; the SDKs take what `Subscribed.counter` says for accepted (PROTOCOL.md), and
            # do not send it again.
            await staff.socket.close()
            await again.authenticate(counselor)
            subscribed = await again.subscribe(conversation, 2)
            assert subscribed.counter == 2
            async with asyncio.timeout(5):
                invited = await colleague.expect(InboxItem)
            assert (invited.conversation_id, invited.after) == (conversation, 3)
