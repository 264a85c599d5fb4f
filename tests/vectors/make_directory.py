"""Writes directory.json: which files are directories, and what is found in one, for every implementation.

Run it after a change: ``python tests/vectors/make_directory.py``. Expectations are written down here by hand.

Format. ``files``: ``content`` (text) is a directory where ``valid``. ``directory``: a valid one, as text,
whose services have names of one letter. ``searches``: at ``now`` (seconds since 1970) the ``query`` finds
these services, in this order: [name, open (null: not known), date of the last check to be said (or null)].
``referrals``: of the one service in ``directory``, in version 1900000000, a conversation tells ``service``,
``kind`` and ``contact``; with the id 0707.. and sent at 1760000000 the message is ``encoded`` (hex).
"""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from teduh_signaling.chat.codec import encode_message
from teduh_signaling.chat.messages import Referral

Json = dict[str, Any]
_LEFT_OUT = object()


def identifier(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


def need(*codes: str) -> list[Json]:
    return [
        {
            "id": identifier(900 + place),
            "taxonomy_term": {
                "id": identifier(800 + place),
                "name": code,
                "description": code,
                "taxonomy": "teduh-need",
                "code": code,
            },
        }
        for place, code in enumerate(codes)
    ]


def area(extent: str) -> Json:
    return {"id": identifier(500), "name": extent, "extent": extent, "extent_type": "text"}


def schedule(**rule: object) -> Json:
    return {"id": identifier(600), "freq": "WEEKLY", **rule}


DAY_AND_NIGHT = schedule(byday="MO,TU,WE,TH,FR,SA,SU", opens_at="00:00+07:00", closes_at="00:00+07:00")
OFFICE = schedule(byday="MO,TU,WE,TH,FR", opens_at="08:00+07:00", closes_at="16:00+07:00")
LATE = schedule(byday="SA", opens_at="20:00", closes_at="02:00", timezone=9)


def service(number: int, name: str, **changed: object) -> Json:
    return {
        "id": identifier(number),
        "name": name,
        "status": "active",
        "assured_date": "2030-03-01",
        "source": "a test",
        "organization": {"id": identifier(700), "name": "Rumah", "description": "Rumah"},
        "languages": [{"id": identifier(400), "code": "id", "name": "Bahasa Indonesia"}],
        "service_areas": [area("ID")],
        "attributes": need("counseling"),
        "phones": [{"id": identifier(300), "number": "129"}],
        **changed,
    }


SERVICES = [
    service(1, "a", attributes=need("emergency"), schedules=[DAY_AND_NIGHT]),
    service(2, "b", service_areas=[area("ID-JK")], schedules=[OFFICE], assured_date="2029-09-18"),
    service(3, "c", assured_date="2029-09-17"),
    service(4, "d", assured_date="2029-03-17"),
    service(5, "e", assured_date="2029-03-16"),
    service(6, "f", service_areas=[area("ID-PA"), area("ID")], attributes=need("shelter"), schedules=[LATE]),
    service(7, "g", status="inactive"),
    service(8, "h", status="defunct"),
    service(
        9,
        "i",
        status="temporarily closed",
        attributes=need("legal", "counseling"),
        schedules=[DAY_AND_NIGHT],
        languages=[{"id": identifier(400), "code": "jv"}, {"id": identifier(401), "code": "id"}],
    ),
    service(10, "j", service_areas=[area("TL")], assured_date="2030-03-20", attributes=need("of tomorrow")),
    service(
        11,
        "k",
        service_areas=[area("ID-JKX")],
        attributes=need("medical"),
        schedules=[
            schedule(byday="SU", opens_at="17:00Z", closes_at="18:00Z", valid_to="2030-03-17"),
            schedule(byday="MO", opens_at="09:00Z", closes_at="10:00Z", valid_from="2030-03-25", wkst="SU"),
        ],
    ),
]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


SUNDAY = at("2030-03-17 17:46:40")
"""In Jakarta a quarter to one on Monday."""


def searches() -> list[Json]:
    def case(query: Json, now: int, *found: tuple[str, bool | None, str | None]) -> Json:
        return {"query": query, "now": now, "found": [list(one) for one in found]}

    a, f, i = ("a", True, None), ("f", False, None), ("i", False, None)
    c, d = ("c", None, "2029-09-17"), ("d", None, "2029-03-17")
    b, j, k = ("b", False, None), ("j", None, None), ("k", True, None)

    def opens(name: str, need_of_it: str, now: str, is_open: bool) -> Json:
        return case({"need": need_of_it}, at(now), (name, is_open, None))

    return [
        case({}, SUNDAY, a, b, f, i, j, k, c, d),
        case({"open_now": True}, SUNDAY, a, k),
        case({"open_now": False}, SUNDAY, a, b, f, i, j, k, c, d),
        case({"need": "counseling"}, SUNDAY, b, i, c, d),
        case({"need": "of tomorrow"}, SUNDAY, j),
        case({"need": "nothing"}, SUNDAY),
        case({"language": "jv"}, SUNDAY, i),
        case({"language": "id", "need": "legal"}, SUNDAY, i),
        case({"region": "ID"}, SUNDAY, a, f, i, c, d),
        case({"region": "ID-JK"}, SUNDAY, b, a, f, i, c, d),
        case({"region": "ID-PA"}, SUNDAY, f, a, i, c, d),
        case({"region": "TL-DI"}, SUNDAY, j),
        case({"region": "ID-JK", "open_now": True}, SUNDAY, a),
        # A device whose clock is years behind is shown all that may be shown.
        case(
            {"need": "counseling"},
            at("2020-01-01 00:00"),
            ("b", False, None),
            *((name, state, None) for name, state in (("c", None), ("d", None), ("e", None), ("i", False))),
        ),
        case({}, at("2032-01-01 00:00")),
        # In Jakarta 08:00 begins the day's work at 01:00 UTC, and 16:00 ends it.
        case(
            {"region": "ID-JK", "need": "counseling"},
            at("2030-03-18 00:59:59"),
            ("b", False, "2029-09-18"),
            i,
            ("c", None, "2029-09-17"),
        ),
        case({"region": "ID-JK", "open_now": True}, at("2030-03-18 01:00:00"), ("b", True, "2029-09-18"), a),
        case({"region": "ID-JK", "open_now": True}, at("2030-03-18 09:00:00"), a),
        # From 20:00 on Saturday until 02:00 on Sunday, nine hours east of UTC.
        opens("f", "shelter", "2030-03-16 10:59:59", False),
        opens("f", "shelter", "2030-03-16 11:00:00", True),
        opens("f", "shelter", "2030-03-16 16:59:59", True),
        opens("f", "shelter", "2030-03-16 17:00:00", False),
        opens("f", "shelter", "2030-03-15 11:00:00", False),
        # Rules that hold from a day on, or until one.
        opens("k", "medical", "2030-03-17 17:00:00", True),
        opens("k", "medical", "2030-03-17 18:00:00", False),
        opens("k", "medical", "2030-03-24 17:30:00", False),
        opens("k", "medical", "2030-03-18 09:30:00", False),
        opens("k", "medical", "2030-03-25 09:30:00", True),
    ]


def changed(path: str, value: object) -> str:
    """A directory of one service in which what `path` leads to is another value, or left out."""
    one = service(1, "a", schedules=[LATE], email="a@example.org", url="https://a.example")
    one["translations"] = {"en": {"name": "A"}}
    one["additional_urls"] = [{"id": identifier(2), "url": "https://wa.me/62811", "label": "WhatsApp"}]
    directory: Any = {"hsds_version": "3.1", "services": [copy.deepcopy(one)]}
    *before, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    place = directory
    for step in before:
        place = place[step]
    if value is _LEFT_OUT:
        del place[last]
    else:
        place[last] = value
    return json.dumps(directory)


def files() -> list[Json]:
    one, rule = "services/0/", "services/0/schedules/0/"

    def case(name: str, content: str, *, valid: bool = False) -> Json:
        return {"name": name, "content": content, "valid": valid}

    def each(*changes: tuple[str, object], valid: bool = False) -> list[Json]:
        return [
            case(
                f"{path} left out" if value is _LEFT_OUT else f"{path} is {str(value)[:40]!r}",
                changed(path, value),
                valid=valid,
            )
            for path, value in changes
        ]

    return [
        case("of no service", '{"hsds_version": "3.1", "services": []}', valid=True),
        case("nothing", ""),
        case("a list", "[]"),
        case("null", "null"),
        case("cut off", changed("hsds_version", "3.1")[:-1]),
        case("something behind it", changed("hsds_version", "3.1") + "x"),
        case("a byte order mark", "\ufeff" + changed("hsds_version", "3.1")),
        case(
            "two services of one id", json.dumps({"hsds_version": "3.1", "services": [service(1, "a")] * 2})
        ),
        *each(
            ("hsds_version", "3.1"),
            ("note", "another property"),
            (one + "accreditations", "another property of HSDS"),
            (one + "name", "a" * 200),
            (one + "name", "\U0001f3e0" * 200),
            (one + "description", "a" * 1000),
            (one + "description", None),
            (one + "phones", []),
            (one + "phones", _LEFT_OUT),
            (one + "email", _LEFT_OUT),
            (one + "url", None),
            (one + "translations", {}),
            (one + "attributes", need("shelter", "of tomorrow")),
            (one + "assured_date", "2028-02-29"),
            (one + "service_areas/0/extent_type", _LEFT_OUT),
            (one + "schedules", []),
            (one + "schedules", _LEFT_OUT),
            (rule + "timezone", -3.5),
            (rule + "timezone", 14),
            (rule + "opens_at", "20:00:00+09:00"),
            (rule + "wkst", "MO"),
            (rule + "interval", 1),
            (rule + "valid_to", None),
            (rule + "freq", _LEFT_OUT),
            (rule + "description", "Ring twice"),
            valid=True,
        ),
        *each(
            ("hsds_version", "3.0"),
            ("hsds_version", _LEFT_OUT),
            ("services", _LEFT_OUT),
            ("services", None),
            ("services", {}),
            ("services", ["a"]),
            (one + "id", "1"),
            (one + "id", identifier(1).replace("4", "G")),
            (one + "id", _LEFT_OUT),
            (one + "name", ""),
            (one + "name", "a" * 201),
            (one + "name", 7),
            (one + "name", None),
            (one + "description", "a" * 1001),
            (one + "status", "open"),
            (one + "status", _LEFT_OUT),
            (one + "assured_date", _LEFT_OUT),
            (one + "assured_date", "2030-02-29"),
            (one + "assured_date", "2030-3-1"),
            (one + "assured_date", "01-03-2030"),
            (one + "source", _LEFT_OUT),
            (one + "organization", _LEFT_OUT),
            (one + "organization/description", _LEFT_OUT),
            (one + "languages", []),
            (one + "languages", None),
            (one + "languages/0/code", "Indonesian"),
            (one + "service_areas", _LEFT_OUT),
            (one + "service_areas/0/extent", "Jakarta"),
            (one + "service_areas/0/extent_type", "geojson"),
            (one + "attributes", []),
            (one + "attributes/0/taxonomy_term/taxonomy", "another"),
            (one + "attributes/0/taxonomy_term/code", _LEFT_OUT),
            (one + "phones/0/number", "tel:129"),
            (one + "phones/0/number", "129\n"),
            (one + "phones/0/number", "1"),
            (one + "phones", [{"id": identifier(300), "number": "129"}] * 33),
            (one + "email", "a at example.org"),
            (one + "url", "http://a.example"),
            (one + "url", "https://a.example@b.example/"),
            (one + "url", "javascript:alert(1)"),
            (one + "additional_urls/0/url", "https://wa.me/62811 2"),
            (one + "additional_urls/0/id", _LEFT_OUT),
            (one + "translations/English", {"name": "A"}),
            (one + "translations/en", {"name": 1}),
            (rule + "freq", "MONTHLY"),
            (rule + "interval", 2),
            (rule + "count", 3),
            (rule + "bymonthday", "1"),
            (rule + "byday", "2MO"),
            (rule + "byday", "MO,MO"),
            (rule + "byday", "mo"),
            (rule + "byday", ""),
            (rule + "byday", _LEFT_OUT),
            (rule + "opens_at", "8:00"),
            (rule + "opens_at", "24:00"),
            (rule + "opens_at", "20:00+08:00"),
            (rule + "closes_at", _LEFT_OUT),
            (rule + "timezone", _LEFT_OUT),
            (rule + "timezone", "Asia/Jakarta"),
            (rule + "timezone", 14.25),
            (rule + "timezone", -12.25),
            (rule + "timezone", 7.1),
            (rule + "valid_from", "soon"),
        ),
        case(
            "neither a phone, nor an address",
            json.dumps({"hsds_version": "3.1", "services": [service(1, "a", phones=[])]}),
        ),
    ]


VERSION = 1_900_000_000


def referral(service: Json, name: str, kind: str, contact: str) -> Json:
    """What is told of a service; its bytes are made of what is written down here, not by the SDK."""
    message = Referral(
        id=bytes([7]) * 16,
        sent=1_760_000_000,
        service=name,
        kind=kind,
        contact=contact,
        service_id=bytes.fromhex(service["id"].replace("-", "")),
        directory_version=VERSION,
    )
    return {
        "directory": json.dumps({"hsds_version": "3.1", "services": [service]}),
        "service": name,
        "kind": kind,
        "contact": contact,
        "encoded": encode_message(message).hex(),
    }


def referrals() -> list[Json]:
    """What is told of services: their ways whole or not at all."""
    # 32 characters each: of a text of 1000 there is room for 30 lines, and then for something short.
    numbers = [f"+62 811 1129 {number:019d}" for number in range(32)]
    phones = [{"id": identifier(300 + at), "number": number} for at, number in enumerate(numbers)]
    write = [{"id": identifier(600), "url": "https://wa.me/628111129129", "label": "WhatsApp"}]
    site, email = "https://example.org", "tanya@example.org"
    many: Json = {"additional_urls": write, "url": site, "email": email}
    return [
        referral(service(1, "a"), "a", "counseling", "129"),
        referral(
            service(2, "b", attributes=need("legal", "counseling"), **many),
            "b",
            "counseling",
            f"129\nhttps://wa.me/628111129129\n{email}\n{site}",
        ),
        referral(service(3, "𝔘" * 200, attributes=need("new")), "𝔘" * 128, "other", "129"),
        referral(
            service(4, "d", phones=phones, email="a@b.co"),
            "d",
            "counseling",
            "\n".join([*numbers[:30], "a@b.co"]),
        ),
    ]


def vectors() -> str:
    """The text of directory.json."""
    directory = json.dumps({"hsds_version": "3.1", "services": SERVICES})
    content = {"files": files(), "directory": directory, "searches": searches(), "referrals": referrals()}
    return json.dumps(content, indent=1, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("directory.json").write_text(vectors(), encoding="utf-8")
