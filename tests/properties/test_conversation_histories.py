"""Whatever the network does, in whatever order people speak: all hear the same, once, in one order."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from support.clients.scripted_log import Pair, Seat, StaffDevice, talking_pair
from support.organisation.staffed_organisation import NOW
from teduh_crypto.credentials import Role
from teduh_sdk import events
from teduh_sdk.group.group_changes import Refresh
from teduh_signaling.relay.frames import Append

PEOPLE = 3
Step = tuple[str, int]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["say", "say", "say", "connect", "disconnect", "carry", "carry", "refresh", "lose"]),
        st.integers(0, PEOPLE - 1),
    ),
    max_size=60,
)


class History:
    """Three people in a conversation, and what each has heard and said so far."""

    def __init__(self) -> None:
        self.pair: Pair = talking_pair()
        medic = self.pair.add_invited(StaffDevice(self.pair.organisation, "Budi", Role.MEDIC))
        self.seats: list[Seat] = [self.pair.survivor, self.pair.counselor, medic]
        for seat in self.seats:
            seat.collect()
        self.said: list[list[str]] = [[] for _ in self.seats]
        self.heard: list[list[tuple[str, str]]] = [[] for _ in self.seats]

    def do(self, step: Step) -> None:
        action, who = step
        seat = self.seats[who]
        match action:
            case "say":
                text = f"{who}/{len(self.said[who])}"
                self.said[who].append(text)
                seat.state.send_text(text, NOW)
            case "refresh" if who > 0:
                seat.state.change(Refresh(), NOW)
            case "connect" if not seat.is_connected:
                self.pair.log.connect(seat)
            case "disconnect":
                self.pair.log.disconnect(seat)
            case "carry":
                self.carry(seat)
            case "lose":
                self.lose_an_answer(seat)
        self.listen()

    def carry(self, seat: Seat) -> None:
        """One member's frames arrive at the relay; the others' are still under way."""
        if seat.is_connected:
            for frame in seat.state.take_frames():
                if isinstance(frame, Append):
                    self.pair.log.append(seat, frame)

    def lose_an_answer(self, seat: Seat) -> None:
        """The relay takes what is sent, and the connection breaks before it can say so."""
        self.pair.log.lose_answers = True
        self.carry(seat)
        self.pair.log.lose_answers = False
        self.pair.log.disconnect(seat)

    def listen(self) -> None:
        for seat, heard in zip(self.seats, self.heard, strict=True):
            for event in seat.collect():
                assert not isinstance(event, events.Stopped | events.MessageRefused | events.ChangeFailed), (
                    event
                )
                if isinstance(event, events.TextReceived):
                    heard.append((str(event.sender), event.text))

    def end(self) -> None:
        """The network is well again."""
        for seat in self.seats:
            if not seat.is_connected:
                self.pair.log.connect(seat)
        self.pair.log.pump()
        self.listen()


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_everybody_hears_everything_once_and_in_one_order(steps: list[Step]) -> None:
    history = History()
    for step in steps:
        history.do(step)
    history.end()
    for who, heard in enumerate(history.heard):
        texts = [text for _, text in heard]
        for other in range(PEOPLE):
            from_other = [text for text in texts if text.startswith(f"{other}/")]
            assert from_other == ([] if other == who else history.said[other])
    # What two members both heard, they heard in the same order.
    for who in range(PEOPLE):
        for other in range(who):
            both = {text for _, text in history.heard[who]} & {text for _, text in history.heard[other]}
            orders = [[text for _, text in history.heard[one] if text in both] for one in (who, other)]
            assert orders[0] == orders[1]


@settings(max_examples=30, deadline=None)
@given(STEPS)
def test_all_end_in_the_same_epoch_with_nothing_left_to_send(steps: list[Step]) -> None:
    history = History()
    for step in steps:
        history.do(step)
    history.end()
    assert {seat.state.epoch for seat in history.seats} == {history.pair.log.epoch}
    assert all(seat.state.is_confirmed for seat in history.seats)
