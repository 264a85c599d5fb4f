"""The one message that is pushed: encrypted for the browser, signed by the relay's key.

RFC 8291 (encryption) and RFC 8292 (VAPID) by pywebpush; the same text every time, so that not even its length
says anything.
"""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from py_vapid import Vapid02
from pywebpush import WebPusher
from yarl import URL

TEXT: Final = b"somebody is waiting"
TIME_TO_LIVE_SECONDS: Final = 300
"""After that the request is not waiting any more, or somebody else was woken."""
_TOKEN_SECONDS: Final = 12 * 3600
"""RFC 8292, 2: at most 24 hours."""


class InvalidPushKey(Exception):
    """The file holds no private key of P-256."""


@dataclass(frozen=True, slots=True)
class PushMessage:
    """What is posted to a push service."""

    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class PushKey:
    """The key by which the relay names itself, and whom to write to about it."""

    private: EllipticCurvePrivateKey
    contact: str

    @classmethod
    def load(cls, path: Path, contact: str) -> PushKey:
        """Raises `InvalidPushKey`, `OSError`."""
        try:
            key = load_pem_private_key(path.read_bytes(), None)
        except (ValueError, TypeError) as error:
            raise InvalidPushKey(f"{path} holds no private key") from error
        if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
            raise InvalidPushKey(f"{path} holds a key of another kind than P-256")
        return cls(key, contact)

    @property
    def public(self) -> bytes:
        """The point, uncompressed: 65 bytes."""
        return self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def message(self, endpoint: str, public_key: bytes, secret: bytes) -> PushMessage:
        """For one subscription; raises ValueError when its key is no point of the curve."""
        keys = {"p256dh": base64.urlsafe_b64encode(public_key), "auth": base64.urlsafe_b64encode(secret)}
        encoded = WebPusher({"endpoint": endpoint, "keys": keys}).encode(TEXT, "aes128gcm")
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "aes128gcm",
            "TTL": str(TIME_TO_LIVE_SECONDS),
            "Urgency": "high",
            # A second message takes the place of the first, should that not have been delivered yet.
            "Topic": "waiting",
            "Authorization": self._authorization(endpoint),
        }
        return PushMessage(encoded["body"], headers)

    def _authorization(self, endpoint: str) -> str:
        claims: dict[str, str | int] = {
            "aud": str(URL(endpoint).origin()),
            "exp": int(time.time()) + _TOKEN_SECONDS,
            "sub": self.contact,
        }
        signed = Vapid02(private_key=self.private).sign(claims)
        return str(signed["Authorization"])


def new_push_key() -> bytes:
    """A fresh private key in PEM."""
    key = generate_private_key(SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
