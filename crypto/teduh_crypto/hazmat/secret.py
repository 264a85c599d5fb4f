"""Private keys as the rest of the library holds them.

A key is its bytes (for serialisation), its public key in wire form, and whatever OpenSSL object can work
with it. Making that object costs as much as a key agreement, so it is made at most once per key, and for
HPKE keys only when the key is first used: a member of a large tree holds many keys it never needs.

Limitation: Python cannot wipe `bytes`. Dropping the last reference frees the memory; nothing overwrites it.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final


class PrivateKey:
    """A private key: `raw` is secret, `public` is its public key on the wire. Never prints its bytes."""

    __slots__ = ("public", "raw")

    def __init__(self, raw: bytes, public: bytes) -> None:
        """Hold the bytes; use a cipher suite's `generate_...` and `load_...` to make one."""
        self.raw: Final = raw
        self.public: Final = public

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of public key {self.public[:8].hex()}...>"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return hmac.compare_digest(self.raw, other.raw)

    def __hash__(self) -> int:
        return hash(self.public)


class SignaturePrivateKey(PrivateKey):
    """A signature private key. Sign through the cipher suite, which adds the label."""

    __slots__ = ("sign",)

    def __init__(self, raw: bytes, public: bytes, sign: Callable[[bytes], bytes]) -> None:
        """Hold the bytes and the loaded key's signing function."""
        super().__init__(raw, public)
        self.sign: Final = sign


class HpkePrivateKey(PrivateKey):
    """The private half of a KEM key pair. Open through the cipher suite, which adds the label."""

    __slots__ = ("_decapsulate", "_load")

    def __init__(self, raw: bytes, public: bytes, load: Callable[[bytes], Callable[[bytes], bytes]]) -> None:
        """Hold the bytes, and how to turn them into a decapsulation function when one is needed."""
        super().__init__(raw, public)
        self._load: Final = load
        self._decapsulate: Callable[[bytes], bytes] | None = None

    def decapsulate(self, enc: bytes) -> bytes:
        """Return the KEM shared secret in `enc`; raises `DecryptionFailed` for an unusable one."""
        if self._decapsulate is None:
            self._decapsulate = self._load(self.raw)
        return self._decapsulate(enc)
