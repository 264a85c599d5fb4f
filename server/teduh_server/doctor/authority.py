"""How long the organisation's authority statement and revocation list still hold, as the relay shows them.

Without either of them fresh nobody new is believed. Only the holder of the root key can renew the first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from ipaddress import IPv6Address, ip_address
from typing import Final

import aiohttp
import msgspec
from teduh_crypto.credentials import (
    CLOCK_ALLOWANCE,
    CredentialError,
    MalformedToken,
    Organisation,
    StatementVerifier,
)
from yarl import URL

from teduh_server.config.settings import Settings
from teduh_server.doctor.finding import Finding, good, problem, warning
from teduh_server.organisation.signed_revocations import SignedRevocations

SOON: Final = 2 * 24 * 3600
"""Seconds before the end of an authority statement from which on it is a problem."""
_RENEW: Final = "Let the holder of the root key run `teduh org refresh`."
_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)


async def check_authority(settings: Settings, clock: Callable[[], float] = time.time) -> list[Finding]:
    """Findings about what the relay on this machine shows everybody; nothing is changed."""
    try:
        organisation = Organisation.load(settings.organisation_file)
    except (OSError, MalformedToken):
        # The configuration's findings say so.
        return []
    if settings.listen_port == 0:
        return [_unasked("the relay takes any port, so that it cannot be asked")]
    url = own_url(settings).with_path("/v1/revocations")
    try:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session, session.get(url) as response:
            status, content = response.status, await response.read()
    except (aiohttp.ClientError, OSError, TimeoutError):
        return [_unasked(f"no relay answers at {url.origin()}")]
    if status == 404:
        return [problem("authority statement", f"The relay has none, and no revocation list. {_RENEW}")]
    return list(_check_shown(content, organisation, int(clock())))


def _check_shown(content: bytes, organisation: Organisation, now: int) -> Iterator[Finding]:
    verifier = StatementVerifier(organisation.root_public_key, organisation.id)
    try:
        shown = msgspec.json.decode(content, type=SignedRevocations)
        if shown.authority is None:
            yield problem("authority statement", f"The relay has none. {_RENEW}")
            return
        verifier.resume_revocations(shown.list, shown.authority)
    except (msgspec.DecodeError, CredentialError) as error:
        yield problem("authority statement", f"What the relay shows is not to be believed: {error}.")
        return
    assert verifier.authority is not None
    assert verifier.revocations is not None
    yield from _check_clock(max(verifier.authority.issued, verifier.revocations.issued), now)
    left = verifier.authority.expires - now
    if left < SOON:
        says = f"It {holds(left)}; then nobody new is believed. {_RENEW}"
        yield problem("authority statement", says)
    else:
        yield good("authority statement", f"It {holds(left)}.")
    left = verifier.revocations.expires - now
    if left <= 0:
        yield problem("revocation list", f"It {holds(left)}: nobody new is believed. `teduh org refresh`.")
    else:
        yield good("revocation list", f"It {holds(left)}.")


def _check_clock(signed: int, now: int) -> Iterator[Finding]:
    if now >= signed - CLOCK_ALLOWANCE:
        return
    yield problem(
        "clock",
        f"This machine's says {_utc(now)}, and what the organisation signed last is dated {_utc(signed)}. "
        "While it is behind, staff are refused (statement_not_yet_valid) and no newer list is taken. Set it "
        "right, or, if it is right, that of whoever signed.",
    )


def _utc(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def holds(seconds: int) -> str:
    """What is said of something that ends in so many seconds."""
    if seconds <= 0:
        return "has expired"
    hours = seconds // 3600
    return f"holds for {hours // 24} days" if hours >= 48 else f"holds for {hours} hours"


def _unasked(why: str) -> Finding:
    return warning("authority statement", f"How long it holds cannot be told: {why}.")


def own_url(settings: Settings) -> URL:
    """Where this machine reaches its own relay, which may listen on all addresses."""
    host = settings.listen_host
    try:
        address = ip_address(host)
    except ValueError:
        return URL.build(scheme="http", host=host, port=settings.listen_port)
    if address.is_unspecified:
        host = "::1" if isinstance(address, IPv6Address) else "127.0.0.1"
    return URL.build(scheme="http", host=host, port=settings.listen_port)
