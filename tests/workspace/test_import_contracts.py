"""The walls of the house hold: `lint-imports` passes on the tree, and names the wall when one is broken.

Each breaking import is written into a copy of the four packages, so a contract that forgot its purpose shows.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = (
    "crypto/teduh_crypto",
    "signaling/teduh_signaling",
    "server/teduh_server",
    "client_sdk/python/teduh_sdk",
)
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


@dataclass(frozen=True, slots=True)
class Break:
    """One forbidden import: who imports what, and the contract that must say so."""

    package: str
    importer: str
    forbidden: str
    contract: str


CRYPTO = "The cryptography stands on the standard library and pyca/cryptography, and does no I/O"
CREDENTIALS = "Credentials may use the JWT library besides, and do no I/O"
SIGNALING = "Signaling stands on the standard library and msgspec, and does no I/O"
PRIMITIVES = "The primitives know neither MLS nor credentials"
WITHOUT_MLS = "Who may speak is decided without MLS"
RELAY = "The relay sees frames and statements, nothing that is inside"
DETOUR = "The relay reaches MLS, chat and call by no detour either"
SDK = "The SDK stands on its sister packages and aiohttp, never on the server"
CALLS = "Calls alone, an extra of the SDK, may use aiortc besides"
ROOMS = "Of the relay's rooms each knows only those below it"
SDK_ROOMS = "Of the SDK's rooms each knows only those below it"
GROUP = "What a group means is decided without I/O"
MATCHING = "Who is asked next, and at what price, is decided without I/O"
OUTSIDE = "What the relay may see is described without what is inside"

BREAKS = (
    Break("crypto/teduh_crypto", "mls", "asyncio", CRYPTO),
    Break("crypto/teduh_crypto", "hazmat", "socket", CRYPTO),
    Break("crypto/teduh_crypto", "mls", "jwt", CRYPTO),
    Break("crypto/teduh_crypto", "mls", "teduh_signaling.relay", CRYPTO),
    Break("crypto/teduh_crypto", "credentials", "aiohttp", CREDENTIALS),
    Break("crypto/teduh_crypto", "credentials", "teduh_signaling", CREDENTIALS),
    Break("signaling/teduh_signaling", "relay", "redis", SIGNALING),
    Break("signaling/teduh_signaling", "chat", "aiortc", SIGNALING),
    Break("signaling/teduh_signaling", "relay", "teduh_crypto.credentials", SIGNALING),
    Break("crypto/teduh_crypto", "hazmat", "teduh_crypto.mls", PRIMITIVES),
    Break("crypto/teduh_crypto", "hazmat", "teduh_crypto.credentials", PRIMITIVES),
    Break("crypto/teduh_crypto", "credentials", "teduh_crypto.mls", WITHOUT_MLS),
    Break("server/teduh_server", "redis_store", "teduh_crypto.mls", RELAY),
    Break("server/teduh_server", "handlers", "teduh_signaling.chat", RELAY),
    Break("server/teduh_server", "handlers", "teduh_sdk", RELAY),
    Break("server/teduh_server", "handlers", "requests", RELAY),
    Break("server/teduh_server", "cluster", "teduh_server.redis_store.keys", ROOMS),
    Break("server/teduh_server", "transport", "teduh_server.session.connection", ROOMS),
    Break("server/teduh_server", "conversation_log", "teduh_server.routing.queue", ROOMS),
    Break("server/teduh_server", "staff", "teduh_server.conversation_log.inbox", ROOMS),
    Break("server/teduh_server", "routing", "teduh_server.handlers.frames", ROOMS),
    Break("server/teduh_server", "http", "teduh_server.app", ROOMS),
    Break("server/teduh_server", "handlers", "teduh_server.composition", ROOMS),
    Break("server/teduh_server", "matching", "asyncio", MATCHING),
    Break("server/teduh_server", "matching", "teduh_server.redis_store.client", MATCHING),
    Break("signaling/teduh_signaling", "relay", "teduh_signaling.chat", OUTSIDE),
    Break("signaling/teduh_signaling", "directory", "teduh_signaling.chat", OUTSIDE),
    Break("client_sdk/python/teduh_sdk", "", "teduh_server", SDK),
    Break("client_sdk/python/teduh_sdk", "", "aiortc", SDK),
    Break("client_sdk/python/teduh_sdk", "net", "teduh_sdk.trust.revocations", SDK_ROOMS),
    Break("client_sdk/python/teduh_sdk", "trust", "teduh_sdk.group.room", SDK_ROOMS),
    Break("client_sdk/python/teduh_sdk", "group", "teduh_sdk.conversation.membership", SDK_ROOMS),
    Break("client_sdk/python/teduh_sdk", "device", "teduh_sdk.client", SDK_ROOMS),
    Break("client_sdk/python/teduh_sdk", "conversation", "teduh_sdk.staff.staff", SDK_ROOMS),
    Break("client_sdk/python/teduh_sdk", "directory", "teduh_sdk.group.room", SDK_ROOMS),
    Break("client_sdk/python/teduh_sdk", "group", "asyncio", GROUP),
    Break("client_sdk/python/teduh_sdk", "calls", "teduh_server", CALLS),
)


def copy_packages(destination: Path) -> None:
    """The four packages side by side, with the contracts and the contract type that they use."""
    for package in PACKAGES:
        source = REPOSITORY / package
        shutil.copytree(source, destination / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(REPOSITORY / "tools", destination / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", destination)


def add_import(root: Path, broken: Break) -> None:
    folder = root / Path(broken.package).name / broken.importer
    (folder / "forbidden_import.py").write_text(f"import {broken.forbidden}\n")


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """`lint-imports` on the copy; PYTHONPATH puts the copy before the installed packages."""
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache", "--no-logo"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "COLUMNS": "200", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def contract_names() -> list[str]:
    document = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    return [contract["name"] for contract in document["tool"]["importlinter"]["contracts"]]


def test_the_tree_keeps_every_contract(tmp_path: Path) -> None:
    copy_packages(tmp_path)
    result = lint(tmp_path)
    assert result.returncode == 0, result.stdout
    for name in contract_names():
        assert f"{name} KEPT" in result.stdout


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: f"{broken.importer}-{broken.forbidden}")
def test_a_forbidden_import_breaks_its_contract(tmp_path: Path, broken: Break) -> None:
    copy_packages(tmp_path)
    add_import(tmp_path, broken)
    result = lint(tmp_path)
    assert result.returncode == 1, result.stdout
    assert f"{broken.contract} BROKEN" in result.stdout


def test_a_detour_to_mls_breaks_the_relay_contract(tmp_path: Path) -> None:
    """The relay may import credentials; were those to import MLS, the relay would have it in its process."""
    copy_packages(tmp_path)
    (tmp_path / "teduh_crypto/credentials/forbidden_import.py").write_text("import teduh_crypto.mls\n")
    (tmp_path / "teduh_server/detour.py").write_text("import teduh_crypto.credentials.forbidden_import\n")
    result = lint(tmp_path)
    assert f"{DETOUR} BROKEN" in result.stdout


def test_every_contract_has_an_import_that_breaks_it() -> None:
    assert {broken.contract for broken in BREAKS} | {DETOUR} == set(contract_names())
