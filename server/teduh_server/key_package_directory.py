"""Key packages by which colleagues can add a staff device, each handed out once.

They hold the device's statement and so a name, therefore they are kept in memory only, by the node to which
the device is connected, for as long as it is. A device that connects hears how many are left (none, on a
new node) and publishes more. Another node asks for one through the channels:

    node A  -- KEY_PACKAGE_WANTED [question, A, device id] -->  node B, where the device is
    node A  <-- KEY_PACKAGE_FOUND [question, key package or nil] --
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque

from msgspec import Struct, msgpack

from teduh_server import node_channel
from teduh_server.node_channel import NodeChannel
from teduh_server.presence import Presence
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.keys import node_channel as channel_of

MOST_KEPT = 100
"""Key packages of one device; when more are published the oldest go."""
_ANSWER_SECONDS = 2.0


class _Wanted(Struct, frozen=True, array_like=True):
    question: int
    node_id: str
    device_id: bytes


class _Found(Struct, frozen=True, array_like=True):
    question: int
    key_package: bytes | None


_encode = msgpack.Encoder().encode
_decode_wanted = msgpack.Decoder(_Wanted).decode
_decode_found = msgpack.Decoder(_Found).decode


class KeyPackageDirectory:
    """The key packages of the devices that are connected to this node, and a way to those elsewhere."""

    def __init__(self, store: Store, channel: NodeChannel, presence: Presence, node_id: str) -> None:
        self._store = store
        self._presence = presence
        self._node_id = node_id
        self._kept: dict[bytes, deque[bytes]] = {}
        self._numbers = itertools.count(1)
        self._questions: dict[int, asyncio.Future[bytes | None]] = {}
        channel.on(node_channel.KEY_PACKAGE_WANTED, self._answer)
        channel.on(node_channel.KEY_PACKAGE_FOUND, self._hear)

    def publish(self, device_id: bytes, key_packages: tuple[bytes, ...]) -> None:
        self._kept.setdefault(device_id, deque(maxlen=MOST_KEPT)).extend(key_packages)

    def left(self, device_id: bytes) -> int:
        return len(self._kept.get(device_id, ()))

    def forget(self, device_id: bytes) -> None:
        """The device's last connection to this node has gone."""
        self._kept.pop(device_id, None)

    async def fetch(self, device_id: bytes) -> bytes | None:
        """Take one key package of a device, wherever it is connected; None if there is none."""
        found = self._take(device_id)
        for node in self._presence.nodes_of(device_id):
            if found is None:
                found = await self._ask(node, device_id)
        return found

    def _take(self, device_id: bytes) -> bytes | None:
        kept = self._kept.get(device_id)
        return kept.popleft() if kept else None

    async def _ask(self, node: str, device_id: bytes) -> bytes | None:
        question = next(self._numbers)
        answer: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._questions[question] = answer
        self._tell(node, node_channel.KEY_PACKAGE_WANTED, _Wanted(question, self._node_id, device_id))
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await answer
        except TimeoutError:
            return None
        finally:
            del self._questions[question]

    def _answer(self, message: bytes) -> None:
        wanted = _decode_wanted(message)
        found = _Found(wanted.question, self._take(wanted.device_id))
        self._tell(wanted.node_id, node_channel.KEY_PACKAGE_FOUND, found)

    def _hear(self, message: bytes) -> None:
        found = _decode_found(message)
        answer = self._questions.get(found.question)
        if answer is not None and not answer.done():
            answer.set_result(found.key_package)

    def _tell(self, node: str, kind: int, message: Struct) -> None:
        self._store.publish(channel_of(node), bytes((kind,)) + _encode(message))
