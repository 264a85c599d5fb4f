"""What `teduh doctor` says of the authority statement and the revocation list that the relay shows."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from support.organisation.relay_organisation import RelayOrganisation
from teduh_crypto.credentials import (
    next_authority_statement,
    sign_authority_statement,
    sign_revocation_list,
)
from teduh_server.config.settings import Settings
from teduh_server.doctor.authority import check_authority
from teduh_server.doctor.finding import Finding, Level

HOUR = 3600
DAY = 24 * HOUR


@asynccontextmanager
async def relay_showing(answer: dict[str, str] | None) -> AsyncIterator[int]:
    """The port of a relay that shows this to GET /v1/revocations; with None it has nothing to show."""

    async def show(_: web.Request) -> web.Response:
        return web.json_response(answer or {}, status=200 if answer else 404)

    application = web.Application()
    application.router.add_get("/v1/revocations", show)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def stated(organisation: RelayOrganisation, *, left: int) -> str:
    """An authority statement with an issuer, which expires in `left` seconds."""
    now = int(time.time())
    statement = next_authority_statement(None, organisation.id, issuers=frozenset({"dewi"}), least=0, now=now)
    aged = replace(statement, issued=now + left - 8 * DAY, expires=now + left)
    return sign_authority_statement(aged, organisation.authority)


async def found(
    tmp_path: Path, organisation: RelayOrganisation, answer: dict[str, str] | None
) -> list[Finding]:
    file = organisation.write(tmp_path)
    async with relay_showing(answer) as port:
        return await check_authority(Settings(organisation_file=file, listen_port=port))


@pytest.mark.parametrize(
    ("left", "level", "says"),
    [
        (3 * DAY + HOUR, Level.GOOD, "holds for 3 days"),
        (2 * DAY - HOUR, Level.PROBLEM, "holds for 47 hours"),
        (-HOUR, Level.PROBLEM, "has expired"),
    ],
)
async def test_how_long_the_statement_holds_is_a_problem_two_days_before_its_end(
    tmp_path: Path, left: int, level: Level, says: str
) -> None:
    organisation = RelayOrganisation()
    answer = {"list": organisation.revoking_nobody(), "authority": stated(organisation, left=left + 60)}
    statement, revocations = await found(tmp_path, organisation, answer)
    assert (statement.level, statement.about) == (level, "authority statement")
    assert says in statement.says
    assert ("root key" in statement.says) == (level is Level.PROBLEM)
    assert revocations.level is Level.GOOD


async def test_stale_list_is_a_problem(tmp_path: Path) -> None:
    organisation, now = RelayOrganisation(), int(time.time())
    stale = replace(organisation.revocations(), issued=now - 2 * DAY, expires=now - DAY)
    answer = {
        "list": sign_revocation_list(stale, organisation.authority),
        "authority": organisation.authority_statement(),
    }
    statement, revocations = await found(tmp_path, organisation, answer)
    assert statement.level is Level.GOOD
    assert (revocations.level, revocations.about) == (Level.PROBLEM, "revocation list")


async def test_relay_without_a_statement_is_a_problem(tmp_path: Path) -> None:
    """Also where a list is left from an earlier release."""
    organisation = RelayOrganisation()
    for answer in (None, {"list": organisation.revoking_nobody()}):
        (finding,) = await found(tmp_path, organisation, answer)
        assert finding.level is Level.PROBLEM
        assert "root key" in finding.says


async def test_statement_of_another_organisation_is_a_problem(tmp_path: Path) -> None:
    organisation, other = RelayOrganisation(), RelayOrganisation()
    answer = {"list": organisation.revoking_nobody(), "authority": other.authority_statement()}
    (finding,) = await found(tmp_path, organisation, answer)
    assert finding.level is Level.PROBLEM


async def test_relay_that_does_not_run_is_no_problem_but_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        file = RelayOrganisation().write(tmp_path)
        settings = Settings(organisation_file=file, listen_port=taken.getsockname()[1])
        (finding,) = await check_authority(settings)
    assert finding.level is Level.WARNING
    assert "no relay answers" in finding.says


async def test_a_clock_that_is_two_hours_behind_is_told_with_both_times(tmp_path: Path) -> None:
    organisation = RelayOrganisation()
    file = organisation.write(tmp_path)
    now = int(time.time())
    statement = next_authority_statement(None, organisation.id, issuers=frozenset(), least=0, now=now)
    revocations = sign_revocation_list(organisation.revocations(), organisation.authority)
    answer = {"list": revocations, "authority": sign_authority_statement(statement, organisation.authority)}
    async with relay_showing(answer) as port:
        settings = Settings(organisation_file=file, listen_port=port)
        behind = await check_authority(settings, lambda: now - 2 * HOUR)
        right = await check_authority(settings, lambda: now)
    (clock,) = [each for each in behind if each.about == "clock"]
    assert clock.level is Level.PROBLEM
    for moment in (now, now - 2 * HOUR):
        assert time.strftime("%H:%M:%S UTC", time.gmtime(moment)) in clock.says
    assert not [each for each in right if each.about == "clock"]
