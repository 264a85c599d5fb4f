"""A page built in the pseudo-language, which runs from right to left, for a relay under test to serve."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final, Literal

from support.clients.node_runtime import node

_WEB: Final = Path(__file__).resolve().parents[3] / "client_sdk" / "web"
BESIDE_THE_WINDOW: Final = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
"""JavaScript: how many pixels of the page are beside the window."""


def build_pseudo(app: Literal["survivor", "console"], folder: Path) -> Path:
    """Build `app`; gives the folder to be put in the place of `teduh_server.app.BUILT`."""
    vite = _WEB / "node_modules" / "vite" / "bin" / "vite.js"
    into = folder / "console" if app == "console" else folder
    command = [str(node()), str(vite), "build", "--config", f"build/{app}.config.ts", "--mode", "pseudo"]
    ran = subprocess.run(
        [*command, "--outDir", str(into), "--emptyOutDir"], cwd=_WEB, capture_output=True, check=False
    )
    assert ran.returncode == 0, (ran.stdout + ran.stderr).decode()
    return folder
