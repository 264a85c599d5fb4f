"""Typing notices: readable by the members of the epoch, in its order, and by nobody else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clients.scripted_log import Pair, talking_pair
from support.organisation.staffed_organisation import NOW
from teduh_crypto.mls import Group
from teduh_sdk.conversation.conversation_state import ConversationState
from teduh_sdk.conversation.typing_signal import TypingSignals
from teduh_sdk.group.group_changes import Refresh


@pytest.fixture(scope="module")
def pair() -> Pair:
    return talking_pair()


def group_of(state: ConversationState) -> Group:
    group = state.membership.group
    assert isinstance(group, Group)
    return group


def test_a_notice_tells_who_writes(pair: Pair) -> None:
    hers, his = group_of(pair.survivor.state), group_of(pair.counselor.state)
    payload = TypingSignals().seal(hers, active=True, now=NOW)
    assert TypingSignals().open(his, payload) == (int(hers.own_leaf_index), True)


def test_starting_and_stopping_look_alike(pair: Pair) -> None:
    hers = group_of(pair.survivor.state)
    starting, stopping = (TypingSignals().seal(hers, active=active, now=NOW) for active in (True, False))
    assert len(starting) == len(stopping)


def test_an_old_notice_is_not_shown_again(pair: Pair) -> None:
    hers, his = group_of(pair.survivor.state), group_of(pair.counselor.state)
    speaking, hearing = TypingSignals(), TypingSignals()
    first, second = (speaking.seal(hers, active=active, now=NOW) for active in (True, False))
    assert hearing.open(his, second) is not None
    assert hearing.open(his, first) is None
    assert hearing.open(his, second) is None


def test_a_restarted_device_is_seen_typing_again(pair: Pair) -> None:
    hers, his = group_of(pair.survivor.state), group_of(pair.counselor.state)
    hearing = TypingSignals()
    assert hearing.open(his, TypingSignals().seal(hers, active=True, now=NOW)) is not None
    assert hearing.open(his, TypingSignals().seal(hers, active=True, now=NOW + 1)) is not None


def test_a_notice_of_another_epoch_is_dropped() -> None:
    pair = talking_pair()
    payload = TypingSignals().seal(group_of(pair.survivor.state), active=True, now=NOW)
    pair.counselor.state.change(Refresh(), NOW)
    pair.log.pump()
    assert TypingSignals().open(group_of(pair.counselor.state), payload) is None


def test_a_notice_of_another_conversation_is_dropped(pair: Pair) -> None:
    payload = TypingSignals().seal(group_of(talking_pair().survivor.state), active=True, now=NOW)
    assert TypingSignals().open(group_of(pair.counselor.state), payload) is None


def test_a_changed_notice_is_dropped(pair: Pair) -> None:
    payload = bytearray(TypingSignals().seal(group_of(pair.survivor.state), active=True, now=NOW))
    for place in (0, 4, 12, 30, len(payload) - 1):
        changed = bytearray(payload)
        changed[place] ^= 1
        assert TypingSignals().open(group_of(pair.counselor.state), bytes(changed)) is None


@given(st.binary(max_size=2000))
def test_garbage_is_dropped(data: bytes) -> None:
    assert TypingSignals().open(group_of(_SHARED.counselor.state), data) is None


_SHARED = talking_pair()
