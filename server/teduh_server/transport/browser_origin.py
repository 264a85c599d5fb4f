"""Which web pages may speak to this relay from a visitor's browser.

A browser says in `Origin` whose page opens a WebSocket. Nobody is signed in by cookies here, so a stranger's
page could not act for anybody; but it could let its visitors flood the relay. So it is refused, unless it is

- of this relay's own origins: `public_origin`, `console_origin`;
- of an origin in `allowed_origins`: an own user interface built on the SDK;
- where `public_origin` is not set, of the very host that is asked, under whatever name that host is reached
  (`localhost` and `127.0.0.1`).

Where it is set, `Host` must be that of an own origin, too. A name of a stranger's that leads to this relay's
address (DNS rebinding) would otherwise pass for the host that is asked.

Whoever sends no `Origin` is no browser, and is let in: the header is the browser's word, and binds browsers
only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web
from yarl import URL


@dataclass(frozen=True, slots=True)
class BrowserOrigins:
    """The origins whose pages are welcome, as browsers write them, such as `https://relay.example`."""

    welcome: frozenset[str]
    hosts: frozenset[str] | None = None
    """What `Host` may be; None: whatever this relay is reached by, and then its own page is welcome."""

    def check(self, headers: Mapping[str, str]) -> None:
        """Raises HTTPForbidden if a request with these headers comes from a page of another site."""
        origin = headers.get("Origin")
        if origin is None or self._is_welcome(origin, headers.get("Host", "")):
            return
        raise web.HTTPForbidden(text="pages of this origin may not use this relay\n")

    def _is_welcome(self, origin: str, host: str) -> bool:
        if self.hosts is None:
            return origin in self.welcome or host_of(origin) == host
        return origin in self.welcome and host in self.hosts


def hosts_of(*origins: str) -> frozenset[str]:
    """As `Host` names them."""
    return frozenset(host for host in map(host_of, origins) if host is not None)


def host_of(origin: str) -> str | None:
    """The host, and the port unless it is the scheme's own, as in a `Host` header.

    None for `null` and for nonsense.
    """
    try:
        return URL(origin).host_port_subcomponent
    except ValueError:
        return None
