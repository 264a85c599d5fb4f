"""Every file of deploy/ is read as a whole: no key and no value is there that no rule has looked at.

The rules are in `deployed_*.py` beside this folder. That they can fail is shown on each file itself: each
line left out, each line there twice, and each word of each line mistyped, is refused.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.deployment.compose import faults_of_compose
from support.deployment.kubernetes import faults_of_kubernetes
from support.deployment.lines import READERS
from support.deployment.scripts import faults_of_store_script, faults_of_turn_script
from support.deployment.settings import DEPLOY
from support.deployment.units import faults_of_relay_unit, faults_of_turn_unit
from support.deployment.whole_document import (
    with_a_line_twice,
    with_a_word_altered,
    without_a_line,
    yaml_documents,
)

SCRIPTS = {"coturn/start.sh": faults_of_turn_script, "valkey/start.sh": faults_of_store_script}
FILES = READERS | {
    "compose.yaml": faults_of_compose,
    "kubernetes.yaml": faults_of_kubernetes,
    "systemd/teduh-relay.service": faults_of_relay_unit,
    "systemd/teduh-turn.service": faults_of_turn_unit,
}
EVERY_FILE = FILES | SCRIPTS
THE_SAME = ('dirname "$0x"',)
"""An altered word that means what it meant: the folder of a script is that of any name beside it."""

Altered = Callable[[str], Iterator[tuple[str, str]]]


def test_no_file_is_without_rules() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "."],
        cwd=DEPLOY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(listed.stdout.split()) == set(EVERY_FILE)


@pytest.mark.parametrize("file", EVERY_FILE)
def test_nothing_in_the_file_is_unlooked_at_or_wrong(file: str, tmp_path: Path) -> None:
    text = (DEPLOY / file).read_text("utf-8")
    assert list(EVERY_FILE[file](text, tmp_path)) == []


@pytest.mark.parametrize("file", EVERY_FILE)
@pytest.mark.parametrize("alter", [without_a_line, with_a_word_altered])
def test_line_that_is_left_out_or_mistyped_is_refused(file: str, alter: Altered, tmp_path: Path) -> None:
    assert _passed(file, alter, tmp_path) == []


@pytest.mark.parametrize("file", FILES)
def test_line_that_is_there_twice_is_refused(file: str, tmp_path: Path) -> None:
    """But in scripts, where doing some things twice is doing them once."""
    assert _passed(file, with_a_line_twice, tmp_path) == []


@pytest.mark.parametrize("added", ["privileged: true", "userns_mode: host", "healthchecks: {}"])
def test_key_that_nobody_expects_is_refused_wherever_it_is_added(added: str, tmp_path: Path) -> None:
    """In every service, beside what is there."""
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    lines = text.split("\n")
    places = [
        place
        for place, line in enumerate(lines)
        if line.strip().startswith(("restart:", "command:", "image:"))
    ]
    for place in places:
        indent = lines[place][: len(lines[place]) - len(lines[place].lstrip())]
        more = "\n".join([*lines[:place], indent + added, *lines[place:]])
        assert list(faults_of_compose(more, tmp_path)), f"{added} before line {place + 1}"


def test_key_that_is_there_twice_is_refused() -> None:
    """YAML's usual reader takes the last."""
    with pytest.raises(Exception, match="twice"):
        yaml_documents("a: {b: 1, c: 2, b: 3}")


def _passed(file: str, alter: Altered, folder: Path) -> list[str]:
    """Alterations that nobody noticed."""
    text = (DEPLOY / file).read_text("utf-8")
    altered = list(alter(text))
    assert altered
    return [
        what
        for what, other in altered
        if next(EVERY_FILE[file](other, folder), None) is None and not any(same in what for same in THE_SAME)
    ]
