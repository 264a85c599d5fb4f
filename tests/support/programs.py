"""Which programs of the operating system the tests start, which tests start which, and what brings them.

`tools/bring_programs.py` installs what is missing before the tests run. `program_guard` skips the tests whose
program is not there, and fails a test that starts one without being listed here: else a test would pass by
what happens to be installed on somebody's machine. Standard library only: it is read before there is more.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

WITHOUT: Final = "TEDUH_TESTS_WITHOUT"
"""Environment variable: names of programs, separated by commas, that count as not installed."""
_SEARCHED: Final = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class Program:
    """A program by the name of its executable, and the Debian packages that bring it."""

    name: str
    packages: tuple[str, ...]
    find: Callable[[], str | None]

    @property
    def path(self) -> str | None:
        """Absolute path; None where it is not installed, or counts as not installed."""
        if self.name in os.environ.get(WITHOUT, "").split(","):
            return None
        return self.find()

    @property
    def reason(self) -> str:
        """Why a test that needs it is skipped."""
        return f"{self.name} is not installed (Debian package {' '.join(self.packages)})"


def _on_path(*names: str) -> Callable[[], str | None]:
    def find() -> str | None:
        return next(filter(None, (shutil.which(name, path=_SEARCHED) for name in names)), None)

    return find


def _mini_browser() -> str | None:
    """WebKitGTK's own browser, which is on nobody's path; Debian brings it with the library."""
    found = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.1/MiniBrowser"))
    return str(found[0]) if found else None


PROGRAMS: Final = {
    program.name: program
    for program in (
        Program("chromium", ("chromium",), _on_path("chromium")),
        Program("firefox-esr", ("firefox-esr",), _on_path("firefox-esr")),
        Program("WebKitWebDriver", ("webkit2gtk-driver",), _on_path("WebKitWebDriver")),
        Program("MiniBrowser", ("webkit2gtk-driver",), _mini_browser),
        Program("Xvfb", ("xvfb",), _on_path("Xvfb")),
        Program("turnserver", ("coturn",), _on_path("turnserver")),
        Program("caddy", ("caddy",), _on_path("caddy")),
        Program("ip", ("iproute2",), _on_path("ip")),
        Program("tc", ("iproute2",), _on_path("tc")),
        Program("cc", ("gcc", "libc6-dev"), _on_path("cc", "gcc", "clang")),
        Program("systemd-analyze", ("systemd",), _on_path("systemd-analyze")),
        Program("git", ("git",), _on_path("git")),
        Program("unshare", ("util-linux",), _on_path("unshare")),
        Program("nsenter", ("util-linux",), _on_path("nsenter")),
    )
}

NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "benchmarks/test_benchmarks_run.py": ("cc",),
    "benchmarks/test_benchmarks_run.py::test_the_calls_benchmark*": ("chromium", "turnserver"),
    "benchmarks/test_benchmarks_run.py::test_the_pages_benchmark*": ("chromium",),
    "benchmarks/test_benchmarks_run.py::test_the_readiness_benchmark*": ("unshare", "nsenter"),
    "benchmarks/test_load_generator.py": ("cc",),
    "browser/*": ("chromium",),
    "browser/test_back.py::test_firefox*": ("firefox-esr",),
    "browser/test_back.py::test_webkit*": ("WebKitWebDriver", "Xvfb"),
    "browser/test_behind_proxy.py": ("caddy",),
    "browser/test_call.py::test_credentials_that_the_server_refuses*": ("turnserver",),
    "browser/test_call.py::test_relayed_call*": ("turnserver",),
    "browser/test_call.py::test_turn_server*": ("turnserver",),
    "browser/test_call_of_two_browsers.py": ("firefox-esr",),
    "browser/test_call_of_four.py::test_two_pages_and_two_programs*": ("turnserver",),
    "browser/test_network_change.py": ("turnserver",),
    "browser/test_no_trace_elsewhere.py::test_firefox_keeps*": ("firefox-esr",),
    "browser/test_no_trace_elsewhere.py::test_nothing_of_a_conversation_is_left_behind_in_firefox": (
        "firefox-esr",
    ),
    "browser/test_no_trace_elsewhere.py::test_nothing_of_a_conversation_is_left_behind_in_webkit": (
        "MiniBrowser",
        "Xvfb",
    ),
    "browser/test_no_trace_elsewhere.py::test_webkit_keeps*": ("MiniBrowser", "Xvfb"),
    "browser/test_story_in_other_browsers.py::test_a_survivor_and_a_counselor_talk_in_firefox": (
        "firefox-esr",
    ),
    "browser/test_story_in_other_browsers.py::test_a_survivor_and_a_counselor_talk_in_webkit": (
        "WebKitWebDriver",
        "Xvfb",
    ),
    "browser/test_story_in_other_browsers.py::test_webkit_on_a_machine_without_devices*": (
        "WebKitWebDriver",
        "Xvfb",
    ),
    "chaos/test_cluster.py::test_nothing_is_lost_when_a_machine*": ("ip",),
    "chaos/test_full_disk.py": ("unshare", "nsenter"),
    "deploy/test_compose.py": ("git",),
    "deploy/test_compose.py::test_caddy_itself*": ("caddy",),
    "deploy/test_coturn.py": ("turnserver",),
    "deploy/test_every_line.py": ("git",),
    "deploy/test_systemd.py": ("systemd-analyze",),
    "deploy/test_what_stays_out.py": ("git",),
    "interop/test_aiortc_chromium.py": ("chromium", "turnserver"),
    "sdk/calls/test_bad_network.py": ("turnserver",),
    "sdk/calls/test_calls.py": ("turnserver",),
    "sdk/calls/test_consent.py": ("turnserver",),
    "sdk/calls/test_documentation.py": ("turnserver",),
    "sdk/calls/test_example.py": ("turnserver",),
    "sdk/calls/test_hostile_peers.py::test_the_others_talk_on*": ("turnserver",),
    "sdk/calls/test_recording.py": ("turnserver",),
    "sdk/calls/test_route.py::test_before_a_call*": ("turnserver",),
    "sdk/calls/test_through_the_relay.py": ("turnserver",),
    "sdk/calls/test_turn_trouble.py": ("turnserver",),
    "sdk/calls/test_two_machines.py": ("ip", "tc"),
    "server/doctor/test_configuration.py::test_doctor_looks_at_everything*": ("turnserver",),
    "server/doctor/test_turn.py": ("turnserver",),
    "server/test_failing_disk.py": ("cc", "unshare", "nsenter"),
    "server/test_readiness.py::test_full_disk*": ("unshare", "nsenter"),
    "server/test_readiness.py::test_relay_begins_on_a_full_disk*": ("unshare", "nsenter"),
    "workspace/test_tracked_files.py": ("git",),
}
"""Patterns of file or file::test below `tests/`, and the programs that these start; all that match count."""


def needed_by(test: str) -> tuple[Program, ...]:
    """What a test starts, by its node id below `tests/` ("browser/test_story.py::test_ask")."""
    file = test.partition("::")[0]
    names = {
        name
        for pattern, programs in NEEDED.items()
        if fnmatchcase(test, pattern) or fnmatchcase(file, pattern)
        for name in programs
    }
    return tuple(program for name, program in PROGRAMS.items() if name in names)


def executable(name: str) -> str:
    """The path of a program of the list. Raises FileNotFoundError where it is not installed."""
    path = PROGRAMS[name].path
    if path is None:
        raise FileNotFoundError(PROGRAMS[name].reason)
    return path


def packages_of(programs: Iterable[Program]) -> tuple[str, ...]:
    """The Debian packages that bring these, each once."""
    return tuple(dict.fromkeys(package for program in programs for package in program.packages))


def missing() -> tuple[Program, ...]:
    """The programs of the list that are not installed."""
    return tuple(program for program in PROGRAMS.values() if program.path is None)


def install_command(packages: Iterable[str]) -> str:
    """What a person types to get them."""
    return f"sudo apt-get install {' '.join(packages)}"
