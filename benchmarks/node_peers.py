"""Servers from npm, as they come: socket.io in four ways, and PeerJS."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import psutil
from conversations import Pair
from load import RANDOM_DIGITS, LogIn
from measured_peer import Client, Peer, pair
from measured_relay import move, processor_seconds, proportional_set_size
from teduh_server.redis_store.durability import Durability
from teduh_server.redis_store.embedded import EmbeddedValkey

NODE_PEERS = Path(__file__).parent / "relay_peers"


class NodePeer(Peer):
    """A script in `relay_peers`, whose packages are installed when they are first needed."""

    script: ClassVar[str]

    def _command(self) -> Sequence[str]:
        return ["node", str(NODE_PEERS / self.script), str(self.port)]

    @classmethod
    def missing(cls) -> str | None:
        if shutil.which("node") is None:
            return "node"
        if not _is_installed():
            try:
                subprocess.run(["npm", "ci", "--silent"], cwd=NODE_PEERS, check=True, timeout=300)
            except (OSError, subprocess.SubprocessError):
                return "its npm packages"
        return None


def _is_installed() -> bool:
    """Whether npm has installed what the lock file says today."""
    lock, installed = NODE_PEERS / "package-lock.json", NODE_PEERS / "node_modules" / ".package-lock.json"
    return installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime


class SocketIo(NodePeer):
    name = "socket.io"
    script = "socket_io.mjs"

    @property
    def log_in(self) -> LogIn:
        named = f'42["name","{RANDOM_DIGITS}"]'.encode()
        turns = ((b"0{", b"40"), (b"40{", named), (b'42["named"]', b""))
        return LogIn("/socket.io/?EIO=4&transport=websocket", "", turns)

    def pair(self) -> Pair:
        return self._between(self._logged_in(), self._logged_in())

    def _between(self, one: Client, other: Client) -> Pair:
        before = '42["m","{}","'.format
        return pair(one, before(other.name).encode(), other, before(one.name).encode(), b'"]')


class SocketIoRedis(SocketIo):
    """One process with the Redis adapter: each message is published, and comes back for nothing."""

    name = "socket.io with Redis, one process"
    adapter: ClassVar[Sequence[str]] = ()
    """Which one, as the script is told."""

    def __init__(self, core: int | None, folder: Path) -> None:
        # As ours has it, though this one stores nothing in it.
        self._valkey = EmbeddedValkey(folder / f"socket_io-{secrets.token_hex(4)}", Durability.AOF)
        self._valkey.start()
        self._valkey.revive()
        if core is not None:
            os.sched_setaffinity(self._valkey_pid(), {core})
        super().__init__(core, folder)

    def _command(self) -> Sequence[str]:
        return [*super()._command(), str(self._valkey.socket_path), *self.adapter]

    def memory(self) -> dict[str, int]:
        return {**super().memory(), "valkey": proportional_set_size(self._valkey_pid())}

    def processor_seconds(self) -> float:
        return super().processor_seconds() + processor_seconds(self._valkey_pid())

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._valkey.stop()

    def _processes(self) -> list[psutil.Process]:
        return [*super()._processes(), psutil.Process(self._valkey_pid())]

    def _valkey_pid(self) -> int:
        pid = self._valkey.pid
        assert pid is not None
        return pid


class SocketIoTwoNodes(SocketIoRedis):
    """Two processes on the one core, for which the adapter is made: sender at one, receiver at the other."""

    name = "socket.io with Redis, two processes"

    def __init__(self, core: int | None, folder: Path) -> None:
        super().__init__(core, folder)
        self._second = _SecondNode(core, folder, (str(self._valkey.socket_path), *self.adapter))

    def pair(self) -> Pair:
        return self._between(self._logged_in(), self._second.client())

    def memory(self) -> dict[str, int]:
        return {**super().memory(), **self._second.memory()}

    def processor_seconds(self) -> float:
        return super().processor_seconds() + self._second.processor_seconds()

    def _processes(self) -> list[psutil.Process]:
        return [*self._second.processes(), *super()._processes()]

    def __exit__(self, *_: object) -> None:
        self._second.__exit__()
        super().__exit__()


class SocketIoTwoNodesApart(SocketIoTwoNodes):
    """The same with the Valkey on the load generator's core."""

    name = "the same, Valkey on the load's core"

    def __init__(self, core: int | None, folder: Path, load_core: int | None) -> None:
        super().__init__(core, folder)
        move(self._valkey_pid(), load_core)


class SocketIoStreams(SocketIoTwoNodes):
    """The same with the adapter that appends each message to a stream, from which every process reads.

    It is what socket.io has for messages that outlast a broken link, and the nearest to ours: one is in the
    stream, and in Valkey's file, before anybody gets it. The stream has the last 10,000 of all conversations,
    and nobody is told what is in it.
    """

    name = "socket.io with Redis Streams, two processes"
    adapter = ("streams",)


class _SecondNode(SocketIo):
    def __init__(self, core: int | None, folder: Path, store: Sequence[str]) -> None:
        self._store = store
        super().__init__(core, folder)

    def _command(self) -> Sequence[str]:
        return [*super()._command(), *self._store]

    def client(self) -> Client:
        return self._logged_in()

    def processes(self) -> list[psutil.Process]:
        return self._processes()

    def memory(self) -> dict[str, int]:
        return {"second": super().memory()["relay"]}


class PeerJs(NodePeer):
    name = "PeerJS server"
    script = "peerjs.mjs"

    @property
    def log_in(self) -> LogIn:
        path = f"/peerjs?key=peerjs&id={RANDOM_DIGITS}&token={RANDOM_DIGITS}&version=1"
        return LogIn(path, "", ((b'"OPEN"', b""),))

    def pair(self) -> Pair:
        one, other = self._logged_in(), self._logged_in()
        before = '{{"type":"OFFER","dst":"{}","payload":"'.format
        return pair(one, before(other.name).encode(), other, before(one.name).encode(), b'"}')
