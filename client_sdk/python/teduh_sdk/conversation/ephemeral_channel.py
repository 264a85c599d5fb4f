"""What may be lost: sealed under a key of the epoch, without spending message keys on it.

    key      MLS exporter of the epoch, a label per purpose, context = the sender's leaf (uint32), 32 bytes
    payload  leaf (4) || epoch (8) || nonce (12) || AES-256-GCM(count (8) || body || zeros to 1 KiB)
    AAD      conversation id || leaf || epoch

The nonce is random: a device sends far fewer than 2^32 of these in one epoch. `count` rises within an epoch,
so that an old one cannot be shown again; it starts from the clock, to rise over a restart too. Every member
can compute every sender's key, so that one member could speak for another; a stranger or the relay cannot,
and nothing that people say is ever sent this way. All purposes look the same to the relay.
"""

from __future__ import annotations

import secrets
import struct
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from teduh_crypto.mls import Group

PADDED: Final = 1024
MAX_BODY: Final = PADDED - 8
_HEAD: Final = struct.Struct(">IQ12s")
_COUNT: Final = struct.Struct(">Q")


@dataclass(slots=True)
class EphemeralChannel:
    """What one member remembers of one purpose in one epoch."""

    label: bytes
    _epoch: int = -1
    _sent: int = 0
    _seen: dict[int, int] = field(default_factory=dict)

    def seal(self, group: Group, body: bytes, now: int) -> bytes:
        """The payload of an Ephemeral with `body`, at most `MAX_BODY` bytes; `now` in seconds."""
        if len(body) > MAX_BODY:
            raise ValueError("larger than an ephemeral may be")
        self._enter(group)
        self._sent = max(self._sent + 1, now << 20)
        leaf, nonce = int(group.own_leaf_index), secrets.token_bytes(12)
        padded = (_COUNT.pack(self._sent) + body).ljust(PADDED, b"\0")
        sealed = self._aead(group, leaf).encrypt(nonce, padded, _associated(group, leaf))
        return _HEAD.pack(leaf, group.epoch, nonce) + sealed

    def open(self, group: Group, payload: bytes) -> tuple[int, bytes] | None:
        """The sender's leaf and the body with its padding; None for anything old, foreign or forged."""
        self._enter(group)
        if len(payload) != _HEAD.size + PADDED + 16:
            return None
        leaf, epoch, nonce = _HEAD.unpack_from(payload)
        if epoch != group.epoch or leaf == int(group.own_leaf_index):
            return None
        try:
            padded = self._aead(group, leaf).decrypt(nonce, payload[_HEAD.size :], _associated(group, leaf))
        except InvalidTag:
            return None
        (count,) = _COUNT.unpack_from(padded)
        if count <= self._seen.get(leaf, 0):
            return None
        self._seen[leaf] = count
        return leaf, padded[_COUNT.size :]

    def _enter(self, group: Group) -> None:
        if self._epoch != group.epoch:
            self._epoch, self._sent, self._seen = group.epoch, 0, {}

    def _aead(self, group: Group, leaf: int) -> AESGCM:
        return AESGCM(group.export(self.label, leaf.to_bytes(4, "big"), 32))


def _associated(group: Group, leaf: int) -> bytes:
    return group.group_id + struct.pack(">IQ", leaf, group.epoch)
