"""How much one source may ask for, without knowing who it is.

Buckets live in memory only, under a MAC of the address with a key of this process: after the process nobody
can tell which addresses there were, and the addresses themselves are kept nowhere.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from ipaddress import IPv6Address

_MOST_SOURCES = 50_000
_IPV4_BYTES = 16
_SITE_BYTES = 12
SOURCES_OF_SITE = 8
"""So many sources one /48 of IPv6 is at most, for requests."""


class TokenBucket:
    """Fills at `rate` tokens a second up to `burst`. Time is the caller's."""

    __slots__ = ("_burst", "_rate", "_tokens", "_updated")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._updated = now

    def take(self, now: float, amount: float = 1.0) -> float:
        """Take tokens; returns the seconds after which the debt is paid, 0 if there is none."""
        self._tokens = min(self._burst, self._tokens + (now - self._updated) * self._rate) - amount
        self._updated = now
        return 0.0 if self._tokens >= 0 else -self._tokens / self._rate

    def try_take(self, now: float) -> float:
        """Take one token if there is one: returns 0, or the seconds to wait, in which case nothing is
        taken.
        """
        wait = self.take(now)
        if wait > 0:
            self._tokens += 1.0
        return wait


class SourceLimit:
    """A bucket per source; the least recently used are forgotten first."""

    __slots__ = ("_buckets", "_burst", "_rate")

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: OrderedDict[bytes, TokenBucket] = OrderedDict()

    def try_take(self, source: bytes, now: float) -> float:
        """0, or the seconds after which to try again."""
        bucket = self._buckets.get(source)
        if bucket is None:
            bucket = self._buckets[source] = TokenBucket(self._rate, self._burst, now)
            if len(self._buckets) > _MOST_SOURCES:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(source)
        return bucket.try_take(now)

    def give_back(self, source: bytes, now: float) -> None:
        """What was taken last was not used."""
        if bucket := self._buckets.get(source):
            bucket.take(now, -1.0)


class Sources:
    """Turns addresses into what buckets are kept under."""

    __slots__ = ("_seed",)

    def __init__(self, seed: bytes | None = None) -> None:
        """The workers of one machine share a `seed`; without one it is fresh."""
        self._seed = seed or secrets.token_bytes(32)

    def source(self, address: str) -> bytes:
        """16 bytes of an IPv4 address. An IPv6 address counts by its /64, which is what one subscriber has:
        12 bytes of its /48, 5 of the /64.
        """
        # Parsing costs more than the rest of a connection's greeting, and an IPv4 address counts as it is.
        if ":" not in address:
            return self._mac(address, _IPV4_BYTES)
        try:
            parsed = IPv6Address(address)
        except ValueError:
            return self._mac(address, _IPV4_BYTES)
        if parsed.ipv4_mapped:
            return self._mac(str(parsed.ipv4_mapped), _IPV4_BYTES)
        return self._mac(f"{int(parsed) >> 80}/48", _SITE_BYTES) + self._mac(str(int(parsed) >> 64), 5)

    def _mac(self, network: str, size: int) -> bytes:
        # BLAKE2's own keyed mode is a MAC (RFC 7693, 2.9), and an HMAC took as long as the parsing of a head.
        return hashlib.blake2b(network.encode(), key=self._seed, digest_size=size).digest()


def source_of_requests(source: bytes) -> bytes:
    """A source as requests are counted: whoever has a /48 of IPv6, and so 65,536 of /64, is
    `SOURCES_OF_SITE` sources and no more.
    """
    if len(source) == _IPV4_BYTES:
        return source
    return source[:_SITE_BYTES] + bytes((source[_SITE_BYTES] % SOURCES_OF_SITE,))
