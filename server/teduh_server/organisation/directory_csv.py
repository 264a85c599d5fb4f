"""A directory of services from a table, as a spreadsheet saves it (RFC 4180).

One service a row; several values in one cell are separated by `|`. Columns that a table does not need may be
left out. Commas, semicolons and tabs between the columns are told apart by the first row.

    name, name_en                     what it is called
    organization, organization_about
    description, description_en       what it does, in a sentence
    needs                             counseling|legal
    languages                         id|jav
    areas                             ID-JK Jakarta|ID-BT Banten
    phones, email, url                how to reach it
    write                             where to write, each with a label: https://wa.me/62... WhatsApp
    hours                             MO,TU,WE,TH,FR 08:00-16:00 +07:00|SA 08:00-12:00 +07:00
    assured_date, source              when the facts were last checked, and where they are from
    status, alert, fees
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from teduh_signaling.directory.format import HSDS_VERSION, NEED_TAXONOMY, Directory, InvalidDirectory, Service

from teduh_server.organisation.directory_check import in_plain_words

_REQUIRED: Final = ("name", "organization", "needs", "languages", "areas", "assured_date", "source")
_OPTIONAL: Final = (
    "name_en",
    "organization_about",
    "description",
    "description_en",
    "phones",
    "email",
    "url",
    "write",
    "hours",
    "status",
    "alert",
    "fees",
)
_HOURS: Final = re.compile(r"([A-Z,]+) +(\d\d:\d\d) ?- ?(\d\d:\d\d) +([+-]\d\d:\d\d)")
_NAMESPACE: Final = uuid5(NAMESPACE_URL, "https://openreferral.org/teduh-directory")
"""Ids are made of names, so that a service keeps its id when the table is imported again."""


def directory_from_csv(content: bytes) -> Directory:
    """The directory in a table; raises `InvalidDirectory`, which names the row and the column."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidDirectory('the table is not in UTF-8; save it as "CSV UTF-8"') from None
    first, _, _ = text.partition("\n")
    delimiter = max(",;\t", key=first.count)
    try:
        rows = list(csv.DictReader(io.StringIO(text), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise InvalidDirectory(f"the table cannot be read: {error}") from error
    _check_columns(first.strip().split(delimiter))
    services: dict[str, Service] = {}
    for place, row in enumerate(rows, start=2):
        service = _service(row, place)
        if service.id in services:
            raise InvalidDirectory(f"row {place} ({service.name[:60]}): an earlier row has this name, too")
        services[service.id] = service
    return Directory(HSDS_VERSION, tuple(services.values()))


def _check_columns(names: list[str]) -> None:
    named = [name.strip('"') for name in names]
    if missing := [name for name in _REQUIRED if name not in named]:
        raise InvalidDirectory(f"row 1 has no column {missing[0]}")
    if unknown := [name for name in named if name not in (*_REQUIRED, *_OPTIONAL)]:
        raise InvalidDirectory(f"row 1 has a column {unknown[0]}, which is not known")


def _service(row: Mapping[str | None, Any], place: int) -> Service:
    if None in row or None in row.values():
        raise InvalidDirectory(f"row {place} has not as many cells as row 1")
    cells = {str(name): str(cell).strip() for name, cell in row.items()}
    for name in _REQUIRED:
        if not cells[name]:
            raise InvalidDirectory(f"row {place}, column {name}: it is empty")
    try:
        return msgspec.convert(_Row(cells, place).entries(), Service)
    except msgspec.ValidationError as error:
        raise InvalidDirectory(f"row {place} ({cells['name'][:60]}): {in_plain_words(str(error))}") from error


class _Row:
    """One service as HSDS has it; what is within it has ids that differ from its own in the last digits."""

    def __init__(self, cells: Mapping[str, str], place: int) -> None:
        self._cells, self._place = cells, place
        self._id = uuid5(_NAMESPACE, f"{cells['organization']}\n{cells['name']}")
        self._given = 0

    def entries(self) -> dict[str, Any]:
        """For msgspec to check."""
        cells = self._cells
        english = {name: cells[f"{name}_en"] for name in ("name", "description") if cells.get(f"{name}_en")}
        optional = {
            "description": cells.get("description"),
            "alert": cells.get("alert"),
            "fees_description": cells.get("fees"),
            "email": cells.get("email"),
            "url": cells.get("url"),
            "translations": {"en": english} if english else None,
        }
        return {
            "id": str(self._id),
            "name": cells["name"],
            "status": cells.get("status") or "active",
            "assured_date": cells["assured_date"],
            "source": cells["source"],
            "organization": {
                "id": str(uuid5(_NAMESPACE, cells["organization"])),
                "name": cells["organization"],
                "description": cells.get("organization_about") or cells["organization"],
            },
            "languages": [{"id": self._next(), "code": code} for code in self._several("languages")],
            "service_areas": [
                {"id": self._next(), "name": name or code, "extent": code, "extent_type": "text"}
                for code, name in self._pairs("areas")
            ],
            "attributes": [
                {
                    "id": self._next(),
                    "taxonomy_term": {
                        "id": str(uuid5(_NAMESPACE, f"{NEED_TAXONOMY}\n{need}")),
                        "name": need,
                        "description": need,
                        "taxonomy": NEED_TAXONOMY,
                        "code": need,
                    },
                }
                for need in self._several("needs")
            ],
            "phones": [{"id": self._next(), "number": number} for number in self._several("phones")],
            "additional_urls": [
                {"id": self._next(), "url": url, **({"label": label} if label else {})}
                for url, label in self._pairs("write")
            ],
            "schedules": [self._schedule(hours) for hours in self._several("hours")],
            **{name: value for name, value in optional.items() if value},
        }

    def _schedule(self, hours: str) -> dict[str, Any]:
        found = _HOURS.fullmatch(hours)
        if found is None:
            raise InvalidDirectory(
                f"row {self._place}, column hours: "
                f"{hours[:60]!r} is not like MO,TU,WE,TH,FR 08:00-16:00 +07:00"
            )
        days, opens, closes, zone = found.groups()
        times = {"opens_at": f"{opens}{zone}", "closes_at": f"{closes}{zone}"}
        return {"id": self._next(), "freq": "WEEKLY", "byday": days, **times}

    def _several(self, name: str) -> list[str]:
        return [part.strip() for part in self._cells.get(name, "").split("|") if part.strip()]

    def _pairs(self, name: str) -> Iterator[tuple[str, str]]:
        """Each a word and what is said of it."""
        for part in self._several(name):
            word, _, rest = part.partition(" ")
            yield word, rest.strip()

    def _next(self) -> str:
        self._given += 1
        return str(UUID(int=self._id.int & ~0xFFFF | self._given))
