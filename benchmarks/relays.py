"""The two relays that are measured side by side, each a process of its own, pinned to the same core.

    core 0: our relay + its Valkey | bare relay        core 1: the load generator

Only the one that is being measured has anything to do.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal, Self

import psutil
from conversations import BenchmarkOrganisation, Pair, StaffDevice, converse, meet, open_request
from load import Mode
from teduh_signaling.relay.codec import encode
from teduh_signaling.relay.frames import SUBPROTOCOL, RequestOpened

START_SECONDS = 30
LIFTED = (
    "frames_per_second",
    "bytes_per_second",
    "connections_per_minute",
    "requests_per_minute",
    "proof_of_work_above",
    "waiting_requests",
)
"""Settings that limit what one source or one connection may do: the generator is one source."""
TAG_REQUEST_OPENED = int(RequestOpened.__struct_config__.tag or 0)
CAPABILITY_AT = 5
"""Where the capability begins in an encoded OpenRequest, after array header, tag, ref and binary header."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
            # Nobody listens on a free port, but a probe that is given the same one connects to itself.
            return bool(probe.getsockname() != probe.getpeername())
    except OSError:
        return False


class Relay(ABC):
    """One relay process and what belongs to it. A context manager: leaving it ends the process."""

    name: ClassVar[str]
    kind: ClassVar[Literal["teduh", "bare"]]
    mode: ClassVar[Mode]
    """How messages are usually sent."""
    modes: ClassVar[Sequence[Mode]]
    """All ways whose highest rate is looked for."""
    subprotocol: ClassVar[str]

    def __init__(self, core: int | None) -> None:
        self.port = free_port()
        command = self._command()
        self._process = subprocess.Popen(
            command if core is None else ["taskset", "-c", str(core), *command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait_until_it_listens()

    @abstractmethod
    def _command(self) -> Sequence[str]: ...

    @abstractmethod
    def pair(self) -> Pair:
        """Two connections that talk with each other."""

    @abstractmethod
    def first_frame(self) -> tuple[bytes, int, int]:
        """A client's first frame, where fresh random bytes go in it, and the tag of its answer."""

    def memory(self) -> dict[str, int]:
        """Bytes that each of the relay's processes has to itself (proportional set size), by role."""
        return {"relay": _proportional_set_size(self._process.pid)}

    def processor_seconds(self) -> float:
        """CPU time used so far by all processes of the relay."""
        return _processor_seconds(self._process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=START_SECONDS)

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"the {self.name} ended with {self._process.returncode}")
            if _answers(self.port):
                return
            time.sleep(0.05)
        raise RuntimeError(f"the {self.name} does not listen")


class BareRelay(Relay):
    name = "bare aiohttp relay"
    kind = "bare"
    mode = "bare"
    modes = ("bare",)
    subprotocol = "bare"

    def _command(self) -> Sequence[str]:
        return [sys.executable, str(Path(__file__).with_name("bare_relay.py")), str(self.port)]

    def pair(self) -> Pair:
        return meet(self.port)

    def first_frame(self) -> tuple[bytes, int, int]:
        # All but one byte of the 33 are fresh, so no two of the storm are a pair.
        return bytes(33), 1, 0


class TeduhRelay(Relay):
    """Ours with its embedded Valkey, as `teduh serve` starts it, but for limits on what one source may do."""

    name = "teduh relay"
    kind = "teduh"
    mode = "durable"
    modes = ("durable", "ephemeral")
    subprotocol = SUBPROTOCOL

    def __init__(self, core: int | None, folder: Path) -> None:
        self.folder = folder
        super().__init__(core)
        self.organisation.publish_revocations()

    def _command(self) -> Sequence[str]:
        self.organisation = BenchmarkOrganisation(f"http://127.0.0.1:{self.port}")
        organisation_file, settings_file = self.folder / "organisation.toml", self.folder / "teduh.toml"
        organisation_file.write_text(self.organisation.public.to_toml())
        settings = {
            "organisation_file": str(organisation_file),
            "data_folder": str(self.folder / "data"),
            "listen_port": self.port,
            **dict.fromkeys(LIFTED, 10**9),
        }
        lines = (f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
        settings_file.write_text("".join(lines))
        program = Path(sys.executable).with_name("teduh")
        return [str(program), "serve", "--settings", str(settings_file)]

    def device(self) -> StaffDevice:
        return self.organisation.new_device()

    def pair(self) -> Pair:
        return converse(self.port, self.device())

    def first_frame(self) -> tuple[bytes, int, int]:
        return encode(open_request(bytes(32))), CAPABILITY_AT, TAG_REQUEST_OPENED

    def memory(self) -> dict[str, int]:
        return {**super().memory(), "valkey": _proportional_set_size(self._valkey_pid())}

    def processor_seconds(self) -> float:
        return super().processor_seconds() + _processor_seconds(self._valkey_pid())

    def _valkey_pid(self) -> int:
        return int((self.folder / "data" / "valkey" / "valkey.pid").read_text())


def _proportional_set_size(pid: int) -> int:
    size: int = psutil.Process(pid).memory_full_info().pss
    return size


def _processor_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system
