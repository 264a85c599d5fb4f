"""What the relay writes to its log: lifecycle and faults, never who or from where.

No address, user agent, name, key, capability, conversation or device id is ever an argument of a log call;
and because libraries log too, aiohttp's access log is off and the loggers that would print a peer's address
are silenced. A fault is logged by the type of the exception and the place in our own code, without its
message, which may quote input.
"""

from __future__ import annotations

import logging
import sys
import traceback
from types import TracebackType

import structlog

_SILENCED = ("aiohttp.websocket", "aiohttp.server", "aiohttp.access", "aiohttp.web", "asyncio")


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
    """Log that something failed which should not: the exception's type and where, not what it says."""
    log().error(event, error=type(error).__name__, where=_where(error.__traceback__))


def _where(trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace)
    return " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames[-4:]))
