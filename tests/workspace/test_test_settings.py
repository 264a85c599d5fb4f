"""The settings of the tests do what the Makefile counts on."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("together")
def test_groups_run_in_one_process(request: pytest.FixtureRequest) -> None:
    """pytest-xdist keeps a group together by its name at the end of the node id, or not at all."""
    if hasattr(request.config, "workerinput"):
        assert request.node.nodeid.endswith("@together")
