"""Install the programs that the tests need and that are missing; `make test` begins with it.

As root, or by `sudo -n`, on Debian and Ubuntu it installs their packages by name and says so. Elsewhere it
installs nothing: those tests are skipped, and the last lines of the run say which. It always exits with 0.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support import programs

_SECONDS: Final = 1200


def main() -> None:
    packages = [*programs.packages_of(programs.missing()), *_packages_of_venv()]
    if packages:
        print(bring(packages), flush=True)  # noqa: T201 - what it did is for the person who waits


def bring(packages: Sequence[str]) -> str:
    """Install these Debian packages if that may be; returns what was done, for people."""
    first_words = _may_install()
    if first_words is None:
        return f"tests will be skipped; to run them too: {programs.install_command(packages)}"
    print(f"installing for the tests: {' '.join(packages)}", flush=True)  # noqa: T201 - it takes minutes
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (("update",), ("install", "-y", "--no-install-recommends", *packages)):
        done = subprocess.run(  # noqa: S603 - the words are those of the list
            [*first_words, "apt-get", "-qq", *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()[-1:]
            return f"apt-get {words[0]} failed: {''.join(said)}. The tests that need them are skipped."
    return f"installed: {' '.join(packages)}"


def _may_install() -> tuple[str, ...] | None:
    """What stands before apt-get; None where nothing may be installed."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return ()
    if shutil.which("sudo") is None:
        return None
    asked = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)  # noqa: S607 - as a person would
    return ("sudo", "-n", "DEBIAN_FRONTEND=noninteractive") if asked.returncode == 0 else None


def _packages_of_venv() -> list[str]:
    # Debian's Python comes without what makes virtual environments.
    return (
        [] if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv") else ["python3-venv"]
    )


if __name__ == "__main__":
    main()
