"""Debian's Firefox, headless, driven by W3C WebDriver BiDi: JSON commands over one WebSocket.

    async with firefox(folder) as browser:
        page = await browser.new_page()   # in a user context of its own: its storage is no other page's
        await page.goto(url)
        await page.press("Answer")        # a real click, on what assistive technology calls a button "Answer"
        await page.wait_for("() => window.connections.length === 1")

Playwright's Firefox is a build of its own; this is the one that people use. Its made-up camera changes its
colour, its made-up microphone sounds at `TONE_HZ`; nobody has to allow them. What a page throws and nobody
catches stands in `Firefox.errors`. Whether to leave a page is asked as people are
asked: `Firefox.prompts`, `FirefoxPage.answer`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from support.browsers.page_patience import PATIENCE_SECONDS, until_page
from support.programs import executable

TONE_HZ: Final = 400
"""As Chromium's made-up microphone beeps."""
DEVICES: Final[Mapping[str, object]] = {
    "media.navigator.streams.fake": True,
    "media.navigator.audio.fake_frequency": TONE_HZ,
    "media.navigator.permission.disabled": True,
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
}
"""Preferences by which calls work on one machine, with made-up devices."""
_QUIET: Final[Mapping[str, object]] = {
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.enabled": False,
    # What stands on the pages is looked for in English.
    "intl.accept_languages": "en",
}
_EVENTS: Final = ["log.entryAdded", "browsingContext.userPromptOpened"]
_LISTENING: Final = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
# Errors of WebDriver BiDi by which an element has gone, or moved, since it was found.
_GONE: Final = frozenset(
    {"no such node", "no such element", "stale element reference", "move target out of bounds"}
)

_FIELD: Final = """(name) => [...document.querySelectorAll('input, textarea')].find((one) =>
  one.ariaLabel === name || [...one.labels].some((label) => label.textContent.trim() === name)) ?? null"""
# A click that comes down on something else, because the page has moved meanwhile, is kept from that.
_AIM: Final = """(one) => {
  one.scrollIntoView({ block: 'center' });
  if (!one.checkVisibility() || one.disabled) return false;
  window.aim?.listening.abort();
  const aim = (window.aim = { hit: false, listening: new AbortController() });
  addEventListener('click', (event) => {
    aim.listening.abort();
    aim.hit = [one, ...one.labels ?? []].some((each) => each.contains(event.target));
    if (aim.hit) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, { capture: true, signal: aim.listening.signal });
  return true;
}"""
_MISSED: Final = "() => window.aim?.hit === false"


class CommandFailed(Exception):
    """The browser refused a command; `error` is WebDriver BiDi's code, such as "no such frame"."""

    def __init__(self, method: str, error: str, message: str) -> None:
        super().__init__(f"{method}: {error}: {message}")
        self.error = error


class ScriptFailed(Exception):
    """A script of the test threw in the page; the text says what."""


@dataclass(slots=True)
class Firefox:
    """One running browser, and the session with it."""

    socket: aiohttp.ClientWebSocketResponse
    process: asyncio.subprocess.Process
    errors: list[str] = field(default_factory=list)
    """What its pages threw and nobody caught, and promises that were rejected and nobody heard."""
    prompts: list[str] = field(default_factory=list)
    """Kinds of the browser's own questions so far, such as "beforeunload"."""
    _answers: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    _numbers: Callable[[], int] = field(default_factory=lambda: itertools.count(1).__next__)

    async def command(self, method: str, **parameters: object) -> dict[str, Any]:
        """Send one command; its result. Raises `CommandFailed`."""
        number = self._numbers()
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            await self.socket.send_json({"id": number, "method": method, "params": parameters})
            async with asyncio.timeout(PATIENCE_SECONDS):
                found = await answer
        finally:
            del self._answers[number]
        if found["type"] == "error":
            raise CommandFailed(method, found["error"], found["message"])
        result: dict[str, Any] = found["result"]
        return result

    async def new_page(
        self, *, preload: str = "", width: int = 1280, height: int = 800, is_kept: bool = False
    ) -> FirefoxPage:
        """A page in a user context of its own, which goes with the browser; or in the one that is kept.

        The script `preload` runs in each document before its own.
        """
        user = "default" if is_kept else (await self.command("browser.createUserContext"))["userContext"]
        if preload:
            run = f"() => {{ {preload} }}"
            await self.command("script.addPreloadScript", functionDeclaration=run, userContexts=[user])
        tab = await self.command("browsingContext.create", type="tab", userContext=user)
        page = FirefoxPage(self, tab["context"])
        viewport = {"width": width, "height": height}
        await self.command("browsingContext.setViewport", context=page.context, viewport=viewport)
        return page

    async def die(self) -> None:
        """It is killed, as when the battery is taken out."""
        self.process.kill()
        await self.process.wait()

    async def receive(self) -> None:
        """Take what comes in until the browser ends the session."""
        async for message in self.socket:
            came = json.loads(message.data)
            if came.get("method") == "browsingContext.userPromptOpened":
                self.prompts.append(came["params"]["type"])
            elif came["type"] == "event":
                self._note(came["params"])
            elif (answer := self._answers.get(came["id"])) is not None and not answer.done():
                answer.set_result(came)

    def _note(self, entry: Mapping[str, Any]) -> None:
        if entry["type"] == "javascript" and entry["level"] == "error":
            self.errors.append(entry["text"])


