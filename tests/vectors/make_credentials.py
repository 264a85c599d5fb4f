"""Writes credentials.json: whom to believe and whom not, for every implementation of the credentials.

All keys come from fixed seeds and Ed25519 is deterministic, so the file is the same each time. Run it after a
change: ``python tests/vectors/make_credentials.py``.

Format. Bytes are base64url; ``error`` is the name of the exception that must be raised, or null; ``now`` is
in seconds. ``authority`` and ``list`` are the authority statement and the revocation list in force where a
case names no others. ``statements``: verify ``credential`` (a staff credential's content as text), with the
list ``revocations`` in force under ``authority`` if it is not null, for the leaf key ``device_key``; if there
is no error, ``says`` holds what the statement says. ``revocations``: adopt ``lists`` one after another, the
first under the authority statement; the last one gives ``error``. ``authority_statements``: adopt
``documents`` ([authority statement or null, revocation list]) one after another; the last one gives
``error``. ``directories``: with ``list`` in force under ``authority`` (none if that is null), verify
``documents`` ([statement, directory]) one after another, each after the one before; the last one gives
``error``. ``rosters``: verify ``members`` ([leaf index, credential type, content, signature key]).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from teduh_crypto.credentials import (
    AUTHORITY_VALIDITY,
    LANGUAGES,
    ROOT_ONLY_VALIDITY,
    Authority,
    AuthorityStatement,
    InvitationCode,
    Organisation,
    RevocationList,
    Role,
    StaffStatement,
    comparison_words,
    encode_credential,
    enrol,
    first_revocation_list,
    relay_authentication_bytes,
    sign_authority_statement,
    sign_relay_authentication,
    sign_revocation_list,
    sign_staff_statement,
)
from teduh_crypto.credentials.json_web_token import TokenType, confirmation, encode_base64url, sign_token

NOW = 1_900_000_000
DAY = 24 * 3600
ID = "rumah-aman"
ROOT, ISSUER, SARI, INTAN, SURVIVOR, STRANGER = (
    Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in range(1, 7)
)


class StatementCase(TypedDict):
    name: str
    credential: str
    device_key: str
    authority: str
    revocations: str | None
    now: int
    error: str | None
    says: Mapping[str, object] | None


class RevocationCase(TypedDict):
    name: str
    lists: list[str]
    now: int
    error: str | None


class AuthorityCase(TypedDict):
    name: str
    documents: list[tuple[str | None, str]]
    now: int
    error: str | None


class DirectoryCase(TypedDict):
    name: str
    authority: str | None
    list: str
    documents: list[tuple[str, str]]
    now: int
    error: str | None


class RosterCase(TypedDict):
    name: str
    members: list[tuple[int, int, str, str]]
    error: str | None


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


ROOT_AUTHORITY = Authority(ID, ROOT)
SARIS = StaffStatement(
    organisation_id=ID,
    statement_id="statement-1",
    subject="staff-1",
    name="Sari Dewi",
    role=Role.COUNSELOR,
    languages=("id", "en"),
    skills=("trauma",),
    not_before=NOW - 300,
    expires=NOW + DAY,
    device_key=public(SARI),
)
INTANS = replace(SARIS, statement_id="statement-2", subject="staff-2", name="Intan", device_key=public(INTAN))
ISSUERS = replace(
    SARIS,
    statement_id="issuer-statement",
    subject="issuer-1",
    name="Rumah Aman",
    role=Role.ISSUER,
    expires=NOW + 7 * DAY,
    device_key=public(ISSUER),
)
ISSUING = Authority(ID, ISSUER, sign_staff_statement(ISSUERS, ROOT_AUTHORITY))
NOBODY_REVOKED = first_revocation_list(ID, now=NOW)
LIST = sign_revocation_list(NOBODY_REVOKED, ROOT_AUTHORITY)
STATED = AuthorityStatement(
    ID,
    version=1,
    issued=NOW - DAY,
    expires=NOW - DAY + AUTHORITY_VALIDITY,
    issuers=frozenset([ISSUERS.statement_id]),
    least=1,
)
"""The authority statement in force, of the day before."""
AUTHORITY = sign_authority_statement(STATED, ROOT_AUTHORITY)
NO_ISSUERS = replace(STATED, version=2, issuers=frozenset())
GOOD = sign_staff_statement(SARIS, ROOT_AUTHORITY)
ISSUED = sign_staff_statement(SARIS, ISSUING)


def claims_of(statement: StaffStatement, **changed: object) -> dict[str, object]:
    """The claims of a statement, some changed to what no authority would sign; None leaves one out."""
    claims: dict[str, object] = {
        "iss": statement.organisation_id,
        "sub": statement.subject,
        "name": statement.name,
        "role": statement.role.value,
        "languages": list(statement.languages),
        "skills": list(statement.skills),
        "nbf": statement.not_before,
        "exp": statement.expires,
        "jti": statement.statement_id,
        "cnf": confirmation(statement.device_key),
        **changed,
    }
    return {name: value for name, value in claims.items() if value is not None}


def signed(statement: StaffStatement = SARIS, key: Ed25519PrivateKey = ROOT, **changed: object) -> str:
    return sign_token(TokenType.STAFF, claims_of(statement, **changed), key)


def with_header(**header: object) -> str:
    """A statement with a header of any kind, signed by the root."""
    parts = [json.dumps(part, separators=(",", ":")).encode() for part in (header, claims_of(SARIS))]
    content = ".".join(encode_base64url(part) for part in parts)
    return f"{content}.{encode_base64url(ROOT.sign(content.encode()))}"


def with_payload(payload: bytes, header: bytes = b'{"alg":"EdDSA","typ":"teduh-staff+jwt"}') -> str:
    """A statement of any bytes, signed by the root."""
    content = ".".join(encode_base64url(part) for part in (header, payload))
    return f"{content}.{encode_base64url(ROOT.sign(content.encode()))}"


def payload_of(**changed: object) -> str:
    """What `signed` signs, as text to be altered."""
    return json.dumps(claims_of(SARIS, **changed), separators=(",", ":"), ensure_ascii=False)


def loosely_ended(token: str) -> str:
    """The same bytes in another base64url text: the last character has bits that nobody reads."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) + 1]


