"""`teduh directory`: who else can help, kept as a list, signed, and given to the relay.

    services.csv ──import-csv──> directory.json ──check──> what is wrong
                                       └───sign───> directory.json, directory.jwt

The two signed files lie in the organisation's folder and go to the relay, beside its `organisation.toml`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from teduh_crypto.credentials import CredentialError
from teduh_signaling.directory.format import InvalidDirectory, write_directory

from teduh_server.cli.org_show import until
from teduh_server.cli.passphrase import ask_passphrase
from teduh_server.organisation.directory_check import Finding, check_directory
from teduh_server.organisation.directory_csv import directory_from_csv
from teduh_server.organisation.organisation_folder import FolderError, OrganisationFolder
from teduh_server.organisation.signed_directory import (
    DIRECTORY_FILE,
    DirectoryNotSigned,
    national_directory,
    national_table,
    sign_directory,
    statement_file,
)

directory_app = typer.Typer(
    no_args_is_help=True, help="Keep the directory of services: who else can help, and how to reach them."
)
_DAY: Final = 24 * 3600
_DIRECTORY = Annotated[Path, typer.Argument(help="The directory (HSDS 3.1, JSON); - is standard input.")]


@directory_app.command()
def check(directory: _DIRECTORY) -> None:
    """Say what is wrong with a directory; ends with status 1 if it could not be signed."""
    with _plainly():
        findings = check_directory(_read(directory), _today())
        _print(findings)
        if any(finding.is_fault for finding in findings):
            raise typer.Exit(1)
        typer.echo("nothing keeps it from being signed")


@directory_app.command()
def sign(
    directory: Annotated[
        Path | None, typer.Argument(help="The directory; by default the national one that comes with Teduh.")
    ] = None,
    folder: Annotated[
        Path, typer.Option("--folder", envvar="TEDUH_ORG_FOLDER", help="The organisation's folder.")
    ] = Path("organisation"),
    days: Annotated[int, typer.Option(min=1, max=92, help="How long it counts.")] = 92,
) -> None:
    """Sign a directory, which takes the place of the one before; with the root key, or an issuer's.

    The passphrase is asked for, or read from TEDUH_ORG_PASSPHRASE or the file that TEDUH_ORG_PASSPHRASE_FILE
    names. What an issuer signs counts no longer than the issuer.
    """
    with _plainly():
        opened = OrganisationFolder(folder)
        content = national_directory() if directory is None else _read(directory)
        authority = opened.unlock(ask_passphrase("TEDUH_ORG_PASSPHRASE", "Passphrase"))
        now = int(time.time())
        try:
            statement = sign_directory(
                opened.path, content, authority, opened.verifier(), now=now, validity=days * _DAY
            )
        except DirectoryNotSigned as faulty:
            _print(faulty.findings)
            raise
        file = folder / DIRECTORY_FILE
        typer.echo(f"directory version {statement.version} {until(statement.expires)}")
        typer.echo(
            f"give the relay {file} and {statement_file(file)}, beside its organisation.toml", err=True
        )


@directory_app.command("import-csv")
def import_csv(
    table: Annotated[Path, typer.Argument(help="The table, as CSV in UTF-8; - is standard input.")],
    output: Annotated[Path | None, typer.Option(help="Write the directory to this file.")] = None,
) -> None:
    """Make a directory of a table from a spreadsheet; docs/directory.md names the columns."""
    with _plainly():
        directory = directory_from_csv(_read(table))
        content = write_directory(directory)
        if output is None:
            typer.echo(content.decode(), nl=False)
        else:
            output.write_bytes(content)
        _print(check_directory(content, _today()))
        typer.echo(f"{len(directory.services)} services", err=True)


@directory_app.command()
def national() -> None:
    """Print the national list of Indonesia as a table, to go on with: call, and put in the new dates."""
    typer.echo(national_table().decode(), nl=False)


@contextmanager
def _plainly() -> Iterator[None]:
    """Say what went wrong in one line, and end with status 1."""
    try:
        yield
    except (CredentialError, DirectoryNotSigned, FolderError, InvalidDirectory, OSError) as error:
        typer.echo(f"teduh directory: {error}", err=True)
        raise typer.Exit(1) from error


def _read(file: Path) -> bytes:
    return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()


def _print(findings: Sequence[Finding]) -> None:
    for finding in findings:
        typer.echo(str(finding), err=True)


def _today() -> date:
    return datetime.now(UTC).date()
