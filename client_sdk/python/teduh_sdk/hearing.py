"""What it means for the application that a member said something to people, or about a call."""

from __future__ import annotations

from teduh_signaling.chat import messages as chat

from teduh_sdk import events
from teduh_sdk.events import Event
from teduh_sdk.room import Participant

Heard = chat.AnyMessage | chat.OfCall | chat.Unknown


def events_of(sender: Participant, message: Heard, *, is_live: bool) -> list[Event]:
    """What to tell of it; nothing of what devices say about the room."""
    match message:
        case chat.Text():
            said = events.TextReceived(message.id, sender, message.text, message.sent, message.reply_to)
            return [said]
        case chat.Receipt():
            kind = events.Read if message.kind is chat.ReceiptKind.READ else events.Delivered
            return [kind(message_id, sender) for message_id in message.message_ids]
        case chat.Attachment() | chat.Location() | chat.Form() | chat.Referral() | chat.Unknown():
            return [events.MessageReceived(sender, message)]
        case chat.OfCall():
            return [events.CallSignal(sender, message.raw, is_live)]
    return []
