"""A search that staff began and that becomes the survivor's own is hers in every way."""

from __future__ import annotations

from pathlib import Path

from support.clients.frame_client import frame_client, talking_pair
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from teduh_server.redis_store import routing_scripts
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_signaling.relay.frames import Done, RequestDetails, RequestReassignment, Urgency


async def test_her_emergency_goes_before_others_though_staff_had_looked_for_a_colleague(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url) as (_, url):
        await organisation.publish_revocations(url)
        async with (
            talking_pair(url, organisation.staff()) as (survivor, staff, conversation),
            frame_client(url) as other,
            frame_client(url) as colleague,
        ):
            await colleague.authenticate(organisation.staff("Budi"))
            await other.open_request()
            await staff.ask(RequestReassignment(5, conversation, RequestDetails("interpreter")), Done)
            await survivor.ask(
                RequestReassignment(5, conversation, RequestDetails(urgency=Urgency.EMERGENCY)), Done
            )
            assert (await colleague.claim()).conversation_id == conversation


async def test_supervisors_are_told_of_her_though_they_knew_of_the_search_for_a_colleague(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url) as (relay, url):
        await organisation.publish_revocations(url)
        async with talking_pair(url, organisation.staff()) as (survivor, staff, conversation):
            await staff.ask(RequestReassignment(5, conversation, RequestDetails("interpreter")), Done)
            await relay.parts.store.ask(routing_scripts.mark_notified(conversation))
            await survivor.ask(RequestReassignment(5, conversation, RequestDetails()), Done)
            (request,) = routing_scripts.requests(
                [conversation], await relay.parts.store.ask(routing_scripts.read_requests([conversation]))
            )
            assert not request.seeks_colleague
            assert not request.is_known
