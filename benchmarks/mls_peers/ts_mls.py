"""ts-mls in a Node process that keeps its own clock (tests/interop/ts_mls/measure.mjs)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2] / "tests"
sys.path.insert(0, str(TESTS))

from interop.ts_mls_peer import FOLDER, install  # noqa: E402 - the path to the tests comes first
from support.clients.node_runtime import node  # noqa: E402 - the path to the tests comes first

from mls_peers.peer import Operation  # noqa: E402 - after the block above, so that the block stays whole


class TsMlsFailed(Exception):
    """ts-mls threw; the text is its error's name and message."""


class TsMls:
    """ts-mls, suite 1."""

    name = "ts-mls (Node)"

    def __init__(self) -> None:
        """Install the locked packages if they are not there, and start Node."""
        install()
        self._process = subprocess.Popen(
            [str(node()), str(FOLDER / "ts_mls" / "measure.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def prepare(self, members: int) -> None:
        """Make the warm group."""
        self._call({"call": "prepare", "members": members})

    def time(self, operation: Operation, count: int) -> float:
        """Run the operation `count` times; returns the mean in microseconds."""
        elapsed = self._call({"call": "time", "operation": operation.value, "count": count})
        assert isinstance(elapsed, float | int)
        return float(elapsed)

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=30)

    def _call(self, request: dict[str, str | int]) -> object:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, object] = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise TsMlsFailed(str(answer["error"]))
        return answer["result"]
