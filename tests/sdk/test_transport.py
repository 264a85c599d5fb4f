"""One WebSocket to the relay, over networks that are none of ours."""

from __future__ import annotations

import asyncio

import pytest
from teduh_sdk import transport
from teduh_sdk.exceptions import RelayLost
from teduh_sdk.transport import dial_relay


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
