"""All benchmarks, one after the other: what `make bench` runs.

python benchmarks/run.py [--quick] [--only mls.py ...] [--soak MINUTES]

The exit code is 1 when one of them failed, or missed a goal that it was given; the others run all the same.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

SCRIPTS = (
    "mls.py",
    "relay.py",
    "routing.py",
    "growth.py",
    "calls.py",
    "healing.py",
    "pages.py",
    "directory.py",
)


def run(script: str, *options: str) -> int:
    """Returns the exit code."""
    command = [sys.executable, str(Path(__file__).with_name(script)), *options]
    code = subprocess.run(command, check=False).returncode
    print(flush=True)
    return code


def main() -> int:
    arguments = argparse.ArgumentParser(description="Run all benchmarks.")
    arguments.add_argument("--quick", action="store_true", help="tiny numbers, to see that they work")
    arguments.add_argument("--only", nargs="+", choices=SCRIPTS, default=SCRIPTS, help="not all of them")
    arguments.add_argument("--soak", metavar="MINUTES", help="afterwards load the relay for so long (20)")
    chosen = arguments.parse_args()
    options = ["--quick"] if chosen.quick else []
    codes = [run(script, *options) for script in chosen.only]
    if chosen.soak is not None:
        codes.append(run("soak.py", "--minutes", chosen.soak))
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
