"""The organisation's directory and the statement under which it counts, as files and as they are sent.

directory.json         the directory, for everybody
directory.jwt          the statement: version, hash and end, signed by the root or an issuer
directory.json.next    a newer directory, until it has taken the place of the one before

    write directory.json.next ──> replace directory.jwt ──> rename directory.json.next to directory.json
                                  from here on the newer one counts

So whenever whoever signs is killed, there is a directory to which the statement belongs.

GET /v1/directory   {"statement": text, "directory": text}    both together, so that no newer one is mixed in
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec
from teduh_crypto.credentials import (
    DIRECTORY_VALIDITY,
    Authority,
    CredentialError,
    DirectoryStatement,
    StatementVerifier,
    WrongDirectory,
    next_directory_statement,
    sign_directory_statement,
    verify_directory,
)
from teduh_signaling.directory.format import MAX_BYTES, InvalidDirectory, read_directory, write_directory

from teduh_server.operations.log_policy import Trouble
from teduh_server.organisation.directory_check import Finding, check_directory
from teduh_server.organisation.directory_csv import directory_from_csv
from teduh_server.organisation.organisation_folder import replace_file

DIRECTORY_FILE: Final = "directory.json"
_MAX_STATEMENT: Final = 16 * 1024
_RETRY_SECONDS: Final = 60


class SignedDirectory(msgspec.Struct, frozen=True):
    """What whoever asks gets."""

    statement: str
    directory: str


class DirectoryNotSigned(Exception):
    """The directory has faults; nothing was signed."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("the directory has faults")
        self.findings = findings


def statement_file(directory_file: Path) -> Path:
    """Where the statement of a directory lies."""
    return directory_file.with_suffix(".jwt")


def national_directory() -> bytes:
    """The services that stand in our own list, each with its source and date: of Indonesia."""
    return write_directory(directory_from_csv(national_table()))


def national_table() -> bytes:
    """The same as a table, for whoever goes on with it."""
    return (files("teduh_server") / "organisation" / "indonesia.csv").read_bytes()


def sign_directory(
    folder: Path,
    content: bytes,
    authority: Authority,
    verifier: StatementVerifier,
    *,
    now: int,
    validity: int = DIRECTORY_VALIDITY,
) -> DirectoryStatement:
    """Sign the directory in these bytes after the one that lies in `folder`, and put it there.

    Properties that nothing reads are left out of it. Raises `DirectoryNotSigned`, and `CredentialError` where
    nobody would believe what the key signs.
    """
    today = datetime.fromtimestamp(now, UTC).date()
    findings = check_directory(content, today)
    if any(finding.is_fault for finding in findings):
        raise DirectoryNotSigned(findings)
    written = write_directory(read_directory(content))
    file = folder / DIRECTORY_FILE
    held = _held(file, verifier, now)
    statement = next_directory_statement(held, authority.organisation_id, written, now=now, validity=validity)
    text = sign_directory_statement(statement, authority)
    verify_directory(text, written, verifier, now=now, held=held)
    replace_file(_next_file(file), written, mode=0o644)
    replace_file(statement_file(file), text.encode() + b"\n", mode=0o644)
    _next_file(file).replace(file)
    return statement


def _held(file: Path, verifier: StatementVerifier, now: int) -> DirectoryStatement | None:
    """What was signed last; its directory is put in its place, if whoever signed it was killed before."""
    try:
        files = _read_files(file, verifier, now)
    except (OSError, CredentialError, ValueError):
        # None yet, or one that has ended: the time is newer than its version.
        return None
    if files.directory_file != file:
        files.directory_file.replace(file)
    return files.statement


def _next_file(directory_file: Path) -> Path:
    return directory_file.with_name(f"{directory_file.name}.next")


@dataclass(frozen=True, slots=True)
class _Files:
    """A directory and its statement, which belong together."""

    text: str
    content: bytes
    statement: DirectoryStatement
    directory_file: Path


def _read_files(
    file: Path, verifier: StatementVerifier, now: int, held: DirectoryStatement | None = None
) -> _Files:
    """Raises OSError, ValueError and `CredentialError`."""
    text = _read(statement_file(file), _MAX_STATEMENT).decode("ascii").strip()
    try:
        content = _read(file, MAX_BYTES)
        return _Files(text, content, verify_directory(text, content, verifier, now=now, held=held), file)
    except (FileNotFoundError, WrongDirectory):
        newer = _next_file(file)
        if not newer.exists():
            raise
        content = _read(newer, MAX_BYTES)
        return _Files(text, content, verify_directory(text, content, verifier, now=now, held=held), newer)


class ServedDirectory:
    """The newest directory in these files that is to be believed: read when they change, never an older one.

    Holds as long as the process; after a restart the files are believed as they are then.
    """

    def __init__(self, file: Path, verifier: StatementVerifier) -> None:
        self._file, self._verifier = file, verifier
        self._held: DirectoryStatement | None = None
        self._content: SignedDirectory | None = None
        self._seen: object = None
        self._again_at: int | None = None
        self._trouble = Trouble("directory of services is not served")

    def current(self, now: int) -> SignedDirectory | None:
        """What to send at `now` (seconds since 1970); None if there is nothing that anybody would believe."""
        self._look(now)
        if self._content is None or self._held is None or now >= self._held.expires:
            return None
        return self._content

    def _look(self, now: int) -> None:
        authority, revocations = self._verifier.authority, self._verifier.revocations
        seen = (self._stamps(), authority and authority.version, revocations and revocations.version)
        if seen == self._seen and (self._again_at is None or now < self._again_at):
            return
        self._seen = seen
        if not seen[0]:
            return
        try:
            files = _read_files(self._file, self._verifier, now, self._held)
            read_directory(files.content)
        except (CredentialError, InvalidDirectory, OSError, ValueError) as error:
            self._trouble.is_(type(error).__name__)
            # The clock of whoever signed may be ahead of this one.
            self._again_at = now + _RETRY_SECONDS
            if self._content is not None and not self._still_believed(now):
                self._content = None
            return
        self._trouble.is_(None)
        self._again_at = None
        self._held, self._content = files.statement, SignedDirectory(files.text, files.content.decode())

    def _still_believed(self, now: int) -> bool:
        """Whether what is served would be believed; its issuer may have been revoked meanwhile."""
        assert self._content is not None
        try:
            verify_directory(
                self._content.statement,
                self._content.directory.encode(),
                self._verifier,
                now=now,
                held=self._held,
            )
        except CredentialError:
            return False
        return True

    def _stamps(self) -> tuple[tuple[int, int, int], ...]:
        looked = []
        for file in (self._file, statement_file(self._file), _next_file(self._file)):
            try:
                looked.append(file.stat())
            except OSError:
                continue
        return tuple((one.st_mtime_ns, one.st_size, one.st_ino) for one in looked)


def _read(file: Path, most: int) -> bytes:
    with file.open("rb") as opened:
        content = opened.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{file.name} is too large")
    return content