def uncanonical() -> list[StatementCase]:
    """Signed by the root, and not the one encoding of what they say: two readers might believe two things."""
    payload, expires = payload_of(), str(NOW + DAY)
    header = '{"alg":"EdDSA","typ":"teduh-staff+jwt"}'
    payloads = {
        "a time with a point": payload.replace(expires, f"{expires}.0"),
        "a time with an exponent": payload.replace(expires, f"{expires}e0"),
        "a claim twice": payload.replace('"name"', '"name":"Sari","name"'),
        "a claim twice, within": payload.replace('"kty"', '"kty":"OKP","kty"'),
        "a space": payload.replace(",", ", ", 1),
        "a line break at the end": f"{payload}\n",
        "a letter as an escape": payload.replace("Sari", "\\u0053ari"),
        "an escape that needs none": payload.replace("}}", '},"extra":"\\/"}'),
        "an escape in capitals": payload_of(extra="\x1f").replace("\\u001f", "\\u001F"),
        "a byte order mark": f"\ufeff{payload}",
        "a fraction in an unknown claim": payload_of(extra=0.5),
        "a number above 2**53 in an unknown claim": payload_of(extra=2**53),
        "a negative zero in an unknown claim": payload_of(extra=1).replace(":1}", ":-0}"),
        "a claim named by a number": payload_of(**{"1": "first"}),
        "half a character": payload_of(extra="?").replace("?", "\\ud83d"),
        "half a character as a name": payload_of(extra="?").replace("extra", "\\ude00"),
        "nothing but NaN": payload_of(extra=1).replace(":1}", ":NaN}"),
        "nine objects in each other": payload_of(extra=1).replace(":1}", ":" + "[" * 8 + "]" * 8 + "}"),
        "a thousand objects in each other": payload_of(extra=1).replace(
            ":1}", ":" + "[" * 1000 + "]" * 1000 + "}"
        ),
        "a list": f"[{payload}]",
    }
    cases = [(name, with_payload(text.encode())) for name, text in payloads.items()]
    cases += [
        ("another encoding", with_payload(payload.encode("utf-16-le"))),
        ("bytes that are not UTF-8", with_payload(payload.encode().replace(b"Sari", b"S\xe4ri"))),
        ("a header with a space", with_payload(payload.encode(), header.replace(":", ": ").encode())),
        (
            "a header that says twice what it is",
            with_payload(payload.encode(), header.replace('"typ"', '"typ":"JWT","typ"').encode()),
        ),
        ("a key id that is a number", with_header(alg="EdDSA", typ="teduh-staff+jwt", kid=1)),
        ("a signature with a loose end", loosely_ended(GOOD)),
        ("a payload with a loose end", with_loose_payload()),
    ]
    return [statement(name, credential, "MalformedStatement") for name, credential in cases]


