"""A relay takes a revocation list only under an authority statement, and shows the two together."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.clients.frame_client import frame_client
from support.clients.plain_relay import plain_relay
from support.organisation.enrolment_relay import Client, Relay, send, send_as
from support.organisation.relay_organisation import RelayOrganisation
from support.organisation.staffed_organisation import DAY, NOW, StaffedOrganisation, public_key
from support.organisation.stolen_issuer import StolenIssuer
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_crypto.credentials import (
    Authority,
    AuthorityStatementStale,
    RevocationList,
    StatementVerifier,
    sign_authority_statement,
    sign_relay_authentication,
    sign_revocation_list,
    sign_staff_statement,
    split_chain,
)
from teduh_crypto.credentials.json_web_token import TokenType, unverified_claims
from teduh_server.operations.metrics import REGISTRY
from teduh_server.organisation.enrolment_store import KeptVersion, NewerListKept
from teduh_server.organisation.signed_revocations import SignedRevocations
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_signaling.relay.frames import Authenticate, Authenticated, Claim, Error, ErrorCode

DOCUMENT = (Path(__file__).parents[2] / "PROTOCOL.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def valkey() -> Iterator[EmbeddedValkey]:
    with start_valkey() as valkey:
        yield valkey


@pytest.fixture
async def store(valkey: EmbeddedValkey) -> AsyncIterator[Store]:
    store = Store(StoreAddress.parse(valkey.url))
    await store.start()
    await store.ask((b"FLUSHALL",))
    yield store
    await store.close()


@pytest.fixture(scope="module")
def organisation() -> StaffedOrganisation:
    return StaffedOrganisation()


@pytest.fixture(scope="module")
def deputy(organisation: StaffedOrganisation) -> Authority:
    return organisation.appoint_issuer(Ed25519PrivateKey.generate())


@pytest.fixture
def relay(store: Store, organisation: StaffedOrganisation) -> Relay:
    """A node that has seen nothing yet."""
    return blank(store, organisation)


def blank(store: Store, organisation: StaffedOrganisation) -> Relay:
    public = organisation.public
    return Relay(store, organisation, StatementVerifier(public.root_public_key, public.id))


@pytest.fixture
async def client(relay: Relay) -> AsyncIterator[Client]:
    async with TestClient(TestServer(relay.application())) as client:
        yield client


def stated(organisation: StaffedOrganisation, **changed: object) -> str:
    """The signed authority statement, with these of its fields changed."""
    statement = replace(organisation.stated, **changed)  # type: ignore[arg-type]  # each test names its fields
    return sign_authority_statement(statement, organisation.authority)


def next_without_issuers(organisation: StaffedOrganisation, **changed: object) -> str:
    version = organisation.stated.version + 1
    return stated(organisation, version=version, issuers=frozenset(), **changed)


async def put(client: Client, text: str, authority: str | None = None) -> tuple[int, str]:
    body = {"list": text} if authority is None else {"list": text, "authority": authority}
    return await send(client, "PUT", "/v1/revocations", body)


async def shown(client: Client) -> dict[str, str]:
    async with client.get("/v1/revocations") as response:
        answer: dict[str, str] = await response.json()
        return answer


@pytest.fixture
def first(organisation: StaffedOrganisation) -> str:
    return sign_revocation_list(organisation.revocations, organisation.authority)


@pytest.fixture
def newer(organisation: StaffedOrganisation) -> RevocationList:
    return organisation.revocations.revoking(now=NOW)


class TestOverHttp:
    """PUT and GET /v1/revocations."""

    async def test_both_are_shown_together(
        self, client: Client, organisation: StaffedOrganisation, first: str
    ) -> None:
        authority = stated(organisation)
        assert await put(client, first, authority) == (204, "")
        assert await shown(client) == {"list": first, "authority": authority}

    async def test_first_list_without_a_statement_is_refused(self, client: Client, first: str) -> None:
        assert await put(client, first) == (403, "not_believed")
        assert await send(client, "GET", "/v1/revocations") == (404, "no_revocation_list")

    async def test_later_list_counts_under_the_statement_held(
        self,
        client: Client,
        organisation: StaffedOrganisation,
        deputy: Authority,
        first: str,
        newer: RevocationList,
    ) -> None:
        """So that an issuer brings the daily list alone."""
        authority, text = stated(organisation), sign_revocation_list(newer, deputy)
        await put(client, first, authority)
        assert await put(client, text) == (204, "")
        assert await shown(client) == {"list": text, "authority": authority}

    async def test_list_of_an_issuer_whom_the_root_does_not_list_is_refused(
        self,
        client: Client,
        organisation: StaffedOrganisation,
        deputy: Authority,
        first: str,
        newer: RevocationList,
    ) -> None:
        await put(client, first, next_without_issuers(organisation))
        assert await put(client, sign_revocation_list(newer, deputy)) == (403, "not_believed")

    async def test_list_below_the_least_version_is_refused(
        self, client: Client, organisation: StaffedOrganisation, newer: RevocationList
    ) -> None:
        text = sign_revocation_list(newer, organisation.authority)
        assert await put(client, text, stated(organisation, least=NOW + 1)) == (409, "older_revocation_list")
        assert await put(client, text, stated(organisation, least=NOW)) == (204, "")

    async def test_older_statement_is_refused_with_whatever_list(
        self,
        client: Client,
        organisation: StaffedOrganisation,
        deputy: Authority,
        first: str,
        newer: RevocationList,
    ) -> None:
        delisting = next_without_issuers(organisation)
        await put(client, first, delisting)
        for signer in (deputy, organisation.authority):
            text = sign_revocation_list(newer, signer)
            assert await put(client, text, stated(organisation)) == (409, "older_revocation_list")
        assert await shown(client) == {"list": first, "authority": delisting}

    async def test_expired_statement_is_refused(
        self, client: Client, organisation: StaffedOrganisation, first: str
    ) -> None:
        expired = stated(organisation, issued=NOW - 8 * DAY, expires=NOW)
        assert await put(client, first, expired) == (403, "not_believed")

    @pytest.mark.parametrize("authority", ["", "x", "x" * 20_000])
    async def test_what_is_no_statement_is_refused(self, client: Client, first: str, authority: str) -> None:
        status, _ = await put(client, first, authority)
        assert status == 400

    async def test_issuer_whom_the_root_lists_no_more_is_no_coordinator(
        self, client: Client, organisation: StaffedOrganisation, deputy: Authority, first: str
    ) -> None:
        await put(client, first, stated(organisation))
        assert (await send_as(client, deputy, "GET", "/v1/enrolments"))[0] == 200
        await put(client, first, next_without_issuers(organisation))
        assert (await send_as(client, deputy, "GET", "/v1/enrolments"))[0] == 401


class TestThief:
    """Who holds an issuer's key can keep the root from revoking it no more than for a moment."""

    async def test_dates_his_list_ahead_in_vain(
        self, client: Client, organisation: StaffedOrganisation, deputy: Authority, newer: RevocationList
    ) -> None:
        ahead = sign_revocation_list(replace(newer, version=NOW + 300), deputy)
        assert await put(client, ahead, stated(organisation)) == (204, "")
        text = sign_revocation_list(newer, organisation.authority)
        assert await put(client, text, stated(organisation, version=NOW)) == (409, "older_revocation_list")
        assert await put(client, text, next_without_issuers(organisation)) == (204, "")
        assert await put(client, ahead) == (403, "not_believed")


