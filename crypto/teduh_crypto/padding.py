"""Padding: how long a message looks to whoever sees only its ciphertext.

A "yes", an "ok" and "he is here" must look alike, and so must a receipt, a typing notice and a call offer.

    content up to     is padded to a multiple of
     4 KiB             1 KiB
    16 KiB             4 KiB
    64 KiB            16 KiB
    beyond            64 KiB

Under MLS the content is the whole PrivateMessageContent, signature included, so that the ciphertexts of
one step have one length. The steps leak 0.03 to 0.17 bit about the length of a chat message.

A commit is padded to multiples of 1 KiB whatever its length. That depends on the tree and on its sender's
statement, which whoever sees the ciphertext has seen in key packages, and on nothing that anybody says.
"""

from __future__ import annotations

from typing import Final

from teduh_crypto.exceptions import PaddingError

KIB: Final = 1024
LARGEST_STEP: Final = 64 * KIB
STEPS: Final = ((4 * KIB, KIB), (16 * KIB, 4 * KIB), (64 * KIB, 16 * KIB))


def padded_length(length: int) -> int:
    """Return the length in bytes to which content of `length` bytes is padded; at least 1 KiB.

    Raises `PaddingError` for a negative length.
    """
    if length < 0:
        raise PaddingError("content has no negative length")
    return _round_up(max(length, 1), _step(length))


def padding_for(length: int) -> int:
    """Return how many bytes of padding follow content of `length` bytes. Raises `PaddingError`."""
    return padded_length(length) - length


def commit_padding_for(length: int) -> int:
    """Return how many bytes of padding follow a commit of `length` bytes. Raises `PaddingError`."""
    if length < 0:
        raise PaddingError("content has no negative length")
    return _round_up(max(length, 1), KIB) - length


def _step(length: int) -> int:
    return next((step for limit, step in STEPS if length <= limit), LARGEST_STEP)


def _round_up(length: int, step: int) -> int:
    return -(-length // step) * step
