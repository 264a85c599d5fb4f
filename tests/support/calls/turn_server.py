"""A real coturn for one test, on loopback: with the relay's secret, killed and started again at will.

    with turn_server(tmp_path) as turn:
        async with relay_here(organisation_file, store_url, calls=turn.calls()) as (relay, url): ...
        turn.kill()         # as if its machine had died
        turn.start()        # at the same address

Peers on loopback are refused by default, as everywhere; calls between two parties of one machine need
``allow_loopback_peers=True``, which no deployment has.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from support.programs import executable
from support.store.valkey_process import free_port

REALM: Final = "turn.test"
_START_SECONDS: Final = 20.0
_ATTEMPTS: Final = 5
# A Binding request (RFC 8489, 5 and 6): type, no attributes, magic cookie, then a transaction id.
_BINDING: Final = bytes.fromhex("000100002112a442")


@cache
def known_options() -> frozenset[str]:
    """The long options of the coturn that is installed, without the dashes, as it tells them itself."""
    helped = subprocess.run([executable("turnserver"), "--help"], capture_output=True, text=True, check=False)
    return frozenset(re.findall(r"--([a-z][a-z0-9_-]*)", helped.stdout + helped.stderr))


class TurnServer:
    """One coturn process at 127.0.0.1; `port` is for UDP and TCP alike."""

    def __init__(
        self,
        folder: Path,
        *,
        secret: str | None = None,
        allow_loopback_peers: bool = False,
        script: Path | None = None,
        options: Sequence[str] = (),
        address: str = "127.0.0.1",
        relay_address: str | None = None,
        takes_anybody: bool = False,
        tls: bool = False,
        other_servers: Sequence[str] = (),
    ) -> None:
        """`options` are coturn's, without the dashes. `script` starts it instead, with its own configuration,
        and then `address` is where it relays, too. With `tls` they name a certificate; it is at `tls_port`.
        `other_servers` are addresses that the script is told of.
        """
        self._other_servers = other_servers
        self.secret = secret or secrets.token_hex(16)
        self.port = 0
        self.tls_port = free_port_at(address) if tls else 0
        self.address = address
        self._authentication = (
            ["no-auth"] if takes_anybody else ["use-auth-secret", f"static-auth-secret={self.secret}"]
        )
        self.relay_address = relay_address or address
        self.log = folder / "turnserver.log"
        self._folder = folder
        self._options = [*options, *(["allow-loopback-peers"] if allow_loopback_peers else [])]
        self._script = script
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def urls(self) -> tuple[str, ...]:
        """Over UDP, then over TCP."""
        return tuple(f"turn:{self.address}:{self.port}?transport={via}" for via in ("udp", "tcp"))

    def calls(self, **others: object) -> dict[str, object]:
        """The relay's `calls` settings, which name this server."""
        return {"turn_urls": self.urls, "turn_secret": self.secret, **others}

    def credentials(self, *, expires: int | None = None, secret: str | None = None) -> tuple[str, str]:
        """Username and credential as the relay makes them; or expired ones, or of another secret."""
        at = int(time.time()) + 600 if expires is None else expires
        username = f"{at}:{secrets.token_urlsafe(9)}"
        mac = hmac.digest((secret or self.secret).encode(), username.encode(), "sha1")
        return username, base64.b64encode(mac).decode()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start and wait until it answers; at the same port as before, if it ran before."""
        for _ in range(_ATTEMPTS):
            port = self.port or free_port_at(self.address)
            self._launch(port)
            if self._answers(port):
                self.port = port
                return
            # Somebody else was faster at that port, or it did not start at all.
            self.kill()
        raise RuntimeError(f"coturn did not start:\n{self.log.read_text(errors='replace')}")

    def kill(self) -> None:
        """SIGKILL: allocations are gone, and nobody is told."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait(_START_SECONDS)

    def _launch(self, port: int) -> None:
        own = (
            [f"listening-port={port}", *self._options] if self._script else [*self._own(port), *self._options]
        )
        command = [str(self._script)] if self._script else [executable("turnserver"), "-n"]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, *(f"--{option}" for option in own)],
                cwd=self._folder,
                env=os.environ | self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _environment(self) -> dict[str, str]:
        """What the script wants to be told."""
        secret = self._folder / "turn-secret"
        secret.write_text(f"{self.secret}\n")
        return {
            "PATH": f"{Path(executable('turnserver')).parent}:{os.environ.get('PATH', '')}",
            "TURN_ADDRESS": self.relay_address,
            "TURN_REALM": REALM,
            "TURN_SECRET_FILE": str(secret),
            "TURN_RUNTIME_FOLDER": str(self._folder),
            "TURN_OTHER_SERVERS": " ".join(self._other_servers),
        }

    def _own(self, port: int) -> list[str]:
        return [
            f"listening-port={port}",
            f"listening-ip={self.address}",
            f"relay-ip={self.relay_address}",
            *self._authentication,
            f"realm={REALM}",
            "fingerprint",
            f"tls-listening-port={self.tls_port}" if self.tls_port else "no-tls",
            # What newer ones do without being told, they do not let themselves be told.
            *sorted({"no-cli", "no-dtls"} & known_options()),
            "log-file=stdout",
            "simple-log",
            f"pidfile={self._folder / 'turnserver.pid'}",
            f"userdb={self._folder / 'turndb'}",
        ]

    def _answers(self, port: int) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while self.running and time.monotonic() < deadline:
            # From another port each time: coturn never answers one that it heard too early.
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(0.1)
                transaction = secrets.token_bytes(12)
                client.sendto(_BINDING + transaction, (self.address, port))
                try:
                    if transaction in client.recv(2048):
                        return self.running
                except (TimeoutError, ConnectionError):
                    continue
        return False


@contextmanager
def turn_server(folder: Path, **choices: object) -> Iterator[TurnServer]:
    """A running coturn that keeps its files in `folder`; `choices` are those of `TurnServer`."""
    server = TurnServer(folder, **choices)  # type: ignore[arg-type]  # the keywords above
    server.start()
    try:
        yield server
    finally:
        server.kill()


def free_port_at(address: str) -> int:
    """A port that is free for UDP and TCP now, and that neither the kernel nor another worker gives away.

    coturn shares a port with whoever has it already, and two at one answer each other's clients.
    """
    for _ in range(100):
        port = free_port()
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as also,
        ):
            try:
                taken.bind((address, port))
                also.bind((address, port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")
