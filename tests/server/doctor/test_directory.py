"""What `teduh doctor` says of the directory of services that the relay serves."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from support.clients.plain_relay import plain_relay
from teduh_crypto.credentials import Authority
from teduh_server.config.settings import Settings
from teduh_server.doctor.directory import check_directory
from teduh_server.doctor.finding import Level
from teduh_server.organisation.signed_directory import DIRECTORY_FILE, national_directory, sign_directory

DAY = 24 * 3600


@pytest.mark.parametrize(
    ("days", "level", "says"),
    [(15, Level.GOOD, "It holds for 14 days."), (13, Level.WARNING, "It holds for 12 days; then nobody")],
)
async def test_how_long_it_holds_is_told_two_weeks_before_its_end(
    tmp_path: Path, days: int, level: Level, says: str
) -> None:
    file = tmp_path / DIRECTORY_FILE
    async with plain_relay(directory_file=file) as relay:
        own, now = relay.organisation, int(time.time()) - 60
        sign_directory(
            tmp_path,
            national_directory(),
            Authority(own.id, own.root),
            relay.relay.verifier,
            now=now,
            validity=days * DAY,
        )
        (finding,) = await check_directory(_settings(relay.url, file))
    assert finding.level == level
    assert finding.says.startswith(says)


async def test_one_that_is_not_to_be_believed_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / DIRECTORY_FILE
    file.write_text("{}")
    async with plain_relay(directory_file=file) as relay:
        (finding,) = await check_directory(_settings(relay.url, file))
    assert finding.level == Level.PROBLEM
    assert "none is served" in finding.says


async def test_none_is_said_though_the_relay_runs_without(tmp_path: Path) -> None:
    (finding,) = await check_directory(Settings(directory_file=tmp_path / DIRECTORY_FILE))
    assert finding.level == Level.WARNING
    assert "nobody is shown who else can help" in finding.says


def _settings(url: str, file: Path) -> Settings:
    return Settings(directory_file=file, listen_port=int(url.rpartition(":")[2].strip("/")))
