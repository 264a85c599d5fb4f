"""What a client publishes so that others can add it while it is away (RFC 9420, 10)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, NewType, Self

from teduh_crypto.mls.codec import Reader, Structure, write_opaque, write_uint16
from teduh_crypto.mls.extension import Extensions, read_extensions, write_extensions
from teduh_crypto.mls.leaf_node import LeafNode

if TYPE_CHECKING:
    from teduh_crypto.hazmat.ciphersuite import CipherSuite
    from teduh_crypto.hazmat.secret import HpkePrivateKey, SignaturePrivateKey

KEY_PACKAGE_LABEL: Final = b"KeyPackageTBS"
_REFERENCE_LABEL: Final = b"MLS 1.0 KeyPackage Reference"

KeyPackageRef = NewType("KeyPackageRef", bytes)
"""The hash by which a welcome names the key package that it answers."""


@dataclass(frozen=True, slots=True)
class KeyPackage(Structure):
    """The public half: an init key for the welcome and a leaf for the tree, signed by the leaf's key."""

    version: int
    cipher_suite: int
    init_key: bytes
    leaf_node: LeafNode
    extensions: Extensions = ()
    signature: bytes = b""

    def write_to(self, out: bytearray) -> None:
        self._write_unsigned(out)
        write_opaque(out, self.signature)

    def _write_unsigned(self, out: bytearray) -> None:
        write_uint16(out, self.version)
        write_uint16(out, self.cipher_suite)
        write_opaque(out, self.init_key)
        self.leaf_node.write_to(out)
        write_extensions(out, self.extensions)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(
            version=reader.uint16(),
            cipher_suite=reader.uint16(),
            init_key=reader.opaque(),
            leaf_node=LeafNode.read_from(reader),
            extensions=read_extensions(reader),
            signature=reader.opaque(),
        )

    def to_be_signed(self) -> bytes:
        """The `KeyPackageTBS`."""
        out = bytearray()
        self._write_unsigned(out)
        return bytes(out)

    def signed(self, suite: CipherSuite, signature_key: SignaturePrivateKey) -> KeyPackage:
        """This key package with a fresh signature."""
        signature = suite.sign_with_label(signature_key, KEY_PACKAGE_LABEL, self.to_be_signed())
        return replace(self, signature=signature)

    def verify_signature(self, suite: CipherSuite) -> None:
        """Check the signature under the leaf's key; raises `InvalidSignature`."""
        content = self.to_be_signed()
        suite.verify_with_label(self.leaf_node.signature_key, KEY_PACKAGE_LABEL, content, self.signature)

    def reference(self, suite: CipherSuite) -> KeyPackageRef:
        """The `KeyPackageRef` (RFC 9420, 5.2)."""
        return KeyPackageRef(suite.ref_hash(_REFERENCE_LABEL, self.to_bytes()))


@dataclass(frozen=True, slots=True)
class KeyPackageBundle:
    """A key package with the private keys behind it; only `key_package` may leave the device."""

    key_package: KeyPackage
    init_key: HpkePrivateKey = field(repr=False)
    encryption_key: HpkePrivateKey = field(repr=False)
    signature_key: SignaturePrivateKey = field(repr=False)
