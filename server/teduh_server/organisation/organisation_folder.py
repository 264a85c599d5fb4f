"""A coordinator's folder: the sealed key, who was invited and approved, and the revocation list.

    organisation.toml      public: id, name, root key; give it to the relay and to every client
    root.key               the root key under its passphrase; or, in an issuer's folder,
    issuer.key             the issuer's key under its own passphrase, and
    issuer.statement       what the root says of it
    enrolments/<id>.json   one per invitation: for whom, and the statement that came of it
    revocations.json       what is revoked, since when
    revocations.jwt        the newest list, signed
    authority.jwt          the newest authority statement, signed by the root: give both to the relay

The folder holds names and invitation codes, so it is its owner's alone; it belongs on a machine that is
rarely online. Files are replaced as a whole, so that a crash leaves the old one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import mkstemp
from typing import Final

import msgspec
from teduh_crypto.credentials import (
    INVITATION_VALIDITY,
    MAX_VALIDITY,
    Authority,
    AuthorityStatement,
    InvitationCode,
    Organisation,
    RevocationList,
    Role,
    StaffStatement,
    StatementVerifier,
    check_passphrase,
    first_revocation_list,
    generate_root_key,
    invite,
    new_identifier,
    next_authority_statement,
    read_root_key,
    sign_authority_statement,
    sign_revocation_list,
    sign_staff_statement,
    write_root_key,
)

from teduh_server.organisation.revocation_history import RevocationHistory
from teduh_server.organisation.signed_revocations import SignedRevocations

_DAY: Final = 24 * 3600
_BACKDATED: Final = _DAY
"""Statements begin so long before they are signed: a device whose clock is behind takes the time from the
newest revocation list, which may be from before somebody was approved, but is never older.
"""


class FolderError(Exception):
    """The folder is not as the command needs it; the text says how."""


class Person(msgspec.Struct, frozen=True):
    """Whom a statement is about."""

    name: str
    role: Role
    languages: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    subject: str = msgspec.field(default_factory=new_identifier)


class EnrolmentRecord(msgspec.Struct, frozen=True):
    """One invitation and what came of it. `code` is secret until the statement has been fetched."""

    id: str
    person: Person
    expires: int
    code: str
    statement: str | None = None
    statement_id: str | None = None
    statement_expires: int | None = None
    device_key: bytes | None = None

    @property
    def invitation_code(self) -> InvitationCode:
        """The code as it was handed over."""
        return InvitationCode.parse(self.code)


class _Revoked(msgspec.Struct, frozen=True):
    """The list in force, and when each entry came on it."""

    version: int
    issued: int
    expires: int
    statements: dict[str, int] = {}
    subjects: dict[str, int] = {}
    devices: dict[str, int] = {}


class OrganisationFolder:
    """The folder at `path`. What signs needs the `Authority` that `unlock` gives."""

    __slots__ = ("organisation", "path")

    def __init__(self, path: Path) -> None:
        """Open an existing folder; raises `FolderError`, `MalformedToken`."""
        self.path: Final = path
        try:
            self.organisation: Final = Organisation.load(path / "organisation.toml")
        except FileNotFoundError:
            raise FolderError(f"{path} is no organisation folder; `teduh org init` makes one") from None

    @classmethod
    def create(
        cls, path: Path, name: str, passphrase: str, *, now: int, identifier: str | None = None
    ) -> OrganisationFolder:
        """A new organisation with a new root key.

        Raises `FolderError`, `WeakPassphrase`, `MalformedToken`.
        """
        check_passphrase(passphrase)
        key = generate_root_key()
        public = Organisation(identifier or new_identifier(), name, key.public_key().public_bytes_raw())
        Organisation.from_toml(public.to_toml())
        _make_folder(path)
        write_root_key(path / "root.key", key, passphrase)
        replace_file(path / "organisation.toml", public.to_toml().encode(), mode=0o644)
        folder = cls(path)
        folder.publish(first_revocation_list(public.id, now=now), Authority(public.id, key))
        return folder

    def appoint_issuer(
        self, path: Path, name: str, passphrase: str, authority: Authority, *, now: int, days: int
    ) -> OrganisationFolder:
        """A folder for a new issuer, whose key opens with `passphrase` of its own.

        The next authority statement is signed, which lists it: nobody believes the issuer before the relay
        shows that one.
        """
        if authority.issuer_statement is not None:
            raise FolderError("only the root appoints issuers; this is an issuer's folder")
        check_passphrase(passphrase)
        key = generate_root_key()
        person = Person(name, Role.ISSUER)
        statement = self._describe(person, key.public_key().public_bytes_raw(), now, days)
        record = EnrolmentRecord(new_identifier(), person, now, code="")
        record = _approved(record, statement, sign_staff_statement(statement, authority))
        assert record.statement is not None
        _make_folder(path)
        write_root_key(path / "issuer.key", key, passphrase)
        replace_file(path / "issuer.statement", record.statement.encode())
        self.save(record)
        self._state(authority, now)
        for shared in ("organisation.toml", "revocations.json", "revocations.jwt", "authority.jwt"):
            shutil.copyfile(self.path / shared, path / shared)
        return OrganisationFolder(path)

    def unlock(self, passphrase: str) -> Authority:
        """The key, to sign with; raises `WrongPassphrase`, `MalformedKeyFile`, `FolderError`."""
        with suppress(FileNotFoundError):
            return Authority(self.organisation.id, read_root_key(self.path / "root.key", passphrase))
        try:
            key = read_root_key(self.path / "issuer.key", passphrase)
            statement = (self.path / "issuer.statement").read_text("ascii").strip()
        except FileNotFoundError:
            raise FolderError(f"{self.path} holds no key") from None
        return Authority(self.organisation.id, key, statement)

    def verifier(self) -> StatementVerifier:
        """Believes what the folder's own list and authority statement do."""
        public = self.organisation
        return StatementVerifier(public.root_public_key, public.id, self.revocations(), self.stated())

    # --- invitations and statements
    # --------------------------------------------------------------------------------

    def invite(
        self, person: Person, authority: Authority, *, now: int, validity: int = INVITATION_VALIDITY
    ) -> EnrolmentRecord:
        """Invite one device of `person`; raises `MalformedStatement` if nothing could be said of her so."""
        # Her device has no key yet; any other does to try what can be said of her.
        some_key = self.organisation.root_public_key
        sign_staff_statement(self._describe(person, some_key, now, days=1), authority)
        invitation, code = invite(
            authority, subject=person.subject, role=person.role, now=now, validity=validity
        )
        record = EnrolmentRecord(invitation.enrolment_id, person, invitation.expires, str(code))
        self.save(record)
        return record

    def approve(
        self, record: EnrolmentRecord, device_key: bytes, authority: Authority, *, now: int, days: int
    ) -> EnrolmentRecord:
        """Sign the statement about an enrolled device.

        Again is the same, and another device is a `FolderError`.
        """
        if record.statement is not None:
            if record.device_key != device_key:
                raise FolderError("the invitation was approved for another device")
            return record
        statement = self._describe(record.person, device_key, now, days)
        if authority.issuer_statement is not None:
            statement = self._within_issuer(statement, authority.issuer_statement, now)
        self.revocations().check(statement)
        approved = _approved(record, statement, sign_staff_statement(statement, authority))
        self.save(approved)
        return approved

    def records(self) -> list[EnrolmentRecord]:
        """All enrolments, by name."""
        return sorted(self._records(), key=lambda record: (record.person.name, record.expires, record.id))

    def record(self, enrolment_id: str) -> EnrolmentRecord:
        """The enrolment with this id; raises `FolderError`."""
        for record in self._records():
            if record.id == enrolment_id:
                return record
        raise FolderError("this folder knows no such enrolment")

    def save(self, record: EnrolmentRecord) -> None:
        """Keep `record`."""
        folder = self.path / "enrolments"
        folder.mkdir(mode=0o700, exist_ok=True)
        replace_file(folder / f"{record.id}.json", msgspec.json.encode(record))

    def _records(self) -> Iterator[EnrolmentRecord]:
        for path in (self.path / "enrolments").glob("*.json"):
            yield msgspec.json.decode(path.read_bytes(), type=EnrolmentRecord)

    def _describe(self, person: Person, device_key: bytes, now: int, days: int) -> StaffStatement:
        return StaffStatement(
            organisation_id=self.organisation.id,
            statement_id=new_identifier(),
            subject=person.subject,
            name=person.name,
            role=person.role,
            languages=person.languages,
            skills=person.skills,
            not_before=now - _BACKDATED,
            expires=min(now + days * _DAY, now - _BACKDATED + MAX_VALIDITY),
            device_key=device_key,
        )

    def _within_issuer(self, statement: StaffStatement, issuer_statement: str, now: int) -> StaffStatement:
        issuer = self.verifier().verify(
            issuer_statement, now=now, roles=frozenset({Role.ISSUER}), allow_stale_list=True
        )
        return replace(
            statement,
            not_before=max(statement.not_before, issuer.not_before),
            expires=min(statement.expires, issuer.expires),
        )

    # --- revocation
    # ------------------------------------------------------------------------------------------------

    def revocations(self) -> RevocationList:
        """The list in force, perhaps stale."""
        kept = self._revoked()
        return RevocationList(
            self.organisation.id,
            kept.version,
            kept.issued,
            kept.expires,
            frozenset(kept.statements),
            frozenset(kept.subjects),
            frozenset(kept.devices),
        )

    @property
    def signed_revocations(self) -> SignedRevocations:
        """The list in force and its authority statement, for the relay."""
        text = (self.path / "revocations.jwt").read_text("ascii").strip()
        return SignedRevocations(text, self._signed_statement())

    def revocations_with(self, text: str) -> RevocationList:
        """What is revoked here or on the relay's list, to go on from; raises `CredentialError`."""
        return self.revocations().joined_with(self.verifier().read_revocations(text))

    def publish(
        self, revocations: RevocationList, authority: Authority, *, keeps_ended: bool = False
    ) -> SignedRevocations:
        """Sign `revocations` and keep them; returns what the relay must have.

        The root leaves out what can bar nobody any more, unless the list `keeps_ended`, and signs the next
        authority statement as well.
        """
        if authority.issuer_statement is None and not keeps_ended:
            revocations = self._since().without_ended(revocations)
        text = sign_revocation_list(revocations, authority)
        self._keep(revocations, text)
        if authority.issuer_statement is None:
            self._state(authority, revocations.issued)
        return self.signed_revocations

    def stated(self) -> AuthorityStatement | None:
        """The authority statement in force, perhaps expired; None in a folder that has not seen one."""
        text = self._signed_statement()
        return None if text is None else self._pinned().read_authority(text)

    def take_statement(self, text: str) -> None:
        """Keep an authority statement that the relay shows, if it is newer; raises `CredentialError`."""
        offered, held = self._pinned().read_authority(text), self.stated()
        if held is None or offered.version > held.version:
            replace_file(self.path / "authority.jwt", text.encode() + b"\n", mode=0o644)

    def _state(self, authority: Authority, now: int) -> None:
        """Sign the next authority statement: for the issuers of this folder that are still good, and those of
        the statement held whom it does not know, for another folder of the root's has appointed them.
        """
        held, revocations = self.stated(), self.revocations()
        appointed = {
            record.statement_id: (record.statement_expires or 0) > now
            and record.statement_id not in revocations.statements
            and record.person.subject not in revocations.subjects
            for record in self._records()
            if record.statement_id is not None and record.person.role is Role.ISSUER
        }
        elsewhere = frozenset() if held is None else held.issuers - appointed.keys() - revocations.statements
        issuers = elsewhere.union(name for name, is_good in appointed.items() if is_good)
        least = max(revocations.version, 0 if held is None else held.least)
        statement = next_authority_statement(
            held, self.organisation.id, issuers=issuers, least=least, now=now
        )
        text = sign_authority_statement(statement, authority)
        replace_file(self.path / "authority.jwt", text.encode() + b"\n", mode=0o644)

    def _signed_statement(self) -> str | None:
        try:
            return (self.path / "authority.jwt").read_text("ascii").strip()
        except FileNotFoundError:
            return None

    def _pinned(self) -> StatementVerifier:
        return StatementVerifier(self.organisation.root_public_key, self.organisation.id)

    def _keep(self, revocations: RevocationList, text: str) -> None:
        since = self._since().on(revocations)
        kept = _Revoked(
            revocations.version,
            revocations.issued,
            revocations.expires,
            since.statements,
            since.subjects,
            since.devices,
        )
        replace_file(self.path / "revocations.jwt", text.encode() + b"\n", mode=0o644)
        replace_file(self.path / "revocations.json", msgspec.json.encode(kept))

    def _since(self) -> RevocationHistory:
        if not (self.path / "revocations.json").exists():
            return RevocationHistory()
        kept = self._revoked()
        return RevocationHistory(kept.statements, kept.subjects, kept.devices)

    def _revoked(self) -> _Revoked:
        return msgspec.json.decode((self.path / "revocations.json").read_bytes(), type=_Revoked)


def _approved(record: EnrolmentRecord, statement: StaffStatement, text: str) -> EnrolmentRecord:
    return msgspec.structs.replace(
        record,
        statement=text,
        statement_id=statement.statement_id,
        statement_expires=statement.expires,
        device_key=statement.device_key,
    )


def _make_folder(path: Path) -> None:
    """A folder of one's own; raises `FolderError` if it holds an organisation already."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (path / "organisation.toml").exists() or (path / "root.key").exists():
        raise FolderError(f"{path} holds an organisation already")


def replace_file(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Put `content` in the place of the file, as a whole."""
    # A name of its own: what a killed process has left behind stands in nobody's way.
    descriptor, name = mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
