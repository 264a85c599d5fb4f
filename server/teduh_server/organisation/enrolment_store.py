"""What the relay keeps about enrolments and revocations: nothing that names anybody.

    key                                          type    holds
    enrolment:{enrolments}:submission:<id>       string  invitation and enrolment tokens (JSON)
    enrolment:{enrolments}:statement:<id>        string  the sealed statement
    enrolment:{enrolments}:waiting               zset    ids, scored by their submission's end
    enrolment:{enrolments}:request:<jti>         string  a coordinator's token was used
    revocations:{revocations}:list               hash    version and text of the newest list, since,
                                                         authority_version, authority

They expire: a submission and `waiting` a week after the invitation, a statement two weeks after it came, a
request after two minutes, the list 60 days after it came.

`<id>` is the invitation's `jti`. An invitation is used once because its submission is set only if there is
none; that key lives longer than the invitation is valid. A statement is sealed under a key that the relay
never sees. A revocation list holds pseudonymous ids and hashes of public keys, and is public; `since` (JSON)
says when each of them came on it. `authority` is the statement under which it counts: the two are put and
read together. An earlier release keeps a list without one.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from teduh_server.organisation.revocation_history import RevocationHistory
from teduh_server.organisation.signed_revocations import SignedRevocations
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.commands import Reply
from teduh_server.redis_store.replies import as_list
from teduh_server.redis_store.scripts import Script

_WEEK: Final = 7 * 24 * 3600
_SUBMISSION_GRACE: Final = _WEEK
_STATEMENT_LIFE: Final = 2 * _WEEK
_REQUEST_LIFE: Final = 120
_LIST_LIFE: Final = 60 * 24 * 3600
MOST_WAITING: Final = 1000
"""Enrolments that are listed at once; more wait their turn."""

_PREFIX: Final = b"enrolment:{enrolments}:"
_WAITING: Final = _PREFIX + b"waiting"
_REVOCATIONS: Final = b"revocations:{revocations}:list"
_SUBMIT: Final = Script("submit_enrolment")
_PUT_REVOCATIONS: Final = Script("put_revocations")
_ANOTHER_KEPT: Final = 2


class InvitationUsed(Exception):
    """The invitation was used before, by another device."""


class NewerListKept(Exception):
    """The store holds a newer revocation list or authority statement, or another of the same version."""


class AnotherListKept(Exception):
    """The store holds another revocation list than the one with which this was compared."""


class KeptVersion(NamedTuple):
    """Of an authority statement and of the list under it. The greater is the newer: what the root says of its
    issuers comes before what they have signed.
    """

    authority: int
    revocations: int


class Submission(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an invited device sends: the invitation, and its answer to it."""

    invitation: str
    enrolment: str


NOTHING_KEPT: Final = KeptVersion(0, 0)


class EnrolmentStore:
    """Enrolments and the revocation list, in Valkey or Redis.

    Raises `StoreUnavailable` when it cannot be reached.
    """

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        self._store = store

    async def submit(self, enrolment_id: str, submission: Submission, *, invitation_expires: int) -> None:
        """Keep a submission; again is the same. Raises `InvitationUsed` if another one was kept before."""
        command = (
            b"EVAL",
            _SUBMIT.source,
            3,
            _submission(enrolment_id),
            _statement(enrolment_id),
            _WAITING,
            enrolment_id,
            msgspec.json.encode(submission),
            invitation_expires + _SUBMISSION_GRACE,
        )
        if await self._store.ask(command) != 1:
            raise InvitationUsed

    async def waiting(self, *, now: int) -> list[tuple[str, Submission]]:
        """The submissions that no statement answers yet, those that end soonest first."""
        await self._store.ask((b"ZREMRANGEBYSCORE", _WAITING, b"-inf", now))
        ids = _texts(await self._store.ask((b"ZRANGE", _WAITING, 0, MOST_WAITING - 1)))
        found = []
        for enrolment_id in ids:
            value = await self._store.ask((b"GET", _submission(enrolment_id)))
            if isinstance(value, bytes):
                found.append((enrolment_id, msgspec.json.decode(value, type=Submission)))
        return found

    async def is_waiting(self, enrolment_id: str) -> bool:
        """Whether a submission is known under this id."""
        return bool(await self._store.ask((b"EXISTS", _submission(enrolment_id))))

    async def put_statement(self, enrolment_id: str, sealed: bytes) -> None:
        """Keep the sealed statement for the device to fetch."""
        await self._store.ask((b"SET", _statement(enrolment_id), sealed, b"EX", _STATEMENT_LIFE))
        await self._store.ask((b"ZREM", _WAITING, enrolment_id))

    async def statement(self, enrolment_id: str) -> bytes | None:
        """The sealed statement, if it has come."""
        value = await self._store.ask((b"GET", _statement(enrolment_id)))
        return value if isinstance(value, bytes) else None

    async def take_request(self, token_id: str) -> bool:
        """Note that a coordinator's token is used; False if it was used before."""
        key = _PREFIX + b"request:" + token_id.encode()
        return await self._store.ask((b"SET", key, b"1", b"NX", b"EX", _REQUEST_LIFE)) is not None

    async def put_revocations(
        self,
        version: KeptVersion,
        signed: SignedRevocations,
        *,
        now: int,
        since: RevocationHistory | None = None,
        instead_of: KeptVersion | None = None,
    ) -> None:
        """Keep a verified revocation list and its authority statement, for all nodes; raises `NewerListKept`,
        and `AnotherListKept` if it shall take the place of the version `instead_of` (`NOTHING_KEPT`: of
        none), and another is there.
        """
        command = (
            b"EVAL",
            _PUT_REVOCATIONS.source,
            1,
            _REVOCATIONS,
            version.revocations,
            signed.list,
            version.authority,
            signed.authority or b"",
            now + _LIST_LIFE,
            (since or RevocationHistory()).to_bytes(),
            *((b"", b"") if instead_of is None else instead_of),
        )
        kept = await self._store.ask(command)
        if kept == _ANOTHER_KEPT:
            raise AnotherListKept
        if kept != 1:
            raise NewerListKept

    async def revocations_version(self) -> KeptVersion:
        """The version of what is kept; `NOTHING_KEPT` where nothing is."""
        fields = (b"HMGET", _REVOCATIONS, b"authority_version", b"version")
        authority, revocations = as_list(await self._store.ask(fields))
        return KeptVersion(_integer(authority), _integer(revocations))

    async def revocations(self) -> tuple[SignedRevocations, RevocationHistory] | None:
        """The list and the authority statement that are kept, not verified, and since when what is on it."""
        fields = (b"HMGET", _REVOCATIONS, b"text", b"authority", b"since")
        text, authority, since = as_list(await self._store.ask(fields))
        if not isinstance(text, bytes):
            return None
        stated = authority.decode() if isinstance(authority, bytes) and authority else None
        signed = SignedRevocations(text.decode(), stated)
        return signed, RevocationHistory.from_bytes(since if isinstance(since, bytes) else b"")


def _submission(enrolment_id: str) -> bytes:
    return _PREFIX + b"submission:" + enrolment_id.encode()


def _statement(enrolment_id: str) -> bytes:
    return _PREFIX + b"statement:" + enrolment_id.encode()


def _integer(reply: Reply) -> int:
    return int(reply) if isinstance(reply, bytes) else 0


def _texts(reply: Reply) -> list[str]:
    return [item.decode() for item in reply if isinstance(item, bytes)] if isinstance(reply, list) else []
