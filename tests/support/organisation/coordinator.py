"""A coordinator who invites a device and approves it, over the relay's enrolment endpoints."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from urllib.parse import quote

import aiohttp
from teduh_crypto.credentials import (
    CoordinatorRequest,
    InvitationCode,
    Role,
    StaffStatement,
    invite,
    new_identifier,
    seal_statement,
    sign_coordinator_request,
    sign_staff_statement,
    verify_submission,
)

from support.organisation.relay_organisation import RelayOrganisation


@dataclass
class Coordinator:
    """Holds the root key, invites and approves."""

    url: str
    organisation: RelayOrganisation
    code: InvitationCode
    role: Role
    door: str | None = None
    """Where the relay is asked, if not at `url`, by which it is known."""

    @classmethod
    def inviting(
        cls, url: str, organisation: RelayOrganisation, role: Role = Role.COUNSELOR, door: str | None = None
    ) -> Coordinator:
        now = int(time.time())
        _, code = invite(organisation.authority, subject="sari", role=role, now=now)
        return cls(url, organisation, code, role, door)

    @property
    def link(self) -> str:
        """What opens the console with the invitation."""
        return f"{self.url}/console/#invitation={quote(str(self.code), safe='')}"

    async def approve_waiting(self) -> None:
        """Approve the one device that waits, without comparing anything."""
        await self.approve(*await self.look())

    async def look(self) -> tuple[str, bytes]:
        """Who waits: the enrolment's id, and the device's key."""
        answer = await self._ask("GET", "/v1/enrolments", b"")
        (waiting,) = answer["enrolments"]
        return waiting["id"], verify_submission(waiting["enrolment"], self.code)

    async def approve(self, enrolment_id: str, device_key: bytes) -> None:
        now = int(time.time())
        statement = StaffStatement(
            organisation_id=self.organisation.id,
            statement_id=new_identifier(),
            subject="sari",
            name="Sari",
            role=self.role,
            languages=("id",),
            skills=(),
            not_before=now - 300,
            expires=now + 3600,
            device_key=device_key,
        )
        token = sign_staff_statement(statement, self.organisation.authority)
        sealed = seal_statement(self.code.sealing_key, enrolment_id, token)
        body = b'{"sealed":"%s"}' % base64.urlsafe_b64encode(sealed).rstrip(b"=")
        await self._ask("PUT", f"/v1/enrolments/{enrolment_id}/statement", body)

    async def _ask(self, method: str, path: str, body: bytes) -> dict[str, list[dict[str, str]]]:
        asked = CoordinatorRequest(self.url, method, path, body)
        token = sign_coordinator_request(asked, self.organisation.authority, now=int(time.time()))
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, (self.door or self.url) + path, data=body, headers=headers) as answer,
        ):
            assert answer.ok, await answer.text()
            found: dict[str, list[dict[str, str]]] = {} if answer.status == 204 else await answer.json()
            return found
