"""deploy/compose.yaml as a whole: what each key of it must be, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from support.deployment.command_lines import faults_of_command
from support.deployment.relay import (
    CONSOLE_DOMAIN,
    DIRECTORY_FILE,
    DOMAIN,
    ORGANISATION_FILE,
    PORT,
    READY,
    SENTINEL_PORT,
    TURN_DOMAIN,
    faults_of_relay,
    served_path,
)
from support.deployment.settings import DEPLOY
from support.deployment.whole_document import (
    UNREADABLE,
    Document,
    Such,
    faults,
    image,
    in_seconds,
    number,
    seconds,
    size,
    yaml_documents,
)

VALKEY_USER = "999:1000"
"""The numbers of the user of Valkey's Alpine image."""
NOBODY = "65534"
SECRET_FILE = "/run/secrets/turn-secret"
_REFERENCE = re.compile(r"\$\{(\w+)(:\?|:-)?\}|\$")
_PIECES = ("x-closed", "x-relay", "x-valkey", "x-sentinel")
_SENTINELS = ["sentinel-1", "sentinel-2", "sentinel-3"]

# --- what all containers share ---

_CLOSED: Document = {
    # Of what is `unless-stopped`, Podman starts nothing when the machine has started.
    "restart": "always",
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "pids_limit": number(16, 1024),
    # What containers print is neither sent away nor kept without an end.
    "logging": {"driver": "json-file", "options": {"max-size": size(1, 50), "max-file": number(1, 10)}},
    "mem_limit": size(64, 4096),
}


def _health(test: object) -> Document:
    return {
        "test": test,
        "interval": seconds(1, 30),
        "timeout": seconds(1, 10),
        "retries": number(1, 10),
    }


def _relay() -> Document:
    health = _health(["CMD", "python", "-c", Such("a question at /readyz", asks_whether_it_is_ready)])
    return _CLOSED | {
        "image": "teduh-relay",
        "build": {"context": "..", "dockerfile": "deploy/Containerfile"},
        "user": image_user(),
        "command": Such("a command of teduh", lambda words: faults_of_command(words) == []),
        # Looked at by the relay's own settings, see `faults_of_relay`.
        "environment": Such("settings", lambda told: isinstance(told, dict)),
        "volumes": [
            f"./organisation.toml:{ORGANISATION_FILE}:ro",
            f"./directory:{Path(DIRECTORY_FILE).parent}:ro",
        ],
        "tmpfs": [Such("memory", re.compile(r"/tmp:size=[1-9]\d?m,mode=1777").fullmatch)],
        "secrets": ["turn-secret"],
        "networks": ["front", "store"],
        "ulimits": {"nofile": {"soft": number(65_536, 1_048_576), "hard": number(65_536, 1_048_576)}},
        "stop_grace_period": seconds(15, 120),
        "healthcheck": health | {"start_period": seconds(5, 60)},
        "depends_on": _SENTINELS,
    }


@cache
def image_user() -> str:
    """Whom the relay's image makes."""
    (user,) = re.findall(r"^USER (\S+)$", (DEPLOY / "Containerfile").read_text("utf-8"), re.M)
    return str(user)


def asks_whether_it_is_ready(program: str) -> bool:
    """Whether the Python of a health check asks for a path that the relay serves."""
    found = re.fullmatch(
        r"import urllib\.request; urllib\.request\.urlopen\('http://127\.0\.0\.1:(\d+)(/\w+)', timeout=2\)",
        program,
    )
    return found is not None and int(found[1]) == PORT and found[2] in served_path(READY)


def _store(name: str, command: list[str], ask: list[str], after: list[str] | None) -> Document:
    expected = _CLOSED | {
        "image": image("valkey/valkey"),
        "user": VALKEY_USER,
        "entrypoint": ["/etc/valkey/start.sh"],
        "command": command,
        "networks": ["store"],
        "stop_grace_period": seconds(5, 120),
        "healthcheck": _health(["CMD", "valkey-cli", *ask, "ping"]),
        "volumes": ["./valkey:/etc/valkey:ro", f"{name}:/data"],
    }
    return expected | ({} if after is None else {"depends_on": after})


def _sentinel(name: str) -> Document:
    ask = ["-p", str(SENTINEL_PORT)]
    return _store(name, ["sentinel", name, "valkey-primary"], ask, ["valkey-primary", "valkey-replica"])


