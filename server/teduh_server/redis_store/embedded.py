"""A Valkey of one's own, for a relay on one machine without set-up.

A real `valkey-server` (the one on PATH, or the one that came in a wheel: `server_program.py`) on a unix
socket that only this user can open, its append-only file in the data folder. It outlives a killed relay,
and a restarted relay finds it again:

    data/valkey/   valkey.sock   valkey.pid   appendonlydir/   valkey.log

With durability `aof` it runs with `appendfsync always`: what it answers is written and synced. Where it
cannot write or sync (a full or broken disk) it ends itself without an answer. Whoever tends it begins it
anew: as soon as the disk takes a file again, and ever later if it keeps ending for another reason. Meanwhile
nothing is accepted. `memory` keeps no file. Replicas it has none.

The file is a record of all that was ever written, until it is written anew from what there is. By size that
may be never, where little is said; so it is done every hour besides, and once at the beginning, for whoever
seizes the disk shall not find what was trimmed or has expired.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from redis import Redis, RedisError

from teduh_server.redis_store.durability import Durability
from teduh_server.redis_store.server_program import valkey_server

REWRITE_SECONDS = 3600.0
_REWRITE_BYTES = 256 * 1024 * 1024
"""By size only when it is as large as this: it takes a part of the processor from those who talk."""
_LONGEST_SOCKET_PATH = 100
"""Bytes; the kernel takes 107."""
_START_SECONDS = 120.0
_LISTEN_SECONDS = 2.0
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 10.0
"""Seconds before one that has ended is begun anew, doubling while it keeps ending; at first at once."""
_STEADY_SECONDS = 10.0
"""One that has lived so long does not keep ending."""
_ASK_SECONDS = 2.0
_TRIED_BYTES = 1024 * 1024
"""The disk must take a file of this size, or a Valkey begun on it would end with its first write."""


class FolderInUse(Exception):
    """Another relay runs the embedded Valkey of this folder."""


class EmbeddedValkey:
    """The server process of one data folder."""

    __slots__ = (
        "_began",
        "_begin_at",
        "_durability",
        "_is_awaited",
        "_lock",
        "_process",
        "_wait",
        "folder",
        "rewrite_at",
        "socket_path",
    )

    def __init__(self, folder: Path, durability: Durability = Durability.AOF) -> None:
        """Raises RuntimeError for `replicated`, which one server cannot be."""
        if durability is Durability.REPLICATED:
            raise RuntimeError(
                "durability = 'replicated' needs a store_url: the embedded Valkey has no replicas"
            )
        self.folder = folder.resolve()
        self.socket_path = _socket_path(self.folder)
        self._durability = durability
        self._process: subprocess.Popen[bytes] | None = None
        # Whether it was begun, and nobody has seen it answer.
        self._is_awaited = False
        # When the process was begun, when it may be begun anew if it has ended, and how much later again.
        self._began = self._begin_at = 0.0
        self._wait = 0.0
        self._lock: int | None = None
        self.rewrite_at = 0.0
        """When the append-only file is to be made anew; monotonic."""

    @property
    def url(self) -> str:
        return f"unix://{self.socket_path}"

    @property
    def pid(self) -> int | None:
        """Of the running server, whoever started it."""
        return _read_pid(self.folder / "valkey.pid")

    def start(self) -> None:
        """Take the folder, and begin the server, or find the one that a killed relay left behind. It answers
        later, when it has read its file; one that cannot be begun yet is begun by `tend`. Blocks until it
        listens, two seconds at most.

        Raises FolderInUse, and OSError where there can be no folder.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.socket_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._take_lock()
        if _accepts(self.socket_path) and not self._holds_to_settings():
            # Whatever it has answered is in its file.
            self.kill()
        with suppress(OSError):
            self._begin_if_gone()
            self._wait_for_socket()

    def _wait_for_socket(self) -> None:
        """Until the server that was begun listens, which it does before it reads its file."""
        deadline = time.monotonic() + _LISTEN_SECONDS
        while self._is_awaited and self._process is not None and self._process.poll() is None:
            if _accepts(self.socket_path) or time.monotonic() > deadline:
                return
            time.sleep(0.005)

    def _holds_to_settings(self) -> bool:
        """One that a killed relay has left keeps what was promised then: hold it to what is promised now.
        False if it does not answer.
        """
        appendonly, appendfsync = self._promises()
        try:
            with Redis(unix_socket_path=os.fspath(self.socket_path), socket_timeout=_ASK_SECONDS) as client:
                client.config_set("appendfsync", appendfsync)
                if client.config_get("appendonly") != {"appendonly": appendonly}:
                    client.config_set("appendonly", appendonly)
                    # Until its first file is whole it keeps nothing, and cannot be ended.
                    while any(
                        client.info("persistence")[f"aof_rewrite_{each}"]
                        for each in ("in_progress", "scheduled")
                    ):
                        time.sleep(0.05)
        except RedisError:
            return False
        return True

    def revive(self) -> None:
        """Start the server if it does not run, and wait until it answers. Blocks. Raises OSError, and
        RuntimeError if it does not.
        """
        deadline = time.monotonic() + _START_SECONDS
        if self._process is None or self._process.poll() is not None:
            self._begin_at = 0.0
        self._begin_if_gone()
        while not _answers(self.socket_path):
            has_ended = self._process is not None and self._process.poll() is not None
            if has_ended or time.monotonic() > deadline:
                raise RuntimeError(f"valkey-server did not start; see {self.folder / 'valkey.log'}")
            time.sleep(0.01)

    def tend(self) -> bool:
        """What is to be done every second: also to start the server if it does not run, which may then have a
        long file to read; nobody waits for that here. Blocks for a moment. False if it had ended by itself,
        as a rule because it could not write or sync its file, and was begun anew.

        Raises OSError where the disk takes nothing, or there can be no process.
        """
        had_ended = self._begin_if_gone()
        is_due = self._durability is not Durability.MEMORY and time.monotonic() >= self.rewrite_at
        if is_due and not self._is_awaited:
            self._rewrite_file()
        return not had_ended

    def stop(self) -> None:
        """Let the server write what it has and end; leaves the data."""
        if self._is_awaited and self._process is not None and self._process.poll() is None:
            # It was begun a moment ago, and may have no socket yet.
            self._process.terminate()
            self._wait_until_gone(self._process.pid)
        pid = self.pid
        if pid is not None and _ask(self.socket_path, b"PING").startswith((b"+PONG", b"-LOADING")):
            os.kill(pid, signal.SIGTERM)
            self._wait_until_gone(pid)
        self._release_lock()

    def kill(self) -> None:
        """SIGKILL, as a crash would; for tests."""
        pid = self.pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            self._wait_until_gone(pid)

    def _begin_if_gone(self) -> bool:
        """Whether one that had ended was begun anew."""
        # Of one that was begun a moment ago there may be no socket yet.
        if self._process is not None and self._process.poll() is None:
            if self._is_awaited:
                self._is_awaited = not _answers(self.socket_path)
            return False
        now = time.monotonic()
        if now < self._begin_at or _accepts(self.socket_path):
            return False
        if self._durability is not Durability.MEMORY:
            self._try_disk()
        had_ended = self._process is not None
        was_steady = now - self._began > _STEADY_SECONDS
        self._wait = 0.0 if was_steady else min(max(_FIRST_WAIT, 2 * self._wait), _LONGEST_WAIT)
        self._begin()
        self._is_awaited, self._began, self._begin_at = True, now, now + self._wait
        return had_ended

    def _try_disk(self) -> None:
        """Raise OSError where the disk takes nothing: a server begun there would end with its first write."""
        tried = self.folder / "temp-tried"
        try:
            with tried.open("wb") as file:
                file.write(bytes(_TRIED_BYTES))
                file.flush()
                os.fsync(file.fileno())
        finally:
            tried.unlink(missing_ok=True)

    def _rewrite_file(self) -> None:
        """Have the append-only file made anew of what there is, if that is due."""
        if _ask(self.socket_path, b"BGREWRITEAOF").startswith(b"+"):
            self.rewrite_at = time.monotonic() + REWRITE_SECONDS

    def _begin(self) -> None:
        self.socket_path.unlink(missing_ok=True)
        for half_a_file in self.folder.glob("temp-*"):
            # One that was killed while it wrote its file anew left it, and never looks at it again.
            half_a_file.unlink(missing_ok=True)
        # Its own session, so that Ctrl-C in the relay's terminal lets the relay end first.
        self._process = subprocess.Popen(  # noqa: S603 -- a fixed program with arguments of our own
            [_executable(), *self._arguments()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _promises(self) -> tuple[str, str]:
        """`appendonly` and `appendfsync`."""
        return ("no", "no") if self._durability is Durability.MEMORY else ("yes", "always")

    def _arguments(self) -> list[str]:
        append_only, sync = self._promises()
        settings = {
            "port": "0",
            "unixsocket": str(self.socket_path),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "pidfile": str(self.folder / "valkey.pid"),
            "logfile": str(self.folder / "valkey.log"),
            "loglevel": "warning",
            "appendonly": append_only,
            "appendfsync": sync,
            "auto-aof-rewrite-min-size": str(_REWRITE_BYTES),
            "save": "",
            # A full server refuses new entries rather than forget accepted ones. It is full before the
            # machine is, where the kernel would end it again and again, for it comes back with all it had.
            "maxmemory-policy": "noeviction",
            "maxmemory": str(_memory_of_machine() // 2),
            # Two looks at the clock for each command of a script, for a histogram that nobody reads.
            "latency-tracking": "no",
            # The slow log keeps the arguments of commands.
            "slowlog-log-slower-than": "-1",
        }
        return [part for name, value in settings.items() for part in (f"--{name}", value)]

    def _wait_until_gone(self, pid: int) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process is not None and self._process.pid == pid:
                if self._process.poll() is not None:
                    return
            elif not _exists(pid):
                return
            time.sleep(0.005)
        raise RuntimeError("valkey-server does not end")

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        lock = os.open(self.folder / "relay.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise FolderInUse(f"another relay uses {self.folder}") from None
        self._lock = lock

    def _release_lock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _memory_of_machine() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _executable() -> str:
    found = valkey_server()
    if found is None:
        raise RuntimeError("there is no valkey-server, neither on PATH nor in a wheel")
    return str(found)


def _socket_path(folder: Path) -> Path:
    path = folder / "valkey.sock"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        return path
    # The kernel has no room for a long path: a short one that the folder determines, in a folder of this
    # user's.
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"teduh-{os.getuid()}" / name / "valkey.sock"


def _accepts(path: Path) -> bool:
    """Whether a server lives behind this socket, ready or not."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        # One that hangs lets so many wait, and the next would wait for as long as it does.
        probe.setblocking(False)
        try:
            probe.connect(os.fspath(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except BlockingIOError:
            pass
        return True


def _answers(path: Path) -> bool:
    """Whether a server takes commands at this socket (not while it reads its append-only file)."""
    return _ask(path, b"PING").startswith(b"+PONG")


def _ask(path: Path, word: bytes) -> bytes:
    """The beginning of the answer to a command without arguments; nothing if there is none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(_ASK_SECONDS)
        try:
            asking.connect(os.fspath(path))
            asking.sendall(word + b"\r\n")
            return asking.recv(16)
        except OSError:
            return b""


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except OSError:
        return True  # No /proc, or gone this moment: the next look tells.
    # Dead, but its parent has not asked about it yet.
    return state != "Z"


def _read_pid(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
