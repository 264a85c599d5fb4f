"""The organisation file: what it holds, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.organisation.staffed_organisation import StaffedOrganisation
from teduh_crypto.credentials import MalformedToken, Organisation


@pytest.mark.parametrize("name", ["Rumah Aman", 'The "Safe" House', "back\\slash", "Ñandú ✿"])
def test_the_file_round_trips(organisation: StaffedOrganisation, name: str, tmp_path: Path) -> None:
    written = Organisation(organisation.id, name, organisation.public.root_public_key)
    path = tmp_path / "organisation.toml"
    path.write_text(written.to_toml(), "utf-8")
    assert Organisation.load(path) == written


GOOD = Organisation("org", "Name", bytes(range(32))).to_toml()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not toml",
        GOOD.replace("format = 1", "format = 2"),
        GOOD.replace("format = 1", ""),
        GOOD.replace('"org"', "7"),
        GOOD.replace('"org"', '"no such id"'),
        GOOD.replace('"Name"', '""'),
        GOOD.replace('"Name"', "7"),
        GOOD.replace("AAEC", "A", 1),
        GOOD.replace("AAEC", "!!!!", 1),
    ],
)
def test_what_is_no_organisation_file_is_refused(text: str) -> None:
    with pytest.raises(MalformedToken):
        Organisation.from_toml(text)


def test_entries_for_others_are_ignored() -> None:
    assert Organisation.from_toml(GOOD + "intake = 1\n").id == "org"
