"""`teduh org`: run an organisation from a folder that is rarely online.

    init ──> invite ──> (the device enrols) ──> approve ──> list, show, revoke
                                                refresh, every day; with the root key every week at least

Every command works with files alone, and with `--relay` also against a relay. What signs asks for the
passphrase: at the terminal, or from TEDUH_ORG_PASSPHRASE or the file that TEDUH_ORG_PASSPHRASE_FILE names;
never as an argument, which other users of the machine could read.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import msgspec
import typer
from teduh_crypto.credentials import (
    LANGUAGES,
    STAFF_ROLES,
    Authority,
    CredentialError,
    RevocationList,
    Role,
    comparison_words,
    seal_statement,
    split_chain,
    verify_submission,
)

from teduh_server.cli.org_show import about_enrolment, about_organisation, state_of, until
from teduh_server.cli.passphrase import ask_passphrase
from teduh_server.doctor.authority import SOON
from teduh_server.organisation.coordinator_client import CoordinatorClient, RelayRefused, Waiting
from teduh_server.organisation.organisation_folder import (
    EnrolmentRecord,
    FolderError,
    OrganisationFolder,
    Person,
)
from teduh_server.organisation.signed_directory import DIRECTORY_FILE, national_directory, sign_directory
from teduh_server.organisation.signed_revocations import SignedRevocations

org_app = typer.Typer(
    no_args_is_help=True, help="Run an organisation: its root key, its staff, its revocations."
)

_DAY: Final = 24 * 3600
_MOST_SIGNED: Final = 5
"""Lists that are signed one after the other, when somebody else was faster each time."""
_GO_ON_FROM_ANOTHER: Final = ("older_revocation_list", "drops_revocations")
"""Refusals of a list after which the relay's has to be looked at, and another one signed."""
_Result = TypeVar("_Result")

Folder = Annotated[
    Path, typer.Option("--folder", envvar="TEDUH_ORG_FOLDER", help="The organisation's folder.")
]
Relay = Annotated[
    str | None,
    typer.Option("--relay", envvar="TEDUH_ORG_RELAY", help="The relay's URL, to ask or tell it too."),
]
Newest = Annotated[
    Path | None,
    typer.Option(
        "--newest", help="The relay's list (GET /v1/revocations) as a file, where it cannot be asked."
    ),
]
DEFAULT_FOLDER: Final = Path("organisation")


@org_app.command()
def init(
    name: Annotated[str, typer.Argument(help="The organisation's name, as everybody may know it.")],
    folder: Folder = DEFAULT_FOLDER,
    identifier: Annotated[str | None, typer.Option("--id", help="Its id; by default a random one.")] = None,
) -> None:
    """Make an organisation: a root key under a passphrase, and the file that pins it."""
    with _plainly():
        passphrase = ask_passphrase("TEDUH_ORG_PASSPHRASE", "New passphrase for the root key", new=True)
        created = OrganisationFolder.create(folder, name, passphrase, now=_now(), identifier=identifier)
        authority = created.unlock(passphrase)
        sign_directory(folder, national_directory(), authority, created.verifier(), now=_now())
        typer.echo(f"organisation  {created.organisation.id}")
        typer.echo(f"public file   {folder / 'organisation.toml'}   (for the relay and every client)")
        typer.echo(f"directory     {folder / DIRECTORY_FILE}   (who else can help; see `teduh directory`)")
        typer.echo(f"root key      {folder / 'root.key'}   (keep it, and a copy, offline)")


