"""The bare relay on other WebSocket libraries of the same language: what each of them would allow."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from relays import BareRelay


class OtherLibrary(BareRelay):
    """`bare_relay.py`, written for a library that need not be there."""

    library: ClassVar[str]

    def __init__(self, core: int | None, _: Path) -> None:
        super().__init__(core)

    def _command(self) -> Sequence[str]:
        return [sys.executable, str(Path(__file__).with_name(f"{self.library}_relay.py")), str(self.port)]

    @classmethod
    def missing(cls) -> str | None:
        return None if importlib.util.find_spec(cls.library) else f"{cls.library} of requirements/bench.txt"


class BarePicows(OtherLibrary):
    name = "bare picows"
    library = "picows"


class BareWebsockets(OtherLibrary):
    name = "bare websockets"
    library = "websockets"
