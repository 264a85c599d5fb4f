"""`teduh demo`: everything on one machine in one command, to try it out.

In the demonstration's folder (`data/demo`) it keeps an organisation whose root key lies unprotected, one
staff device for the terminal, and an embedded Valkey; browsers come in by links (`demo_enrolment`). Nothing
of it is fit for anything but trying: a real organisation begins with `teduh org init`.

    data/demo/organisation.toml          what relay and clients pin
    data/demo/directory.json, .jwt       who else can help in Indonesia, signed
    data/demo/root.pem                   its root key, unprotected
    data/demo/staff/sari/device.pem      the device key of Sari, counselor, unprotected
    data/demo/staff/sari/statement.jwt   her statement, renewed at each start
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from teduh_crypto.credentials import (
    LIST_VALIDITY,
    MAX_VALIDITY,
    Authority,
    Organisation,
    RevocationList,
    Role,
    StaffStatement,
    StatementVerifier,
    new_identifier,
    next_authority_statement,
    sign_authority_statement,
    sign_revocation_list,
    sign_staff_statement,
)

from teduh_server.app import Relay
from teduh_server.cli.demo_enrolment import DemoEnrolments
from teduh_server.cli.run import run_relay
from teduh_server.config.settings import load_settings
from teduh_server.organisation.signed_directory import national_directory, sign_directory

_ORGANISATION_ID = "demonstration"
_BACKDATED_SECONDS = 300

_WELCOME = """
The demonstration relay listens on {origin}. Open these two pages side by side:

  the survivor:   {origin}/
  the counselor:  {link}

The counselor's link is good for one browser, and this demonstration lets it in by itself; in a real
organisation somebody compares four words first. Calls go straight from page to page, for both are on this
machine; elsewhere they need a TURN server. Or talk in two more terminals in this folder:

  the survivor:
    .venv/bin/python examples/chat.py survivor --relay {origin} --organisation {organisation}
  the counselor:
    .venv/bin/python examples/chat.py counselor --relay {origin} --organisation {organisation} \\
        --device {device}

Ctrl-C stops the relay.
"""
_PAGE = """
[page.confidentiality]
id = "Ini hanya peragaan: tidak ada konselor sungguhan di sini. Panggilan tetap di dalam mesin ini."
en = "This is only a demonstration: nobody who could help is here. Calls go straight within this machine."
"""
_NEXT_LINK = """{name} has joined. For one more browser: {link}
"""


def demo(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")
    ] = 8420,
    folder: Annotated[Path, typer.Option(help="Where the demonstration keeps its data.")] = Path("data/demo"),
) -> None:
    """Try it out: a relay with its own Valkey and a made-up organisation, for two pages or two terminals on
    this machine.
    """
    demonstration = Demonstration(folder)
    demonstration.prepare()
    settings = load_settings(
        listen_host="127.0.0.1",
        listen_port=port,
        data_folder=folder,
        organisation_file=demonstration.organisation_file,
        log_level="warning",
        # Both sides are on this machine, so that neither learns an address that it does not know.
        calls={"allow_direct": True},
    )
    run_relay(settings, started=demonstration.present, demonstration=True)


class Demonstration:
    """The made-up organisation in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.organisation_file = folder / "organisation.toml"
        self.device_folder = folder / "staff" / "sari"

    def prepare(self) -> None:
        """Make what is missing, and renew what ends."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.device_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        root = _key(self.folder / "root.pem")
        public = Organisation(_ORGANISATION_ID, "Teduh demonstration", root.public_key().public_bytes_raw())
        self.organisation_file.write_text(public.to_toml() + _PAGE, "utf-8")
        device = _key(self.device_folder / "device.pem")
        authority = Authority(_ORGANISATION_ID, root)
        verifier = StatementVerifier(public.root_public_key, public.id)
        sign_directory(self.folder, national_directory(), authority, verifier, now=int(time.time()))
        statement = sign_staff_statement(_counselor(device), Authority(_ORGANISATION_ID, root))
        _write(self.device_folder / "statement.jwt", statement.encode())

    async def present(self, relay: Relay) -> None:
        """Give the relay its revocation list and authority statement, say what to do next, and let in who
        comes by the links.
        """
        await relay.adopt_revocations(self._revocation_list(), self._authority_statement())
        enrolments = DemoEnrolments(self._authority(), f"{relay.console_origin}/console/")
        typer.echo(
            _WELCOME.format(
                origin=relay.origin,
                link=enrolments.link(),
                organisation=self.organisation_file,
                device=self.device_folder,
            )
        )

        def approved(name: str) -> None:
            typer.echo(_NEXT_LINK.format(name=name, link=enrolments.link()))

        relay.spawn(enrolments.approve_forever(relay.enrolments, approved))

    def _authority(self) -> Authority:
        return Authority(_ORGANISATION_ID, _key(self.folder / "root.pem"))

    def _revocation_list(self) -> str:
        now = int(time.time())
        # Versions only grow; the time does, too.
        revocations = RevocationList(_ORGANISATION_ID, version=now, issued=now, expires=now + LIST_VALIDITY)
        return sign_revocation_list(revocations, self._authority())

    def _authority_statement(self) -> str:
        statement = next_authority_statement(
            None, _ORGANISATION_ID, issuers=frozenset(), least=0, now=int(time.time())
        )
        return sign_authority_statement(statement, self._authority())


def _counselor(device: Ed25519PrivateKey) -> StaffStatement:
    now = int(time.time())
    return StaffStatement(
        organisation_id=_ORGANISATION_ID,
        statement_id=new_identifier(),
        subject="sari",
        name="Sari",
        role=Role.COUNSELOR,
        languages=("id", "en"),
        skills=(),
        not_before=now - _BACKDATED_SECONDS,
        expires=now - _BACKDATED_SECONDS + MAX_VALIDITY,
        device_key=device.public_key().public_bytes_raw(),
    )


def _key(path: Path) -> Ed25519PrivateKey:
    """The key at `path`; a new one if there is none."""
    if path.exists():
        key = load_pem_private_key(path.read_bytes(), None)
        if not isinstance(key, Ed25519PrivateKey):
            raise typer.BadParameter(f"{path} holds another kind of key")
        return key
    key = Ed25519PrivateKey.generate()
    _write(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key


def _write(path: Path, content: bytes) -> None:
    """Write a file that only this user can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
