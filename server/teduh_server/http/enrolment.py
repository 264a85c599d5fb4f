"""Enrolment and revocation over HTTP: JSON in, JSON out.

    POST /v1/enrolments                  device       {"invitation", "enrolment"} -> 202 {"id", "state"}
    GET  /v1/enrolments/{id}             device       -> {"id", "state": "waiting" | "approved", "sealed"?}
    GET  /v1/enrolments                  coordinator  -> {"enrolments": [{"id", "invitation", "enrolment"}]}
    PUT  /v1/enrolments/{id}/statement   coordinator  {"sealed"} -> 204
    GET  /v1/revocations                 anybody      -> {"list", "authority"}
    PUT  /v1/revocations                 anybody      {"list", "authority"?} -> 204

A coordinator's requests carry `Authorization: Bearer` and a token for this one request (see
`teduh_crypto.credentials.coordinator_request`). A revocation list proves itself by its signature, so whoever
has a newer one may bring it: it can be signed far from the network. It comes with the root's authority
statement, without which it counts under the one that the relay has. It has to hold what the newest one holds,
but for what has been on it for a month: otherwise it is refused as `drops_revocations`, or
`older_revocation_list` where an issuer has signed it.

An error is {"error": code, "detail": English for developers}; nothing of the request is echoed.
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

import msgspec
from aiohttp import web
from teduh_crypto.credentials import (
    MAX_LIST_LENGTH,
    CoordinatorRequest,
    CredentialError,
    MalformedToken,
    RevocationListRollback,
    StatementVerifier,
    TokenExpired,
    verify_coordinator_request,
    verify_enrolment,
    verify_invitation,
)

from teduh_server.organisation.enrolment_store import (
    EnrolmentStore,
    InvitationUsed,
    NewerListKept,
    Submission,
)
from teduh_server.organisation.revocation_feed import RevocationFeed, RevocationsDropped
from teduh_server.redis_store.exceptions import StoreError

_MOST_BYTES: Final = 16 * 1024
_MOST_SEALED: Final = 12 * 1024
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

Handler = Callable[[web.Request], Awaitable[web.Response]]
_Body = TypeVar("_Body", bound=msgspec.Struct)


class SealedStatement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body with which a coordinator answers: base64url without padding."""

    sealed: Annotated[str, msgspec.Meta(min_length=1, max_length=_MOST_SEALED, pattern=r"^[A-Za-z0-9_-]+\Z")]


class SignedList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body that brings a revocation list, with its authority statement or under the one in force."""

    list: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_LIST_LENGTH + _MOST_BYTES)]
    authority: Annotated[str, msgspec.Meta(min_length=1, max_length=_MOST_BYTES)] | None = None


class Refusal(Exception):
    """The request is refused, for this reason."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(code)
        self.status, self.code, self.detail = status, code, detail

    def response(self) -> web.Response:
        """The answer that says so."""
        return _answer({"error": self.code, "detail": self.detail}, status=self.status)


def enrolment_routes(
    store: EnrolmentStore,
    verifier: StatementVerifier,
    feed: RevocationFeed,
    *,
    origin: str,
    clock: Callable[[], float] = time.time,
    allow: Callable[[web.Request], bool] = lambda request: True,
) -> list[web.RouteDef]:
    """The routes, for an application that serves `origin`; `allow` says whether a sender may ask so often."""
    endpoints = EnrolmentEndpoints(store, verifier, feed, origin, clock)
    return [
        web.post("/v1/enrolments", _refusing(endpoints.submit, allow)),
        web.get("/v1/enrolments", _refusing(endpoints.list, allow)),
        web.get("/v1/enrolments/{id}", _refusing(endpoints.look, allow)),
        web.put("/v1/enrolments/{id}/statement", _refusing(endpoints.answer, allow)),
        web.get("/v1/revocations", _refusing(endpoints.revocations, allow)),
        web.put("/v1/revocations", _refusing(endpoints.put_revocations, allow)),
    ]


