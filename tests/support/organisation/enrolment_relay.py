"""The enrolment and revocation endpoints of a relay's node, with a clock that stands still."""

from __future__ import annotations

from aiohttp import web
from aiohttp.test_utils import TestClient
from teduh_crypto.credentials import (
    Authority,
    CoordinatorRequest,
    RevocationList,
    StatementVerifier,
    sign_coordinator_request,
)
from teduh_server.http.enrolment import enrolment_routes
from teduh_server.organisation.enrolment_store import EnrolmentStore
from teduh_server.organisation.revocation_feed import RevocationFeed
from teduh_server.redis_store.client import Store

from support.organisation.staffed_organisation import NOW, StaffedOrganisation

ORIGIN = "https://relay.example"
Client = TestClient[web.Request, web.Application]


class Relay:
    """What a relay node is to these endpoints, with a clock that stands still."""

    def __init__(
        self, store: Store, organisation: StaffedOrganisation, verifier: StatementVerifier | None = None
    ) -> None:
        self.now = NOW
        self.allowed = True
        self.adopted: list[RevocationList] = []
        self.verifier: StatementVerifier = verifier or organisation.verifier()
        self.enrolments = EnrolmentStore(store)
        self.feed = RevocationFeed(self.enrolments, self.verifier, self.adopted.append, lambda: self.now)

    def application(self) -> web.Application:
        application = web.Application()
        application.add_routes(
            enrolment_routes(
                self.enrolments,
                self.verifier,
                self.feed,
                origin=ORIGIN,
                clock=lambda: self.now,
                allow=lambda request: self.allowed,
            )
        )
        return application


async def send(client: Client, method: str, path: str, body: object = None) -> tuple[int, str]:
    """The status, and the error's code or the state."""
    async with client.request(method, path, json=body) as response:
        if response.status == 204:
            return 204, ""
        content = await response.json()
        return response.status, content.get("error") or content.get("state") or ""


async def send_as(
    client: Client, authority: Authority, method: str, path: str, body: bytes = b"", now: int = NOW
) -> tuple[int, dict[str, object]]:
    """A coordinator's request."""
    token = sign_coordinator_request(CoordinatorRequest(ORIGIN, method, path, body), authority, now=now)
    headers = {"Authorization": f"Bearer {token}"}
    async with client.request(method, path, data=body, headers=headers) as response:
        return response.status, {} if response.status == 204 else await response.json()
