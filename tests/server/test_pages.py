"""The pages: every header, what is filled in, the way out, and who is asked from where."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any

import aiohttp
import brotli
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from redis.asyncio import Redis
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here, relay_process
from support.store.valkey_process import free_port
from teduh_crypto.credentials import Organisation
from teduh_server.config.page_settings import InvalidPageSettings, PageSettings
from teduh_server.http.pages import FORGET, page_routes
from teduh_server.http.served_pages import Origins
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.transport.browser_origin import BrowserOrigins
from teduh_signaling.relay.frames import SUBPROTOCOL

SURVIVOR = """<!doctype html><html><head><title>Notes</title><link rel="icon" href="data:,"></head><body>
<script type="application/json" id="organisation">null</script>
<script type="module">go()</script></body></html>
"""
CONSOLE = """<!doctype html><html><head><title>Console</title></head><body>
<script type="application/json" id="organisation">null</script></body></html>
"""
POLICY = {"Content-Security-Policy": "default-src 'none'; script-src 'sha384-x'; connect-src 'self'"}
LATER = "call.0123456789abcdef.js"
HERE = Origins("https://relay.example", "https://relay.example")
ISOLATED = {
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Origin-Agent-Cluster": "?1",
    "X-DNS-Prefetch-Control": "off",
}
ALWAYS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "max-age=63072000",
}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Small pages in the form in which they are built."""
    contents = {
        "survivor.html": SURVIVOR,
        "survivor.headers.json": json.dumps({**POLICY, "scripts": [LATER]}),
        LATER: "call()",
        "console/index.html": CONSOLE,
        "console/headers.json": json.dumps(POLICY),
        "console/worker.js": "wake()",
        "console/assets/main.abc.js": "go()",
        "console/assets/main.abc.css": "p{}",
        "embed.js": "embed()",
        "manifest.json": '{"format": 1, "files": {"embed.js": "sha384-y"}}',
    }
    for name, content in contents.items():
        (tmp_path / "web" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "web" / name).write_text(content, "utf-8")
    return tmp_path / "web"


