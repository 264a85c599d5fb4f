"""XMPP servers of Debian: XMPP over WebSocket (RFC 7395), anonymous log-in."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from conversations import Pair
from load import LogIn
from measured_peer import Client, Peer, pair

ERLANG_LIBRARIES = Path("/usr/lib/x86_64-linux-gnu")
DOMAIN = "bench.example"


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
        return LogIn(self.path, "xmpp", [(wanted.encode(), said.encode()) for wanted, said in turns])

    def pair(self) -> Pair:
        one, other = self._logged_in(), self._logged_in()
        return pair(one, _message(other), other, _message(one), b"</body></message>")


def _message(to: Client) -> bytes:
    address = to.told.split("<jid>")[1].split("</jid>")[0]
    return f"<message xmlns='jabber:client' to='{address}' type='chat'><body>".encode()


class Prosody(Xmpp):
    """As Debian has it, but for what a busy site would set.

    Its defaults let Nagle's algorithm hold a second message back until the first is acknowledged, which costs
    40 ms, and collect garbage in a way that takes half of the processor.
    """

    name = "Prosody"
    settings = """network_backend = "epoll"
network_settings = { nagle = false, opportunistic_writes = true, tcp_backlog = 4096 }
gc = { mode = "generational" }"""

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
{self.settings}
VirtualHost "{DOMAIN}"
authentication = "anonymous"
http_host = "127.0.0.1"
"""
        )
        return ["prosody", "-F", "--config", str(file)]

    @classmethod
    def missing(cls) -> str | None:
        return None if shutil.which("prosody") else "prosody"


class ProsodyAsItComes(Prosody):
    """With none of that."""

    name = "Prosody, as it comes"
    settings = ""


class Ejabberd(Xmpp):
    """As Debian has it, on one scheduler.

    With its default for connections that wait to be accepted (5) a storm of them waits for TCP's retries.
    """

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
    backlog: 4096
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
