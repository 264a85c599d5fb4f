"""Limits per source: buckets that fill with time, under keys that tell nothing about the address."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
from frame_client import frame_client
from relay_organisation import RelayOrganisation
from relay_process import relay_here
from teduh_server.rate_limit import SourceLimit, Sources, TokenBucket
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.request_price import RequestPrice
from teduh_signaling.relay import proof_of_work
from teduh_signaling.relay.frames import (
    Error,
    ErrorCode,
    OpenRequest,
    RequestDetails,
    RequestOpened,
    Urgency,
)


def test_bucket_allows_a_burst_and_then_the_rate() -> None:
    bucket = TokenBucket(rate=2.0, burst=3.0, now=0.0)
    assert [bucket.try_take(0.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert bucket.try_take(0.5) == 0
    assert bucket.try_take(0.5) > 0


def test_sources_do_not_share_a_bucket() -> None:
    limit = SourceLimit(rate=1.0, burst=1.0)
    assert limit.try_take(b"one", 0.0) == 0
    assert limit.try_take(b"one", 0.0) > 0
    assert limit.try_take(b"two", 0.0) == 0


def test_source_differs_between_processes_and_holds_no_address() -> None:
    one, two = Sources(), Sources()
    assert one.source("192.0.2.1") == one.source("192.0.2.1")
    assert one.source("192.0.2.1") != two.source("192.0.2.1")
    assert b"192.0.2.1" not in one.source("192.0.2.1")


def test_addresses_of_one_ipv6_network_are_one_source() -> None:
    sources = Sources()
    assert sources.source("2001:db8::1") == sources.source("2001:db8::ffff:1")
    assert sources.source("2001:db8::1") != sources.source("2001:db8:0:1::1")


def test_price_rises_with_the_number_of_requests() -> None:
    price = RequestPrice(0, above_per_minute=10)
    before = price.bits(b"somebody")
    for _ in range(11):
        price.count()
    risen = price.bits(b"somebody")
    for _ in range(100):
        price.count()
    assert before == 0 < risen < price.bits(b"somebody") <= 20


async def test_too_many_connections_from_one_source_are_turned_away(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url, connections_per_minute=0.001) as (_, url):
        with pytest.raises(aiohttp.WSServerHandshakeError, match="429"):
            await _connect_often(url, 100)


async def _connect_often(url: str, times: int) -> None:
    for _ in range(times):
        async with frame_client(url):
            pass


async def test_too_many_requests_are_refused_but_never_an_emergency(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url, requests_per_minute=0.001) as (_, url):
        code = None
        for number in range(20):
            async with frame_client(url) as client:
                await client.send(OpenRequest(1, bytes([number]) * 32, b"kp"))
                answer = await client.receive()
                if isinstance(answer, Error):
                    code = answer.code
                    break
        assert code is ErrorCode.RATE_LIMITED
        async with frame_client(url) as client:
            emergency = RequestDetails(urgency=Urgency.EMERGENCY)
            await client.ask(OpenRequest(1, client.capability, b"kp", emergency), RequestOpened)


async def test_request_without_the_asked_work_is_refused(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    path = organisation.write(tmp_path)
    # Nothing at all is a proof of eight bits for each 256th nonce.
    async with relay_here(path, valkey.url, proof_of_work_bits=16) as (_, url), frame_client(url) as client:
        assert client.hello.proof_of_work_bits == 16
        refused = await client.ask(OpenRequest(1, client.capability, b"kp"), Error)
        assert refused.code is ErrorCode.PROOF_OF_WORK_REQUIRED
        work = proof_of_work.solve(client.hello.nonce, 16)
        opened = OpenRequest(2, client.capability, b"kp", RequestDetails(), work)
        assert (await client.ask(opened, RequestOpened)).position == 1
