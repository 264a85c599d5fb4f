"""The public ratchet tree: who is in the group, and which keys its subgroups share (RFC 9420, 4 and 7).

A tree never changes; every operation returns another tree. Nodes lie in one tuple in the order of
`tree_math`, always filled up to a full tree, so a change costs one copy of that tuple. Tree hashes are kept
beside the nodes and handed on to the next tree, bar those above a changed node:

          7*                   * recomputed after leaf 1 (node 2) has changed;
        /    \\                   all others are taken over from the tree before
       3*     11
      / \\    /  \\
     1*  5   9   13
    / \\ ...
   0   2*
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from teduh_crypto.exceptions import InvalidTree, LocalError
from teduh_crypto.mls.codec import decode, write_vector_with
from teduh_crypto.mls.leaf_node import LeafNode
from teduh_crypto.mls.parent_node import Node, ParentNode, read_optional_node, write_optional_node
from teduh_crypto.mls.tree_hash import leaf_node_hash, parent_node_hash
from teduh_crypto.mls.tree_math import (
    MAX_LEAVES,
    LeafIndex,
    NodeIndex,
    copath,
    direct_path,
    is_leaf,
    leaf_node_index,
    leaf_width,
    left,
    node_leaf_index,
    node_width,
    parent,
    right,
    root,
)

if TYPE_CHECKING:
    from teduh_crypto.hazmat.ciphersuite import CipherSuite

Nodes = tuple[Node | None, ...]

# Walking all nodes is the one linear part of a commit, so the loops over them run in C.
_ENCRYPTION_KEY: Final[Callable[[Node], bytes]] = attrgetter("encryption_key")


class RatchetTree:
    """A full binary tree of nodes, some of them blank, with its hashes under one cipher suite. Immutable."""

    __slots__ = ("_hashes", "_nodes", "suite")

    def __init__(self, suite: CipherSuite, nodes: Nodes, hashes: list[bytes | None] | None = None) -> None:
        """Used within this module and by tests that need a tree nobody would build; see the class methods."""
        self.suite = suite
        self._nodes = nodes
        # A cached hash implies cached hashes below it, so a missing one means that all above are missing too.
        self._hashes: list[bytes | None] = [None] * len(nodes) if hashes is None else hashes

    @classmethod
    def with_one_leaf(cls, suite: CipherSuite, leaf: LeafNode) -> RatchetTree:
        """The tree of a new group."""
        return cls(suite, (leaf,))

    @classmethod
    def from_nodes(
        cls, suite: CipherSuite, nodes: Sequence[Node | None], most_leaves: int = MAX_LEAVES
    ) -> RatchetTree:
        """The tree of a ratchet tree extension; raises `InvalidTree` when nodes stand where they can not."""
        if not nodes or nodes[-1] is None:
            # RFC 9420, 12.4.3.3: the last node is not blank, for blanks to its right are left out.
            raise InvalidTree("a ratchet tree ends in a blank node, or is empty")
        if len(nodes) > node_width(most_leaves):
            raise InvalidTree(f"{len(nodes)} nodes are more than the {node_width(most_leaves)} that are read")
        for index, node in enumerate(nodes):
            if node is not None and isinstance(node, LeafNode) != is_leaf(NodeIndex(index)):
                raise InvalidTree(f"node {index} is not of the type that its place asks for")
        width = node_width(_slots_for(leaf_width(len(nodes))))
        return cls(suite, (*nodes, *(None,) * (width - len(nodes))))

    @classmethod
    def from_bytes(cls, suite: CipherSuite, data: bytes, most_leaves: int = MAX_LEAVES) -> RatchetTree:
        """Decode a ratchet tree extension; raises `DecodingError` or `InvalidTree`.

        No more nodes are read than a tree of `most_leaves` places has.
        """
        most_nodes = max(1, node_width(most_leaves))
        nodes = decode(lambda reader: reader.vector(read_optional_node, max_items=most_nodes), data)
        return cls.from_nodes(suite, nodes, most_leaves)

    def to_bytes(self) -> bytes:
        """The data of a ratchet tree extension: all nodes up to the last that is not blank."""
        end = len(self._nodes)
        while end and self._nodes[end - 1] is None:
            end -= 1
        out = bytearray()
        write_vector_with(out, self._nodes[:end], write_optional_node)
        return bytes(out)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RatchetTree):
            return NotImplemented
        return self.suite is other.suite and self._nodes == other._nodes

    __hash__ = None  # type: ignore[assignment] # a tree is compared in tests, and is never a key

    def __repr__(self) -> str:
        return f"<RatchetTree of {self.n_leaves} leaf slots>"

    @property
    def n_leaves(self) -> int:
        """Leaf slots, blank ones too: a power of two."""
        return leaf_width(len(self._nodes))

    @property
    def root(self) -> NodeIndex:
        """The index of the root."""
        return root(self.n_leaves)

    @property
    def nodes(self) -> Nodes:
        """All nodes by index, None where blank."""
        return self._nodes

    def node(self, index: NodeIndex) -> Node | None:
        """The node at an index inside the tree, or None when it is blank."""
        return self._nodes[index]

    def leaf(self, index: LeafIndex) -> LeafNode | None:
        """The leaf at an index, or None when it is blank or outside the tree."""
        if not 0 <= index < self.n_leaves:
            return None
        node = self._nodes[leaf_node_index(index)]
        assert node is None or isinstance(node, LeafNode)
        return node

    def parent_node(self, index: NodeIndex) -> ParentNode | None:
        """The parent node at an odd index, or None when it is blank."""
        node = self._nodes[index]
        assert node is None or isinstance(node, ParentNode)
        return node

    def leaves(self) -> Iterator[tuple[LeafIndex, LeafNode]]:
        """The leaves that are not blank, from the left."""
        for index, node in enumerate(self._nodes[::2]):
            if isinstance(node, LeafNode):
                yield LeafIndex(index), node

    def parent_nodes(self) -> Iterator[tuple[NodeIndex, ParentNode]]:
        """The parent nodes that are not blank, by index."""
        for index, node in enumerate(self._nodes[1::2]):
            if isinstance(node, ParentNode):
                yield NodeIndex(2 * index + 1), node

    def has_any_encryption_key(self, keys: Iterable[bytes]) -> bool:
        """Whether a node of the tree has one of these public keys."""
        return not frozenset(keys).isdisjoint(self.encryption_keys())

    def encryption_keys(self) -> Iterator[bytes]:
        """The public keys of all nodes that are not blank."""
        nodes: Iterator[Node] = filter(None, self._nodes)
        return map(_ENCRYPTION_KEY, nodes)

    def members(self) -> Iterator[LeafNode]:
        """The leaves that are not blank, from the left, without their places."""
        leaves: Iterator[LeafNode] = filter(None, self._nodes[::2])  # type: ignore[arg-type] # even nodes are leaves
        return leaves

    def resolution(self, index: NodeIndex) -> list[NodeIndex]:
        """The nodes that together cover every member below a node (RFC 9420, 4.1.1)."""
        node = self._nodes[index]
        if isinstance(node, ParentNode):
            return [index, *(leaf_node_index(leaf) for leaf in node.unmerged_leaves)]
        if node is not None:
            return [index]
        if is_leaf(index):
            return []
        return self.resolution(left(index)) + self.resolution(right(index))

    def has_members_below(self, index: NodeIndex) -> bool:
        """Whether the resolution of a node is not empty."""
        if self._nodes[index] is not None:
            return True
        if is_leaf(index):
            return False
        return self.has_members_below(left(index)) or self.has_members_below(right(index))

    def filtered_direct_path(self, leaf: LeafIndex) -> list[tuple[NodeIndex, NodeIndex]]:
        """The nodes above a leaf that an update path sets, upwards, each with its child on the copath.

        RFC 9420, 4.1.2: a node is left out when nobody is below that child.
        """
        start = leaf_node_index(leaf)
        pairs = zip(direct_path(start, self.n_leaves), copath(start, self.n_leaves), strict=True)
        return [(node, child) for node, child in pairs if self.has_members_below(child)]

    def with_nodes(self, changes: Mapping[NodeIndex, Node | None]) -> RatchetTree:
        """The tree with some nodes replaced; the hashes of all others are kept."""
        nodes = list(self._nodes)
        hashes = self._hashes.copy()
        for index, node in changes.items():
            nodes[index] = node
            self._forget_hashes(hashes, index)
        return RatchetTree(self.suite, tuple(nodes), hashes)

    def _forget_hashes(self, hashes: list[bytes | None], index: NodeIndex) -> None:
        n_leaves = self.n_leaves
        while hashes[index] is not None:
            hashes[index] = None
            if index == root(n_leaves):
                return
            index = parent(index, n_leaves)

    def blanked_path(self, leaf: LeafIndex) -> dict[NodeIndex, Node | None]:
        """The changes that blank everything above a leaf."""
        return dict.fromkeys(direct_path(leaf_node_index(leaf), self.n_leaves))

    def update_leaf(self, index: LeafIndex, leaf: LeafNode) -> RatchetTree:
        """Replace a leaf and blank its direct path (RFC 9420, 12.1.2)."""
        self._require_member(index)
        return self.with_nodes(self.blanked_path(index) | {leaf_node_index(index): leaf})

    def remove_leaf(self, index: LeafIndex) -> RatchetTree:
        """Blank a leaf and its direct path, and cut off empty right halves (RFC 9420, 12.1.3)."""
        self._require_member(index)
        return self.with_nodes(self.blanked_path(index) | {leaf_node_index(index): None})._truncated()

    def _require_member(self, index: LeafIndex) -> None:
        if self.leaf(index) is None:
            raise LocalError(f"there is no member at leaf {index}")

    def _truncated(self) -> RatchetTree:
        width = len(self._nodes)
        while width > 1 and not any(self._nodes[width // 2 + 1 : width]):
            width //= 2
        if width == len(self._nodes):
            return self
        return RatchetTree(self.suite, self._nodes[:width], self._hashes[:width])

    def add_leaf(self, leaf: LeafNode) -> tuple[RatchetTree, LeafIndex]:
        """Put a leaf at the leftmost blank place, and note it as unmerged above (RFC 9420, 12.1.1)."""
        tree, index = self.with_free_leaf()
        changes: dict[NodeIndex, Node | None] = {leaf_node_index(index): leaf}
        for node_index in direct_path(leaf_node_index(index), tree.n_leaves):
            node = tree.parent_node(node_index)
            if node is not None:
                changes[node_index] = _with_unmerged(node, index)
        return tree.with_nodes(changes), index

    def with_free_leaf(self) -> tuple[RatchetTree, LeafIndex]:
        """The tree with a blank leaf in it, the leftmost: where an external commit puts its own."""
        index = self.next_free_leaf()
        return (self if index < self.n_leaves else self._extended()), index

    def next_free_leaf(self) -> LeafIndex:
        """The leftmost blank leaf, or the first behind the tree when it is full."""
        for index, node in enumerate(self._nodes[::2]):
            if node is None:
                return LeafIndex(index)
        return LeafIndex(self.n_leaves)

    def _extended(self) -> RatchetTree:
        # RFC 9420, 7.7: a new blank root, with this tree to its left and an empty one to its right.
        width = len(self._nodes)
        if 2 * self.n_leaves > MAX_LEAVES:
            raise LocalError(f"a group has at most {MAX_LEAVES} members")
        return RatchetTree(
            self.suite, (*self._nodes, *(None,) * (width + 1)), [*self._hashes, *(None,) * (width + 1)]
        )

    def tree_hash(self, index: NodeIndex | None = None) -> bytes:
        """The tree hash of a node, or of the root (RFC 9420, 7.8)."""
        if index is None:
            index = self.root
        known = self._hashes[index]
        if known is not None:
            return known
        if is_leaf(index):
            computed = leaf_node_hash(self.suite, node_leaf_index(index), self.leaf(node_leaf_index(index)))
        else:
            below = self.tree_hash(left(index)), self.tree_hash(right(index))
            computed = parent_node_hash(self.suite, self.parent_node(index), *below)
        # A memo of what the frozen nodes determine: nobody can see it change.
        self._hashes[index] = computed
        return computed


def _slots_for(n_leaves: int) -> int:
    return 1 << (n_leaves - 1).bit_length()


def _with_unmerged(node: ParentNode, leaf: LeafIndex) -> ParentNode:
    leaves = list(node.unmerged_leaves)
    insort(leaves, leaf)
    return replace(node, unmerged_leaves=tuple(leaves))
