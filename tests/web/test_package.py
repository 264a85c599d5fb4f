"""The published package `@teduh/sdk`: what is in it, its types, and that importing it does nothing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import web_build
from support.clients.node_runtime import node, npm

_BUNDLE = """
import { build } from "vite"
const entry = process.argv[1]
const { output } = await build({
  logLevel: "silent",
  root: process.cwd(),
  build: { write: false, minify: true, lib: { entry, formats: ["es"], fileName: "out" } },
}).then((built) => built[0])
console.log(output.reduce((bytes, one) => bytes + (one.code?.trim().length ?? 0), 0))
"""
# Whoever imports it must not find anything changed, begun, or asked for.
_IMPORT = """
const forbid = (name) => () => { throw new Error(`${name} at import`) }
for (const name of ["fetch", "setTimeout", "setInterval", "queueMicrotask"]) globalThis[name] = forbid(name)
globalThis.WebSocket = class { constructor() { throw new Error("WebSocket at import") } }
crypto.getRandomValues = forbid("getRandomValues")
const builtIn = [Array, Object, String, Promise, Uint8Array]
const methods = () => JSON.stringify(builtIn.map(({ prototype }) => Reflect.ownKeys(prototype).length))
const [globals, before] = [new Set(Reflect.ownKeys(globalThis)), methods()]
const { Survivor } = await import("@teduh/sdk")
const added = Reflect.ownKeys(globalThis).filter((key) => !globals.has(key)).map(String)
console.log(JSON.stringify({ added, same: before === methods(), survivor: typeof Survivor }))
"""
_USER = """
import { Survivor, readOrganisation, type Conversation } from "@teduh/sdk"
export async function talk(url: string, organisation: unknown): Promise<Conversation> {
  const survivor = await Survivor.open(url, readOrganisation(organisation))
  return survivor.ask({ need: "counseling" })
}
// @ts-expect-error there is nothing of this name
export { Nothing } from "@teduh/sdk"
"""
_CONFIG = {
    "compilerOptions": {
        "strict": True,
        "target": "ES2022",
        "lib": ["ES2023", "DOM", "DOM.Iterable"],
        "module": "ESNext",
        "moduleResolution": "Bundler",
        "types": [],
        "noEmit": True,
    },
    "files": ["user.ts"],
}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that has the package, built, among its libraries."""
    web_build.install_libraries(web_build.WEB)
    home = tmp_path_factory.mktemp("integrator")
    package = home / "node_modules" / "@teduh" / "sdk"
    package.mkdir(parents=True)
    for library in web_build.WEB.joinpath("node_modules").iterdir():
        if not library.name.startswith("."):
            (home / "node_modules" / library.name).symlink_to(library)
    for name in ("package.json", "README.md", "LICENSE", "THIRD_PARTY.md"):
        (package / name).write_bytes((web_build.WEB / name).read_bytes())
    output = package / "dist" / "sdk"
    _run(
        web_build.WEB, "vite/bin/vite.js", "build", "--config", "build/sdk.config.ts", "--outDir", str(output)
    )
    _run(
        web_build.WEB,
        "typescript/bin/tsc",
        "--project",
        "tsconfig.declarations.json",
        "--outDir",
        str(output),
    )
    return package


@pytest.fixture(scope="module")
def integrator(package: Path) -> Path:
    """The folder of somebody who uses the package."""
    return package.parents[2]


def _run(folder: Path, program: str, *arguments: str) -> str:
    command = [str(node()), str(web_build.WEB / "node_modules" / program), *arguments]
    return _output(folder, command)


def _output(folder: Path, command: list[str]) -> str:
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def _manifest(package: Path) -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    manifest: Mapping[str, Mapping[str, Mapping[str, str]]] = json.loads(
        (package / "package.json").read_text()
    )
    return manifest


@pytest.mark.xdist_group("web_build")
def test_it_holds_what_it_exports_with_types_and_licences_and_nothing_else(package: Path) -> None:
    told = json.loads(_output(package, [*npm(), "pack", "--dry-run", "--json", "--ignore-scripts"]))
    # By name from npm 12 on.
    (packed,) = told.values() if isinstance(told, dict) else told
    names = {each["path"] for each in packed["files"]}
    exported = {
        path.removeprefix("./") for each in _manifest(package)["exports"].values() for path in each.values()
    }
    assert exported <= names
    assert {"package.json", "README.md", "LICENSE", "THIRD_PARTY.md"} <= names
    outside = {name for name in names if not name.startswith("dist/sdk/")}
    assert outside == {"package.json", "README.md", "LICENSE", "THIRD_PARTY.md"}
    assert {Path(name).suffix for name in names - outside} == {".js", ".ts"}
    assert all(name.endswith(".d.ts") for name in names if name.endswith(".ts"))


@pytest.mark.xdist_group("web_build")
def test_its_types_are_enough_for_a_strict_compiler(integrator: Path) -> None:
    (integrator / "user.ts").write_text(_USER, "utf-8")
    (integrator / "tsconfig.json").write_text(json.dumps(_CONFIG), "utf-8")
    _run(integrator, "typescript/bin/tsc", "--project", "tsconfig.json")


@pytest.mark.xdist_group("web_build")
@pytest.mark.parametrize(
    ("text", "most_bytes"),
    [
        ('import {} from "@teduh/sdk"', 8),
        ('import "@teduh/sdk"; import "@teduh/sdk/call"', 8),
        # What of ts-mls and the frames is made when a module is loaded stays; the whole is ten times as much.
        ('export { MemoryKeyStore } from "@teduh/sdk"', 48 * 1024),
    ],
)
def test_a_bundle_has_only_what_is_used_of_it(integrator: Path, text: str, most_bytes: int) -> None:
    entry = integrator / "entry.js"
    entry.write_text(text, "utf-8")
    (integrator / "bundle.mjs").write_text(
        _BUNDLE.replace("process.argv[1]", json.dumps(str(entry))), "utf-8"
    )
    assert int(_output(integrator, [str(node()), "bundle.mjs"])) <= most_bytes


@pytest.mark.xdist_group("web_build")
def test_importing_it_changes_begins_and_asks_for_nothing(integrator: Path) -> None:
    (integrator / "import.mjs").write_text(_IMPORT, "utf-8")
    found = json.loads(_output(integrator, [str(node()), "import.mjs"]))
    assert found == {"added": [], "same": True, "survivor": "function"}
