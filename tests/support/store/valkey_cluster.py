"""A cluster of real Valkey processes: masters with replicas, on loopback or partly in an isolated network."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from teduh_server.redis_store.slots import SLOTS, slot_of

from support.chaos.isolated_network import IsolatedNetwork
from support.eventually import eventually_here
from support.store.valkey_process import ValkeyProcess, as_bytes, as_list, free_port, role_of

NODE_TIMEOUT_MS = 2000
"""After so long a silent master is replaced; short, for tests."""


class ValkeyCluster:
    """Masters, each with its replicas; `url` is what a relay takes as `store_url`."""

    def __init__(
        self,
        folder: Path,
        masters: int,
        replicas: int,
        settings: dict[str, str],
        network: IsolatedNetwork | None,
        *,
        first_inside: bool,
    ) -> None:
        common = {
            "cluster-enabled": "yes",
            "cluster-node-timeout": str(NODE_TIMEOUT_MS),
            "cluster-replica-validity-factor": "0",
            "appendonly": "yes",
            "appendfsync": "no",
            "save": "",
            "repl-diskless-sync-delay": "0",
            "repl-diskless-load": "swapdb",
            "loglevel": "notice",
            **settings,
        }
        if network is not None:
            common["protected-mode"] = "no"  # Otherwise it would speak with loopback only.
        count = masters * (1 + replicas)
        self.masters = masters
        self.nodes = []
        for number in range(count):
            own = {**common, "cluster-port": str(free_port())}
            place = folder / f"node{number}"
            if network is None:
                self.nodes.append(ValkeyProcess(place, own))
            elif number or not first_inside:
                self.nodes.append(ValkeyProcess(place, own, host=network.outside))
            else:
                self.nodes.append(ValkeyProcess(place, own, host=network.inside, prefix=network.prefix))

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"{node.host}:{node.port}" for node in self.nodes)

    def start(self) -> None:
        """Start all, make them one cluster, and wait until it works with all its replicas."""
        for node in self.nodes:
            node.start()
        self._share_slots()
        for node in self.nodes[1:]:
            bus = node.settings["cluster-port"]
            self.nodes[0].ask("CLUSTER", "MEET", node.host, node.port, bus)
        eventually_here(
            lambda: all(len(self.known(node)) == len(self.nodes) for node in self.nodes), "nodes do not meet"
        )
        for number, node in enumerate(self.nodes[self.masters :]):
            master = self.nodes[number % self.masters]
            node.ask("CLUSTER", "REPLICATE", self.id_of(master))
        eventually_here(self.whole, "the cluster is not whole")

    def _share_slots(self) -> None:
        for number, master in enumerate(self.nodes[: self.masters]):
            master.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            first, end = (SLOTS * each // self.masters for each in (number, number + 1))
            master.ask("CLUSTER", "ADDSLOTSRANGE", first, end - 1)

    def stop(self) -> None:
        for node in self.nodes:
            if node.running:
                node.thaw()
                node.kill()

    def id_of(self, node: ValkeyProcess) -> str:
        return as_bytes(node.ask("CLUSTER", "MYID")).decode()

    def known(self, node: ValkeyProcess) -> list[bytes]:
        """The nodes that `node` knows, a line each."""
        return as_bytes(node.ask("CLUSTER", "NODES")).splitlines()

    def whole(self) -> bool:
        """Whether every node runs, sees a working cluster, and each replica has caught up with its master."""
        return all(node.running and self._is_steady(node) for node in self.nodes)

    def wait_until_whole(self) -> None:
        eventually_here(self.whole, "the cluster is not whole")

    def _is_steady(self, node: ValkeyProcess) -> bool:
        try:
            info, role = as_bytes(node.ask("CLUSTER", "INFO")), as_list(node.ask("ROLE"))
        except redis.RedisError:
            return False
        wanted = len(self.nodes) // self.masters - 1
        ready = len(as_list(role[2])) >= min(1, wanted) if role[0] == b"master" else role[3] == b"connected"
        return b"cluster_state:ok" in info and ready

    def master_of(self, key: bytes) -> ValkeyProcess:
        """The node that a working part of the cluster calls the master of a key's slot."""
        slot = slot_of(key)
        for node in self.nodes:
            if node.running:
                port = self.owner_port(node, slot)
                if port:
                    return next(each for each in self.nodes if each.port == port)
        raise AssertionError("nobody has the slot")

    def owner_port(self, node: ValkeyProcess, slot: int) -> int:
        """The port of the slot's master as `node` sees it; 0 if it does not answer."""
        try:
            ranges = as_list(node.ask("CLUSTER", "SLOTS"))
        except redis.RedisError:
            return 0
        for each in ranges:
            first, last, owner, *_ = as_list(each)
            if int(str(first)) <= slot <= int(str(last)):
                return int(str(as_list(owner)[1]))
        return 0

    def hand_over(self, node: ValkeyProcess) -> None:
        """If it is a master, let a replica of its take its place, as one does before a restart."""
        replica = self._replica_of(node)
        if replica is not None:
            replica.ask("CLUSTER", "FAILOVER")
            eventually_here(
                lambda: role_of(replica) == b"master" and role_of(node) == b"slave", "no handing over"
            )

    def _replica_of(self, master: ValkeyProcess) -> ValkeyProcess | None:
        for each in as_list(master.ask("CLUSTER", "SLOTS")):
            _, _, owner, *replicas = as_list(each)
            if as_list(owner)[1] == master.port and replicas:
                return next(node for node in self.nodes if node.port == as_list(replicas[0])[1])
        return None

    def wait_until_masters_without(self, lost: ValkeyProcess) -> None:
        """Wait until another node calls only others masters."""
        asked = next(node for node in self.nodes if node is not lost)
        eventually_here(lambda: lost.port not in self._owner_ports(asked), "no replica takes over")

    def _owner_ports(self, node: ValkeyProcess) -> set[int]:
        return {int(str(as_list(as_list(each)[2])[1])) for each in as_list(node.ask("CLUSTER", "SLOTS"))}

    def wait_until_replaced(self, key: bytes, lost: ValkeyProcess) -> None:
        """Wait until the others have another master for the slot of `key`."""
        others, slot = [node for node in self.nodes if node is not lost], slot_of(key)
        eventually_here(
            lambda: any(self.owner_port(node, slot) not in (0, lost.port) for node in others),
            "no replica takes over",
        )

    def current_masters(self) -> list[ValkeyProcess]:
        return [node for node in self.nodes if node.running and role_of(node) == b"master"]


@contextmanager
def valkey_cluster(
    masters: int = 3,
    replicas: int = 1,
    network: IsolatedNetwork | None = None,
    *,
    first_inside: bool = True,
    **settings: str,
) -> Iterator[ValkeyCluster]:
    """A running cluster in a temporary folder; `settings` are Valkey's, with `_` for `-`.

    With an isolated network its first master lives there, or none, and who lives there reaches them all.
    """
    folder = Path(tempfile.mkdtemp(prefix="teduh-cluster-"))
    chosen = {name.replace("_", "-"): value for name, value in settings.items()}
    cluster = ValkeyCluster(folder, masters, replicas, chosen, network, first_inside=first_inside)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
