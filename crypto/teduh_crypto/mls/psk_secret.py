"""Pre-shared keys in the key schedule (RFC 9420, 8.4): a chain, so that order and number matter.

               0                               0    = psk_secret_[0]
               |                               |
psk_[0]   --> Extract --> "derived psk" --> Extract = psk_secret_[1]
               0                               |
               |                               |
psk_[1]   --> Extract --> "derived psk" --> Extract = psk_secret_[2] ...
"""

from __future__ import annotations

from collections.abc import Sequence

from teduh_crypto.exceptions import UnknownPsk
from teduh_crypto.hazmat.ciphersuite import CipherSuite
from teduh_crypto.mls.codec import write_uint16
from teduh_crypto.mls.psk import PreSharedKeyID

_MOST_PSKS = 0xFFFF


def psk_secret(suite: CipherSuite, psks: Sequence[tuple[PreSharedKeyID, bytes]]) -> bytes:
    """The secret of Nh bytes that stands for `psks`, in their order; all zero for none.

    Raises UnknownPsk when there are more than the label's counter can number.
    """
    if len(psks) > _MOST_PSKS:
        raise UnknownPsk(f"{len(psks)} pre-shared keys are more than one epoch can take")
    zero = bytes(suite.hash_length)
    secret = zero
    for index, (identifier, psk) in enumerate(psks):
        extracted = suite.extract(zero, psk)
        label = _psk_label(identifier, index, len(psks))
        psk_input = suite.expand_with_label(extracted, b"derived psk", label, suite.hash_length)
        secret = suite.extract(psk_input, secret)
    return secret


def _psk_label(identifier: PreSharedKeyID, index: int, count: int) -> bytes:
    out = bytearray()
    identifier.write_to(out)
    write_uint16(out, index)
    write_uint16(out, count)
    return bytes(out)
