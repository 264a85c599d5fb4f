"""A group's state, signed by a member for somebody who is to join (RFC 9420, 12.4.3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Self

from teduh_crypto.mls.codec import Reader, Structure, write_opaque, write_uint32
from teduh_crypto.mls.extension import Extensions, read_extensions, write_extensions
from teduh_crypto.mls.group_context import GroupContext
from teduh_crypto.mls.tree_math import LeafIndex

if TYPE_CHECKING:
    from teduh_crypto.hazmat.ciphersuite import CipherSuite
    from teduh_crypto.hazmat.secret import SignaturePrivateKey

GROUP_INFO_LABEL: Final = b"GroupInfoTBS"


@dataclass(frozen=True, slots=True)
class GroupInfo(Structure):
    """The group context, the tag that confirms its history, and who vouches for it."""

    group_context: GroupContext
    extensions: Extensions
    confirmation_tag: bytes
    signer: LeafIndex
    signature: bytes = b""

    def write_to(self, out: bytearray) -> None:
        self._write_unsigned(out)
        write_opaque(out, self.signature)

    def _write_unsigned(self, out: bytearray) -> None:
        self.group_context.write_to(out)
        write_extensions(out, self.extensions)
        write_opaque(out, self.confirmation_tag)
        write_uint32(out, self.signer)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(
            group_context=GroupContext.read_from(reader),
            extensions=read_extensions(reader),
            confirmation_tag=reader.opaque(),
            signer=LeafIndex(reader.uint32()),
            signature=reader.opaque(),
        )

    def to_be_signed(self) -> bytes:
        """The `GroupInfoTBS`."""
        out = bytearray()
        self._write_unsigned(out)
        return bytes(out)

    def signed(self, suite: CipherSuite, signature_key: SignaturePrivateKey) -> GroupInfo:
        """This group info with a fresh signature."""
        signature = suite.sign_with_label(signature_key, GROUP_INFO_LABEL, self.to_be_signed())
        return replace(self, signature=signature)

    def verify_signature(self, suite: CipherSuite, signature_key: bytes) -> None:
        """Check the signature under the signer's public key; raises `InvalidSignature`."""
        suite.verify_with_label(signature_key, GROUP_INFO_LABEL, self.to_be_signed(), self.signature)
