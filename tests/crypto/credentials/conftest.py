"""What every test about credentials starts from."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.organisation.staffed_organisation import StaffedOrganisation


@pytest.fixture(scope="session")
def organisation() -> StaffedOrganisation:
    return StaffedOrganisation()


@pytest.fixture
def device() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()
