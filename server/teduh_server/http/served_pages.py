"""The built pages as they are sent: filled in for this organisation, with every header, at the start.

    teduh_server/web/ (built) ──┐
    organisation, [page] ───────┼──> Document: body, the same compressed, headers
    origins of this relay ──────┘

Nothing in a document depends on the visitor, so there is nothing about her that could be kept.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import pairwise
from typing import Final

from teduh_crypto.credentials import Organisation
from yarl import URL

from teduh_server.config.page_settings import EmergencyContact, OwnText, PageSettings

BUILT: Final = files("teduh_server") / "web"
"""Where `tools/web_build.py` puts the pages."""

SCRIPT, STYLE, PAGE, JSON = ("text/javascript", "text/css", "text/html", "application/json")
_TYPES: Final = {
    ".js": SCRIPT,
    ".css": STYLE,
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}

_BLOCK: Final = '<script type="application/json" id="organisation">null</script>'
_TITLE: Final = "<title>Notes</title>"
_NUMBERS: Final = ('<ul class="numbers">', "</ul>")
"""Around the numbers that are shown where there is no JavaScript."""
_FIRST: Final = b'<script id="first">'
"""Behind what works before the first screen of the survivor's page: Exit, numbers, the tap to somebody."""
_ELSEWHERE: Final = 'target="_blank" rel="noopener noreferrer" referrerpolicy="no-referrer"'
_LINK_TRACE: Final = (
    '<p class="muted">Link membuka aplikasi atau situs lain. Tulisan Anda tersimpan di sana, dan browser '
    "mencatat kunjungan itu. Tombol Keluar di sini tidak menutupnya.</p>"
    '<p class="muted" lang="en">A link opens another app or site. What you write is kept there, and your '
    "browser remembers the visit. Exit here does not close it.</p>"
)
"""What the page itself says of such links (`emergency.trace.link`)."""
_REST: Final = b'<template id="later">'
"""Behind the first screen, which a browser can show and run without what follows."""
_ICON: Final = '<link rel="icon" href="data:,">'

NO_STORE: Final = "no-store"
FOR_GOOD: Final = "public, max-age=31536000, immutable"
FOR_AN_HOUR: Final = "public, max-age=3600"

NO_OPENER: Final = "noopener-allow-popups"
"""What opens her page in a window gets no hold of it, in Chromium from 131 and Safari from 18.4 on.

Firefox does not know it, and so takes her page for one without a policy. Of a site with one that it knows, it
keeps the address for 30 days, among permissions (`highValueCOOP`), which outlive a history that was cleared.
"""
OWN_WINDOWS: Final = "same-origin"
"""No other site shares windows with the console; staff have nothing to hide on their own device."""

# What Chromium knows; a name that it does not know is a warning in its console.
# fmt: off
_CLOSED: Final = (
    "accelerometer", "browsing-topics", "display-capture", "encrypted-media", "fullscreen", "geolocation",
    "gyroscope", "hid", "idle-detection", "local-fonts", "magnetometer", "midi", "payment",
    "picture-in-picture", "serial", "sync-xhr", "usb", "xr-spatial-tracking",
)
# fmt: on
_CALLS: Final = ("camera", "microphone", "screen-wake-lock")
"""What a call needs."""


def permissions(*more: str) -> str:
    """What the page itself may ask the browser for: calls, and `more`; nothing else, and nobody else."""
    opened = {*_CALLS, *more}
    closed = [name for name in _CLOSED if name not in opened]
    return ", ".join([*(f"{name}=(self)" for name in sorted(opened)), *(f"{name}=()" for name in closed)])


class PagesNotBuilt(Exception):
    """The package does not hold the page; the text says how to build it."""


@dataclass(frozen=True, slots=True)
class Document:
    """What one path answers with."""

    body: bytes
    compressed: bytes
    headers: Mapping[str, str]
    pieces: tuple[bytes, ...]
    """The body in pieces, each of use without what follows: compressed, it ends where it can be decoded."""

    @property
    def integrity(self) -> str:
        """As in an `integrity` attribute."""
        return "sha384-" + base64.b64encode(hashlib.sha384(self.body).digest()).decode()


@dataclass(frozen=True, slots=True)
class Origins:
    """By which origins browsers know this relay; the console's is the same unless it has one of its own."""

    relay: str
    console: str

    @property
    def apart(self) -> bool:
        """Whether the console has an origin of its own."""
        return self.relay != self.console


