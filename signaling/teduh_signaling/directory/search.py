"""What a reader is shown of a directory: pure, on her own device, so that nobody learns what she looks for.

    age of assured_date    up to 180 days   as it is
                           up to 365 days   with "last checked on"
                           older            not shown

Services nearer to her come first, then those that were checked of late, then in the order of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from teduh_signaling.directory.format import Directory, Service

AGEING_DAYS: Final = 180
HIDDEN_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class Query:
    """What a reader looks for; None and False ask for nothing."""

    need: str | None = None
    """A term of `teduh-need`."""
    region: str | None = None
    """A country or one of its parts (ISO 3166)."""
    language: str | None = None
    """ISO 639-1 or 639-3."""
    open_now: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A service, and what holds of it now."""

    service: Service
    is_open: bool | None
    """None: when it is open is not known."""
    last_checked: date | None
    """To be said beside it, for it is some time ago."""


def search(directory: Directory, query: Query, now: float) -> tuple[Found, ...]:
    """The services that fit `query` at `now` (seconds since 1970), the best first."""
    today = datetime.fromtimestamp(now, UTC).date()
    found = [
        Found(service, is_open, service.assured_date if _age(service, today) > AGEING_DAYS else None)
        for service in directory.services
        if service.status in ("active", "temporarily closed") and _age(service, today) <= HIDDEN_DAYS
        if _fits(service, query) and ((is_open := is_open_at(service, now)) or not query.open_now)
    ]
    best = sorted(found, key=lambda one: (-_nearness(one.service, query), one.last_checked is not None))
    return tuple(best)


def is_open_at(service: Service, now: float) -> bool | None:
    """Whether a service is open at `now` (seconds since 1970); None where it does not say when it is."""
    if service.status != "active":
        return False
    if not service.schedules:
        return None
    return any(schedule.is_open(now) for schedule in service.schedules)


def _age(service: Service, today: date) -> int:
    return (today - service.assured_date).days


def _fits(service: Service, query: Query) -> bool:
    return (
        (query.need is None or query.need in service.needs)
        and (query.language is None or any(query.language == one.code for one in service.languages))
        and (query.region is None or any(area.covers(query.region) for area in service.service_areas))
    )


def _nearness(service: Service, query: Query) -> int:
    """How closely its areas lie around the region: the length of the longest that covers it."""
    if query.region is None:
        return 0
    return max(len(area.extent) for area in service.service_areas if area.covers(query.region))
