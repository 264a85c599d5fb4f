"""A /48 of IPv6, in which one subscriber may have 65,536 networks of /64, is eight sources and no more, for
turns, for the price, and for what nobody has answered yet.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from support.clients.frame_client import FrameClient, connect
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from teduh_server.matching.unclaimed import SOURCE_BYTES
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.transport.rate_limit import SOURCES_OF_SITE
from teduh_signaling.relay.frames import CancelRequest, Done, Error, ErrorCode, OpenRequest, RequestOpened

HEADER = "X-Client"
FREE_REQUESTS = 3


class Site:
    """Clients from the networks of sites, by the header of a proxy."""

    def __init__(self, url: str, clients: AsyncExitStack) -> None:
        self._url = url
        self._clients = clients

    async def client(self, site: int, network: int) -> FrameClient:
        headers = {HEADER: f"2001:db8:{site:x}:{network:x}::1"}
        session = await self._clients.enter_async_context(aiohttp.ClientSession(headers=headers))
        client = await connect(session, self._url)
        self._clients.push_async_callback(client.socket.close)
        return client

    async def asks(
        self, site: int, network: int, package: bytes = b"kp", *, leaves: bool = False
    ) -> RequestOpened | Error:
        """The relay's answer to one request from there, which may be taken back at once."""
        client = await self.client(site, network)
        await client.send(OpenRequest(1, client.capability, package))
        answer = await client.receive()
        while not isinstance(answer, RequestOpened | Error):
            answer = await client.receive()
        if leaves and isinstance(answer, RequestOpened):
            await client.ask(CancelRequest(2, answer.conversation_id), Done)
        return answer


@pytest.fixture
async def site(
    request: pytest.FixtureRequest, valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> AsyncIterator[Site]:
    """A parameter changes settings."""
    settings = {"client_address_header": HEADER, **getattr(request, "param", {})}
    async with (
        relay_here(organisation.write(tmp_path), valkey.url, **settings) as (_, url),
        AsyncExitStack() as clients,
    ):
        yield Site(url, clients)


async def test_nobody_stands_behind_more_than_eight_requests_of_a_site(site: Site) -> None:
    for network in range(40):
        assert isinstance(await site.asks(7, network), RequestOpened)
    hers = await site.asks(8, 1)
    assert isinstance(hers, RequestOpened)
    assert hers.position <= SOURCES_OF_SITE + 1


@pytest.mark.parametrize("leaves", [False, True], ids=["that wait", "that have left"])
@pytest.mark.parametrize("site", [{"free_requests": FREE_REQUESTS}], indirect=True)
async def test_networks_of_a_site_pay_for_each_others_requests(site: Site, leaves: bool) -> None:
    """Of so many requests one is the fourth of its source, whichever networks are counted together."""
    most = SOURCES_OF_SITE * FREE_REQUESTS + 1
    answers = [await site.asks(7, network, leaves=leaves) for network in range(most)]
    refused = [each for each in answers if isinstance(each, Error)]
    assert {each.code for each in refused} == {ErrorCode.PROOF_OF_WORK_REQUIRED}
    assert isinstance(await site.asks(8, 1), RequestOpened)


async def test_what_nobody_has_answered_is_bounded_for_a_site(site: Site) -> None:
    package = bytes(16_384)
    most = SOURCES_OF_SITE * SOURCE_BYTES // len(package)
    answers = [await site.asks(7, network, package) for network in range(most)]
    refused = [each for each in answers if isinstance(each, Error)]
    assert {each.code for each in refused} == {ErrorCode.RATE_LIMITED}
    assert isinstance(await site.asks(8, 1, package), RequestOpened)
