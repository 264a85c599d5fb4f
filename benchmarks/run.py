"""All benchmarks, one after the other: what `make bench` runs.

python benchmarks/run.py [--quick]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

SCRIPTS = ("mls.py", "relay.py", "growth.py", "calls.py", "pages.py")


def main() -> None:
    arguments = argparse.ArgumentParser(description="Run all benchmarks.")
    arguments.add_argument("--quick", action="store_true", help="tiny numbers, to see that they work")
    options = ["--quick"] if arguments.parse_args().quick else []
    for script in SCRIPTS:
        subprocess.run([sys.executable, str(Path(__file__).with_name(script)), *options], check=True)
        print(flush=True)


if __name__ == "__main__":
    main()