@org_app.command()
def invite(
    name: Annotated[str, typer.Argument(help="The working name that survivors will see.")],
    role: Annotated[str, typer.Option(help="One of: " + ", ".join(sorted(STAFF_ROLES)) + ".")],
    folder: Folder = DEFAULT_FOLDER,
    language: Annotated[list[str] | None, typer.Option(help="A language spoken (BCP 47); repeat it.")] = None,
    skill: Annotated[list[str] | None, typer.Option(help="A skill, in lower case; repeat it.")] = None,
    staff_id: Annotated[
        str | None,
        typer.Option(help="The staff id, for another device or another month; by default a new one."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=14, help="How long the invitation is good.")] = 3,
    output: Annotated[
        Path | None, typer.Option(help="Write the code to this file instead of the terminal.")
    ] = None,
) -> None:
    """Invite one device of a staff member. Hand over the code in person or by a channel that you trust."""
    with _plainly():
        opened = OrganisationFolder(folder)
        person = Person(name, _role(role), tuple(language or ()), tuple(skill or ()))
        if staff_id is not None:
            person = msgspec.structs.replace(person, subject=staff_id)
        authority = _unlock(opened)
        record = opened.invite(person, authority, now=_now(), validity=days * _DAY)
        typer.echo(f"enrolment  {record.id}", err=True)
        typer.echo(f"staff id   {person.subject}", err=True)
        _give(record.code, output)


