"""`teduh demo` as a process, and what it prints."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from support.eventually import eventually

_PATIENCE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Addresses:
    """What a person is asked to open side by side."""

    survivor: str
    counselor: str


@dataclass(frozen=True, slots=True)
class DemoProcess:
    """The process, its data, and the file with all that it has said."""

    process: subprocess.Popen[str]
    folder: Path
    output: Path

    @property
    def said(self) -> str:
        return self.output.read_text()

    def origin(self) -> str:
        """Where it listens, once it does."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            found = re.search(r"listens on (http://127\.0\.0\.1:\d+)\.", self.said)
            if found:
                return found[1]
            time.sleep(0.05)
        raise RuntimeError(self.said)

    async def pages(self) -> Addresses:
        """The two addresses, as they are printed for people."""
        self.origin()
        await eventually(lambda: re.search(r"the counselor:  http\S+\n", self.said))
        survivor = re.search(r"the survivor:   (\S+)", self.said)
        counselor = re.search(r"the counselor:  (\S+)", self.said)
        assert survivor is not None
        assert counselor is not None
        return Addresses(survivor[1], counselor[1])

    def invitations(self) -> list[str]:
        """The codes in the links to the console that were printed so far."""
        links = re.findall(r"http://localhost:\d+/console/#invitation=\S+", self.said)
        return [parse_qs(urlsplit(link).fragment)["invitation"][0] for link in links]


@contextmanager
def demo_process(folder: Path, port: int = 0) -> Iterator[DemoProcess]:
    """Started with its data in `folder`; stopped as by Ctrl-C at the end."""
    output = folder.with_suffix(".out")
    with output.open("w") as file:
        command = [sys.executable, "-m", "teduh_server", "demo", "--port", str(port), "--folder", str(folder)]
        process = subprocess.Popen(command, stdout=file, stderr=file, text=True, cwd=folder.parent)
    try:
        yield DemoProcess(process, folder, output)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(_PATIENCE_SECONDS)
