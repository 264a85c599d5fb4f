"""Ours, and the simplest relay that the same stack allows."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from conversations import BenchmarkOrganisation, Pair, StaffDevice, converse, meet, open_request
from load import LoadGenerator, Mode, SetUpResult
from measured_relay import Relay, move, processor_seconds, proportional_set_size
from teduh_signaling.relay.codec import encode
from teduh_signaling.relay.frames import SUBPROTOCOL, RequestOpened

LIFTED = (
    "frames_per_second",
    "bytes_per_second",
    "connections_per_minute",
    "requests_per_minute",
    "free_requests",
    "calm_waiting",
    "waiting_requests",
)
"""Settings that limit what one source or one connection may do: the generator is one source."""
TAG_REQUEST_OPENED = int(RequestOpened.__struct_config__.tag or 0)
CAPABILITY_AT = 5
"""Where the capability begins in an encoded OpenRequest, after array header, tag, ref and binary header."""


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

    def set_ups(self, generator: LoadGenerator, count: int, parallel: int) -> SetUpResult:
        # All but one byte of the 33 are fresh, so no two of the storm are a pair.
        return generator.set_ups(
            self.port, bytes(33), count=count, parallel=parallel, subprotocol=self.subprotocol, random_at=1
        )


class TeduhRelay(Relay):
    """Ours with its embedded Valkey, as `teduh serve` starts it, but for limits on what one source may do."""

    name = "teduh relay"
    kind = "teduh"
    mode = "durable"
    modes: ClassVar[Sequence[Mode]] = ("durable", "ephemeral")
    subprotocol = SUBPROTOCOL

    def __init__(self, core: int | None, folder: Path, *more_cores: int, **settings: object) -> None:
        self.folder = folder
        self._settings = settings
        super().__init__(core, *more_cores)
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
            **self._settings,
        }
        lines = (f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
        settings_file.write_text("".join(lines))
        program = Path(sys.executable).with_name("teduh")
        return [str(program), "serve", "--settings", str(settings_file)]

    def _serves(self) -> bool:
        # It listens before its store takes anything.
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def device(self) -> StaffDevice:
        return self.organisation.new_device()

    def pair(self) -> Pair:
        return converse(self.port, self.device())

    def set_ups(self, generator: LoadGenerator, count: int, parallel: int) -> SetUpResult:
        return generator.set_ups(
            self.port,
            encode(open_request(bytes(32))),
            count=count,
            parallel=parallel,
            subprotocol=self.subprotocol,
            answer_tag=TAG_REQUEST_OPENED,
            random_at=CAPABILITY_AT,
        )

    def memory(self) -> dict[str, int]:
        relay = sum(proportional_set_size(pid) for pid in (self._process.pid, *self._worker_pids()))
        return {"relay": relay, "valkey": proportional_set_size(self._valkey_pid())}

    def processor_seconds(self) -> float:
        workers = sum(processor_seconds(pid) for pid in self._worker_pids())
        return super().processor_seconds() + workers + self.store_seconds()

    def store_seconds(self) -> float:
        return processor_seconds(self._valkey_pid())

    def _worker_pids(self) -> set[int]:
        # Not theirs: Valkey has one for a moment, which writes its file anew.
        children = psutil.Process(self._process.pid).children()
        return {child.pid for child in children} - {self._valkey_pid()}

    def _valkey_pid(self) -> int:
        return int((self.folder / "data" / "valkey" / "valkey.pid").read_text())


class TeduhApart(TeduhRelay):
    """Ours with its Valkey on the load generator's core, so that the relay's process has one of its own."""

    name = "teduh, Valkey on the load's core"
    modes = ("durable",)

    def __init__(self, core: int | None, folder: Path, load_core: int | None) -> None:
        place = folder / "apart"
        place.mkdir()
        super().__init__(core, place)
        move(self._valkey_pid(), load_core)


class TeduhTwoWorkers(TeduhRelay):
    """Ours as two nodes of one machine. On one core they bring nothing, and show what a second one costs.

    The kernel deals out the connections: half of those who talk with each other are at two workers.
    """

    name = "teduh, two workers on one core"
    modes = ("durable",)

    def __init__(self, core: int | None, folder: Path, *more_cores: int) -> None:
        place = folder / f"two-workers-{len(more_cores)}"
        place.mkdir()
        super().__init__(core, place, *more_cores, workers=2)


class TeduhTwoCores(TeduhTwoWorkers):
    """The same with two cores, for machines that have a third for the generator."""

    name = "teduh, two workers on two cores"
