"""A request that staff report makes the next one dearer for who sent it, and for nobody else."""

from __future__ import annotations

from pathlib import Path

from frame_client import FrameClient, frame_client
from relay_organisation import RelayOrganisation
from relay_process import relay_here
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.request_price import REPORTED_BITS
from teduh_signaling.relay.frames import Done, Error, ErrorCode, ReportAbuse


async def _price(url: str) -> int:
    async with frame_client(url) as client:
        return client.hello.proof_of_work_bits


async def _report(staff: FrameClient, survivor: FrameClient) -> None:
    conversation = await survivor.open_request()
    await staff.claim(conversation)
    await staff.append(conversation, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
    await survivor.entries(2)
    await staff.ask(ReportAbuse(8, conversation), Done)


async def test_who_was_reported_pays_at_the_node_to_which_she_was_connected(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url) as (_, hers), relay_here(path, valkey.url) as (_, staffs):
        revocations = organisation.revoking()
        for url in (hers, staffs):
            await organisation.publish_revocations(url, revocations)
        async with frame_client(hers) as survivor, frame_client(staffs) as staff:
            await staff.authenticate(organisation.staff())
            await _report(staff, survivor)
            prices: list[int] = []
            while REPORTED_BITS not in prices:
                prices.append(await _price(hers))
                assert len(prices) < 1000
            assert await _price(staffs) == 0


async def test_only_a_member_reports(relay_url: str, organisation: RelayOrganisation) -> None:
    async with frame_client(relay_url) as survivor, frame_client(relay_url) as staff:
        conversation = await survivor.open_request()
        await staff.authenticate(organisation.staff())
        refused = await staff.ask(ReportAbuse(8, conversation), Error)
        assert (refused.code, refused.ref) == (ErrorCode.UNKNOWN_CONVERSATION, 8)
    assert await _price(relay_url) == 0
