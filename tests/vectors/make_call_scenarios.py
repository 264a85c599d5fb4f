"""Writes `call_scenarios.json`: how calls go, step by step, with everything that each device then wants done.

    python tests/vectors/make_call_scenarios.py

The steps and what must be true in between (`expect`) are written here by hand. What the sessions say and do
at each step is recorded from the Python ones; a change of it shows in the diff, and the browser's must agree.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.calls.scenario_runner import CallScenarioRunner

OUTPUT: Final = Path(__file__).with_name("call_scenarios.json")
Step = dict[str, Any]
ARRIVE: Final[Step] = {"do": "deliver_all"}


def do(who: int, what: str, *args: object, at: int | None = None) -> Step:
    step: Step = {"do": what, "who": who}
    if args:
        step["args"] = list(args)
    return step if at is None else {"at": at} | step


def expect(who: int, *states: str) -> Step:
    return {"do": "expect", "who": who, "is": [f"{who} {state}" for state in states]}


def run(until: int, *, silent: bool = False) -> Step:
    return {"do": "run", "until": until} | ({"silent": True} if silent else {})


def deliver(message: int, to: int, at: int | None = None, **more: object) -> Step:
    step: Step = {"do": "deliver", "message": message, "to": to, **more}
    return step if at is None else {"at": at} | step


def drop(message: int | str = "all") -> Step:
    return {"do": "drop", "message": message}


def members(who: int, *present: int, **others: str) -> Step:
    keys = {str(leaf): f"key {leaf}" for leaf in present} | {name[1:]: key for name, key in others.items()}
    return {"do": "members", "who": who, "present": keys}


def voice_call(ringer: int = 0, answerer: int = 1) -> list[Step]:
    return [do(ringer, "ring", "a"), ARRIVE, do(answerer, "accept", "a"), ARRIVE]


def together(count: int) -> list[Step]:
    joining = [step for leaf in range(1, count) for step in (do(leaf, "accept", "a"), ARRIVE)]
    return [do(0, "ring", "av"), ARRIVE, *joining]


def connected(*pairs: tuple[int, int], every: int = 10_000, until: int) -> list[Step]:
    """The relay is away, and the connections of these still stand: each says so of the other now and then."""
    return [
        step
        for second in range(every, until + every, every)
        for step in (run(second, silent=True), *(do(who, "peer_alive", whom, 1) for who, whom in pairs))
    ]


SCENARIOS: Final[list[dict[str, Any]]] = [
    {
        "name": "one rings, the other accepts, they talk, and one hangs up",
        "members": [0, 1],
        "steps": [
            do(0, "ring", "av"),
            expect(0, "calling 1", "rings 1"),
            ARRIVE,
            expect(1, "ringing 1"),
            do(1, "accept", "a"),
            ARRIVE,
            expect(0, "in call 1", "sees 1 1 stable connected a"),
            expect(1, "in call 1", "sees 0 1 stable connected av"),
            do(1, "hang_up", at=30_000),
            ARRIVE,
            expect(0, "idle"),
            expect(1, "idle"),
        ],
    },
    {
        "name": "who answers with the lower leaf offers with the same breath",
        "members": [0, 1],
        "steps": [*voice_call(1, 0), expect(0, "in call 1", "sees 1 1 stable connected a")],
    },
    {
        "name": "a call is declined",
        "members": [0, 1],
        "steps": [
            do(0, "ring", "a"),
            ARRIVE,
            do(1, "decline"),
            ARRIVE,
            expect(0, "idle"),
            expect(1, "idle"),
        ],
    },
    {
        "name": "one of two declines, the other accepts",
        "members": [0, 1, 2],
        "steps": [
            do(0, "ring", "a"),
            ARRIVE,
            do(1, "decline"),
            ARRIVE,
            expect(0, "calling 1", "rings 2"),
            do(2, "accept", "a"),
            ARRIVE,
            expect(0, "in call 1", "sees 2 1 stable connected a"),
            expect(1, "idle", "could join 0,2"),
        ],
    },
    {
        "name": "who is in a call elsewhere is busy",
        "members": [0, 1],
        "steps": [
            do(1, "set_busy", True),
            do(0, "ring", "a"),
            ARRIVE,
            expect(0, "idle"),
            expect(1, "idle"),
        ],
    },
    {
        "name": "a call is cancelled before anybody answers",
        "members": [0, 1, 2],
        "steps": [
            do(0, "ring", "a"),
            ARRIVE,
            do(0, "cancel", at=4_000),
            ARRIVE,
            *[expect(leaf, "idle") for leaf in (0, 1, 2)],
        ],
    },
    {
        "name": "nobody answers for a minute",
        "members": [0, 1],
        "steps": [do(0, "ring", "a"), ARRIVE, run(61_000), expect(0, "idle"), expect(1, "idle")],
    },
    {
        "name": "both call at once: the lower leaf's call stands, and both are in it",
        "members": [0, 1],
        "steps": [
            do(0, "ring", "a"),
            do(1, "ring", "av"),
            ARRIVE,
            expect(0, "in call 1", "sees 1 1 stable connected av"),
            expect(1, "in call 1", "sees 0 1 stable connected a"),
        ],
    },
    {
        "name": "both call at once, and the lower leaf hears of it first",
        "members": [0, 1],
        "steps": [
            do(0, "ring", "a"),
            do(1, "ring", "a"),
            deliver(1, 0),
            expect(0, "calling 1", "rings 1"),
            ARRIVE,
            expect(0, "in call 1", "sees 1 1 stable connected a"),
        ],
    },
    {
        "name": "two call at once while a third hears both",
        "members": [0, 1, 2],
        "steps": [
            do(1, "ring", "a"),
            deliver(0, 2),
            expect(2, "ringing 1"),
            do(0, "ring", "a"),
            ARRIVE,
            expect(2, "ringing 2"),
            do(2, "accept", "a"),
            ARRIVE,
            expect(2, "in call 2", "sees 0 1 stable connected a", "sees 1 1 stable connected a"),
        ],
    },
    {
        "name": "an offer and its candidates overtake the joining",
        "members": [0, 1],
        "steps": [
            do(1, "ring", "a"),
            ARRIVE,
            do(0, "accept", "a"),
            do(0, "local_description", 1, 1, 1, "offer 1.1 of 0", []),
            do(0, "local_candidates", 1, 1, 1, ["late of 0"]),
            run(41, silent=False),
            expect(1, "in call 1", "sees 0 1 stable connected a"),
        ],
    },
    {
        "name": "candidates come before the offer, and wait for it",
        "members": [0, 1],
        "connects": False,
        "steps": [
            do(1, "ring", "a"),
            ARRIVE,
            do(0, "accept", "a"),
            deliver(1, 1),
            do(0, "local_description", 1, 1, 1, "offer 1.1 of 0", []),
            do(0, "local_candidates", 1, 1, 1, ["one of 0", "two of 0"]),
            {"at": 40, "do": "tick", "who": 0},
            deliver(3, 1),
            deliver(2, 1),
            expect(1, "in call 1", "sees 0 1 answering waiting a"),
        ],
    },
    {
        "name": "an offer comes before the joining, and waits for it",
        "members": [0, 1],
        "steps": [
            do(1, "ring", "a"),
            ARRIVE,
            do(0, "accept", "a"),
            do(0, "local_description", 1, 1, 1, "offer 1.1 of 0", ["one of 0"]),
            deliver(2, 1),
            expect(1, "calling 1", "rings 0"),
            deliver(1, 1),
            expect(1, "in call 1", "sees 0 1 answering waiting a"),
            ARRIVE,
            expect(1, "in call 1", "sees 0 1 stable connected a"),
        ],
    },
    {
        "name": "a cancel overtakes its ring: nothing rings",
        "members": [0, 1],
        "steps": [do(0, "ring", "a"), do(0, "cancel"), deliver(1, 1), deliver(0, 1), expect(1, "idle")],
    },
    {
        "name": "a hang-up overtakes the joining: nobody is taken to be there",
        "members": [0, 1, 2],
        "steps": [
            do(0, "ring", "a"),
            ARRIVE,
            do(1, "accept", "a"),
            ARRIVE,
            do(2, "accept", "a", at=3_000),
            do(2, "hang_up", at=3_100),
            {"do": "drop", "message": 4},
            ARRIVE,
            expect(0, "in call 1", "sees 1 1 stable connected a"),
            deliver(4, 0),
            expect(0, "in call 1", "sees 1 1 stable connected a"),
        ],
    },
    {
        "name": "a ring that waited in the log for a minute is not heeded",
        "members": [0, 1],
        "steps": [do(0, "ring", "a"), deliver(0, 1, at=60_010, live=False), expect(1, "idle")],
    },
    {
        "name": "a ring that waited in the log for half a minute rings for the other half",
        "members": [0, 1],
        "steps": [
            do(0, "ring", "a"),
            drop(),
            run(30_000, silent=True),
            deliver(0, 1, live=False),
            expect(1, "ringing 1"),
            run(59_000),
            expect(1, "ringing 1"),
            run(60_000),
            expect(0, "idle"),
            expect(1, "idle"),
        ],
    },
    {
        "name": "everything comes twice, and once counts",
        "members": [0, 1],
        "steps": [
            do(0, "ring", "a"),
            deliver(0, 1),
            deliver(0, 1),
            do(1, "accept", "a"),
            deliver(1, 0),
            deliver(1, 0),
            ARRIVE,
            *[deliver(number, 1 - number % 2) for number in (2, 3)],
            expect(0, "in call 1", "sees 1 1 stable connected a"),
            expect(1, "in call 1", "sees 0 1 stable connected a"),
            do(1, "hang_up"),
            ARRIVE,
            deliver(0, 1),
            expect(1, "idle"),
            expect(0, "idle"),
        ],
    },
    {
        "name": "the offer is lost, and said again",
        "members": [0, 1],
        "steps": [
            do(0, "ring", "a"),
            ARRIVE,
            do(1, "accept", "a"),
            deliver(1, 0),
            do(0, "local_description", 1, 1, 1, "offer 1.1 of 0", ["one of 0"]),
            drop(2),
            ARRIVE,
            expect(1, "in call 1", "sees 0 0 awaiting waiting a"),
            run(5_100),
            expect(1, "in call 1", "sees 0 1 stable connected a"),
        ],
    },
    {
        "name": "the answer is lost, and said again",
        "members": [0, 1],
        "steps": [
            *[do(0, "ring", "a"), ARRIVE, do(1, "accept", "a"), deliver(1, 0)],
            do(0, "local_description", 1, 1, 1, "offer 1.1 of 0", []),
            deliver(2, 1),
            do(1, "local_description", 0, 1, 1, "answer 1.1 of 1", ["one of 1"]),
            drop(3),
            run(5_100),
            expect(0, "in call 1", "sees 1 1 stable connected a"),
        ],
    },
    {
        "name": "the ring is lost: the heartbeat rings",
        "members": [0, 1],
        "steps": [do(0, "ring", "a"), drop(), run(5_000), expect(1, "ringing 1")],
    },
    {
        "name": "the joining is lost: the heartbeat joins",
        "members": [0, 1],
        "steps": [
            *[do(0, "ring", "a"), ARRIVE, do(1, "accept", "a"), drop()],
            run(5_000),
            expect(0, "in call 1", "sees 1 1 stable connected a"),
        ],
    },
    {
        "name": "the refusal is lost: it is said again when it rings on",
        "members": [0, 1],
        "steps": [
            *[do(0, "ring", "a"), ARRIVE, do(1, "decline"), drop()],
            run(5_000),
            expect(0, "idle"),
            expect(1, "idle"),
        ],
    },
    {
        "name": "the hang-up is lost: it is said again to whoever still sees us",
        "members": [0, 1],
        "steps": [
            *voice_call(),
            do(1, "hang_up", at=20),
            drop(),
            run(5_000),
            expect(0, "idle"),
        ],
    },
    {
        "name": "a device is reloaded in mid-call, and says so at the first heartbeat",
        "members": [0, 1],
        "steps": [
            *voice_call(),
            {"at": 20_000, "do": "reload", "who": 1},
            run(25_000),
            expect(0, "idle"),
            expect(1, "idle"),
        ],
    },
    {
        "name": "a device is reloaded in mid-call, and rings: its old call is over",
        "members": [0, 1],
        "steps": [
            *voice_call(),
            {"at": 1_000, "do": "reload", "who": 1},
            do(1, "ring", "a", at=2_000),
            ARRIVE,
            expect(0, "ringing 2"),
            do(0, "accept", "a", at=3_000),
            ARRIVE,
            expect(0, "in call 2", "sees 1 2 stable connected a"),
            expect(1, "in call 2", "sees 0 2 stable connected a"),
        ],
    },
    {
        "name": "a device is reloaded in a call of three, and comes back into it",
        "members": [0, 1, 2],
        "steps": [
            *together(3),
            {"at": 1_000, "do": "reload", "who": 2},
            run(5_000),
            expect(2, "idle", "could join 0,1"),
            do(2, "join", "a"),
            ARRIVE,
            expect(0, "in call 1", "sees 1 1 stable connected a", "sees 2 2 stable connected a"),
            expect(2, "in call 1", "sees 0 2 stable connected av", "sees 1 2 stable connected a"),
        ],
    },
    {
        "name": "a member is removed from the conversation in mid-call, and loses its media at once",
        "members": [0, 1, 2],
        "steps": [
            *together(3),
            members(0, 0, 1),
            members(1, 0, 1),
            members(2, 0, 1),
            expect(0, "in call 1", "sees 1 1 stable connected a"),
            expect(2, "idle"),
            run(6_000),
            expect(1, "in call 1", "sees 0 1 stable connected av"),
        ],
    },
    {
        "name": "the only other one is removed: the call is over",
        "members": [0, 1],
        "steps": [*voice_call(), members(0, 0), expect(0, "idle")],
    },
    {
        "name": "who rings is removed: it rings no longer",
        "members": [0, 1, 2],
        "steps": [do(0, "ring", "a"), ARRIVE, members(1, 1, 2), expect(1, "idle")],
    },
    {
        "name": "who is rung is removed: it is not waited for",
        "members": [0, 1],
        "steps": [do(0, "ring", "a"), ARRIVE, members(0, 0), expect(0, "idle")],
    },
    {
        "name": "another device gets the leaf of one that was removed, and is somebody else",
        "members": [0, 1, 2],
        "steps": [
            *together(3),
            members(0, 0, 1, _2="another key"),
            expect(0, "in call 1", "sees 1 1 stable connected a"),
        ],
    },
    {
        "name": "three talk, and leave one by one",
        "members": [0, 1, 2],
        "steps": [
            *together(3),
            expect(1, "in call 1", "sees 0 1 stable connected av", "sees 2 1 stable connected a"),
            expect(2, "in call 1", "sees 0 1 stable connected av", "sees 1 1 stable connected a"),
            do(0, "hang_up", at=10_000),
            ARRIVE,
            expect(0, "idle", "could join 1,2"),
            expect(1, "in call 1", "sees 2 1 stable connected a"),
            do(2, "hang_up"),
            ARRIVE,
            *[expect(leaf, "idle") for leaf in (0, 1, 2)],
        ],
    },
    {
        "name": "four talk; one leaves and comes back",
        "members": [0, 1, 2, 3],
        "steps": [
            *together(4),
            do(3, "hang_up", at=10_000),
            ARRIVE,
            expect(3, "idle", "could join 0,1,2"),
            do(3, "join", "a", at=12_000),
            ARRIVE,
            expect(
                3,
                "in call 1",
                "sees 0 2 stable connected av",
                "sees 1 2 stable connected a",
                "sees 2 2 stable connected a",
            ),
        ],
    },
    {
        "name": "a third is rung in mid-call, does not answer, and is rung again",
        "members": [0, 1, 2],
        "steps": [
            do(0, "ring", "a", [1]),
            ARRIVE,
            expect(2, "idle"),
            do(1, "accept", "a"),
            ARRIVE,
            expect(2, "idle", "could join 0,1"),
            do(0, "ring", "a", [2], at=1_000),
            ARRIVE,
            expect(2, "ringing 1"),
            do(2, "decline"),
            ARRIVE,
            do(0, "ring", "a", [2], at=9_000),
            ARRIVE,
            expect(2, "ringing 1"),
            do(2, "accept", "a"),
            ARRIVE,
            expect(2, "in call 1", "sees 0 1 stable connected a", "sees 1 1 stable connected a"),
        ],
    },
    {
        "name": "the offering side adds video",
        "members": [0, 1],
        "steps": [
            *voice_call(),
            do(0, "set_media", "av"),
            do(0, "renegotiate"),
            ARRIVE,
            expect(1, "in call 1", "sees 0 1 stable connected av"),
        ],
    },
    {
        "name": "the answering side shares its screen",
        "members": [0, 1],
        "steps": [
            *voice_call(),
            do(1, "set_media", "as"),
            do(1, "renegotiate", 0),
            ARRIVE,
            expect(0, "in call 1", "sees 1 1 stable connected as"),
        ],
    },
    {
        "name": "both want a new offer at once: there is one, and then another",
        "members": [0, 1],
        "steps": [
            *voice_call(),
            do(0, "renegotiate"),
            do(1, "renegotiate"),
            ARRIVE,
            expect(0, "in call 1", "sees 1 1 stable connected a"),
            expect(1, "in call 1", "sees 0 1 stable connected a"),
        ],
    },
    {
        "name": "the request for a new offer is lost, and made again",
        "members": [0, 1],
        "steps": [*voice_call(), do(1, "renegotiate"), drop(), run(5_000)],
    },
    {
        "name": "muting, and video that the network does not carry, are shown to the other side",
        "members": [0, 1],
        "steps": [
            *together(2),
            do(0, "set_media", "v"),
            ARRIVE,
            expect(1, "in call 1", "sees 0 1 stable connected v"),
            do(0, "set_media", "a NETWORK"),
            ARRIVE,
            do(0, "hang_up", 10),
            ARRIVE,
            expect(1, "idle"),
        ],
    },
    {
        "name": "a call falls silent without a goodbye",
        "members": [0, 1],
        "steps": [*voice_call(), run(25_000, silent=True), expect(0, "idle"), expect(1, "idle")],
    },
    {
        "name": "who rings falls silent: it stops ringing",
        "members": [0, 1],
        "steps": [
            do(0, "ring", "a"),
            ARRIVE,
            {"at": 1_000, "do": "reload", "who": 0},
            run(20_000),
            expect(1, "idle"),
        ],
    },
    {
        "name": "a connection breaks; both can restart ICE, and get a new path",
        "members": [0, 1],
        "can_restart_ice": [0, 1],
        "steps": [
            *voice_call(),
            do(0, "peer_failed", 1, 1),
            do(1, "peer_failed", 0, 1),
            ARRIVE,
            expect(0, "in call 1", "sees 1 1 stable connected a"),
            expect(1, "in call 1", "sees 0 1 stable connected a"),
        ],
    },
    {
        "name": "a connection breaks; one side cannot restart ICE, and it is made anew",
        "members": [0, 1],
        "can_restart_ice": [0],
        "steps": [
            *voice_call(),
            do(1, "peer_failed", 0, 1),
            ARRIVE,
            expect(0, "in call 1", "sees 1 2 stable connected a"),
            expect(1, "in call 1", "sees 0 2 stable connected a"),
        ],
    },
    {
        "name": "the network of one changes",
        "members": [0, 1],
        "can_restart_ice": [0, 1],
        "steps": [
            *voice_call(),
            do(1, "network_changed", at=5_000),
            ARRIVE,
            expect(1, "in call 1", "sees 0 1 stable connected a"),
        ],
    },
    {
        "name": "no connection comes about: three tries, and the call ends with the reason",
        "members": [0, 1],
        "connects": False,
        "steps": [*voice_call(), run(60_000), expect(0, "idle"), expect(1, "idle")],
    },
    {
        "name": "what WebRTC says of a connection that is gone is not heeded",
        "members": [0, 1],
        "steps": [
            *voice_call(),
            do(0, "peer_failed", 1, 7),
            do(0, "local_description", 1, 1, 9, "stale", []),
            do(0, "local_candidates", 1, 7, 1, ["stale"]),
            do(0, "peer_connected", 1, 7),
            expect(0, "in call 1", "sees 1 1 stable connected a"),
        ],
    },
    {
        "name": "all allow the recording; a newcomer has not, and it must stop",
        "members": [0, 1, 2],
        "steps": [
            do(0, "ring", "a", [1]),
            ARRIVE,
            do(1, "accept", "a"),
            ARRIVE,
            do(0, "recording_started"),
            do(0, "ask_recording"),
            ARRIVE,
            do(1, "answer_recording", 0, True),
            ARRIVE,
            expect(0, "in call 1", "sees 1 1 stable connected a", "may record"),
            do(0, "recording_started"),
            ARRIVE,
            do(2, "join", "a"),
            ARRIVE,
            expect(0, "in call 1", "sees 1 1 stable connected a", "sees 2 1 stable connected a"),
            do(0, "recording_stopped"),
            ARRIVE,
        ],
    },
    {
        "name": "a recording is refused",
        "members": [0, 1],
        "steps": [
            *voice_call(),
            do(1, "ask_recording"),
            ARRIVE,
            do(0, "answer_recording", 1, False),
            ARRIVE,
            do(1, "recording_started"),
            expect(1, "in call 1", "sees 0 1 stable connected a"),
        ],
    },
    {
        "name": "consent is withdrawn, the message lost: the heartbeat stops the recording",
        "members": [0, 1],
        "steps": [
            *[
                *voice_call(),
                do(0, "ask_recording"),
                ARRIVE,
                do(1, "answer_recording", 0, True),
                ARRIVE,
            ],
            do(0, "recording_started"),
            ARRIVE,
            do(1, "withdraw_recording", at=1_000),
            drop(),
            run(5_000),
            expect(0, "in call 1", "sees 1 1 stable connected a"),
        ],
    },
    {
        "name": "who has stopped recording asks again, and an earlier yes is none, nor in a heartbeat",
        "members": [0, 1],
        "steps": [
            *[
                *voice_call(),
                do(0, "ask_recording"),
                ARRIVE,
                do(1, "answer_recording", 0, True),
                ARRIVE,
            ],
            do(0, "recording_started"),
            ARRIVE,
            do(0, "recording_stopped", at=1_000),
            ARRIVE,
            do(0, "ask_recording", at=2_000),
            ARRIVE,
            run(12_000),
            expect(0, "in call 1", "sees 1 1 stable connected a"),
            do(1, "answer_recording", 0, True),
            ARRIVE,
            expect(0, "in call 1", "sees 1 1 stable connected a", "may record"),
        ],
    },
    {
        "name": "a heartbeat gives no yes to being recorded, for any member could have made it",
        "members": [0, 1],
        "steps": [
            *[*voice_call(), do(0, "ask_recording"), ARRIVE, do(1, "answer_recording", 0, True), drop()],
            run(12_000),
            expect(0, "in call 1", "sees 1 1 stable connected a"),
            do(1, "answer_recording", 0, True),
            ARRIVE,
            expect(0, "in call 1", "sees 1 1 stable connected a", "may record"),
        ],
    },
    {
        "name": "a yes counts though a heartbeat overtakes it, but not one that was taken back since",
        "members": [0, 1],
        "steps": [
            *[*voice_call(), do(0, "ask_recording"), ARRIVE, do(1, "answer_recording", 0, True)],
            {"at": 5_000, "do": "tick", "who": 1},
            deliver(6, 0),
            deliver(5, 0),
            expect(0, "in call 1", "sees 1 1 stable connected a", "may record"),
            do(1, "answer_recording", 0, False),
            ARRIVE,
            do(1, "answer_recording", 0, True, at=6_000),
            do(1, "answer_recording", 0, False, at=7_000),
            {"at": 10_000, "do": "tick", "who": 1},
            deliver(10, 0),
            deliver(8, 0),
            expect(0, "in call 1", "sees 1 1 stable connected a"),
        ],
    },
    {
        "name": "a yes that comes when nobody asks any more is none to the next question",
        "members": [0, 1],
        "steps": [
            *[
                *voice_call(),
                do(0, "ask_recording"),
                ARRIVE,
                do(0, "recording_stopped", at=1_000),
                ARRIVE,
            ],
            do(1, "answer_recording", 0, True),
            ARRIVE,
            do(0, "ask_recording", at=2_000),
            expect(0, "in call 1", "sees 1 1 stable connected a"),
            ARRIVE,
            run(12_000),
            expect(0, "in call 1", "sees 1 1 stable connected a"),
            do(1, "answer_recording", 0, True),
            ARRIVE,
            expect(0, "in call 1", "sees 1 1 stable connected a", "may record"),
        ],
    },
    {
        "name": "a call outlasts a relay that is away, as long as its connection stands",
        "members": [0, 1],
        "steps": [
            *voice_call(),
            *connected((0, 1), (1, 0), until=90_000),
            expect(0, "in call 1", "sees 1 1 stable connected a"),
            expect(1, "in call 1", "sees 0 1 stable connected a"),
            run(120_000),
            expect(0, "in call 1", "sees 1 1 stable connected a"),
            # But no longer; that another connection stood says nothing of this one.
            run(130_000, silent=True),
            do(0, "peer_alive", 1, 7),
            run(145_000, silent=True),
            expect(0, "idle"),
            expect(1, "idle"),
        ],
    },
    {
        "name": "whoever cannot be heard may have taken back that the call is recorded",
        "members": [0, 1],
        "steps": [
            *[
                *voice_call(),
                do(0, "ask_recording"),
                ARRIVE,
                do(1, "answer_recording", 0, True),
                ARRIVE,
            ],
            do(0, "recording_started"),
            ARRIVE,
            *connected((0, 1), (1, 0), until=10_000),
            expect(0, "in call 1", "sees 1 1 stable connected a", "may record"),
            *connected((0, 1), (1, 0), every=15_000, until=30_000),
            expect(0, "in call 1", "sees 1 1 stable connected a"),
        ],
    },
    {
        "name": "clocks that are hours apart do not matter",
        "members": [0, 1],
        "clocks": {"0": -9_000_000, "1": 12_000_000},
        "steps": [
            *voice_call(),
            run(12_000),
            expect(0, "in call 1", "sees 1 1 stable connected a"),
            expect(1, "in call 1", "sees 0 1 stable connected a"),
            do(0, "hang_up"),
            ARRIVE,
            expect(1, "idle"),
        ],
    },
    {
        "name": "a clock that is set right does not make everything old that others say from then on",
        "members": [0, 1],
        "clocks": {"1": -3_600_000},
        "steps": [
            *voice_call(),
            run(12_000),
            do(0, "hang_up"),
            ARRIVE,
            {"at": 20_000, "do": "set clock", "who": 1, "to": 0},
            do(0, "ring", "a", at=120_000),
            ARRIVE,
            # It looks as old as something that was held back; what is said over and over does not, for long.
            run(129_000),
            expect(1, "idle"),
            run(131_000),
            expect(1, "ringing 2"),
            do(1, "accept", "a"),
            ARRIVE,
            expect(0, "in call 2", "sees 1 2 stable connected a"),
        ],
    },
    {
        "name": "a clock that is set right in the middle of a call does not end it",
        "members": [0, 1],
        "clocks": {"1": -3_600_000},
        "steps": [
            *voice_call(),
            run(12_000),
            {"at": 13_000, "do": "set clock", "who": 1, "to": 0},
            run(120_000),
            expect(0, "in call 1", "sees 1 1 stable connected a"),
            expect(1, "in call 1", "sees 0 1 stable connected a"),
        ],
    },
    {
        "name": "whoever has slept through the end of a call hears of it as soon as it is awake",
        "members": [0, 1],
        "steps": [
            *voice_call(),
            run(12_000),
            do(0, "hang_up", at=13_000),
            drop(),
            {"at": 3_600_000, "do": "deliver_all"},
            run(3_600_000),
            expect(1, "idle"),
        ],
    },
    {
        "name": "whoever has slept, and then hears nobody, gives up after the usual silence",
        "members": [0, 1],
        "steps": [
            *voice_call(),
            run(12_000),
            {"at": 3_600_000, "do": "deliver_all"},
            run(3_619_000, silent=True),
            expect(1, "in call 1", "sees 0 1 stable connected a"),
            run(3_620_000, silent=True),
            expect(1, "idle"),
        ],
    },
    {
        "name": "what is held back for minutes and comes all at once is old",
        "members": [0, 1],
        "steps": [
            *voice_call(),
            do(0, "hang_up"),
            ARRIVE,
            do(0, "ring", "a", at=10_000),
            run(69_000, silent=True),
            *[deliver(message, 1, at=200_000) for message in range(6, 18)],
            expect(1, "idle"),
        ],
    },
    {
        "name": "what a state does not allow is refused, and changes nothing",
        "members": [0, 1],
        "steps": [
            *[do(0, what) for what in ("decline", "cancel", "hang_up", "ask_recording", "leave")],
            *[do(0, what, "a") for what in ("accept", "join", "set_media")],
            do(0, "ring", "a", [0]),
            do(0, "ring", "a"),
            do(0, "ring", "a"),
            expect(0, "calling 1", "rings 1"),
            ARRIVE,
            do(1, "set_media", "a"),
            do(1, "ring", "a"),
            do(1, "leave"),
            ARRIVE,
            expect(0, "idle"),
        ],
    },
    {
        "name": "a device is reloaded and back before anybody noticed: it is a new one, with new connections",
        "members": [0, 1, 2],
        "steps": [
            *together(3),
            {"at": 1_000, "do": "reload", "who": 2},
            {"at": 5_000, "do": "tick", "who": 0},
            deliver(9, 2),
            drop(),
            do(2, "join", "av"),
            # An offer that was made to what it was before the reload.
            deliver(5, 2),
            expect(2, "in call 1", "sees 0 0 awaiting waiting av"),
            ARRIVE,
            expect(0, "in call 1", "sees 1 1 stable connected a", "sees 2 2 stable connected av"),
        ],
    },
    {
        "name": "a ring that was declined comes again, and is declined again",
        "members": [0, 1],
        "steps": [
            do(0, "ring", "a"),
            deliver(0, 1),
            do(1, "decline"),
            deliver(0, 1),
            expect(1, "idle"),
            ARRIVE,
            expect(0, "idle"),
        ],
    },
    {
        "name": "a late answer is not taken for that to the next offer",
        "members": [0, 1],
        "steps": [
            *voice_call(),
            do(0, "renegotiate"),
            do(0, "local_description", 1, 1, 2, "offer 1.2 of 0", []),
            deliver(3, 0),
            expect(0, "in call 1", "sees 1 1 offered connected a"),
            ARRIVE,
            expect(0, "in call 1", "sees 1 1 stable connected a"),
        ],
    },
    {
        "name": "what was said later counts, in whatever order it comes",
        "members": [0, 1],
        "steps": [
            *voice_call(),
            do(0, "set_media", "v", at=1_000),
            do(0, "set_media", "av", at=1_100),
            deliver(5, 1),
            deliver(4, 1),
            expect(1, "in call 1", "sees 0 1 stable connected av"),
        ],
    },
    {
        "name": "who comes back has not granted the recording any more",
        "members": [0, 1, 2],
        "steps": [
            *together(3),
            do(0, "ask_recording"),
            ARRIVE,
            do(1, "answer_recording", 0, True),
            do(2, "answer_recording", 0, True),
            ARRIVE,
            do(2, "hang_up", at=5),
            ARRIVE,
            expect(0, "in call 1", "sees 1 1 stable connected a", "may record"),
            do(2, "join", "a", at=10),
            ARRIVE,
            expect(0, "in call 1", "sees 1 1 stable connected a", "sees 2 2 stable connected a"),
        ],
    },
    {
        "name": "one of three hears nothing of another: they do not take each other to be there",
        "members": [0, 1, 2],
        "steps": [
            *together(3),
            *[
                step
                for second in range(5, 45, 5)
                for step in (
                    {"at": 1_000 * second, "do": "tick", "who": 0},
                    {"do": "tick", "who": 1},
                    {"do": "tick", "who": 2},
                    {"do": "lose", "from": 1, "to": 2},
                    ARRIVE,
                )
            ],
            expect(2, "in call 1", "sees 0 1 stable connected av"),
            expect(1, "in call 1", "sees 0 1 stable connected av"),
        ],
    },
]


def recorded() -> dict[str, Any]:
    """The scenarios with what Python does at each step."""
    scenarios = []
    for scenario in SCENARIOS:
        runner = CallScenarioRunner(scenario)
        steps = [_with_outcome(runner, step) for step in scenario["steps"]]
        scenarios.append(scenario | {"steps": steps})
    return {"about": ABOUT, "scenarios": scenarios}


def _with_outcome(runner: CallScenarioRunner, step: Step) -> Step:
    outcome = runner.play(step)
    # What must be true is written by hand.
    return step if "is" in step else step | {"out": outcome}


ABOUT: Final = (
    "How calls go, run by tests/signaling/call/test_call_scenarios.py and "
    "client_sdk/web/tests/call/scenarios.test.ts. Written by make_call_scenarios.py. Members are leaves; "
    "messages are numbered in the order of sending; times are milliseconds from the beginning."
)


def main() -> None:
    """Write the file, one step a line."""
    OUTPUT.write_text(written(recorded()), encoding="utf-8")


def written(content: dict[str, Any]) -> str:
    """As it is in the file."""
    lines = [f'{{\n  "about": {json.dumps(content["about"])},\n  "scenarios": [']
    for scenario in content["scenarios"]:
        head = {key: value for key, value in scenario.items() if key != "steps"}
        steps = ",\n      ".join(json.dumps(step, ensure_ascii=False) for step in scenario["steps"])
        lines.append(f'    {json.dumps(head)[:-1]}, "steps": [\n      {steps}\n    ]}},')
    lines[-1] = lines[-1][:-1]
    return "\n".join(lines) + "\n  ]\n}\n"


if __name__ == "__main__":
    main()
