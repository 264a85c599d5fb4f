"""Both sides of the protocol, with frames on their way in between: what one lets out, the other takes."""

from __future__ import annotations

import contextlib
from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.schemas.struct_strategies import any_struct
from teduh_signaling.relay.exceptions import FrameNotAllowed, RemoteProtocolError
from teduh_signaling.relay.frames import (
    AnyClientFrame,
    AnyRelayFrame,
    ClientFrame,
    ErrorCode,
    Hello,
    Limits,
    RelayFrame,
)
from teduh_signaling.relay.protocol import ClientSideProtocol, RelaySideProtocol, State

HELLO = Hello(1, bytes(32), 0, Limits(1 << 18, 1 << 17, 8, 8, 20))


class Conversation(RuleBasedStateMachine):
    """Any frames in any order, delayed as a network delays them, never reordered in one direction."""

    def __init__(self) -> None:
        super().__init__()
        self.client = ClientSideProtocol(0.0)
        self.relay = RelaySideProtocol(0.0)
        self.to_relay: deque[bytes] = deque()
        self.to_client: deque[bytes] = deque()
        self.refused: list[RemoteProtocolError] = []

    @initialize()
    def greet(self) -> None:
        self.to_client.append(self.relay.send(HELLO))

    @rule(frame=any_struct(AnyClientFrame))
    def client_speaks(self, frame: ClientFrame) -> None:
        with contextlib.suppress(FrameNotAllowed):
            self.to_relay.append(self.client.send(frame))  # type: ignore[arg-type]  # drawn from the union

    @rule(frame=any_struct(AnyRelayFrame))
    def relay_speaks(self, frame: RelayFrame) -> None:
        with contextlib.suppress(FrameNotAllowed):
            self.to_client.append(self.relay.send(frame))  # type: ignore[arg-type]  # drawn from the union

    @rule(count=st.integers(1, 5))
    def relay_hears(self, count: int) -> None:
        for _ in range(min(count, len(self.to_relay))):
            if self.relay.state is State.CLOSED:
                return
            try:
                self.relay.receive(self.to_relay.popleft(), 0.0)
            except RemoteProtocolError as error:
                self.refused.append(error)

    @rule(count=st.integers(1, 5))
    def client_hears(self, count: int) -> None:
        """Never an error: what a correct relay sends is always expected."""
        for _ in range(min(count, len(self.to_client))):
            if self.client.state is State.CLOSED:
                return
            self.client.receive(self.to_client.popleft(), 0.0)

    @invariant()
    def only_what_crossed_moving_is_refused(self) -> None:
        for error in self.refused:
            assert error.code is ErrorCode.SHUTTING_DOWN
            assert not error.fatal

    @invariant()
    def with_nothing_on_its_way_both_agree(self) -> None:
        if not self.to_relay and not self.to_client:
            assert self.client.state is self.relay.state


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
