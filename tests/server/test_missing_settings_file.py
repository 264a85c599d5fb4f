"""A settings file that is named and is not there is no reason to run with other settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.organisation.relay_organisation import RelayOrganisation
from teduh_server.config.settings import SETTINGS_FILE_VARIABLE, load_settings


def test_file_that_the_environment_names_must_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SETTINGS_FILE_VARIABLE, str(tmp_path / "teduh.tmol"))
    with pytest.raises(FileNotFoundError):
        load_settings()


def test_doctor_says_so(tmp_path: Path, organisation: RelayOrganisation) -> None:
    organisation.write(tmp_path)
    (tmp_path / "relay.toml").write_text('store_url = "redis://10.0.0.7:6379"\ndurability = "replicated"\n')
    environment = {**os.environ, SETTINGS_FILE_VARIABLE: str(tmp_path / "relay.tmol")}
    run = subprocess.run(
        [sys.executable, "-m", "teduh_server", "doctor"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 2, run.stdout
