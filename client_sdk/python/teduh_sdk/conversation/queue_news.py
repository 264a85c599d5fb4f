"""What the relay tells her who waits, as events."""

from __future__ import annotations

from teduh_signaling.relay.frames import OpeningTime, PreferencesRelaxed, QueuePosition

from teduh_sdk import events

QueueNews = QueuePosition | PreferencesRelaxed | OpeningTime


def event_of(news: QueueNews) -> events.Event:
    """The event that says the same."""
    match news:
        case QueuePosition():
            return events.Waiting(news.position, news.least_seconds, news.most_seconds)
        case PreferencesRelaxed():
            return events.PreferencesRelaxed(news.dropped)
        case OpeningTime():
            return events.StaffAvailable(somebody=news.opens == 0, opens=news.opens or None)
