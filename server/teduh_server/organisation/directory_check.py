"""What is wrong with a directory of services, said so that whoever keeps it can mend it.

`read_directory` says of a file that it is none; this looks at each service by itself, and at what no type can
say: numbers that nobody answers, needs that nobody can search for, a zone in which the service is not, facts
that are too old to be shown, a file that is too large to be fetched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import brotli
import msgspec
import phonenumbers
from phonenumbers import shortnumberinfo
from teduh_signaling.directory.format import (
    MAX_BYTES,
    MAX_COMPRESSED_BYTES,
    MAX_SERVICES,
    NEEDS,
    Directory,
    InvalidDirectory,
    Phone,
    Service,
    read_directory,
    write_directory,
)
from teduh_signaling.directory.search import AGEING_DAYS, HIDDEN_DAYS

_ZONES: Final = {"ID": (7 * 60, 8 * 60, 9 * 60), "TL": (9 * 60,)}
"""Minutes east of UTC, of countries where it is known here."""
_NOT_CALLED: Final = ("fax", "pager", "textphone")
"""Types of numbers (RFC 6350, as HSDS has them) at which nobody answers a voice."""
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")
_AT: Final = re.compile(r" - at `\$\.?(.*)`$")
_IN_PLAIN_WORDS: Final = {
    "number": "is no number as it is dialled, such as 129 or +62 811 1129 129",
    "assured_date": "is no date like 2026-01-28",
    "valid_from": "is no date like 2026-01-28",
    "valid_to": "is no date like 2026-01-28",
    "url": "is no address that begins with https://",
    "website": "is no address that begins with https://",
    "email": "is no email address",
    "extent": "is no country or part of one (ISO 3166), such as ID or ID-JK",
    "code": "is no short word, or no language like id or jav",
    "status": "is not one of: active, inactive, defunct, temporarily closed",
    "id": "is no UUID in small letters",
    "interval": "is more than one week; only rules of each week can be shown",
    "freq": "is not WEEKLY; only rules of each week can be shown",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a directory; a fault keeps it from being signed."""

    where: str
    text: str
    is_fault: bool = True

    def __str__(self) -> str:
        kind = "" if self.is_fault else "note: "
        return f"{self.where}: {kind}{self.text}"


def check_directory(content: bytes, today: date) -> list[Finding]:
    """What is wrong with the directory in these bytes, and what its keeper should know."""
    try:
        entries = _entries(content)
    except InvalidDirectory as error:
        return [Finding("the file", str(error))]
    findings: list[Finding] = []
    for place, entry in enumerate(entries):
        where = _where(place, entry, content)
        try:
            service = msgspec.convert(entry, Service)
        except msgspec.ValidationError as error:
            findings.append(Finding(where, in_plain_words(str(error))))
        else:
            findings.extend(_about(service, where, today))
    if any(finding.is_fault for finding in findings):
        return findings
    try:
        directory = read_directory(content)
    except InvalidDirectory as error:
        return [*findings, Finding("the file", in_plain_words(str(error)))]
    return [*findings, *_size(directory)]


