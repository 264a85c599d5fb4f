"""The scripts of deploy/ that start coturn, Valkey and Sentinels, run with programs that only say how they
were started: what each line of them is for shows in what is written, said and started.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from support.core_dumps import allowed_core_dumps
from support.deployment.whole_document import faults

_CONFIGURATION: Final = "# of the file\n"
_OF_THE_STORE: Final = "# of the store\n"
_SECRET: Final = "of-both"
_PUBLIC, _OWN = "203.0.113.7", "10.0.0.7"
_NOTED_TURN: Final = '#!/bin/sh\nprintf \'%s\\n\' "${0##*/} $*" >> "$VALKEY_FOLDER/turns"\n'
_AFTER_TWO_TURNS: Final = """turn=0
while read -r line; do case "$line" in sleep*) turn=$((turn + 1)) ;; esac; done < "$VALKEY_FOLDER/turns"
[ "$turn" -le 2 ]
"""
"""Time passes at once, and comes to an end."""


@dataclass(frozen=True)
class Started:
    """How a script is started, and what must come of it. ``FOLDER`` stands for a folder of its own, where
    `files` are before, of which some are `gone` then; `written` is what is there then, each readable for
    nobody else.
    """

    arguments: Sequence[str] = ()
    told: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    gone: Sequence[str] = ()
    fails: bool = False
    says: str = ""
    runs: Sequence[str] = ()
    written: dict[str, str] = field(default_factory=dict)


def faults_of_script(
    text: str, programs: Sequence[str], cases: Sequence[Started], defaults: set[str]
) -> Iterator[str]:
    """Everything in which the script does not do what the cases say. `defaults` are the values for what it is
    not told that only an installed one could use.
    """
    if set(re.findall(r":-(/[^}]*)\}", text)) != defaults:
        yield f"the defaults are not {defaults}"
    for case in cases:
        with TemporaryDirectory() as folder:
            yield from _faults_of_case(text, programs, case, Path(folder))


def _faults_of_case(text: str, programs: Sequence[str], case: Started, folder: Path) -> Iterator[str]:
    script, used = _laid_out(text, programs, case, folder)
    with allowed_core_dumps():
        process = subprocess.Popen(
            [str(script), *_here(case.arguments, used)],
            env={"PATH": str(folder / "bin"), **_here_in(case.told, used)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
        )
    out, err = process.communicate(timeout=20)
    # The program is the process itself: it hears of the signal to stop. A crash leaves nothing of its memory.
    runs = [str(process.pid), "0", *_here(case.runs, used)] if case.runs else []
    found = {
        "fails": process.returncode != 0,
        "says": re.sub(r"^\S*start\.sh: (line )?\d+: ", "", err).strip(),
        "runs": out.split("\n")[:-1],
        "written": {path.name: path.read_text() for path in used.iterdir() if path.name not in case.files},
        "open to others": [path.name for path in used.iterdir() if path.stat().st_mode & 0o077],
    }
    expected = {
        "fails": case.fails,
        "says": case.says.replace("FOLDER", str(used)),
        "runs": runs,
        "written": _here_in(case.written, used),
        "open to others": sorted(set(case.files) - set(case.gone)),
    }
    yield from faults(found, expected, f"start.sh {' '.join(case.arguments)} {case.told}")


def _laid_out(text: str, programs: Sequence[str], case: Started, folder: Path) -> tuple[Path, Path]:
    """The script among nothing but the programs that it may use, and the folder that it is told of."""
    (folder / "bin").mkdir()
    for program in ("cat", "mv", "rm", "dirname", "sh"):
        (folder / "bin" / program).symlink_to(str(shutil.which(program, path="/usr/bin:/bin")))
    for program in programs:
        _write_program(
            folder / "bin" / program, '#!/bin/sh\nprintf \'%s\\n\' "$$" "$(ulimit -c)" "${0##*/}" "$@"\n'
        )
    for program, ends in (("sleep", _AFTER_TWO_TURNS), ("valkey-cli", "exit 1\n")):
        _write_program(folder / "bin" / program, _NOTED_TURN + ends)
    (folder / "turnserver.conf").write_text(_CONFIGURATION)
    for name in ("valkey.conf", "sentinel.conf"):
        (folder / name).write_text(_OF_THE_STORE)
    used = folder / "used"
    used.mkdir(mode=0o700)
    for name, content in case.files.items():
        (used / name).write_text(content)
        (used / name).chmod(0o644)
    _write_program(folder / "start.sh", text)
    return folder / "start.sh", used


def _write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _here(words: Sequence[str], folder: Path) -> list[str]:
    return [word.replace("FOLDER", str(folder)) for word in words]


def _here_in(named: dict[str, str], folder: Path) -> dict[str, str]:
    return {name: value.replace("FOLDER", str(folder)) for name, value in named.items()}


# --- coturn ---

_TOLD: Final = {
    "TURN_ADDRESS": _PUBLIC,
    "TURN_REALM": "turn.example",
    "TURN_SECRET_FILE": "FOLDER/secret",
    "TURN_RUNTIME_FOLDER": "FOLDER",
}


def _turn(
    *options: str,
    own: str = _PUBLIC,
    tls: tuple[str, ...] = ("no-tls",),
    more: Sequence[str] = (),
    **told: str,
) -> Started:
    """A server that is started with `told` besides; `options` say whom it may reach."""
    lines = [
        f"listening-ip={own}",
        f"relay-ip={own}",
        *options,
        "realm=turn.example",
        f"static-auth-secret={_SECRET}",
        *tls,
        "pidfile=FOLDER/turnserver.pid",
        "userdb=FOLDER/turndb",
    ]
    return Started(
        more,
        _TOLD | told,
        {"secret": f"{_SECRET}\n"},
        runs=["turnserver", "-c", "FOLDER/turnserver.conf", *more],
        written={"turnserver.conf": _CONFIGURATION + "".join(f"{line}\n" for line in lines)},
    )


def _refused(says: str, *, without: str = "", secret: str = _SECRET, **told: str) -> Started:
    environment = {name: value for name, value in (_TOLD | told).items() if name != without}
    return Started((), environment, {"secret": secret}, fails=True, says=says)


_ONLY_ITSELF = f"allowed-peer-ip={_PUBLIC}"
_BEFORE_TLS: Final = (
    "# of the store",
    f"listening-ip={_PUBLIC}",
    f"relay-ip={_PUBLIC}",
    _ONLY_ITSELF,
    "realm=turn.example",
    f"static-auth-secret={_SECRET}",
)
_TURN_CASES: Final = (
    _refused("TURN_ADDRESS: is not set: the public address of this server", without="TURN_ADDRESS"),
    _refused("TURN_REALM: is not set: the name of this server, such as turn.example", without="TURN_REALM"),
    _refused(
        "TURN_SECRET_FILE: is not set: the file with the secret that it shares with the relay",
        without="TURN_SECRET_FILE",
    ),
    _refused("TURN_SECRET_FILE is empty, or is not there", secret=""),
    _turn(_ONLY_ITSELF),
    _turn(_ONLY_ITSELF, more=["--verbose", "two words"]),
    _turn(f"external-ip={_PUBLIC}/{_OWN}", _ONLY_ITSELF, own=_OWN, TURN_PRIVATE_ADDRESS=_OWN),
    _turn(
        _ONLY_ITSELF,
        "allowed-peer-ip=203.0.113.8",
        "allowed-peer-ip=203.0.113.9",
        TURN_OTHER_SERVERS="203.0.113.8 203.0.113.9",
    ),
    _turn(_ONLY_ITSELF, tls=("cert=/a.pem", "pkey=/b.pem"), TURN_CERTIFICATE="/a.pem", TURN_KEY="/b.pem"),
    # Without the file that denies everything else it does not start.
    replace(
        _refused("cat: FOLDER/none: No such file or directory", TURN_CONFIGURATION="FOLDER/none"),
        written={"turnserver.conf": ""},
    ),
    replace(
        _turn(_ONLY_ITSELF, tls=(), TURN_CERTIFICATE="/a.pem", TURN_CONFIGURATION="FOLDER/../valkey.conf"),
        fails=True,
        says="TURN_KEY: is not set: the key of TURN_CERTIFICATE",
        runs=(),
        written={"turnserver.conf": "".join(f"{line}\n" for line in _BEFORE_TLS)},
    ),
)
_TURN_DEFAULTS: Final = {"/run/coturn"}


def faults_of_turn_script(text: str, _folder: Path) -> Iterator[str]:
    """Everything in which coturn/start.sh does not start it as it must."""
    yield from faults_of_script(text, ["turnserver"], _TURN_CASES, _TURN_DEFAULTS)


# --- the store ---


def _turns(first: int = 60, then: int = 3600, port: int = 6379) -> dict[str, str]:
    """A server's file is written anew each time, also after a time when that could not be asked for."""
    asked = f"valkey-cli -p {port} bgrewriteaof\n"
    return {"turns": f"sleep {first}\n{asked}sleep {then}\n{asked}sleep {then}\n"}


