r"""The secret tree and its ratchets (RFC 9420, 9): one key per message, each used once and forgotten.

                 G = encryption_secret            D's leaf secret
               /   \                                    |
             E       F                        +---------+---------+
            / \     / \                  handshake           application
           A   B   C   D                 ratchet             ratchet
                                                              AR0 -> K0, N0
                                                               |
                                                              AR1 -> K1, N1 ...

The tree is expanded only along the path that a message needs; an expanded secret is dropped and its
children stand for it. A ratchet that jumps ahead keeps the keys in between for messages that come late,
within the bounds of `RatchetLimits`. Both structures are frozen: taking a key yields the next state, so a
message that turns out to be forged costs nothing and changes nothing. They are named tuples because every
message makes new ones, and a tuple is made several times faster than a frozen dataclass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

from teduh_crypto.exceptions import GenerationConsumed, GenerationTooDistant, OperationNotAllowed
from teduh_crypto.hazmat.ciphersuite import CipherSuite
from teduh_crypto.mls.tree_math import LeafIndex

_LAST_GENERATION = 0xFFFFFFFF


class RatchetKind(IntEnum):
    """Which of a leaf's two ratchets: handshakes and application messages never share a key."""

    HANDSHAKE = 0
    APPLICATION = 1


_RATCHET_LABELS = {RatchetKind.HANDSHAKE: b"handshake", RatchetKind.APPLICATION: b"application"}


@dataclass(frozen=True, slots=True)
class RatchetLimits:
    """How far a ratchet may be wound forward by one message, and how many keys of late messages it keeps.

    A member may claim any generation up to 2^32-1; without a bound one message would cost billions of
    derivations (RFC 9420, 15.3).
    """

    forward: int = 1000
    kept: int = 1000


class MessageKey(NamedTuple):
    """Key and nonce for exactly one message."""

    generation: int
    key: bytes
    nonce: bytes

    def __repr__(self) -> str:
        return f"MessageKey(generation={self.generation}, ...)"


_NONE_SKIPPED: Mapping[int, MessageKey] = MappingProxyType({})


class HashRatchet(NamedTuple):
    """A chain of message keys: `secret` derives `generation`; `skipped` holds earlier keys not yet used."""

    secret: bytes
    generation: int = 0
    skipped: Mapping[int, MessageKey] = _NONE_SKIPPED

    def __repr__(self) -> str:
        return f"HashRatchet(generation={self.generation}, skipped={len(self.skipped)}, ...)"

    def take_next(self, suite: CipherSuite) -> tuple[MessageKey, HashRatchet]:
        """The key for the next message to send."""
        if self.generation > _LAST_GENERATION:
            raise OperationNotAllowed("the sender's ratchet is exhausted: commit before sending on")
        key, nonce, secret = suite.ratchet_step(self.secret, self.generation)
        following = HashRatchet(secret, self.generation + 1, self.skipped)
        return MessageKey(self.generation, key, nonce), following

    def take(
        self, suite: CipherSuite, generation: int, limits: RatchetLimits
    ) -> tuple[MessageKey, HashRatchet]:
        """The key that a received message names; raises GenerationConsumed or GenerationTooDistant."""
        if generation == self.generation:
            key, nonce, secret = suite.ratchet_step(self.secret, generation)
            following = HashRatchet(secret, generation + 1, self.skipped)
            return MessageKey(generation, key, nonce), following
        if generation < self.generation:
            return self._take_skipped(generation)
        return self._wind_forward(suite, generation, limits)

    def _take_skipped(self, generation: int) -> tuple[MessageKey, HashRatchet]:
        message_key = self.skipped.get(generation)
        if message_key is None:
            raise GenerationConsumed(f"the key of generation {generation} is gone")
        remaining = {number: kept for number, kept in self.skipped.items() if number != generation}
        return message_key, HashRatchet(self.secret, self.generation, remaining)

    def _wind_forward(
        self, suite: CipherSuite, generation: int, limits: RatchetLimits
    ) -> tuple[MessageKey, HashRatchet]:
        if generation - self.generation > limits.forward:
            raise GenerationTooDistant(f"generation {generation} is more than {limits.forward} steps ahead")
        secret, skipped = self.secret, dict(self.skipped)
        for number in range(self.generation, generation):
            key, nonce, secret = suite.ratchet_step(secret, number)
            skipped[number] = MessageKey(number, key, nonce)
        key, nonce, secret = suite.ratchet_step(secret, generation)
        following = HashRatchet(secret, generation + 1, _newest(skipped, limits.kept))
        return MessageKey(generation, key, nonce), following


def _newest(skipped: dict[int, MessageKey], kept: int) -> dict[int, MessageKey]:
    """The `kept` highest generations; the keys were entered in ascending order."""
    surplus = len(skipped) - kept
    return dict(list(skipped.items())[surplus:]) if surplus > 0 else skipped


