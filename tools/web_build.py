"""Builds the pages into the server's package: `python tools/web_build.py`.

    client_sdk/web/apps/survivor ──> survivor.html, survivor.headers.json
                        /console ──> console/...
                        /embed   ──> embed.js
                                     manifest.json     the hashes of all of them

Quiet unless something fails. Node comes from the system or from a wheel (`node_runtime`), the libraries from
npm by the lock file, and only when they are not there. `python tools/web_build.py tests` and `... checks` run
vitest, and tsc with eslint, in the same way.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

from support.clients.node_runtime import node, npm  # noqa: E402 - the path to the tests comes first

WEB: Final = REPOSITORY / "client_sdk" / "web"
PAGES: Final = REPOSITORY / "server" / "teduh_server" / "web"
APPS: Final = {"survivor": "main.tsx", "console": "main.tsx", "embed": "main.ts"}
"""Where the build of each app begins; one whose beginning is not there is left out."""

_VITE, _VITEST = "vite/bin/vite.js", "vitest/vitest.mjs"
_TSC, _ESLINT = "typescript/bin/tsc", "eslint/bin/eslint.js"


class BuildFailed(Exception):
    """A command failed; the text is what it printed."""


def build_pages(web: Path, output: Path) -> None:
    """Build what is in `web` into `output`, whose other files are removed; raises `BuildFailed`."""
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder)
        for app, beginning in APPS.items():
            if (web / "apps" / app / beginning).is_file():
                config = f"build/{app}.config.ts"
                into = built / "console" if app == "console" else built / "parts" / app
                _tool(web, _VITE, "build", "--config", config, "--outDir", str(into), "--emptyOutDir")
        for part in built.glob("parts/*/*"):
            shutil.move(part, built / part.name)
        shutil.rmtree(built / "parts", ignore_errors=True)
        shutil.copyfile(web / "THIRD_PARTY.md", built / "THIRD_PARTY.md")
        (built / "manifest.json").write_text(manifest(built), "utf-8")
        publish(built, output)


def manifest(folder: Path) -> str:
    """Every file's SHA-384, as `integrity` attributes have it; signed by whoever vouches for a release."""
    files = {name: sha384((folder / name).read_bytes()) for name in _names(folder)}
    return json.dumps({"format": 1, "files": files}, indent=2) + "\n"


def sha384(content: bytes) -> str:
    """As in an `integrity` attribute."""
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


def install_libraries(web: Path) -> None:
    """Let npm install what the lock file names, unless that is there. Several processes may call it.

    npm begins by removing all that is there, which would disturb whoever reads it meanwhile.
    """
    lock = web / "package-lock.json"
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        wanted, present = _packages(lock), _packages(web / "node_modules" / ".package-lock.json")
        if all(present.get(name) == version for name, version in wanted.items()):
            return
        _run(web, [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])


def _packages(lock: Path) -> Mapping[str, str]:
    """Folders and versions of the packages in a lock file; those for other machines' systems left out."""
    if not lock.is_file():
        return {}
    packages = json.loads(lock.read_text("utf-8"))["packages"]
    return {name: each["version"] for name, each in packages.items() if name and not each.get("optional")}


def publish(built: Path, output: Path) -> None:
    """Put the files in place one by one, each whole; the manifest, by which `make` knows, last."""
    names = sorted(_names(built), key=lambda name: name == "manifest.json")
    for name in names:
        target = output / name
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.copyfile(built / name, temporary)
        temporary.replace(target)
    for name in set(_names(output)) - set(names):
        (output / name).unlink(missing_ok=True)


def _names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _tool(web: Path, program: str, *arguments: str) -> None:
    _run(web, [str(node()), str(web / "node_modules" / program), *arguments])


def _run(folder: Path, command: Sequence[str]) -> None:
    # Some of npm's programs call `node` by its name.
    path = os.pathsep.join([str(node().parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1", "CI": "1"}
    ran = subprocess.run(  # noqa: S603 - our own commands, without a shell
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ran.returncode != 0:
        raise BuildFailed(f"{' '.join(command)}\n{ran.stdout}")


def main(task: str = "pages", *files: str) -> None:
    """Do one of the tasks: pages, tests (all, or of these files below `client_sdk/web`), checks."""
    try:
        install_libraries(WEB)
        match task:
            case "pages":
                build_pages(WEB, PAGES)
            case "tests":
                _tool(WEB, _VITEST, "run", "--reporter=dot", *files)
            case "checks":
                _tool(WEB, _TSC, "--noEmit")
                _tool(WEB, _ESLINT, ".")
            case _:
                raise SystemExit(f"there is no task {task}: pages, tests or checks")
    except BuildFailed as failure:
        raise SystemExit(str(failure)) from None


if __name__ == "__main__":
    main(*sys.argv[1:])
