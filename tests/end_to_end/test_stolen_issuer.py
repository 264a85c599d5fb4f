"""The root has revoked a stolen issuer; its thief and a relay that lies show a fresh list of nobody.

Whoever is new has nothing to compare that list with. The root's authority statement tells her.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import web
from support.organisation.stolen_issuer import Shown, StolenIssuer
from teduh_crypto.credentials import (
    AuthorityStatementRollback,
    AuthorityStatementStale,
    CredentialError,
    IssuerNotListed,
    sign_revocation_list,
)
from teduh_sdk import Survivor
from teduh_sdk.trust.authentication_service import AuthenticationService
from teduh_sdk.trust.revocations import RevocationFetch

DAY = 24 * 3600


@dataclass
class LyingRelay:
    """Answers for its revocation list whatever it is told to."""

    answer: dict[str, str] = field(default_factory=dict)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        async def revocations(_: web.Request) -> web.Response:
            return web.json_response(self.answer)

        application = web.Application()
        application.router.add_get("/v1/revocations", revocations)
        runner = web.AppRunner(application)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def is_believed(survivor: Survivor, listener: Shown) -> bool:
    """Whether her client, once it has looked for the list, would let the thief's listener into her room."""
    await survivor._revocations.once()
    try:
        survivor._service.verify_staff(listener, now=int(time.time()))
    except CredentialError:
        return False
    return True


@pytest.fixture
def stolen() -> StolenIssuer:
    return StolenIssuer()


class TestWhoIsNew:
    """A survivor's client that has seen no list before."""

    async def test_believes_an_issuer_whom_the_root_lists(self, stolen: StolenIssuer) -> None:
        """So that nothing but the root's word makes the difference below."""
        relay = LyingRelay(
            {"list": stolen.empty_list(), "authority": stolen.stated(lists_it=True, version=1)}
        )
        async with relay.running() as url, Survivor(url, stolen.organisation.public) as survivor:
            assert await is_believed(survivor, stolen.listener())
            assert survivor.verification_blocked is None

    async def test_refuses_the_thiefs_empty_list_and_listener_once_the_root_has_revoked_the_issuer(
        self, stolen: StolenIssuer
    ) -> None:
        relay = LyingRelay(
            {"list": stolen.empty_list(), "authority": stolen.stated(lists_it=False, version=2)}
        )
        async with relay.running() as url, Survivor(url, stolen.organisation.public) as survivor:
            assert not await is_believed(survivor, stolen.listener())
            assert survivor._service.verifier.revocations is None

    async def test_refuses_them_with_an_older_authority_statement_when_that_has_expired(
        self, stolen: StolenIssuer
    ) -> None:
        """For 8 days at most the relay can show the statement that still lists the issuer."""
        relay = LyingRelay(
            {"list": stolen.empty_list(), "authority": stolen.stated(lists_it=True, version=1, age=8 * DAY)}
        )
        async with relay.running() as url, Survivor(url, stolen.organisation.public) as survivor:
            assert not await is_believed(survivor, stolen.listener())

    async def test_refuses_a_list_without_an_authority_statement(self, stolen: StolenIssuer) -> None:
        """As a relay of an earlier release shows it, or one that hides the statement."""
        relay = LyingRelay({"list": stolen.empty_list()})
        async with relay.running() as url, Survivor(url, stolen.organisation.public) as survivor:
            assert not await is_believed(survivor, stolen.listener())
            relay.answer = {"list": stolen.organisation.revoking_nobody()}
            assert not await survivor._revocations.once()

    async def test_is_told_that_there_is_no_list_to_be_believed(self, stolen: StolenIssuer) -> None:
        service = AuthenticationService.of(stolen.organisation.public)
        relay = LyingRelay(
            {"list": stolen.empty_list(), "authority": stolen.stated(lists_it=False, version=2)}
        )
        async with relay.running() as url:
            fetch = RevocationFetch(url, service)
            assert not await fetch.once()
            assert fetch.is_stale


class TestWhoHasSeenTheNewerStatement:
    """A client that goes on running."""

    async def test_does_not_go_back_to_one_that_still_lists_the_issuer(self, stolen: StolenIssuer) -> None:
        organisation = stolen.organisation
        good = {"list": organisation.revoking_nobody(), "authority": stolen.stated(lists_it=False, version=2)}
        relay = LyingRelay(good)
        async with relay.running() as url, Survivor(url, organisation.public) as survivor:
            assert await survivor._revocations.once()
            relay.answer = {
                "list": stolen.empty_list(),
                "authority": stolen.stated(lists_it=True, version=1),
            }
            assert not await is_believed(survivor, stolen.listener())
            with pytest.raises(AuthorityStatementRollback):
                survivor._service.adopt_revocations(
                    relay.answer["list"], relay.answer["authority"], now=int(time.time())
                )

    async def test_takes_the_roots_list_though_the_thief_has_dated_his_own_ahead(
        self, stolen: StolenIssuer
    ) -> None:
        """Else his list would be in force until its version is past."""
        organisation, now = stolen.organisation, int(time.time())
        ahead = replace(organisation.revocations(), version=now + 200, subjects=frozenset({"somebody"}))
        service = AuthenticationService.of(organisation.public)
        listing, delisting = (stolen.stated(lists_it=each, version=2 - each) for each in (True, False))
        service.adopt_revocations(sign_revocation_list(ahead, stolen.authority), listing, now=now)
        newer = replace(organisation.revocations(), version=now)
        text = sign_revocation_list(newer, organisation.authority)
        assert service.adopt_revocations(text, delisting, now=now).subjects == frozenset()

    async def test_lets_nobody_stay_whom_a_delisted_issuer_vouches_for(self, stolen: StolenIssuer) -> None:
        organisation, now = stolen.organisation, int(time.time())
        service, listener = AuthenticationService.of(organisation.public), stolen.listener()
        text = organisation.revoking_nobody()
        service.adopt_revocations(text, stolen.stated(lists_it=True, version=1), now=now)
        service.verify_staff(listener, now=now)
        service.adopt_revocations(text, stolen.stated(lists_it=False, version=2), now=now)
        with pytest.raises(IssuerNotListed):
            service.verify_staff(listener, now=now)

    async def test_says_that_there_is_no_fresh_list_when_the_statement_expires(
        self, stolen: StolenIssuer
    ) -> None:
        organisation, now = stolen.organisation, int(time.time())
        service = AuthenticationService.of(organisation.public)
        stated = stolen.stated(lists_it=True, version=1, age=8 * DAY - 3600)
        service.adopt_revocations(organisation.revoking_nobody(), stated, now=now)
        assert service.verifier.expires == now + 3600
        with pytest.raises(AuthorityStatementStale):
            service.verify_staff(stolen.listener(), now=now + 3600)

    async def test_looks_at_her_rooms_again_though_the_list_is_the_same(self, stolen: StolenIssuer) -> None:
        text, told = stolen.organisation.revoking_nobody(), list[None]()
        relay = LyingRelay({"list": text, "authority": stolen.stated(lists_it=True, version=1)})
        service = AuthenticationService.of(stolen.organisation.public)
        async with relay.running() as url:
            fetch = RevocationFetch(url, service, lambda: told.append(None))
            assert await fetch.once()
            assert await fetch.once()
            assert len(told) == 1
            relay.answer = {"list": text, "authority": stolen.stated(lists_it=False, version=2)}
            assert await fetch.once()
            assert len(told) == 2