@dataclass(frozen=True, slots=True)
class FirefoxPage:
    """A page as a person uses it: by what stands on it."""

    browser: Firefox
    context: str

    async def goto(self, url: str) -> None:
        """Open it, and wait until it is loaded."""
        await self.browser.command("browsingContext.navigate", context=self.context, url=url, wait="complete")

    async def evaluate(self, function: str, *arguments: object) -> Any:
        """What a JavaScript function gives for these arguments, as JSON. Raises `ScriptFailed`."""
        given = json.dumps(arguments)
        script = f"async () => JSON.stringify(await ({function})(...{given})) ?? 'null'"
        return json.loads((await self._call(script))["value"])

    async def wait_for(self, function: str, *arguments: object) -> None:
        """Wait until a JavaScript function gives something true for these arguments."""
        await self._until(lambda: self.evaluate(function, *arguments), f"true of {function} {arguments}")

    async def shows(self, text: str) -> None:
        """Wait until this stands on the page."""
        await self.wait_for("(text) => document.body.innerText.includes(text)", text)

    async def bring_to_front(self) -> None:
        """Turn to its tab: of one behind another, nothing is laid out that could be pressed."""
        await self.browser.command("browsingContext.activate", context=self.context)

    async def close(self) -> None:
        """Close its tab; the page is not asked."""
        await self.browser.command("browsingContext.close", context=self.context)

    async def press(self, name: str, role: str = "button") -> None:
        """Click what has this role and accessible name, once it is there, with a mouse."""
        await self._until(lambda: self._pressed(role, name), f"{role} named {name}")

    async def fill(self, name: str, text: str) -> None:
        """Click the text field with this label, once it is there, and type."""

        async def clicked() -> bool:
            return await self._clicked(await self._field(name))

        await self._until(clicked, f"field labelled {name}")
        await self.keys(*text)

    async def keys(self, *keys: str, held: str | None = None) -> None:
        """Press these keys one after the other, by WebDriver's codes; `held` is down meanwhile."""
        each = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        if held is not None:
            each = [{"type": "keyDown", "value": held}, *each, {"type": "keyUp", "value": held}]
        await self._act({"type": "key", "id": "keyboard", "actions": each})

    async def mouse_button(self, button: int) -> None:
        """Press a button of the mouse where it is, as W3C UI Events numbers them: 3 goes back."""
        actions = [{"type": kind, "button": button} for kind in ("pointerDown", "pointerUp")]
        await self._act({"type": "pointer", "id": "mouse", "actions": actions})

    async def back(self) -> None:
        """As the browser's own Back; what it may ask first is still open then."""
        await self.browser.command("browsingContext.traverseHistory", context=self.context, delta=-1)

    async def answer(self, *, leaves: bool) -> None:
        """Answer the browser's own question whether to leave, once it is asked."""

        async def answered() -> bool:
            try:
                await self.browser.command(
                    "browsingContext.handleUserPrompt", context=self.context, accept=leaves
                )
            except CommandFailed as failed:
                if failed.error == "no such alert":
                    return False
                raise
            return True

        await until_page(answered, "a question whether to leave", lambda: asyncio.sleep(0, "not told"))

    async def _until(self, is_so: Callable[[], Awaitable[object]], what: str) -> None:
        await until_page(is_so, what, lambda: self.evaluate("() => document.body.innerText"))

    async def _pressed(self, role: str, name: str) -> bool:
        locator = {"type": "accessibility", "value": {"role": role, "name": name}}
        found = await self.browser.command(
            "browsingContext.locateNodes", context=self.context, locator=locator
        )
        return await self._clicked(found["nodes"])

    async def _field(self, name: str) -> list[Mapping[str, Any]]:
        found = await self._call(_FIELD, {"type": "string", "value": name})
        return [found] if found["type"] == "node" else []

    async def _clicked(self, nodes: list[Mapping[str, Any]]) -> bool:
        """Whether one of them could be clicked."""
        for node in nodes:
            with suppress(_Gone):
                await self._click({"sharedId": node["sharedId"]})
                return True
        return False

    async def _click(self, element: Mapping[str, str]) -> None:
        """In its middle. Raises `_Gone` where it is no longer there, not to be seen, or was missed."""
        try:
            if not (await self._call(_AIM, element))["value"]:
                raise _Gone
            origin = {"type": "element", "element": element}
            actions = [
                {"type": "pointerMove", "x": 0, "y": 0, "origin": origin},
                {"type": "pointerDown", "button": 0},
                {"type": "pointerUp", "button": 0},
            ]
            await self._act({"type": "pointer", "id": "mouse", "actions": actions})
            if await self.evaluate(_MISSED):
                raise _Gone
        except CommandFailed as failed:
            if failed.error in _GONE:
                raise _Gone from failed
            raise

    async def _call(self, function: str, *arguments: Mapping[str, object]) -> dict[str, Any]:
        """Its result, as WebDriver BiDi's remote value; the arguments are local values of it."""
        answer = await self.browser.command(
            "script.callFunction",
            functionDeclaration=function,
            target={"context": self.context},
            awaitPromise=True,
            arguments=arguments,
        )
        if answer["type"] == "exception":
            raise ScriptFailed(answer["exceptionDetails"]["text"])
        result: dict[str, Any] = answer["result"]
        return result

    async def _act(self, source: Mapping[str, object]) -> None:
        await self.browser.command("input.performActions", context=self.context, actions=[source])


