"""A survivor who subscribes on the connection that opened her request, while somebody takes it."""

from __future__ import annotations

import asyncio

import pytest
from support.clients.frame_client import talking_pair
from support.organisation.relay_organisation import RelayOrganisation
from teduh_server.conversation_log.delivery_service import DeliveryService
from teduh_server.conversation_log.joining import Joining
from teduh_signaling.relay.frames import Entry, Subscribe, Subscribed


async def test_subscribed_is_never_behind_what_was_delivered_before_it(
    relay_url: str, organisation: RelayOrganisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries come by the earlier subscription while the new one is being proven."""
    proven, goes_on = asyncio.Event(), asyncio.Event()
    prove = DeliveryService.prove

    async def slow(self: DeliveryService, conversation_id: bytes, **proof: bytes | None) -> Joining | None:
        joining = await prove(
            self,
            conversation_id,
            capability_hash=proof.get("capability_hash"),
            device_id=proof.get("device_id"),
        )
        proven.set()
        await goes_on.wait()
        return joining

    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        monkeypatch.setattr(DeliveryService, "prove", slow)
        await survivor.send(Subscribe(9, conversation, 2, survivor.capability))
        await proven.wait()
        await staff.append(conversation, 2, b"in between")
        assert (await survivor.expect(Entry)).payload == b"in between"
        goes_on.set()
        assert (await survivor.expect(Subscribed)).last_seq == 3