def survivor_page(
    organisation: Organisation,
    settings: PageSettings,
    origins: Origins,
    built: Traversable,
    *,
    has_directory: bool = False,
) -> Document:
    """The survivor's page, which shows who else can help where that is known; raises `PagesNotBuilt`."""
    block = {
        "organisation": public_entries(organisation),
        "page": settings.for_the_page(),
        "exit_url": settings.exit_url,
        **({"directory": True} if has_directory else {}),
    }
    page = _text(built / "survivor.html")
    page = _filled(page, _TITLE, f"<title>{html.escape(settings.shown_title)}</title>")
    page = _filled(page, _ICON, f'<link rel="icon" href="{html.escape(settings.icon)}">')
    page = _filled(page, _BLOCK, data_block(block))
    if settings.emergency_numbers:
        page = _with_numbers(page, settings)
    policy = json.loads(_text(built / "survivor.headers.json"))["Content-Security-Policy"]
    embedded_by = " ".join(settings.embedded_by) or "'none'"
    headers = {
        "Content-Security-Policy": f"{_with_socket(policy, origins.relay)}; frame-ancestors {embedded_by}",
        "Cache-Control": NO_STORE,
        # It is the same for everybody and holds no secret; a host that isolates itself needs this to show it.
        "Cross-Origin-Resource-Policy": "cross-origin" if settings.embedded_by else "same-origin",
        **({} if settings.embedded_by else {"X-Frame-Options": "DENY"}),
    }
    return document(page.encode(), PAGE, origins.relay, _isolated(headers, NO_OPENER))


def survivor_scripts(origins: Origins, built: Traversable) -> dict[str, Document]:
    """What the survivor's page loads only when it needs it, by name; kept by no browser either."""
    if not (built / "survivor.headers.json").is_file():
        return {}
    headers = {"Cache-Control": NO_STORE, "Cross-Origin-Resource-Policy": "same-origin"}
    return {
        name: document((built / name).read_bytes(), SCRIPT, origins.relay, headers)
        for name in json.loads(_text(built / "survivor.headers.json"))["scripts"]
    }


def console_page(
    organisation: Organisation,
    settings: PageSettings,
    origins: Origins,
    built: Traversable,
    *,
    demonstration: bool,
    has_directory: bool = False,
) -> Document:
    """The staff console's page; raises `PagesNotBuilt`."""
    block = {
        "organisation": public_entries(organisation),
        "page": settings.for_the_console(),
        "demonstration": demonstration,
        **({"directory": True} if has_directory else {}),
    }
    page = _filled(_text(built / "console" / "index.html"), _BLOCK, data_block(block))
    policy = json.loads(_text(built / "console" / "headers.json"))["Content-Security-Policy"]
    headers = {
        "Content-Security-Policy": f"{_with_socket(policy, origins.console)}; frame-ancestors 'none'",
        "Cache-Control": NO_STORE,
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Frame-Options": "DENY",
    }
    return document(page.encode(), PAGE, origins.console, _isolated(headers, OWN_WINDOWS, "display-capture"))


def console_assets(origins: Origins, built: Traversable) -> dict[str, Document]:
    """The console's files by name; browsers may keep them for good, for their names carry their hashes."""
    folder = built / "console" / "assets"
    if not folder.is_dir():
        return {}
    headers = {"Cache-Control": FOR_GOOD, "Cross-Origin-Resource-Policy": "same-origin"}
    return {
        asset.name: document(asset.read_bytes(), _type_of(asset.name), origins.console, headers)
        for asset in folder.iterdir()
    }


