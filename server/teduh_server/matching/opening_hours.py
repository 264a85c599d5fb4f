"""When somebody is there: the `[opening]` table of the organisation's file.

    [opening]
    time_zone = "Asia/Jakarta"
    monday = ["08:00-12:30", "13:30-22:00"]
    saturday = ["20:00-02:00"]                 # until two on Sunday
    closed = ["2026-12-25"]                    # nobody begins on this day

Hours are by the clock on the wall there, also on days that are an hour shorter or longer. Whatever is
misspelt is refused when the relay starts. Without the table the relay promises no time to anybody.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHIFT: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_LOOK_AHEAD_DAYS: Final = 60
_DAY_MINUTES: Final = 24 * 60


class InvalidOpeningHours(Exception):
    """The `[opening]` table cannot be used; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Shift:
    """From one minute of a day to another, which may be on the next day."""

    begins: int
    ends: int

    @classmethod
    def parse(cls, text: object) -> Shift:
        """Read `08:00-22:00`; raises `InvalidOpeningHours`."""
        found = _SHIFT.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise InvalidOpeningHours(f"{text!r} is not like 08:00-22:00")
        hours, minutes, to_hours, to_minutes = (int(part) for part in found.groups())
        begins, ends = hours * 60 + minutes, to_hours * 60 + to_minutes
        if ends > _DAY_MINUTES or begins == ends:
            raise InvalidOpeningHours(f"{text!r} does not end after it begins")
        return cls(begins, ends if ends > begins else ends + _DAY_MINUTES)


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """The shifts of each weekday, Monday first, by the clock of `zone`."""

    zone: tzinfo
    weekly: tuple[tuple[Shift, ...], ...]
    closed: frozenset[date] = frozenset()

    @classmethod
    def load(cls, organisation_file: Path) -> OpeningHours | None:
        """From the organisation's file; None if it says nothing. Raises `InvalidOpeningHours`, `OSError`."""
        try:
            table = tomllib.loads(organisation_file.read_text("utf-8")).get("opening")
        except ValueError as error:
            raise InvalidOpeningHours(f"{organisation_file} is no TOML") from error
        if table is None:
            return None
        if not isinstance(table, dict):
            raise InvalidOpeningHours("[opening] is not a table")
        return cls.read(table)

    @classmethod
    def read(cls, table: dict[str, object]) -> OpeningHours:
        """From the table's entries; raises `InvalidOpeningHours`."""
        unknown = table.keys() - {"time_zone", "closed", *_DAYS}
        if unknown:
            raise InvalidOpeningHours(f"[opening] has no entry {sorted(unknown)[0]}")
        weekly = tuple(tuple(Shift.parse(text) for text in _texts(table.get(day, []), day)) for day in _DAYS)
        closed = frozenset(_day(text) for text in _texts(table.get("closed", []), "closed"))
        return cls(_zone(table.get("time_zone")), weekly, closed)

    def is_open(self, now: float) -> bool:
        """Whether somebody should be there at `now`, in seconds since 1970."""
        return any(begins <= now < ends for begins, ends in self._periods(now))

    def next_opening(self, now: float) -> int | None:
        """When somebody will be there again, in seconds since 1970; `now` itself while it is open.

        None when nobody comes within the next two months.
        """
        for begins, ends in self._periods(now):
            if now < ends:
                return max(int(now), begins)
        return None

    def today(self, now: float) -> date:
        """The date there."""
        return datetime.fromtimestamp(now, self.zone).date()

    def _periods(self, now: float) -> Iterator[tuple[int, int]]:
        """The periods from yesterday's on, in order."""
        first = self.today(now) - timedelta(days=1)
        for offset in range(_LOOK_AHEAD_DAYS):
            day = first + timedelta(days=offset)
            if day not in self.closed:
                shifts = sorted(self.weekly[day.weekday()], key=lambda shift: shift.begins)
                yield from ((self._at(day, shift.begins), self._at(day, shift.ends)) for shift in shifts)

    def _at(self, day: date, minute: int) -> int:
        days, minute = divmod(minute, _DAY_MINUTES)
        wall = datetime.combine(day + timedelta(days=days), time(minute // 60, minute % 60))
        return int(wall.replace(tzinfo=self.zone).astimezone(UTC).timestamp())


def _texts(value: object, name: str) -> list[object]:
    if not isinstance(value, list):
        raise InvalidOpeningHours(f"{name} in [opening] is not a list")
    return value


def _zone(name: object) -> ZoneInfo:
    try:
        return ZoneInfo(name) if isinstance(name, str) else _no_zone()
    except (ValueError, OSError, KeyError) as error:
        raise InvalidOpeningHours(f"there is no time zone {name!r}") from error


def _no_zone() -> ZoneInfo:
    raise InvalidOpeningHours("[opening] has no time_zone, such as Asia/Jakarta")


def _day(text: object) -> date:
    try:
        return text if type(text) is date else date.fromisoformat(str(text))
    except ValueError as error:
        raise InvalidOpeningHours(f"{text!r} is not a date like 2026-12-25") from error
