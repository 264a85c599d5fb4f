"""What one node adds to the hash of the tree (RFC 9420, 7.8).

The hash of a leaf covers its index and content, the hash of a parent covers its content and the hashes of its
children. `RatchetTree.tree_hash` puts them together and remembers them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from teduh_crypto.mls.codec import write_opaque, write_optional, write_uint32

if TYPE_CHECKING:
    from teduh_crypto.hazmat.ciphersuite import CipherSuite
    from teduh_crypto.mls.leaf_node import LeafNode
    from teduh_crypto.mls.parent_node import ParentNode
    from teduh_crypto.mls.tree_math import LeafIndex

_LEAF: Final = b"\x01"
_PARENT: Final = b"\x02"


def leaf_node_hash(suite: CipherSuite, index: LeafIndex, leaf: LeafNode | None) -> bytes:
    """The tree hash of a leaf, or of the blank at its place."""
    out = bytearray(_LEAF)
    write_uint32(out, index)
    write_optional(out, leaf)
    return suite.hash(bytes(out))


def parent_node_hash(
    suite: CipherSuite, node: ParentNode | None, left_hash: bytes, right_hash: bytes
) -> bytes:
    """The tree hash of a parent, or of the blank at its place."""
    out = bytearray(_PARENT)
    write_optional(out, node)
    write_opaque(out, left_hash)
    write_opaque(out, right_hash)
    return suite.hash(bytes(out))