def _entries(content: bytes) -> list[Any]:
    """The services, whatever they are; raises `InvalidDirectory`."""
    try:
        parsed = json.loads(content)
    except json.JSONDecodeError as error:
        raise InvalidDirectory(f"no JSON: {error.msg} in line {error.lineno}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise InvalidDirectory("no JSON in UTF-8") from error
    if not isinstance(parsed, dict) or not isinstance(parsed.get("services"), list):
        raise InvalidDirectory('no directory: it is not like {"hsds_version": "3.1", "services": [...]}')
    entries: list[Any] = parsed["services"]
    if len(entries) > MAX_SERVICES:
        raise InvalidDirectory(
            f"it has {len(entries)} services, and may have {MAX_SERVICES}: keep those that are near "
            "the people whom you serve, for all of them are fetched by a phone on a slow line"
        )
    if len(content) > MAX_BYTES:
        raise InvalidDirectory(f"it has {len(content)} bytes, and may have {MAX_BYTES}")
    return entries


def _where(place: int, entry: object, content: bytes) -> str:
    """Which service it is: by its number, its name and its line, as far as they are known."""
    where = f"service {place + 1}"
    if isinstance(entry, dict):
        if isinstance(name := entry.get("name"), str) and name:
            where += f" ({name[:60]})"
        if (
            isinstance(known := entry.get("id"), str)
            and (at := content.find(json.dumps(known).encode())) >= 0
        ):
            line = content.count(b"\n", 0, at) + 1
            where += f", line {line}"
    return where


def in_plain_words(error: str) -> str:
    """What msgspec says, for whoever keeps the list."""
    found = _AT.search(error)
    path = found.group(1) if found else ""
    reason = _AT.sub("", error)
    if missing := _MISSING.fullmatch(reason):
        return f"{path + ' ' if path else ''}has no {missing.group(1)}"
    last = path.rpartition(".")[2].partition("[")[0]
    return f"{path} {_IN_PLAIN_WORDS.get(last, f': {reason}')}".replace(" :", ":") if path else reason


def _about(service: Service, where: str, today: date) -> Iterator[Finding]:
    countries = sorted({area.extent[:2] for area in service.service_areas})
    for phone in service.phones:
        yield from _about_number(phone, where, countries)
    for need in sorted(service.needs.difference(NEEDS)):
        yield Finding(where, f"unknown need {need}; known are: {', '.join(NEEDS)}")
    zones = [zone for country in countries for zone in _ZONES.get(country, ())]
    for schedule in service.schedules:
        if zones and all(country in _ZONES for country in countries) and schedule.offset() not in zones:
            known = ", ".join(f"{zone // 60:+03d}:00" for zone in sorted(set(zones)))
            yield Finding(where, f"its hours are not by a clock of {', '.join(countries)}, which is {known}")
    age = (today - service.assured_date).days
    if age < 0:
        yield Finding(where, f"it was checked on {service.assured_date}, which has not come yet")
    elif age > HIDDEN_DAYS:
        text = f"last checked on {service.assured_date}, so nobody is shown it; check the facts again"
        yield Finding(where, text, is_fault=False)
    elif age > AGEING_DAYS:
        text = f'shown with "last checked on {service.assured_date}"; check the facts again'
        yield Finding(where, text, is_fault=False)


def _about_number(phone: Phone, where: str, countries: list[str]) -> Iterator[Finding]:
    named = ", ".join(countries)
    if phone.type in _NOT_CALLED:
        yield Finding(where, f"{phone.number} is of the type {phone.type}, and would be shown to be called")
    elif not any(_is_number(phone.number, country) for country in countries):
        yield Finding(where, f"{phone.number} is no telephone number in {named}")
    elif not any(_is_known(phone.number, country) for country in countries):
        text = f"{phone.number} is no short number that is known for {named}; call it before you sign"
        yield Finding(where, text, is_fault=False)


def _is_number(text: str, country: str) -> bool:
    """Whether somebody may answer this number there: one of a subscriber, or a short one.

    Of short ones the length alone counts, for `phonenumbers` does not know them all: of Indonesia's it has
    110, 112 and 119, and neither 129 nor 115. Whether somebody answers is told by calling alone.
    """
    number = _parsed(text, country)
    return number is not None and (
        phonenumbers.is_valid_number(number)
        or (
            not text.startswith(("+", "0"))
            and shortnumberinfo.is_possible_short_number_for_region(number, country)
        )
    )


def _is_known(text: str, country: str) -> bool:
    number = _parsed(text, country)
    return number is not None and (
        phonenumbers.is_valid_number(number)
        or shortnumberinfo.is_valid_short_number_for_region(number, country)
    )


def _parsed(text: str, country: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None


def _size(directory: Directory) -> Iterator[Finding]:
    # As it is sent: a text within JSON.
    fetched = len(brotli.compress(msgspec.json.encode(write_directory(directory).decode())))
    if fetched > MAX_COMPRESSED_BYTES:
        yield Finding(
            "the file",
            f"each reader fetches {fetched} bytes, and may fetch {MAX_COMPRESSED_BYTES}; keep fewer services",
        )
