"""Why an append was not taken, told to the one who sent it."""

from __future__ import annotations

from typing import Final

from teduh_signaling.relay.frames import Append, ErrorCode

from teduh_server.operations import metrics
from teduh_server.redis_store.exceptions import StoreError, cause_of
from teduh_server.redis_store.scripts import NotAppended
from teduh_server.session.connection import Connection

RETRY_AFTER_MS: Final = 500

_REASONS: Final = {
    "unknown": (ErrorCode.UNKNOWN_CONVERSATION, "not a member of such a conversation"),
    "counter_gap": (ErrorCode.COUNTER_GAP, "an append before this one is missing"),
    "wrong_epoch": (ErrorCode.WRONG_EPOCH, "the conversation is in another epoch"),
    "not_claimed": (ErrorCode.NOT_PERMITTED, "she may add only the device that has taken it"),
    "too_often": (ErrorCode.RATE_LIMITED, "a member commits too often; repeat with the same counter"),
    "full": (ErrorCode.TOO_MANY, "the conversation holds too much that was not acknowledged"),
}


def refuse_append(
    connection: Connection,
    frame: Append,
    code: ErrorCode,
    detail: str,
    *,
    expected: int = 0,
    retry_after_ms: int = 0,
) -> None:
    """The answer, and one more of its kind in the metrics."""
    metrics.REFUSED.labels(code.value).inc()
    connection.refuse(
        code,
        detail,
        conversation_id=frame.conversation_id,
        counter=frame.counter,
        expected=expected,
        retry_after_ms=retry_after_ms,
    )


def not_appended(connection: Connection, frame: Append, result: NotAppended) -> None:
    """The script looked at it, and said no."""
    code, detail = _REASONS[result.reason]
    if code is ErrorCode.RATE_LIMITED:
        refuse_append(connection, frame, code, detail, retry_after_ms=result.expected)
    else:
        refuse_append(connection, frame, code, detail, expected=result.expected)


def append_failed(connection: Connection, frame: Append, error: StoreError) -> None:
    """Whether it is in the log nobody knows; a repetition finds out."""
    metrics.STORE_REFUSED.labels(cause_of(error)).inc()
    refuse_append(
        connection,
        frame,
        ErrorCode.UNAVAILABLE,
        "the store did not answer; repeat with the same counter",
        retry_after_ms=RETRY_AFTER_MS,
    )
