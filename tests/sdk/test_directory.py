"""The directory is believed or not as its statement is, and fetched whole: a search asks nobody."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from teduh_crypto.credentials import Organisation
from teduh_crypto.credentials.json_web_token import decode_base64url
from teduh_sdk import Directory
from teduh_sdk.directory import directory
from teduh_sdk.exceptions import InvalidDirectory
from teduh_sdk.trust import revocations

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "credentials.json").read_text(encoding="utf-8")
)
ORGANISATION = Organisation(
    VECTORS["organisation"]["id"],
    VECTORS["organisation"]["name"],
    decode_base64url(VECTORS["organisation"]["root_public_key"]),
)
GOOD = VECTORS["directories"][0]["documents"][0]


class Relay:
    """Answers what it is told to."""

    def __init__(self) -> None:
        self.answers: dict[str, object] = {}
        self.asked: list[str] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        answer = self.answers.get(request.path)
        return web.json_response(answer or {"error": "not_found"}, status=200 if answer else 404)


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    relay = Relay()
    application = web.Application()
    application.router.add_get("/{path:.*}", relay.answer)
    async with TestServer(application) as server:
        relay.url = str(server.make_url("/"))
        yield relay


def set_clock(patch: pytest.MonkeyPatch, now: int) -> None:
    for module in (directory, revocations):
        patch.setattr(module, "now_in_seconds", lambda: now)


@pytest.mark.parametrize("case", VECTORS["directories"], ids=lambda case: case["name"])
async def test_a_directory_that_a_relay_shows(
    case: dict[str, Any], relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, case["now"])
    held: Directory | None = None
    *before, last = [{"statement": text, "directory": content} for text, content in case["documents"]]
    if case["authority"]:
        relay.answers["/v1/revocations"] = {"list": case["list"], "authority": case["authority"]}
    for answer in before:
        relay.answers["/v1/directory"] = answer
        held = await Directory.fetch(relay.url, ORGANISATION, held)
    relay.answers["/v1/directory"] = last
    if case["error"] is None:
        assert (await Directory.fetch(relay.url, ORGANISATION, held)).services == ()
        return
    with pytest.raises(InvalidDirectory) as raised:
        await Directory.fetch(relay.url, ORGANISATION, held)
    assert type(raised.value.__cause__).__name__ == case["error"]


async def test_it_is_fetched_once_and_a_search_asks_nobody(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, VECTORS["now"])
    relay.answers["/v1/directory"] = dict(zip(("statement", "directory"), GOOD, strict=True))
    found = await Directory.fetch(relay.url, ORGANISATION)
    assert sorted(relay.asked) == ["/v1/directory", "/v1/revocations"]
    for need in ("emergency", "shelter"):
        found.search(need=need, open_now=True)
    assert len(relay.asked) == 2
    assert found.version == VECTORS["now"]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {"directory": GOOD[1]},
        {"statement": GOOD[0], "directory": {"services": []}},
        {"statement": GOOD[0], "directory": "x" * (4 * 1024 * 1024)},
    ],
    ids=["nothing", "no statement", "no text", "too many bytes"],
)
async def test_what_is_no_directory(answer: object, relay: Relay) -> None:
    relay.answers["/v1/directory"] = answer
    with pytest.raises(InvalidDirectory):
        await Directory.fetch(relay.url, ORGANISATION)


async def test_a_relay_that_cannot_be_reached() -> None:
    with pytest.raises(InvalidDirectory):
        await Directory.fetch("http://127.0.0.1:1", ORGANISATION)
