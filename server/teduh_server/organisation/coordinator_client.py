"""What a coordinator asks of a relay over HTTP:

who has enrolled, statements to carry, the revocation list.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

import aiohttp
import msgspec
from teduh_crypto.credentials import Authority, CoordinatorRequest, sign_coordinator_request
from yarl import URL

from teduh_server.organisation.enrolment_store import Submission
from teduh_server.organisation.signed_revocations import SignedRevocations

_TIMEOUT: Final = aiohttp.ClientTimeout(total=30)


class RelayRefused(Exception):
    """The relay refused, or cannot be reached; the text says why."""


class Waiting(msgspec.Struct, frozen=True):
    """A device that waits for its statement."""

    id: str
    invitation: str
    enrolment: str

    @property
    def submission(self) -> Submission:
        """What the device sent."""
        return Submission(self.invitation, self.enrolment)


class _WaitingList(msgspec.Struct, frozen=True):
    enrolments: list[Waiting]


class _Refusal(msgspec.Struct, frozen=True):
    error: str
    detail: str = ""


class CoordinatorClient:
    """A relay at `relay_url`, asked in the name of `authority`. An async context manager."""

    __slots__ = ("_authority", "_clock", "_session", "_url")

    def __init__(self, relay_url: str, authority: Authority, clock: Callable[[], float] = time.time) -> None:
        self._url = URL(relay_url)
        self._authority = authority
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def waiting(self) -> list[Waiting]:
        """The devices that wait; raises `RelayRefused`."""
        return msgspec.json.decode(await self._ask("GET", "/v1/enrolments"), type=_WaitingList).enrolments

    async def put_statement(self, enrolment_id: str, sealed: bytes) -> None:
        """Let the relay carry a sealed statement; raises `RelayRefused`."""
        encoded = base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
        body = msgspec.json.encode({"sealed": encoded})
        await self._ask("PUT", f"/v1/enrolments/{enrolment_id}/statement", body)

    async def revocations(self) -> SignedRevocations | None:
        """The relay's revocation list and authority statement, if it has them; raises `RelayRefused`."""
        try:
            answer = await self._ask("GET", "/v1/revocations")
            return msgspec.json.decode(answer, type=SignedRevocations)
        except RelayRefused as refusal:
            if str(refusal).startswith("no_revocation_list"):
                return None
            raise

    async def put_revocations(self, signed: SignedRevocations) -> None:
        """Give the relay a newer list, and its authority statement; raises `RelayRefused`."""
        await self._ask("PUT", "/v1/revocations", msgspec.json.encode(signed))

    async def _ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        assert self._session is not None, "use it as an async context manager"
        request = CoordinatorRequest(str(self._url.origin()), method, path, body)
        token = sign_coordinator_request(request, self._authority, now=int(self._clock()))
        headers = {"Authorization": f"Bearer {token}"}
        try:
            async with self._session.request(
                method, self._url.origin().with_path(path), data=body, headers=headers
            ) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise RelayRefused(f"the relay cannot be reached: {type(error).__name__}") from error
        if response.status >= 400:
            raise RelayRefused(_reason(content, response.status))
        return content


def _reason(content: bytes, status: int) -> str:
    try:
        refusal = msgspec.json.decode(content, type=_Refusal)
    except msgspec.DecodeError:
        return f"HTTP {status}"
    return f"{refusal.error}: {refusal.detail}"
