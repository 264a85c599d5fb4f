"""How the demonstration's console comes in: by a printed link, and with nobody to ask.

    link ──> console enrols ──> relay's store <── looked at twice a second ── approved and sealed here
                                                                          └── the next link

A real coordinator compares four words with the person at the device. Here the process that prints the link
also answers it, with the demonstration's unprotected root key, and for its own invitations only; whoever has
a link can get in. That is why the console says that it is a demonstration.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from typing import Final
from urllib.parse import quote

from teduh_crypto.credentials import (
    CLOCK_ALLOWANCE,
    MAX_VALIDITY,
    Authority,
    InvitationCode,
    Role,
    StaffStatement,
    invite,
    new_identifier,
    seal_statement,
    sign_staff_statement,
    verify_submission,
)

from teduh_server.organisation.enrolment_store import EnrolmentStore, Submission
from teduh_server.redis_store.exceptions import StoreError

_LOOK_EVERY_SECONDS: Final = 0.5
_NAMES: Final = ("Dewi", "Rina", "Ayu", "Wulan", "Ratna")


@dataclass(frozen=True, slots=True)
class Invited:
    """Somebody for whom a link was printed."""

    name: str
    subject: str
    code: InvitationCode
    role: Role


class DemoEnrolments:
    """Invites and approves in the name of the demonstration."""

    def __init__(self, authority: Authority, console: str) -> None:
        """`console` is the console's address."""
        self._authority = authority
        self._console = console
        self._names = cycle(_NAMES)
        self._invited: dict[str, Invited] = {}

    def link(self, role: Role = Role.COUNSELOR) -> str:
        """A link with which one browser can enrol."""
        name, subject = next(self._names), new_identifier()
        invitation, code = invite(self._authority, subject=subject, role=role, now=int(time.time()))
        self._invited[invitation.enrolment_id] = Invited(name, subject, code, role)
        return f"{self._console}#invitation={quote(str(code), safe='')}"

    async def approve_forever(self, store: EnrolmentStore, approved: Callable[[str], None]) -> None:
        """Answer whoever enrols by one of the links; `approved` is told the name."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            try:
                for name in await self.approve_waiting(store):
                    approved(name)
            except StoreError:
                continue

    async def approve_waiting(self, store: EnrolmentStore) -> list[str]:
        """One round; returns the names of those approved. Raises `StoreError`."""
        names = []
        for enrolment_id, submission in await store.waiting(now=int(time.time())):
            invited = self._invited.get(enrolment_id)
            if invited is not None:
                await store.put_statement(enrolment_id, self._answer(enrolment_id, invited, submission))
                names.append(self._invited.pop(enrolment_id).name)
        return names

    def _answer(self, enrolment_id: str, invited: Invited, submission: Submission) -> bytes:
        # The relay has verified the submission; this asks for the key, and that a holder of the code made it.
        device_key = verify_submission(submission.enrolment, invited.code)
        since = int(time.time()) - CLOCK_ALLOWANCE
        statement = StaffStatement(
            organisation_id=self._authority.organisation_id,
            statement_id=new_identifier(),
            subject=invited.subject,
            name=invited.name,
            role=invited.role,
            languages=("id", "en"),
            skills=(),
            not_before=since,
            expires=since + MAX_VALIDITY,
            device_key=device_key,
        )
        text = sign_staff_statement(statement, self._authority)
        return seal_statement(invited.code.sealing_key, enrolment_id, text)
