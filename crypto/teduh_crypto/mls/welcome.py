"""How new members receive an epoch's secrets, as it goes over the wire (RFC 9420, 12.4.3.1).

Welcome ─┬─ secrets[i]: for one key package, sealed to its init key
         │     └─ GroupSecrets: joiner_secret, path_secret, psks
         └─ encrypted_group_info: one GroupInfo for all, under a key from the joiner_secret
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from teduh_crypto.mls.codec import Reader, Structure, write_opaque, write_uint16, write_vector
from teduh_crypto.mls.key_package import KeyPackageRef
from teduh_crypto.mls.psk import PreSharedKeyID
from teduh_crypto.mls.update_path import HPKECiphertext


@dataclass(frozen=True, slots=True)
class GroupSecrets(Structure):
    """What a new member needs; `path_secret` is that of the lowest node it shares with the committer."""

    joiner_secret: bytes = field(repr=False)
    path_secret: bytes | None = field(repr=False)
    psks: tuple[PreSharedKeyID, ...] = ()

    def write_to(self, out: bytearray) -> None:
        write_opaque(out, self.joiner_secret)
        if self.path_secret is None:
            out.append(0)
        else:
            out.append(1)
            write_opaque(out, self.path_secret)
        write_vector(out, self.psks)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(reader.opaque(), reader.optional(Reader.opaque), reader.vector(PreSharedKeyID.read_from))


@dataclass(frozen=True, slots=True)
class EncryptedGroupSecrets(Structure):
    """The group secrets of one new member, named by its key package."""

    new_member: KeyPackageRef
    encrypted_group_secrets: HPKECiphertext

    def write_to(self, out: bytearray) -> None:
        write_opaque(out, self.new_member)
        self.encrypted_group_secrets.write_to(out)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(KeyPackageRef(reader.opaque()), HPKECiphertext.read_from(reader))


@dataclass(frozen=True, slots=True)
class Welcome(Structure):
    """One message for all members that a commit added."""

    cipher_suite: int
    secrets: tuple[EncryptedGroupSecrets, ...]
    encrypted_group_info: bytes

    def write_to(self, out: bytearray) -> None:
        write_uint16(out, self.cipher_suite)
        write_vector(out, self.secrets)
        write_opaque(out, self.encrypted_group_info)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(reader.uint16(), reader.vector(EncryptedGroupSecrets.read_from), reader.opaque())
