"""ts-mls as a peer of our tests: a Node process that plays members of groups, one JSON line per call.

    test ── {"member": "bea", "call": "protect", "data": "6869"} ──► node driver.mjs ── ts-mls
         ◄── {"result": "0001000210..."} ──

Bytes are hex on the wire between the two, and `bytes` on this side.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from interop.views import BASIC, Change, Person, View
from support.clients.node_runtime import node, npm
from support.schemas.vectors_official import Json, JsonValue, data, number, objects, record, text

FOLDER = Path(__file__).resolve().parent
LOCK = FOLDER / "package-lock.json"
INSTALLED = FOLDER / "node_modules" / ".installed-from"


class TsMlsRefused(Exception):
    """ts-mls threw; the text is its error's name and message."""


def install() -> None:
    """Bring the locked packages into `node_modules` unless they are there. Several processes may call it."""
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    with _exclusive(LOCK):
        if INSTALLED.is_file() and INSTALLED.read_text() == wanted:
            return
        command = [*npm(), "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"npm ci failed in {FOLDER}:\n{done.stderr}")
        INSTALLED.write_text(wanted)


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with path.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


class TsMls:
    """The Node process. Use it as a context manager."""

    def __init__(self, *, corrected: bool = True) -> None:
        """Start Node on the installed packages; `corrected` as `ts_mls/corrections.mjs` explains."""
        scripts = FOLDER / "ts_mls"
        options = ["--import", (scripts / "corrected.mjs").as_uri()] if corrected else []
        self._process = subprocess.Popen(
            [str(node()), *options, str(scripts / "driver.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._names = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=30)

    def call(self, call: str, **parameters: JsonValue) -> JsonValue:
        """Make one call; raises `TsMlsRefused` when ts-mls throws."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"call": call, **parameters}) + "\n")
        self._process.stdin.flush()
        answer: Json = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise TsMlsRefused(text(answer["error"]))
        return answer["result"]

    def member(
        self, suite: int, content: bytes, credential_type: int = BASIC, *, endless: bool = False
    ) -> TsMember:
        """Make a member with fresh keys, who is in no group yet; an endless key package never expires."""
        self._names += 1
        name = f"{self._names}"
        credential: Json = {"type": credential_type, "content": content.hex()}
        self.call("make", member=name, suite=suite, credential=credential, endless=endless)
        return TsMember(self, name)


@dataclass(frozen=True, slots=True)
class TsMember:
    """One member played by ts-mls. Messages are whole encoded MLSMessages."""

    process: TsMls
    name: str

    def _call(self, call: str, **parameters: JsonValue) -> JsonValue:
        return self.process.call(call, member=self.name, **parameters)

    def key_package(self) -> bytes:
        """Her key package."""
        return data(self._call("keyPackage"))

    def private_keys(self) -> Json:
        """The private keys of her key package in hex; `signature` is right for Ed25519 only."""
        return record(self._call("privateKeys"))

    def create(self, group_id: bytes) -> None:
        """Create a group of herself alone."""
        self._call("create", groupId=group_id.hex())

    def join(self, welcome: bytes) -> None:
        """Join by a welcome that carries the ratchet tree."""
        self._call("join", welcome=welcome.hex())

    def join_externally(self, group_info: bytes, *, resync: bool = False) -> bytes:
        """Enter uninvited, in the place of her former self if she resynchronises; returns the commit."""
        return data(self._call("joinExternally", groupInfo=group_info.hex(), resync=resync))

    def group_info(self) -> bytes:
        """A GroupInfo by which others can enter."""
        return data(self._call("groupInfo"))

    def use_psk(self, psk_id: bytes, secret: bytes) -> None:
        """Know a pre-shared key."""
        self._call("usePsk", id=psk_id.hex(), secret=secret.hex())

    def commit(self, *changes: Change, publicly: bool = False) -> tuple[bytes, bytes | None]:
        """Make a commit of these proposals and of all that she received; returns (commit, welcome)."""
        made = record(self._call("commit", proposals=list(map(_described, changes)), publicly=publicly))
        welcome = made["welcome"]
        return data(made["commit"]), None if welcome is None else data(welcome)

    def adopt(self) -> None:
        """Move on by the commit she made."""
        self._call("adopt")

    def propose(self, change: Change, *, publicly: bool = False) -> bytes:
        """Make a proposal."""
        return data(self._call("propose", proposal=_described(change), publicly=publicly))

    def protect(self, content: bytes, authenticated_data: bytes = b"") -> bytes:
        """Encrypt an application message."""
        return data(self._call("protect", data=content.hex(), authenticatedData=authenticated_data.hex()))

    def unprotect(self, message: bytes) -> tuple[bytes | None, bytes]:
        """Process any message; returns (application data or None, authenticated data)."""
        result = record(self._call("unprotect", message=message.hex()))
        content = result["data"]
        return None if content is None else data(content), data(result["authenticatedData"])

    def export(self, label: str, context: bytes, length: int) -> bytes:
        """The exporter of RFC 9420, 8.5."""
        return data(self._call("export", label=label, context=context.hex(), length=length))

    def view(self) -> View:
        """What she knows of the group."""
        view = record(self._call("view"))
        return View(
            data(view["groupId"]),
            number(view["epoch"]),
            data(view["epochAuthenticator"]),
            number(view["ownLeaf"]),
            view["active"] is True,
            tuple(map(_person, objects(view["members"]))),
        )


def _person(member: Json) -> Person:
    return Person(
        number(member["leaf"]),
        number(member["credentialType"]),
        data(member["content"]),
        data(member["signatureKey"]),
    )


def _described(change: Change) -> Json:
    if change.kind == "add":
        return {"kind": "add", "keyPackage": change.key_package.hex()}
    if change.kind == "psk":
        return {"kind": "psk", "id": change.psk_id.hex(), "nonce": change.psk_nonce.hex()}
    return {"kind": change.kind, "leaf": change.leaf}
