"""The body of an answer over HTTP, in however many pieces it comes."""

from __future__ import annotations

import aiohttp


async def read_limited(response: aiohttp.ClientResponse, most: int) -> bytes:
    """All of it; raises ValueError if that is more than `most` bytes.

    aiohttp's `read(most)` gives what has come by then: over a network, the beginning of whatever is longer
    than a packet.
    """
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > most:
            raise ValueError("the answer is longer than any that is expected")
    return bytes(body)
