"""Limits per source: buckets that fill with time, under keys that tell nothing about the address."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
from support.clients.frame_client import frame_client
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.transport.rate_limit import SourceLimit, Sources, TokenBucket, source_of_requests


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


def test_a_site_of_ipv6_is_eight_sources_of_requests_and_no_more() -> None:
    """Whoever has a /48 has 65,536 of the /64 that a subscriber has."""
    sources = Sources()
    site = {
        source_of_requests(sources.source(f"2001:db8:7:{network:x}::{network:x}")) for network in range(500)
    }
    assert len(site) == 8
    assert source_of_requests(sources.source("2001:db8:8::1")) not in site


def test_an_address_of_ipv4_is_one_source_of_requests_however_it_is_written() -> None:
    sources = Sources()
    assert source_of_requests(sources.source("192.0.2.1")) == sources.source("192.0.2.1")
    assert sources.source("::ffff:192.0.2.1") == sources.source("192.0.2.1")
    assert sources.source("192.0.2.2") != sources.source("192.0.2.1")


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
