"""Debian's WebKitGTK (MiniBrowser) as a person starts it, with kept folders, driven by its inspector.

    async with kept_webkit(display, folder, url) as page:
        await page.press("Answer")
        await page.close()

WebKitWebDriver gives its browsers no folders. The inspector's protocol goes over a WebSocket that the browser
serves on loopback (`WEBKIT_INSPECTOR_HTTP_SERVER`): commands for the page are wrapped in commands for its
target, which changes when another site is loaded. Clicks are the script's, not the mouse's.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from support.browsers.page_patience import PATIENCE_SECONDS, until_page
from support.browsers.webkit import NAMED
from support.calls.turn_server import free_port_at
from support.programs import executable

_TARGET: Final = re.compile(r"/socket/\d+/\d+/WebPage")
_TYPE: Final = """(one, text) => {
  one.focus();
  return document.execCommand("insertText", false, text);
}"""


class Moved(Exception):
    """The page was exchanged for that of another site, or is not there yet."""


class ScriptFailed(Exception):
    """A script of the test threw in the page; the text says what."""


@dataclass(slots=True)
class KeptWebKitPage:
    """The one page of a browser, as a person uses it: by what stands on it."""

    socket: aiohttp.ClientWebSocketResponse
    process: asyncio.subprocess.Process
    _target: str | None = None
    _answers: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    _numbers: Callable[[], int] = field(default_factory=lambda: itertools.count(1).__next__)

    async def goto(self, url: str) -> None:
        """Open it, and wait until it is loaded."""
        await self.wait_for("(url) => { setTimeout(() => { location.href = url }); return true }", url)
        there = "(url) => location.href === new URL(url).href && document.readyState === 'complete'"
        await self.wait_for(there, url)

    async def evaluate(self, function: str, *arguments: object) -> Any:
        """What a JavaScript function gives for these arguments, as JSON. Raises `ScriptFailed`, `Moved`."""
        given = json.dumps(arguments)
        script = f"(async () => JSON.stringify(await ({function})(...{given})) ?? 'null')()"
        promise = await self._command("Runtime.evaluate", expression=script, emulateUserGesture=True)
        object_id = promise["result"]["objectId"]
        found = await self._command("Runtime.awaitPromise", promiseObjectId=object_id, returnByValue=True)
        if found.get("wasThrown", False):
            raise ScriptFailed(str(found["result"]))
        return json.loads(found["result"]["value"])

    async def wait_for(self, function: str, *arguments: object) -> None:
        """Wait until a JavaScript function gives something true for these arguments."""

        async def is_so() -> object:
            try:
                return await self.evaluate(function, *arguments)
            except Moved:
                return False

        async def shown() -> object:
            try:
                return await self.evaluate("() => document.body.innerText")
            except Moved:
                return "nothing"

        await until_page(is_so, f"true of {function} {arguments}", shown)

    async def shows(self, text: str) -> None:
        """Wait until this stands on the page."""
        await self.wait_for("(text) => document.body.innerText.includes(text)", text)

    async def press(self, name: str, role: str = "button") -> None:
        """Click what has this role and name, once it is there."""
        clicks = f"(...given) => {{ const one = ({NAMED})(...given); one?.click(); return one !== null }}"
        await self.wait_for(clicks, role, name)

    async def fill(self, name: str, text: str) -> None:
        """Type into the text field with this label, once it is there."""
        await self.wait_for(
            f"(name, text) => {{ const one = ({NAMED})('field', name); return one && ({_TYPE})(one, text) }}",
            name,
            text,
        )

    async def close(self) -> None:
        """Close the browser's one window, as by its button; it has written all down then."""
        # It may be gone before it has answered.
        with suppress(Moved):
            await self.evaluate("() => void setTimeout(() => close())")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.process.wait()

    async def die(self) -> None:
        """The browser is killed, as when the battery is taken out."""
        self.process.kill()
        await self.process.wait()

    async def receive(self) -> None:
        """Take what comes in until the browser ends."""
        try:
            async for message in self.socket:
                self._take(json.loads(message.data))
        finally:
            self._turn_to(None)

    def _take(self, came: Mapping[str, Any]) -> None:
        given = came.get("params", {})
        match came.get("method"):
            case "Target.targetCreated":
                target = given["targetInfo"]
                if target["type"] == "page" and not target.get("isProvisional", False):
                    self._turn_to(target["targetId"])
            case "Target.didCommitProvisionalTarget":
                self._turn_to(given["newTargetId"])
            case "Target.targetDestroyed" if given["targetId"] == self._target:
                self._turn_to(None)
            case "Target.dispatchMessageFromTarget":
                self._take(json.loads(given["message"]))
            case None if "error" in came or came.get("result"):
                self._resolve(came)

    def _turn_to(self, target: str | None) -> None:
        self._target = target
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(Moved())

    def _resolve(self, came: Mapping[str, Any]) -> None:
        answer = self._answers.get(came["id"])
        if answer is None or answer.done():
            return
        if "error" in came:
            answer.set_exception(Moved(str(came["error"])))
        else:
            answer.set_result(came["result"])

    async def _command(self, method: str, **parameters: object) -> dict[str, Any]:
        """Send one command to the page; its result. Raises `Moved`."""
        if self._target is None:
            raise Moved
        number = self._numbers()
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            message = json.dumps({"id": number, "method": method, "params": parameters})
            wrapped = {"targetId": self._target, "message": message}
            await self.socket.send_json(
                {"id": number, "method": "Target.sendMessageToTarget", "params": wrapped}
            )
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await answer
        finally:
            del self._answers[number]


@asynccontextmanager
async def kept_webkit(display: str, folder: Path, url: str) -> AsyncIterator[KeptWebKitPage]:
    """A running browser with its files in `folder` that begins at this URL; it is killed with the block."""
    address = f"127.0.0.1:{free_port_at('127.0.0.1')}"
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    places = ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "HOME")
    process = await asyncio.create_subprocess_exec(
        executable("MiniBrowser"),
        url,
        env={
            **os.environ,
            **{place: str(folder / place) for place in places},
            "DISPLAY": display,
            "LC_ALL": "C",
            "NO_AT_BRIDGE": "1",
            "MESA_SHADER_CACHE_DISABLE": "true",
            "WEBKIT_INSPECTOR_HTTP_SERVER": address,
        },
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with aiohttp.ClientSession() as client:
            path = await _target(client, f"http://{address}/")
            async with client.ws_connect(f"ws://{address}{path}", max_msg_size=0) as socket:
                page = KeptWebKitPage(socket, process)
                receiving = asyncio.create_task(page.receive())
                try:
                    yield page
                finally:
                    receiving.cancel()
                    await asyncio.gather(receiving, return_exceptions=True)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _target(client: aiohttp.ClientSession, url: str) -> str:
    """The path of the page's WebSocket, once the inspector lists it."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                async with client.get(url) as response:
                    if (found := _TARGET.search(await response.text())) is not None:
                        return found[0]
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.05)
