"""Writes relay_link.json: how a client's link to the relay breaks and comes back, for both languages.

``PYTHONPATH=tests python tests/vectors/make_relay_link.py`` after a change. Frames are hex, written by hand
as in `make_relay_protocol`. Played by tests/sdk/test_relay_link_vectors.py and by
client_sdk/web/tests/net/relayLinkVectors.test.ts.

``refusals``: for each error code of the relay the class of the exception that whoever asked gets.

``not_yet``: an Error of a statement that has not begun by the relay's clock, and both times.

``links``: scenarios of ``steps``, over a clock that stands still unless a step lets it pass. The back-off
takes the longest wait that it may. With ``introduces`` the client is staff and says that frame to a Hello.
What a step ``does``:

    hears frames        the relay says them
    breaks              the connection does
    reachable is        whether attempts to connect succeed from now on
    hangs is            whether they are accepted and not answered
    owes is             whether the relay owes something that is no answer to a question: an Accepted
    drains to           so many bytes of what was sent have not reached the other machine yet
    hurries             the network is back, or somebody looks at the page again
    passes seconds      of the clock
    asks                a question (Leave) is put; its answers come to ``answers``
    dialled times       there were so many attempts, from the beginning
    up is               whether frames can be sent
    said frames         what the client has sent since this was last looked at; so the next three
    told what           "up" and "down"
    received frames     what was handed on, for it answers no question
    answers what        frames by hex, exceptions by their class
    refused             the link has ended by AuthenticationRefused, and is not tried again
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from vectors.make_relay_protocol import (
    AUTHENTICATE,
    AUTHENTICATED,
    CONVERSATION,
    HELLO,
    MOVING,
    PONG,
    QUEUE_POSITION,
    Plain,
    packed,
)

Step = dict[str, str | bool | int | float | list[str]]

REFUSALS: Final = {
    **dict.fromkeys(("request_gone", "queue_empty"), "RequestGone"),
    "unknown_conversation": "ConversationForgotten",
    **dict.fromkeys(
        ("authentication_failed", "statement_expired", "statement_revoked"), "AuthenticationRefused"
    ),
    **dict.fromkeys(
        (
            *("malformed_frame", "frame_too_large", "unexpected_frame"),
            *("wrong_epoch", "counter_gap", "no_key_package", "not_permitted", "too_many", "rate_limited"),
            *("proof_of_work_required", "unavailable", "shutting_down", "internal"),
        ),
        "RelayRefused",
    ),
}
LIVES: Final[list[Plain]] = [0x10, 0]
ANSWERED: Final[list[Plain]] = [0x4F, 0]


def leave(ref: int) -> list[Plain]:
    return [0x0A, ref, CONVERSATION]


def done(ref: int) -> list[Plain]:
    return [0x4D, ref, b""]


def error(
    code: str,
    *,
    ref: int = 0,
    fatal: bool = False,
    retry_after_ms: int = 0,
    counter: int = 0,
    expected: int = 0,
) -> list[Plain]:
    return [0x49, code, "", ref, None, counter, expected, retry_after_ms, fatal]


def hears(*frames: list[Plain]) -> Step:
    return {"does": "hears", "frames": [packed(frame) for frame in frames]}


def said(*frames: list[Plain]) -> Step:
    return {"does": "said", "frames": [packed(frame) for frame in frames]}


def received(*frames: list[Plain]) -> Step:
    return {"does": "received", "frames": [packed(frame) for frame in frames]}


def passes(seconds: float) -> Step:
    return {"does": "passes", "seconds": seconds}


def dialled(times: int) -> Step:
    return {"does": "dialled", "times": times}


def up(*, is_up: bool) -> Step:
    return {"does": "up", "is": is_up}


def told(*what: str) -> Step:
    return {"does": "told", "what": list(what)}


def answers(*what: str | list[Plain]) -> Step:
    return {"does": "answers", "what": [each if isinstance(each, str) else packed(each) for each in what]}


def reachable(*, is_reachable: bool) -> Step:
    return {"does": "reachable", "is": is_reachable}


def hangs(*, is_hanging: bool) -> Step:
    return {"does": "hangs", "is": is_hanging}


def owes(*, is_owing: bool) -> Step:
    return {"does": "owes", "is": is_owing}


def drains(to: int) -> Step:
    return {"does": "drains", "to": to}


def waits(attempts: int, seconds: float) -> list[Step]:
    """The next attempt, which is the one counted so, comes after so long and not before."""
    return [passes(seconds - 0.125), dialled(attempts - 1), passes(0.125), dialled(attempts)]


BREAKS: Final[Step] = {"does": "breaks"}
ASKS: Final[Step] = {"does": "asks"}
HURRIES: Final[Step] = {"does": "hurries"}
REFUSED: Final[Step] = {"does": "refused"}
UP: Final[list[Step]] = [hears(HELLO), up(is_up=True), told("up")]

LINKS: Final[list[tuple[str, list[Plain] | None, list[Step]]]] = [
    (
        "it is up after Hello, and hands on what answers no question",
        None,
        [dialled(1), up(is_up=False), *UP, hears(QUEUE_POSITION), received(QUEUE_POSITION), said()],
    ),
    (
        "of staff it is up when the relay has believed them, and not before",
        AUTHENTICATE,
        [
            *[hears(HELLO), said(AUTHENTICATE), up(is_up=False), told()],
            *[hears(AUTHENTICATED), up(is_up=True), told("up")],
        ],
    ),
    (
        "staff whom the relay refuses do not knock again",
        AUTHENTICATE,
        [
            *[hears(HELLO), hears(error("statement_revoked", fatal=True))],
            *[REFUSED, passes(100), dialled(1), up(is_up=False), told()],
        ],
    ),
    (
        "it comes back after it broke, and says so both times",
        None,
        [*UP, BREAKS, up(is_up=False), told("down"), *waits(2, 0.25), *UP],
    ),
    (
        "it waits twice as long after each failure, up to four seconds",
        None,
        [
            *[reachable(is_reachable=False), *UP, BREAKS, told("down")],
            *[
                step
                for attempt, seconds in enumerate((0.25, 0.5, 1, 2, 4, 4, 4), start=2)
                for step in waits(attempt, seconds)
            ],
        ],
    ),
    (
        "a relay that answered is waited for briefly again",
        None,
        [
            *[reachable(is_reachable=False), *UP, passes(2), BREAKS],
            *[*waits(2, 0.25), *waits(3, 0.5), *waits(4, 1), reachable(is_reachable=True), *waits(5, 2)],
            *[told("down"), *UP, passes(2), BREAKS, *waits(6, 0.25)],
        ],
    ),
    (
        "a relay that greets and fails within two seconds is waited for ever longer, until it stays",
        None,
        [
            *[*UP, BREAKS, told("down"), *waits(2, 0.25)],
            *[*UP, passes(1.875), BREAKS, told("down"), *waits(3, 0.5)],
            *[*UP, hears([0xC1]), told("down"), *waits(4, 1)],
            *[*UP, hears(error("unavailable", fatal=True)), BREAKS, told("down"), *waits(5, 2)],
            *[*UP, passes(2), BREAKS, told("down"), *waits(6, 0.25)],
        ],
    ),
    (
        "staff whom it believes and drops at once wait ever longer, too",
        AUTHENTICATE,
        [
            *[hears(HELLO), said(AUTHENTICATE), hears(AUTHENTICATED), BREAKS, *waits(2, 0.25)],
            *[hears(HELLO), said(AUTHENTICATE), hears(AUTHENTICATED), BREAKS, *waits(3, 0.5)],
        ],
    ),
    (
        "what the relay asks to wait is waited for, on top of the spreading, once",
        None,
        [
            *[hears(error("too_many", fatal=True, retry_after_ms=3000)), BREAKS, up(is_up=False)],
            *[*waits(2, 3.25), BREAKS, *waits(3, 0.5)],
        ],
    ),
    (
        "a node that is about to stop is left at once, and its clients spread over the time that it gave",
        None,
        [*UP, hears(MOVING), up(is_up=False), told("down"), *waits(2, 2), *UP],
    ),
    (
        "an answer goes to the question, whatever comes before it",
        None,
        [
            *[*UP, ASKS, said(leave(1)), hears(QUEUE_POSITION, done(1))],
            *[answers(done(1)), received(QUEUE_POSITION)],
        ],
    ),
    (
        "an answer goes to its own question when they come in another order",
        None,
        [*UP, ASKS, ASKS, said(leave(1), leave(2)), hears(done(2), done(1)), answers(done(2), done(1))],
    ),
    (
        "a refusal goes to who asked, as the exception of its code, and the link stays",
        None,
        [
            *[*UP, ASKS, ASKS, hears(error("request_gone", ref=1), error("too_many", ref=2))],
            *[answers("RequestGone", "RelayRefused"), received(), up(is_up=True)],
        ],
    ),
    (
        "what was asked when it broke is lost, is said so, and is not asked again by the link",
        None,
        [
            *[*UP, ASKS, said(leave(1)), BREAKS, answers("RelayLost")],
            *[told("down"), *waits(2, 0.25), *UP, said()],
        ],
    ),
    (
        "what is asked while it is down is lost at once; the next question has a ref of its own",
        None,
        [
            *[*UP, ASKS, said(leave(1)), BREAKS, ASKS, answers("RelayLost", "RelayLost"), told("down")],
            *[*waits(2, 0.25), *UP, ASKS, said(leave(2)), hears(done(2)), answers(done(2))],
        ],
    ),
    (
        "an answer that comes late, to a question of the connection before, is nobody's",
        None,
        [
            *[*UP, ASKS, BREAKS, answers("RelayLost"), told("down"), *waits(2, 0.25), *UP],
            *[hears(done(1)), answers(), received(done(1))],
        ],
    ),
    (
        "a quiet link shows that it lives, and its own answer is handed to nobody",
        None,
        [
            *[*UP, passes(20.1), said(LIVES), hears(ANSWERED), received(), up(is_up=True)],
            *[passes(20), said(LIVES), up(is_up=True)],
        ],
    ),
    (
        "a quiet link that does not answer is replaced",
        None,
        [
            *[*UP, passes(20), said(LIVES), passes(2.4), dialled(1), up(is_up=True), passes(0.2)],
            *[dialled(2), told("down"), *UP],
        ],
    ),
    (
        "every frame is a sign of life",
        None,
        [
            *UP,
            passes(22),
            said(LIVES),
            hears(QUEUE_POSITION),
            passes(17.9),
            dialled(1),
            said(),
            up(is_up=True),
        ],
    ),
    (
        "a relay that owes an answer is asked whether it lives, and its silence begins another connection",
        None,
        [
            *[*UP, passes(10), ASKS, said(leave(1)), passes(1.4), said(), passes(0.2), said(LIVES)],
            *[passes(0.8), dialled(1), up(is_up=True), passes(0.2), dialled(2)],
            *[answers("RelayLost"), told("down"), *UP, said()],
        ],
    ),
    (
        "the same where it owes that something is accepted",
        None,
        [
            *UP,
            owes(is_owing=True),
            ASKS,
            hears(done(1)),
            passes(1.625),
            said(leave(1), LIVES),
            *waits(2, 0.875),
        ],
    ),
    (
        "whoever owes and speaks is asked again and again, and stays",
        None,
        [
            *[*UP, owes(is_owing=True), ASKS, said(leave(1)), hears(done(1)), answers(done(1))],
            *[step for _ in range(4) for step in (passes(1.55), said(LIVES), hears(ANSWERED), dialled(1))],
            *[owes(is_owing=False), passes(10), said(), dialled(1), up(is_up=True), told()],
        ],
    ),
    (
        "a relay that was only slow stays the link if it speaks before the other connection is made",
        None,
        [
            *[*UP, hangs(is_hanging=True), ASKS, passes(2.6), dialled(2), passes(0.5), hears(done(1))],
            *[answers(done(1)), up(is_up=True), told(), passes(10), dialled(2), up(is_up=True)],
        ],
    ),
    (
        "beside the attempts that hang as it does, others are made in quick succession",
        None,
        [
            *[*UP, hangs(is_hanging=True), ASKS, *waits(2, 2.5), *waits(3, 0.75), *waits(4, 0.75)],
            *[hangs(is_hanging=False), *waits(5, 0.75), told("down"), *UP, passes(5), dialled(5)],
        ],
    ),
    (
        "a silent relay is left after eight seconds though there is no other",
        None,
        [
            *[*UP, hangs(is_hanging=True), ASKS, passes(7.9), up(is_up=True), told()],
            *[passes(0.2), up(is_up=False), told("down"), answers("RelayLost")],
        ],
    ),
    (
        "while what was sent is leaving, the relay is not silent",
        None,
        [
            *[*UP, drains(90_000), ASKS, passes(1.6), said(leave(1), LIVES), drains(40_000)],
            *[passes(3.3), said(LIVES), dialled(1), up(is_up=True), passes(0.2), dialled(2)],
        ],
    ),
    (
        "that all has left is no sign of life: a machine takes what its relay does not read",
        None,
        [*UP, drains(900), ASKS, passes(1), drains(0), passes(1.4), dialled(1), passes(0.2), dialled(2)],
    ),
    (
        "whoever accepts the connection and does not greet is left after eight seconds",
        None,
        [passes(7.9), dialled(1), passes(0.3), dialled(1), passes(0.2), dialled(2), *UP],
    ),
    (
        "beside an attempt that hangs another begins, and then a third",
        None,
        [
            *[*UP, hangs(is_hanging=True), BREAKS, told("down"), *waits(2, 0.25), *waits(3, 1.5)],
            *[passes(2.9), dialled(3), hangs(is_hanging=False), passes(0.2), dialled(4), *UP],
        ],
    ),
    (
        "it does not wait when the network is back",
        None,
        [
            *[reachable(is_reachable=False), *UP, BREAKS, *waits(2, 0.25), *waits(3, 0.5), *waits(4, 1)],
            *[passes(0.5), dialled(4), HURRIES, dialled(5), reachable(is_reachable=True), *waits(6, 4)],
        ],
    ),
    (
        "when the network is back a link that is up is asked whether it still is, and replaced if it is not",
        None,
        [*UP, passes(5), said(), HURRIES, said(LIVES), *waits(2, 2.5), told("down"), *UP],
    ),
    (
        "bytes that are no frame end the connection, not the link",
        None,
        [*UP, {"does": "hears", "frames": ["c1"]}, up(is_up=False), told("down"), *waits(2, 0.25), *UP],
    ),
    (
        "a frame out of place ends the connection, and is not handed on",
        None,
        [*UP, hears([0x50, 3]), up(is_up=False), received(), told("down"), *waits(2, 0.25)],
    ),
    (
        "a relay of another version is left",
        None,
        [hears([0x40, 2, *HELLO[2:]]), up(is_up=False), told(), *waits(2, 0.25), *UP],
    ),
    (
        "an answer to a question that nobody put is handed on, and harms nothing",
        None,
        [*UP, hears(PONG), received(PONG), answers(), up(is_up=True)],
    ),
]


def vectors() -> str:
    """The text of relay_link.json."""
    links = [
        {"name": name, "introduces": None if introduces is None else packed(introduces), "steps": steps}
        for name, introduces, steps in LINKS
    ]
    begins, now = 1_764_007_200, 1_764_000_000
    early = error("authentication_failed", fatal=True, counter=now, expected=begins)
    not_yet: dict[str, str | int] = {"frame": packed(early), "begins": begins, "relay_time": now}
    return json.dumps({"refusals": REFUSALS, "not_yet": not_yet, "links": links}, indent=1) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("relay_link.json").write_text(vectors(), encoding="utf-8")
