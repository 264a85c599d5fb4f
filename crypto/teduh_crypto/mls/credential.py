"""Who a member says she is: the credentials of RFC 9420, 5.3.

A credential is carried, compared and signed over here, never believed; whether it is to be believed is the
authentication service's question. Types other than the RFC's two, such as the staff statement (0xF7ED) or a
GREASE value, hold one opaque vector that is kept byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from teduh_crypto.mls.codec import Reader, decode, write_opaque, write_uint16, write_vector_with


class CredentialType(IntEnum):
    """The credential types with a format of their own (RFC 9420, 17.5)."""

    BASIC = 1
    X509 = 2


@dataclass(frozen=True, slots=True)
class BasicCredential:
    """A bare assertion of an identity that the application understands."""

    identity: bytes
    credential_type: ClassVar[int] = CredentialType.BASIC


@dataclass(frozen=True, slots=True)
class X509Credential:
    """A certificate chain, DER, the end entity first."""

    certificates: tuple[bytes, ...]
    credential_type: ClassVar[int] = CredentialType.X509


@dataclass(frozen=True, slots=True)
class OpaqueCredential:
    """A credential of any other type: one opaque vector."""

    credential_type: int
    data: bytes


Credential = BasicCredential | X509Credential | OpaqueCredential


def write_credential(out: bytearray, credential: Credential) -> None:
    """Append a `Credential`: its type, then its body."""
    write_uint16(out, credential.credential_type)
    match credential:
        case BasicCredential(identity):
            write_opaque(out, identity)
        case X509Credential(certificates):
            write_vector_with(out, certificates, write_opaque)
        case OpaqueCredential(_, data):
            write_opaque(out, data)


def read_credential(reader: Reader) -> Credential:
    """Read a `Credential`; raises `DecodingError`."""
    credential_type = reader.uint16()
    if credential_type == CredentialType.BASIC:
        return BasicCredential(reader.opaque())
    if credential_type == CredentialType.X509:
        return X509Credential(reader.vector(Reader.opaque))
    return OpaqueCredential(credential_type, reader.opaque())


def credential_to_bytes(credential: Credential) -> bytes:
    """The encoding of `credential`."""
    out = bytearray()
    write_credential(out, credential)
    return bytes(out)


def credential_from_bytes(data: bytes) -> Credential:
    """Decode a `Credential`; raises `DecodingError`."""
    return decode(read_credential, data)
