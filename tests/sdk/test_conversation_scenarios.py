"""Replays vectors/conversation_scenarios.json, which the TypeScript SDK replays too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict

import pytest
from msgspec import structs
from support.clients.scripted_log import Pair, Seat, StaffDevice, Tamper, Withhold, nothing, talking_pair
from support.organisation.staffed_organisation import public_key
from teduh_crypto.credentials import Role
from teduh_sdk import events
from teduh_sdk.conversation.conversation_state import ConversationState
from teduh_sdk.group.group_changes import Refresh
from teduh_sdk.group.room import verify_room
from teduh_sdk.trust.authentication_service import AuthenticationService
from teduh_signaling.relay.frames import Append, Entry, EntryKind, MembershipEnded, StaffReachable
from vectors import make_conversation_scenarios

FILE = Path(__file__).parents[1] / "vectors" / "conversation_scenarios.json"


class Scenario(TypedDict):
    name: str
    steps: list[dict[str, object]]


class ScenarioRunner:
    """The people of a scenario, and what they have not read."""

    def __init__(self) -> None:
        self.pair: Pair = talking_pair()
        self.seats = {"survivor": self.pair.survivor, "counselor": self.pair.counselor}
        self.medic = StaffDevice(self.pair.organisation, "Dewi", Role.MEDIC)
        self.unread: dict[str, list[bytes]] = {}
        for seat in self.seats.values():
            seat.collect()
            seat.sent.clear()

    def meet(self, withheld: str) -> None:
        self.pair = talking_pair(withholds=withholding(withheld))
        self.seats = {"survivor": self.pair.survivor, "counselor": self.pair.counselor}
        self.medic = StaffDevice(self.pair.organisation, "Dewi", Role.MEDIC)
        for seat in self.seats.values():
            seat.collect()

    def read(self, who: str) -> None:
        for message_id in self.unread.pop(who):
            self.seats[who].state.mark_read(message_id, self.pair.log.now)

    def ask_for_medic(self, *, accepted: bool) -> None:
        invitation = self.pair.counselor.state.invite(
            self.medic.device_id, "Dewi", self.medic.role.value, "she knows the law", self.pair.log.now
        )
        self.pair.log.pump()
        self.pair.survivor.state.answer(invitation, accepted=accepted, now=self.pair.log.now)
        self.pair.log.pump()

    def restart_counselor(self) -> None:
        old, log = self.seats["counselor"], self.pair.log
        organisation = self.pair.organisation
        service = AuthenticationService.of(organisation.public, organisation.revocations, organisation.stated)
        key = public_key(self.pair.device.key)
        state = ConversationState.restore(old.state.save(), key, verify_room(service), self.pair.log.now)
        log.disconnect(old)
        again = log.seat("Sari", state, old.number)
        again.counter = old.counter
        self.seats["counselor"] = again
        log.connect(again)

    def happened(self, who: str) -> list[str]:
        shown = []
        for event in self.seats[who].collect():
            kind = type(event).__name__
            shown.append(kind[0].lower() + kind[1:])
            if isinstance(event, events.Unconfirmed):
                shown[-1] += "".join(f" {one.name or 'survivor'}" for one in event.participants)
            if isinstance(event, events.TextReceived):
                shown[-1] += f" {event.text}"
                self.unread.setdefault(who, []).append(event.message_id)
        return shown


def replaced(entry: Entry, **fields: int | bytes) -> Entry:
    """The entry with other fields, as only the relay can make it."""
    return structs.replace(entry, **fields)


def tampering(how: str) -> Tamper:
    withheld: list[int] = []

    def withhold(entry: Entry) -> list[Entry]:
        if not withheld:
            withheld.append(entry.seq)
            return []
        return [replaced(entry, seq=entry.seq - 1)]

    def spoil(entry: Entry) -> list[Entry]:
        return [replaced(entry, payload=entry.payload[:-1] + bytes([entry.payload[-1] ^ 1]))]

    return {
        "withhold": withhold,
        "miscount": lambda entry: [replaced(entry, counter=entry.counter + 1)],
        "repeat": lambda entry: [entry, entry],
        "spoil": spoil,
    }[how]


def withholding(what: str) -> Withhold:
    """Which entries are kept back. The first that fits decides, and the answer stays the same."""
    first: list[Entry] = []
    number = {"counselor": 1, "medic": 2}.get(what)

    def withholds(entry: Entry) -> bool:
        if entry.kind is not EntryKind.MESSAGE or (number is not None and entry.member != number):
            return False
        first.extend([] if first else [entry])
        return entry.seq == first[0].seq if number is None else entry.epoch == first[0].epoch

    return withholds


def play(runner: ScenarioRunner, step: dict[str, object]) -> None:
    log = runner.pair.log
    seat: Seat = runner.seats.get(str(step.get("who")), runner.pair.survivor)
    match step:
        case {"does": "says", "text": str(text)}:
            seat.state.send_text(text, runner.pair.log.now)
        case {"does": "reads", "who": str(who)}:
            runner.read(who)
        case {"does": "types"}:
            seat.state.type(active=True, now=runner.pair.log.now)
        case {"does": "breaks"}:
            log.disconnect(seat)
        case {"does": "connects"}:
            log.connect(seat)
        case {"does": "restarts", "who": "counselor"}:
            runner.restart_counselor()
        case {"does": "pumps"}:
            log.pump()
        case {"does": "loses", "is": bool(loses)}:
            log.lose_answers = loses
        case _:
            play_in_room(runner, seat, step)


def play_in_room(runner: ScenarioRunner, seat: Seat, step: dict[str, object]) -> None:
    match step:
        case {"does": "refreshes"}:
            seat.state.change(Refresh(), runner.pair.log.now)
        case {"does": "leaves"}:
            seat.state.leave(runner.pair.log.now)
        case {"does": "ends"}:
            seat.state.leave(runner.pair.log.now, for_all=True)
        case {"does": "asks_for_medic", "yes": bool(accepted)}:
            runner.ask_for_medic(accepted=accepted)
        case {"does": "brings_in_medic"}:
            kept_back = withholding(str(step["withheld"])) if "withheld" in step else nothing
            runner.seats["medic"] = runner.pair.add_invited(
                runner.medic, meanwhile=str(step.get("meanwhile", "")), withholds=kept_back
            )
        case _:
            play_relay(runner, seat, step)


def play_relay(runner: ScenarioRunner, seat: Seat, step: dict[str, object]) -> None:
    match step:
        case {"does": "meets", "withheld": str(withheld)}:
            runner.meet(withheld)
        case {"does": "withholds", "withheld": str(withheld)}:
            seat.withholds = withholding(withheld)
        case {"does": "tampers", "how": str(how)}:
            seat.tamper = tampering(how)
        case {"does": "forks"}:
            runner.pair.log.fork(seat)
        case {"does": "forgets"}:
            runner.pair.log.entries.pop()
        case {"does": "is_lost"}:
            runner.pair.log.is_lost = True
        case {"does": "is_out"}:
            seat.state.receive(MembershipEnded(seat.state.conversation_id), runner.pair.log.now)
        case {"does": "is_told", "reachable": bool(reachable)}:
            seat.state.receive(StaffReachable(seat.state.conversation_id, reachable), runner.pair.log.now)
        case _:
            play_time(runner, seat, step)


def play_time(runner: ScenarioRunner, seat: Seat, step: dict[str, object]) -> None:
    match step:
        case {"does": "passes", "seconds": int(seconds)}:
            runner.pair.log.passes(seconds)
        case {"does": "sleeps", "seconds": int(seconds)}:
            runner.pair.log.now += seconds
            seat.state.watch(runner.pair.log.now)
        case _:
            look(runner, seat, step)


def look(runner: ScenarioRunner, seat: Seat, step: dict[str, object]) -> None:
    """Compare with what has happened; what was looked at is not seen again."""
    state = seat.state
    match step:
        case {"does": "happens", "who": str(who), "events": happened}:
            assert runner.happened(who) == happened
        case {"does": "appends", "counters": counters}:
            sent = [frame.counter for frame in seat.sent if isinstance(frame, Append)]
            seat.sent.clear()
            assert sent == counters
        case {"does": "is", "cursor": cursor, "epoch": epoch, "confirmed": confirmed}:
            assert (state.cursor, state.epoch, state.is_confirmed) == (cursor, epoch, confirmed)
        case {"does": "is_in", "epoch": epoch}:
            assert state.epoch == epoch
        case {"does": "present", "people": people}:
            assert [str(one) for one in state.participants] == people
        case {"does": "stopped", "why": why, "unsent": unsent}:
            (stopped,) = [event for event in seat.collect() if isinstance(event, events.Stopped)]
            assert type(stopped.reason).__name__ == why
            assert [one.text for one in stopped.unsent] == unsent
            assert state.is_over
            assert state.take_frames() == []
        case {"does": "ended", "by": by, "unsent": unsent}:
            (ended,) = [event for event in seat.collect() if isinstance(event, events.Ended)]
            assert str(ended.by) == by
            assert [one.text for one in ended.unsent] == unsent
        case _:
            pytest.fail(f"nobody knows how to play {step}")


@pytest.mark.parametrize("scenario", json.loads(FILE.read_text("utf-8")), ids=lambda one: one["name"])
def test_a_conversation_goes_as_both_languages_agreed(scenario: Scenario) -> None:
    runner = ScenarioRunner()
    for step in scenario["steps"]:
        play(runner, step)


def test_the_scenarios_are_what_their_writer_writes() -> None:
    assert FILE.read_text("utf-8") == make_conversation_scenarios.vectors()
