"""Writes docs/settings.md from the settings themselves: `python tests/support/relay/settings_document.py >
docs/settings.md`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from teduh_server.config.settings import Settings

_HEAD = """# Settings of the relay

`teduh serve` reads a TOML file (`teduh.toml` in the working folder, or the one that `--settings` or the
environment variable `TEDUH_SETTINGS_FILE` names) and environment variables, which take precedence: a
setting `listen_port` is `listen_port = 8420` in the file and `TEDUH_LISTEN_PORT=8420` in the environment.
A setting with a dot is in a table: `allow_direct = true` under `[calls]`, and in the environment
`TEDUH_CALLS__ALLOW_DIRECT=true`. Lists are written as JSON in the environment. A name in the file that is
not below is an error.

```toml
# teduh.toml
organisation_file = "/etc/teduh/organisation.toml"
public_origin = "https://relay.example"
data_folder = "/var/lib/teduh"

[calls]
turn_urls = ["turn:turn.example:3478?transport=udp", "turns:turn.example:443?transport=tcp"]
turn_secret_file = "/etc/teduh/turn-secret"
```

| setting | default | meaning |
|---|---|---|
"""


def settings_document() -> str:
    """The whole document."""
    return _HEAD + "".join(_rows(Settings))


def _rows(model: type[BaseModel], table: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.default, BaseModel):
            yield from _rows(type(field.default), f"{name}.")
        else:
            yield f"| `{table}{name}` | {_shown(field.default)} | {field.description} |\n"


def _shown(value: Any) -> str:
    if value is None or value == ():
        return "none"
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, Path | str):
        return f"`{value}`"
    if isinstance(value, tuple):
        return "`" + json.dumps(value) + "`"
    return f"`{value}`" if isinstance(value, int) else f"`{value:.15g}`"


if __name__ == "__main__":
    print(settings_document(), end="")
