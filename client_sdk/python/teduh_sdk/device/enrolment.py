"""How a new staff device comes to its statement: with an invitation code from the coordinator.

code ──> enrol_device ──> (new key) ──> POST /v1/enrolments
                              │
         words read out loud: coordinator and staff member compare them
                              │
         wait ──> GET /v1/enrolments/{id} ... approved ──> statement verified ──> key store
"""

from __future__ import annotations

import asyncio
import base64
from typing import Final

import aiohttp
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from teduh_crypto.credentials import (
    CredentialError,
    InvitationCode,
    Language,
    Organisation,
    comparison_words,
    enrol,
    enrolment_id,
    open_statement,
)
from teduh_crypto.credentials.json_web_token import TokenType, unverified_claims

from teduh_sdk.device.device import Device, keep_device
from teduh_sdk.device.key_store import KeyStore
from teduh_sdk.exceptions import EnrolmentFailed
from teduh_sdk.net.clock import now_in_seconds
from teduh_sdk.net.read_limited import read_limited
from teduh_sdk.trust.authentication_service import AuthenticationService
from teduh_sdk.trust.revocations import RevocationFetch

_PATH: Final = "/v1/enrolments"
_ASK_EVERY_SECONDS: Final = 2.0
_MOST_BYTES: Final = 64 * 1024
_SUBMISSIONS: Final = 5
"""How often a submission is tried whose answer was lost; the same again is the same for the relay."""
_PASSING: Final = ("unavailable", "rate_limited")
"""What the relay says of itself, and not of the enrolment."""


class _Answer(msgspec.Struct, frozen=True):
    """What the relay says of an enrolment; `error` when it refuses."""

    state: str = ""
    sealed: str = ""
    error: str = ""


class _NoAnswer(Exception):
    """The relay may have heard the question, and says nothing of the enrolment now."""


class Enrolment:
    """A submitted enrolment. Read `words` to the coordinator, over a channel on which voices are known."""

    def __init__(
        self, relay_url: str, organisation: Organisation, code: InvitationCode, key: Ed25519PrivateKey
    ) -> None:
        self._relay_url = relay_url
        self._url = relay_url.rstrip("/") + _PATH
        self._organisation = organisation
        self._code = code
        self._key = key
        self._id = enrolment_id(code.invitation)

    def __repr__(self) -> str:
        return "<Enrolment>"

    @property
    def words(self) -> tuple[str, ...]:
        """Four words for the device's key in this enrolment: what the coordinator sees must be the same."""
        return self.words_in("en")

    def words_in(self, language: Language) -> tuple[str, ...]:
        """The same four words in another language: "en" or "id"."""
        public_key = self._key.public_key().public_bytes_raw()
        return comparison_words(public_key, language, invitation=self._code.invitation)

    async def submit(self) -> None:
        """Bring the device's public key to the relay; raises `EnrolmentFailed`."""
        submission = {
            "invitation": self._code.invitation,
            "enrolment": enrol(self._code, self._key),
        }
        for left in reversed(range(_SUBMISSIONS)):
            try:
                await self._ask("POST", self._url, submission)
            except _NoAnswer as error:
                if left == 0 or isinstance(error.__cause__, aiohttp.ClientConnectorError):
                    raise EnrolmentFailed(str(error)) from error
            else:
                return
            await asyncio.sleep(_ASK_EVERY_SECONDS)

    async def wait(self, key_store: KeyStore) -> Device:
        """Wait until the coordinator has approved, also while the relay cannot be reached; keeps the device
        and returns it. Raises `EnrolmentFailed`; where only this device's clock is wrong, or the organisation
        has signed no list for a day, it may be waited for again.
        """
        answer = await self._state()
        while answer.state != "approved":
            await asyncio.sleep(_ASK_EVERY_SECONDS)
            answer = await self._state()
        service = AuthenticationService.of(self._organisation)
        # Without a fresh list the statement cannot be checked; it is kept for the device meanwhile.
        fetch = RevocationFetch(self._relay_url, service)
        while not await fetch.once():
            if fetch.is_stale:
                raise EnrolmentFailed(
                    "the revocation list does not count, or is too old by this device's clock"
                )
            await asyncio.sleep(_ASK_EVERY_SECONDS)
        device = self._opened(answer.sealed, service)
        keep_device(key_store, device)
        return device

    async def _state(self) -> _Answer:
        try:
            return await self._ask("GET", f"{self._url}/{self._id}")
        except _NoAnswer:
            return _Answer()

    def _opened(self, sealed: str, service: AuthenticationService) -> Device:
        public_key = self._key.public_key().public_bytes_raw()
        try:
            content = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
            statement, issuer_statement = open_statement(self._code.sealing_key, self._id, content)
            # Our clock may be behind; it was signed a moment ago, so that it begins no later than now.
            begins = unverified_claims(statement, TokenType.STAFF).integer("nbf")
            now = max(service.time(now_in_seconds()), begins)
            service.verifier.verify(statement, issuer_statement, now=now, device_key=public_key)
        except (CredentialError, ValueError) as error:
            raise EnrolmentFailed("the statement that came is not one for this device") from error
        return Device(self._key, statement, issuer_statement)

    async def _ask(self, method: str, url: str, content: object = None) -> _Answer:
        body = None if content is None else msgspec.json.encode(content)
        headers = {"Content-Type": "application/json"}
        timeout = aiohttp.ClientTimeout(total=20)
        try:
            async with (
                aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout) as session,
                session.request(method, url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                answer = msgspec.json.decode(await read_limited(response, _MOST_BYTES), type=_Answer)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise _NoAnswer("the relay cannot be reached, or does not answer as it should") from error
        if answer.error in _PASSING:
            raise _NoAnswer(f"the relay cannot answer now: {answer.error}")
        if answer.error:
            raise EnrolmentFailed(f"the relay refused: {answer.error}")
        return answer


async def enrol_device(relay_url: str, organisation: Organisation, code: str) -> Enrolment:
    """Make a key for this device and submit it with the invitation code; raises `EnrolmentFailed`."""
    try:
        parsed = InvitationCode.parse(code)
        enrolment = Enrolment(relay_url, organisation, parsed, Ed25519PrivateKey.generate())
    except CredentialError as error:
        raise EnrolmentFailed("this is not an invitation code") from error
    await enrolment.submit()
    return enrolment
