"""Whoever watches the queue ends with the newest list, also where it changes while it is read."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import cast

import pytest
from support.eventually import eventually
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.commands import Command
from teduh_server.routing import queue_news
from teduh_server.routing.queue_news import QueueNews
from teduh_server.session.connection import Connection
from teduh_server.staff.presence import Presence
from teduh_signaling.relay.frames import QueueListing


class Watcher:
    """A console, as far as the queue's news need it."""

    def __init__(self) -> None:
        self.closed = False
        self.staff = SimpleNamespace(device_id=b"d" * 32, person=b"p" * 16)
        self.counts: list[int] = []

    def send(self, frame: object) -> None:
        assert isinstance(frame, QueueListing)
        self.counts.append(frame.waiting)


class SlowList:
    """The list of who waits: each reading of it takes until it is let go, and says how long it was at its
    beginning.
    """

    def __init__(self) -> None:
        self.length = 1
        self.readings: list[asyncio.Event] = []

    async def read(self, store: Store, most: int) -> tuple[int, list[object]]:
        length, done = self.length, asyncio.Event()
        self.readings.append(done)
        await done.wait()
        return length, []


@pytest.fixture
def slow_list(monkeypatch: pytest.MonkeyPatch) -> SlowList:
    slow_list = SlowList()
    monkeypatch.setattr(queue_news, "next_waiting", slow_list.read)
    return slow_list


@pytest.fixture
def tasks() -> set[asyncio.Task[None]]:
    return set()


@pytest.fixture
def news(tasks: set[asyncio.Task[None]]) -> QueueNews:
    async def ask(command: Command) -> int:
        return 0

    def spawn(work: Coroutine[None, None, None]) -> None:
        tasks.add(asyncio.create_task(work))

    presence = SimpleNamespace(devices_of=lambda person: (), available_here=lambda: ())
    return QueueNews(
        cast(Store, SimpleNamespace(ask=ask, clock_ahead=0.0)), cast(Presence, presence), None, None, spawn
    )


async def test_whoever_begins_to_watch_while_it_changes_is_told_again(
    news: QueueNews, slow_list: SlowList
) -> None:
    here, coming = Watcher(), Watcher()
    news._watchers.add(cast(Connection, here))
    begins = asyncio.create_task(news.watch(cast(Connection, coming), watching=True))
    await eventually(lambda: len(slow_list.readings) == 1)
    slow_list.length = 2
    news.refresh_soon()
    await eventually(lambda: len(slow_list.readings) == 2)
    slow_list.readings[1].set()
    await eventually(lambda: here.counts == [2])
    slow_list.readings[0].set()
    await begins
    assert coming.counts == [1]
    await eventually(lambda: len(slow_list.readings) == 3)
    slow_list.readings[2].set()
    await eventually(lambda: coming.counts == [1, 2])


async def test_what_is_older_is_never_told_last(news: QueueNews, slow_list: SlowList) -> None:
    here = Watcher()
    news._watchers.add(cast(Connection, here))
    news.refresh_soon()
    await eventually(lambda: len(slow_list.readings) == 1)
    slow_list.length = 2
    news.refresh_soon()
    # Longer than changes are gathered.
    await asyncio.sleep(0.3)
    assert len(slow_list.readings) == 1
    slow_list.readings[0].set()
    await eventually(lambda: len(slow_list.readings) == 2)
    slow_list.readings[1].set()
    await eventually(lambda: here.counts == [1, 2])
