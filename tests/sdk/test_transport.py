"""One WebSocket to the relay, over networks that are none of ours."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from relay_organisation import RelayOrganisation
from relay_process import relay_here
from sdk_people import new_staff
from teduh_sdk import transport
from teduh_sdk.exceptions import RelayLost
from teduh_sdk.staff import Staff
from teduh_sdk.survivor import Survivor
from teduh_sdk.transport import dial_relay, relay_origin
from valkey_server import start_valkey


async def test_whoever_accepts_the_connection_and_says_nothing_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As behind a network address translator that has forgotten, or a proxy that hangs."""
    monkeypatch.setattr(transport, "_CONNECT_SECONDS", 0.1)
    silent = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silent.wait()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server, asyncio.timeout(20):
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(RelayLost):
            await dial_relay(f"http://127.0.0.1:{port}")()
        silent.set()


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://relay.example/", "https://relay.example"),
        ("HTTPS://Relay.Example:443", "https://relay.example"),
        ("https://relay.example:8443/help", "https://relay.example:8443"),
        ("http://[2001:DB8::1]:80/", "http://[2001:db8::1]"),
    ],
)
def test_the_origin_that_is_signed_is_what_the_relay_knows_itself_by(written: str, origin: str) -> None:
    assert relay_origin(written) == origin


@pytest.mark.parametrize(
    "written", ["relay.example", "wss://relay.example", "localhost:8420", "https://", ""]
)
def test_what_is_no_address_of_a_relay_is_refused_at_once(written: str) -> None:
    """It would have been dialled for ever, without a word."""
    organisation = RelayOrganisation()
    with pytest.raises(ValueError, match="no address of a relay"):
        Survivor(written, organisation.public)


async def test_staff_are_let_in_however_the_address_is_written(tmp_path: Path) -> None:
    organisation = RelayOrganisation()
    with start_valkey() as valkey:
        async with relay_here(organisation.write(tmp_path), valkey.url) as (_, url):
            await organisation.publish_revocations(url)
            written = url.replace("http", "HTTP") + "/"
            async with (
                asyncio.timeout(20),
                Staff(written, organisation.public, new_staff(organisation, "Sari")) as sari,
            ):
                assert await sari.colleagues() == ()
