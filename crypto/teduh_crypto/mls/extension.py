"""How the protocol grows: extensions of leaf nodes, key packages, groups and group infos (RFC 9420, 13.4).

An extension is a number and bytes; those that the RFC defines are also structures here. The ratchet tree
extension lives with the tree, in `ratchet_tree`. Unknown types are kept byte for byte, in their order, for
signatures and hashes cover them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final, Self

from teduh_crypto.exceptions import DecodingError
from teduh_crypto.mls.codec import (
    Reader,
    Structure,
    read_uint16_vector,
    write_opaque,
    write_uint16,
    write_uint16_vector,
    write_vector,
)
from teduh_crypto.mls.credential import Credential, read_credential, write_credential


class ExtensionType(IntEnum):
    """The extension types that RFC 9420, 17.3 registers."""

    APPLICATION_ID = 1
    RATCHET_TREE = 2
    REQUIRED_CAPABILITIES = 3
    EXTERNAL_PUB = 4
    EXTERNAL_SENDERS = 5


DEFAULT_EXTENSION_TYPES: Final[frozenset[int]] = frozenset(ExtensionType)
"""RFC 9420, 7.2: every client supports these, so they are not listed in its capabilities."""
OF_THE_GROUP_CONTEXT: Final = frozenset({ExtensionType.REQUIRED_CAPABILITIES, ExtensionType.EXTERNAL_SENDERS})
"""RFC 9420, 17.3: these are nowhere else."""


@dataclass(frozen=True, slots=True)
class Extension(Structure):
    """One extension, undecoded."""

    extension_type: int
    extension_data: bytes

    def write_to(self, out: bytearray) -> None:
        write_uint16(out, self.extension_type)
        write_opaque(out, self.extension_data)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(reader.uint16(), reader.opaque())


Extensions = tuple[Extension, ...]


def write_extensions(out: bytearray, extensions: Iterable[Extension]) -> None:
    """Append an `Extension extensions<V>`."""
    write_vector(out, extensions)


def read_extensions(reader: Reader) -> Extensions:
    """Read an `Extension extensions<V>`; raises `DecodingError`, also for a type that appears twice.

    RFC 9420 does not say what a second extension of one type would mean, so two readers could take two
    different ones to be in force; such a list is refused.
    """
    extensions = reader.vector(Extension.read_from)
    if len({extension.extension_type for extension in extensions}) != len(extensions):
        raise DecodingError("an extension type appears twice in one list")
    return extensions


def find_extension(extensions: Sequence[Extension], extension_type: int) -> bytes | None:
    """The data of the extension of that type, or None when the list has none."""
    for extension in extensions:
        if extension.extension_type == extension_type:
            return extension.extension_data
    return None


@dataclass(frozen=True, slots=True)
class RequiredCapabilities(Structure):
    """What every member must support (RFC 9420, 11.1)."""

    extension_types: tuple[int, ...] = ()
    proposal_types: tuple[int, ...] = ()
    credential_types: tuple[int, ...] = ()

    EXTENSION_TYPE: ClassVar[int] = ExtensionType.REQUIRED_CAPABILITIES

    def write_to(self, out: bytearray) -> None:
        write_uint16_vector(out, self.extension_types)
        write_uint16_vector(out, self.proposal_types)
        write_uint16_vector(out, self.credential_types)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(read_uint16_vector(reader), read_uint16_vector(reader), read_uint16_vector(reader))

    def to_extension(self) -> Extension:
        """This, as an entry of a group context's extensions."""
        return Extension(self.EXTENSION_TYPE, self.to_bytes())


@dataclass(frozen=True, slots=True)
class ExternalSender(Structure):
    """Somebody outside the group who may propose (RFC 9420, 12.1.8.1)."""

    signature_key: bytes
    credential: Credential

    def write_to(self, out: bytearray) -> None:
        write_opaque(out, self.signature_key)
        write_credential(out, self.credential)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(reader.opaque(), read_credential(reader))


@dataclass(frozen=True, slots=True)
class ExternalSenders(Structure):
    """The external senders of a group; a sender is named by its place in this list."""

    senders: tuple[ExternalSender, ...]

    EXTENSION_TYPE: ClassVar[int] = ExtensionType.EXTERNAL_SENDERS

    def write_to(self, out: bytearray) -> None:
        write_vector(out, self.senders)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(reader.vector(ExternalSender.read_from))

    def to_extension(self) -> Extension:
        """This, as an entry of a group context's extensions."""
        return Extension(self.EXTENSION_TYPE, self.to_bytes())


@dataclass(frozen=True, slots=True)
class ExternalPub(Structure):
    """The HPKE public key to which an external commit is addressed (RFC 9420, 12.4.3.2)."""

    external_pub: bytes

    EXTENSION_TYPE: ClassVar[int] = ExtensionType.EXTERNAL_PUB

    def write_to(self, out: bytearray) -> None:
        write_opaque(out, self.external_pub)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(reader.opaque())

    def to_extension(self) -> Extension:
        """This, as an entry of a group info's extensions."""
        return Extension(self.EXTENSION_TYPE, self.to_bytes())


@dataclass(frozen=True, slots=True)
class ApplicationId(Structure):
    """A name that the application gives to a leaf (RFC 9420, 5.3.3)."""

    application_id: bytes

    EXTENSION_TYPE: ClassVar[int] = ExtensionType.APPLICATION_ID

    def write_to(self, out: bytearray) -> None:
        write_opaque(out, self.application_id)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(reader.opaque())

    def to_extension(self) -> Extension:
        """This, as an entry of a leaf node's extensions."""
        return Extension(self.EXTENSION_TYPE, self.to_bytes())
