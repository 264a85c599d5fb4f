"""Replays vectors/conversation_rules.json, which the TypeScript SDK replays too."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Literal, TypedDict

import pytest
from teduh_crypto.credentials import Role, StaffStatement, device_id
from teduh_sdk.conversation.log_order import LogItem, LogOrder, OwnEntry, OwnWelcome
from teduh_sdk.conversation.outbox import Outbox
from teduh_sdk.exceptions import LogBroken, RosterNotAdmitted
from teduh_sdk.group.room import Consent, Room, admit_first, admit_next
from teduh_sdk.group.sender_order import SenderOrder, authenticated_counter
from teduh_sdk.trust.authentication_service import Roster, StaffParticipant, SurvivorParticipant
from teduh_signaling.relay.frames import Append, Entry, EntryKind

RULES = json.loads((Path(__file__).parents[1] / "vectors" / "conversation_rules.json").read_text("utf-8"))
CONVERSATION = bytes(16)
ME = 3


class Step(TypedDict, total=False):
    do: str
    entry: tuple[int, int, int, int]
    counter: int
    seq: int
    items: list[list[str | int]]
    gap: bool
    content: str | None
    done: list[int]
    queued: list[str]
    in_flight: list[int]
    next: int
    empty: bool


class Steps(TypedDict):
    name: str
    steps: list[Step]


class Senders(TypedDict):
    name: str
    entries: list[tuple[str, int, int, bool]]


class Beginnings(TypedDict):
    name: str
    steps: list[tuple[str, str, int, bool]]


class RoomRule(TypedDict, total=False):
    name: str
    own: str
    by: str
    before: list[str]
    consents: list[str]
    after: list[str]
    admitted: bool


Rules = Literal["log_order", "outbox", "sender_order", "sender_beginnings", "room"]


def scenarios(of: Rules) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("scenario", RULES[of], ids=lambda scenario: scenario["name"])


@scenarios("log_order")
def test_the_log_comes_back_in_order(scenario: Steps) -> None:
    order = LogOrder(ME)
    for step in scenario["steps"]:
        run_log(order, step)


def run_log(order: LogOrder, step: Step) -> None:
    match step["do"]:
        case "received":
            seq, member, counter, kind = step["entry"]
            order.received(Entry(CONVERSATION, seq, member, counter, EntryKind(kind), 1, b"payload"))
        case "accepted":
            order.accepted(step["counter"], step["seq"])
        case "sends_welcome":
            order.sends_welcome(step["counter"])
        case "forget_append":
            order.forget_append(step["counter"])
        case _:
            assert [plain(item) for item in order.take()] == step["items"]
            assert order.has_gap is step["gap"]


def plain(item: LogItem) -> list[str | int]:
    match item:
        case OwnEntry(seq, counter):
            return ["own", seq, counter]
        case OwnWelcome(seq):
            return ["welcome", seq]
        case Entry():
            return ["entry", item.seq]


@scenarios("outbox")
def test_the_outbox_forgets_nothing_and_repeats_nothing(scenario: Steps) -> None:
    outbox = Outbox()
    for step in scenario["steps"]:
        outbox = run_outbox(outbox, step)


def run_outbox(outbox: Outbox, step: Step) -> Outbox:
    match step["do"]:
        case "add":
            return outbox.add((step["content"] or "").encode())
        case "sent":
            content = step["content"]
            append = Append(CONVERSATION, step["counter"], EntryKind.MESSAGE.value, 1, b"sealed")
            return outbox.sent(append, None if content is None else content.encode())
        case "accepted":
            outbox, done = outbox.accepted(step["counter"])
            assert [sent.append.counter for sent in done] == step["done"]
            return outbox
        case "refused":
            return outbox.refused(step["counter"])
        case _:
            assert [content.decode() for content in outbox.queued] == step["queued"]
            assert [sent.append.counter for sent in outbox.in_flight] == step["in_flight"]
            assert (outbox.next_counter, outbox.is_empty) == (step["next"], step["empty"])
            return outbox


@scenarios("sender_order")
def test_a_sender_is_missed_repeated_and_swapped_by_nobody(scenario: Senders) -> None:
    order = SenderOrder()
    for sender, said, signed, is_good in scenario["entries"]:
        if is_good:
            order.check(sender.encode(), authenticated_counter(signed), said)
        else:
            with pytest.raises(LogBroken):
                order.check(sender.encode(), authenticated_counter(signed), said)


@scenarios("sender_beginnings")
def test_what_a_sender_said_first_is_not_withheld(scenario: Beginnings) -> None:
    order = SenderOrder()
    for what, sender, number, is_good in scenario["steps"]:
        with contextlib.nullcontext() if is_good else pytest.raises(LogBroken):
            take_step(order, what, sender.encode(), number)


def take_step(order: SenderOrder, what: str, sender: bytes, number: int) -> None:
    match what:
        case "said":
            order.check(sender, authenticated_counter(number), number)
        case "began":
            order.began(sender, number)
        case "came":
            order.came(sender)
        case _:
            order.forget(sender)


@scenarios("room")
def test_nobody_is_in_the_room_whom_she_did_not_accept(scenario: RoomRule) -> None:
    own, after = scenario["own"], room_of(scenario["after"])
    is_survivor = own == "bea"
    consents = {consent.device_id: consent for consent in map(consent_of, scenario.get("consents", []))}

    def admit() -> None:
        if "before" in scenario:
            before = room_of(scenario["before"])
            by_survivor = scenario.get("by") == "bea"
            admit_next(
                before,
                after,
                own.encode(),
                is_survivor=is_survivor,
                consents=consents,
                by_survivor=by_survivor,
            )
        else:
            admit_first(after, own.encode(), is_survivor=is_survivor)

    if scenario["admitted"]:
        admit()
    else:
        with pytest.raises(RosterNotAdmitted):
            admit()


def room_of(people: list[str]) -> Room:
    staff = []
    for leaf, one in enumerate(people):
        key, name, *role = one.split(" ")
        if role:
            staff.append(StaffParticipant(leaf, key.encode(), statement(key, name, Role(role[0]))))
        else:
            survivor = SurvivorParticipant(leaf, key.encode())
    return Room(Roster(survivor, tuple(staff)))


def statement(key: str, name: str, role: Role) -> StaffStatement:
    return StaffStatement(
        organisation_id="house",
        statement_id=key,
        subject=key,
        name=name,
        role=role,
        languages=(),
        skills=(),
        not_before=0,
        expires=1,
        device_key=key.encode(),
    )


def consent_of(one: str) -> Consent:
    key, name, role = one.split(" ")
    return Consent(device_id(key.encode()), name, role)
