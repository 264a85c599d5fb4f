"""What the relay writes to its log: lifecycle and faults, never who or from where.

No address, user agent, name, key, capability, conversation or device id is ever an argument of a log call;
and because libraries log too, aiohttp's access log is off and the loggers that would print a peer's address
are silenced. A fault is logged by the type of the exception and the place in our own code, without its
message, which may quote input.

What goes on for long is told when it changes, and not each time that somebody meets it: no event fills more
than ten lines a minute.
"""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable
from types import TracebackType

import structlog

_SILENCED = ("aiohttp.websocket", "aiohttp.server", "aiohttp.access", "aiohttp.web", "asyncio")


MOST_LINES_A_MINUTE = 10
_MINUTE = 60.0


def configure_logging(level: str = "info") -> None:
    """JSON lines on standard error."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    for name in _SILENCED:
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL)
        logger.propagate = False


def log() -> structlog.typing.FilteringBoundLogger:
    """The relay's logger."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger


def fault(event: str, error: BaseException) -> None:
    """Log that something failed which should not: the exception's type and where, not what it says. Of more
    than ten in a minute the others are only counted: `unsaid` stands in the next line.
    """
    unsaid = _take_line(event)
    if unsaid is not None:
        where = _where(error.__traceback__)
        log().error(event, error=type(error).__name__, where=where, **unsaid)


def note(event: str, level: int = logging.INFO, **facts: object) -> None:
    """Log what others bring about, so that it could happen often: as `fault`, ten lines a minute at most."""
    unsaid = _take_line(event)
    if unsaid is not None:
        log().log(level, event, **facts, **unsaid)


def _take_line(event: str) -> dict[str, int] | None:
    """What else the line says, if one may be written now: how many were not since the last."""
    share = _share_of(event, time.monotonic)
    if not share.take():
        share.unsaid += 1
        return None
    unsaid, share.unsaid = share.unsaid, 0
    return {"unsaid": unsaid} if unsaid else {}


class _Share:
    """What one event may fill of the log."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lines: deque[float] = deque(maxlen=MOST_LINES_A_MINUTE)
        self.unsaid = 0

    def take(self) -> bool:
        """Whether one more line may be written now."""
        now = self._clock()
        if len(self._lines) == MOST_LINES_A_MINUTE and now - self._lines[0] < _MINUTE:
            return False
        self._lines.append(now)
        return True


_shares: dict[str, _Share] = {}


def _share_of(event: str, clock: Callable[[], float]) -> _Share:
    """One for all who tell of it, as the masters of a cluster do."""
    return _shares.setdefault(event, _Share(clock))


class Trouble:
    """Why something does not work at the moment, or that it does: one line whenever that changes."""

    def __init__(self, event: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`event` says in the log what does not work, such as "store takes nothing"."""
        self._event = event
        self._share = _share_of(event, clock)
        self._logged: str | None = None
        self.cause: str | None = None
        """One word, and never of a client's; None while it works."""

    def is_(self, cause: str | None, hint: str = "") -> None:
        """It is so now; `hint` is a sentence of ours. Where it changes too often, what is told is the state
        at the next moment at which something may be: it is looked at with each call.
        """
        self.cause = cause
        if cause == self._logged or not self._share.take():
            return
        self._logged = cause
        if cause is None:
            log().info(self._event, ended=True)
        else:
            log().error(self._event, cause=cause, **({"hint": hint} if hint else {}))


def _where(trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace)
    return " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames[-4:]))
