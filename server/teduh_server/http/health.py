"""For whoever watches over the relay: does it live, can it work, how much does it do."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from teduh_server.operations import metrics


def health_routes(is_ready: Callable[[], bool]) -> list[web.RouteDef]:
    """/healthz: the process answers. /readyz: 503 while the store is away or the relay is stopping."""

    async def healthz(request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(request: web.Request) -> web.Response:
        if is_ready():
            return web.Response(text="ready\n")
        return web.Response(text="not ready\n", status=503)

    return [web.get("/healthz", healthz), web.get("/readyz", readyz)]


def metrics_routes(refresh: Callable[[], None]) -> list[web.RouteDef]:
    """/metrics in Prometheus' format; `refresh` sets the gauges first."""

    async def show(request: web.Request) -> web.Response:
        refresh()
        body = generate_latest(metrics.REGISTRY)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [web.get("/metrics", show)]
