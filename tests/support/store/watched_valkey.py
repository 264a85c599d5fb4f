"""A Valkey master with replicas that three Sentinels watch."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.eventually import eventually_here
from support.store.valkey_process import ValkeyProcess, as_bytes, as_list


class SentinelProcess(ValkeyProcess):
    """The same program as a Sentinel."""

    def _first(self) -> list[str]:
        file = self.folder / "sentinel.conf"
        file.touch()
        return [str(file), "--sentinel"]


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
        port = int(as_bytes(as_list(place)[1]))
        return next(node for node in self.nodes if node.port == port)

    def start(self) -> None:
        for node in self.nodes:
            node.start()
        for replica in self.nodes[1:]:
            replica.ask("REPLICAOF", self.nodes[0].host, self.nodes[0].port)
        eventually_here(lambda: self._connected() == len(self.nodes) - 1, "the replicas do not connect")
        for sentinel in self.sentinels:
            sentinel.start()
            sentinel.ask("SENTINEL", "MONITOR", self.name, self.nodes[0].host, self.nodes[0].port, 2)
            for setting, value in (("down-after-milliseconds", 1000), ("failover-timeout", 3000)):
                sentinel.ask("SENTINEL", "SET", self.name, setting, value)
        eventually_here(self._watched, "the Sentinels do not know each other and the replicas")

    def _connected(self) -> int:
        return len(as_list(as_list(self.nodes[0].ask("ROLE"))[2]))

    def _watched(self) -> bool:
        for sentinel in self.sentinels:
            pairs = as_list(sentinel.ask("SENTINEL", "MASTER", self.name))
            seen = dict(zip(pairs[::2], pairs[1::2], strict=True))
            if int(as_bytes(seen[b"num-other-sentinels"])) < 2:
                return False
            if int(as_bytes(seen[b"num-slaves"])) < len(self.nodes) - 1:
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
