"""Hooks of pytest that hold every test to `programs`: what is missing is skipped and told, what is not listed
fails.

A test that starts a listed program without needing it by the list gets `ProgramNotListed` from the call that
would have started it (an audit hook on `subprocess.Popen`, which asyncio's subprocesses raise as well).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest

from support import programs

_TESTS: Final = Path(__file__).parents[1]
_running: list[str] = []
"""The test that runs now, as its node id below `tests/`; empty between tests."""


class ProgramNotListed(Exception):
    """A test starts a program of `programs.PROGRAMS` that `programs.NEEDED` does not say it needs."""


def skip_without_programs(items: list[pytest.Item]) -> None:
    """Skip each test whose program is not installed."""
    for item in items:
        absent = [program for program in programs.needed_by(_name(item)) if program.path is None]
        if absent:
            item.add_marker(pytest.mark.skip(reason="; ".join(program.reason for program in absent)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    _running.append(_name(item))
    try:
        return (yield)
    finally:
        _running.pop()


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last lines: what was skipped, why, the command that brings what is missing, what was run again."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return
    for line in last_lines([_reason(report) for report in reporter.stats.get("skipped", ())]):
        reporter.write_line(line)
    for line in rerun_lines([report.nodeid for report in reporter.stats.get("rerun", ())]):
        reporter.write_line(line)


def rerun_lines(again: list[str]) -> list[str]:
    """What is told of the tests that were run again, given the node id of each."""
    return [f"failed once and was run again: {nodeid}" for nodeid in sorted(again)]


def last_lines(reasons: list[str]) -> list[str]:
    """What is told of skipped tests, given the reason of each."""
    if not reasons:
        return []
    lines = [f"skipped: {count} tests: {reason}" for reason, count in sorted(Counter(reasons).items())]
    absent = [p for p in programs.PROGRAMS.values() if any(p.reason in reason for reason in reasons)]
    if absent:
        lines.append(f"to run them too: {programs.install_command(programs.packages_of(absent))}")
    return lines


def _reason(report: pytest.TestReport) -> str:
    where = report.longrepr
    text = where[2] if isinstance(where, tuple) else str(where)
    return text.removeprefix("Skipped: ")


def _name(item: pytest.Item) -> str:
    if not item.path.is_relative_to(_TESTS):
        return item.nodeid
    return f"{item.path.relative_to(_TESTS).as_posix()}::{item.name}"


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event != "subprocess.Popen" or not _running:
        return
    started, command = arguments[0], arguments[1]
    first = started or (command[0] if isinstance(command, list | tuple) and command else command)
    name = Path(str(first)).name
    for each in programs.PROGRAMS:
        if name == each and all(each != program.name for program in programs.needed_by(_running[-1])):
            raise ProgramNotListed(f"{_running[-1]} starts {name}: say so in tests/support/programs.py")


sys.addaudithook(_audit)
