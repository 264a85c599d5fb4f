"""Every case of a call, step by step: what must be true, and what each device says and does for it."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support.calls.scenario_runner import CallScenarioRunner

VECTORS = Path(__file__).parents[2] / "vectors" / "call_scenarios.json"
SCENARIOS: list[dict[str, Any]] = json.loads(VECTORS.read_text(encoding="utf-8"))["scenarios"]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario["name"])
def test_a_call_goes_as_written(scenario: dict[str, Any]) -> None:
    runner = CallScenarioRunner(scenario)
    for step in scenario["steps"]:
        expected = step["is"] if "is" in step else step["out"]
        assert runner.play(step) == expected, step


def test_a_call_stands_after_four_flights() -> None:
    """Ring, join, offer, answer; three if the answering side offers."""
    for name, flights in (
        ("one rings, the other accepts, they talk, and one hangs up", 4),
        ("who answers with the lower leaf offers with the same breath", 3),
    ):
        scenario = next(one for one in SCENARIOS if one["name"] == name)
        said = [line for step in scenario["steps"] for line in step.get("out", [])]
        connected = next(place for place, line in enumerate(said) if "peerConnected" in line)
        speakers = [line.split()[0] for line in said[:connected] if " says " in line]
        turns = 1 + sum(one != other for one, other in pairwise(speakers))
        assert turns == flights
