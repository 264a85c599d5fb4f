"""Enrolment and revocation over HTTP, on a real Valkey."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.organisation.enrolment_relay import ORIGIN, Client, Relay, send, send_as
from support.organisation.staffed_organisation import DAY, NOW, StaffedOrganisation
from support.store.valkey_server import start_valkey
from teduh_crypto.credentials import (
    CoordinatorRequest,
    Invitation,
    InvitationCode,
    RevocationList,
    RevocationListStale,
    Role,
    StatementVerifier,
    enrol,
    invite,
    open_statement,
    seal_statement,
    sign_coordinator_request,
    sign_revocation_list,
    sign_staff_statement,
)
from teduh_server.organisation.revocation_feed import RevocationFeed
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.embedded import EmbeddedValkey


def signed(organisation: StaffedOrganisation, text: str, now: int = NOW) -> dict[str, str]:
    """The body that brings the list `text` with an authority statement that is fresh at `now`."""
    return {"list": text, "authority": organisation.statement_at(now)}


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


@pytest.fixture
def relay(store: Store, organisation: StaffedOrganisation) -> Relay:
    return Relay(store, organisation)


@pytest.fixture
async def client(relay: Relay) -> AsyncIterator[Client]:
    async with TestClient(TestServer(relay.application())) as client:
        yield client


@pytest.fixture
def invited(organisation: StaffedOrganisation) -> tuple[Invitation, InvitationCode]:
    return invite(organisation.authority, subject="staff-1", role=Role.COUNSELOR, now=NOW)


@pytest.fixture
def device() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def submission(code: InvitationCode, device: Ed25519PrivateKey) -> dict[str, str]:
    return {"invitation": code.invitation, "enrolment": enrol(code, device)}


def sealed_body(sealed: bytes) -> bytes:
    return b'{"sealed": "%b"}' % base64.urlsafe_b64encode(sealed).rstrip(b"=")


async def test_a_device_comes_to_its_statement(
    client: Client,
    organisation: StaffedOrganisation,
    invited: tuple[Invitation, InvitationCode],
    device: Ed25519PrivateKey,
) -> None:
    """The whole way: submit, be listed, be answered, open what was sealed."""
    invitation, code = invited
    path = f"/v1/enrolments/{invitation.enrolment_id}"
    assert await send(client, "POST", "/v1/enrolments", submission(code, device)) == (202, "waiting")
    assert await send(client, "GET", path) == (200, "waiting")

    _, listed = await send_as(client, organisation.authority, "GET", "/v1/enrolments")
    assert listed == {"enrolments": [{"id": invitation.enrolment_id, **submission(code, device)}]}

    statement = sign_staff_statement(organisation.describe(device), organisation.authority)
    sealed = seal_statement(code.sealing_key, invitation.enrolment_id, statement)
    status, _ = await send_as(client, organisation.authority, "PUT", f"{path}/statement", sealed_body(sealed))
    assert status == 204

    async with client.get(path) as response:
        answer = await response.json()
    encoded = answer["sealed"]
    received = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    assert open_statement(code.sealing_key, invitation.enrolment_id, received) == (statement, None)
    assert await send_as(client, organisation.authority, "GET", "/v1/enrolments") == (200, {"enrolments": []})


async def test_the_same_device_may_submit_again_and_another_may_not(
    client: Client, invited: tuple[Invitation, InvitationCode], device: Ed25519PrivateKey
) -> None:
    _, code = invited
    assert await send(client, "POST", "/v1/enrolments", submission(code, device)) == (202, "waiting")
    assert await send(client, "POST", "/v1/enrolments", submission(code, device)) == (202, "waiting")
    other = submission(code, Ed25519PrivateKey.generate())
    assert await send(client, "POST", "/v1/enrolments", other) == (409, "invitation_used")


async def test_an_expired_invitation_is_refused(
    client: Client, relay: Relay, invited: tuple[Invitation, InvitationCode], device: Ed25519PrivateKey
) -> None:
    relay.now = NOW + 3 * DAY
    assert await send(client, "POST", "/v1/enrolments", submission(invited[1], device)) == (403, "expired")


async def test_a_strangers_invitation_is_refused(
    client: Client, organisation: StaffedOrganisation, device: Ed25519PrivateKey
) -> None:
    stranger = StaffedOrganisation(id=organisation.id)
    _, code = invite(stranger.authority, subject="staff-1", role=Role.COUNSELOR, now=NOW)
    assert await send(client, "POST", "/v1/enrolments", submission(code, device)) == (403, "not_believed")


async def test_a_key_that_the_device_does_not_hold_is_refused(
    client: Client, invited: tuple[Invitation, InvitationCode], device: Ed25519PrivateKey
) -> None:
    body = {
        "invitation": invited[1].invitation,
        "enrolment": enrol(replace(invited[1], invitation="another invitation"), device),
    }
    assert await send(client, "POST", "/v1/enrolments", body) == (403, "not_believed")


@pytest.mark.parametrize(
    "body",
    [None, [], {}, {"invitation": 7, "enrolment": ""}, {"invitation": "", "enrolment": "", "x": 1}],
    ids=str,
)
async def test_a_malformed_body_is_refused(client: Client, body: object) -> None:
    assert await send(client, "POST", "/v1/enrolments", body) == (400, "malformed_body")


async def test_garbage_for_tokens_is_refused(client: Client) -> None:
    body = {"invitation": "garbage", "enrolment": "garbage"}
    assert await send(client, "POST", "/v1/enrolments", body) == (400, "malformed_token")


async def test_a_large_body_is_refused(client: Client) -> None:
    body = {"invitation": "a" * 20_000, "enrolment": ""}
    assert await send(client, "POST", "/v1/enrolments", body) == (413, "too_large")


async def test_who_asks_too_often_is_refused(client: Client, relay: Relay) -> None:
    relay.allowed = False
    assert await send(client, "GET", "/v1/revocations") == (429, "rate_limited")


@pytest.mark.parametrize("enrolment_id", ["unknown", "%20", "a" * 65, "a:b"])
async def test_an_unknown_enrolment_is_not_found(client: Client, enrolment_id: str) -> None:
    assert await send(client, "GET", f"/v1/enrolments/{enrolment_id}") == (404, "unknown_enrolment")


async def test_a_statement_for_an_unknown_enrolment_is_refused(
    client: Client, organisation: StaffedOrganisation
) -> None:
    status, answer = await send_as(
        client, organisation.authority, "PUT", "/v1/enrolments/unknown/statement", sealed_body(b"x")
    )
    assert (status, answer["error"]) == (404, "unknown_enrolment")


class TestCoordinatorsOnly:
    """Who may list and answer: the root, or an issuer; once per token."""

    async def test_without_a_token_nothing_is_listed(self, client: Client) -> None:
        assert await send(client, "GET", "/v1/enrolments") == (401, "coordinator_only")

    async def test_a_stranger_is_refused(self, client: Client, organisation: StaffedOrganisation) -> None:
        stranger = StaffedOrganisation(id=organisation.id).authority
        status, _ = await send_as(client, stranger, "GET", "/v1/enrolments")
        assert status == 401

    async def test_an_issuer_is_let_in(
        self, client: Client, organisation: StaffedOrganisation, device: Ed25519PrivateKey
    ) -> None:
        status, _ = await send_as(client, organisation.appoint_issuer(device), "GET", "/v1/enrolments")
        assert status == 200

    async def test_an_old_token_is_refused(self, client: Client, organisation: StaffedOrganisation) -> None:
        status, _ = await send_as(client, organisation.authority, "GET", "/v1/enrolments", now=NOW - 90)
        assert status == 401

    async def test_a_token_is_taken_once(self, client: Client, organisation: StaffedOrganisation) -> None:
        request = CoordinatorRequest(ORIGIN, "GET", "/v1/enrolments")
        token = sign_coordinator_request(request, organisation.authority, now=NOW)
        headers = {"Authorization": f"Bearer {token}"}
        statuses = []
        for _ in range(2):
            async with client.get("/v1/enrolments", headers=headers) as response:
                statuses.append(response.status)
        assert statuses == [200, 401]

    async def test_a_token_for_another_body_is_refused(
        self, client: Client, organisation: StaffedOrganisation
    ) -> None:
        path = "/v1/enrolments/some/statement"
        request = CoordinatorRequest(ORIGIN, "PUT", path, sealed_body(b"x"))
        token = sign_coordinator_request(request, organisation.authority, now=NOW)
        headers = {"Authorization": f"Bearer {token}"}
        async with client.put(path, data=sealed_body(b"y"), headers=headers) as response:
            assert response.status == 401


class TestRevocations:
    """The newest list is in force on every node, and nothing takes its place but a newer one."""

    @pytest.fixture
    def newer(self, organisation: StaffedOrganisation) -> RevocationList:
        return organisation.revocations.revoking(statements=["lost"], now=NOW)

    async def test_a_new_list_is_in_force_at_once(
        self, client: Client, relay: Relay, organisation: StaffedOrganisation, newer: RevocationList
    ) -> None:
        text = sign_revocation_list(newer, organisation.authority)
        assert await send(client, "PUT", "/v1/revocations", signed(organisation, text)) == (204, "")
        assert relay.verifier.revocations == newer
        assert relay.adopted == [newer]
        async with client.get("/v1/revocations") as response:
            assert await response.json() == signed(organisation, text)

    async def test_without_a_list_there_is_none_to_give(self, client: Client) -> None:
        assert await send(client, "GET", "/v1/revocations") == (404, "no_revocation_list")

    async def test_another_node_adopts_it(
        self, relay: Relay, store: Store, organisation: StaffedOrganisation, newer: RevocationList
    ) -> None:
        other = Relay(store, organisation)
        await relay.feed.put(
            sign_revocation_list(newer, organisation.authority), organisation.statement_at(NOW)
        )
        await other.feed.refresh()
        await other.feed.refresh()
        assert other.adopted == [newer]

    async def test_a_node_that_starts_finds_the_list(
        self, relay: Relay, store: Store, organisation: StaffedOrganisation, newer: RevocationList
    ) -> None:
        await relay.feed.put(
            sign_revocation_list(newer, organisation.authority), organisation.statement_at(NOW)
        )
        other = Relay(store, organisation)
        await other.feed.start()
        assert other.verifier.revocations == newer
        await other.feed.close()

    async def test_an_older_list_is_refused(
        self, client: Client, relay: Relay, organisation: StaffedOrganisation, newer: RevocationList
    ) -> None:
        await relay.feed.put(
            sign_revocation_list(newer, organisation.authority), organisation.statement_at(NOW)
        )
        older = sign_revocation_list(organisation.revocations, organisation.authority)
        assert await send(client, "PUT", "/v1/revocations", signed(organisation, older)) == (
            409,
            "older_revocation_list",
        )

    async def test_a_node_that_lags_behind_refuses_an_older_list_too(
        self, relay: Relay, store: Store, organisation: StaffedOrganisation, newer: RevocationList
    ) -> None:
        newest = newer.revoking(statements=["stolen"], now=NOW)
        await Relay(store, organisation).feed.put(
            sign_revocation_list(newest, organisation.authority), organisation.statement_at(NOW)
        )
        async with TestClient(TestServer(relay.application())) as client:
            text = sign_revocation_list(newer, organisation.authority)
            assert await send(client, "PUT", "/v1/revocations", signed(organisation, text)) == (
                409,
                "older_revocation_list",
            )
        assert relay.verifier.revocations == newest

    async def test_a_stale_list_is_refused(
        self, client: Client, organisation: StaffedOrganisation, newer: RevocationList
    ) -> None:
        stale = replace(newer, version=2, issued=NOW - 2 * DAY, expires=NOW - DAY)
        text = sign_revocation_list(stale, organisation.authority)
        assert await send(client, "PUT", "/v1/revocations", signed(organisation, text)) == (
            403,
            "not_believed",
        )

    async def test_a_strangers_list_is_refused(
        self, client: Client, organisation: StaffedOrganisation, newer: RevocationList
    ) -> None:
        text = sign_revocation_list(newer, StaffedOrganisation(id=organisation.id).authority)
        assert await send(client, "PUT", "/v1/revocations", signed(organisation, text)) == (
            403,
            "not_believed",
        )

    async def test_not_even_the_root_takes_back_what_the_newest_list_revokes(
        self, client: Client, relay: Relay, organisation: StaffedOrganisation, newer: RevocationList
    ) -> None:
        """Its holder has not seen the list of whoever signs while the root key rests."""
        deputy = organisation.appoint_issuer(Ed25519PrivateKey.generate())
        await relay.feed.put(sign_revocation_list(newer, deputy), organisation.statement_at(NOW))
        offline = organisation.revocations.revoking(subjects=["staff-2"], now=NOW + 60)
        relay.now = NOW + 60
        text = sign_revocation_list(offline, organisation.authority)
        assert await send(client, "PUT", "/v1/revocations", signed(organisation, text)) == (
            409,
            "drops_revocations",
        )
        assert relay.verifier.revocations == newer
        both = offline.joined_with(newer).revoking(now=NOW + 60)
        text = sign_revocation_list(both, organisation.authority)
        assert await send(client, "PUT", "/v1/revocations", signed(organisation, text)) == (204, "")

    async def test_of_two_lists_that_come_at_once_the_second_is_compared_with_the_first(
        self, relay: Relay, store: Store, organisation: StaffedOrganisation
    ) -> None:
        """At two nodes, neither of which knows of the other's when it is asked."""
        nodes = (relay, Relay(store, organisation))
        lists = [
            organisation.revocations.revoking(subjects=[f"staff-{number}"], now=NOW + number)
            for number in range(2)
        ]
        outcomes = await asyncio.gather(
            *(
                node.feed.put(
                    sign_revocation_list(each, organisation.authority), organisation.statement_at(NOW)
                )
                for node, each in zip(nodes, lists, strict=True)
            ),
            return_exceptions=True,
        )
        refused = [each for each in outcomes if isinstance(each, Exception)]
        (taken,) = [each for each in outcomes if not isinstance(each, BaseException)]
        assert len(refused) == 1
        for node in nodes:
            await node.feed.refresh()
            assert node.verifier.revocations == taken

    async def test_the_root_leaves_out_what_has_been_on_the_list_for_a_month(
        self, relay: Relay, store: Store, organisation: StaffedOrganisation, newer: RevocationList
    ) -> None:
        """Also at a node that has begun since, and only then."""
        await relay.feed.put(
            sign_revocation_list(newer, organisation.authority), organisation.statement_at(NOW)
        )
        for days, is_taken in ((30, False), (32, True)):
            later = Relay(store, organisation)
            later.now = NOW + days * DAY
            without = organisation.revocations.revoking(now=later.now)
            async with TestClient(TestServer(later.application())) as client:
                text = sign_revocation_list(without, organisation.authority)
                expected = (204, "") if is_taken else (409, "drops_revocations")
                assert (
                    await send(
                        client,
                        "PUT",
                        "/v1/revocations",
                        signed(organisation, text, later.now),
                    )
                    == expected
                )

    async def test_a_fresh_list_is_taken_though_the_one_in_force_is_stale(
        self, client: Client, relay: Relay, organisation: StaffedOrganisation
    ) -> None:
        relay.now = NOW + 5 * DAY
        text = sign_revocation_list(organisation.revocations.revoking(now=relay.now), organisation.authority)
        assert await send(client, "PUT", "/v1/revocations", signed(organisation, text)) == (204, "")

    async def test_a_node_that_starts_when_the_list_is_stale_forgets_nobody_on_it(
        self, relay: Relay, store: Store, organisation: StaffedOrganisation, newer: RevocationList
    ) -> None:
        """Nobody has signed a list since Friday, and the relay was updated on Sunday: what the next list must
        hold is still known, to coordinators as to the node, and nobody new is believed by it.
        """
        text = sign_revocation_list(newer, organisation.authority)
        await relay.feed.put(text, organisation.statement_at(NOW))
        later = NOW + 3 * DAY
        started = Relay(store, organisation)
        started.now = later
        started.verifier = StatementVerifier(organisation.public.root_public_key, organisation.id)
        started.feed = RevocationFeed(
            started.enrolments, started.verifier, started.adopted.append, lambda: later
        )
        await started.feed.refresh()
        await started.feed.refresh()
        assert started.adopted == [newer]
        with pytest.raises(RevocationListStale):
            started.verifier.verify(
                sign_staff_statement(
                    organisation.describe(Ed25519PrivateKey.generate()), organisation.authority
                ),
                now=later,
            )
        async with TestClient(TestServer(started.application())) as client:
            async with client.get("/v1/revocations") as response:
                assert await response.json() == signed(organisation, text)
            deputy = organisation.appoint_issuer(Ed25519PrivateKey.generate())
            forgetful = sign_revocation_list(organisation.revocations.revoking(now=later), deputy)
            assert await send(client, "PUT", "/v1/revocations", {"list": forgetful}) == (
                409,
                "older_revocation_list",
            )
        assert started.verifier.revocations == newer


