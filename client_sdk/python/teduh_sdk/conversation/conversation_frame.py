"""The frames that a conversation itself looks at."""

from __future__ import annotations

from teduh_signaling.relay import frames as relay

from teduh_sdk.conversation.queue_news import QueueNews

ConversationFrame = (
    relay.Entry
    | relay.Accepted
    | relay.Error
    | relay.EphemeralEntry
    | QueueNews
    | relay.MemberDisconnected
    | relay.StaffReachable
    | relay.MembershipEnded
)
