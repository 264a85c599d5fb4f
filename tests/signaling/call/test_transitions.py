"""The tables of states: closed, reachable, and the same in the browser's vector and in the drawing."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import call_tables
import pytest
from teduh_signaling.call.transitions import (
    CALL_TRANSITIONS,
    PEER_TRANSITIONS,
    CallHappening,
    CallState,
    PeerHappening,
    PeerState,
)

Table = Mapping[Enum, Mapping[Enum, Enum]]
TABLES = pytest.mark.parametrize(
    ("table", "states", "happenings"),
    [(CALL_TRANSITIONS, CallState, CallHappening), (PEER_TRANSITIONS, PeerState, PeerHappening)],
    ids=["call", "peer"],
)


@TABLES
def test_every_state_has_its_row_and_every_happening_a_place(
    table: Table, states: type[Enum], happenings: type[Enum]
) -> None:
    assert list(table) == list(states)
    assert {happening for row in table.values() for happening in row} == set(happenings)


@TABLES
def test_from_everywhere_one_comes_back_to_the_beginning(
    table: Table, states: type[Enum], happenings: type[Enum]
) -> None:
    first, *others = states
    for state in others:
        assert first in table[state].values()


def test_the_browser_is_given_the_same_tables() -> None:
    """Run `python tools/call_tables.py` after a change."""
    assert call_tables.VECTOR.read_text(encoding="utf-8") == call_tables.vector()


def test_the_document_draws_them() -> None:
    """Run `python tools/call_tables.py` after a change."""
    document = call_tables.DOCUMENT.read_text(encoding="utf-8")
    assert call_tables.with_drawings(document) == document
    assert "CALLING --> IN_CALL: somebody joins / their ring goes before ours" in document
