"""An issuer's key in the hands of a thief, who signs with it what suits him."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from teduh_crypto.credentials import (
    STAFF_CREDENTIAL_TYPE,
    Authority,
    Role,
    encode_credential,
    next_authority_statement,
    sign_authority_statement,
    sign_revocation_list,
    sign_staff_statement,
    split_chain,
)
from teduh_crypto.mls.credential import OpaqueCredential

from support.organisation.relay_organisation import RelayOrganisation
from support.organisation.staffed_organisation import public_key

DAY = 24 * 3600


@dataclass(frozen=True, slots=True)
class Shown:
    """A member as the MLS group shows it."""

    leaf_index: int
    credential: OpaqueCredential
    signature_key: bytes


@dataclass
class StolenIssuer:
    """An organisation, the key of an issuer of its own, and what its thief signs with that key."""

    organisation: RelayOrganisation = field(default_factory=RelayOrganisation)
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    def __post_init__(self) -> None:
        staff = self.organisation.staff("Night desk").about
        appointed = replace(
            staff, role=Role.ISSUER, device_key=public_key(self.key), expires=int(time.time()) + 29 * DAY
        )
        self.statement_id = appointed.statement_id
        statement = sign_staff_statement(appointed, self.organisation.authority)
        self.authority = Authority(self.organisation.id, self.key, statement)

    def stated(self, *, lists_it: bool, version: int, age: int = 0) -> str:
        """An authority statement of the root's, signed `age` seconds ago."""
        issuers = frozenset({self.statement_id}) if lists_it else frozenset[str]()
        now = int(time.time()) - age
        first = next_authority_statement(None, self.organisation.id, issuers=issuers, least=1, now=now)
        return sign_authority_statement(replace(first, version=version), self.organisation.authority)

    def empty_list(self) -> str:
        """Signed now, with the stolen key, as if nobody had ever been revoked."""
        return sign_revocation_list(
            replace(self.organisation.revocations(), version=int(time.time())), self.authority
        )

    def listener(self) -> Shown:
        """A counselor of the thief's own making."""
        key = Ed25519PrivateKey.generate()
        about = replace(self.organisation.staff("Sari").about, device_key=public_key(key))
        chain = split_chain(sign_staff_statement(about, self.authority))
        credential = OpaqueCredential(STAFF_CREDENTIAL_TYPE, encode_credential(*chain))
        return Shown(1, credential, public_key(key))
