"""What an application is told of a fault that is none of those which the SDK knows."""

from __future__ import annotations

from teduh_sdk.exceptions import TeduhError


def reason_of(error: BaseException) -> TeduhError:
    """`error` itself if it is one of ours; otherwise one that has it as its cause."""
    if isinstance(error, TeduhError):
        return error
    reason = TeduhError("a fault of the SDK")
    reason.__cause__ = error
    return reason
