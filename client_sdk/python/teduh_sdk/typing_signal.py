"""Typing notices: sealed under a key of the epoch, without spending message keys on what may be lost.

    key      MLS exporter of the epoch, label "teduh typing 1", context = the sender's leaf (uint32), 32 bytes
    payload  leaf (4) || epoch (8) || nonce (12) || AES-256-GCM(count (8) || active (1) || zeros to 1 KiB)
    AAD      conversation id || leaf || epoch

The nonce is random: a device sends far fewer than 2^32 notices in one epoch. `count` rises within an epoch,
so that an old notice cannot be shown again; it starts from the clock, to rise over a restart too. Every
member can compute every sender's key, so that one member could show that another types; a stranger or the
relay cannot, and nothing but typing is ever sent this way.
"""

from __future__ import annotations

import secrets
import struct
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from teduh_crypto.mls import Group

LABEL: Final = b"teduh typing 1"
PADDED: Final = 1024
_HEAD: Final = struct.Struct(">IQ12s")
_BODY: Final = struct.Struct(">QB")


@dataclass(slots=True)
class TypingSignals:
    """What one member remembers of the notices of one epoch."""

    _epoch: int = -1
    _sent: int = 0
    _seen: dict[int, int] = field(default_factory=dict)

    def seal(self, group: Group, *, active: bool, now: int) -> bytes:
        """The payload of an Ephemeral that says that we write, or have stopped; `now` in seconds."""
        self._enter(group)
        self._sent = max(self._sent + 1, now << 20)
        leaf, nonce = int(group.own_leaf_index), secrets.token_bytes(12)
        body = _BODY.pack(self._sent, active).ljust(PADDED, b"\0")
        sealed = _aead(group, leaf).encrypt(nonce, body, _associated(group, leaf))
        return _HEAD.pack(leaf, group.epoch, nonce) + sealed

    def open(self, group: Group, payload: bytes) -> tuple[int, bool] | None:
        """The sender's leaf and whether she writes; None for anything old, foreign or forged."""
        self._enter(group)
        if len(payload) != _HEAD.size + PADDED + 16:
            return None
        leaf, epoch, nonce = _HEAD.unpack_from(payload)
        if epoch != group.epoch or leaf == int(group.own_leaf_index):
            return None
        try:
            body = _aead(group, leaf).decrypt(nonce, payload[_HEAD.size :], _associated(group, leaf))
        except InvalidTag:
            return None
        count, active = _BODY.unpack_from(body)
        if count <= self._seen.get(leaf, 0):
            return None
        self._seen[leaf] = count
        return leaf, bool(active)

    def _enter(self, group: Group) -> None:
        if self._epoch != group.epoch:
            self._epoch, self._sent, self._seen = group.epoch, 0, {}


def _aead(group: Group, leaf: int) -> AESGCM:
    return AESGCM(group.export(LABEL, leaf.to_bytes(4, "big"), 32))


def _associated(group: Group, leaf: int) -> bytes:
    return group.group_id + struct.pack(">IQ", leaf, group.epoch)
