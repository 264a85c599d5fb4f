"""Servers that an organisation could run instead of ours, measured with the same generator in the same run.

    socket.io              Node; a chat server of ten lines, one process
    socket.io with Redis   the same with its Redis adapter, which several nodes need
    PeerJS                 Node; passes signaling between browsers
    Prosody, ejabberd      XMPP over WebSocket (RFC 7395), anonymous log-in

None of them is *durable* as measured: what they take is not in any log when they pass it on, nobody is told
that it was accepted, and nobody acknowledges. Their messages are text, as their protocols have it; the
generator wraps its own in what each protocol wants around it. Those that are not installed are left out, and
said to be.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from conversations import Pair
from load import RANDOM_DIGITS, LoadGenerator, LogIn, SetUpResult, TextPeer
from measured_relay import Relay, processor_seconds, proportional_set_size
from raw_socket import RawSocket
from teduh_server.redis_store.durability import Durability
from teduh_server.redis_store.embedded import EmbeddedValkey

NODE_PEERS = Path(__file__).parent / "relay_peers"
ERLANG_LIBRARIES = Path("/usr/lib/x86_64-linux-gnu")
DOMAIN = "bench.example"


class Peer(Relay):
    """A server that passes text messages on."""

    kind = "bare"
    mode = "text"
    modes = ("text",)
    subprotocol = ""

    def __init__(self, core: int | None, folder: Path) -> None:
        self.folder = folder / secrets.token_hex(4)
        self.folder.mkdir()
        super().__init__(core)

    @classmethod
    @abstractmethod
    def missing(cls) -> str | None:
        """What is not installed; None if it can be measured."""

    @property
    @abstractmethod
    def log_in(self) -> LogIn:
        """How a client begins."""

    def set_ups(self, generator: LoadGenerator, count: int, parallel: int) -> SetUpResult:
        return generator.log_ins(self.port, self.log_in, count=count, parallel=parallel)

    def _logged_in(self) -> tuple[RawSocket, str, str]:
        """A client, its name, and the last that it was told."""
        name, log_in, text = secrets.token_hex(8), self.log_in, ""
        socket = RawSocket(self.port, log_in.subprotocol, log_in.path.replace(RANDOM_DIGITS, name))
        for wanted, said in log_in.turns:
            text = _await(socket, wanted) if wanted else ""
            if said:
                socket.send_text(said.replace(RANDOM_DIGITS, name))
        return socket, name, text

    def _pair(
        self, one: RawSocket, before_one: str, other: RawSocket, before_other: str, behind: str
    ) -> Pair:
        return Pair(
            (one, other),
            (
                TextPeer(one.fileno(), before_one, behind),
                TextPeer(other.fileno(), before_other, behind),
            ),
        )


# --- from npm ---


def _no_node_peers() -> str | None:
    if shutil.which("node") is None:
        return "node"
    if not (NODE_PEERS / "node_modules").is_dir():
        try:
            subprocess.run(["npm", "ci", "--silent"], cwd=NODE_PEERS, check=True, timeout=300)
        except (OSError, subprocess.SubprocessError):
            return "its npm packages"
    return None


class SocketIo(Peer):
    name = "socket.io"

    def _command(self) -> Sequence[str]:
        return ["node", str(NODE_PEERS / "socket_io.mjs"), str(self.port)]

    @classmethod
    def missing(cls) -> str | None:
        return _no_node_peers()

    @property
    def log_in(self) -> LogIn:
        turns = (("0{", "40"), ("40{", f'42["name","{RANDOM_DIGITS}"]'), ('42["named"]', ""))
        return LogIn("/socket.io/?EIO=4&transport=websocket", "", turns)

    def pair(self) -> Pair:
        (one, name, _), (other, other_name, _) = self._logged_in(), self._logged_in()
        return self._pair(one, f'42["m","{other_name}","', other, f'42["m","{name}","', '"]')


class SocketIoRedis(SocketIo):
    name = "socket.io with Redis"

    def __init__(self, core: int | None, folder: Path) -> None:
        # As ours has it, though this one stores nothing in it.
        self._valkey = EmbeddedValkey(folder / "socket_io", Durability.AOF)
        self._valkey.start()
        if core is not None:
            os.sched_setaffinity(self._valkey_pid(), {core})
        super().__init__(core, folder)

    def _command(self) -> Sequence[str]:
        return [*super()._command(), str(self._valkey.socket_path)]

    def memory(self) -> dict[str, int]:
        return {**super().memory(), "valkey": proportional_set_size(self._valkey_pid())}

    def processor_seconds(self) -> float:
        return super().processor_seconds() + processor_seconds(self._valkey_pid())

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._valkey.stop()

    def _valkey_pid(self) -> int:
        pid = self._valkey.pid
        assert pid is not None
        return pid


class PeerJs(Peer):
    name = "PeerJS server"

    def _command(self) -> Sequence[str]:
        return ["node", str(NODE_PEERS / "peerjs.mjs"), str(self.port)]

    @classmethod
    def missing(cls) -> str | None:
        return _no_node_peers()

    @property
    def log_in(self) -> LogIn:
        path = f"/peerjs?key=peerjs&id={RANDOM_DIGITS}&token={RANDOM_DIGITS}&version=1"
        return LogIn(path, "", (('"OPEN"', ""),))

    def pair(self) -> Pair:
        (one, name, _), (other, other_name, _) = self._logged_in(), self._logged_in()
        before = '{{"type":"OFFER","dst":"{}","payload":"'.format
        return self._pair(one, before(other_name), other, before(name), '"}')


# --- XMPP ---


class Xmpp(Peer):
    """XMPP over WebSocket: each stanza is a text message."""

    path: ClassVar[str] = "/xmpp-websocket"

    @property
    def log_in(self) -> LogIn:
        """RFC 7395, 3.3; RFC 6120, 6 and 7: open, authenticate, open again, bind."""
        opening = f"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='{DOMAIN}' version='1.0'/>"
        authentication = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>"
        bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
        turns = (
            ("", opening),
            ("ANONYMOUS", authentication),
            ("<success", opening),
            ("xmpp-bind", f"<iq xmlns='jabber:client' id='b' type='set'>{bind}</iq>"),
            ("<jid>", ""),
        )
        return LogIn(self.path, "xmpp", turns)

    def pair(self) -> Pair:
        (one, _, bound), (other, _, other_bound) = self._logged_in(), self._logged_in()
        before = "<message xmlns='jabber:client' to='{}' type='chat'><body>".format
        ends = before(_address(other_bound)), before(_address(bound))
        return self._pair(one, ends[0], other, ends[1], "</body></message>")


def _address(bound: str) -> str:
    return bound.split("<jid>")[1].split("</jid>")[0]


class Prosody(Xmpp):
    name = "Prosody"

    def _command(self) -> Sequence[str]:
        file = self.folder / "prosody.cfg.lua"
        file.write_text(
            f"""run_as_root = true