def _server(*arguments: str, replica_of: str = "") -> Started:
    lines = ["dir FOLDER", f"replica-announce-ip {arguments[1]}"]
    lines += [f"replicaof {replica_of}"] if replica_of else []
    started = _store("valkey", "server", arguments, lines)
    return replace(started, written={**started.written, **_turns()})


def _sentinel(*arguments: str, port: str = "6379") -> Started:
    lines = [
        "dir FOLDER",
        "sentinel resolve-hostnames yes",
        "sentinel announce-hostnames yes",
        f"sentinel announce-ip {arguments[1]}",
        f"sentinel monitor teduh {arguments[2]} {port} 2",
    ]
    return _store("sentinel", "sentinel", arguments, lines)


def _store(file: str, program: str, arguments: Sequence[str], lines: Sequence[str]) -> Started:
    return Started(
        arguments,
        {"VALKEY_FOLDER": "FOLDER", "VALKEY_CONFIGURATION": f"FOLDER/../{file}.conf"},
        runs=[f"valkey-{program}", f"FOLDER/{file}.conf"],
        written={f"{file}.conf": "".join(f"{line}\n" for line in lines) + _OF_THE_STORE},
    )


_STORE_CASES: Final = (
    _server("server", "valkey-primary"),
    _server("server", "valkey-replica", "valkey-primary", replica_of="valkey-primary 6379"),
    _server("server", "valkey-replica", "valkey-primary", "6380", replica_of="valkey-primary 6380"),
    _sentinel("sentinel", "sentinel-1", "valkey-primary"),
    _sentinel("sentinel", "sentinel-1", "valkey-primary", "6380", port="6380"),
    # What Sentinels made of it outlives a start.
    Started(
        ("server", "valkey-replica", "valkey-primary"),
        {"VALKEY_FOLDER": "FOLDER", "VALKEY_CONFIGURATION": "FOLDER/../valkey.conf"},
        {
            "valkey.conf": "as it is now\n",
            "dump.rdb": "as it was months ago\n",
            "temp-rewriteaof-7.aof": "as it was when the power failed\n",
        },
        gone=["dump.rdb", "temp-rewriteaof-7.aof"],
        runs=["valkey-server", "FOLDER/valkey.conf"],
        written=_turns(),
    ),
    Started(
        ("server", "valkey-primary"),
        {
            "VALKEY_FOLDER": "FOLDER",
            "VALKEY_PORT": "6380",
            "VALKEY_FIRST_REWRITE_SECONDS": "5",
            "VALKEY_REWRITE_SECONDS": "600",
        },
        {"valkey.conf": "port 6380\n"},
        runs=["valkey-server", "FOLDER/valkey.conf"],
        written=_turns(5, 600, 6380),
    ),
    # Half a configuration stays aside, and the next start writes it anew.
    Started(
        ("sentinel", "sentinel-1"),
        {"VALKEY_FOLDER": "FOLDER"},
        fails=True,
        says="primary: whom does it watch?",
        written={
            "sentinel.conf.new": "dir FOLDER\nsentinel resolve-hostnames yes\n"
            "sentinel announce-hostnames yes\nsentinel announce-ip sentinel-1\n"
        },
    ),
    Started(
        ("server", "valkey-primary"),
        {"VALKEY_FOLDER": "FOLDER", "VALKEY_CONFIGURATION": "FOLDER/none"},
        fails=True,
        says="cat: FOLDER/none: No such file or directory",
        written={"valkey.conf.new": "dir FOLDER\nreplica-announce-ip valkey-primary\n"},
    ),
    Started(
        ("neither", "a"),
        {"VALKEY_FOLDER": "FOLDER"},
        fails=True,
        says="start.sh server|sentinel NAME [PRIMARY [PORT]]",
    ),
)
_STORE_DEFAULTS: Final = {"/data", "/etc/valkey/$file"}


def faults_of_store_script(text: str, _folder: Path) -> Iterator[str]:
    """Everything in which valkey/start.sh does not start a Valkey or a Sentinel as it must."""
    yield from faults_of_script(text, ["valkey-server", "valkey-sentinel"], _STORE_CASES, _STORE_DEFAULTS)
