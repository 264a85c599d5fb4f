"""Our X-Wing key pairs are those of the vectors, which were computed without our code."""

from __future__ import annotations

import pytest
from support.schemas.vectors_official import Json, data, load_hybrid
from teduh_crypto.hazmat.xwing import XWING


@pytest.mark.parametrize("vector", load_hybrid("derive-key-pair.json"))
def test_a_key_pair_is_derived_as_the_draft_says(vector: Json) -> None:
    key = XWING.derive(data(vector["ikm"]))
    assert key.raw == data(vector["private"])
    assert key.public == data(vector["public"])
