"""The directory of services: who else can help.

    Directory.fetch ──> GET /v1/directory, whole ──> signed by the organisation? ──> search, here

Nothing is asked of anybody while somebody searches, so nobody learns what is looked for.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

import aiohttp
import msgspec
from teduh_crypto.credentials import CredentialError, DirectoryStatement, Organisation, verify_directory
from teduh_signaling.chat.messages import Referral
from teduh_signaling.directory import format as directory_format
from teduh_signaling.directory.search import Found, Query, search

from teduh_sdk import exceptions
from teduh_sdk.directory import referral
from teduh_sdk.net.clock import now_in_seconds
from teduh_sdk.net.read_limited import read_limited
from teduh_sdk.trust.authentication_service import AuthenticationService
from teduh_sdk.trust.revocations import RevocationFetch

_MOST_BYTES: Final = 2 * directory_format.MAX_BYTES + 64 * 1024
"""A text within JSON takes up to two bytes for one, as far as a directory's characters go."""


class _Answer(msgspec.Struct, frozen=True):
    statement: str
    directory: str


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory that the organisation has signed."""

    _directory: directory_format.Directory
    _statement: DirectoryStatement
    _authentication: AuthenticationService

    @classmethod
    async def fetch(
        cls, relay_url: str, organisation: Organisation, held: Directory | None = None
    ) -> Directory:
        """The directory that the relay at `relay_url` has; none that is older than the one `held`.

        Raises `InvalidDirectory`: the relay has none or cannot be reached, or the organisation did not sign
        this one, or it is older, or has ended.
        """
        authentication = AuthenticationService.of(organisation) if held is None else held._authentication
        # An issuer may have signed it; whether that one counts is told by these. The root's counts without.
        await RevocationFetch(relay_url, authentication).once()
        try:
            answer = await _fetch(f"{relay_url.rstrip('/')}/v1/directory")
            content = answer.directory.encode()
            statement = verify_directory(
                answer.statement,
                content,
                authentication.verifier,
                now=authentication.time(now_in_seconds()),
                held=None if held is None else held._statement,
            )
            directory = directory_format.read_directory(content)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise exceptions.InvalidDirectory("the directory cannot be fetched") from error
        except CredentialError as error:
            raise exceptions.InvalidDirectory("the directory is not to be believed") from error
        except directory_format.InvalidDirectory as error:
            raise exceptions.InvalidDirectory("the directory cannot be read") from error
        return cls(directory, statement, authentication)

    @property
    def services(self) -> tuple[directory_format.Service, ...]:
        """All of them, also those that a search does not show."""
        return self._directory.services

    @property
    def version(self) -> int:
        """Rises with every directory of the organisation's."""
        return self._statement.version

    def referral_to(self, service: directory_format.Service, note: str = "") -> Referral:
        """What to say of a service of this directory by `Conversation.refer`; `note` has at most 1000
        characters.
        """
        return referral.referral_to(
            service, self.version, message_id=secrets.token_bytes(16), sent=now_in_seconds(), note=note
        )

    def search(
        self,
        *,
        need: str | None = None,
        region: str | None = None,
        language: str | None = None,
        open_now: bool = False,
    ) -> tuple[Found, ...]:
        """The services that fit, the best first: near, then checked of late. Asks nobody.

        `need` is one of `teduh_signaling.directory.format.NEEDS`, `region` a country or one of its parts
        (ISO 3166), `language` an ISO 639 code.
        """
        now = self._authentication.time(now_in_seconds())
        return search(self._directory, Query(need, region, language, open_now), now)


async def _fetch(url: str) -> _Answer:
    timeout = aiohttp.ClientTimeout(total=20)
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout) as session,
        session.get(url, allow_redirects=False) as response,
    ):
        return msgspec.json.decode(await read_limited(response, _MOST_BYTES), type=_Answer)
