"""TURN credentials, made for one call and soon expired: the TURN server can check them, and learns nobody.

::

    member ── FetchIceServers ──> relay           username   = expires ":" random
    member <─── IceServers ────── relay           credential = base64(HMAC-SHA1(secret, username))
    member ── Allocate ─────────> TURN server, which knows the secret and makes the same credential

This is what coturn calls ``use-auth-secret`` (draft-uberti-behave-turn-rest-00). The username would there
end in a user's name; here it ends in random bytes, so that neither two calls nor two members of one call
have anything in common that the TURN server could note. SHA-1 is the draft's and coturn's; as an HMAC key
it stands (RFC 6151, 2.3 says as much of MD5), and the credential lives for minutes.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import time
from collections.abc import Callable

from teduh_signaling.relay.frames import IceServers

from teduh_server.call_settings import CallSettings
from teduh_server.rate_limit import SourceLimit

_RANDOM_BYTES = 18
_BURST = 12.0


class IceServerOffers:
    """What one relay node answers to those who are about to call."""

    __slots__ = ("_limit", "_now", "_secret", "_settings")

    def __init__(self, settings: CallSettings, now: Callable[[], float] = time.time) -> None:
        """`now` tells the time in seconds since 1970. Raises ValueError when the secret cannot be read."""
        self._settings = settings
        self._secret = settings.secret()
        self._limit = SourceLimit(settings.fetches_per_minute / 60, _BURST)
        self._now = now

    def __repr__(self) -> str:
        return f"<IceServerOffers {self._settings.policy.name}>"

    def try_take(self, conversation_id: bytes, member: int) -> float:
        """Count one question of a member: 0, or the seconds after which it may be asked again."""
        return self._limit.try_take(conversation_id + member.to_bytes(4), time.monotonic())

    def offer(self, ref: int) -> IceServers:
        """The answer to one question, with credentials of its own."""
        settings = self._settings
        if not settings.turn_urls:
            return IceServers(ref, settings.policy)
        expires = int(self._now()) + settings.credential_seconds
        username = f"{expires}:{secrets.token_urlsafe(_RANDOM_BYTES)}"
        return IceServers(
            ref,
            settings.policy,
            settings.turn_urls,
            username,
            turn_credential(self._secret, username),
            expires,
        )


def turn_credential(secret: bytes, username: str) -> str:
    """The password that goes with `username`: base64(HMAC-SHA1(secret, username))."""
    return base64.b64encode(hmac.digest(secret, username.encode(), "sha1")).decode()
