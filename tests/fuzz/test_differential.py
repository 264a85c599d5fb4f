"""Python and the TypeScript SDK judge the same bytes alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzz.differential import KINDS, SHARES, Difference, TypeScriptJudge, cases, corpus, kept

CASES = 1_000_000


@pytest.fixture(scope="module")
def judge() -> Iterator[TypeScriptJudge]:
    with TypeScriptJudge() as asked:
        yield asked


@pytest.mark.timeout(900)
def test_what_differed_once_differs_no_more(judge: TypeScriptJudge) -> None:
    """tests/fuzz/differential holds what was found; it is asked anew each time."""
    found = list(kept())
    assert found
    for name, asked in found:
        assert not list(judge.differences(asked)), name


def test_the_corpora_of_the_other_targets_are_understood_alike(judge: TypeScriptJudge) -> None:
    names = {
        "client-frame": "ClientFrame",
        "relay-frame": "RelayFrame",
        "chat": "ChatMessage",
        "call": "CallMessage",
    }
    asked = [(kind, data) for kind, name in names.items() for data in corpus(name)]
    assert not list(judge.differences(asked))


def test_a_difference_is_noticed(judge: TypeScriptJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were Python to take all, or to understand something else, it would be told."""
    ping = next(data for data in corpus("ClientFrame") if KINDS["client-frame"](data))
    monkeypatch.setitem(KINDS, "client-frame", lambda data: b"\x93\x01\x02\x03")
    asked = [("client-frame", ping), ("client-frame", b"nonsense")]
    found = list(judge.differences(asked))
    assert [(one.data, one.typescript is None) for one in found] == [(ping, False), (b"nonsense", True)]


@pytest.mark.timeout(900)
def test_a_million_cases_are_judged_alike(judge: TypeScriptJudge) -> None:
    """The same cases in every run, but for the keys of MLS; `differential.py --seed` asks others."""
    asked = 0
    differing: list[Difference] = []
    for batch in cases(seed=0, count=CASES):
        asked += sum(kind in SHARES for kind, _ in batch)
        differing += judge.differences(batch)
        assert not differing, "\n".join(map(str, differing[:5]))
    assert asked == CASES


def test_every_kind_of_case_is_asked() -> None:
    assert SHARES.keys() == KINDS.keys() - {"scene"}
    assert sum(SHARES.values()) == pytest.approx(1)
    kinds = {path.name for path in (Path(__file__).parent / "differential").iterdir()}
    assert kinds <= KINDS.keys()
