"""An organisation with staff devices and a fresh revocation list, as relays under test need it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from teduh_crypto.credentials import (
    Authority,
    Organisation,
    RevocationList,
    Role,
    StaffStatement,
    device_id,
    first_revocation_list,
    new_identifier,
    next_authority_statement,
    sign_authority_statement,
    sign_relay_authentication,
    sign_revocation_list,
    sign_staff_statement,
)

_DAY = 24 * 3600


@dataclass(frozen=True, slots=True)
class StaffDevice:
    """A device of a staff member with its statement."""

    key: Ed25519PrivateKey
    statement: str
    about: StaffStatement

    @property
    def id(self) -> bytes:
        return device_id(self.about.device_key)

    def sign(self, origin: str, nonce: bytes) -> bytes:
        """Proof of possession for a relay's Hello."""
        return sign_relay_authentication(self.key, origin, nonce)


@dataclass(frozen=True, slots=True)
class RelayOrganisation:
    """Signs for its staff with a root key in memory."""

    root: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    id: str = "rumah-aman"
    _first: list[str] = field(default_factory=list, init=False, repr=False, compare=False)
    _stated: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def public(self) -> Organisation:
        return Organisation(self.id, "Rumah Aman", self.root.public_key().public_bytes_raw())

    @property
    def authority(self) -> Authority:
        return Authority(self.id, self.root)

    def write(self, folder: Path) -> Path:
        """The organisation file."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "organisation.toml"
        path.write_text(self.public.to_toml(), "utf-8")
        return path

    def staff(
        self,
        name: str = "Sari",
        role: Role = Role.COUNSELOR,
        expires_in: int = _DAY,
        *,
        languages: tuple[str, ...] = ("id",),
        skills: tuple[str, ...] = (),
        subject: str | None = None,
        begins_in: int = -300,
    ) -> StaffDevice:
        """A device; those with the same `subject` are of one person."""
        key = Ed25519PrivateKey.generate()
        now = int(time.time())
        about = StaffStatement(
            organisation_id=self.id,
            statement_id=new_identifier(),
            subject=subject or new_identifier(),
            name=name,
            role=role,
            languages=languages,
            skills=skills,
            not_before=now + begins_in,
            expires=now + expires_in,
            device_key=key.public_key().public_bytes_raw(),
        )
        return StaffDevice(key, sign_staff_statement(about, self.authority), about)

    def revocations(self) -> RevocationList:
        return first_revocation_list(self.id, now=int(time.time()))

    def revoking_nobody(self) -> str:
        """The first signed list, always the same: signed a second later it would be another one of the same
        version, which a node that has heard of this one refuses.
        """
        if not self._first:
            self._first.append(sign_revocation_list(self.revocations(), self.authority))
        return self._first[0]

    def revoking(self, *devices: StaffDevice) -> str:
        """The signed list after the first one that revokes these."""
        statements = frozenset(each.about.statement_id for each in devices)
        revoked = replace(self.revocations(), version=2, statements=statements)
        return sign_revocation_list(revoked, self.authority)

    def authority_statement(self) -> str:
        """The signed authority statement, always the same, by which no issuer counts and every list does."""
        if not self._stated:
            # Of yesterday, for lists of some hours ago as well.
            first = next_authority_statement(
                None, self.id, issuers=frozenset(), least=0, now=int(time.time()) - _DAY
            )
            self._stated.append(sign_authority_statement(first, self.authority))
        return self._stated[0]

    async def publish_revocations(
        self, relay_url: str, text: str | None = None, authority: str | None = None
    ) -> None:
        """Put list and authority statement on the relay, which refuses all staff before it has them."""
        signed = {
            "list": text or self.revoking_nobody(),
            "authority": authority or self.authority_statement(),
        }
        async with aiohttp.ClientSession() as session, asyncio.timeout(20):
            while True:
                async with session.put(f"{relay_url}/v1/revocations", json=signed) as answer:
                    if answer.status == HTTPStatus.NO_CONTENT:
                        return
                    # One of several workers may have no word of its store yet.
                    assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE, await answer.text()
                await asyncio.sleep(0.05)
