"""What the survivor's page weighs on the way to her, file by file: `python tools/web_weight.py`.

The first load is the document alone; everything else comes only when it is needed. Brotli is what browsers
take over https (and from this machine), gzip is for the rest. Sizes in bytes, without headers, as built.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Final

import brotli

PAGES: Final = Path(__file__).resolve().parents[1] / "server" / "teduh_server" / "web"


def main() -> None:
    """Print the table."""
    later: list[str] = json.loads((PAGES / "survivor.headers.json").read_text("utf-8"))["scripts"]
    lines = [f"{'':<30}{'plain':>10}{'gzip':>10}{'brotli':>10}"]
    for name in ["survivor.html", *later]:
        content = (PAGES / name).read_bytes()
        sizes = (len(content), len(gzip.compress(content, mtime=0)), len(brotli.compress(content)))
        lines.append(f"{name:<30}" + "".join(f"{size:>10}" for size in sizes))
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
