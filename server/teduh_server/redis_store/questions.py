"""A question to a server over a connection of its own: for Sentinels, and for nodes of a cluster."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.commands import Command, Reply
from teduh_server.redis_store.exceptions import StoreError, StoreUnavailable
from teduh_server.redis_store.location import SentinelLocation
from teduh_server.redis_store.wire import Wire

_ANSWER_SECONDS = 1.0
_STRAGGLERS_SECONDS = 0.2


async def ask_one(address: StoreAddress, *commands: Command) -> list[Reply]:
    """The replies to `commands`; raises OSError, StoreError, or TimeoutError after a second."""
    async with asyncio.timeout(_ANSWER_SECONDS):
        wire = await address.connect(lambda: Wire(lambda: None, {}))
        try:
            for command in address.greeting():
                await wire.ask(command)
            return [await wire.ask(command) for command in commands]
        finally:
            wire.abort()


async def ask_all(
    addresses: Iterable[StoreAddress], *commands: Command
) -> list[tuple[StoreAddress, list[Reply]]]:
    """Who answers within a second, and what; a moment after the first answer no more are waited for."""
    asked = {asyncio.ensure_future(ask_one(address, *commands)): address for address in addresses}
    answered = []
    waiting, patience = set(asked), _ANSWER_SECONDS + _STRAGGLERS_SECONDS
    try:
        while waiting:
            done, waiting = await asyncio.wait(waiting, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                break
            for each in done:
                if not isinstance(each.exception(), OSError | StoreError | None):
                    each.result()
                if each.exception() is None:
                    answered.append((asked[each], each.result()))
                    patience = _STRAGGLERS_SECONDS
    finally:
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    return answered


async def current_master(location: SentinelLocation) -> StoreAddress:
    """The master that most of the Sentinels name; raises StoreUnavailable if none names any."""
    question = (b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", location.name)
    named: Counter[tuple[str, int]] = Counter()
    for _, (reply,) in await ask_all(location.sentinels, question):
        if isinstance(reply, list) and isinstance(reply[0], bytes) and isinstance(reply[1], bytes):
            named[reply[0].decode(), int(reply[1])] += 1
    if not named:
        raise StoreUnavailable("no Sentinel names a master")
    (host, port), _ = named.most_common(1)[0]
    return location.servers.at(host, port)
