"""The benchmarks work, shown with tiny numbers; what they measure is for `make bench`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from real_browser import PROGRAM

# All are run once, and in one process: npm does not install into one folder twice at a time.
pytestmark = pytest.mark.xdist_group("benchmarks")

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
RELAY_FIGURES = (
    "light load, 3 pairs: p50",
    "light load, 3 pairs: p99",
    "core time a message",
    "highest rate, kept and acknowledged",
    "highest rate, passed on only",
    "set-ups a second (ours",
    "set-ups a second, staff",
    "memory, KiB per connection",
)
CALL_FIGURES = (
    "first picture, ms: p50",
    "first picture, ms: p95",
    "first sound, ms: p50",
    "first sound, ms: p95",
    "signaling messages a call",
    "signaling bytes a call",
    "server, ms of processor a call",
    "restart, ms: p50",
)


@pytest.fixture(scope="module")
def printed() -> str:
    """What all benchmarks print, run by the command behind `make bench`."""
    if shutil.which("cc") is None:
        pytest.skip("the load generator needs a C compiler")
    finished = subprocess.run(
        [sys.executable, str(BENCHMARKS / "run.py"), "--quick"], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.parametrize("figure", RELAY_FIGURES)
def test_the_relay_benchmark_prints_the_figure(printed: str, figure: str) -> None:
    (line,) = (line for line in printed.splitlines() if line.startswith(figure))
    assert line.split()[-1][0].isdigit()


def test_the_relay_benchmark_says_which_goals_are_kept(printed: str) -> None:
    rows = [line for line in printed.splitlines() if " >= " in line or " <= " in line]
    judged = [row for row in rows if row.endswith(("kept", "KEPT"))]
    # Six need peers, which are not measured when it is quick.
    assert len(rows) == 13
    assert len(judged) == 7


@pytest.mark.parametrize("figure", ["first load, bytes", "can write, s", "join after acceptance, s"])
def test_the_pages_benchmark_prints_the_figure(printed: str, figure: str) -> None:
    (line,) = (line for line in printed.splitlines() if line.startswith(figure))
    assert float(line.split()[-1]) > 0


def test_the_mls_benchmark_prints_its_tables(printed: str) -> None:
    assert "unprotect" in printed


def test_the_growth_benchmark_prints_its_series(printed: str) -> None:
    for name in ("connections", "members", "size", "workers", "backlog"):
        assert f"\n{name}: " in printed


def test_the_soak_benchmark_prints_what_is_left() -> None:
    command = [sys.executable, str(BENCHMARKS / "soak.py"), "--quick"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert "conversations came and went. Left over: " in finished.stdout


@pytest.mark.skipif(not Path(PROGRAM).exists(), reason="Debian's Chromium is not installed")
@pytest.mark.parametrize("figure", CALL_FIGURES)
def test_the_calls_benchmark_prints_the_figure(printed: str, figure: str) -> None:
    """Ours straight, ours through TURN, and the anchor's."""
    (line,) = (line for line in printed.splitlines() if line.startswith(figure))
    assert all(float(value.replace(",", "")) >= 0 for value in line.removeprefix(figure).split())
