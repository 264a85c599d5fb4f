"""Which master has which slots, as a node of the cluster tells it.

CLUSTER SLOTS answers [first slot, last slot, [host, port, ...], [replica's host, port, ...], ...] for each
range; CLUSTER INFO says in which epoch the node is, and whether it sees a working cluster.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.commands import Command, Reply
from teduh_server.redis_store.exceptions import StoreUnavailable
from teduh_server.redis_store.slots import SLOTS

MAP_QUESTIONS: tuple[Command, Command] = ((b"CLUSTER", b"INFO"), (b"CLUSTER", b"SLOTS"))

_EPOCH = re.compile(rb"cluster_current_epoch:(\d+)")


@dataclass(frozen=True, slots=True)
class ClusterMap:
    """`owners[slot]` is the master that has the slot; empty if nothing is known."""

    owners: tuple[StoreAddress | None, ...]
    masters: tuple[StoreAddress, ...]
    replicas: tuple[StoreAddress, ...]
    epoch: int

    def owner(self, slot: int) -> StoreAddress | None:
        return self.owners[slot] if self.owners else None

    def moved(self, slot: int, owner: StoreAddress) -> ClusterMap:
        """The same but for one slot."""
        return replace(self, owners=(*self.owners[:slot], owner, *self.owners[slot + 1 :]))


def best_map(answers: Iterable[tuple[StoreAddress, list[Reply]]]) -> ClusterMap:
    """The map of the node that sees a working cluster in the highest epoch; raises StoreUnavailable."""
    seen = [(_works(info), _epoch(info), at, slots) for at, (info, slots) in answers]
    if not seen:
        raise StoreUnavailable("no node of the cluster answers")
    _, epoch, at, slots = max(seen, key=lambda each: each[:2])
    if not isinstance(slots, list) or not slots:
        raise StoreUnavailable("the cluster has no slots")
    return _read(slots, at, epoch)


def _read(ranges: list[Reply], at: StoreAddress, epoch: int) -> ClusterMap:
    owners: list[StoreAddress | None] = [None] * SLOTS
    masters: dict[StoreAddress, None] = {}
    replicas: dict[StoreAddress, None] = {}
    for each in ranges:
        if not isinstance(each, list) or not isinstance(each[0], int) or not isinstance(each[1], int):
            continue
        master, *others = (_node(node, at) for node in each[2:])
        owners[each[0] : each[1] + 1] = [master] * (each[1] + 1 - each[0])
        masters[master] = None
        replicas.update(dict.fromkeys(others))
    return ClusterMap(tuple(owners), tuple(masters), tuple(replicas), epoch)


def _node(node: Reply, at: StoreAddress) -> StoreAddress:
    if not isinstance(node, list) or not isinstance(node[1], int):
        raise StoreUnavailable("the cluster describes its nodes in a form that is not known")
    # A node that does not know its own address means the one it was asked at.
    host = node[0].decode() if isinstance(node[0], bytes) and node[0] not in (b"", b"?") else at.host
    return at.at(host, node[1])


def _works(info: Reply) -> bool:
    return isinstance(info, bytes) and b"cluster_state:ok" in info


def _epoch(info: Reply) -> int:
    found = _EPOCH.search(info) if isinstance(info, bytes) else None
    return int(found[1]) if found else 0
