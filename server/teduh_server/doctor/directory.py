"""Whether the directory of services, if there is one, is served, and until when.

It ends 92 days after it was signed at the latest; her page then offers a list that cannot be shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import aiohttp
import msgspec
from teduh_crypto.credentials.json_web_token import decode_base64url

from teduh_server.config.settings import Settings
from teduh_server.doctor.authority import holds, own_url
from teduh_server.doctor.finding import Finding, good, problem, warning
from teduh_server.http.directory import DIRECTORY_PATH
from teduh_server.organisation.signed_directory import SignedDirectory

SOON: Final = 14 * 24 * 3600
"""Seconds before its end from which on somebody should know."""
_ABOUT: Final = "directory"
_SIGN: Final = "Let a coordinator run `teduh directory sign`, and give the relay both files."
_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)


class _Claims(msgspec.Struct, frozen=True):
    exp: int


async def check_directory(settings: Settings, clock: Callable[[], float] = time.time) -> list[Finding]:
    """Findings about what the relay on this machine serves; nothing is changed."""
    file = settings.served_directory_file
    if not file.is_file():
        return [warning(_ABOUT, f"There is none at {file}: nobody is shown who else can help. {_SIGN}")]
    if settings.listen_port == 0:
        return []
    url = own_url(settings).with_path(DIRECTORY_PATH)
    try:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session, session.get(url) as response:
            status, content = response.status, await response.read()
    except (aiohttp.ClientError, OSError, TimeoutError):
        # The authority's findings say that no relay answers.
        return []
    if status != 200:
        why = "it has ended, or is not the organisation's"
        return [problem(_ABOUT, f"There is a file, but none is served: {why}. {_SIGN}")]
    # The relay has verified it.
    statement = msgspec.json.decode(content, type=SignedDirectory).statement
    claims = decode_base64url(statement.split(".")[1])
    left = msgspec.json.decode(claims, type=_Claims).exp - int(clock())
    if left < SOON:
        return [warning(_ABOUT, f"It {holds(left)}; then nobody is shown who else can help. {_SIGN}")]
    return [good(_ABOUT, f"It {holds(left)}.")]
