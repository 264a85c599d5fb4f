"""The driver around the state: what it keeps before it sends, and what it tells."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import cast

import pytest
from support.clients.scripted_log import CONVERSATION, Pair, Seat, talking_pair
from support.organisation.staffed_organisation import NOW
from teduh_sdk import events
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.conversation.saved_conversation import VERSION, Kept, restore_heard, save_heard
from teduh_sdk.events import Event
from teduh_sdk.exceptions import ConversationOver, KeyStoreError
from teduh_sdk.net.relay_link import Answer, RelayLink
from teduh_signaling.relay.frames import (
    Acknowledge,
    AnyClientFrame,
    Append,
    Hello,
    Leave,
    Limits,
    Subscribed,
)


class HeldLink:
    """A link that takes what it is given."""

    hello = Hello(1, bytes(32), NOW, Limits(262_144, 131_072, 64, 32, 20))

    def __init__(self) -> None:
        self.sent: list[AnyClientFrame] = []

    def send(self, frame: AnyClientFrame) -> None:
        self.sent.append(frame)

    def question(self, make: Callable[[int], AnyClientFrame], _: Callable[[Answer], None]) -> None:
        self.sent.append(make(1))


class Desk:
    """A counselor who is talking, with a driver around his state and a record of what he keeps."""

    def __init__(self) -> None:
        self.pair: Pair = talking_pair()
        for seat in (self.pair.survivor, self.pair.counselor):
            seat.collect()
        self.link = HeldLink()
        self.is_full = False
        self.records: list[bytes] = []
        state = self.pair.counselor.state
        self.conversation = Conversation(
            state, cast("RelayLink", self.link), resume=Conversation.subscribe, keep=self._keep
        )
        self.pair.counselor.is_connected = False
        self.conversation.link_is_up()
        self.conversation.subscribed(_subscribed(self.pair, self.pair.counselor))
        self.conversation.flush()

    def _keep(self, conversation: Conversation) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        undelivered_events = tuple(save_heard(event) for event in conversation.undelivered_events)
        self.records.append(Kept(VERSION, conversation.state.save(), undelivered_events).to_bytes())

    def hear(self, text: str) -> None:
        """The survivor says it, and the relay sends it here."""
        self.pair.survivor.state.send_text(text, NOW)
        self.pair.log.pump()
        self.conversation.receive(self.pair.log.entries[-1])
        self.conversation.flush()

    async def told(self) -> list[Event]:
        """All that the application is told until it stops."""
        return [event async for event in self.conversation]


def _subscribed(pair: Pair, seat: Seat) -> Subscribed:
    last = len(pair.log.entries)
    return Subscribed(1, CONVERSATION, seat.number, pair.log.epoch, last, 1, seat.counter)


@pytest.fixture
async def desk() -> Desk:
    return Desk()


async def test_what_somebody_has_said_is_kept_before_the_relay_may_forget_it(desk: Desk) -> None:
    """The process is killed behind that: the log is read after what was acknowledged."""
    desk.hear("he is at the door")
    assert any(isinstance(frame, Acknowledge) for frame in desk.link.sent)
    kept = Kept.from_bytes(desk.records[-1])
    assert kept.conversation.place.cursor == desk.conversation.state.cursor
    (undelivered_events,) = map(restore_heard, kept.undelivered_events)
    assert isinstance(undelivered_events, events.TextReceived)
    assert undelivered_events.text == "he is at the door"


async def test_it_stops_and_says_so_when_what_was_heard_cannot_be_kept(desk: Desk) -> None:
    """To go on would be to say "delivered" of what the next start knows nothing of."""
    desk.is_full = True
    desk.link.sent.clear()
    desk.hear("he is at the door")
    desk.is_full = False
    assert [type(frame) for frame in desk.link.sent] == [Leave]
    *_, text, stopped = await desk.told()
    assert isinstance(text, events.TextReceived)
    assert isinstance(stopped, events.Stopped)
    assert isinstance(stopped.reason, KeyStoreError)


async def test_nothing_is_sent_that_cannot_be_kept(desk: Desk) -> None:
    desk.is_full = True
    await desk.conversation.send("I am on my way")
    assert not any(isinstance(frame, Append) for frame in desk.link.sent)
    assert desk.conversation.is_over
    with pytest.raises(ConversationOver):
        await desk.conversation.send("and now")


async def test_it_stops_when_it_cannot_keep_that_the_application_is_done(desk: Desk) -> None:
    desk.hear("he is at the door")
    desk.is_full = True
    heard = [type(event) for event in await desk.told()]
    assert heard[-2:] == [events.TextReceived, events.Stopped]
