"""A price for opening requests, paid in hashes, raised only while the relay is flooded.

The solution is any bytes (at most 64) such that SHA-256(nonce || solution) begins with the asked number of
zero bits; the nonce is that of the connection's Hello, so nothing can be computed ahead. A cheap phone does
some hundred thousand hashes a second: 16 bits are a moment for her, and a real cost for somebody who opens
thousands of requests.
"""

from __future__ import annotations

import hashlib
from itertools import count

from teduh_signaling.relay.exceptions import LocalProtocolError, RemoteProtocolError
from teduh_signaling.relay.frames import MAX_PROOF_OF_WORK_BITS, MAX_PROOF_OF_WORK_BYTES, ErrorCode


def solve(nonce: bytes, bits: int) -> bytes:
    """Find a solution; takes 2^bits hashes on average, so run it in a thread. Empty if nothing is asked for.

    Raises LocalProtocolError if `bits` is more than the protocol lets a relay ask for.
    """
    if bits > MAX_PROOF_OF_WORK_BITS:
        raise LocalProtocolError(f"a relay may ask for at most {MAX_PROOF_OF_WORK_BITS} bits")
    if bits <= 0:
        return b""
    prefix = hashlib.sha256(nonce)
    limit = 1 << (256 - bits)
    for attempt in count():
        solution = attempt.to_bytes(8, "big")
        digest = prefix.copy()
        digest.update(solution)
        if int.from_bytes(digest.digest(), "big") < limit:
            break
    return solution


def verify(nonce: bytes, solution: bytes, bits: int) -> None:
    """Raise RemoteProtocolError (proof_of_work_required, not fatal) unless `solution` pays for `bits`."""
    if bits <= 0:
        return
    digest = hashlib.sha256(nonce + solution).digest()
    if len(solution) > MAX_PROOF_OF_WORK_BYTES or int.from_bytes(digest, "big") >> (256 - bits):
        raise RemoteProtocolError(
            ErrorCode.PROOF_OF_WORK_REQUIRED, f"{bits} bits of proof of work are asked for"
        )
