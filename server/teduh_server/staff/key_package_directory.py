"""Key packages by which colleagues can add a staff device, each handed out for one commit.

Whoever brings a device in names the conversation, of which she is a member: while it is in the same epoch she
is given the same key package again (`lend`), for only one commit can use it. So nobody empties a colleague's
by asking, and one person is given few of one device.

They hold the device's statement and so a name, therefore they are kept in memory only, by the node to which
the device is connected, for as long as it is. A device that connects hears how many are left (none, on a
new node) and publishes more. Another node asks for one through the channels:

    node A  -- KEY_PACKAGE_WANTED [question, A, device id] -->  node B, where the device is
    node A  <-- KEY_PACKAGE_FOUND [question, key package or nil] --
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import OrderedDict, deque
from typing import Final

from msgspec import Struct, msgpack

from teduh_server.cluster import node_channel
from teduh_server.cluster.node_channel import NodeChannel
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.keys import node_channel as channel_of
from teduh_server.staff.presence import Presence
from teduh_server.transport.rate_limit import SourceLimit

MOST_KEPT = 100
"""Key packages of one device; when more are published the oldest go."""
LENT_SECONDS: Final = 60.0
"""So long the same one is given again: its device may have begun anew, and know nothing of it."""
_MOST_LENT: Final = 4096
LENT_TO_ONE: Final = 4
"""So many key packages of one device one person is given at a time, half of what a device has; then one in
two minutes."""
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
        # What was given for the commit of an epoch, and until when it is given again.
        self._lent: OrderedDict[tuple[bytes, int, bytes], tuple[bytes, float]] = OrderedDict()
        self._limit = SourceLimit(1 / 120, LENT_TO_ONE)
        channel.on(node_channel.KEY_PACKAGE_WANTED, self._answer)
        channel.on(node_channel.KEY_PACKAGE_FOUND, self._hear)

    def publish(self, device_id: bytes, key_packages: tuple[bytes, ...]) -> None:
        self._kept.setdefault(device_id, deque(maxlen=MOST_KEPT)).extend(key_packages)

    def left(self, device_id: bytes) -> int:
        return len(self._kept.get(device_id, ()))

    def forget(self, device_id: bytes) -> None:
        """The device's last connection to this node has gone."""
        self._kept.pop(device_id, None)

    async def lend(
        self, conversation_id: bytes, epoch: int, device_id: bytes, asker: bytes = b""
    ) -> bytes | float | None:
        """One key package of a device for the next commit of a conversation, wherever the device is
        connected; None if there is none, and the seconds to wait for an `asker` who has been given too many.
        Without a conversation, as older clients ask, each is another one.
        """
        lease, now = (conversation_id, epoch, device_id), time.monotonic()
        lent = self._lent.get(lease) if conversation_id else None
        if lent is not None and lent[1] > now:
            return lent[0]
        if asker and (wait := self._limit.try_take(asker + device_id, now)) > 0:
            return wait
        found = await self.fetch(device_id)
        if found is None:
            self._limit.give_back(asker + device_id, now)
        elif conversation_id:
            self._lent[lease] = found, now + LENT_SECONDS
            if len(self._lent) > _MOST_LENT:
                self._lent.popitem(last=False)
        return found

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
        self._notify(node, node_channel.KEY_PACKAGE_WANTED, _Wanted(question, self._node_id, device_id))
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
        self._notify(wanted.node_id, node_channel.KEY_PACKAGE_FOUND, found)

    def _hear(self, message: bytes) -> None:
        found = _decode_found(message)
        answer = self._questions.get(found.question)
        if answer is not None and not answer.done():
            answer.set_result(found.key_package)

    def _notify(self, node: str, kind: int, message: Struct) -> None:
        self._store.publish(channel_of(node), bytes((kind,)) + _encode(message))
