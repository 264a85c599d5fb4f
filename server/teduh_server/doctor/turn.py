"""Does a TURN server do what calls need, and nothing beyond it?

::

    without credentials, with wrong ones, with expired ones     must be refused
    with the relay's                     an allocation A, another B
    A ──> server ──> B ──> server ──> A                 a datagram and its echo: it really relays
    A ──> private, loopback, foreign addresses          must be refused
    A ──> a second server ──> B                         where there are several, each must allow the others

The last line is what makes a TURN server safe to run: without it, whoever may call can send packets from
the server's address to the machine itself, to its network, and to the world (CVE-2020-26262 and kin). The
relayed ends of a call are both on our own TURN servers, so no other peer is ever needed.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import AsyncExitStack, nullcontext, suppress
from ipaddress import ip_address
from itertools import combinations

from teduh_signaling.relay.turn_url import TurnUrl

from teduh_server.config.call_settings import CallSettings
from teduh_server.doctor.finding import Finding, Level, good, problem, warning
from teduh_server.doctor.turn_client import Allocation, TurnRefused, TurnUnreachable, allocated
from teduh_server.handlers.ice_servers import IceServerOffers, turn_credential

_UNAUTHORIZED = 401
_DISCARD_PORT = 9
_ATTEMPTS = 3
_DATAGRAM_SECONDS = 2.0

# Permission is asked for and nothing is sent, so that nobody there hears of it.
FORBIDDEN_PEERS = {
    "loopback": ("127.0.0.1", "127.8.8.8"),
    "private": ("10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254"),
    "foreign": ("192.0.2.1", "198.51.100.1", "198.41.0.4"),
}
"""Peers that a TURN server of ours must refuse: the machine itself; networks behind it, among them the
address at which clouds hand out a machine's secrets; the rest of the world (two of RFC 5737, and one that
is really in use).
"""


async def check_turn(settings: CallSettings) -> list[Finding]:
    """Findings about every TURN server of the settings."""
    if not settings.turn_urls:
        return [_without_turn(settings)]
    findings = [finding for url in settings.turn_urls for finding in await check_server(url, settings)]
    if not any(finding.level is Level.PROBLEM for finding in findings):
        try:
            findings += await check_together(settings)
        except (TurnRefused, TurnUnreachable) as error:
            findings.append(
                problem("TURN", f"A TURN server that answered just now does not any more: {error}.")
            )
    if settings.allow_direct:
        says = "calls.allow_direct is on: each side of a call may learn the other's network address."
        findings.append(warning("calls", says))
    return findings


def _without_turn(settings: CallSettings) -> Finding:
    if settings.allow_direct:
        says = "There is no TURN server: each side of a call learns the other's network address."
        return warning("calls", says)
    return warning("calls", "There is no TURN server in calls.turn_urls, so voice and video are off.")


async def check_server(text: str, settings: CallSettings) -> list[Finding]:
    """Findings about the TURN server at one address."""
    url = TurnUrl.parse(text)
    if url.secure and url.transport == "udp":
        return [warning(text, "TURN over DTLS cannot be tried from here.")]
    offer = IceServerOffers(settings).offer(0, secrets.token_bytes(16), 0)
    try:
        return [
            *await _check_authentication(text, url, settings),
            *await _check_relaying(text, url, offer.username, offer.credential),
        ]
    except TurnUnreachable as error:
        return [problem(text, f"The TURN server cannot be reached: {error}.")]
    except TurnRefused as error:
        return [problem(text, _why_refused(error))]


async def check_together(settings: CallSettings) -> list[Finding]:
    """Findings about servers that relay from several addresses: the two ends of a call may be at any two."""
    offer = IceServerOffers(settings).offer(0, secrets.token_bytes(16), 0)
    urls = [url for url in map(TurnUrl.parse, settings.turn_urls) if not url.secure or url.transport != "udp"]
    async with AsyncExitStack() as held:
        by_address: dict[str, Allocation] = {}
        for url in urls:
            own = await held.enter_async_context(allocated(url, offer.username, offer.credential))
            by_address.setdefault(own.address[0], own)
        findings = []
        for (one, here), (other, there) in combinations(by_address.items(), 2):
            if await _check_echo("TURN", here, there):
                says = (
                    f"A call between {one} and {other} fails: each server has to allow the other's address."
                )
                findings.append(problem("TURN", says))
    return findings


def _why_refused(error: TurnRefused) -> str:
    if error.code == _UNAUTHORIZED:
        return (
            "The TURN server does not take the relay's credentials: its static-auth-secret is not what "
            "calls.turn_secret_file holds, or one of the two clocks is wrong."
        )
    return f"The TURN server refuses an allocation (STUN error {error.code})."


async def _check_authentication(text: str, url: TurnUrl, settings: CallSettings) -> list[Finding]:
    ahead, past = (f"{int(time.time()) + offset}:{secrets.token_urlsafe(6)}" for offset in (600, -600))
    wrong: dict[str, tuple[str | None, str | None]] = {
        "anybody, without credentials": (None, None),
        "credentials that were made with another secret": (ahead, turn_credential(b"another", ahead)),
        "credentials that have expired": (past, turn_credential(settings.secret(), past)),
    }
    findings = []
    for what, credentials in wrong.items():
        if not await _refuses(url, *credentials):
            findings.append(problem(text, f"The TURN server takes {what}."))
    return findings


async def _refuses(url: TurnUrl, username: str | None, credential: str | None) -> bool:
    try:
        async with allocated(url, username, credential):
            return False
    except TurnRefused:
        return True


async def _check_relaying(text: str, url: TurnUrl, username: str, credential: str) -> list[Finding]:
    async with allocated(url, username, credential) as here, allocated(url, username, credential) as there:
        findings = [
            *await _check_peers(text, here),
            *await _check_echo(text, here, there),
        ]
        if not findings:
            says = "relays, and refuses wrong credentials and private, loopback and foreign peers."
            findings.append(good(text, f"The TURN server {says}"))
        if not ip_address(here.address[0]).is_global:
            findings.append(warning(text, _not_public(here.address[0])))
    return findings


def _not_public(address: str) -> str:
    return (
        f"The TURN server relays from {address}, which nobody elsewhere can reach: set its external-ip, "
        "unless everybody who calls is in this network."
    )


async def _check_peers(text: str, allocation: Allocation) -> list[Finding]:
    findings = []
    for kind, addresses in FORBIDDEN_PEERS.items():
        permitted = [address for address in addresses if await _permits(allocation, address)]
        if permitted:
            says = f"The TURN server relays to {kind} addresses ({', '.join(permitted)}): deny them."
            findings.append(problem(text, says))
    return findings


async def _permits(allocation: Allocation, address: str) -> bool:
    try:
        await allocation.permit((address, _DISCARD_PORT))
    except TurnRefused:
        return False
    return True


async def _check_echo(text: str, here: Allocation, there: Allocation) -> list[Finding]:
    try:
        await _echo(here, there)
    except TurnRefused as error:
        says = f"The TURN server refuses its own relayed addresses as peers (STUN error {error.code})."
        return [problem(text, says)]
    except TimeoutError:
        return [problem(text, "The TURN server makes allocations, but does not relay between them.")]
    return []


async def _echo(here: Allocation, there: Allocation) -> None:
    """A datagram from `here` to `there` and back. Raises TimeoutError, `TurnRefused`, `TurnUnreachable`."""
    question, answer = secrets.token_bytes(16), secrets.token_bytes(16)
    # Opens the way back: a TURN server passes on nothing of a peer that has no permission.
    await there.send(b"open", here.address)
    for attempt in range(_ATTEMPTS):
        await here.send(question, there.address)
        with suppress(TimeoutError) if attempt + 1 < _ATTEMPTS else nullcontext():
            await _receive(there, question)
            await there.send(answer, here.address)
            await _receive(here, answer)
            return


async def _receive(allocation: Allocation, wanted: bytes) -> None:
    async with asyncio.timeout(_DATAGRAM_SECONDS):
        while (await allocation.received.get())[0] != wanted:
            pass
