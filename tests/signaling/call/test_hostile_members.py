"""A member's device may say anything about a call, true or not: it harms no session, and costs little."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.schemas.struct_strategies import structs
from teduh_signaling.call import actions
from teduh_signaling.call.messages import (
    AnyCallMessage,
    CallMessage,
    EndReason,
    HangUp,
    Heartbeat,
    Media,
    Phase,
    Present,
    Ring,
)
from teduh_signaling.call.session import CallSession
from teduh_signaling.call.transitions import CallState

NOW = 1_700_000_000_000
VOICE = Media(audio=True, video=False)
CALL = (1).to_bytes(8, "big")
THEIRS = (2).to_bytes(8, "big")
KINDS: tuple[type[CallMessage], ...] = get_args(AnyCallMessage)
STATES = pytest.mark.parametrize("state", CallState)


def session_in(state: CallState, own: int = 1) -> CallSession:
    session = CallSession(own, {0: "a", 1: "b", 2: "c"}, new_call_id=lambda: CALL, can_restart_ice=True)
    if state is CallState.CALLING:
        session.ring(VOICE, NOW)
    elif state is not CallState.IDLE:
        session.receive(0, Ring(CALL, NOW, NOW, VOICE), NOW)
        if state is CallState.IN_CALL:
            session.accept(VOICE, NOW)
    assert session.state is state
    return session


def plausible(message: AnyCallMessage, draw: st.DataObject) -> AnyCallMessage:
    """With the ids and times of what goes on, as often as not: nonsense alone would not get far."""
    near = st.sampled_from([NOW - 1, NOW, NOW + 1, NOW + 2])
    changes: dict[str, object] = {"sent": draw.draw(near)}
    for name, values in (
        ("call", st.sampled_from([CALL, THEIRS])),
        ("joined", near),
        ("to", st.just(1)),
        ("to_joined", near),
        ("generation", st.integers(0, 2)),
        ("revision", st.integers(1, 2)),
    ):
        if name in message.__struct_fields__ and isinstance(getattr(message, name), int | bytes):
            changes[name] = draw.draw(values)
    return replace(message, **changes)


@STATES
@given(data=st.data())
@settings(max_examples=60)
def test_nothing_that_is_said_raises(state: CallState, data: st.DataObject) -> None:
    session = session_in(state)
    for _ in range(6):
        kind = data.draw(st.sampled_from(KINDS))
        message = plausible(data.draw(structs(kind)), data)  # type: ignore[arg-type] # any kind is one
        session.receive(data.draw(st.sampled_from([0, 2])), message, NOW + 2)
        session.tick(NOW + data.draw(st.integers(3, 30_000)))


@STATES
def test_who_is_not_in_the_room_is_not_heard(state: CallState) -> None:
    session = session_in(state)
    assert session.receive(7, Ring(THEIRS, NOW, NOW, VOICE), NOW) == []
    assert session.receive(1, Ring(THEIRS, NOW, NOW, VOICE), NOW) == []


def test_nobody_hangs_up_for_another() -> None:
    session = session_in(CallState.IN_CALL)
    session.receive(2, HangUp(CALL, NOW, NOW, EndReason.HUNG_UP), NOW)
    assert [peer.leaf for peer in session.peers] == [0]


def test_a_heartbeat_full_of_our_former_selves_costs_one_message() -> None:
    session = session_in(CallState.IDLE)
    many = tuple(Present(1, NOW - number) for number in range(16))
    beat = Heartbeat(CALL, NOW, NOW, Phase.IN_CALL, VOICE, True, (), many)
    said = [one for one in session.receive(0, beat, NOW) if isinstance(one, actions.Send)]
    assert [type(one.message) for one in said] == [HangUp]