class _Gone(Exception):
    """The element is not there any more."""


@asynccontextmanager
async def firefox(profile: Path, preferences: Mapping[str, object] = DEVICES) -> AsyncIterator[Firefox]:
    """A running browser that keeps its files in the folder `profile`.

    It is closed with the block, and has written all down then, unless the block raises or kills it.
    """
    _write_profile(profile, {**_QUIET, **preferences})
    process = await asyncio.create_subprocess_exec(
        executable("firefox-esr"),
        *("--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port=0", "about:blank"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    draining: asyncio.Task[bytes] | None = None
    try:
        url = await _listening(process.stderr)
        draining = asyncio.create_task(process.stderr.read())
        async with _session(url, process) as browser:
            yield browser
        async with asyncio.timeout(PATIENCE_SECONDS):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        if draining is not None:
            await draining


def _write_profile(profile: Path, preferences: Mapping[str, object]) -> None:
    profile.mkdir(parents=True, exist_ok=True)
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in preferences.items())
    (profile / "user.js").write_text("\n".join(lines), "utf-8")


@asynccontextmanager
async def _session(url: str, process: asyncio.subprocess.Process) -> AsyncIterator[Firefox]:
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(f"{url}/session", max_msg_size=0) as socket,
    ):
        browser = Firefox(socket, process)
        receiving = asyncio.create_task(browser.receive())
        try:
            asked = {"unhandledPromptBehavior": {"beforeUnload": "ignore", "default": "dismiss and notify"}}
            await browser.command("session.new", capabilities={"alwaysMatch": asked})
            await browser.command("session.subscribe", events=_EVENTS)
            yield browser
            if process.returncode is None:
                await browser.command("browser.close")
        finally:
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)


async def _listening(said: asyncio.StreamReader) -> str:
    """The address that the browser tells on its standard error."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for line in said:
            if (found := _LISTENING.search(line.decode(errors="replace"))) is not None:
                return found[1]
    raise EOFError("Firefox ended before it listened")