def _proxy() -> Document:
    return _CLOSED | {
        "image": image("caddy"),
        # The only right of root's that it has: ports 80 and 443.
        "cap_add": ["NET_BIND_SERVICE"],
        "environment": {
            "TEDUH_DOMAIN": DOMAIN,
            "TEDUH_CONSOLE_DOMAIN": CONSOLE_DOMAIN,
            "ACME_EMAIL": example()["ACME_EMAIL"],
        },
        "volumes": ["./caddy/Caddyfile:/etc/caddy/Caddyfile:ro", "certificates:/data"],
        "tmpfs": [Such("memory", re.compile(r"/config:size=[1-9]\d?m,mode=0700").fullmatch)],
        "ports": ["80:80", "443:443", "443:443/udp"],
        "networks": ["front"],
        "depends_on": ["relay-1", "relay-2"],
    }


def _turn() -> Document:
    return _CLOSED | {
        "image": image("coturn/coturn"),
        "user": f"{NOBODY}:{NOBODY}",
        "cap_add": ["NET_BIND_SERVICE"],
        "entrypoint": ["/etc/coturn/start.sh"],
        "environment": {
            "TURN_ADDRESS": example()["TURN_ADDRESS"],
            "TURN_PRIVATE_ADDRESS": "",
            "TURN_REALM": TURN_DOMAIN,
            "TURN_SECRET_FILE": SECRET_FILE,
        },
        "volumes": [
            "./coturn/start.sh:/etc/coturn/start.sh:ro",
            "./coturn/turnserver.conf:/etc/coturn/turnserver.conf:ro",
        ],
        "tmpfs": [
            # The user that it runs as writes there what start.sh makes, and nobody else reads it.
            Such(
                "a folder of its own in memory",
                re.compile(rf"/run/coturn:size=[1-9]\d?m,mode=0700,uid={NOBODY},gid={NOBODY}").fullmatch,
            ),
            Such("memory", re.compile(r"/var/lib/coturn:size=[1-9]\d?m").fullmatch),
        ],
        "secrets": ["turn-secret"],
        "network_mode": "host",
    }


@cache
def _expected() -> Document:
    """The whole file, but for the pieces (`x-...`) that YAML puts into the services."""
    return {
        "name": "teduh",
        "services": {
            "proxy": _proxy(),
            "relay-1": _relay(),
            "relay-2": _relay(),
            "valkey-primary": _store("valkey-primary", ["server", "valkey-primary"], [], None),
            "valkey-replica": _store(
                "valkey-replica", ["server", "valkey-replica", "valkey-primary"], [], ["valkey-primary"]
            ),
            **{name: _sentinel(name) for name in _SENTINELS},
            "turn": _turn(),
        },
        "secrets": {"turn-secret": {"file": "./secrets/turn-secret"}},
        "networks": {"front": None, "store": {"internal": True}},
        "volumes": dict.fromkeys(["certificates", "valkey-primary", "valkey-replica", *_SENTINELS]),
    }


# --- reading ---


@cache
def example() -> dict[str, str]:
    """The variables of env.example."""
    lines = (DEPLOY / "env.example").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def filled(text: str, variables: Mapping[str, str]) -> str:
    """With its variables, as compose puts them in.

    Raises ValueError for one that env.example does not name, or that may be empty here and not there.
    """

    def value(reference: re.Match[str]) -> str:
        name, mark = reference[1], reference[2]
        if name not in variables or mark != (":?" if variables[name] else ":-"):
            raise ValueError(f"{reference[0]} is no variable of env.example, or not marked as it must be")
        return variables[name]

    return "\n".join(
        line if line.lstrip().startswith("#") else _REFERENCE.sub(value, line) for line in text.split("\n")
    )


def faults_of_compose(text: str, folder: Path) -> Iterator[str]:
    """Everything in the file that is not as it must be; `folder` is for a secret of the test's."""
    try:
        (compose_file,) = yaml_documents(filled(text, example()))
        yield from _faults(compose_file, folder)
    except UNREADABLE as error:
        yield f"cannot be read: {error!r}"


def _faults(compose_file: Document, folder: Path) -> Iterator[str]:
    for name in _PIECES:
        piece = compose_file.pop(name)
        if not any(_is_in(piece, service) for service in compose_file["services"].values()):
            yield f"{name} is used by no service"
    yield from faults(compose_file, _expected())
    for relay in ("relay-1", "relay-2"):
        service = compose_file["services"][relay]
        yield from faults_of_relay(
            service["environment"],
            folder,
            sentinels=_SENTINELS,
            secret_file=SECRET_FILE,
            header="X-Teduh-Client",
            drain=(5, int(in_seconds(service["stop_grace_period"])) - 5),
            others={"directory_file": Path(DIRECTORY_FILE)},
        )


def _is_in(piece: Document, service: Document) -> bool:
    return all(service.get(key) == value for key, value in piece.items())