def with_loose_payload() -> str:
    """Signed over a payload whose base64url text is not the one of its bytes."""
    payload = payload_of()
    while len(payload) % 3 == 0:
        payload = payload.replace("Dewi", "Dewii")
    header, loose = (
        encode_base64url(b'{"alg":"EdDSA","typ":"teduh-staff+jwt"}'),
        encode_base64url(payload.encode()),
    )
    content = f"{header}.{loosely_ended(loose)}"
    return f"{content}.{encode_base64url(ROOT.sign(content.encode()))}"


def revoking(**entries: object) -> str:
    revocations = NOBODY_REVOKED.revoking(now=NOW, **entries)  # type: ignore[arg-type]  # also wrong ones
    return sign_revocation_list(revocations, ROOT_AUTHORITY)


def says(statement: StaffStatement) -> dict[str, object]:
    return {
        "statement_id": statement.statement_id,
        "subject": statement.subject,
        "name": statement.name,
        "role": statement.role.value,
        "languages": list(statement.languages),
        "skills": list(statement.skills),
        "not_before": statement.not_before,
        "expires": statement.expires,
        "device_id": encode_base64url(statement.device_id),
    }


def statement(
    name: str,
    credential: str,
    error: str | None = None,
    *,
    authority: str = AUTHORITY,
    revocations: str | None = LIST,
    now: int = NOW,
    device: Ed25519PrivateKey = SARI,
    says_what: StaffStatement = SARIS,
) -> StatementCase:
    return StatementCase(
        name=name,
        credential=credential,
        device_key=encode_base64url(public(device)),
        authority=authority,
        revocations=revocations,
        now=now,
        error=error,
        says=None if error else says(says_what),
    )