data_path = "{self.folder}"
log = {{ error = "{self.folder}/log" }}
modules_enabled = {{ "saslauth", "websocket", "http" }}
modules_disabled = {{ "s2s", "offline", "posix" }}
http_ports = {{ {self.port} }}
http_interfaces = {{ "127.0.0.1" }}
https_ports = {{}}
c2s_ports = {{}}
s2s_ports = {{}}
consider_websocket_secure = true
c2s_require_encryption = false
network_backend = "epoll"
VirtualHost "{DOMAIN}"
authentication = "anonymous"
http_host = "127.0.0.1"
"""
        )
        return ["prosody", "-F", "--config", str(file)]

    @classmethod
    def missing(cls) -> str | None:
        return None if shutil.which("prosody") else "prosody"


class Ejabberd(Xmpp):
    name = "ejabberd"

    def _command(self) -> Sequence[str]:
        file = self.folder / "ejabberd.yml"
        file.write_text(
            f"""hosts: ["{DOMAIN}"]
loglevel: error
listen:
  - port: {self.port}
    ip: "127.0.0.1"
    module: ejabberd_http
    request_handlers:
      {self.path}: ejabberd_http_ws
auth_method: anonymous
anonymous_protocol: sasl_anon
allow_multiple_connections: true
websocket_ping_interval: 3600
websocket_timeout: 3600
modules: {{}}
"""
        )
        settings = {
            "ERL_LIBS": str(ERLANG_LIBRARIES),
            "EJABBERD_CONFIG_PATH": str(file),
            "EJABBERD_LOG_PATH": str(self.folder / "log"),
            "HOME": str(self.folder),
        }
        # One scheduler, for it has one core, as all others.
        erlang = ["erl", "+S", "1:1", "+K", "true", "-noinput", "-mnesia", "dir", f'"{self.folder}/db"']
        return ["env", *(f"{name}={value}" for name, value in settings.items()), *erlang, "-s", "ejabberd"]

    @classmethod
    def missing(cls) -> str | None:
        return None if shutil.which("erl") and shutil.which("ejabberdctl") else "ejabberd"


PEERS: Sequence[type[Peer]] = (SocketIo, SocketIoRedis, PeerJs, Prosody, Ejabberd)


def _await(socket: RawSocket, wanted: str) -> str:
    """The next message with the wanted text; those before it are passed over."""
    while True:
        text = socket.receive().decode()
        if wanted in text:
            return text
