"""An organisation and its staff, as the coordinator sees them at the terminal."""

from __future__ import annotations

import time

from teduh_crypto.credentials import comparison_words

from teduh_server.organisation.organisation_folder import EnrolmentRecord, OrganisationFolder


def state_of(folder: OrganisationFolder, record: EnrolmentRecord) -> str:
    """Invited, approved or revoked, and until when."""
    revocations = folder.revocations()
    if record.statement_id in revocations.statements or record.person.subject in revocations.subjects:
        return "revoked"
    if record.statement is None:
        return "invited, " + until(record.expires)
    return "approved, " + until(record.statement_expires)


def until(expires: int | None) -> str:
    """A time in the future, or that it is past; `expires` in seconds since 1970."""
    moment = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(expires))
    return f"until {moment}" if expires is not None and expires > int(time.time()) else f"ended {moment}"


def about_enrolment(folder: OrganisationFolder, record: EnrolmentRecord) -> list[tuple[str, str]]:
    """Names and values of one enrolment."""
    person = record.person
    lines = [
        ("enrolment", record.id),
        ("name", person.name),
        ("role", person.role.value),
        ("staff id", person.subject),
        ("languages", ", ".join(person.languages)),
        ("skills", ", ".join(person.skills)),
        ("state", state_of(folder, record)),
    ]
    if record.device_key is not None:
        lines.append(("statement", record.statement_id or ""))
        words = comparison_words(record.device_key, invitation=record.invitation_code.invitation)
        lines.append(("words", "  ".join(words)))
    return lines


def about_organisation(folder: OrganisationFolder) -> list[tuple[str, str]]:
    """Names and values of the organisation."""
    organisation, revocations, stated = folder.organisation, folder.revocations(), folder.stated()
    entries = len(revocations.statements) + len(revocations.subjects) + len(revocations.devices)
    return [
        ("organisation", organisation.name),
        ("id", organisation.id),
        ("root key", organisation.root_public_key.hex()),
        ("words", "  ".join(comparison_words(organisation.root_public_key))),
        ("revocations", f"version {revocations.version}, {entries} entries, {until(revocations.expires)}"),
        (
            "authority",
            "none yet: run `teduh org refresh` with the root key"
            if stated is None
            else f"version {stated.version}, {len(stated.issuers)} issuers, {until(stated.expires)}",
        ),
    ]