@asynccontextmanager
async def serving(
    built: Path,
    settings: PageSettings | None = None,
    *,
    origins: Origins = HERE,
    demonstration: bool = False,
) -> AsyncIterator[Callable[..., AbstractAsyncContextManager[aiohttp.ClientResponse]]]:
    """Yields `ask(path, method="GET", host=..., **headers)`."""
    organisation = Organisation("rumah-aman", "Rumah Aman", bytes(32))
    application = web.Application()
    application.add_routes(
        page_routes(organisation, settings or PageSettings(), origins, built, demonstration=demonstration)
    )
    async with TestServer(application) as server, aiohttp.ClientSession() as session:

        def ask(
            path: str, method: str = "GET", headers: Mapping[str, str] | None = None
        ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
            return session.request(method, server.make_url(path), headers=headers, allow_redirects=False)

        yield ask


def has(response: aiohttp.ClientResponse, *expected: Mapping[str, str]) -> None:
    """Each of these headers is there, once, as it is here."""
    for name, value in (pair for each in expected for pair in each.items()):
        assert response.headers.getall(name) == [value], name


def block_in(page: str) -> dict[str, object]:
    (text,) = re.findall(r'<script type="application/json" id="organisation">(.*?)</script>', page, re.DOTALL)
    block = json.loads(text)
    assert isinstance(block, dict)
    return block


# --- headers -------------------------------------------------------------------------------------------


async def test_survivors_page_is_isolated_and_kept_nowhere(built: Path) -> None:
    async with serving(built) as ask, ask("/") as response:
        assert response.status == 200
        has(response, ALWAYS, ISOLATED, {"Cache-Control": "no-store", "X-Frame-Options": "DENY"})
        has(response, {"Cross-Origin-Opener-Policy": "noopener-allow-popups"})
        has(
            response,
            {"Content-Type": "text/html; charset=utf-8", "Cross-Origin-Resource-Policy": "same-origin"},
        )


async def test_survivors_policy_is_the_built_one_with_its_socket_and_no_frames(built: Path) -> None:
    async with serving(built) as ask, ask("/") as response:
        assert response.headers.getall("Content-Security-Policy") == [
            "default-src 'none'; script-src 'sha384-x'; "
            "connect-src 'self' wss://relay.example; frame-ancestors 'none'"
        ]


async def test_what_her_page_loads_later_is_kept_nowhere_either(built: Path) -> None:
    async with serving(built) as ask, ask(f"/{LATER}") as response:
        assert await response.text() == "call()"
        has(response, ALWAYS, {"Cache-Control": "no-store", "Content-Type": "text/javascript; charset=utf-8"})
        has(response, {"Cross-Origin-Resource-Policy": "same-origin"})


async def test_script_that_the_page_does_not_load_is_not_there(built: Path) -> None:
    (built / "other.0123456789abcdef.js").write_text("other()")
    async with serving(built) as ask, ask("/other.0123456789abcdef.js") as response:
        assert response.status == 404


@pytest.mark.parametrize(("path", "more"), [("/", set()), ("/console/", {"display-capture"})])
async def test_what_calls_need_is_opened_to_the_page_itself_and_nothing_else_is(
    built: Path, path: str, more: set[str]
) -> None:
    """Staff can show their screen; her page cannot."""
    async with serving(built) as ask, ask(path) as response:
        policy = dict(entry.split("=") for entry in response.headers["Permissions-Policy"].split(", "))
    opened = {name for name, allowed in policy.items() if allowed == "(self)"}
    assert opened == {"camera", "microphone", "screen-wake-lock"} | more
    assert {"geolocation", "display-capture", "payment", "usb"} <= policy.keys()
    assert set(policy.values()) == {"(self)", "()"}


async def test_sites_that_the_organisation_lists_may_show_the_page_in_a_frame(built: Path) -> None:
    listed = ("https://www.rumah-aman.example", "https://clinic.example:8443")
    async with serving(built, PageSettings(embedded_by=listed)) as ask, ask("/") as response:
        assert response.headers["Content-Security-Policy"].endswith(
            "; frame-ancestors https://www.rumah-aman.example https://clinic.example:8443"
        )
        assert "X-Frame-Options" not in response.headers
        has(response, {"Cross-Origin-Resource-Policy": "cross-origin"})


async def test_console_is_never_framed_and_its_page_is_not_kept(built: Path) -> None:
    settings = PageSettings(embedded_by=("https://a.example",))
    async with serving(built, settings) as ask, ask("/console/") as response:
        has(response, ALWAYS, ISOLATED, {"Cache-Control": "no-store", "X-Frame-Options": "DENY"})
        has(response, {"Cross-Origin-Opener-Policy": "same-origin"})
        assert response.headers["Content-Security-Policy"].endswith("; frame-ancestors 'none'")
        assert "camera=(self)" in response.headers["Permissions-Policy"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("main.abc.js", "text/javascript; charset=utf-8"), ("main.abc.css", "text/css; charset=utf-8")],
)
async def test_hashed_files_of_the_console_are_kept_for_good(built: Path, name: str, kind: str) -> None:
    async with serving(built) as ask, ask(f"/console/assets/{name}") as response:
        has(response, ALWAYS, {"Cache-Control": "public, max-age=31536000, immutable", "Content-Type": kind})
        has(response, {"Cross-Origin-Resource-Policy": "same-origin"})


