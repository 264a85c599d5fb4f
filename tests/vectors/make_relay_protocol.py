"""Writes relay_protocol.json: exchanges of a client and the relay that any implementation can replay.

Frames are written here by hand, as plain arrays for the plain `msgpack` package, so that the vectors do not
depend on the code that they test. Run it after a change: ``PYTHONPATH=tests python
tests/vectors/make_relay_protocol.py``.

Format: a list of scenarios, each with a ``name`` (what must hold) and ``steps``, run in order. A step is
one action of one side: ``side`` ("client" or "relay") ``does`` ("sends" or "receives") ``frame`` (hex of
one binary WebSocket message, followed by ``zeros`` zero bytes if that is given). ``outcome`` is "ok",
"local_error" (this side must refuse to send it; bytes that are no frame appear only in "receives") or
"remote_error" with ``code``, ``fatal`` and ``close_code``. ``state`` is that side's state after the step.
An implementation of one side runs that side's steps only.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict

from support.clients import plain_msgpack

Plain = int | str | bytes | bool | None | list["Plain"]


class Step(TypedDict, total=False):
    side: str
    does: str
    frame: str
    zeros: int
    outcome: str
    code: str
    fatal: bool
    close_code: int
    state: str


class Scenario(TypedDict):
    name: str
    steps: list[Step]


CONVERSATION = bytes(range(16))
CAPABILITY = bytes(32)
DEVICE = bytes([7]) * 32
LIMITS: list[Plain] = [262144, 131072, 64, 32, 20]

HELLO: list[Plain] = [0x40, 1, bytes([1]) * 32, 1_760_000_000, LIMITS, 0]
AUTHENTICATED: list[Plain] = [0x41, DEVICE, 1_762_000_000, 0, True]
REQUEST_OPENED: list[Plain] = [0x42, 1, CONVERSATION, 1]
QUEUE_POSITION: list[Plain] = [0x43, CONVERSATION, 2, 60, 300]
CLAIMED: list[Plain] = [0x44, 4, CONVERSATION, b"kp", [None, None, None, None, 0, False], 7, 30, 1, 0]
SUBSCRIBED: list[Plain] = [0x45, 2, CONVERSATION, 0, 1, 2, 1, 0]
ACCEPTED: list[Plain] = [0x46, CONVERSATION, 1, 3]
ENTRY: list[Plain] = [0x47, CONVERSATION, 1, 1, 1, 1, 0, b"commit"]
MOVING: list[Plain] = [0x4E, 2000]
PONG: list[Plain] = [0x4F, 9]
TURN_URLS: list[Plain] = ["turn:turn.example:3478?transport=udp", "turns:turn.example:443?transport=tcp"]
NINE_SERVERS: list[Plain] = ["turn:a"] * 9
ICE_SERVERS: list[Plain] = [0x52, 10, 1, TURN_URLS, "1760000600:cmFuZG9t", "c2lnbmVk", 1_760_000_600]

HER_DETAILS: list[Plain] = ["counseling", "id", None, None, 0, True]
AUTHENTICATE: list[Plain] = [0x01, "a.b.c", bytes(64), None]
OPEN_REQUEST: list[Plain] = [0x02, 1, CAPABILITY, b"kp", HER_DETAILS, b"", None, b""]
CANCEL_REQUEST: list[Plain] = [0x03, 2, CONVERSATION]
CLAIM: list[Plain] = [0x04, 4, None]
SUBSCRIBE: list[Plain] = [0x05, 2, CONVERSATION, 0, CAPABILITY]
UNSUBSCRIBE: list[Plain] = [0x06, CONVERSATION]
APPEND: list[Plain] = [0x07, CONVERSATION, 1, 0, 1, b"ciphertext", None, [], [], 0]
EPHEMERAL: list[Plain] = [0x08, CONVERSATION, b"typing"]
ACKNOWLEDGE: list[Plain] = [0x09, CONVERSATION, 1]
LEAVE: list[Plain] = [0x0A, 5, CONVERSATION]
PUBLISH: list[Plain] = [0x0B, 6, [b"kp1", b"kp2"]]
FETCH: list[Plain] = [0x0C, 7, DEVICE, CONVERSATION]
SET_AVAILABILITY: list[Plain] = [0x0D, 3, 2, 4, "female", None, 1_760_020_000]
LIST_COLLEAGUES: list[Plain] = [0x0E, 8, None]
ACKNOWLEDGE_INBOX: list[Plain] = [0x0F, 1]
PING: list[Plain] = [0x10, 9]
FETCH_ICE_SERVERS: list[Plain] = [0x11, 10, CONVERSATION]
WATCH_QUEUE: list[Plain] = [0x12, 11, True]
ANSWER_OFFER: list[Plain] = [0x13, 12, CONVERSATION, True]
WATCH_BOARD: list[Plain] = [0x14, 13, False]
FETCH_PUSH_KEY: list[Plain] = [0x15, 14]
SUBSCRIBE_PUSH: list[Plain] = [0x16, 15, "https://push.example/one", bytes(65), bytes(16)]
UNSUBSCRIBE_PUSH: list[Plain] = [0x17, 16]
REPORT_ABUSE: list[Plain] = [0x18, 17, CONVERSATION]

REQUEST_REASSIGNMENT: list[Plain] = [0x1E, 18, CONVERSATION, ["medical", None, None, None, 1, True]]
ASK_TO_JOIN: list[Plain] = [0x1F, 20, DEVICE]
JOIN_ASKED: list[Plain] = [0x5F, DEVICE, "statement", None]
STAFF_REACHABLE: list[Plain] = [0x5E, CONVERSATION, False]

DETAILS: list[Plain] = ["medical", "id", "female", "west", 2, True]
QUEUE_LISTING: list[Plain] = [0x54, 7, [[CONVERSATION, DETAILS, 40, True]]]
OFFER: list[Plain] = [0x55, CONVERSATION, DETAILS, 40, 20, [0, 1]]
OFFER_ENDED: list[Plain] = [0x56, CONVERSATION]
PREFERENCES_RELAXED: list[Plain] = [0x57, CONVERSATION, [0, 1, 2, 3]]
OPENING_TIME: list[Plain] = [0x58, CONVERSATION, 1_760_030_000]
BOARD: list[Plain] = [
    *[0x59, 7, 125, 12, 3, 2, 1, 4, 14, 60],
    [["medical", 6], [None, None]],
    [["id", 7]],
    [["2026-03-08", 40, 31, 20, None]],
    2,
]
QUEUE_ALERT: list[Plain] = [0x5A, CONVERSATION, 300, 3]
PUSH_KEY: list[Plain] = [0x5B, 14, bytes(65)]
ROUTING_FRAMES = [
    *[WATCH_QUEUE, ANSWER_OFFER, WATCH_BOARD],
    *[FETCH_PUSH_KEY, SUBSCRIBE_PUSH, UNSUBSCRIBE_PUSH, REPORT_ABUSE],
]
ROUTING_ANSWERS = [QUEUE_LISTING, OFFER, OFFER_ENDED, BOARD, QUEUE_ALERT, PUSH_KEY]
STAFF_FRAMES = [CLAIM, PUBLISH, FETCH, SET_AVAILABILITY, LIST_COLLEAGUES, ACKNOWLEDGE_INBOX]
MEMBER_FRAMES = [SUBSCRIBE, UNSUBSCRIBE, APPEND, EPHEMERAL, ACKNOWLEDGE, LEAVE, PING, FETCH_ICE_SERVERS]

FORGIVEN = 16


def error(code: str, *, fatal: bool = False) -> list[Plain]:
    return [0x49, code, "", 0, None, 0, 0, 0, fatal, None]


def packed(frame: list[Plain]) -> str:
    return plain_msgpack.pack(frame).hex()


def step(side: str, does: str, frame: str, state: str, outcome: str = "ok") -> Step:
    return Step(side=side, does=does, frame=frame, outcome=outcome, state=state)


def exchange(by: str, frame: list[Plain], state: str) -> list[Step]:
    """`frame` goes over; both sides are in `state` afterwards."""
    to = "relay" if by == "client" else "client"
    return [step(by, "sends", packed(frame), state), step(to, "receives", packed(frame), state)]


def cannot_send(side: str, frame: list[Plain], state: str) -> Step:
    return step(side, "sends", packed(frame), state, "local_error")


def refuses(side: str, data: str, state: str, code: str, *, fatal: bool, zeros: int = 0) -> Step:
    close_codes = {
        "malformed_frame": 1002,
        "unexpected_frame": 1002,
        "frame_too_large": 1009,
        "shutting_down": 1001,
    }
    refused = step(side, "receives", data, state, "remote_error")
    refused["code"], refused["fatal"], refused["close_code"] = code, fatal, close_codes[code]
    if zeros:
        refused["zeros"] = zeros
    return refused


def unexpected(frame: list[Plain], state: str) -> list[Step]:
    """The client may not send `frame`; the relay refuses it and the connection goes on."""
    return [
        cannot_send("client", frame, state),
        refuses("relay", packed(frame), state, "unexpected_frame", fatal=False),
    ]


GREETING = exchange("relay", HELLO, "anonymous")
SIGN_IN = [
    *GREETING,
    *exchange("client", AUTHENTICATE, "authenticating"),
    *exchange("relay", AUTHENTICATED, "authenticated"),
]
MALFORMED = {
    "nothing at all": "",
    "no array": packed([0x10, 9])[2:4],
    "an array without a tag": "90",
    "an unknown tag": packed([0x3F, 1]),
    "a tag that is no integer": packed(["Ping", 1]),
    "a missing field": packed([0x10]),
    "a field of the wrong type": packed([0x10, "nine"]),
    "a negative number": packed([0x10, -1]),
    "a ref beyond 32 bits": packed([0x10, 2**32]),
    "a truncated frame": packed(PING)[:-2],
    "bytes after the frame": packed(PING) + "00",
    "a conversation id of 15 bytes": packed([0x09, CONVERSATION[:15], 1]),
    "text where bytes belong": packed([0x09, "0123456789abcdef", 1]),
    "a kind that clients may not append": packed([0x07, CONVERSATION, 1, 2, 1, b"x", None, [], [], 0]),
    "an append counted 0": packed([0x07, CONVERSATION, 0, 0, 1, b"x", None, [], [], 0]),
    "an append with a negative place": packed([0x07, CONVERSATION, 1, 0, 1, b"x", None, [], [], -1]),
    "an empty payload": packed([0x07, CONVERSATION, 1, 0, 1, b"", None, [], [], 0]),
    "an array announced longer than memory": "dd" + "ffffffff" + "10",
    "an offer answered by neither yes nor no": packed([0x13, 12, CONVERSATION, 1]),
    "a push key of 64 bytes": packed([0x16, 15, "https://push.example/one", bytes(64), bytes(16)]),
    "a frame of the relay": packed(ENTRY),
}

SCENARIOS: list[tuple[str, list[Step]]] = [
    (
        "a survivor asks, is heard, talks and leaves",
        [
            *GREETING,
            *exchange("client", OPEN_REQUEST, "anonymous"),
            *exchange("relay", REQUEST_OPENED, "anonymous"),
            *exchange("relay", QUEUE_POSITION, "anonymous"),
            *exchange("relay", ENTRY, "anonymous"),
            *exchange("client", ACKNOWLEDGE, "anonymous"),
            *exchange("client", APPEND, "anonymous"),
            *exchange("relay", ACCEPTED, "anonymous"),
            *exchange("client", EPHEMERAL, "anonymous"),
            *exchange("client", PING, "anonymous"),
            *exchange("relay", PONG, "anonymous"),
            *exchange("client", LEAVE, "anonymous"),
            *exchange("relay", [0x4D, 5, b"continuation"], "anonymous"),
            *exchange("client", [*OPEN_REQUEST[:-2], CAPABILITY, b"continuation"], "anonymous"),
        ],
    ),
    (
        "a continuation is 512 bytes at most",
        [
            *GREETING,
            *exchange("relay", [0x4D, 5, bytes(512)], "anonymous"),
            *exchange("client", [*OPEN_REQUEST[:-2], CAPABILITY, bytes(512)], "anonymous"),
            refuses("client", packed([0x4D, 5, bytes(513)]), "anonymous", "malformed_frame", fatal=True),
        ],
    ),
    (
        "a relay takes no continuation that is longer",
        [
            *GREETING,
            refuses(
                "relay",
                packed([*OPEN_REQUEST[:-2], CAPABILITY, bytes(513)]),
                "anonymous",
                "malformed_frame",
                fatal=True,
            ),
        ],
    ),
    (
        "a release older sends and reads frames without a continuation",
        [
            *GREETING,
            step("relay", "receives", packed(OPEN_REQUEST[:-1]), "anonymous"),
            step("client", "receives", packed([0x4D, 5]), "anonymous"),
        ],
    ),
    (
        "a release older sends and reads details that do not say whether an urgency of 0 was said",
        [
            *SIGN_IN,
            step("client", "receives", packed([*OFFER[:2], DETAILS[:5], *OFFER[3:]]), "authenticated"),
            step("client", "receives", packed([*CLAIMED[:4], [], *CLAIMED[5:]]), "authenticated"),
        ],
    ),
    (
        "a release older asks with details that do not say whether an urgency of 0 was said",
        [
            *GREETING,
            step(
                "relay",
                "receives",
                packed([*OPEN_REQUEST[:4], HER_DETAILS[:5], *OPEN_REQUEST[5:]]),
                "anonymous",
            ),
            step(
                "relay",
                "receives",
                packed([*OPEN_REQUEST[:4], [*HER_DETAILS, "newer"], *OPEN_REQUEST[5:]]),
                "anonymous",
            ),
        ],
    ),
    (
        "a survivor comes back by her capability, and cancels",
        [
            *GREETING,
            *exchange("client", SUBSCRIBE, "anonymous"),
            *exchange("relay", SUBSCRIBED, "anonymous"),
            *exchange("client", UNSUBSCRIBE, "anonymous"),
            *exchange("client", CANCEL_REQUEST, "anonymous"),
            *exchange("relay", [0x4D, 2, b""], "anonymous"),
        ],
    ),
    (
        "a staff device signs in, claims, and brings in a colleague",
        [
            *SIGN_IN,
            *exchange("relay", [0x4A, 1, CONVERSATION, 5], "authenticated"),
            *exchange("relay", [0x50, 3], "authenticated"),
            *[each for frame in STAFF_FRAMES for each in exchange("client", frame, "authenticated")],
            *exchange("relay", CLAIMED, "authenticated"),
            *exchange("relay", [0x4B, 7, DEVICE, b"kp"], "authenticated"),
            *exchange("relay", [0x4C, 8, [[DEVICE, 2, "a.b.c", None, 3]], False], "authenticated"),
            *[each for frame in MEMBER_FRAMES for each in exchange("client", frame, "authenticated")],
            *exchange("relay", [0x48, CONVERSATION, 0, b"typing"], "authenticated"),
            *exchange("relay", [0x51, CONVERSATION], "authenticated"),
            *exchange("relay", [0x53, CONVERSATION, 0], "authenticated"),
        ],
    ),
    (
        "a staff device watches the queue, answers an offer, and has itself woken",
        [
            *SIGN_IN,
            *[each for frame in ROUTING_FRAMES for each in exchange("client", frame, "authenticated")],
            *[each for frame in ROUTING_ANSWERS for each in exchange("relay", frame, "authenticated")],
            step("client", "receives", packed([0x58, CONVERSATION, None]), "authenticated"),
            step("client", "receives", packed([0x5B, 14, None]), "authenticated"),
        ],
    ),
    (
        "who waits is told how long, what no longer counts, and when somebody will be there",
        [
            *GREETING,
            *exchange("relay", QUEUE_POSITION, "anonymous"),
            step("client", "receives", packed([0x43, CONVERSATION, 0]), "anonymous"),
            *exchange("relay", PREFERENCES_RELAXED, "anonymous"),
            *exchange("relay", OPENING_TIME, "anonymous"),
            cannot_send("relay", OFFER, "anonymous"),
        ],
    ),
    (
        "a survivor whose staff cannot be reached looks for somebody else, and is given who has taken it",
        [
            *GREETING,
            *exchange("relay", STAFF_REACHABLE, "anonymous"),
            *exchange("client", REQUEST_REASSIGNMENT, "anonymous"),
            *exchange("relay", [0x4D, 18, b""], "anonymous"),
            step("relay", "receives", packed([0x1E, 19, CONVERSATION]), "anonymous"),
            *exchange("relay", [0x4B, 19, DEVICE, b"kp"], "anonymous"),
            *exchange("relay", [0x5E, CONVERSATION, True], "anonymous"),
        ],
    ),
    (
        "a supervisor asks to be brought in, and staff are asked",
        [
            *SIGN_IN,
            *exchange("client", ASK_TO_JOIN, "authenticated"),
            *exchange("relay", [0x4D, 20, b""], "authenticated"),
            *exchange("relay", JOIN_ASKED, "authenticated"),
        ],
    ),
    (
        "a survivor neither asks to be brought in nor is asked",
        [
            *GREETING,
            cannot_send("client", ASK_TO_JOIN, "anonymous"),
            cannot_send("relay", JOIN_ASKED, "anonymous"),
        ],
    ),
    (
        "a staff device claims a conversation that goes on",
        [
            *SIGN_IN,
            *exchange("relay", [*CLAIMED[:3], b"", *CLAIMED[4:7], 0, 3], "authenticated"),
            step("client", "receives", packed(CLAIMED[:-1]), "authenticated"),
        ],
    ),
    (
        "a client says nothing before the relay's Hello",
        [
            each
            for frame in [PING, OPEN_REQUEST, AUTHENTICATE]
            for each in unexpected(frame, "awaiting hello")
        ],
    ),
    (
        "the relay says nothing but Hello, or an Error, before Hello",
        [
            cannot_send("relay", PONG, "awaiting hello"),
            refuses("client", packed(PONG), "awaiting hello", "unexpected_frame", fatal=True),
        ],
    ),
    (
        "a member asks for the TURN servers of a call, and the answer may be that there are none",
        [
            *GREETING,
            *exchange("client", FETCH_ICE_SERVERS, "anonymous"),
            *exchange("relay", ICE_SERVERS, "anonymous"),
            step("client", "receives", packed([0x52, 10, 0]), "anonymous"),
            *exchange("client", AUTHENTICATE, "authenticating"),
            *unexpected(FETCH_ICE_SERVERS, "authenticating"),
        ],
    ),
    (
        "the relay may refuse at the door",
        exchange("relay", error("too_many", fatal=True), "closed"),
    ),
    (
        "Hello comes once",
        [
            *GREETING,
            cannot_send("relay", HELLO, "anonymous"),
            refuses("client", packed(HELLO), "anonymous", "unexpected_frame", fatal=True),
        ],
    ),
    (
        "a client leaves a relay of another version",
        [
            refuses(
                "client", packed([0x40, 2, *HELLO[2:]]), "awaiting hello", "unexpected_frame", fatal=True
            ),
        ],
    ),
    (
        "staff frames need authentication",
        [
            *GREETING,
            *[each for frame in [*STAFF_FRAMES, *ROUTING_FRAMES] for each in unexpected(frame, "anonymous")],
        ],
    ),
    (
        "what is for staff is not sent to the anonymous",
        [
            *GREETING,
            cannot_send("relay", CLAIMED, "anonymous"),
            refuses("client", packed(CLAIMED), "anonymous", "unexpected_frame", fatal=True),
        ],
    ),
    (
        "a staff connection opens no requests, and authenticates once",
        [
            *SIGN_IN,
            *[each for frame in [OPEN_REQUEST, AUTHENTICATE] for each in unexpected(frame, "authenticated")],
        ],
    ),
    (
        "staff look for a colleague in the queue, and cancel",
        [
            *SIGN_IN,
            *exchange("client", REQUEST_REASSIGNMENT, "authenticated"),
            *exchange("relay", QUEUE_POSITION, "authenticated"),
            *exchange("client", CANCEL_REQUEST, "authenticated"),
        ],
    ),
    (
        "while the verdict is awaited the client only shows that it lives, and the relay may go on sending",
        [
            *GREETING,
            *exchange("client", AUTHENTICATE, "authenticating"),
            *[
                each
                for frame in [CLAIM, APPEND, AUTHENTICATE]
                for each in unexpected(frame, "authenticating")
            ],
            *exchange("relay", ENTRY, "authenticating"),
            *exchange("client", PING, "authenticating"),
            *exchange("relay", PONG, "authenticating"),
            *exchange("relay", AUTHENTICATED, "authenticated"),
        ],
    ),
    (
        "a refused authentication closes",
        [
            *GREETING,
            *exchange("client", AUTHENTICATE, "authenticating"),
            *exchange("relay", error("authentication_failed", fatal=True), "closed"),
            cannot_send("client", PING, "closed"),
            cannot_send("relay", PONG, "closed"),
        ],
    ),
    (
        "an error that is not fatal changes nothing",
        [
            *GREETING,
            *exchange("relay", error("wrong_epoch"), "anonymous"),
            *exchange("client", APPEND, "anonymous"),
        ],
    ),
    (
        "a relay that moves lets what is under way end, and begins nothing new",
        [
            *SIGN_IN,
            *exchange("relay", MOVING, "draining"),
            *exchange("client", APPEND, "draining"),
            *exchange("relay", ACCEPTED, "draining"),
            *exchange("relay", ENTRY, "draining"),
            *exchange("client", ACKNOWLEDGE, "draining"),
            cannot_send("client", CLAIM, "draining"),
            cannot_send("client", SUBSCRIBE, "draining"),
            cannot_send("client", FETCH_ICE_SERVERS, "draining"),
        ],
    ),
    (
        "what crosses Moving on its way is refused without closing",
        [
            *SIGN_IN,
            step("relay", "sends", packed(MOVING), "draining"),
            step("client", "sends", packed(CLAIM), "authenticated"),
            refuses("relay", packed(CLAIM), "draining", "shutting_down", fatal=False),
            step("client", "receives", packed(MOVING), "draining"),
            *exchange("relay", error("shutting_down"), "draining"),
        ],
    ),
    (
        "frames out of state are forgiven a few times, then the connection ends",
        [
            *GREETING,
            *[
                refuses("relay", packed(CLAIM), "anonymous", "unexpected_frame", fatal=attempt == FORGIVEN)
                for attempt in range(FORGIVEN + 1)
            ],
        ],
    ),
    (
        "fields that a newer peer appends are ignored",
        [
            *GREETING,
            step("relay", "receives", packed([*PING, "new", [1, 2]]), "anonymous"),
            step("client", "receives", packed([*PONG, None]), "anonymous"),
        ],
    ),
    (
        "fields with a default may be left out at the end",
        [
            *GREETING,
            step("relay", "receives", packed(SUBSCRIBE[:4]), "anonymous"),
            step("relay", "receives", packed(APPEND[:6]), "anonymous"),
            step("client", "receives", packed([0x49, "unavailable", ""]), "anonymous"),
        ],
    ),
    (
        "a frame over the limit ends the connection",
        [
            *GREETING,
            refuses("relay", "07", "anonymous", "frame_too_large", fatal=True, zeros=262144),
            refuses("client", "07", "anonymous", "frame_too_large", fatal=True, zeros=262144),
        ],
    ),
    (
        "a client keeps the limits that the relay's Hello names",
        [
            *exchange("relay", [*HELLO[:4], [1024, 4, 64, 32, 20], 0], "anonymous"),
            cannot_send("client", APPEND, "anonymous"),
            cannot_send("client", [0x0B, 6, [bytes(1100)]], "anonymous"),
            *exchange("client", PING, "anonymous"),
        ],
    ),
    *[
        (
            f"malformed: {what}",
            [*GREETING, refuses("relay", data, "anonymous", "malformed_frame", fatal=True)],
        )
        for what, data in MALFORMED.items()
    ],
    (
        "a client takes no frame of a client, and no error code that it does not know",
        [
            *GREETING,
            refuses("client", packed(PING), "anonymous", "malformed_frame", fatal=True),
            refuses("client", packed(error("surprise")), "anonymous", "malformed_frame", fatal=True),
        ],
    ),
    (
        "a client takes no call policy that it does not know, and no flood of TURN servers",
        [
            *GREETING,
            refuses("client", packed([0x52, 10, 3]), "anonymous", "malformed_frame", fatal=True),
            refuses(
                "client", packed([0x52, 10, 1, NINE_SERVERS]), "anonymous", "malformed_frame", fatal=True
            ),
        ],
    ),
]


def vectors() -> str:
    """The text of relay_protocol.json."""
    scenarios = [Scenario(name=name, steps=steps) for name, steps in SCENARIOS]
    return json.dumps(scenarios, indent=1) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("relay_protocol.json").write_text(vectors(), encoding="utf-8")
