"""The build of the pages: the same from anywhere, small where it must be, and whole in the server's wheel."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest
import web_build
from support.clients import web_peer

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = ("src", "apps", "build", "package.json", "package-lock.json", "tsconfig.json", "THIRD_PARTY.md")
MOST_LOADER_BYTES = 3 * 1024


def copy_of_sources(folder: Path) -> Path:
    """The sources at another place. The libraries are not copied, for they are the lock file's."""
    words = Path("crypto", "teduh_crypto", "credentials", "words")
    shutil.copytree(web_build.WEB.parents[1] / words, folder.parents[1] / words, dirs_exist_ok=True)
    folder.mkdir(parents=True)
    for name in SOURCES:
        source = web_build.WEB / name
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, folder / name)
    (folder / "node_modules").symlink_to(web_build.WEB / "node_modules")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages, built once for these tests."""
    web_build.install_libraries(web_build.WEB)
    folder = tmp_path_factory.mktemp("built")
    web_build.build_pages(copy_of_sources(folder / "sources"), folder / "pages")
    return folder / "pages"


@pytest.mark.xdist_group("web_build")
def test_libraries_that_are_there_are_not_taken_away_from_those_who_read_them(built: Path) -> None:
    """npm begins by removing all of them, and other tests bring axe-core into their pages meanwhile."""
    library = web_build.WEB / "node_modules" / "axe-core" / "package.json"
    before = library.stat().st_ctime_ns
    web_peer.built_peer()
    web_build.install_libraries(web_build.WEB)
    assert library.stat().st_ctime_ns == before


@pytest.mark.xdist_group("web_build")
def test_two_builds_at_two_places_are_the_same_to_the_byte(built: Path, tmp_path: Path) -> None:
    web_build.build_pages(copy_of_sources(tmp_path / "another" / "place"), tmp_path / "pages")
    assert contents(tmp_path / "pages") == contents(built)


@pytest.mark.xdist_group("web_build")
def test_manifest_has_the_hash_of_every_file(built: Path) -> None:
    files = contents(built)
    manifest = json.loads(files.pop("manifest.json"))
    assert manifest == {
        "format": 1,
        "files": {name: web_build.sha384(content) for name, content in sorted(files.items())},
    }


@pytest.mark.xdist_group("web_build")
def test_loader_for_other_sites_is_small(built: Path) -> None:
    assert len((built / "embed.js").read_bytes()) <= MOST_LOADER_BYTES


@pytest.mark.xdist_group("web_build")
def test_survivors_page_loads_nothing_from_anywhere(built: Path) -> None:
    policy = json.loads((built / "survivor.headers.json").read_text())["Content-Security-Policy"]
    allowed = dict(directive.split(" ", 1) for directive in policy.split("; "))
    assert allowed["default-src"] == "'none'"
    assert allowed["connect-src"] == "'self'"
    assert not any("http" in sources or "unsafe" in sources for sources in allowed.values())


@pytest.mark.xdist_group("web_build")
def test_every_script_and_style_of_both_pages_is_loaded_under_its_hash(built: Path) -> None:
    """The console's files, and what her page loads later; none lies there that is loaded without."""
    hashes = json.loads((built / "manifest.json").read_text())["files"]
    beside = [f"console/assets/{asset.name}" for asset in (built / "console" / "assets").iterdir()]
    later = [path.name for path in built.glob("*.js") if path.name != "embed.js"]
    assert {Path(name).suffix for name in beside} == {".js", ".css"}
    assert later
    for page, names in (("console/index.html", beside), ("survivor.html", later)):
        loaded = _loaded(built / page)
        assert loaded == {f"/{name}": hashes[name] for name in names}


def _loaded(page: Path) -> dict[str, str | None]:
    """What the elements of a page name, but for data in the page itself, and the hash beside it."""
    found: dict[str, str | None] = {}

    class Elements(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            named = dict(attrs)
            if tag == "a":
                # Followed by a tap alone: numbers, Exit and another try without JavaScript.
                return
            address = named.get("src") or named.get("href")
            if address is not None and not address.startswith("data:"):
                found[address] = named.get("integrity")

    Elements().feed(page.read_text("utf-8"))
    return found


@pytest.mark.xdist_group("web_build")
def test_what_is_no_longer_built_goes(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path / "pages")
    (tmp_path / "pages" / "console" / "assets").mkdir(parents=True, exist_ok=True)
    (tmp_path / "pages" / "console" / "assets" / "old.js").write_text("old")
    web_build.publish(built, tmp_path / "pages")
    assert contents(tmp_path / "pages") == contents(built)


def test_wheel_of_the_server_holds_the_built_pages(tmp_path: Path) -> None:
    """Though the repository does not: git ignores them, and hatch otherwise leaves out what git ignores."""
    server = tmp_path / "server"
    shutil.copytree(REPOSITORY / "server", server, ignore=shutil.ignore_patterns("web", "__pycache__"))
    (server / ".gitignore").write_text("/teduh_server/web/\n")
    (server / "teduh_server" / "web" / "console").mkdir(parents=True)
    (server / "teduh_server" / "web" / "console" / "index.html").write_text("page")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=server, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert "teduh_server/web/console/index.html" in zipfile.ZipFile(wheel).namelist()