async def test_worker_of_the_console_may_load_nothing_and_sees_nothing_but_the_console(built: Path) -> None:
    """Its scope is its path, for no header allows another one; browsers ask for it anew."""
    async with serving(built) as ask, ask("/console/worker.js") as response:
        assert await response.text() == "wake()"
        has(response, ALWAYS, {"Cache-Control": "no-cache", "Content-Type": "text/javascript; charset=utf-8"})
        has(response, {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"})
        assert "Service-Worker-Allowed" not in response.headers


async def test_other_sites_may_load_the_loader(built: Path) -> None:
    async with serving(built) as ask, ask("/embed.js") as response:
        assert await response.text() == "embed()"
        has(
            response,
            ALWAYS,
            {"Cross-Origin-Resource-Policy": "cross-origin", "Access-Control-Allow-Origin": "*"},
        )


async def test_without_https_nothing_promises_https(built: Path) -> None:
    plain = Origins("http://127.0.0.1:8420", "http://127.0.0.1:8420")
    async with serving(built, origins=plain) as ask, ask("/") as response:
        assert "Strict-Transport-Security" not in response.headers
        assert "ws://127.0.0.1:8420;" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path",
    ["/", "/console/", "/x", "/embed.js", "/manifest.json", "/console/assets/main.abc.js", f"/{LATER}"],
)
async def test_nothing_sets_a_cookie(built: Path, path: str) -> None:
    async with serving(built) as ask, ask(path) as response:
        assert "Set-Cookie" not in response.headers


# --- what is filled in ---------------------------------------------------------------------------------


async def test_page_has_the_organisations_title_icon_and_block(built: Path) -> None:
    settings = PageSettings(
        title='Resep & "Bumbu"', icon="data:image/svg+xml,%3Csvg/%3E", hours={"id": "08.00-22.00"}
    )
    async with serving(built, settings) as ask, ask("/") as response:
        page = await response.text()
    assert "<title>Resep &amp; &quot;Bumbu&quot;</title>" in page
    assert '<link rel="icon" href="data:image/svg+xml,%3Csvg/%3E">' in page
    key = base64.urlsafe_b64encode(bytes(32)).rstrip(b"=").decode()
    assert block_in(page) == {
        "organisation": {"format": 1, "id": "rumah-aman", "name": "Rumah Aman", "root_public_key": key},
        "page": {"hours": {"id": "08.00-22.00"}},
        "exit_url": "https://www.bmkg.go.id/",
    }


@pytest.mark.parametrize(
    "text", ["</script><script>steal()</script>", "<!--<script>", "\u2028", '"\\', "{null}"]
)
async def test_no_text_of_the_organisation_ends_the_block(built: Path, text: str) -> None:
    settings = PageSettings(confidentiality={"en": text}, title=text)
    async with serving(built, settings) as ask, ask("/") as response:
        page = await response.text()
    assert page.count("<script") == page.count("</script>") == SURVIVOR.count("<script")
    assert block_in(page)["page"] == {"confidentiality": {"en": text}}


async def test_console_knows_the_organisation_and_whether_it_is_a_demonstration(built: Path) -> None:
    for demonstration in (True, False):
        async with serving(built, demonstration=demonstration) as ask, ask("/console/") as response:
            block = block_in(await response.text())
        assert block["demonstration"] is demonstration
        assert isinstance(block["organisation"], dict)
        assert block["organisation"]["name"] == "Rumah Aman"


async def test_page_is_compressed_for_who_takes_it_so(built: Path) -> None:
    async with serving(built) as ask:
        async with ask("/", headers={"Accept-Encoding": "identity"}) as response:
            plain = await response.read()
            assert "Content-Encoding" not in response.headers
        async with ask("/", headers={"Accept-Encoding": "gzip, deflate"}) as response:
            has(response, {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})
            assert await response.read() == plain


async def test_page_that_is_asked_for_again_is_sent_as_brotli_as_soon_as_that_is_made(built: Path) -> None:
    async with serving(built) as ask:
        sent = []
        async with asyncio.timeout(30):
            while "br" not in sent:
                async with ask("/", headers={"Accept-Encoding": "gzip, deflate, br, zstd"}) as response:
                    has(response, {"Vary": "Accept-Encoding"})
                    # The client's own Brotli has opened it.
                    assert "<title>Catatan</title>" in await response.text()
                    sent.append(response.headers["Content-Encoding"])
        assert sent[:2] == ["gzip", "gzip"]
        async with ask("/", headers={"Accept-Encoding": "gzip, br;q=0"}) as response:
            has(response, {"Content-Encoding": "gzip"})


@pytest.mark.parametrize("encoding", ["gzip", "br"])
async def test_each_piece_can_be_opened_while_the_rest_is_on_its_way(built: Path, encoding: str) -> None:
    """What was compressed is flushed behind it, so that a part that ends there holds all of it."""
    early = SURVIVOR.partition("</body>")[0]
    first, rest = (
        '<script id="first">app()</script>',
        '<template id="later"></template><script>rest()</script>',
    )
    (built / "survivor.html").write_text(early + first + rest)
    application = web.Application()
    application.add_routes(
        page_routes(Organisation("a", "A", bytes(32)), PageSettings(), HERE, built, demonstration=False)
    )
    async with (
        TestServer(application) as server,
        aiohttp.ClientSession(auto_decompress=False) as session,
        asyncio.timeout(30),
    ):
        sent = None
        while sent != encoding:
            async with session.get(server.make_url("/"), headers={"Accept-Encoding": encoding}) as response:
                sent, body = response.headers.get("Content-Encoding"), await response.read()
    open_part = zlib.decompressobj(31).decompress if encoding == "gzip" else brotli.Decompressor().process
    # One byte after the other.
    reached = list(accumulate(open_part(bytes([byte])) for byte in body))
    for end in ('<script type="module">go()</script>', first):
        assert any(part.endswith(end.encode()) for part in reached)
    assert reached[-1].endswith(rest.encode())


async def test_manifest_has_the_hashes_of_what_was_built_and_of_what_is_sent(built: Path) -> None:
    async with serving(built) as ask:
        async with ask("/") as response:
            page = await response.read()
        async with ask("/manifest.json") as response:
            manifest = await response.json()
    assert manifest["built"] == {"embed.js": "sha384-y"}
    assert manifest["served"]["/"] == "sha384-" + base64.b64encode(hashlib.sha384(page).digest()).decode()
    assert manifest["served"].keys() == {
        "/",
        f"/{LATER}",
        "/console/",
        "/console/worker.js",
        "/embed.js",
        "/console/assets/main.abc.js",
        "/console/assets/main.abc.css",
    }


# --- the way out ---------------------------------------------------------------------------------------


async def test_exit_empties_the_origin_and_goes_where_the_organisation_says(built: Path) -> None:
    async with (
        serving(built, PageSettings(exit_url="https://weather.example/")) as ask,
        ask("/x") as response,
    ):
        assert response.status == 303
        has(response, ALWAYS, {"Location": "https://weather.example/", "Cache-Control": "no-store"})
        has(response, {"Clear-Site-Data": FORGET})


async def test_exits_beacon_empties_the_origin_too(built: Path) -> None:
    headers = {"Sec-Fetch-Site": "same-origin"}
    async with serving(built) as ask, ask("/x", "POST", headers) as response:
        assert response.status == 204
        has(response, ALWAYS, {"Clear-Site-Data": FORGET, "Cache-Control": "no-store"})


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_another_site_can_send_its_visitors_out_but_empty_nothing(built: Path, site: str) -> None:
    async with serving(built) as ask, ask("/x", headers={"Sec-Fetch-Site": site}) as response:
        assert response.status == 303
        assert "Clear-Site-Data" not in response.headers


# --- which origin serves what --------------------------------------------------------------------------

APART = Origins("https://relay.example", "https://staff.example")


@pytest.mark.parametrize(
    "path", ["/console/", "/console", "/console/worker.js", "/console/assets/main.abc.js"]
)
async def test_console_with_its_own_origin_is_nowhere_else(built: Path, path: str) -> None:
    async with serving(built, origins=APART) as ask:
        async with ask(path, headers={"Host": "relay.example"}) as response:
            assert response.status == 404
        async with ask(path, headers={"Host": "staff.example"}) as response:
            assert response.status in (200, 308)


@pytest.mark.parametrize("path", ["/x", "/embed.js", f"/{LATER}"])
async def test_the_consoles_own_origin_has_no_way_out_that_empties_it(built: Path, path: str) -> None:
    async with serving(built, origins=APART) as ask, ask(path, headers={"Host": "staff.example"}) as response:
        assert response.status == 404
        assert "Clear-Site-Data" not in response.headers


async def test_the_consoles_own_origin_leads_to_it(built: Path) -> None:
    async with serving(built, origins=APART) as ask, ask("/", headers={"Host": "staff.example"}) as response:
        assert (response.status, response.headers["Location"]) == (303, "/console/")


@pytest.mark.parametrize("path", ["/", "/console/", "/embed.js", "/manifest.json", "/console/assets/main.js"])
async def test_page_that_was_not_built_is_not_there_and_says_so(tmp_path: Path, path: str) -> None:
    async with serving(tmp_path) as ask, ask(path) as response:
        assert response.status == 404
        assert "not built" in await response.text()


@pytest.mark.parametrize("path", ["/console/assets/..%2f..%2fsurvivor.html", "/console/assets/../index.html"])
async def test_no_path_leads_to_another_file(built: Path, path: str) -> None:
    async with serving(built) as ask, ask(path) as response:
        assert response.status == 404


# --- settings ------------------------------------------------------------------------------------------


def page_settings(folder: Path, text: str) -> PageSettings:
    path = folder / "organisation.toml"
    path.write_text(RelayOrganisation().public.to_toml() + text, "utf-8")
    return PageSettings.load(path)


def test_file_without_a_page_has_a_neutral_one(tmp_path: Path) -> None:
    settings = page_settings(tmp_path, "")
    assert (settings.shown_title, settings.icon, settings.for_the_page()) == ("Catatan", "data:,", {})


def test_title_that_nobody_chose_is_in_the_language_that_is_offered_first(tmp_path: Path) -> None:
    for languages, title in (('["id", "en"]', "Catatan"), ('["en", "id"]', "Notes")):
        assert page_settings(tmp_path, f"[page]\nlanguages = {languages}").shown_title == title


def test_page_gets_its_entries_and_not_the_servers(tmp_path: Path) -> None:
    text = """
        [page]
        title = "Catatan"
        exit_url = "https://weather.example/"
        embedded_by = ["https://a.example"]
        languages = ["id", "en"]
        typical_wait_minutes = 10
        regions = ["Jakarta", "Bandung"]
        disguise = { skin = "weather" }
        exit_place = "bottom-left"
        emergency_numbers = [{ number = "129", name = "SAPA 129", about = { id = "24 jam" } }]
    """
    assert page_settings(tmp_path, text).for_the_page() == {
        "languages": ("id", "en"),
        "typical_wait_minutes": 10,
        "regions": ("Jakarta", "Bandung"),
        "disguise": {"skin": "weather", "press": "picture"},
        "exit_place": "bottom-left",
        "emergency_numbers": ({"number": "129", "name": "SAPA 129", "about": {"id": "24 jam"}},),
    }


LINKS = json.loads((Path(__file__).parents[1] / "vectors" / "contact_links.json").read_text("utf-8"))
EARLY_TEXTS = Path(__file__).parents[2] / "client_sdk" / "web" / "apps" / "survivor" / "earlyTexts.ts"


def contact_settings(folder: Path, **contact: str) -> PageSettings:
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in contact.items())
    return page_settings(folder, f"[[page.emergency_numbers]]\n{lines}\n")