@dataclass(frozen=True, slots=True)
class EnrolmentEndpoints:
    """What the routes do.

    Each raises `Refusal`, `CredentialError` or `StoreError` for `_refusing` to answer.
    """

    store: EnrolmentStore
    verifier: StatementVerifier
    feed: RevocationFeed
    origin: str
    clock: Callable[[], float]

    async def submit(self, request: web.Request) -> web.Response:
        """An invited device brings its public key."""
        submission = await _body(request, Submission, _MOST_BYTES)
        invitation = verify_invitation(submission.invitation, self.verifier, now=self._now())
        verify_enrolment(submission.enrolment, submission.invitation)
        try:
            await self.store.submit(
                invitation.enrolment_id, submission, invitation_expires=invitation.expires
            )
        except InvitationUsed:
            raise Refusal(409, "invitation_used", "another device has used this invitation") from None
        return _answer({"id": invitation.enrolment_id, "state": "waiting"}, status=202)

    async def look(self, request: web.Request) -> web.Response:
        """An invited device asks for its statement; the id is a secret of the two sides."""
        enrolment_id = _id(request)
        sealed = await self.store.statement(enrolment_id)
        if sealed is not None:
            encoded = base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
            return _answer({"id": enrolment_id, "state": "approved", "sealed": encoded})
        if await self.store.is_waiting(enrolment_id):
            return _answer({"id": enrolment_id, "state": "waiting"})
        raise _unknown_enrolment()

    async def list(self, request: web.Request) -> web.Response:
        """A coordinator asks who waits."""
        await self._check_coordinator(request, b"")
        waiting = await self.store.waiting(now=self._now())
        found = [
            {"id": enrolment_id, "invitation": submission.invitation, "enrolment": submission.enrolment}
            for enrolment_id, submission in waiting
        ]
        return _answer({"enrolments": found})

    async def answer(self, request: web.Request) -> web.Response:
        """A coordinator brings a sealed statement."""
        enrolment_id = _id(request)
        body = await _read(request, _MOST_BYTES)
        await self._check_coordinator(request, body)
        sealed = _decode_base64url(_decode(body, SealedStatement).sealed)
        if not await self.store.is_waiting(enrolment_id):
            raise _unknown_enrolment()
        await self.store.put_statement(enrolment_id, sealed)
        return web.Response(status=204)

    async def revocations(self, request: web.Request) -> web.Response:
        """Anybody asks for the newest list and authority statement."""
        if self.feed.signed is None:
            raise Refusal(404, "no_revocation_list", "this relay has no revocation list")
        answer = _answer(self.feed.signed)
        # It is public, and pages of other origins (`allowed_origins`) have to read it too.
        answer.headers["Access-Control-Allow-Origin"] = "*"
        return answer

    async def put_revocations(self, request: web.Request) -> web.Response:
        """Somebody brings a newer list."""
        body = await _body(request, SignedList, MAX_LIST_LENGTH + 3 * _MOST_BYTES)
        try:
            await self.feed.put(body.list, body.authority)
        except (RevocationListRollback, NewerListKept):
            raise Refusal(
                409,
                "older_revocation_list",
                "a newer list or authority statement is in force, or this one drops entries",
            ) from None
        except RevocationsDropped:
            raise Refusal(
                409,
                "drops_revocations",
                "this list leaves out what the newest one revokes; take that one, and sign again",
            ) from None
        return web.Response(status=204)

    async def _check_coordinator(self, request: web.Request, body: bytes) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refusal(401, "coordinator_only", "a coordinator's token is needed")
        signed = CoordinatorRequest(self.origin, request.method, request.path_qs, body)
        try:
            token_id = verify_coordinator_request(token.strip(), signed, self.verifier, now=self._now())
        except CredentialError as error:
            raise Refusal(401, "coordinator_only", str(error)) from error
        if not await self.store.take_request(token_id):
            raise Refusal(401, "coordinator_only", "the token was used before")

    def _now(self) -> int:
        return int(self.clock())


def _refusing(handler: Handler, allow: Callable[[web.Request], bool]) -> Handler:
    """Answer what `handler` raises."""

    async def handle(request: web.Request) -> web.Response:
        try:
            if not allow(request):
                raise Refusal(429, "rate_limited", "too many requests; wait a little")
            return await handler(request)
        except Refusal as refusal:
            return refusal.response()
        except MalformedToken:
            return Refusal(400, "malformed_token", "a token in the body is not well made").response()
        except TokenExpired:
            return Refusal(403, "expired", "the invitation or the list has expired").response()
        except CredentialError as error:
            return Refusal(403, "not_believed", str(error)).response()
        except StoreError:
            return Refusal(503, "unavailable", "the store cannot be reached; try again").response()

    return handle


async def _read(request: web.Request, most: int) -> bytes:
    """The body, if it is no longer than `most` bytes."""
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > most:
            raise Refusal(413, "too_large", f"the body may have {most} bytes")
    return bytes(body)


async def _body(request: web.Request, kind: type[_Body], most: int) -> _Body:
    return _decode(await _read(request, most), kind)


def _decode(body: bytes, kind: type[_Body]) -> _Body:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refusal(400, "malformed_body", "the body is not the JSON object that is asked for") from None


def _id(request: web.Request) -> str:
    enrolment_id = request.match_info["id"]
    if _ID.fullmatch(enrolment_id) is None:
        raise _unknown_enrolment()
    return enrolment_id


def _unknown_enrolment() -> Refusal:
    return Refusal(404, "unknown_enrolment", "no enrolment is known under this id")


def _decode_base64url(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise Refusal(400, "malformed_body", "not base64url") from None


def _answer(content: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(content),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
