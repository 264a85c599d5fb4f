"""Survivors and staff of the TypeScript SDK as peers of our tests: a Node process, one JSON line per call.

    test ── {"id": 1, "do": "send", "conversation": 0, "text": "Hello"} ──► node peer.mjs ── @teduh/sdk
         ◄── {"id": 1, "result": "00ff..."} ──
         ◄── {"conversation": 0, "event": {"type": "sent", ...}} ──

Bytes are hex on both sides of this module. See client_sdk/web/tests/peer/peer.ts.
"""

from __future__ import annotations

import asyncio
import base64
import fcntl
import hashlib
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import web_build
from teduh_crypto.credentials import Organisation

from support.clients.node_runtime import node
from support.clients.sdk_people import PATIENCE

WEB = Path(__file__).resolve().parents[3] / "client_sdk" / "web"
_LOCK = WEB / "package-lock.json"
_CONFIG = WEB / "tests" / "peer" / "vite.config.ts"
_BUILT = WEB / "dist" / "peer"

Json = dict[str, object]


class WebPeerRefused(Exception):
    """The SDK threw; `name` is its error's class."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail}")
        self.name = name


def organisation_json(organisation: Organisation) -> Json:
    """An organisation as the page of a relay carries it."""
    key = base64.urlsafe_b64encode(organisation.root_public_key).rstrip(b"=").decode()
    return {"format": 1, "id": organisation.id, "name": organisation.name, "root_public_key": key}


def built_peer(program: str = "peer") -> Path:
    """The peer's program or the judge's, built from the present sources. Several processes may call it."""
    web_build.install_libraries(WEB)
    with _exclusive(_LOCK):
        wanted = _digest()
        stamp = _BUILT / "built-from"
        if not stamp.is_file() or stamp.read_text() != wanted:
            _run(str(node()), "node_modules/vite/bin/vite.js", "build", "--config", str(_CONFIG))
            stamp.write_text(wanted)
    return _BUILT / f"{program}.mjs"


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command} failed in {WEB}:\n{done.stdout}\n{done.stderr}")


def _digest() -> str:
    sources = sorted((WEB / "src").rglob("*.ts")) + sorted((WEB / "tests" / "peer").glob("*.ts"))
    digest = hashlib.sha256(_LOCK.read_bytes())
    for source in (*sources, *sorted((WEB / "build").iterdir())):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with path.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


class WebPeer:
    """One Node process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._answers: dict[int, asyncio.Future[object]] = {}
        self._events: list[Json] = []
        self._changed = asyncio.Condition()
        self._last = 0

    async def call(self, do: str, **parameters: object) -> object:
        """Make one call; raises `WebPeerRefused` when the SDK throws."""
        assert self._process.stdin is not None
        self._last += 1
        answer = self._answers[self._last] = asyncio.get_running_loop().create_future()
        line = json.dumps({"id": self._last, "do": do, **parameters})
        self._process.stdin.write(line.encode() + b"\n")
        async with asyncio.timeout(PATIENCE):
            return await answer

    async def until(self, kind: str, conversation: int = 0) -> Json:
        """The next event of this kind; others are left for whoever asks for them."""
        try:
            async with asyncio.timeout(PATIENCE), self._changed:
                while True:
                    found = self._take(kind, conversation)
                    if found is not None:
                        return found
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"no {kind} came, but {self._events}") from None

    def _take(self, kind: str, conversation: int) -> Json | None:
        for place, told in enumerate(self._events):
            event = told["event"]
            assert isinstance(event, dict)
            if told["conversation"] == conversation and event["type"] == kind:
                del self._events[place]
                return event
        return None

    async def read(self) -> None:
        """Take what the process says, until it ends."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            if "id" in said:
                self._answer(said)
            elif "event" in said:
                async with self._changed:
                    self._events.append(said)
                    self._changed.notify_all()

    def _answer(self, said: Json) -> None:
        number = said["id"]
        assert isinstance(number, int)
        answer = self._answers.pop(number)
        if answer.done():
            return
        if "error" in said:
            answer.set_exception(WebPeerRefused(str(said["error"]), str(said["detail"])))
        else:
            answer.set_result(said["result"])


@asynccontextmanager
async def web_peer() -> AsyncIterator[WebPeer]:
    """A Node process that runs the TypeScript SDK; it ends with the block."""
    program = await asyncio.to_thread(built_peer)
    process = await asyncio.create_subprocess_exec(
        str(node()), str(program), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    peer = WebPeer(process)
    reading = asyncio.create_task(peer.read())
    try:
        yield peer
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
        await reading
