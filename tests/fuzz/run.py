"""Fuzz one target under Atheris until it is stopped.

    python tests/fuzz/run.py KeyPackage -max_total_time=60 /tmp/new

What follows the name goes to libFuzzer, which writes new inputs to the folder given there, or else to one
under the system's temporary folder. The committed corpus of the target is read too, and never written to.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-untyped] # it ships no types

TESTS = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> None:
    """Run the target named first."""
    sys.path.insert(0, str(TESTS))
    with atheris.instrument_imports(include=["teduh_crypto", "teduh_signaling"]):
        from fuzz.targets import TARGETS
    if not arguments or arguments[0] not in TARGETS:
        raise SystemExit(f"name one of: {', '.join(sorted(TARGETS))}")
    name, *options = arguments
    corpus = TESTS / "fuzz" / "corpus" / name
    if all(option.startswith("-") for option in options):
        options.append(tempfile.mkdtemp(prefix=f"teduh-fuzz-{name}-"))
    # libFuzzer writes to the first folder it is given; the committed corpus is only ever the last.
    atheris.Setup([sys.argv[0], *options, *([str(corpus)] if corpus.is_dir() else [])], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