def statements() -> list[StatementCase]:
    malformed = "MalformedStatement"
    other = replace(SARIS, organisation_id="elsewhere")
    persian = replace(SARIS, name="نی\u200cنا")
    return [
        statement("signed by the root", GOOD),
        statement("signed by an issuer", ISSUED),
        statement("a name with a joiner", signed(persian), says_what=persian),
        statement("claims beyond the known are ignored", signed(extra="?")),
        statement("at its first second", GOOD, now=NOW - 300),
        statement("before it begins", signed(nbf=NOW + 1), "StatementNotYetValid"),
        statement("in its last second", GOOD, now=NOW + DAY - 1),
        statement("when it has ended", signed(exp=NOW), "StatementExpired"),
        statement("no list", GOOD, "RevocationListStale", revocations=None),
        statement("a stale list", signed(exp=NOW + 3 * DAY), "RevocationListStale", now=NOW + DAY),
        statement("by nobody known", signed(key=STRANGER), "UnknownRoot"),
        statement("of another organisation", signed(other), "WrongOrganisation"),
        statement("about another key", GOOD, "WrongConfirmationKey", device=INTAN),
        statement("revoked", GOOD, "StatementRevoked", revocations=revoking(statements=["statement-1"])),
        statement("her person revoked", GOOD, "StatementRevoked", revocations=revoking(subjects=["staff-1"])),
        statement(
            "her device revoked", GOOD, "StatementRevoked", revocations=revoking(devices=[public(SARI)])
        ),
        statement(
            "her issuer revoked", ISSUED, "StatementRevoked", revocations=revoking(subjects=["issuer-1"])
        ),
        statement(
            "her issuer not listed",
            ISSUED,
            "IssuerNotListed",
            authority=sign_authority_statement(NO_ISSUERS, ROOT_AUTHORITY),
        ),
        statement(
            "an authority statement that has expired",
            GOOD,
            "AuthorityStatementStale",
            authority=stated(iat=NOW - 4 * DAY, exp=NOW + DAY // 2),
            now=NOW + DAY // 2,
        ),
        statement("an issuer in a conversation", signed(role="issuer"), "RoleNotAllowed"),
        statement("a colleague as issuer", f"{signed(key=INTAN)}~{signed(INTANS)}", "RoleNotAllowed"),
        statement(
            "an issuer of an issuer's",
            f"{signed(role='issuer', key=ISSUER)}~{ISSUING.issuer_statement}",
            "RoleNotAllowed",
        ),
        statement(
            "longer than its issuer",
            f"{signed(exp=NOW + 8 * DAY, key=ISSUER)}~{ISSUING.issuer_statement}",
            "UnknownRoot",
        ),
        statement("a chain of three", f"{ISSUED}~{ISSUING.issuer_statement}", malformed),
        statement("an empty issuer", f"{GOOD}~", malformed),
        statement(
            "another purpose", sign_token(TokenType.REVOCATIONS, claims_of(SARIS), ROOT), "WrongTokenType"
        ),
        statement("no purpose", with_header(alg="EdDSA"), "WrongTokenType"),
        statement("no signature", with_header(alg="none", typ="teduh-staff+jwt"), malformed),
        statement(
            "a critical header", with_header(alg="EdDSA", typ="teduh-staff+jwt", crit=["x"], x=1), malformed
        ),
        statement("a key in the header", with_header(alg="EdDSA", typ="teduh-staff+jwt", jwk={}), malformed),
        statement("longer than 30 days", signed(exp=NOW + 31 * DAY), malformed),
        statement("over before it begins", signed(exp=NOW - 301), malformed),
        statement("without a role", signed(role=None), malformed),
        statement("an unknown role", signed(role="friend"), malformed),
        statement("a hidden character in the name", signed(name="Sa\u200bri"), malformed),
        statement("a name that is not in NFC", signed(name="Sa\u0301ri"), malformed),
        statement("a name of spaces", signed(name="  "), malformed),
        statement("a name of 65 characters", signed(name="a" * 65), malformed),
        statement("a language twice", signed(languages=["id", "id"]), malformed),
        statement("17 skills", signed(skills=[f"s{number}" for number in range(17)]), malformed),
        statement("a time as text", signed(exp=str(NOW + DAY)), malformed),
        statement("a negative time", signed(nbf=-1), malformed),
        statement(
            "a key of another kind", signed(cnf={"jwk": {"kty": "EC", "crv": "P-256", "x": "AA"}}), malformed
        ),
        statement("a subject with a slash", signed(sub="staff/1"), malformed),
        statement("too long", signed(filler="x" * 5000), malformed),
        statement("nothing", "", malformed),
        statement("no token", "teduh", malformed),
        statement("a token and a line break", f"{GOOD}\n", malformed),
        statement("a key id", with_header(alg="EdDSA", typ="teduh-staff+jwt", kid="root")),
        statement("eight objects in each other", signed(extra=json.loads("[" * 7 + "]" * 7))),
        *uncanonical(),
    ]


def revocation_list(
    change: Callable[[RevocationList], RevocationList], authority: Authority = ROOT_AUTHORITY
) -> str:
    return sign_revocation_list(change(NOBODY_REVOKED), authority)


def revocations() -> list[RevocationCase]:
    rollback = "RevocationListRollback"
    second = revocation_list(lambda first: first.revoking(now=NOW, statements=["statement-1"]))
    third = revocation_list(lambda first: replace(first, version=NOW + 1))
    issued = revocation_list(
        lambda first: replace(first, version=NOW + 1, statements=frozenset(["statement-1", "statement-9"])),
        ISSUING,
    )
    forgetful = revocation_list(lambda first: replace(first, version=NOW + 1), ISSUING)
    contradicting = revocation_list(lambda first: replace(first, statements=frozenset(["statement-9"])))
    elsewhere = sign_revocation_list(
        first_revocation_list("elsewhere", now=NOW), Authority("elsewhere", ROOT)
    )
    forged = sign_revocation_list(NOBODY_REVOKED, Authority(ID, STRANGER))
    lasting = {
        "iss": ID,
        "iat": NOW,
        "exp": NOW + 2 * DAY,
        "version": 1,
        "statements": [],
        "subjects": [],
        "devices": [],
    }
    ahead = sign_token(TokenType.REVOCATIONS, {**lasting, "exp": NOW + DAY, "version": NOW + 301}, ROOT)
    too_long = sign_token(TokenType.REVOCATIONS, lasting, ROOT)

    def case(name: str, *lists: str, error: str | None = None, now: int = NOW) -> RevocationCase:
        return RevocationCase(name=name, lists=list(lists), now=now, error=error)

    return [
        case("the first", LIST),
        case("the same again", LIST, LIST),
        case("a newer one", LIST, second),
        case("an older one", second, LIST, error=rollback),
        case("another of the same version", LIST, contradicting, error=rollback),
        case("the root drops an entry", second, third),
        case("an issuer adds an entry", second, issued),
        case("an issuer drops an entry", second, forgetful, error=rollback),
        case("a stale one", LIST, error="RevocationListStale", now=NOW + DAY),
        case("one from the future", LIST, error="TokenNotYetValid", now=NOW - 301),
        case("another organisation's", elsewhere, error="WrongOrganisation"),
        case("nobody's", forged, error="UnknownRoot"),
        case("valid for two days", too_long, error="MalformedToken"),
        case("a version that runs ahead of the time", ahead, error="MalformedToken"),
        case("a statement", GOOD, error="WrongTokenType"),
    ]


def stated(key: Ed25519PrivateKey = ROOT, typ: TokenType = TokenType.AUTHORITY, **changed: object) -> str:
    """The authority statement, some claims changed to what the root would not sign; None leaves one out."""
    claims: dict[str, object] = {
        "iss": ID,
        "iat": STATED.issued,
        "exp": STATED.expires,
        "version": STATED.version,
        "issuers": sorted(STATED.issuers),
        "least": STATED.least,
        **changed,
    }
    return sign_token(typ, {name: value for name, value in claims.items() if value is not None}, key)


def authority_statements() -> list[AuthorityCase]:
    rollback, malformed = "AuthorityStatementRollback", "MalformedToken"
    root_only = sign_authority_statement(
        replace(NO_ISSUERS, expires=NO_ISSUERS.issued + ROOT_ONLY_VALIDITY), ROOT_AUTHORITY
    )
    second = sign_authority_statement(replace(STATED, version=2), ROOT_AUTHORITY)
    newer = revocation_list(lambda first: first.revoking(now=NOW, statements=["statement-9"]))
    issued = revocation_list(lambda first: replace(first, version=NOW + 1), ISSUING)
    ahead = revocation_list(
        lambda first: replace(first, version=NOW + 300, subjects=frozenset(["staff-7"])), ISSUING
    )

    def case(
        name: str, *documents: tuple[str | None, str], error: str | None = None, now: int = NOW
    ) -> AuthorityCase:
        return AuthorityCase(name=name, documents=list(documents), now=now, error=error)

    def malformed_case(name: str, **changed: object) -> AuthorityCase:
        return case(name, (stated(**changed), LIST), error=malformed)  # type: ignore[arg-type]  # also wrong ones

    return [
        case("with the root's list", (AUTHORITY, LIST)),
        case("with a listed issuer's list", (AUTHORITY, issued)),
        case("where only the root signs", (root_only, LIST)),
        case("none", (None, LIST), error="AuthorityStatementStale"),
        case("a list under the one held", (AUTHORITY, LIST), (None, newer)),
        case("an unlisted issuer's list", (root_only, issued), error="IssuerNotListed"),
        case(
            "an issuer's list after the root lists it no more",
            (AUTHORITY, issued),
            (root_only, issued),
            error="IssuerNotListed",
        ),
        case("a list of the least version", (stated(least=NOW), newer)),
        case(
            "a list below the least version", (stated(least=NOW + 1), newer), error="RevocationListRollback"
        ),
        case(
            "the list held, below the new least version",
            (AUTHORITY, LIST),
            (stated(version=2, least=2), LIST),
            error="RevocationListRollback",
        ),
        case("a newer one", (AUTHORITY, LIST), (second, LIST)),
        case("a version that has fallen", (second, LIST), (AUTHORITY, newer), error=rollback),
        case("another of the same version", (AUTHORITY, LIST), (stated(least=0), newer), error=rollback),
        case(
            "a newer one with an older list",
            (AUTHORITY, newer),
            (second, LIST),
            error="RevocationListRollback",
        ),
        case(
            "the root's list after one that a delisted issuer has dated ahead",
            (AUTHORITY, ahead),
            (root_only, newer),
        ),
        case(
            "the root's list after one that a listed issuer has dated ahead",
            (AUTHORITY, ahead),
            (second, newer),
            error="RevocationListRollback",
        ),
        case("signed by an issuer", (stated(ISSUER), LIST), error="UnknownRoot"),
        case(
            "signed by an issuer, with its statement",
            (f"{stated(ISSUER)}~{ISSUING.issuer_statement}", LIST),
            error=malformed,
        ),
        case("signed by nobody known", (stated(STRANGER), LIST), error="UnknownRoot"),
        case("another organisation's", (stated(iss="elsewhere"), LIST), error="WrongOrganisation"),
        case("another purpose", (stated(typ=TokenType.REVOCATIONS), LIST), error="WrongTokenType"),
        case("in its last second", (stated(iat=NOW + 1 - AUTHORITY_VALIDITY, exp=NOW + 1), LIST)),
        case(
            "expired", (stated(iat=NOW - AUTHORITY_VALIDITY, exp=NOW), LIST), error="AuthorityStatementStale"
        ),
        case(
            "expired, though the list is fresh",
            (stated(exp=NOW + DAY // 2), issued),
            error="AuthorityStatementStale",
            now=NOW + DAY // 2,
        ),
        case("of one day, 5 minutes ahead", (stated(iat=NOW + 300, exp=NOW + DAY), LIST)),
        case("from the future", (stated(iat=NOW + 301, exp=NOW + DAY), LIST), error="TokenNotYetValid"),
        malformed_case("of 8 days and a second, where there are issuers", exp=STATED.issued + 8 * DAY + 1),
        malformed_case("of 92 days, where there are issuers", exp=STATED.issued + 92 * DAY),
        malformed_case(
            "of 92 days and a second, where only the root signs", issuers=[], exp=STATED.issued + 92 * DAY + 1
        ),
        malformed_case("over before it begins", exp=STATED.issued),
        malformed_case("without issuers", issuers=None),
        malformed_case("an issuer twice", issuers=["issuer-statement", "issuer-statement"]),
        malformed_case("65 issuers", issuers=[f"i{number}" for number in range(65)]),
        malformed_case("an issuer with a slash", issuers=["issuer/1"]),
        malformed_case("without a least version", least=None),
        malformed_case("a negative least version", least=-1),
        malformed_case("without a version", version=None),
        malformed_case("a version as text", version="1"),
    ]


SERVICES = '{"hsds_version": "3.1", "services": []}'
"""A directory of no service."""


def directory(
    key: Ed25519PrivateKey = ROOT,
    content: str = SERVICES,
    typ: TokenType = TokenType.DIRECTORY,
    **changed: object,
) -> tuple[str, str]:
    """A directory and its statement, some claims changed to what nobody would sign; None leaves one out."""
    claims: dict[str, object] = {
        "iss": ID,
        "iat": NOW,
        "exp": NOW + DAY,
        "version": NOW,
        "sha256": encode_base64url(hashlib.sha256(content.encode()).digest()),
        **changed,
    }
    token = sign_token(typ, {name: value for name, value in claims.items() if value is not None}, key)
    return (token, content)


def directories() -> list[DirectoryCase]:
    malformed, rollback = "MalformedToken", "DirectoryRollback"
    delisted = sign_authority_statement(NO_ISSUERS, ROOT_AUTHORITY)
    other = SERVICES.replace("[]", "[ ]")
    token, _ = directory()

    def by_issuer(key: Ed25519PrivateKey = ISSUER, statement: str | None = None) -> tuple[str, str]:
        signed_by_issuer, content = directory(key)
        return (f"{signed_by_issuer}~{statement or ISSUING.issuer_statement}", content)

    def case(
        name: str,
        *documents: tuple[str, str],
        error: str | None = None,
        now: int = NOW,
        authority: str | None = AUTHORITY,
        revoked: str = LIST,
    ) -> DirectoryCase:
        return DirectoryCase(
            name=name, authority=authority, list=revoked, documents=list(documents), now=now, error=error
        )

    return [
        case("the root's", directory()),
        case("an issuer's", by_issuer()),
        case("the root's, without a list", directory(), authority=None),
        case("the root's, when the list is stale", directory(), now=NOW + DAY - 1),
        case("an issuer's, without a list", by_issuer(), authority=None, error="AuthorityStatementStale"),
        case("an issuer's who is not listed", by_issuer(), authority=delisted, error="IssuerNotListed"),
        case(
            "an issuer's who is revoked",
            by_issuer(),
            revoked=revoking(subjects=["issuer-1"]),
            error="StatementRevoked",
        ),
        case(
            "an issuer's whose time is over",
            by_issuer(statement=signed(ISSUERS, exp=NOW)),
            error="StatementExpired",
        ),
        case("a counselor's", by_issuer(SARI, GOOD), error="RoleNotAllowed"),
        case("nobody's", directory(STRANGER), error="UnknownRoot"),
        case("unsigned", ("", SERVICES), error=malformed),
        case("another organisation's", directory(iss="elsewhere"), error="WrongOrganisation"),
        case("another purpose", directory(typ=TokenType.REVOCATIONS), error="WrongTokenType"),
        case("another directory", (token, other), error="WrongDirectory"),
        case("a line break more", (token, SERVICES + "\n"), error="WrongDirectory"),
        case("the same again", directory(), directory()),
        case("a newer one", directory(), directory(content=other, version=NOW + 1)),
        case("an older one", directory(), directory(version=NOW - 1), error=rollback),
        case("another of the same version", directory(), directory(content=other), error=rollback),
        case("in its last second", directory(), now=NOW + DAY - 1),
        case("expired", directory(), now=NOW + DAY, error="TokenExpired"),
        case("5 minutes ahead", directory(), now=NOW - 300),
        case("from the future", directory(), authority=None, now=NOW - 301, error="TokenNotYetValid"),
        case("of 92 days", directory(exp=NOW + 92 * DAY)),
        case("of 92 days and a second", directory(exp=NOW + 92 * DAY + 1), error=malformed),
        case("over before it begins", directory(exp=NOW), error=malformed),
        case("a version that runs ahead of the time", directory(version=NOW + 301), error=malformed),
        case("without a version", directory(version=None), error=malformed),
        case("a version as text", directory(version="1"), error=malformed),
        case("without a digest", directory(sha256=None), error=malformed),
        case("a digest of 31 bytes", directory(sha256="A" * 42), error=malformed),
        case("a digest in another encoding", directory(sha256="A" * 42 + "B"), error=malformed),
    ]


def rosters() -> list[RosterCase]:
    def anonymous(
        leaf: int, key: Ed25519PrivateKey = SURVIVOR, length: int = 16
    ) -> tuple[int, int, str, str]:
        return (leaf, 1, encode_base64url(bytes([9]) * length), encode_base64url(public(key)))

    def staff(
        leaf: int, key: Ed25519PrivateKey, credential: str, kind: int = 0xF7ED
    ) -> tuple[int, int, str, str]:
        return (leaf, kind, encode_base64url(credential.encode()), encode_base64url(public(key)))

    sari, intan = staff(0, SARI, GOOD), staff(2, INTAN, signed(INTANS))
    twin = staff(2, SARI, GOOD)
    return [
        RosterCase(name="two", members=[sari, anonymous(1)], error=None),
        RosterCase(name="three", members=[sari, anonymous(1), intan], error=None),
        RosterCase(name="no survivor", members=[sari, intan], error="NoAnonymousMember"),
        RosterCase(
            name="a ghost", members=[sari, anonymous(1), anonymous(2, STRANGER)], error="TwoAnonymousMembers"
        ),
        RosterCase(
            name="a long identity", members=[sari, anonymous(1, length=17)], error="UnknownCredentialType"
        ),
        RosterCase(
            name="one statement twice", members=[sari, anonymous(1), twin], error="DuplicateStatement"
        ),
        RosterCase(
            name="a certificate",
            members=[sari, anonymous(1), staff(2, INTAN, "", 2)],
            error="UnknownCredentialType",
        ),
        RosterCase(
            name="another's statement",
            members=[staff(0, INTAN, GOOD), anonymous(1)],
            error="WrongConfirmationKey",
        ),
        RosterCase(
            name="a swapped statement",
            members=[staff(0, SARI, signed(key=STRANGER)), anonymous(1)],
            error="UnknownRoot",
        ),
    ]


def enrolment() -> dict[str, object]:
    claims = {"jti": "enrolment-1", "sub": "staff-1", "role": "counselor", "iat": NOW, "exp": NOW + 3 * DAY}
    invitation, sealing_key, nonce = (
        ISSUING.sign(TokenType.INVITATION, claims),
        bytes(range(32)),
        bytes(range(12)),
    )
    associated = b"Teduh 1 sealed statement\x00enrolment-1"
    sealed = nonce + AESGCM(sealing_key).encrypt(nonce, encode_credential(GOOD), associated)
    return {
        "code": f"{invitation}:{encode_base64url(sealing_key)}",
        "invitation": invitation,
        "enrolment_id": "enrolment-1",
        "private_key": encode_base64url(SARI.private_bytes_raw()),
        "enrolment": enrol(InvitationCode(invitation, sealing_key), SARI),
        "sealed": encode_base64url(sealed),
        "statement": GOOD,
    }


def relay_authentication() -> dict[str, str]:
    origin, nonce = "https://relay.example:8420", bytes(range(32))
    return {
        "private_key": encode_base64url(SARI.private_bytes_raw()),
        "origin": origin,
        "nonce": encode_base64url(nonce),
        "bytes": encode_base64url(relay_authentication_bytes(origin, nonce)),
        "signature": encode_base64url(sign_relay_authentication(SARI, origin, nonce)),
    }


def vectors() -> str:
    """The text of credentials.json."""
    organisation = Organisation(ID, "Rumah Aman", public(ROOT))
    words = [
        {
            "public_key": encode_base64url(public(key)),
            "invitation": invitation,
            "words": {
                language: comparison_words(public(key), language, invitation=invitation)
                for language in LANGUAGES
            },
        }
        for key, invitation in ((SARI, "an invitation"), (SARI, "another"), (INTAN, "an invitation"))
    ]
    content = {
        "now": NOW,
        "organisation": {
            "format": 1,
            "id": organisation.id,
            "name": organisation.name,
            "root_public_key": encode_base64url(organisation.root_public_key),
        },
        "authority": AUTHORITY,
        "list": LIST,
        "statements": statements(),
        "revocations": revocations(),
        "authority_statements": authority_statements(),
        "directories": directories(),
        "rosters": rosters(),
        "enrolment": enrolment(),
        "relay_authentication": relay_authentication(),
        "comparison_words": words,
    }
    return json.dumps(content, indent=1, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("credentials.json").write_text(vectors(), encoding="utf-8")
