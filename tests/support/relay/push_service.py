"""A browser with a push subscription, and the push service behind it, on this machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import http_ece
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.async_api import BrowserContext
from teduh_server.staff.push_message import new_push_key
from teduh_signaling.relay.frames import SubscribePush

CONTACT: Final = "mailto:it@relay.example"
PUSH_KEY: Final = "push.pem"
_SUBSCRIBED = """(told) => {
  const bytes = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16)).buffer
  let options = null
  const subscription = {
    endpoint: told.endpoint,
    get options() { return options },
    getKey: (name) => bytes(name === "auth" ? told.secret : told.key),
    unsubscribe: async () => { options = null; return true },
  }
  PushManager.prototype.getSubscription = async () => (options === null ? null : subscription)
  PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
    if (!userVisibleOnly) throw new Error("a push must be seen")
    options = { applicationServerKey: applicationServerKey.buffer }
    return subscription
  }
}"""
"""What a browser with a push service does. The one at hand can reach none; all else is its own."""


def push_settings(folder: Path) -> dict[str, object]:
    """Of a relay that may push to a service on this machine; a new key lies in `folder` under `PUSH_KEY`."""
    key_file = folder / PUSH_KEY
    key_file.write_bytes(new_push_key())
    return {"key_file": key_file, "contact": CONTACT, "every_seconds": 0.1, "unsafe_loopback": True}


@dataclass
class Browser:
    """What it subscribed with, what the service answers, and what was pushed to it."""

    endpoint: str = ""
    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))
    secret: bytes = bytes(range(16))
    answer: int = 201
    held: asyncio.Event | None = None
    """The service answers nothing before that."""
    pushed: asyncio.Queue[tuple[bytes, dict[str, str]]] = field(default_factory=asyncio.Queue)

    @property
    def public_key(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def subscription(self) -> SubscribePush:
        return SubscribePush(3, self.endpoint, self.public_key, self.secret)

    def read(self, body: bytes) -> bytes:
        """What the service worker gets."""
        return bytes(http_ece.decrypt(body, private_key=self.key, auth_secret=self.secret))

    async def take(self, request: web.Request) -> web.Response:
        """The push service: keeps what was pushed."""
        await self.pushed.put((await request.read(), dict(request.headers)))
        if self.held is not None:
            await self.held.wait()
        headers = {"Location": self.endpoint + "/elsewhere"} if self.answer == 307 else None
        return web.Response(status=self.answer, headers=headers)


async def subscribes_here(context: BrowserContext, service: Browser) -> None:
    """From now on, pages of this context subscribe with that service."""
    told = {
        "endpoint": service.endpoint,
        "key": service.public_key.hex(),
        "secret": service.secret.hex(),
    }
    await context.add_init_script(f"({_SUBSCRIBED})({json.dumps(told)})")


@asynccontextmanager
async def push_service() -> AsyncIterator[Browser]:
    """Both, the service under whatever address."""
    browser = Browser()
    application = web.Application()
    application.add_routes([web.post("/{name:.*}", browser.take)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    browser.endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}/one"
    try:
        yield browser
    finally:
        await runner.cleanup()
