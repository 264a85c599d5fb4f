"""Nodes above the leaves, and nodes as the ratchet tree extension writes them (RFC 9420, 7.1, 12.4.3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from teduh_crypto.exceptions import DecodingError
from teduh_crypto.mls.codec import Reader, Structure, end_vector, write_opaque, write_uint8, write_uint32
from teduh_crypto.mls.leaf_node import LeafNode
from teduh_crypto.mls.tree_math import LeafIndex


class NodeType(IntEnum):
    """What a node of the tree is."""

    LEAF = 1
    PARENT = 2


@dataclass(frozen=True, slots=True)
class ParentNode(Structure):
    """A key shared by the leaves below, bar the unmerged ones (in increasing order), who lack it."""

    encryption_key: bytes
    parent_hash: bytes
    unmerged_leaves: tuple[LeafIndex, ...] = ()

    def write_to(self, out: bytearray) -> None:
        write_opaque(out, self.encryption_key)
        write_opaque(out, self.parent_hash)
        start = len(out)
        for leaf in self.unmerged_leaves:
            write_uint32(out, leaf)
        end_vector(out, start)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(reader.opaque(), reader.opaque(), reader.vector(_read_leaf_index))


def _read_leaf_index(reader: Reader) -> LeafIndex:
    return LeafIndex(reader.uint32())


Node = LeafNode | ParentNode


def write_optional_node(out: bytearray, node: Node | None) -> None:
    """Append an `optional<Node>`; None is a blank node."""
    if node is None:
        out.append(0)
        return
    out.append(1)
    write_uint8(out, NodeType.LEAF if isinstance(node, LeafNode) else NodeType.PARENT)
    node.write_to(out)


def read_optional_node(reader: Reader) -> Node | None:
    """Read an `optional<Node>`; raises `DecodingError`."""
    return reader.optional(_read_node)


def _read_node(reader: Reader) -> Node:
    node_type = reader.uint8()
    if node_type == NodeType.LEAF:
        return LeafNode.read_from(reader)
    if node_type == NodeType.PARENT:
        return ParentNode.read_from(reader)
    raise DecodingError(f"{node_type} is not a type of node")
