"""All the times of a call, in one place; in milliseconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """How long to wait for what. The same on all sides, or one gives up before the other."""

    ring: int = 60_000
    """How long it rings."""
    heartbeat: int = 5_000
    """From one heartbeat to the next; also how long to wait before something unanswered is said again."""
    silence: int = 20_000
    """After which somebody who is not heard of is gone: the dead man's switch."""
    old: int = 60_000
    """What was said longer ago than this no longer counts."""
    connect: int = 15_000
    """How long a connection may take to stand."""
    batch: int = 3
    """How long candidates are collected before they are sent together."""
    attempts: int = 3
    """How many connections are tried in a row, each for `connect`."""
