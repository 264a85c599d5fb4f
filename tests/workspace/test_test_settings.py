"""The settings of the tests do what the Makefile counts on."""

from __future__ import annotations

from pathlib import Path

import pytest

_TESTS = Path(__file__).parents[1]


@pytest.mark.xdist_group("together")
def test_groups_run_in_one_process(request: pytest.FixtureRequest) -> None:
    """pytest-xdist keeps a group together by its name at the end of the node id, or not at all."""
    if hasattr(request.config, "workerinput"):
        assert request.node.nodeid.endswith("@together")


def test_what_tests_share_lies_in_support() -> None:
    """No module but `conftest.py` lies loose in `tests/`, and each package of helpers says what it is for."""
    assert [path.name for path in sorted(_TESTS.glob("*.py"))] == ["conftest.py"]
    folders = {path.parent for path in (_TESTS / "support").rglob("*.py")}
    for folder in sorted(folders):
        text = (folder / "__init__.py").read_text("utf-8")
        assert text.startswith('"""'), folder
