"""What a deployment file tells the relay by environment variables, read as the relay itself reads it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel
from teduh_server.config.settings import SETTINGS_FILE_VARIABLE, Settings, load_settings

DEPLOY = Path(__file__).parents[3] / "deploy"
SECRET_FILE = "TEDUH_CALLS__TURN_SECRET_FILE"
SECRET_WORDS = re.compile(r"SECRET|PASSWORD|PASSPHRASE|TOKEN|PRIVATE_KEY", re.I)


def most_stored() -> int:
    """How much a deployed Valkey holds before it refuses more, in mebibytes."""
    text = (DEPLOY / "valkey" / "valkey.conf").read_text("utf-8")
    found = re.search(r"^maxmemory (\d+)mb$", text, re.M)
    assert found is not None
    return int(found[1])


def known_variables() -> set[str]:
    """Every environment variable that the relay reads."""
    return {SETTINGS_FILE_VARIABLE, *_variables(Settings, "TEDUH_")}


def _variables(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.default, BaseModel):
            yield from _variables(type(field.default), f"{prefix}{name.upper()}__")
        else:
            yield prefix + name.upper()


def relay_settings(environment: Mapping[str, str], folder: Path) -> Settings:
    """The settings; files in `folder` stand for those that the operator brings: a secret, and a settings file
    that is not there, which has none.

    Raises AssertionError for a variable that the relay does not know, ValidationError for a wrong value.
    """
    assert set(environment) - known_variables() == set()
    told = dict(environment)
    if SECRET_FILE in told:
        (folder / "turn-secret").write_text("a secret\n")
        told[SECRET_FILE] = str(folder / "turn-secret")
    if SETTINGS_FILE_VARIABLE in told and not Path(told[SETTINGS_FILE_VARIABLE]).exists():
        (folder / "teduh.toml").write_text("")
        told[SETTINGS_FILE_VARIABLE] = str(folder / "teduh.toml")
    with _environment(told):
        return load_settings()


@contextmanager
def _environment(told: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("TEDUH_")}
    os.environ.update(told)
    try:
        yield
    finally:
        for name in told:
            del os.environ[name]
        os.environ.update(before)


def names_of_secrets(environment: Mapping[str, str]) -> list[str]:
    """Variables that hold a secret themselves, rather than the name of its file."""
    return [
        name
        for name, value in environment.items()
        if SECRET_WORDS.search(name) and not name.endswith("_FILE") and value
    ]
