"""Makes machine code of the modules that every message passes: `tools/compile_relay.py [ENVIRONMENT]`.

mypyc translates them as they are, by their types, and a C compiler does the rest: nothing is written twice,
and what every message costs is a third less (`docs/performance.md`). Whoever has no C compiler, or no
headers of Python's, runs the same modules as Python.

    (nothing)        build/compiled: both packages by links to their sources, and machine code beside these.
                     Who has it first on PYTHONPATH runs it (`tests/compiled_relay.py`). Where it cannot be
                     made this says why and goes on: everything works without
    ENVIRONMENT      a virtual environment of the same Python, into which both packages were installed: beside
                     them there, as deploy/Containerfile has it; or fails

Quiet unless something is amiss.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[1]
# In an environment in which nothing of ours is installed, too.
sys.path[:0] = [str(REPOSITORY / folder) for folder in ("tests", "server", "signaling", "crypto")]

from compiled_relay import (  # noqa: E402 - the paths come first
    COMPILED,
    HASH,
    MODULES,
    hash_of_sources,
    is_current,
)
from teduh_server.machine_code import SUMS  # noqa: E402 - as above

PACKAGES: Final = (
    REPOSITORY / "server" / "teduh_server",
    REPOSITORY / "signaling" / "teduh_signaling",
)


class CannotCompile(Exception):
    """There is no compiler, there are no headers, or something does not compile; the text says which."""


def compile_into(target: Path, modules: Sequence[str] = MODULES) -> None:
    """Put the machine code of the modules into `target`, as it lies on `sys.path`; raises CannotCompile."""
    reason = why_not()
    if reason is not None:
        raise CannotCompile(reason)
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, __file__, "--build", folder, *modules]
        # mypyc looks for its settings, and by them for types, where it runs.
        built = subprocess.run(build, cwd=REPOSITORY, capture_output=True, text=True, check=False)  # noqa: S603 -- itself
        if built.returncode != 0:
            raise CannotCompile(built.stdout + built.stderr)
        shutil.copytree(Path(folder) / "built", target, dirs_exist_ok=True)
    (target / SUMS).parent.mkdir(exist_ok=True)
    (target / SUMS).write_text("".join(_sums(modules)), "utf-8")


def _sums(modules: Sequence[str]) -> Iterator[str]:
    """Of which sources it is, as a relay looks when it starts (`teduh_server.machine_code`)."""
    for module in modules:
        source = (REPOSITORY / module).read_bytes()
        yield f"{hashlib.sha256(source).hexdigest()}  {module.partition('/')[2]}\n"


def why_not() -> str | None:
    """What is missing to compile; None if it is nothing."""
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        return "this Python has no headers (Debian: python3-dev)"
    if shutil.which("cc") is None and shutil.which("gcc") is None:
        return "there is no C compiler (Debian: gcc)"
    return None


def _build(folder: Path, modules: Sequence[str]) -> None:
    """In a process of its own, for it talks, and so do compilers."""
    from mypyc.build import mypycify
    from setuptools import Distribution
    from setuptools.command.build_ext import build_ext

    extensions = mypycify(
        ["--config-file", "pyproject.toml", "--cache-dir", str(folder / "types"), *modules],
        # As quick as with 3 where both were measured, and made in half of the time.
        opt_level="3",
        debug_level="0",
        target_dir=str(folder / "c"),
    )
    for extension in extensions:
        # What another compiler warns of in generated code is no reason to do without it.
        extension.extra_compile_args = [each for each in extension.extra_compile_args if each != "-Werror"]
    command = build_ext(Distribution({"ext_modules": extensions}))
    command.build_lib, command.build_temp = str(folder / "built"), str(folder / "objects")
    command.ensure_finalized()
    command.run()


def compile_here() -> None:
    """Make build/compiled; only its links anew if its machine code is current. Raises CannotCompile."""
    COMPILED.parent.mkdir(exist_ok=True)
    with (
        (COMPILED.parent / "compiled.lock").open("w") as lock,
        tempfile.TemporaryDirectory(dir=COMPILED.parent) as folder,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = Path(folder) / "compiled"
        if is_current():
            shutil.copytree(COMPILED, made, symlinks=True, ignore=_links)
        else:
            compile_into(made)
            (made / HASH).write_text(hash_of_sources(), "ascii")
        for package in PACKAGES:
            _link(package, made / package.name)
        shutil.rmtree(COMPILED, ignore_errors=True)
        made.rename(COMPILED)


def _links(folder: str, names: list[str]) -> list[str]:
    """What is not taken over from the tree before."""
    return [each for each in names if (Path(folder) / each).is_symlink() or each == "__pycache__"]


def _link(source: Path, target: Path) -> None:
    """Link a folder whole where nothing is in its place, else what is in it."""
    if not target.exists():
        target.symlink_to(source)
    elif target.is_dir():
        for each in source.iterdir():
            if each.name != "__pycache__":
                _link(each, target / each.name)


def site_packages_of(environment: Path) -> Path:
    """Where an environment of this Python has its packages; raises CannotCompile if ours are not there."""
    found = Path(sysconfig.get_path("purelib", "venv", {"base": str(environment)}))
    if not all((found / each.name).is_dir() for each in PACKAGES):
        raise CannotCompile(f"there is no teduh_server in {found}")
    return found


def main(arguments: list[str]) -> int:
    """The exit status."""
    match arguments:
        case ["--build", folder, *modules]:
            _build(Path(folder), modules)
        case [environment]:
            try:
                compile_into(site_packages_of(Path(environment)))
            except CannotCompile as error:
                sys.stderr.write(f"{error}\n")
                return 1
        case []:
            try:
                compile_here()
            except CannotCompile as error:
                shutil.rmtree(COMPILED, ignore_errors=True)
                sys.stderr.write(f"The relay runs uncompiled here: {error}\n")
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
