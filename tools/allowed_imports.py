"""An import contract by allow-list: a package may import what is named for it, and nothing else.

import-linter's own `forbidden` contract lists what must not come in, so a library that nobody thought of
slips past it. For the walls of this house (the relay never reads, the cryptography never touches a socket)
we say instead what *may* come in. Registered in pyproject.toml under `contract_types`::

    importer, or a module below it  --imports-->  itself, `allowed`, the standard library       kept
                                                  the parts of it that do I/O, with `sans_io`   broken
                                                  anything else                                 broken
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import ClassVar, cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

INPUT_AND_OUTPUT = frozenset(
    {
        "asyncio",
        "ftplib",
        "http",
        "imaplib",
        "multiprocessing",
        "poplib",
        "select",
        "selectors",
        "smtplib",
        "socket",
        "socketserver",
        "ssl",
        "subprocess",
        "urllib",
        "webbrowser",
        "wsgiref",
        "xmlrpc",
    }
)
"""The parts of the standard library that reach out of the process; refused by `sans_io`."""


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def is_within_any(module: str, packages: Iterable[str]) -> bool:
    return any(is_within(module, package) for package in packages)


class AllowedImports(Contract):
    """Every direct import of `importers` (bar those in `except_importers`) must be on the list."""

    type_name: ClassVar[str] = "allowed_imports"

    importers = fields.ListField(subfield=fields.StringField())
    except_importers = fields.ListField(subfield=fields.StringField(), required=False, default=[])
    allowed = fields.ListField(subfield=fields.StringField())
    sans_io = fields.BooleanField(required=False, default=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        violations = sorted(
            (importer, imported)
            for importer in graph.modules
            if self._is_bound(importer)
            for imported in graph.find_modules_directly_imported_by(importer)
            if not self._may_import(imported)
        )
        return ContractCheck(kept=not violations, metadata={"violations": violations})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported in check.metadata["violations"]:
            output.print_error(f"{importer} imports {imported}, which is not on its list.", bold=True)

    # import-linter puts the parsed value in the place of each field; the casts tell mypy of it.

    def _is_bound(self, module: str) -> bool:
        importers = cast("list[str]", self.importers)
        return is_within_any(module, importers) and not is_within_any(
            module, cast("list[str]", self.except_importers)
        )

    def _may_import(self, imported: str) -> bool:
        listed = [*cast("list[str]", self.importers), *cast("list[str]", self.allowed)]
        if is_within_any(imported, listed):
            return True
        root = imported.partition(".")[0]
        if root not in sys.stdlib_module_names:
            return False
        return not (cast("bool", self.sans_io) and root in INPUT_AND_OUTPUT)
