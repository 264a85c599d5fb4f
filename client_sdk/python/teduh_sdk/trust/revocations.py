"""Fetches the organisation's revocation list from the relay, which can withhold it but not change it.

It comes together with the root's authority statement, without which no list counts. A list is good for 24
hours, the statement for days. Without both fresh nobody new is believed, so a relay that serves none, or old
ones, achieves that no conversation begins, and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import aiohttp
import msgspec
from teduh_crypto.credentials import CredentialError, RevocationListStale

from teduh_sdk.exceptions import ClientClosed
from teduh_sdk.net.clock import now_in_seconds
from teduh_sdk.net.read_limited import read_limited
from teduh_sdk.trust.authentication_service import AuthenticationService

_PATH: Final = "/v1/revocations"
_REFRESH_SECONDS: Final = 15 * 60
_RETRY_SECONDS: Final = 1.0
_MOST_BYTES: Final = 2 * 1024 * 1024


class RevocationFetch:
    """Keeps the list of an authentication service fresh, from `run` on."""

    def __init__(
        self,
        relay_url: str,
        service: AuthenticationService,
        adopted: Callable[[], None] = lambda: None,
    ) -> None:
        """`adopted` is called whenever another list than before has come into force, or one is fresh that was
        `missed`.
        """
        self._adopted = adopted
        self._url = relay_url.rstrip("/") + _PATH
        self._service = service
        self._is_fresh = asyncio.Event()
        # To look again at once, where the next look is some time away.
        self._hurry = asyncio.Event()
        self._is_closed = False
        # Whether somebody could not be believed for want of a fresh list.
        self._is_missed = False
        self.is_stale = False
        """Whether what came is too old by this device's clock, or nothing to be believed has come yet."""

    async def wait(self) -> None:
        """Wait until there is a list that the organisation signed and that is fresh.

        Raises `ClientClosed`.
        """
        # The one that came may have become too old since, or our clock another.
        if self._is_fresh.is_set() and not self._is_closed and self._is_outdated():
            self._is_fresh.clear()
            self._hurry.set()
        await self._is_fresh.wait()
        if self._is_closed:
            raise ClientClosed("the client is closed")

    def missed(self) -> None:
        """Somebody cannot be believed for want of a fresh list: look for one at once."""
        self._is_missed = True
        self._hurry.set()

    def close(self) -> None:
        """It is fetched no more: nobody waits for it."""
        self._is_closed = True
        self._is_fresh.set()

    async def run(self) -> None:
        """Fetch now and then, until cancelled."""
        while True:
            self._hurry.clear()
            is_fetched = await self.once()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._until_next_look() if is_fetched else _RETRY_SECONDS):
                    await self._hurry.wait()

    async def once(self) -> bool:
        """Fetch now; whether there is a fresh list."""
        is_fetched = await self._fetch()
        if not is_fetched and self._is_outdated():
            # Also where the relay has none to show.
            self.is_stale = True
        return is_fetched

    async def _fetch(self) -> bool:
        timeout = aiohttp.ClientTimeout(total=20)
        verifier = self._service.verifier
        try:
            async with (
                aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout) as session,
                session.get(self._url, allow_redirects=False) as response,
            ):
                body = await read_limited(response, _MOST_BYTES)
                if response.status != 200:
                    return False
            answer = msgspec.json.decode(body, type=_Answer)
            before = verifier.revocations, verifier.authority
            self._service.adopt_revocations(answer.list, answer.authority, now=now_in_seconds())
        except CredentialError as error:
            self.is_stale |= isinstance(error, RevocationListStale) or verifier.expires is None
            return False
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return False
        self.is_stale = False
        self._is_fresh.set()
        was_missed, self._is_missed = self._is_missed, False
        if (verifier.revocations, verifier.authority) != before or was_missed:
            self._adopted()
        return True

    def _until_next_look(self) -> float:
        """Seconds: not past the end of what is in force, so that it is known when it is fresh no more."""
        left = (self._service.verifier.expires or 0) - self._service.time(now_in_seconds())
        return min(_REFRESH_SECONDS, max(_RETRY_SECONDS, left))

    def _is_outdated(self) -> bool:
        expires = self._service.verifier.expires
        return expires is not None and self._service.time(now_in_seconds()) >= expires


class _Answer(msgspec.Struct, frozen=True):
    """The relay's answer; a relay of an earlier release has no authority statement to show."""

    list: str
    authority: str | None = None
