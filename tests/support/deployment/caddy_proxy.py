"""Debian's Caddy with the file that is deployed, in front of relays of a test."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from support.deployment.compose import example
from support.deployment.settings import DEPLOY
from support.programs import executable

CADDYFILE = (DEPLOY / "caddy" / "Caddyfile").read_text("utf-8")
_START_SECONDS = 30.0


def run_caddy(folder: Path, command: str, *more: str) -> str:
    """What Caddy says of the file as it is deployed, told the names of env.example."""
    ended = subprocess.run(
        [*_command(folder, CADDYFILE, command), *more],
        env=example() | {"HOME": str(folder)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return ended.stdout + (ended.stderr if command == "validate" else "")


@contextmanager
def caddy_in_front(folder: Path, relays: Sequence[int], names: Sequence[str], port: int) -> Iterator[Path]:
    """Caddy at `https://<name>:<port>` with certificates of its own, before relays at these ports of this
    machine; gives what it logs.
    """
    folder.mkdir()
    here = " ".join(f"127.0.0.1:{each}" for each in relays)
    text, found = re.subn(r"(reverse_proxy )[^{]+", rf"\g<1>{here} ", CADDYFILE)
    assert found == 1
    # Nobody comes by HTTP here, and the names are this machine's: no certificate authority is asked for them.
    text = text.replace("{\n", "{\n\tauto_https disable_redirects\n\tskip_install_trust\n", 1)
    told = dict(
        zip(
            ("TEDUH_DOMAIN", "TEDUH_CONSOLE_DOMAIN"),
            (f"https://{name}:{port}" for name in names),
            strict=True,
        )
    )
    log = folder / "caddy.log"
    with log.open("wb") as kept:
        process = subprocess.Popen(
            _command(folder, text, "run"),
            env=example() | told | {"HOME": str(folder)},
            stdout=kept,
            stderr=kept,
        )
    try:
        _wait_until_it_serves(process, log)
        yield log
    finally:
        process.terminate()
        process.wait(_START_SECONDS)


def _command(folder: Path, text: str, command: str) -> list[str]:
    (folder / "Caddyfile").write_text(
        "\n".join(line for line in text.split("\n") if not (_is_old() and "stream_close_delay" in line))
    )
    return [executable("caddy"), command, "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def _is_old() -> bool:
    """Debian's 2.6 does not know one option."""
    version = subprocess.run(
        [executable("caddy"), "version"], capture_output=True, text=True, check=True, timeout=60
    )
    major, minor = (int(part) for part in re.findall(r"\d+", version.stdout)[:2])
    return (major, minor) < (2, 7)


def _wait_until_it_serves(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        said = [json.loads(line) for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        if any(each.get("msg") == "serving initial configuration" for each in said):
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"Caddy does not serve:\n{log.read_text()}")