@pytest.mark.parametrize("link", LINKS["taken"])
def test_contact_may_be_a_link_beside_a_number_or_alone(tmp_path: Path, link: str) -> None:
    for contact in ({"number": "129", "link": link}, {"name": "SAPA 129", "link": link}):
        assert contact_settings(tmp_path, **contact).for_the_page() == {"emergency_numbers": (contact,)}


@pytest.mark.parametrize("link", LINKS["refused"])
def test_contact_leads_to_no_address_but_one_that_says_where_it_leads(tmp_path: Path, link: str) -> None:
    """By https to a site that stands at its beginning; the page takes the same ones."""
    with pytest.raises(InvalidPageSettings, match=re.escape("`$.emergency_numbers[0].link`")):
        contact_settings(tmp_path, number="129", link=link)


@pytest.mark.parametrize(
    ("contact", "fault"),
    [
        ({"name": "SAPA 129"}, "needs a `number`, a `link` or both"),
        ({"link": "https://wa.me/628111129129"}, "needs a `name`"),
    ],
)
def test_contact_that_cannot_be_shown_is_refused(tmp_path: Path, contact: dict[str, str], fault: str) -> None:
    with pytest.raises(InvalidPageSettings, match=re.escape(fault)):
        contact_settings(tmp_path, **contact)


