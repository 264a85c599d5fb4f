"""TURN credentials, made for a member of a conversation and soon expired: the TURN server can check them, and
learns nobody.

::

    member ── FetchIceServers ──> relay           username   = expires ":" what nobody else can compute
    member <─── IceServers ────── relay           credential = base64(HMAC-SHA1(secret, username))
    member ── Allocate ─────────> TURN server, which knows the secret and makes the same credential

This is what coturn calls ``use-auth-secret`` (draft-uberti-behave-turn-rest-00). The username would there
end in a user's name; here it ends in a MAC over the conversation, the member and the window of time, so that
two members have nothing in common that the TURN server could note, and neither have two calls of one member
that are further apart than a credential lives. SHA-1 is the draft's and coturn's; as an HMAC key it stands
(RFC 6151, 2.3 says as much of MD5), and the credential lives for minutes.

Each half of a credential's life begins a window, and all nodes make the same credential within it. So however
often a member asks, and wherever, no more than two of hers are alive.
"""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Callable
from typing import Final

from teduh_signaling.relay.frames import IceServers

from teduh_server.config.call_settings import CallSettings

_LABEL: Final = b"teduh TURN username 1"
_NAME_BYTES: Final = 18


class IceServerOffers:
    """What the relay answers to those who are about to call."""

    __slots__ = ("_now", "_secret", "_settings")

    def __init__(self, settings: CallSettings, now: Callable[[], float] = time.time) -> None:
        """`now` tells the time in seconds since 1970. Raises ValueError when the secret cannot be read."""
        self._settings = settings
        self._secret = settings.secret()
        self._now = now

    def __repr__(self) -> str:
        return f"<IceServerOffers {self._settings.policy.name}>"

    def offer(self, ref: int, conversation_id: bytes, member: int) -> IceServers:
        """The answer to a member's question, with the credential of this window."""
        settings = self._settings
        if not settings.turn_urls:
            return IceServers(ref, settings.policy)
        window = settings.credential_seconds // 2
        expires = (int(self._now()) // window + 2) * window
        username = f"{expires}:{self._name(conversation_id, member, expires)}"
        return IceServers(
            ref,
            settings.policy,
            settings.turn_urls,
            username,
            turn_credential(self._secret, username),
            expires,
        )

    def _name(self, conversation_id: bytes, member: int, expires: int) -> str:
        said = _LABEL + conversation_id + member.to_bytes(4, "big") + expires.to_bytes(8, "big")
        return base64.urlsafe_b64encode(hmac.digest(self._secret, said, "sha256")[:_NAME_BYTES]).decode()


def turn_credential(secret: bytes, username: str) -> str:
    """The password that goes with `username`: base64(HMAC-SHA1(secret, username))."""
    return base64.b64encode(hmac.digest(secret, username.encode(), "sha1")).decode()
