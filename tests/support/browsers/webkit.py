"""Debian's WebKitGTK (MiniBrowser) on a made-up screen, driven by W3C WebDriver over HTTP.

    with made_up_screen() as display:
        async with webkit(display) as page:      # a browser of its own: its storage is no other page's
            await page.goto(url)
            await page.press("Answer")           # a real click, on the button of this name

It has no WebRTC, as Safari in Lockdown Mode has none. What its pages throw is not told.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from support.browsers.page_patience import PATIENCE_SECONDS, until_page
from support.programs import executable

_ELEMENT: Final = "element-6066-11e4-a52e-4f735466cecf"
NAMED: Final = """(role, name) => {
  const tags = { button: 'button', radio: 'input[type=radio]', field: 'input, textarea' }[role];
  const nameOf = (one) => one.ariaLabel || [...one.labels ?? []].map((label) => label.textContent.trim())[0]
    || one.textContent.trim();
  return [...document.querySelectorAll(tags)].find((one) =>
    nameOf(one) === name && !one.disabled && one.checkVisibility()) ?? null;
}"""
"""Finds what has a role and a name, can be used, and is to be seen."""


class CommandFailed(Exception):
    """The browser refused a command; the text has WebDriver's code and message."""


@dataclass(frozen=True, slots=True)
class WebKitPage:
    """The one page of a browser, as a person uses it: by what stands on it."""

    client: aiohttp.ClientSession
    session: str
    """URL of the WebDriver session."""

    async def command(self, path: str, **parameters: object) -> Any:
        """Send one command; its value. Raises `CommandFailed`."""
        async with self.client.post(f"{self.session}{path}", json=parameters) as response:
            value = (await response.json())["value"]
        if response.status != 200:
            raise CommandFailed(f"{path}: {value['error']}: {value['message']}")
        return value

    async def goto(self, url: str) -> None:
        """Open it, and wait until it is loaded."""
        await self.command("/url", url=url)

    async def evaluate(self, function: str, *arguments: object) -> Any:
        """What a JavaScript function gives for these arguments, as JSON. Raises `CommandFailed`."""
        asked = f"async (...given) => JSON.stringify(await ({function})(...given)) ?? 'null'"
        script = f"return ({asked})(...arguments)"
        return json.loads(await self.command("/execute/sync", script=script, args=list(arguments)))

    async def wait_for(self, function: str, *arguments: object) -> None:
        """Wait until a JavaScript function gives something true for these arguments."""

        async def is_so() -> object:
            return await self.evaluate(function, *arguments)

        await self._until(is_so, f"true of {function} {arguments}")

    async def shows(self, text: str) -> None:
        """Wait until this stands on the page."""
        await self.wait_for("(text) => document.body.innerText.includes(text)", text)

    async def press(self, name: str, role: str = "button") -> None:
        """Click what has this role and name, once it is there, with a mouse."""
        await self._until(lambda: self._clicked(role, name), f"{role} named {name}")

    async def fill(self, name: str, text: str) -> None:
        """Click the text field with this label, once it is there, and type."""
        await self.press(name, "field")
        field = await self._found("field", name)
        assert field is not None
        await self.command(f"/element/{field}/value", text=text)

    async def keys(self, *keys: str) -> None:
        """Press these keys together, by WebDriver's codes."""
        down = [{"type": "keyDown", "value": key} for key in keys]
        up = [{"type": "keyUp", "value": key} for key in reversed(keys)]
        source = {"type": "key", "id": "keyboard", "actions": [*down, *up]}
        await self.command("/actions", actions=[source])

    async def _clicked(self, role: str, name: str) -> bool:
        found = await self._found(role, name)
        if found is None:
            return False
        try:
            await self.command(f"/element/{found}/click")
        except CommandFailed:
            # It has gone, or moved, since it was found.
            return False
        return True

    async def _found(self, role: str, name: str) -> str | None:
        value = await self.command(
            "/execute/sync", script=f"return ({NAMED})(...arguments)", args=[role, name]
        )
        return None if value is None else str(value[_ELEMENT])

    async def _until(self, is_so: Callable[[], Awaitable[object]], what: str) -> None:
        await until_page(is_so, what, lambda: self.evaluate("() => document.body.innerText"))


@contextmanager
def made_up_screen() -> Iterator[str]:
    """An X display that nobody sees, by its name (":7")."""
    reading, writing = os.pipe()
    words = ("-displayfd", str(writing), "-screen", "0", "1280x900x24", "-nolisten", "tcp")
    screen = subprocess.Popen([executable("Xvfb"), *words], pass_fds=(writing,), stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as said:
            number = said.readline().strip()
        assert number, "Xvfb ended before it had a display"
        yield f":{number}"
    finally:
        screen.kill()
        screen.wait()


@asynccontextmanager
async def webkit(display: str, port: int) -> AsyncIterator[WebKitPage]:
    """A running browser, driven through this port; it is closed with the block."""
    driver = await asyncio.create_subprocess_exec(
        executable("WebKitWebDriver"),
        *("--host=127.0.0.1", f"--port={port}"),
        # In this locale its pages are asked for in English.
        env={**os.environ, "DISPLAY": display, "LC_ALL": "C", "NO_AT_BRIDGE": "1"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with aiohttp.ClientSession() as client:
            page = WebKitPage(client, await _session(client, f"http://127.0.0.1:{port}/session"))
            try:
                yield page
            finally:
                async with client.delete(page.session):
                    pass
    finally:
        driver.kill()
        await driver.wait()


async def _session(client: aiohttp.ClientSession, url: str) -> str:
    """URL of a new session, once the driver listens."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                async with client.post(url, json={"capabilities": {}}) as response:
                    value = (await response.json())["value"]
                    return f"{url}/{value['sessionId']}"
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)