def console_worker(origins: Origins, built: Traversable) -> Document:
    """The console's service worker; raises `PagesNotBuilt`.

    Its path ends its scope at the console's, for nothing here allows a wider one.
    """
    headers = {
        # Its own: it may load nothing, and connect to nobody.
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Cache-Control": "no-cache",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    worker = _text(built / "console" / "worker.js")
    return document(worker.encode(), SCRIPT, origins.console, headers)


def embed_script(origins: Origins, built: Traversable) -> Document:
    """The loader for other sites; raises `PagesNotBuilt`."""
    headers = {
        "Cache-Control": FOR_AN_HOUR,
        # Other sites load it, and may pin its hash, for which browsers want permission to read it.
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Access-Control-Allow-Origin": "*",
    }
    return document(_text(built / "embed.js").encode(), SCRIPT, origins.relay, headers)


def manifest(served: Mapping[str, Document], origins: Origins, built: Traversable) -> Document:
    """What was built and what is served, as hashes, for whoever watches over the pages."""
    hashes = json.loads(_text(built / "manifest.json"))["files"]
    content = {
        "format": 1,
        "built": hashes,
        "served": {path: each.integrity for path, each in served.items()},
    }
    headers = {"Cache-Control": NO_STORE, "Access-Control-Allow-Origin": "*"}
    return document(json.dumps(content, indent=2).encode() + b"\n", JSON, origins.relay, headers)


def public_entries(organisation: Organisation) -> dict[str, object]:
    """The organisation's file as the pages read it."""
    return {
        "format": 1,
        "id": organisation.id,
        "name": organisation.name,
        "root_public_key": base64.urlsafe_b64encode(organisation.root_public_key).rstrip(b"=").decode(),
    }


def data_block(content: object) -> str:
    """The element with `content` as JSON, which no text in it can close."""
    # HTML's tokenizer looks for nothing but `<` in here; the other two are line ends in old JavaScript.
    text = json.dumps(content, ensure_ascii=False).replace("<", "\\u003c")
    text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return _BLOCK.replace("null", text)


def always(origin: str) -> dict[str, str]:
    """The headers of every answer."""
    headers = {"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}
    if origin.startswith("https:"):
        headers["Strict-Transport-Security"] = "max-age=63072000"
    return headers


def _isolated(headers: Mapping[str, str], opener_policy: str, *more: str) -> dict[str, str]:
    """A page that no other page can reach into; `more` are permissions."""
    return {
        **headers,
        "Cross-Origin-Opener-Policy": opener_policy,
        "Cross-Origin-Embedder-Policy": "require-corp",
        "Origin-Agent-Cluster": "?1",
        "Permissions-Policy": permissions(*more),
        "X-DNS-Prefetch-Control": "off",
    }


def document(body: bytes, kind: str, origin: str, headers: Mapping[str, str]) -> Document:
    """What is sent of `body`, a media type without its charset, by a relay at `origin`."""
    content_type = kind if kind.startswith(("image/", "font/")) else f"{kind}; charset=utf-8"
    pieces = _pieces(body)
    return Document(
        body,
        _gzip(pieces),
        {"Content-Type": content_type, "Vary": "Accept-Encoding", **headers, **always(origin)},
        pieces,
    )


def _pieces(body: bytes) -> tuple[bytes, ...]:
    ends = [*sorted(end for mark in (_FIRST, _REST) if (end := body.find(mark)) > 0), len(body)]
    return tuple(body[start:end] for start, end in pairwise([0, *ends]))


def _gzip(pieces: Sequence[bytes]) -> bytes:
    press = zlib.compressobj(level=9, wbits=16 + zlib.MAX_WBITS)
    early = [press.compress(piece) + press.flush(zlib.Z_SYNC_FLUSH) for piece in pieces[:-1]]
    return b"".join(early) + press.compress(pieces[-1]) + press.flush()


def _with_socket(policy: str, origin: str) -> str:
    # Safari before 15.4 does not take 'self' for the WebSocket of the same host.
    socket = URL(origin).with_scheme("wss" if origin.startswith("https:") else "ws")
    return policy.replace("connect-src 'self'", f"connect-src 'self' {str(socket).rstrip('/')}")


def _filled(page: str, place: str, content: str) -> str:
    before, found, after = page.partition(place)
    if not found or place in after:
        raise PagesNotBuilt(f"the built page does not hold {place} once; build it anew")
    return before + content + after


def _with_numbers(page: str, settings: PageSettings) -> str:
    """The page with the organisation's own numbers and links where there is no JavaScript."""
    opening, closing = _NUMBERS
    before, found, after = page.partition(opening)
    _, closed, rest = after.partition(closing)
    if not found or not closed:
        raise PagesNotBuilt(f"the built page does not hold {opening}; build it anew")
    contacts = settings.emergency_numbers
    trace = _LINK_TRACE if any(each.link is not None for each in contacts) else ""
    return f"{before}{opening}{''.join(map(_contact, contacts))}{closing}{trace}{rest}"


def _contact(contact: EmergencyContact) -> str:
    """By its number, and by its link."""
    name = html.escape(_in_one_language(contact.name))
    by = ""
    if contact.number is not None:
        dialled = re.sub(r"[^0-9+*#]", "", contact.number)
        number = html.escape(contact.number)
        by += f'<a class="button number" href="tel:{dialled}">{name} <strong>{number}</strong></a>'
    if contact.link is not None:
        site = re.split("[/?#]", contact.link.removeprefix("https://"), maxsplit=1)[0]
        by += (
            f'<a class="button number" href="{html.escape(contact.link)}" {_ELSEWHERE}>'
            f"{name} <strong>{html.escape(site)}</strong></a>"
        )
    return f"<li>{by}</li>"


def _in_one_language(text: OwnText) -> str:
    """For a place where nobody can choose one: Indonesian, or the first that there is."""
    return text if isinstance(text, str) else text.get("id") or next(iter(text.values()), "")


def _text(file: Traversable) -> str:
    if not file.is_file():
        raise PagesNotBuilt(f"the package holds no {file.name}; `python tools/web_build.py` builds the pages")
    return file.read_text("utf-8")


def _type_of(name: str) -> str:
    return _TYPES.get(name[name.rfind(".") :], "application/octet-stream")
