"""Opening hours: by the clock on the wall of the organisation, and whatever is misspelt is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from teduh_server.matching.opening_hours import InvalidOpeningHours, OpeningHours

JAKARTA = OpeningHours.read(
    {
        "time_zone": "Asia/Jakarta",
        "monday": ["13:30-22:00", "08:00-12:30"],
        "saturday": ["20:00-02:00"],
        "closed": ["2026-03-09"],
    }
)
BERLIN = OpeningHours.read(
    {"time_zone": "Europe/Berlin", "sunday": ["02:30-10:00"], "monday": ["00:00-24:00"]}
)


def _at(text: str, zone: str = "Asia/Jakarta") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-03-02 07:59", "2026-03-02 08:00"),
        ("2026-03-02 12:30", "2026-03-02 13:30"),
        ("2026-03-02 22:00", "2026-03-07 20:00"),
        ("2026-03-08 01:59", "2026-03-08 01:59"),
        ("2026-03-08 02:00", "2026-03-14 20:00"),
    ],
    ids=["before", "at noon", "after", "beyond midnight", "over a closed day"],
)
def test_next_opening_is_when_somebody_will_be_there(now: str, opens: str) -> None:
    assert JAKARTA.next_opening(_at(now)) == _at(opens)


def test_open_within_a_shift_only() -> None:
    assert JAKARTA.is_open(_at("2026-03-02 08:00"))
    assert not JAKARTA.is_open(_at("2026-03-02 12:30"))
    assert JAKARTA.is_open(_at("2026-03-08 01:00"))
    assert not JAKARTA.is_open(_at("2026-03-09 09:00"))


def test_hours_are_of_the_wall_on_the_days_when_clocks_change() -> None:
    """2026-03-29, 02:30 does not exist in Berlin; an hour later the clock says 03:30. Monday has 24 hours."""
    zone = "Europe/Berlin"
    assert BERLIN.next_opening(_at("2026-03-28 23:00", zone)) == _at("2026-03-29 03:30", zone)
    assert BERLIN.next_opening(_at("2026-10-25 01:00", zone)) == _at("2026-10-25 02:30", zone)
    assert BERLIN.is_open(_at("2026-03-30 23:59", zone))
    assert not BERLIN.is_open(_at("2026-03-31 00:00", zone))


def test_today_is_the_date_there() -> None:
    late = datetime(2026, 3, 2, 20, 0, tzinfo=UTC).timestamp()
    assert JAKARTA.today(late).isoformat() == "2026-03-03"


def test_nobody_ever_comes_where_there_are_no_hours() -> None:
    assert OpeningHours.read({"time_zone": "Asia/Jakarta"}).next_opening(0) is None


_times = st.tuples(st.integers(0, 23), st.integers(0, 59))
_shifts = st.tuples(_times, _times).filter(lambda pair: pair[0] != pair[1])
_weeks = st.dictionaries(
    st.sampled_from(["monday", "wednesday", "sunday"]), st.lists(_shifts, min_size=1, max_size=3), min_size=1
)


@given(_weeks, st.integers(1_700_000_000, 1_900_000_000), st.sampled_from(["Asia/Jakarta", "Europe/Berlin"]))
def test_it_is_open_when_it_opens_and_never_between(
    week: dict[str, list[tuple[tuple[int, int], tuple[int, int]]]], now: int, zone: str
) -> None:
    table: dict[str, object] = {
        day: [f"{begin[0]:02}:{begin[1]:02}-{end[0]:02}:{end[1]:02}" for begin, end in shifts]
        for day, shifts in week.items()
    }
    hours = OpeningHours.read({"time_zone": zone, **table})
    opens = hours.next_opening(now)
    assert opens is not None
    assert opens >= now
    assert hours.is_open(now) == (opens == now)
    if opens > now:
        assert hours.is_open(opens)
        assert not hours.is_open((now + opens) / 2)


@pytest.mark.parametrize(
    "table",
    [
        {"monday": ["08:00-22:00"]},
        {"time_zone": "Asia/Batavia-on-Sea"},
        {"time_zone": "../../etc/passwd"},
        {"time_zone": "Asia/Jakarta", "monday": "08:00-22:00"},
        {"time_zone": "Asia/Jakarta", "monday": ["8-22"]},
        {"time_zone": "Asia/Jakarta", "monday": ["08:00-24:30"]},
        {"time_zone": "Asia/Jakarta", "monday": ["08:00-08:00"]},
        {"time_zone": "Asia/Jakarta", "mondays": ["08:00-22:00"]},
        {"time_zone": "Asia/Jakarta", "closed": ["Christmas"]},
    ],
)
def test_what_is_misspelt_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(InvalidOpeningHours):
        OpeningHours.read(table)


def test_file_without_the_table_promises_nothing(tmp_path: Path) -> None:
    file = tmp_path / "organisation.toml"
    file.write_text('[opening]\ntime_zone = "Asia/Jakarta"\nclosed = [2026-12-25]\n')
    assert OpeningHours.load(file) is not None
    file.write_text("format = 1\n")
    assert OpeningHours.load(file) is None
