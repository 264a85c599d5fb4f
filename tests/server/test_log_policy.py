"""What goes on for long is told when it changes, in at most ten lines a minute."""

from __future__ import annotations

import time

import pytest
import structlog
from structlog.testing import capture_logs
from teduh_server.operations import log_policy
from teduh_server.operations.log_policy import MOST_LINES_A_MINUTE, Trouble, fault, note


class Clock:
    """Stands until a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _settings_of_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    structlog.reset_defaults()
    monkeypatch.setattr(log_policy, "_shares", {})


def test_a_state_is_told_when_it_changes_and_when_it_ends() -> None:
    trouble = Trouble("store takes nothing", Clock())
    with capture_logs() as lines:
        for cause in ("OOM", "OOM", "MISCONF", "MISCONF", None, None):
            trouble.is_(cause)
    assert lines == [
        {"event": "store takes nothing", "log_level": "error", "cause": "OOM"},
        {"event": "store takes nothing", "log_level": "error", "cause": "MISCONF"},
        {"event": "store takes nothing", "log_level": "info", "ended": True},
    ]


def test_what_changes_too_often_fills_ten_lines_a_minute_and_ends_with_what_is_so() -> None:
    clock = Clock()
    trouble = Trouble("store takes nothing", clock)
    with capture_logs() as lines:
        for number in range(1000):
            trouble.is_("OOM" if number % 2 else None)
        assert len(lines) == MOST_LINES_A_MINUTE
        trouble.is_("MISCONF")
        assert trouble.cause == "MISCONF"
        clock.now += 60
        trouble.is_("MISCONF")
    assert [line.get("cause") for line in lines[MOST_LINES_A_MINUTE:]] == ["MISCONF"]


def test_a_fault_that_repeats_fills_ten_lines_a_minute_and_the_others_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    with capture_logs() as lines:
        for _ in range(1000):
            fault("frame_failed", ValueError("said by a client"))
        fault("another", ValueError())
        clock.now += 60
        fault("frame_failed", ValueError())
    of_frames = [line for line in lines if line["event"] == "frame_failed"]
    assert len(of_frames) == MOST_LINES_A_MINUTE + 1
    assert of_frames[-1]["unsaid"] == 1000 - MOST_LINES_A_MINUTE
    assert len(lines) == len(of_frames) + 1
    assert "said by a client" not in str(lines)


def test_what_is_noted_often_fills_ten_lines_a_minute_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    with capture_logs() as lines:
        for number in range(100):
            note("a source was reported", taken_out=number)
        clock.now += 60
        note("a source was reported", taken_out=7)
    assert len(lines) == MOST_LINES_A_MINUTE + 1
    assert lines[-1] == {
        "event": "a source was reported",
        "log_level": "info",
        "taken_out": 7,
        "unsaid": 100 - MOST_LINES_A_MINUTE,
    }


def test_many_servers_of_one_store_fill_no_more_than_one() -> None:
    """The masters of a cluster, each with its own state, of which none stays untold."""
    clock = Clock()
    masters = [Trouble("store takes nothing", clock) for _ in range(MOST_LINES_A_MINUTE + 5)]
    with capture_logs() as lines:
        for master in masters:
            master.is_("OOM")
        assert len(lines) == MOST_LINES_A_MINUTE
        clock.now += 60
        for master in masters:
            master.is_("OOM")
    assert len(lines) == len(masters)
