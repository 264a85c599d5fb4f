"""Nobody can be believed: a Python program is told whether that is its clock, or the organisation's list."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.browsers.environment import accepted
from support.clients.sdk_people import enrolled, new_staff, until
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_crypto.credentials import sign_revocation_list
from teduh_sdk import Staff, Survivor, VerificationBlocked, events
from teduh_sdk.exceptions import DeviceNotProven
from teduh_sdk.net import clock
from teduh_server.organisation.enrolment_store import KeptVersion
from teduh_server.organisation.signed_revocations import SignedRevocations

DAY = 24 * 3600


@asynccontextmanager
async def an_environment(folder: Path) -> AsyncIterator[tuple[RelayOrganisation, str]]:
    """An organisation that has signed its list, and its relay's address."""
    organisation = RelayOrganisation()
    with start_valkey() as valkey:
        async with relay_here(organisation.write(folder), valkey.url) as (_, url):
            await organisation.publish_revocations(url)
            yield organisation, url


async def test_a_clock_that_is_days_ahead_is_told_until_it_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with an_environment(tmp_path) as (organisation, url):
        monkeypatch.setattr(clock, "time", SimpleNamespace(time=lambda: time.time() + 2 * DAY))
        async with Survivor(url, organisation.public) as survivor:
            await eventually(lambda: survivor.verification_blocked is VerificationBlocked.CLOCK)
            monkeypatch.setattr(clock, "time", time)
            conversation = await survivor.ask()
            assert survivor.verification_blocked is None
            async with Staff(url, organisation.public, new_staff(organisation, "Sari")) as staff:
                await accepted(staff)
                assert (await until(conversation, events.Joined)).participant.name == "Sari"


async def test_a_clock_that_goes_wrong_later_is_told_before_she_asks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever came to a request that went out all the same would be refused, and she told of a stranger."""
    async with (
        an_environment(tmp_path) as (organisation, url),
        Survivor(url, organisation.public) as survivor,
    ):
        await (await survivor.ask()).leave()
        monkeypatch.setattr(clock, "time", SimpleNamespace(time=lambda: time.time() + 2 * DAY))
        asking = asyncio.create_task(survivor.ask())
        await eventually(lambda: survivor.verification_blocked is not None or asking.done())
        assert not asking.done()
        assert survivor.verification_blocked is VerificationBlocked.CLOCK
        monkeypatch.setattr(clock, "time", time)
        await asking
        assert survivor.verification_blocked is None


BY_THIS_CLOCK: ContextVar[bool] = ContextVar("whether this runs on the device of that clock", default=False)


@dataclass
class OneClock:
    """The clock of one device, `ahead` by so many seconds; those of others in the same process are right."""

    ahead: int = 0

    def time(self) -> float:
        return time.time() + (self.ahead if BY_THIS_CLOCK.get() else 0)


@asynccontextmanager
async def her_device(url: str, organisation: RelayOrganisation) -> AsyncIterator[Survivor]:
    """All that it begins goes by `OneClock`."""
    survivor = Survivor(url, organisation.public)
    inside = BY_THIS_CLOCK.set(True)
    await survivor.__aenter__()
    BY_THIS_CLOCK.reset(inside)
    try:
        yield survivor
    finally:
        await survivor.__aexit__(None, None, None)


async def test_whoever_comes_while_nobody_can_be_believed_is_let_in_as_soon_as_somebody_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """She waits already when the list becomes too old by her clock. Nobody is a stranger for that."""
    her_clock = OneClock()
    monkeypatch.setattr(clock, "time", her_clock)
    async with (
        an_environment(tmp_path) as (organisation, url),
        her_device(url, organisation) as survivor,
        Staff(url, organisation.public, new_staff(organisation, "Sari")) as staff,
    ):
        conversation = await survivor.ask()
        her_clock.ahead = 2 * DAY
        theirs = await accepted(staff)
        await theirs.send("Good evening.")
        await eventually(lambda: survivor.verification_blocked is not None or conversation.is_over)
        assert not conversation.is_over
        assert conversation.participants == ()
        her_clock.ahead = 0
        assert (await until(conversation, events.Joined)).participant.name == "Sari"
        assert (await until(conversation, events.TextReceived)).text == "Good evening."
        assert survivor.verification_blocked is None


async def test_a_list_that_nobody_has_signed_anew_is_told_until_somebody_has(tmp_path: Path) -> None:
    organisation = RelayOrganisation()
    file = organisation.write(tmp_path)
    now = int(time.time())
    old = replace(organisation.revocations(), issued=now - 3 * DAY, expires=now - 2 * DAY)
    with start_valkey() as valkey:
        async with relay_here(file, valkey.url) as (relay, _):
            text = sign_revocation_list(old, organisation.authority)
            signed = SignedRevocations(text, organisation.authority_statement())
            await relay.enrolments.put_revocations(KeptVersion(now - DAY, old.version), signed, now=now)
        async with (
            relay_here(file, valkey.url) as (_, url),
            Survivor(url, organisation.public) as survivor,
        ):
            await eventually(lambda: survivor.verification_blocked is VerificationBlocked.LIST)
            newer = replace(organisation.revocations(), version=2)
            await organisation.publish_revocations(url, sign_revocation_list(newer, organisation.authority))
            await survivor.ask()
            assert survivor.verification_blocked is None


async def test_whose_statement_has_ended_by_her_own_clock_takes_nobody_out_of_the_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """She could bring nobody into a room that she does not believe herself to be in; others can."""
    counselors_clock = OneClock(ahead=2 * 3600)
    monkeypatch.setattr(clock, "time", counselors_clock)
    async with (
        an_environment(tmp_path) as (organisation, url),
        Survivor(url, organisation.public) as survivor,
    ):
        hers = await survivor.ask()
        sari = enrolled(organisation.staff("Sari", expires_in=3600))
        dewi = Staff(url, organisation.public, new_staff(organisation, "Dewi"))
        inside = BY_THIS_CLOCK.set(True)
        async with Staff(url, organisation.public, sari) as staff:
            with pytest.raises(DeviceNotProven):
                await accepted(staff)
        BY_THIS_CLOCK.reset(inside)
        async with dewi:
            await accepted(dewi)
            assert (await until(hers, events.Joined)).participant.name == "Dewi"
