"""One allocation on a TURN server, by aioice's client: made, used and given back.

async with allocated(url, username, credential) as allocation:
    await allocation.permit(peer)            # a channel to the peer (RFC 8656, 11); nothing is sent yet
    await allocation.send(data, peer)
    await allocation.received.get()          # (data, peer)
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aioice.stun import TransactionError, TransactionFailed
from aioice.turn import TurnClientTcpProtocol, TurnClientUdpProtocol
from teduh_signaling.relay.turn_url import TurnUrl

Peer = tuple[str, int]
ANSWER_SECONDS = 5.0
"""How long a TURN server may take to answer one question."""
_LIFETIME_SECONDS = 60
_REFRESH_SECONDS = 500
_LAST_CHANNEL = 0x4FFF


class TurnUnreachable(Exception):
    """Nobody answers there, or not as a TURN server does."""


class TurnRefused(Exception):
    """The TURN server said no; `code` is STUN's (RFC 8489, 14.8; RFC 8656, 19)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"STUN error {code}")
        self.code = code


class Allocation(asyncio.DatagramProtocol):
    """A relayed address of one's own. What comes there is in `received`."""

    def __init__(self, client: TurnClientUdpProtocol | TurnClientTcpProtocol) -> None:
        self.received: asyncio.Queue[tuple[bytes, Peer]] = asyncio.Queue()
        self.client = client
        # From the last downwards: the client itself counts from the first upwards.
        self._next_channel = _LAST_CHANNEL
        client.receiver = self

    @property
    def address(self) -> Peer:
        """Where the server relays from."""
        assert self.client.relayed_address is not None
        return self.client.relayed_address

    def datagram_received(self, data: bytes | str, addr: Peer) -> None:
        """From the server, which names the peer."""
        self.received.put_nowait((data if isinstance(data, bytes) else data.encode(), addr))

    async def permit(self, peer: Peer) -> None:
        """Ask for a channel to `peer`, to which nothing is sent. Raises `TurnRefused`, `TurnUnreachable`."""
        channel, self._next_channel = self._next_channel, self._next_channel - 1
        async with _answered():
            await self.client.channel_bind(channel, peer)

    async def send(self, data: bytes, peer: Peer) -> None:
        """Send through a channel, which is bound if there is none. Raises as `permit` does."""
        async with _answered():
            await self.client.send_data(data, peer)


@asynccontextmanager
async def allocated(url: TurnUrl, username: str | None, credential: str | None) -> AsyncIterator[Allocation]:
    """An allocation, given back at the end. Raises `TurnRefused`, `TurnUnreachable`."""
    async with _answered():
        client = await connect(url, username, credential)
    try:
        allocation = Allocation(client)
        async with _answered():
            await client.connect()
        yield allocation
        # Given back; a server that does not take it lets it expire.
        with suppress(TurnRefused, TurnUnreachable):
            async with _answered():
                await client.delete()
    finally:
        if client.refresh_task is not None:
            client.refresh_task.cancel()
        client.transport.close()


async def connect(
    url: TurnUrl, username: str | None, credential: str | None
) -> TurnClientUdpProtocol | TurnClientTcpProtocol:
    """aioice's client for one server, which has asked for nothing yet. Raises OSError."""
    loop = asyncio.get_running_loop()
    kind = socket.SOCK_DGRAM if url.transport == "udp" else socket.SOCK_STREAM
    infos = await loop.getaddrinfo(url.host, url.port, type=kind)
    host, port = infos[0][4][:2]
    server: Peer = (str(host), int(port))
    arguments = (server, username, credential, _LIFETIME_SECONDS, _REFRESH_SECONDS)
    if url.transport == "udp":
        return (
            await loop.create_datagram_endpoint(lambda: TurnClientUdpProtocol(*arguments), remote_addr=server)
        )[1]
    context = ssl.create_default_context() if url.secure else None
    name = url.host if url.secure else None
    return (
        await loop.create_connection(
            lambda: TurnClientTcpProtocol(*arguments), *server, ssl=context, server_hostname=name
        )
    )[1]


@asynccontextmanager
async def _answered() -> AsyncIterator[None]:
    """Bounds the wait, and turns what aioice and the network raise into our two exceptions."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            yield
    except TransactionFailed as error:
        raise TurnRefused(error.response.error_code or 0) from error
    except TimeoutError as error:
        raise TurnUnreachable("it does not answer") from error
    except ssl.SSLError as error:
        raise TurnUnreachable(f"its certificate does not hold: {error.reason}") from error
    except ConnectionRefusedError as error:
        raise TurnUnreachable("nobody listens there") from error
    except (TransactionError, OSError) as error:
        raise TurnUnreachable(getattr(error, "strerror", None) or "it answers nothing of use") from error
