"""The machine that the relay runs on: its clock, its limits, and what was installed."""

from __future__ import annotations

import ctypes
import ctypes.util
import resource
import shutil
from collections.abc import Iterator
from importlib.resources.abc import Traversable

from teduh_server.config.settings import Settings
from teduh_server.doctor.finding import Finding, good, problem, warning
from teduh_server.http.served_pages import BUILT

_TIME_ERROR = 5
"""What adjtimex answers when nothing keeps the clock right."""
_TIMEX_BYTES = 512
_FILES = 65_536
_LEAST_FREE_BYTES = 1024**3


def check_machine(settings: Settings, pages: Traversable = BUILT) -> list[Finding]:
    """Findings about the clock, the pages, open files and the disk."""
    return [
        *_check_clock(),
        *_check_pages(pages),
        *_check_files(),
        *_check_disk(settings),
    ]


def _check_clock() -> Iterator[Finding]:
    kept = clock_is_kept()
    if kept is None:
        yield warning("clock", "This system does not say whether its clock is kept right.")
    elif kept:
        yield good("clock", "It is kept right by a time service.")
    else:
        yield warning(
            "clock", "No time service keeps it right. Statements and TURN credentials expire by it."
        )


def clock_is_kept() -> bool | None:
    """Whether the kernel says that a time service disciplines its clock; None if it cannot be asked."""
    try:
        adjtimex = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True).adjtimex
    except (OSError, AttributeError, TypeError):
        return None
    # struct timex with modes = 0, which only reads; larger than any kernel's.
    state: int = adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return None if state < 0 else state != _TIME_ERROR


def _check_pages(pages: Traversable) -> Iterator[Finding]:
    wanted = ("survivor.html", "console", "embed.js", "manifest.json")
    missing = [name for name in wanted if not (pages / name).is_file() and not (pages / name).is_dir()]
    if missing:
        says = f"They are not built ({', '.join(missing)}): run tools/web_build.py, or install the wheel."
        yield problem("pages", says)
    else:
        yield good("pages", "They are built.")


def _check_files() -> Iterator[Finding]:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _FILES:
        says = f"Each connection is an open file, and {soft} are allowed here: a unit should allow {_FILES}."
        yield warning("open files", says)
    else:
        yield good("open files", "There is room for many connections.")


def _check_disk(settings: Settings) -> Iterator[Finding]:
    if settings.store_url is not None:
        return
    folder = settings.data_folder.absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < _LEAST_FREE_BYTES:
        says = (
            f"{free // 1024**2} MiB are free where the embedded Valkey keeps its file; a full disk stops it."
        )
        yield problem("disk", says)
    else:
        yield good("disk", f"{free // 1024**3} GiB are free for the embedded Valkey.")
