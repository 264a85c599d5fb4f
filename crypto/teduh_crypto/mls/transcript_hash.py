"""Transcript hashes (RFC 9420, 8.2): every commit that ever happened, in two running hashes.

      interim_[n-1] --+
                      +--> confirmed_[n] --+--> interim_[n]
      wire format,    |                    |
      content,   -----+  confirmation tag -+
      signature

Two hashes, because the confirmation tag of a commit is a MAC over the first and so cannot be part of it.
"""

from __future__ import annotations

from teduh_crypto.hazmat.ciphersuite import CipherSuite
from teduh_crypto.hazmat.opaque import opaque


def confirmed_transcript_hash(suite: CipherSuite, interim_before: bytes, hash_input: bytes) -> bytes:
    """`hash_input` is the encoded ConfirmedTranscriptHashInput: wire format, content, signature."""
    return suite.hash(interim_before + hash_input)


def interim_transcript_hash(suite: CipherSuite, confirmed: bytes, confirmation_tag: bytes) -> bytes:
    """The hash that the next commit continues from; new members compute it from the GroupInfo's tag."""
    return suite.hash(confirmed + opaque(confirmation_tag))