def test_contacts_are_so_many_that_she_can_look_through_them(tmp_path: Path) -> None:
    one = '[[page.emergency_numbers]]\nnumber = "129"\n'
    assert len(page_settings(tmp_path, one * 16).emergency_numbers) == 16
    with pytest.raises(InvalidPageSettings, match=re.escape("length <= 16 - at `$.emergency_numbers`")):
        page_settings(tmp_path, one * 17)


async def test_numbers_and_links_stand_in_the_document_itself(built: Path, tmp_path: Path) -> None:
    """With what a link leaves behind, as the page says it; and its site is not told where she was."""
    (built / "survivor.html").write_text(
        SURVIVOR.replace(
            '<script type="module"', '<noscript><ul class="numbers"></ul></noscript><script type="module"'
        )
    )
    settings = contact_settings(
        tmp_path, name="Rumah <Aman>", number="0800 1", link="https://wa.me/62811?text=a&b='"
    )
    async with serving(built, settings) as ask, ask("/") as response:
        page = await response.text()
    (plain,) = re.findall("<noscript>(.*?)</noscript>", page)
    apart = 'target="_blank" rel="noopener noreferrer" referrerpolicy="no-referrer"'
    called = "Rumah &lt;Aman&gt;"
    assert plain.startswith(
        '<ul class="numbers"><li>'
        f'<a class="button number" href="tel:08001">{called} <strong>0800 1</strong></a>'
        f'<a class="button number" href="https://wa.me/62811?text=a&amp;b=&#x27;" {apart}>'
        f"{called} <strong>wa.me</strong></a></li></ul>"
    )
    words = re.findall('<p class="muted"[^>]*>(.*?)</p>', plain)
    assert len(words) == 2
    texts = EARLY_TEXTS.read_text("utf-8")
    assert all(f'"{each}"' in texts for each in words)


