"""Private keys as the vectors write them.

The vectors' maker drops leading zero bytes of a P-521 scalar, which SEC 1's Field-Element-to-Octet-String
keeps, so they are put back before the library, which insists on the full length, sees them.
"""

from __future__ import annotations

from teduh_crypto.hazmat.ciphersuite import CipherSuite
from teduh_crypto.hazmat.secret import HpkePrivateKey, SignaturePrivateKey

_P521 = 0x0005
_SCALAR_LENGTH = 66


def signature_key(suite: CipherSuite, raw: bytes) -> SignaturePrivateKey:
    """The signature private key in a vector."""
    return suite.load_signature_key(_padded(suite, raw))


def hpke_key(suite: CipherSuite, raw: bytes) -> HpkePrivateKey:
    """The HPKE private key in a vector."""
    return suite.load_hpke_key(_padded(suite, raw))


def _padded(suite: CipherSuite, raw: bytes) -> bytes:
    return raw.rjust(_SCALAR_LENGTH, b"\x00") if suite.code == _P521 else raw
