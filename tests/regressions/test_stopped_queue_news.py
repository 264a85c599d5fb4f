"""A relay that closed left a coroutine behind that nobody awaited.

What changes in the queue is told a moment later, by a timer. Where the relay had stopped by then, the timer
still made the coroutine that tells it, and no task took it any more; "coroutine was never awaited" was warned
of at the next collection of garbage, and failed whichever test ran then.
"""

from __future__ import annotations

import inspect
from collections.abc import Coroutine
from pathlib import Path

import pytest
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey


async def test_what_a_timer_begins_after_the_relay_has_stopped_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Coroutine[None, None, None]] = []
    path = RelayOrganisation().write(tmp_path)
    with start_valkey() as valkey:
        async with relay_here(path, valkey.url) as (relay, _):
            news = relay.parts.routing.news
            await eventually(lambda: not news._refresh_due and not news._refreshing)
            spawn = news._spawn

            def noted(work: Coroutine[None, None, None]) -> None:
                begun.append(work)
                spawn(work)

            monkeypatch.setattr(news, "_spawn", noted)
            # A timer of the relay's last moment.
            monkeypatch.setattr("teduh_server.routing.queue_news._GATHERING_SECONDS", 0.5)
    news.refresh_soon()
    await eventually(lambda: begun)
    assert [inspect.getcoroutinestate(work) for work in begun] == [inspect.CORO_CLOSED] * len(begun)
