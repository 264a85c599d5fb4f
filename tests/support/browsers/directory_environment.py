"""A relay whose page offers a directory of three services that count, and of one that is too old."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from teduh_crypto.credentials import StatementVerifier
from teduh_server.organisation.directory_csv import directory_from_csv
from teduh_server.organisation.signed_directory import DIRECTORY_FILE, sign_directory
from teduh_signaling.directory.format import write_directory

from support.browsers.environment import RelayEnvironment, relay_environment
from support.organisation.relay_organisation import RelayOrganisation

TODAY = datetime.fromtimestamp(time.time(), UTC).date()
NEVER, ALWAYS = "", "MO,TU,WE,TH,FR,SA,SU 00:00-00:00 +07:00"
COLUMNS = (
    "name",
    "name_en",
    "organization",
    "description",
    "description_en",
    "needs",
    "languages",
    "areas",
    "phones",
    "email",
    "url",
    "write",
    "hours",
    "assured_date",
    "source",
)


def days_ago(days: int) -> str:
    return (TODAY - timedelta(days=days)).isoformat()


def row(name: str, english: str, needs: str, areas: str, checked: str, **cells: str) -> str:
    given = {
        "name": name,
        "name_en": english,
        "organization": "Aid",
        "needs": needs,
        "languages": "id",
        "areas": areas,
        "assured_date": checked,
        "source": "a test",
        **cells,
    }
    return ",".join(f'"{given.get(column, "")}"' for column in COLUMNS)


SERVICES = "\n".join(
    (
        ",".join(COLUMNS),
        row("Polisi", "Police", "emergency", "ID Indonesia", days_ago(1), phones="110", hours=ALWAYS),
        row(
            "Rumah Aman",
            "Safe House",
            "shelter|counseling",
            "ID-JK Jakarta",
            days_ago(181),
            phones="0811 1129 129",
            write="https://wa.me/628111129129 WhatsApp",
            languages="id|jv",
        ),
        row("Bantuan Hukum", "Legal Aid", "legal", "ID Indonesia", days_ago(2), email="tanya@example.org"),
        row("Terlalu Lama", "Too Old", "legal", "ID Indonesia", days_ago(366), phones="119"),
    )
)


@asynccontextmanager
async def environment_with_directory(folder: Path) -> AsyncIterator[RelayEnvironment]:
    """The file is there when the relay starts, so that the page offers it; it is signed later."""
    (folder / DIRECTORY_FILE).write_text("{}")
    async with relay_environment(folder) as here:
        sign_services(folder, here.organisation)
        yield here


def sign_services(folder: Path, organisation: RelayOrganisation) -> None:
    verifier = StatementVerifier(organisation.public.root_public_key, organisation.id)
    content = write_directory(directory_from_csv(SERVICES.encode()))
    sign_directory(folder, content, organisation.authority, verifier, now=int(time.time()))