async def test_without_links_nothing_is_said_of_them(built: Path, tmp_path: Path) -> None:
    (built / "survivor.html").write_text(
        SURVIVOR.replace("</body>", '<noscript><ul class="numbers"></ul></noscript></body>')
    )
    async with serving(built, contact_settings(tmp_path, number="129")) as ask, ask("/") as response:
        page = await response.text()
    called = '<a class="button number" href="tel:129"> <strong>129</strong></a>'
    assert f'<ul class="numbers"><li>{called}</li></ul></noscript>' in page


def test_prepared_replies_go_to_the_console_alone(tmp_path: Path) -> None:
    settings = page_settings(tmp_path, '[page]\nreplies = ["Halo.", { id = "Ya.", en = "Yes." }]')
    assert settings.for_the_page() == {}
    assert settings.for_the_console() == {"replies": ("Halo.", {"id": "Ya.", "en": "Yes."})}


def test_table_in_the_documents_is_a_good_one(tmp_path: Path) -> None:
    document = (Path(__file__).parents[2] / "docs" / "pages.md").read_text("utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", document, re.DOTALL)
    settings = page_settings(tmp_path, example)
    assert set(PageSettings.__struct_fields__) == set(msgspec.to_builtins(settings))


@pytest.mark.parametrize(
    "line",
    [
        'tittle = "x"',
        "title = 1",
        'exit_url = "javascript:alert(1)"',
        'exit_url = "https://a.example/\\r\\nSet-Cookie: a=b"',
        "embedded_by = [\"https://a.example; script-src 'unsafe-inline'\"]",
        'embedded_by = ["https://a.example/page"]',
        'embedded_by = ["https://a.example\\n"]',
        'exit_url = "https://a.example/\\n"',
        'icon = "data:,\\n"',
        'icon = "https://tracker.example/a.png"',
        'emergency_numbers = [{ number = "call me" }]',
        'emergency_numbers = [{ number = "129\\n" }]',
        f'emergency_numbers = [{{ number = "129", name = "{"n" * 101}" }}]',
        f'emergency_numbers = [{{ number = "129", name = {{ id = "{"n" * 101}" }} }}]',
        f'emergency_numbers = [{{ number = "129", about = "{"a" * 301}" }}]',
        'disguise = { skin = "game" }',
        'exit_place = "left"',
        "cover = { after_seconds = 0 }",
        'replies = [""]',
    ],
)
def test_wrong_entry_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(InvalidPageSettings, match=re.escape("[page]")):
        page_settings(tmp_path, f"[page]\n{line}\n")


def test_relay_with_a_misspelt_page_does_not_start_and_says_where(
    organisation: RelayOrganisation, tmp_path: Path
) -> None:
    path = organisation.write(tmp_path)
    path.write_text(path.read_text("utf-8") + '[page]\ntittle = "Catatan"\n', "utf-8")
    environment = {**os.environ, "TEDUH_ORGANISATION_FILE": str(path), "TEDUH_LISTEN_PORT": "0"}
    command = [sys.executable, "-m", "teduh_server", "serve"]
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 1
    assert "tittle" in ran.stderr
    assert "Traceback" not in ran.stderr