class TestBetweenNodes:
    """The store keeps the two together, and every node verifies them anew."""

    async def test_another_node_adopts_both(
        self, relay: Relay, store: Store, organisation: StaffedOrganisation, first: str
    ) -> None:
        await relay.feed.put(first, stated(organisation))
        other = blank(store, organisation)
        await other.feed.refresh()
        assert other.verifier.authority == organisation.stated
        await relay.feed.put(first, next_without_issuers(organisation))
        await other.feed.refresh()
        assert other.verifier.authority == relay.verifier.authority
        assert len(other.adopted) == 2

    async def test_store_that_went_back_is_given_the_newer_statement_again(
        self, relay: Relay, store: Store, organisation: StaffedOrganisation, first: str
    ) -> None:
        """The replica that became the master had not seen it."""
        delisting = next_without_issuers(organisation)
        await relay.feed.put(first, delisting)
        await store.ask((b"FLUSHALL",))
        older = SignedRevocations(first, stated(organisation))
        await relay.enrolments.put_revocations(KeptVersion(organisation.stated.version, 1), older, now=NOW)
        await relay.feed.refresh()
        kept = await relay.enrolments.revocations()
        assert kept is not None
        assert kept[0] == SignedRevocations(first, delisting)

    async def test_store_keeps_no_older_statement_and_no_other_of_the_same_version(
        self, relay: Relay, organisation: StaffedOrganisation, first: str
    ) -> None:
        store, version = relay.enrolments, organisation.stated.version
        kept = SignedRevocations(first, stated(organisation))
        await store.put_revocations(KeptVersion(version, 1), kept, now=NOW)
        await store.put_revocations(KeptVersion(version, 1), kept, now=NOW)
        for other in (KeptVersion(version - 1, 2), KeptVersion(version, 0)):
            with pytest.raises(NewerListKept):
                await store.put_revocations(other, kept, now=NOW)
        another = SignedRevocations(first, stated(organisation, least=1))
        with pytest.raises(NewerListKept):
            await store.put_revocations(KeptVersion(version, 1), another, now=NOW)

    async def test_list_that_an_earlier_release_kept_is_held_and_shown_and_lets_nobody_new_in(
        self, client: Client, relay: Relay, organisation: StaffedOrganisation, deputy: Authority
    ) -> None:
        """Until the root has signed: then it must hold what that list revokes."""
        revoking = organisation.revocations.revoking(subjects=["staff-9"], now=NOW)
        text = sign_revocation_list(revoking, deputy)
        await relay.enrolments.put_revocations(KeptVersion(0, NOW), SignedRevocations(text), now=NOW)
        await relay.feed.refresh()
        assert await shown(client) == {"list": text}
        statement = sign_staff_statement(
            organisation.describe(Ed25519PrivateKey.generate()), organisation.authority
        )
        with pytest.raises(AuthorityStatementStale):
            relay.verifier.verify(statement, now=NOW)
        relay.verifier.verify(statement, now=NOW, allow_stale_list=True)
        relay.now = NOW + 1
        empty = organisation.revocations.revoking(now=NOW + 1)
        forgetful = sign_revocation_list(empty, organisation.authority)
        assert await put(client, forgetful, stated(organisation)) == (409, "drops_revocations")
        whole = sign_revocation_list(revoking.revoking(now=NOW + 1), organisation.authority)
        assert await put(client, whole, stated(organisation)) == (204, "")
        relay.verifier.verify(statement, now=NOW + 1)

    async def test_node_of_an_earlier_release_reads_and_writes_the_list_beside_the_statement(
        self, relay: Relay, store: Store, organisation: StaffedOrganisation, first: str, newer: RevocationList
    ) -> None:
        """It knows the fields `version`, `text` and `since` of the same key."""
        await relay.feed.put(first, stated(organisation))
        key = b"revocations:{revocations}:list"
        assert await store.ask((b"HMGET", key, b"version", b"text")) == [b"1", first.encode()]
        text = sign_revocation_list(newer, organisation.authority)
        await store.ask((b"HSET", key, b"version", newer.version, b"text", text, b"since", b""))
        await relay.feed.refresh()
        assert relay.verifier.revocations == newer
        assert relay.feed.signed == SignedRevocations(text, stated(organisation))


