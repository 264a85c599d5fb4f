"""What can go wrong with a message inside the encryption, and whose fault it is.

MessageError
├── LocalMessageError      a message that this side may not send: it breaks a limit
└── RemoteMessageError     what a member sent is no message of this version
"""

from __future__ import annotations


class MessageError(Exception):
    """Base of both."""


class LocalMessageError(MessageError):
    """The message breaks a documented limit; nobody would read it."""


class RemoteMessageError(MessageError):
    """A member sent bytes that are no message. Show that something unreadable came; never the bytes."""