async def test_nothing_about_visitors_is_logged_or_stored(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    visitor = {"User-Agent": "Needle/1", "Referer": "https://needle.example/", "Accept-Language": "x-needle"}
    with relay_process(tmp_path, organisation.write(tmp_path), valkey.url, log_level="debug") as relay:
        async with aiohttp.ClientSession(headers=visitor) as session:
            for path in ("/", "/x", "/console/", "/embed.js", "/manifest.json", "/needle?needle"):
                async with session.get(relay.url + path, allow_redirects=False) as response:
                    await response.read()
                # Not even of what is not there shall a browser keep the address.
                assert response.status != 404 or response.headers["Cache-Control"] == "no-store"
            assert response.status == 404
        async with Redis(unix_socket_path=str(valkey.socket_path)) as store:
            kept = await store.keys("*")
    assert not [key for key in kept if b"needle" in key.lower()]
    log = relay.log.read_text().lower()
    assert "needle" not in log
    # The relay says where it listens itself; who asked has another port.
    assert not re.findall(rf"127\.0\.0\.1(?!:{relay.port})", log)


# --- whose pages may open a WebSocket ------------------------------------------------------------------


async def test_pages_of_strangers_cannot_open_a_connection(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    async with (
        relay_here(organisation.write(tmp_path), valkey.url, allowed_origins=("https://ngo.example",)) as (
            _,
            url,
        ),
        aiohttp.ClientSession() as session,
    ):
        port = url.rpartition(":")[2]
        for origin in (url, f"http://127.0.0.1:{port}", "https://ngo.example", None):
            headers = {} if origin is None else {"Origin": origin}
            async with session.ws_connect(f"{url}/v1/socket", protocols=(SUBPROTOCOL,), headers=headers):
                pass
        for stranger in ("https://stranger.example", "null", "http://127.0.0.1:1", f"http://[::1:{port}"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(
                    f"{url}/v1/socket", protocols=(SUBPROTOCOL,), headers={"Origin": stranger}
                )
            assert refused.value.status == 403


@pytest.mark.parametrize(
    ("origin", "host", "is_welcome"),
    [
        ("https://help.example", "help.example", True),
        ("https://staff.help.example", "staff.help.example", True),
        ("https://ngo.example", "help.example", True),
        (None, "10.0.0.7:8420", True),
        # The same host, and a page that anybody on the way could have made.
        ("http://help.example", "help.example", False),
        ("https://help.example:8443", "help.example", False),
        # A stranger's name that leads here.
        ("https://stranger.example", "stranger.example", False),
        ("https://help.example", "stranger.example", False),
        ("https://ngo.example", "ngo.example", False),
        ("https://help.example", "help.example:8443", False),
    ],
)
async def test_where_the_public_origin_is_set_host_and_origin_are_compared_with_it(
    valkey: EmbeddedValkey,
    organisation: RelayOrganisation,
    tmp_path: Path,
    origin: str | None,
    host: str,
    is_welcome: bool,
) -> None:
    port = free_port()
    settings: dict[str, Any] = {
        "listen_port": port,
        "public_origin": "https://help.example",
        "console_origin": "https://staff.help.example",
        "allowed_origins": ("https://ngo.example",),
    }
    headers = {"Host": host} | ({} if origin is None else {"Origin": origin})
    async with (
        relay_here(organisation.write(tmp_path), valkey.url, **settings),
        aiohttp.ClientSession() as session,
    ):
        opening = session.ws_connect(
            f"http://127.0.0.1:{port}/v1/socket", protocols=(SUBPROTOCOL,), headers=headers
        )
        if is_welcome:
            await (await opening).close()
        else:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await opening
            assert refused.value.status == 403


def test_hosts_own_page_is_welcome_under_any_name() -> None:
    """A browser that opened http://localhost:8420 asks localhost:8420 with that origin."""
    BrowserOrigins(frozenset()).check({"Origin": "http://localhost:8420", "Host": "localhost:8420"})