class SecretTree(NamedTuple):
    """The unconsumed secrets of one epoch.

    `levels` is the height of the tree (0 for a single leaf); `nodes` maps node indices to secrets not yet
    expanded; `ratchets` holds, by leaf and kind, the ratchets of leaves already reached.
    """

    suite: CipherSuite
    levels: int
    nodes: Mapping[int, bytes]
    ratchets: Mapping[tuple[int, int], HashRatchet]

    def __repr__(self) -> str:
        return f"SecretTree(levels={self.levels}, ...)"

    @staticmethod
    def from_encryption_secret(suite: CipherSuite, encryption_secret: bytes, leaf_count: int) -> SecretTree:
        """The untouched tree over `leaf_count` leaves (blank ones included; rounded up to a power of two)."""
        levels = (leaf_count - 1).bit_length()
        return SecretTree(suite, levels, {_ancestor(0, levels): encryption_secret}, {})

    def take_next(self, leaf: LeafIndex, kind: RatchetKind) -> tuple[MessageKey, SecretTree]:
        """The key for the next message that `leaf` (our own) sends, and the tree without it."""
        ratchet = self.ratchets.get((leaf, kind))
        tree = self if ratchet is not None else self._expanded(leaf)
        message_key, following = (ratchet or tree._ratchet(leaf, kind)).take_next(self.suite)
        return message_key, tree._with_ratchet(leaf, kind, following)

    def take(
        self, leaf: LeafIndex, kind: RatchetKind, generation: int, limits: RatchetLimits
    ) -> tuple[MessageKey, SecretTree]:
        """The key that a message of `leaf` names, and the tree without it.

        Raises GenerationConsumed or GenerationTooDistant. The caller adopts the returned tree only when the
        message proves authentic.
        """
        ratchet = self.ratchets.get((leaf, kind))
        tree = self if ratchet is not None else self._expanded(leaf)
        message_key, following = (ratchet or tree._ratchet(leaf, kind)).take(self.suite, generation, limits)
        return message_key, tree._with_ratchet(leaf, kind, following)

    def next_generation(self, leaf: LeafIndex, kind: RatchetKind) -> int:
        """The generation after the last that was taken of this ratchet; 0 if none was."""
        ratchet = self.ratchets.get((leaf, kind))
        return 0 if ratchet is None else ratchet.generation

    def for_late_messages(self, own_leaf: LeafIndex) -> SecretTree:
        """What remains useful once the epoch is left: others' application keys, and no key of `own_leaf`.

        Handshakes of an epoch that is over are never processed, so their ratchets go as well.
        """
        tree = self._expanded(own_leaf)
        ratchets = {
            (leaf, kind): ratchet
            for (leaf, kind), ratchet in tree.ratchets.items()
            if leaf != own_leaf and kind == RatchetKind.APPLICATION
        }
        return SecretTree(self.suite, self.levels, tree.nodes, ratchets)

    def _with_ratchet(self, leaf: LeafIndex, kind: RatchetKind, ratchet: HashRatchet) -> SecretTree:
        ratchets = {**self.ratchets, (leaf, kind): ratchet}
        return SecretTree(self.suite, self.levels, self.nodes, ratchets)

    def _ratchet(self, leaf: LeafIndex, kind: RatchetKind) -> HashRatchet:
        ratchet = self.ratchets.get((leaf, kind))
        if ratchet is None:
            raise GenerationConsumed(f"the secrets of leaf {leaf} are gone")
        return ratchet

    def _expanded(self, leaf: LeafIndex) -> SecretTree:
        """The same tree with the path to `leaf` expanded, and the path's own secrets dropped."""
        level = next((up for up in range(self.levels + 1) if _ancestor(leaf, up) in self.nodes), None)
        if level is None or leaf >> self.levels:
            return self
        nodes = dict(self.nodes)
        secret = nodes.pop(_ancestor(leaf, level))
        for down in range(level - 1, -1, -1):
            left = self.suite.expand_with_label(secret, b"tree", b"left", self.suite.hash_length)
            right = self.suite.expand_with_label(secret, b"tree", b"right", self.suite.hash_length)
            goes_right = (leaf >> down) & 1
            secret, other = (right, left) if goes_right else (left, right)
            nodes[_ancestor(leaf ^ (1 << down), down)] = other
        return SecretTree(
            self.suite, self.levels, nodes, {**self.ratchets, **self._leaf_ratchets(leaf, secret)}
        )

    def _leaf_ratchets(self, leaf: LeafIndex, secret: bytes) -> dict[tuple[int, int], HashRatchet]:
        length = self.suite.hash_length
        return {
            (leaf, kind): HashRatchet(self.suite.expand_with_label(secret, label, b"", length))
            for kind, label in _RATCHET_LABELS.items()
        }


def _ancestor(leaf: int, level: int) -> int:
    """Node index (RFC 9420, appendix C) of the ancestor of `leaf` that stands `level` levels above it."""
    return ((leaf >> level) << (level + 1)) | ((1 << level) - 1)
