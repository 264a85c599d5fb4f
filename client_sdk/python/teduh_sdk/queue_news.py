"""What the relay tells her who waits, as events."""

from __future__ import annotations

from teduh_signaling.relay.frames import OpensAt, QueuePosition, Widened

from teduh_sdk import events

QueueNews = QueuePosition | Widened | OpensAt


def event_of(news: QueueNews) -> events.Event:
    """The event that says the same."""
    match news:
        case QueuePosition():
            return events.Waiting(news.position, news.least_seconds, news.most_seconds)
        case Widened():
            return events.Widened(news.dropped)
        case OpensAt():
            return events.Staffed(somebody=news.opens == 0, opens=news.opens or None)