def test_protocol_names_the_claims_of_an_authority_statement(organisation: StaffedOrganisation) -> None:
    chapter = re.split(r"\n##", DOCUMENT[DOCUMENT.index("### Who is believed") + 3 :])[0]
    documented = re.findall(r"^\| `(\w+)` \|", chapter, re.M)
    claims = unverified_claims(stated(organisation), TokenType.AUTHORITY)
    assert sorted(documented) == sorted(claims._claims)
    assert TokenType.AUTHORITY in chapter
    assert {"8 days", "92 days", "at most 64"} <= set(re.findall(r"8 days|92 days|at most 64", chapter))


async def test_metrics_tell_when_the_statement_and_the_list_expire() -> None:
    async with plain_relay() as running:
        relay = running.relay
        relay._measure()
        assert relay.verifier.authority is not None
        assert relay.verifier.revocations is not None
        for name, held in (
            ("teduh_authority_expires", relay.verifier.authority),
            ("teduh_revocations_expires", relay.verifier.revocations),
        ):
            assert REGISTRY.get_sample_value(name) == held.expires


class TestRunningRelay:
    """What staff who are connected hear of it; `store` has been emptied."""

    async def test_closes_on_whom_an_issuer_vouches_for_when_the_root_lists_it_no_more(
        self, store: Store, valkey: EmbeddedValkey, tmp_path: Path
    ) -> None:
        organisation = RelayOrganisation()
        issuer = StolenIssuer(organisation)
        key = Ed25519PrivateKey.generate()
        about = replace(organisation.staff().about, device_key=public_key(key))
        statement, issuer_statement = split_chain(sign_staff_statement(about, issuer.authority))
        now = int(time.time())
        async with relay_here(organisation.write(tmp_path), valkey.url) as (_, url):
            listing = issuer.stated(lists_it=True, version=now)
            await organisation.publish_revocations(url, authority=listing)
            async with frame_client(url) as client:
                signature = sign_relay_authentication(key, url, client.hello.nonce)
                await client.ask(Authenticate(statement, signature, issuer_statement), Authenticated)
                delisting = issuer.stated(lists_it=False, version=now + 1)
                await organisation.publish_revocations(url, authority=delisting)
                error = await client.expect(Error)
                assert (error.code, error.fatal) == (ErrorCode.STATEMENT_REVOKED, True)

    async def test_lets_staff_go_on_and_begin_nothing_when_the_statement_has_expired(
        self, store: Store, valkey: EmbeddedValkey, tmp_path: Path
    ) -> None:
        organisation = RelayOrganisation()
        file, now = organisation.write(tmp_path), int(time.time())
        expired = StolenIssuer(organisation).stated(lists_it=True, version=now, age=8 * DAY)
        async with relay_here(file, valkey.url) as (relay, _):
            signed = SignedRevocations(organisation.revoking_nobody(), expired)
            await relay.enrolments.put_revocations(KeptVersion(now, 1), signed, now=now)
        async with relay_here(file, valkey.url) as (_, url), frame_client(url) as client:
            await client.authenticate(organisation.staff())
            error = await client.ask(Claim(2, None), Error)
            assert error.code is ErrorCode.UNAVAILABLE
