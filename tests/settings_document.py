"""Writes docs/settings.md from the settings themselves: `python tests/settings_document.py >
docs/settings.md`.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

from teduh_server.settings import Settings

_HEAD = """# Settings of the relay

`teduh serve` reads a TOML file (`teduh.toml` in the working folder, or the one that `--settings` or the
environment variable `TEDUH_SETTINGS_FILE` names) and environment variables, which take precedence: a
setting `listen_port` is `listen_port = 8420` in the file and `TEDUH_LISTEN_PORT=8420` in the environment.
A name in the file that is not in this table is an error.

```toml
# teduh.toml
organisation_file = "/etc/teduh/organisation.toml"
public_origin = "https://relay.example"
data_folder = "/var/lib/teduh"
```

| setting | default | meaning |
|---|---|---|
"""


def settings_document() -> str:
    """The whole document."""
    rows = (
        f"| `{name}` | {_shown(field.default)} | {field.description} |\n"
        for name, field in Settings.model_fields.items()
    )
    return _HEAD + "".join(rows)


def _shown(value: Any) -> str:
    if value is None or value == ():
        return "none"
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, Path | str):
        return f"`{value}`"
    return f"`{value}`" if isinstance(value, int) else f"`{value:.15g}`"


if __name__ == "__main__":
    print(settings_document(), end="")
