"""One ts-mls process for the tests of each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from interop.ts_mls_peer import TsMls, install


@pytest.fixture(scope="session")
def installed_ts_mls() -> None:
    """ts-mls and what it needs are installed, exactly as locked."""
    install()


@pytest.fixture(scope="module")
def ts_mls(installed_ts_mls: None) -> Iterator[TsMls]:
    """A Node process that plays members with ts-mls."""
    with TsMls() as process:
        yield process