@org_app.command()
def approve(
    enrolment: Annotated[
        str | None, typer.Argument(help="The enrolment's id; by default the one that waits.")
    ] = None,
    folder: Folder = DEFAULT_FOLDER,
    relay: Relay = None,
    submission: Annotated[
        Path | None, typer.Option(help="The device's submission as a file, instead of from the relay.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write the sealed statement to this file.")] = None,
    words: Annotated[
        str | None, typer.Option(help="The four words that the device shows; without it you are asked.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=30, help="How long the statement is good.")] = 30,
) -> None:
    """Compare four words with the person at the device, and sign the statement."""
    with _plainly():
        if relay is None and output is None:
            raise FolderError("say where to put the statement: --relay or --output")
        opened = OrganisationFolder(folder)
        authority = _unlock(opened)
        waiting = _one_waiting(_submissions(submission, relay, authority), opened, enrolment)
        record = opened.record(waiting.id)
        device_key = verify_submission(waiting.enrolment, record.invitation_code)
        _compare(record, device_key, words)
        record = opened.approve(record, device_key, authority, now=_now(), days=days)
        _deliver(record, relay, authority, output)
        typer.echo(f"approved {record.person.name} ({record.person.role}) {until(record.statement_expires)}")


@org_app.command()
def revoke(
    who: Annotated[
        str, typer.Argument(help="An enrolment's id (that one device), or a staff id (all devices).")
    ],
    folder: Folder = DEFAULT_FOLDER,
    relay: Relay = None,
    newest: Newest = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Let nobody believe a device, or a person, any more."""
    with _plainly():
        opened = OrganisationFolder(folder)
        statements, subjects = _whom(opened, who)
        if not yes:
            typer.confirm("Revoke at once?", abort=True)
        _sign_list(opened, _unlock(opened), relay, newest, statements, subjects)


@org_app.command()
def refresh(folder: Folder = DEFAULT_FOLDER, relay: Relay = None, newest: Newest = None) -> None:
    """Sign the revocation list for another 24 hours; do it every day, or nobody new is believed.

    With the root key this also signs the authority statement, which says who may issue: for 8 days where
    there are issuers, else for 92. So do it with the root key at least once a week while there are issuers.
    """
    with _plainly():
        opened = OrganisationFolder(folder)
        _sign_list(opened, _unlock(opened), relay, newest)


@org_app.command()
def issuer(
    name: Annotated[str, typer.Argument(help="Who will issue statements.")],
    issuer_folder: Annotated[Path, typer.Option(help="The new issuer's folder.")],
    folder: Folder = DEFAULT_FOLDER,
    days: Annotated[int, typer.Option(min=1, max=30, help="How long the issuer may issue.")] = 30,
    relay: Relay = None,
    newest: Newest = None,
) -> None:
    """Appoint an issuer, who invites, approves and revokes while the root key rests.

    Nobody believes the issuer before the relay has the authority statement that this signs: name the relay
    with --relay, or `refresh` later. From then on the root key has to `refresh` at least once a week.

    The issuer's own passphrase is asked for, or read from TEDUH_ISSUER_PASSPHRASE or the file that
    TEDUH_ISSUER_PASSPHRASE_FILE names.
    """
    with _plainly():
        opened = OrganisationFolder(folder)
        authority = _unlock(opened)
        passphrase = ask_passphrase(
            "TEDUH_ISSUER_PASSPHRASE", "New passphrase for the issuer's key", new=True
        )
        _newest(opened, relay, newest, authority)
        opened.appoint_issuer(issuer_folder, name, passphrase, authority, now=_now(), days=days)
        typer.echo(f"issuer's folder  {issuer_folder}   (use it as --folder)")
        _sign_list(opened, authority, relay, newest)


@org_app.command("list")
def list_staff(folder: Folder = DEFAULT_FOLDER) -> None:
    """Show who was invited and approved, and who is revoked."""
    with _plainly():
        opened = OrganisationFolder(folder)
        for record in opened.records():
            person = record.person
            typer.echo(
                f"{record.id}  {person.subject}  {person.role:<11}  {person.name}: {state_of(opened, record)}"
            )


@org_app.command()
def show(
    enrolment: Annotated[
        str | None, typer.Argument(help="An enrolment's id; by default the organisation.")
    ] = None,
    folder: Folder = DEFAULT_FOLDER,
) -> None:
    """Show the organisation, or one enrolment."""
    with _plainly():
        opened = OrganisationFolder(folder)
        lines = (
            about_organisation(opened)
            if enrolment is None
            else about_enrolment(opened, opened.record(enrolment))
        )
        for name, value in lines:
            typer.echo(f"{name:<16}{value}")


@contextmanager
def _plainly() -> Iterator[None]:
    """Say what went wrong in one line, and end with status 1."""
    try:
        yield
    except (CredentialError, FolderError, RelayRefused, OSError, msgspec.MsgspecError) as error:
        typer.echo(f"teduh org: {error}", err=True)
        raise typer.Exit(1) from error


def _unlock(folder: OrganisationFolder) -> Authority:
    return folder.unlock(ask_passphrase("TEDUH_ORG_PASSPHRASE", "Passphrase"))


def _give(text: str, output: Path | None) -> None:
    """To the terminal, or to a new file of the user's own."""
    if output is None:
        typer.echo(text)
        return
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")


def _compare(record: EnrolmentRecord, device_key: bytes, words: str | None) -> None:
    """Ask whether the device shows these four words; raises `FolderError` if not."""
    invitation = record.invitation_code.invitation
    accepted = [comparison_words(device_key, language, invitation=invitation) for language in LANGUAGES]
    if words is None:
        typer.echo(f"{record.person.name} ({record.person.role}) must see these words, in either language:\n")
        for own in accepted:
            typer.echo("    " + "  ".join(own))
        typer.echo()
        if not typer.confirm("Are these the four words that were read to you?"):
            raise FolderError("not approved: somebody else may have used the invitation; invite anew")
    elif tuple(words.lower().split()) not in accepted:
        raise FolderError("not approved: the words are not those of the key that came")


def _role(role: str) -> Role:
    if role not in STAFF_ROLES:
        raise FolderError("the role must be one of " + ", ".join(sorted(STAFF_ROLES)))
    return Role(role)


def _now() -> int:
    return int(time.time())


def _submissions(submission: Path | None, relay: str | None, authority: Authority) -> list[Waiting]:
    """What devices sent, from a file or from the relay."""
    if submission is not None:
        content = sys.stdin.buffer.read() if str(submission) == "-" else submission.read_bytes()
        return [msgspec.json.decode(content, type=Waiting)]
    if relay is None:
        raise FolderError("say where the device's submission is: --relay or --submission")
    return _ask(relay, authority, CoordinatorClient.waiting)


def _one_waiting(waiting: list[Waiting], folder: OrganisationFolder, enrolment: str | None) -> Waiting:
    """The submission that is meant; raises `FolderError` if that is not clear."""
    known = {record.id: record for record in folder.records()}
    found = [one for one in waiting if one.id in known and enrolment in (None, one.id)]
    if not found:
        raise FolderError("no device that this folder invited waits for approval")
    if len(found) > 1:
        several = ", ".join(f"{one.id} ({known[one.id].person.name})" for one in found)
        raise FolderError(f"several devices wait, name one of them: {several}")
    return found[0]


def _deliver(record: EnrolmentRecord, relay: str | None, authority: Authority, output: Path | None) -> None:
    assert record.statement is not None
    sealed = seal_statement(record.invitation_code.sealing_key, record.id, *split_chain(record.statement))
    if output is not None:
        output.write_bytes(sealed)
    elif relay is not None:
        _ask(relay, authority, lambda client: client.put_statement(record.id, sealed))


def _whom(folder: OrganisationFolder, who: str) -> tuple[list[str], list[str]]:
    """The statements and subjects to revoke."""
    records = folder.records()
    of_person = [record for record in records if record.person.subject == who]
    if of_person:
        typer.echo(f"all devices of {of_person[0].person.name} ({of_person[0].person.role})", err=True)
        return [], [who]
    record = folder.record(who)
    if record.statement_id is None:
        raise FolderError(
            "this enrolment has no statement yet; revoke the staff id to bar the invitation's person"
        )
    typer.echo(f"one device of {record.person.name} ({record.person.role})", err=True)
    return [record.statement_id], []


def _sign_list(
    folder: OrganisationFolder,
    authority: Authority,
    relay: str | None,
    newest: Path | None,
    statements: Sequence[str] = (),
    subjects: Sequence[str] = (),
) -> None:
    """Sign the next list, with these revoked as well, and as the root the next authority statement; bring
    both to the relay.
    """
    for attempt in range(_MOST_SIGNED):
        before = _newest(folder, relay, newest, authority)
        revocations = before.revoking(now=_now(), statements=statements, subjects=subjects)
        signed = folder.publish(revocations, authority, keeps_ended=attempt > 0)
        if relay is None or _is_taken(signed, relay, authority):
            break
    else:
        raise RelayRefused("others have signed lists at the same time, again and again; try again")
    _report(folder)
    if relay is None:
        files = f"{folder.path / 'revocations.jwt'} and {folder.path / 'authority.jwt'}"
        typer.echo(f"give the relay {files}", err=True)


def _report(folder: OrganisationFolder) -> None:
    """How long what was signed is good, and whether the root key is needed soon."""
    revocations, stated = folder.revocations(), folder.stated()
    typer.echo(f"revocation list version {revocations.version} {until(revocations.expires)}")
    if stated is not None:
        typer.echo(f"authority statement version {stated.version} {until(stated.expires)}")
    if stated is None or stated.expires - _now() < SOON:
        typer.echo("the root key must sign the authority statement now: `teduh org refresh`", err=True)


def _newest(
    folder: OrganisationFolder, relay: str | None, newest: Path | None, authority: Authority
) -> RevocationList:
    """The list to go on from: this folder's, with what others have revoked on the relay's since. A newer
    authority statement of the relay's is kept.
    """
    shown = _read_newest(newest) if relay is None else _ask(relay, authority, CoordinatorClient.revocations)
    if shown is None:
        return folder.revocations()
    try:
        if shown.authority is not None:
            folder.take_statement(shown.authority)
        return folder.revocations_with(shown.list)
    except CredentialError as error:
        typer.echo(f"the relay's list is left aside: {error}", err=True)
        return folder.revocations()


def _is_taken(signed: SignedRevocations, relay: str, authority: Authority) -> bool:
    """Bring the list to the relay; False if it has another one now, which this one must go on from."""
    try:
        _ask(relay, authority, lambda client: client.put_revocations(signed))
    except RelayRefused as refusal:
        if str(refusal).startswith(_GO_ON_FROM_ANOTHER):
            return False
        raise
    return True


def _read_newest(file: Path | None) -> SignedRevocations | None:
    """A relay's answer to GET /v1/revocations, or the list alone."""
    if file is None:
        return None
    content = file.read_text("utf-8").strip()
    if content.startswith("{"):
        return msgspec.json.decode(content, type=SignedRevocations)
    return SignedRevocations(content)


def _ask(
    relay: str,
    authority: Authority,
    question: Callable[[CoordinatorClient], Coroutine[Any, Any, _Result]],
) -> _Result:
    async def ask() -> _Result:
        async with CoordinatorClient(relay, authority) as client:
            return await question(client)

    return asyncio.run(ask())
