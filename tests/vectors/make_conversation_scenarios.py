"""Writes conversation_scenarios.json: what members of a conversation send, hear and believe, step by step.

``python tests/vectors/make_conversation_scenarios.py`` after a change. Played by
tests/sdk/test_conversation_scenarios.py and
client_sdk/web/tests/conversation/conversationScenarios.test.ts, each with its own MLS, over a log in memory
that keeps the relay's rules. A survivor and a counselor, Sari, are talking when a scenario begins, and she
has renewed her keys, as whoever joins does; a medic, Dewi, may be brought in. Every ``who`` is one of the
three.

What a step ``does``:

    says text, reads, types     reading concerns all that was heard and not read yet
    breaks, connects, restarts  the connection; a restart goes on from what staff had saved
    pumps                       everything that the connected want to send goes through the log
    loses is                    whether the relay's answers to appends are lost from now on
    refreshes, leaves, ends     a commit for new keys; leaving alone, or for everybody
    asks_for_medic yes          she is asked, and answers
    brings_in_medic             the same with a yes, and the commit; `meanwhile` the survivor says something,
                                which comes into the log before it
    meets withheld              in the first step: the two have come together, and something was kept back
                                from the survivor, as below
    brings_in_medic withheld    as above, from the medic
    withholds withheld          from now on entries are kept back from this member, and the places of all
                                others close the gap: `first message` is one message; `counselor`, `medic` all
                                messages of that person until the next commit
    tampers how                 with what this member is given: the next entry is withheld and the others
                                renumbered, miscounted, spoilt, or repeated
    forks                       from now on this member has a log of its own, beside that of all others
    passes seconds              for everybody, who look at the clock every few seconds
    sleeps seconds              this member alone, who looks at the clock once, after it
    forgets                     the relay loses the last entry
    is_lost                     the relay's store has lost the conversation
    is_out                      the relay says to this member that it is none
    is_told reachable           the relay says whether any staff device is connected
    happens events              all since somebody looked, as kind, or kind and text
    appends counters            what went to the relay since somebody looked
    is                          cursor, epoch, confirmed
    is_in                       epoch
    present people              in the room
    stopped why unsent          it is over, by this exception; these texts are handed back
    ended by unsent             it is over, by this person; the same
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

Step = dict[str, str | bool | int | list[str] | list[int]]
HER: Final = "survivor"
SARI: Final = "counselor"
DEWI: Final = "medic"


def step(does: str, who: str = "", **rest: str | bool | int | list[str] | list[int]) -> Step:
    return {"does": does, **({"who": who} if who else {}), **rest}


def loses(*, is_so: bool) -> Step:
    return {"does": "loses", "is": is_so}


def says(who: str, *texts: str) -> list[Step]:
    return [step("says", who, text=text) for text in texts]


def happens(who: str, *events: str) -> Step:
    return step("happens", who, events=list(events))


def heard(who: str, *texts: str) -> Step:
    return happens(who, *[f"textReceived {text}" for text in texts])


def appends(who: str, *counters: int) -> Step:
    return step("appends", who, counters=list(counters))


def is_at(who: str, *, cursor: int, epoch: int, confirmed: bool = True) -> Step:
    return step("is", who, cursor=cursor, epoch=epoch, confirmed=confirmed)


def epoch_of(who: str, epoch: int) -> Step:
    return step("is_in", who, epoch=epoch)


def is_told(*, reachable: bool) -> Step:
    return step("is_told", HER, reachable=reachable)


def present(who: str, *people: str) -> Step:
    return step("present", who, people=list(people))


def stopped(who: str, why: str, *unsent: str) -> Step:
    return step("stopped", who, why=why, unsent=list(unsent))


def ended(who: str, by: str, *unsent: str) -> Step:
    return step("ended", who, by=by, unsent=list(unsent))


def passes(seconds: int) -> Step:
    return step("passes", seconds=seconds)


def late(who: str, *people: str) -> Step:
    return happens(who, " ".join(["unconfirmed", *people]))


PUMPS: Final = step("pumps")
FIFTY: Final = tuple(str(number) for number in range(1, 51))
BRINGS_IN_MEDIC: Final = step("brings_in_medic")

SCENARIOS: Final[list[tuple[str, list[Step]]]] = [
    (
        "a text arrives, and its sender hears how it fares",
        [
            *[present(HER, "Sari (counselor)", "survivor"), is_at(HER, cursor=5, epoch=2)],
            *[*says(HER, "is somebody there?"), PUMPS, heard(SARI, "is somebody there?")],
            *[happens(HER, "sent", "delivered"), step("reads", SARI), PUMPS, happens(HER, "read")],
        ],
    ),
    (
        "typing is seen, and leaves nothing in the log",
        [
            step("types", HER),
            appends(HER),
            PUMPS,
            happens(SARI, "typingSeen"),
            is_at(SARI, cursor=5, epoch=2),
        ],
    ),
    (
        "what is said without a connection goes out in order when it is back",
        [
            *[step("breaks", HER), *says(HER, "one", "two"), PUMPS, appends(HER), heard(SARI)],
            *[step("connects", HER), PUMPS, appends(HER, 3, 4), heard(SARI, "one", "two")],
        ],
    ),
    (
        "what was missed is read from the entry after the last one that was taken",
        [
            *[*says(SARI, "before"), PUMPS, heard(HER, "before"), is_at(HER, cursor=7, epoch=2)],
            *[step("breaks", HER), *says(SARI, "one", "two"), PUMPS, heard(HER)],
            *[is_at(HER, cursor=7, epoch=2), step("connects", HER), PUMPS, heard(HER, "one", "two")],
        ],
    ),
    (
        "an append whose answer was lost is repeated under its counter, and heard once",
        [
            *[loses(is_so=True), *says(HER, "one", "two"), PUMPS, appends(HER, 3, 4)],
            *[heard(SARI, "one", "two"), is_at(HER, cursor=5, epoch=2, confirmed=False)],
            *[step("breaks", HER), loses(is_so=False), step("connects", HER), PUMPS],
            *[
                heard(SARI),
                happens(HER, "sent", "sent", "delivered", "delivered"),
                is_at(HER, cursor=9, epoch=2),
            ],
        ],
    ),
    (
        "two who renew their keys at once: one is first, the other tries again, and nothing said is lost",
        [
            *[
                BRINGS_IN_MEDIC,
                happens(
                    HER, "invitationReceived", "invitationAnswered", "joined", "noteAwaited", "noteAwaited"
                ),
                step("refreshes", SARI),
            ],
            *[step("refreshes", DEWI), *says(HER, "in between"), PUMPS],
            *[
                happens(
                    SARI,
                    "invitationAnswered",
                    "joined",
                    "noteAwaited",
                    "textReceived in between",
                    "delivered",
                )
            ],
            *[
                happens(
                    DEWI,
                    "joined",
                    "joined",
                    "noteAwaited",
                    "textReceived in between",
                    "delivered",
                ),
                is_at(HER, cursor=25, epoch=6),
            ],
        ],
    ),
    (
        "whoever has said fifty things renews her keys, and receipts do not count",
        [
            *[*says(HER, *FIFTY[:-1]), PUMPS, epoch_of(HER, 2), epoch_of(SARI, 2)],
            *[*says(HER, FIFTY[-1]), PUMPS, epoch_of(HER, 3), epoch_of(SARI, 3), heard(SARI, *FIFTY)],
        ],
    ),
    (
        "where people talk each renews her keys every quarter of an hour, also while nobody speaks just then",
        [
            *[*says(HER, "one"), PUMPS, passes(10 * 60), PUMPS, epoch_of(HER, 2)],
            *[passes(5 * 60), PUMPS, epoch_of(HER, 4), epoch_of(SARI, 4), heard(SARI, "one")],
        ],
    ),
    (
        "where nobody says anything nobody commits",
        [
            *[passes(3600), PUMPS, passes(3600), PUMPS, is_at(HER, cursor=5, epoch=2)],
            *[*says(HER, "one"), PUMPS, epoch_of(HER, 4), passes(3600), PUMPS, epoch_of(HER, 4)],
        ],
    ),
    (
        "after a silence keys are renewed before anything is said",
        [
            *[passes(3600), loses(is_so=True), *says(HER, "one"), PUMPS, appends(HER, 3), heard(SARI)],
            *[step("breaks", HER), step("breaks", SARI), loses(is_so=False), step("connects", SARI)],
            *[step("connects", HER), PUMPS, heard(SARI, "one")],
            *[epoch_of(HER, 4), epoch_of(SARI, 4)],
        ],
    ),
    (
        "what was encrypted for an epoch that is over is encrypted anew, under the same counter",
        [
            *[step("breaks", HER), step("refreshes", SARI), PUMPS, step("connects", HER)],
            *[*says(HER, "one"), PUMPS, heard(SARI, "one"), is_at(HER, cursor=10, epoch=3)],
        ],
    ),
    (
        "a colleague whom she accepted comes in, talks and goes",
        [
            BRINGS_IN_MEDIC,
            present(HER, "Sari (counselor)", "survivor", "Dewi (medic)"),
            *[*says(DEWI, "hello"), PUMPS, step("leaves", DEWI), PUMPS],
            happens(
                HER,
                "invitationReceived",
                "invitationAnswered",
                "joined",
                *["noteAwaited", "noteAwaited"],
                "textReceived hello",
                "delivered",
                "left",
            ),
            *[present(HER, "Sari (counselor)", "survivor"), is_at(HER, cursor=24, epoch=5)],
        ],
    ),
    (
        "a colleague whom she declined stays out, and all hear of the answer",
        [
            *[step("asks_for_medic", yes=False), happens(SARI, "invitationAnswered")],
            present(HER, "Sari (counselor)", "survivor"),
        ],
    ),
    (
        "who does not confirm new keys within a minute is named, until she does",
        [
            *[step("breaks", HER), step("refreshes", SARI), PUMPS, passes(59), happens(SARI)],
            *[passes(1), late(SARI, "survivor"), passes(600), happens(SARI)],
            *[step("connects", HER), PUMPS, late(SARI)],
        ],
    ),
    (
        "who confirms in time is not named, and no new epoch begins the minute anew",
        [
            *[step("refreshes", SARI), PUMPS, passes(600), happens(SARI), happens(HER)],
            *[step("breaks", HER), step("refreshes", SARI), PUMPS, passes(40)],
            *[step("refreshes", SARI), PUMPS, passes(19), happens(SARI), passes(1), late(SARI, "survivor")],
            *[step("refreshes", SARI), PUMPS, passes(60), happens(SARI)],
        ],
    ),
    (
        "a relay that leads members apart is told by each half of the other",
        [
            BRINGS_IN_MEDIC,
            *[step("forks", SARI), step("refreshes", SARI), step("refreshes", DEWI), PUMPS],
            happens(SARI, "invitationAnswered", "joined", "noteAwaited"),
            happens(DEWI, "joined", "joined", "noteAwaited"),
            happens(HER, "invitationReceived", "invitationAnswered", "joined", "noteAwaited", "noteAwaited"),
            *[passes(60), late(SARI, "survivor", "Dewi"), late(DEWI, "Sari"), late(HER, "Sari")],
        ],
    ),
    (
        "a minute counts only while one is connected and awake",
        [
            *[step("breaks", HER), step("refreshes", SARI), PUMPS, passes(40), step("breaks", SARI)],
            *[passes(60), step("connects", SARI), PUMPS, passes(40), happens(SARI)],
            *[step("sleeps", SARI, seconds=900), happens(SARI), passes(10), late(SARI, "survivor")],
        ],
    ),
    (
        "of staff who cannot be reached she is told that, and not that they are led apart",
        [
            *[loses(is_so=True), step("refreshes", SARI), PUMPS, is_told(reachable=False)],
            *[passes(600), happens(HER, "staffUnreachable"), is_told(reachable=True)],
            *[passes(59), happens(HER, "staffReachable"), passes(1), late(HER, "Sari")],
        ],
    ),
    (
        "staff who start again remember who has confirmed, and await the others",
        [
            *[step("refreshes", SARI), PUMPS, step("restarts", SARI), PUMPS, passes(600), happens(SARI)],
            *[step("breaks", HER), step("refreshes", SARI), PUMPS, step("restarts", SARI), PUMPS],
            *[passes(60), late(SARI, "survivor")],
        ],
    ),
    (
        "who ends it ends it for everybody",
        [step("ends", SARI), PUMPS, ended(HER, "Sari (counselor)"), present(HER)],
    ),
    (
        "whoever could not send something before the end gets it back, and hears who has ended it",
        [
            *[
                step("breaks", HER),
                *says(HER, "one", "two"),
                step("ends", SARI),
                PUMPS,
                step("connects", HER),
            ],
            *[PUMPS, ended(HER, "Sari (counselor)", "one", "two"), appends(HER)],
        ],
    ),
    (
        "a survivor who leaves is told as who has ended it, with what she did not hear any more",
        [
            *[step("breaks", SARI), *says(SARI, "one"), step("leaves", HER), PUMPS, step("connects", SARI)],
            *[PUMPS, ended(SARI, "survivor", "one")],
        ],
    ),
    (
        "a store that has lost the conversation is no goodbye, and what was said into it is handed back",
        [
            *[step("is_lost"), *says(HER, "one", "two"), PUMPS, appends(HER, 3, 4)],
            *[stopped(HER, "ConversationForgotten", "one", "two")],
            *[*says(SARI, "three"), PUMPS, stopped(SARI, "ConversationForgotten", "three")],
        ],
    ),
    (
        "a relay that takes a member for none, although nobody has taken it out, is no goodbye either",
        [
            *[step("breaks", HER), *says(HER, "one"), step("is_out", HER)],
            stopped(HER, "ConversationForgotten", "one"),
        ],
    ),
    (
        "what waits when the log turns out to be broken is handed back",
        [
            *[*says(SARI, "three"), PUMPS, step("breaks", HER), *says(HER, "one", "two"), step("forgets")],
            *[step("connects", HER), stopped(HER, "LogBroken", "one", "two")],
        ],
    ),
    (
        "that staff can be reached again is told before what they say, and once",
        [
            *[is_told(reachable=False), is_told(reachable=False), happens(HER, "staffUnreachable")],
            *[is_told(reachable=True), is_told(reachable=True), happens(HER, "staffReachable")],
            *[is_told(reachable=False), *says(SARI, "I was only slow"), PUMPS],
            happens(HER, "staffUnreachable", "staffReachable", "textReceived I was only slow"),
            *[is_told(reachable=False), step("leaves", SARI), PUMPS],
            happens(HER, "staffUnreachable", "staffReachable", "left"),
        ],
    ),
    (
        "staff who start again go on from what was kept, with new keys: nothing lost, no counter used twice",
        [
            *[*says(SARI, "before"), step("restarts", SARI), *says(HER, "are you there?"), PUMPS],
            *[
                happens(HER, "sent", "textReceived before", "delivered"),
                happens(SARI, "textReceived are you there?", "sent", "delivered"),
                epoch_of(SARI, 3),
                epoch_of(HER, 3),
            ],
            *[*says(SARI, "yes"), PUMPS, heard(HER, "yes")],
        ],
    ),
    (
        "a relay that withholds an entry and renumbers the rest is found out by the next one",
        [step("tampers", HER, how="withhold"), *says(SARI, "one", "two"), PUMPS, stopped(HER, "LogBroken")],
    ),
    (
        "a relay that withholds what a counselor says first is found out by the second",
        [step("meets", withheld="first message"), *says(SARI, "one"), PUMPS, stopped(HER, "LogBroken")],
    ),
    (
        "a relay that withholds all that a counselor says first is found out in the next epoch",
        [
            *[step("meets", withheld="counselor"), *says(SARI, "one"), PUMPS, happens(HER)],
            *[step("refreshes", SARI), PUMPS, stopped(HER, "LogBroken")],
        ],
    ),
    (
        "a relay that withholds from a newcomer what somebody says first is found out by the second",
        [
            step("brings_in_medic", withheld="first message"),
            *[*says(HER, "one"), *says(SARI, "two"), PUMPS, stopped(DEWI, "LogBroken")],
        ],
    ),
    (
        "a relay that withholds from a newcomer all that somebody says is found out in its own epoch",
        [step("brings_in_medic", withheld="counselor"), PUMPS, stopped(DEWI, "LogBroken")],
    ),
    (
        "a relay that withholds what a newcomer says first is found out by the second",
        [
            *[step("withholds", HER, withheld="medic"), BRINGS_IN_MEDIC, *says(DEWI, "one"), PUMPS],
            *[step("refreshes", DEWI), PUMPS, stopped(HER, "LogBroken")],
        ],
    ),
    (
        "what somebody says while a newcomer's commit is on its way is not missed by the newcomer",
        [
            step("brings_in_medic", meanwhile="one moment"),
            *[*says(HER, "hello"), *says(SARI, "hello"), PUMPS, step("refreshes", SARI), PUMPS],
            *[*says(HER, "and now"), PUMPS],
            happens(
                DEWI,
                *["joined", "joined", "noteAwaited", "delivered"],
                *["textReceived hello", "textReceived hello", "delivered", "delivered"],
                *["textReceived and now", "delivered"],
            ),
        ],
    ),
    (
        "a relay that miscounts a sender's entries is found out at once",
        [step("tampers", HER, how="miscount"), *says(SARI, "one"), PUMPS, stopped(HER, "LogBroken")],
    ),
    (
        "a relay that repeats entries is not noticed by anybody",
        [step("tampers", HER, how="repeat"), *says(SARI, "one", "two"), PUMPS, heard(HER, "one", "two")],
    ),
    (
        "what the relay has spoilt is said to be unreadable, and nothing of it is shown",
        [step("tampers", HER, how="spoil"), *says(SARI, "one"), PUMPS, happens(HER, "messageRefused")],
    ),
    (
        "a relay that has lost what was read before is not followed",
        [
            *[*says(SARI, "one"), PUMPS, heard(HER, "one"), step("breaks", HER), step("forgets")],
            *[step("connects", HER), stopped(HER, "LogBroken")],
        ],
    ),
]


def vectors() -> str:
    """The text of conversation_scenarios.json."""
    return json.dumps([{"name": name, "steps": steps} for name, steps in SCENARIOS], indent=1) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("conversation_scenarios.json").write_text(vectors(), encoding="utf-8")
