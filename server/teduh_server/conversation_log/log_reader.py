"""What a member has not been handed yet, read from the log: page by page, as fast as its connection takes it.

Its cursor moves with what was handed over:

    cursor ──> a page of the log ──> connection ──> cursor, further on
"""

from __future__ import annotations

import asyncio

from teduh_signaling.relay.entry import entry_seq

from teduh_server.redis_store import scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.exceptions import StoreError, StoreRefused, StoreUnavailable
from teduh_server.session.connection import Subscription

_PAGE_ENTRIES = 32
_STORE_PAUSE_SECONDS = 0.1
_REFUSED_PAUSE_SECONDS = 1.0


def pause_after(error: StoreError) -> float:
    """Seconds before the same is asked again; a store that is full, or broken, is so for longer."""
    return _REFUSED_PAUSE_SECONDS if isinstance(error, StoreRefused) else _STORE_PAUSE_SECONDS


class LogReader:
    """Reads for the subscriptions of one node."""

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        self._store = store

    async def hand_over(self, subscription: Subscription) -> None:
        """From its cursor on, until nothing newer is known. It must be `catching_up` meanwhile."""
        while await self._read_page(subscription):
            pass

    async def _read_page(self, subscription: Subscription) -> bool:
        """One page; False when the subscription is live again, or over."""
        connection, conversation = subscription.connection, subscription.conversation
        if connection.congested:
            await connection.drain()
        # Whatever is in the log when the store answers is at least what is known now.
        end = subscription.ends_after
        target = conversation.newest if end is None else end
        known = max(conversation.newest, target)
        if subscription.is_over() or subscription.cursor >= target:
            return False
        try:
            reply = await self._store.ask(
                scripts.read_log(conversation.keys, subscription.cursor, _PAGE_ENTRIES)
            )
        except StoreUnavailable as error:
            await asyncio.sleep(pause_after(error))
            return True
        # What goes further was put there just now, and nobody had said yet that it stays: by the time that
        # this answer is looked at, its place may be another's.
        entries = [each for each in scripts.log_entries(reply) if entry_seq(each) <= known]
        if not await self._write(subscription, entries):
            return False
        if len(entries) < _PAGE_ENTRIES and subscription.cursor < target:
            await self._pass_over(subscription, target)
        return True

    async def _write(self, subscription: Subscription, entries: list[bytes]) -> bool:
        """Hand over these, as fast as they are read; False if the subscription is over."""
        connection = subscription.connection
        for entry in entries:
            if connection.congested:
                await connection.drain()
            if subscription.is_over():
                return False
            seq = entry_seq(entry)
            if subscription.ends_after is not None and seq > subscription.ends_after:
                return False
            if not subscription.is_own(seq):
                connection.write(entry)
            subscription.cursor = seq
        return True

    async def _pass_over(self, subscription: Subscription, target: int) -> None:
        """What is missing up to `target` was acknowledged by all members or has expired, and is passed over;
        unless the log does not go so far: then a master has died that had told of more than was kept.
        """
        conversation = subscription.conversation
        try:
            last = scripts.last_seq(await self._store.ask(scripts.read_last_seq(conversation.keys)))
        except StoreError as error:
            await asyncio.sleep(pause_after(error))
            return
        if last is not None and last < target:
            target = last
            cursors = (each.cursor for each in conversation.subscriptions)
            # Who claims to have read what there never was is not asked.
            conversation.newest = max([last, *(each for each in cursors if each <= conversation.newest)])
        subscription.cursor = max(subscription.cursor, target)
