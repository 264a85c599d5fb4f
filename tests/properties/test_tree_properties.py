"""Random histories of a tree: it always stays one that a newcomer would believe."""

from __future__ import annotations

from forging.trees import GROUP_ID, NOW, SUITE, Grove, device, grove
from hypothesis import given, settings
from hypothesis import strategies as st
from teduh_crypto.mls.leaf_validation import LifetimeRule
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.tree_math import LeafIndex
from teduh_crypto.mls.tree_validation import verify_tree
from teduh_crypto.mls.treekem import merge_update_path, open_update_path

CONTEXT = b"the provisional group context"
OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["add", "add", "remove", "path", "path"]), st.integers(0, 11)), max_size=12
)


def played(operations: list[tuple[str, int]]) -> Grove:
    """A tree after some operations; the number picks a member."""
    group = grove(1)
    for kind, number in operations:
        chosen = sorted(group.members)[number % len(group.members)]
        if kind == "add" and len(group.members) < 12:
            group, _ = group.with_new(device("new"))
        elif kind == "remove" and len(group.members) > 1:
            group = group.without(chosen)
        elif kind == "path":
            group = group.with_path(chosen)
    return group


@settings(max_examples=30)
@given(OPERATIONS)
def test_a_newcomer_believes_the_tree_after_any_history(operations: list[tuple[str, int]]) -> None:
    tree = played(operations).tree
    received = RatchetTree.from_bytes(SUITE, tree.to_bytes())
    verify_tree(received, GROUP_ID, None, LifetimeRule(NOW))
    assert received == tree
    assert received.tree_hash() == tree.tree_hash()


@settings(max_examples=30)
@given(OPERATIONS)
def test_members_hold_just_the_keys_that_the_tree_says_they_hold(operations: list[tuple[str, int]]) -> None:
    """The tree invariant (RFC 9420, 4.2): a key is known to the members below it, bar the unmerged."""
    group = played(operations)
    for index, member in group.members.items():
        expected = {2 * index}
        for node_index, node in group.tree.parent_nodes():
            span = (1 << ((node_index ^ (node_index + 1)).bit_length() - 1)) - 1
            below = node_index - span <= 2 * index <= node_index + span
            if below and index not in node.unmerged_leaves:
                expected.add(node_index)
        assert member.keys.keys.keys() == expected


@settings(max_examples=20)
@given(OPERATIONS, st.integers(0, 11), st.integers(0, 2))
def test_a_path_reaches_everybody_but_the_new_members(
    operations: list[tuple[str, int]], number: int, added: int
) -> None:
    group = played(operations)
    sender = sorted(group.members)[number % len(group.members)]
    new: list[LeafIndex] = []
    for _ in range(added):
        group, index = group.with_new(device("new"))
        new.append(index)
    staged = group.stage(sender)
    path = staged.encrypt(CONTEXT, new)
    tree = merge_update_path(group.tree, sender, path)
    assert tree == staged.tree
    for receiver, member in group.members.items():
        if receiver not in {sender, *new}:
            _, secret = open_update_path(tree, member.keys, sender, path, CONTEXT, new)
            assert secret == staged.commit_secret
