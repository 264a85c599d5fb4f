"""What a coordinator makes beside the sources gets neither into their history nor into an image."""

from __future__ import annotations

import subprocess

import pytest
from support.deployment.settings import DEPLOY
from support.deployment.whole_document import written_lines
from teduh_server.cli.org import DEFAULT_FOLDER

ROOT = DEPLOY.parent


@pytest.mark.parametrize("file", ["root.key", "enrolments/code.json"])
def test_organisation_folder_where_the_guide_makes_it_is_nothing_to_git(file: str) -> None:
    """docs/organisation.md has `teduh org init` run in this repository, which makes a folder of names."""
    asked = ["git", "check-ignore", "--quiet", f"{DEFAULT_FOLDER}/{file}"]
    assert subprocess.run(asked, cwd=ROOT, check=False).returncode == 0


def test_organisation_folder_is_not_in_what_an_image_is_built_from() -> None:
    """All of that is copied into the first stage, which whoever builds keeps, and may share as a cache."""
    left_out = written_lines((DEPLOY / "Containerfile.dockerignore").read_text("utf-8"))
    assert str(DEFAULT_FOLDER) in left_out
