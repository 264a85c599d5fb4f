"""`teduh demo`: one command, and it says what to type next."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from frame_client import frame_client
from teduh_crypto.credentials import sign_relay_authentication
from teduh_signaling.relay.frames import Authenticate, Authenticated


@contextmanager
def _demo(folder: Path, port: int = 0) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    output = folder.with_suffix(".out")
    with output.open("w") as file:
        command = [sys.executable, "-m", "teduh_server", "demo", "--port", str(port), "--folder", str(folder)]
        process = subprocess.Popen(command, stdout=file, stderr=file, text=True, cwd=folder.parent)
    try:
        yield process, output
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(30)


def _origin(process: subprocess.Popen[str], output: Path) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"listens on (http://127\.0\.0\.1:\d+)\.", output.read_text())
        if found:
            return found[1]
        time.sleep(0.05)
    raise RuntimeError(output.read_text())


async def test_demo_names_both_commands_and_believes_its_counselor(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with _demo(folder) as (process, output):
        origin = _origin(process, output)
        said = output.read_text()
        assert "examples/chat.py survivor" in said
        assert "examples/chat.py counselor" in said
        device = folder / "staff" / "sari"
        key = load_pem_private_key((device / "device.pem").read_bytes(), None)
        assert isinstance(key, Ed25519PrivateKey)
        async with frame_client(origin) as client:
            signature = sign_relay_authentication(key, origin, client.hello.nonce)
            statement = (device / "statement.jwt").read_text()
            await client.ask(Authenticate(statement, signature), Authenticated)
    assert process.returncode == 0


def test_demo_keeps_its_organisation_and_private_files_private(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    seen = set()
    for _ in range(2):
        with _demo(folder) as (process, output):
            _origin(process, output)
            seen.add((folder / "organisation.toml").read_text())
    assert len(seen) == 1
    for name in ("root.pem", "staff/sari/device.pem", "staff/sari/statement.jwt"):
        assert (folder / name).stat().st_mode & 0o077 == 0


def test_demo_on_a_taken_port_says_so(tmp_path: Path) -> None:
    with _demo(tmp_path / "one") as (process, output):
        port = int(_origin(process, output).rpartition(":")[2])
        with _demo(tmp_path / "two", port) as (second, said):
            assert second.wait(30) == 1
            assert "--port" in said.read_text()
            assert "Traceback" not in said.read_text()