async def test_every_key_expires_and_none_holds_a_name(
    client: Client,
    store: Store,
    organisation: StaffedOrganisation,
    invited: tuple[Invitation, InvitationCode],
    device: Ed25519PrivateKey,
) -> None:
    invitation, code = invited
    await send(client, "POST", "/v1/enrolments", submission(code, device))
    text = sign_revocation_list(organisation.revocations, organisation.authority)
    await send(client, "PUT", "/v1/revocations", signed(organisation, text))
    kept = await keys(store)
    named = replace(organisation.describe(device), name="Sari Wulandari")
    statement = sign_staff_statement(named, organisation.authority)
    assert any(needle in statement.encode() for needle in forms(named.name))
    sealed = seal_statement(code.sealing_key, invitation.enrolment_id, statement)
    path = f"/v1/enrolments/{invitation.enrolment_id}/statement"
    await send_as(client, organisation.authority, "PUT", path, sealed_body(sealed))
    kept |= await keys(store)
    assert len(kept) == 5
    assert [key for key, (lives, _) in kept.items() if not lives] == []
    assert [
        key for key, (_, dump) in kept.items() if any(needle in dump for needle in forms(named.name))
    ] == []


async def keys(store: Store) -> dict[bytes, tuple[bool, bytes]]:
    """Every key: whether it expires, and its serialised value."""
    names = await store.ask((b"KEYS", b"*"))
    assert isinstance(names, list)
    found = {}
    for name in names:
        assert isinstance(name, bytes)
        left, dump = await store.ask((b"PTTL", name)), await store.ask((b"DUMP", name))
        assert isinstance(left, int)
        assert isinstance(dump, bytes)
        found[name] = (left > 0, dump)
    return found


def forms(name: str) -> list[bytes]:
    """How a name may look: as it is, in UTF-16, in hexadecimal, in base64 at each of the three offsets."""
    raw = name.encode()
    encoded = [base64.urlsafe_b64encode(b"\0" * offset + raw)[4:-4] for offset in range(3)]
    return [raw, name.encode("utf-16-le"), raw.hex().encode(), *encoded]


async def test_a_store_that_is_gone_is_said_to_be_unavailable(
    organisation: StaffedOrganisation, invited: tuple[Invitation, InvitationCode], device: Ed25519PrivateKey
) -> None:
    relay = Relay(Store(StoreAddress(socket_path="/nonexistent")), organisation)
    async with TestClient(TestServer(relay.application())) as client:
        body = submission(invited[1], device)
        assert await send(client, "POST", "/v1/enrolments", body) == (503, "unavailable")
