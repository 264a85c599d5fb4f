"""Continuation tokens: who was with a survivor, sealed by the relay and kept by her instead of the store.

::

    Leave       ->  Done.continuation        = hour | nonce | AES-256-GCM(that hour's key, expiry | devices)
    OpenRequest <-  OpenRequest.continuation = the same, beside `continues`, her capability of that time

    hour    4 bytes, hours since 1970    nonce    12 bytes, random
    expiry  8 bytes, ms since 1970       devices  8 ids of 32 bytes, those that are missing all zeros

The associated data has the SHA-256 of the capability: a token is void without the capability of the
conversation that it is about. All tokens have one length. The key of an hour is random, shared by all nodes
through the store, and made in every hour, whether anybody talks or not; it expires with the last token of its
hour, and then nobody can open them any more.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from teduh_server.redis_store.client import Store
from teduh_server.redis_store.exceptions import StoreError
from teduh_server.redis_store.keys import continuation_key

HOUR_MS: Final = 3_600_000
MOST_DEVICES: Final = 8
_DEVICE_BYTES: Final = 32
_HOUR_BYTES: Final = 4
_NONCE_BYTES: Final = 12
_EXPIRY_BYTES: Final = 8
_TAG_BYTES: Final = 16
_DEVICES_BYTES: Final = MOST_DEVICES * _DEVICE_BYTES
TOKEN_BYTES: Final = _HOUR_BYTES + _NONCE_BYTES + _EXPIRY_BYTES + _DEVICES_BYTES + _TAG_BYTES
_RENEW_SECONDS: Final = 60.0
_LABEL: Final = b"Teduh continuation"


class Continuations:
    """Seals and opens continuation tokens; every node of a store opens those of the others."""

    def __init__(self, store: Store, lasts_ms: int) -> None:
        """`lasts_ms`: for how long a token can be used; 0: none is made."""
        self._store = store
        self._lasts_ms = lasts_ms
        self._keys: dict[int, bytes] = {}

    async def renew_forever(self) -> None:
        """Make the key of each hour as it begins, and again should the store lose it, until cancelled. Raises
        StoreError.
        """
        while True:
            if self._lasts_ms:
                await self._agree_on(self._hour())
            await asyncio.sleep(_RENEW_SECONDS)

    async def seal(self, capability_hash: bytes, devices: tuple[bytes, ...]) -> bytes:
        """A token that names the first eight of these devices (32 bytes each).

        Empty if there are none, if tokens are switched off, or while the store does not answer.
        """
        if not devices or not self._lasts_ms:
            return b""
        hour = self._hour()
        if hour not in self._keys:
            with suppress(StoreError):
                await self._agree_on(hour)
        key = self._keys.get(hour)
        if key is None:
            # She has left all the same. Without a token, whoever is free comes, should she ask again.
            return b""
        expiry = (self._store.now_ms() + self._lasts_ms).to_bytes(_EXPIRY_BYTES)
        named = b"".join(devices[:MOST_DEVICES]).ljust(_DEVICES_BYTES, b"\0")
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(key).encrypt(nonce, expiry + named, _LABEL + capability_hash)
        return hour.to_bytes(_HOUR_BYTES) + nonce + sealed

    async def open(self, token: bytes, capability_hash: bytes) -> bytes:
        """The device ids in a token, joined; empty for what is no token, altered, of another capability,
        expired, or sealed under a key that the store has no more. Raises StoreError.
        """
        if len(token) != TOKEN_BYTES:
            return b""
        key = await self._opening_key(int.from_bytes(token[:_HOUR_BYTES]))
        if key is None:
            return b""
        nonce, sealed = token[_HOUR_BYTES:][:_NONCE_BYTES], token[_HOUR_BYTES + _NONCE_BYTES :]
        try:
            opened = AESGCM(key).decrypt(nonce, sealed, _LABEL + capability_hash)
        except InvalidTag:
            return b""
        if int.from_bytes(opened[:_EXPIRY_BYTES]) <= self._store.now_ms():
            return b""
        named = opened[_EXPIRY_BYTES:]
        each = (named[at : at + _DEVICE_BYTES] for at in range(0, _DEVICES_BYTES, _DEVICE_BYTES))
        return b"".join(device for device in each if any(device))

    def _hour(self) -> int:
        return self._store.now_ms() // HOUR_MS

    async def _agree_on(self, hour: int) -> None:
        """Know the key of this hour: that of whichever node has made it first. Raises StoreError."""
        self._forget_before(self._oldest_hour())
        known = self._keys.get(hour) or secrets.token_bytes(32)
        # At a fixed time, whenever it was made: the expiry does not tell when somebody left.
        expires_ms = (hour + 1) * HOUR_MS + self._lasts_ms
        await self._store.ask((b"SET", continuation_key(hour), known, b"NX", b"PXAT", expires_ms))
        await self._fetch(hour)

    async def _opening_key(self, hour: int) -> bytes | None:
        """None: no token of this hour can be used any more, or none was made."""
        oldest = self._oldest_hour()
        self._forget_before(oldest)
        if self._lasts_ms and oldest <= hour <= self._hour() and hour not in self._keys:
            await self._fetch(hour)
        return self._keys.get(hour)

    def _oldest_hour(self) -> int:
        """Of which a token may still be used."""
        return (self._store.now_ms() - self._lasts_ms) // HOUR_MS

    def _forget_before(self, oldest: int) -> None:
        for hour in [each for each in self._keys if each < oldest]:
            del self._keys[hour]

    async def _fetch(self, hour: int) -> None:
        found = await self._store.ask((b"GET", continuation_key(hour)))
        if isinstance(found, bytes):
            self._keys[hour] = found
