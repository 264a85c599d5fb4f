"""The HTTP chapter of PROTOCOL.md names what the relay serves, and nothing that it does not."""

from __future__ import annotations

import re
from pathlib import Path

from aiohttp import web
from support.clients.plain_relay import plain_relay

DOCUMENT = (Path(__file__).parents[2] / "PROTOCOL.md").read_text(encoding="utf-8")


def documented() -> set[tuple[str, str]]:
    """Methods and paths of the chapter's table."""
    return set(re.findall(r"^\| (GET|POST|PUT|DELETE) `(/[^`]*)` \|", DOCUMENT, re.M))


def served(application: web.Application) -> set[tuple[str, str]]:
    # aiohttp answers HEAD wherever there is a GET.
    return {
        (route.method, resource.canonical)
        for resource in application.router.resources()
        for route in resource
        if route.method != "HEAD"
    }


async def test_the_relay_serves_the_documented_paths_and_no_other() -> None:
    """/metrics is served apart from the rest, on an address of its own."""
    async with plain_relay(metrics_port=0) as relay:
        applications = [runner.app for runner in relay.relay._runners]
        assert set().union(*map(served, applications)) == documented()
