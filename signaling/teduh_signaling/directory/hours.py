"""When a service is open: weekly rules as HSDS takes them from RFC 5545, by the clock of the service.

    freq WEEKLY, byday MO,TU,WE,TH,FR, opens_at 08:00+07:00, closes_at 16:00+07:00
    byday SA, opens_at 20:00, closes_at 02:00, timezone 7       until two on Sunday
    byday MO,TU,WE,TH,FR,SA,SU, opens_at 00:00, closes_at 00:00 day and night

A time zone is an offset from UTC, for HSDS knows no other. Limitation: where clocks change with the season it
is right for a part of the year only, and two schedules with `valid_from` and `valid_to` say both.

Rules that are not weekly are refused, not passed over: a service that is there every second Monday would else
be shown as open on each.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::00)?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)?")
_DAY_MINUTES: Final = 24 * 60
_QUARTER: Final = 15
_WEST, _EAST = -12 * 60, 14 * 60
"""Minutes; no clock on Earth is further from UTC."""

ShortText = Annotated[str, Meta(min_length=1, max_length=200)]
LongText = Annotated[str, Meta(min_length=1, max_length=1000)]
Identifier = Annotated[str, Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")]
"""A UUID, as HSDS wants it for each thing."""


class Schedule(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One weekly rule. Its times hold their own offset, or `timezone` holds it for both; never two that
    differ.
    """

    id: Identifier
    byday: ShortText
    """Days of the week, separated by commas."""
    opens_at: ShortText
    closes_at: ShortText
    """On the next day where it is not later than `opens_at`."""
    freq: Literal["WEEKLY"] = "WEEKLY"
    timezone: float | None = None
    """Hours from UTC."""
    valid_from: date | None = None
    valid_to: date | None = None
    """The last day on which it begins."""
    wkst: Literal["MO", "TU", "WE", "TH", "FR", "SA", "SU"] | None = None
    interval: Literal[1] = 1
    description: LongText | None = None
    notes: LongText | None = None
    attending_type: ShortText | None = None

    def __post_init__(self) -> None:
        """Raises ValueError."""
        self.days()
        self.offset()

    def days(self) -> frozenset[int]:
        """The days of the week, Monday is 0; raises ValueError."""
        named = self.byday.split(",")
        if len(set(named)) != len(named) or not set(named) <= set(DAYS):
            raise ValueError("byday is not like MO,TU,FR")
        return frozenset(map(DAYS.index, named))

    def offset(self) -> int:
        """Minutes east of UTC; raises ValueError where that is not said, or said in two ways."""
        times = _read_time(self.opens_at), _read_time(self.closes_at)
        said = {zone for _, zone in times if zone is not None}
        if self.timezone is not None:
            minutes = self.timezone * 60
            if minutes % _QUARTER != 0:
                raise ValueError("timezone is not an offset from UTC in hours")
            said.add(int(minutes))
        if len(said) != 1:
            raise ValueError("a schedule needs one time zone, such as 08:00+07:00")
        (minutes_east,) = said
        if not _WEST <= minutes_east <= _EAST:
            raise ValueError("no clock on Earth is that far from UTC")
        return minutes_east

    def is_open(self, now: float) -> bool:
        """Whether it is open at `now`, in seconds since 1970."""
        there = datetime.fromtimestamp(now + self.offset() * 60, UTC)
        (begins, _), (ends, _) = _read_time(self.opens_at), _read_time(self.closes_at)
        length = (ends - begins - 1) % _DAY_MINUTES + 1
        minute = there.hour * 60 + there.minute
        today = there.date()
        return (self._begins_on(today) and begins <= minute < begins + length) or (
            self._begins_on(today - timedelta(days=1)) and minute + _DAY_MINUTES < begins + length
        )

    def _begins_on(self, day: date) -> bool:
        return (
            day.weekday() in self.days()
            and (self.valid_from is None or day >= self.valid_from)
            and (self.valid_to is None or day <= self.valid_to)
        )


def _read_time(text: str) -> tuple[int, int | None]:
    """The minute of the day, and how many minutes the clock is east of UTC if that is said.

    Raises ValueError.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError("a time is not like 08:00 or 08:00+07:00")
    hours, minutes, zone = found.groups()
    return int(hours) * 60 + int(minutes), None if zone is None else _offset(zone)


def _offset(zone: str) -> int:
    if zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return -minutes if zone[0] == "-" else minutes
