"""Where a passphrase comes from: never from an argument, which other users of the machine could read."""

from __future__ import annotations

import os
from pathlib import Path

import typer


def ask_passphrase(variable: str, prompt: str, *, new: bool = False) -> str:
    """From the environment `variable`, from the file that `<variable>_FILE` names, or from the terminal."""
    if variable in os.environ:
        return os.environ[variable]
    file = os.environ.get(f"{variable}_FILE")
    if file is not None:
        return Path(file).read_text("utf-8").rstrip("\r\n")
    asked: str = typer.prompt(prompt, hide_input=True, confirmation_prompt=new, err=True)
    return asked
