"""Files whose entries are too many for a test each."""

from __future__ import annotations

import pytest
from support.schemas.vectors_official import Json, folder, load


@pytest.fixture(scope="session")
def messages() -> list[Json]:
    """The entries of messages.json."""
    entries = load("mls/messages.json")
    if not entries:
        pytest.skip(f"no official vectors in {folder()}")
    return entries
