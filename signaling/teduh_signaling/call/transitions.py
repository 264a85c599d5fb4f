"""Every state of a call and of the connections in it, and every way from one to another.

Two tables, and no other place decides what follows what. They are exported to
`tests/vectors/call_transitions.json`, to which the browser's tables are compared, and drawn in
`docs/calls.md`. A *happening* is what remains of an input once it was looked at: whether it is for us, is not
old, and is not about something else. What is missing in a table cannot happen in that state: our own
application is told so (`CallNotAllowed`), others are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final


class CallState(Enum):
    """Where this device stands with the calls of the conversation."""

    IDLE = "idle"
    CALLING = "calling"
    RINGING = "ringing"
    IN_CALL = "in call"


class CallHappening(Enum):
    """What leads from one state of a call to another."""

    RING = "we ring"
    RUNG = "somebody rings"
    ANSWERED = "somebody joins"
    YIELD = "their ring goes before ours"
    ACCEPT = "we accept"
    JOIN = "we join"
    DECLINE = "we decline"
    CANCEL = "we cancel"
    HANG_UP = "we hang up"
    ALONE = "nobody is left"
    FAILED = "no connection can be made"
    TIME_OUT = "it has rung long enough"
    REMOVED = "we are removed"


class PeerState(Enum):
    """Where the negotiation with one other device stands. The lower leaf offers."""

    ABSENT = "absent"
    OFFERING = "offering"
    OFFERED = "offered"
    AWAITING = "awaiting"
    ANSWERING = "answering"
    STABLE = "stable"


class PeerHappening(Enum):
    """What leads from one state of a negotiation to another."""

    WE_OFFER = "joined, we offer"
    THEY_OFFER = "joined, they offer"
    LOCAL_OFFER = "our offer is made"
    ANSWER = "an answer comes"
    OFFER = "an offer comes"
    LOCAL_ANSWER = "our answer is made"
    NEGOTIATE = "a new offer is wanted"
    GONE = "left"


_C, _H = CallState, CallHappening
CALL_TRANSITIONS: Final[Mapping[CallState, Mapping[CallHappening, CallState]]] = {
    _C.IDLE: {_H.RING: _C.CALLING, _H.RUNG: _C.RINGING, _H.JOIN: _C.IN_CALL},
    # Two who ring each other at once want the same: the call of the lower leaf stands, the other is in it.
    _C.CALLING: {
        _H.ANSWERED: _C.IN_CALL,
        _H.YIELD: _C.IN_CALL,
        _H.CANCEL: _C.IDLE,
        _H.ALONE: _C.IDLE,
        _H.TIME_OUT: _C.IDLE,
        _H.REMOVED: _C.IDLE,
    },
    # A ring that goes before the one that is heard takes its place.
    _C.RINGING: {
        _H.RUNG: _C.RINGING,
        _H.ACCEPT: _C.IN_CALL,
        _H.DECLINE: _C.IDLE,
        _H.ALONE: _C.IDLE,
        _H.TIME_OUT: _C.IDLE,
        _H.REMOVED: _C.IDLE,
    },
    # Newcomers are the connections' affair: the call goes on.
    _C.IN_CALL: {
        _H.ANSWERED: _C.IN_CALL,
        _H.RING: _C.IN_CALL,
        _H.HANG_UP: _C.IDLE,
        _H.ALONE: _C.IDLE,
        _H.FAILED: _C.IDLE,
        _H.REMOVED: _C.IDLE,
    },
}

_P, _D = PeerState, PeerHappening
PEER_TRANSITIONS: Final[Mapping[PeerState, Mapping[PeerHappening, PeerState]]] = {
    _P.ABSENT: {_D.WE_OFFER: _P.OFFERING, _D.THEY_OFFER: _P.AWAITING},
    _P.OFFERING: {_D.LOCAL_OFFER: _P.OFFERED, _D.NEGOTIATE: _P.OFFERING, _D.GONE: _P.ABSENT},
    # Without rollback there is no offer that crosses another: whoever may not offer asks for one.
    _P.OFFERED: {_D.ANSWER: _P.STABLE, _D.NEGOTIATE: _P.OFFERING, _D.GONE: _P.ABSENT},
    _P.AWAITING: {_D.OFFER: _P.ANSWERING, _D.GONE: _P.ABSENT},
    _P.ANSWERING: {_D.LOCAL_ANSWER: _P.STABLE, _D.OFFER: _P.ANSWERING, _D.GONE: _P.ABSENT},
    _P.STABLE: {_D.NEGOTIATE: _P.OFFERING, _D.OFFER: _P.ANSWERING, _D.GONE: _P.ABSENT},
}
