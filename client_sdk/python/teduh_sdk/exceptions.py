"""What an application can catch, and whose fault it is.

    TeduhError
    ├── LocalError                      the application's fault
    │   ├── ConversationOver            the conversation has ended; nothing can be sent any more
    │   ├── ClientClosed                outside of its `async with` block
    │   ├── NotJoined                   it needs somebody on the other side, and nobody is there yet
    │   ├── MessageTooLong
    │   ├── CallNotPossible             the call is over, or not in a state in which this can be done
    │   └── RecordingNotAllowed         not everybody in the call has allowed it
    ├── CallsUnavailable                this relay offers no calls
    ├── NoRelayedPath                   no TURN server gave us an address: unreachable, or wrong credentials
    ├── RelayRefused                    the relay answered with an error; `.code` says which
    │   ├── RequestGone                 somebody else took the request, or nobody waits
    │   │   └── NotLetIn                 she said no to this device, or did not answer in time
    │   ├── ConversationForgotten       the relay does not know the conversation, or us in it, any more
    │   └── AuthenticationRefused       the relay does not take this device for staff
    │       └── NotYetValid             by the relay's clock its statement has not begun
    ├── RelayLost                       the connection went away before the answer came
    ├── RelayMisbehaved                 the relay broke the protocol
    ├── NotTrusted                      promise 5: who is in the room could not be proven
    │   ├── RosterNotAdmitted           a change of members that she did not agree to
    │   │   └── DeviceNotProven          by this device's clock its own statement does not hold
    │   ├── WrongConversation           a group with another id than the conversation
    │   ├── EpochsDiffer                members do not agree on the keys of this epoch
    │   └── LogBroken                   entries were withheld, reordered or repeated
    ├── RequestUnusable                 what came with a request is no key package to answer
    ├── InvitationDeclined              the survivor said no to a new member
    ├── ColleagueAbsent                 who was let in did not come, or nobody is available
    ├── CommitConflict                  others kept changing the group first, three times
    ├── KeyStoreError
    │   ├── WrongPassphrase             or the file was tampered with
    │   └── KeyStoreDamaged
    ├── InvalidOrganisation             an organisation file that does not parse or whose keys are unusable
    ├── InvalidDirectory                a directory of services that does not parse or is not to be believed
    └── EnrolmentFailed                 the invitation was refused, or the answer did not fit

Errors of `teduh_crypto` that concern one bad message never get this far: the conversation drops the message
and reports it as an event.
"""

from __future__ import annotations

from teduh_signaling.relay.frames import ErrorCode, Price


class TeduhError(Exception):
    """Base of every error that the SDK raises on purpose."""


class LocalError(TeduhError):
    """The application asked for something that cannot be done."""


class ConversationOver(LocalError):
    """The conversation has ended, and its keys are wiped."""


class ClientClosed(LocalError):
    """The `Survivor` or `Staff` is closed, or not open yet."""


class NotJoined(LocalError):
    """Nobody has joined yet."""


class MessageTooLong(LocalError):
    """The text is longer than a message may be."""


class CallNotPossible(LocalError):
    """The call is over, or not in a state in which this can be done."""


class RecordingNotAllowed(LocalError):
    """Not everybody in the call has allowed it, inside the encryption."""


class CallsUnavailable(TeduhError):
    """This relay has no TURN server, and direct calls are not allowed here."""


class NoRelayedPath(TeduhError):
    """No TURN server gave us an address: it cannot be reached, or refuses the credentials."""


class RelayRefused(TeduhError):
    """The relay refused what it was asked; `code` is one of PROTOCOL.md's, `retry_after_ms` how long it wants
    to be left alone with that, 0 if it does not say, and `price` what a request costs, if it does.
    """

    def __init__(
        self, code: ErrorCode, detail: str, retry_after_ms: int = 0, price: Price | None = None
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.retry_after_ms = retry_after_ms
        self.price = price


class RequestGone(RelayRefused):
    """Somebody else took the request, or nobody waits."""


class NotLetIn(RequestGone):
    """The survivor, whose conversation goes on, said no to this device, or did not answer in time."""


class ConversationForgotten(RelayRefused):
    """The relay does not know the conversation any more, or not that we are in it, although nobody has ended
    it: it lay unused for too long, or the relay's store has lost it. The relay cannot tell which.
    """


class AuthenticationRefused(RelayRefused):
    """The relay does not take this device for staff: its statement has expired, was revoked, or does not
    fit.
    """


class NotYetValid(AuthenticationRefused):
    """By the relay's clock the statement of this device has not begun: `begins`, and `relay_time`, both in
    seconds since 1970. One of the two clocks, the relay's or that of whoever signed, is wrong.
    """

    def __init__(self, code: ErrorCode, detail: str, begins: int, relay_time: int) -> None:
        super().__init__(code, detail)
        self.begins = begins
        self.relay_time = relay_time


class RelayLost(TeduhError):
    """The connection was lost before the relay answered; whether it was done is not known."""


class RelayMisbehaved(TeduhError):
    """The relay sent what the protocol does not allow."""


class NotTrusted(TeduhError):
    """Who is in the room could not be proven, so the conversation stopped."""


class RosterNotAdmitted(NotTrusted):
    """Members came or changed without the survivor's consent, or she herself was replaced."""


class DeviceNotProven(RosterNotAdmitted):
    """By this device's clock its own statement does not hold: it is nobody who could be in a room."""


class WrongConversation(NotTrusted):
    """The group's id is not the id of the conversation."""


class EpochsDiffer(NotTrusted):
    """A member acknowledged other keys for this epoch than ours."""


class LogBroken(NotTrusted):
    """Entries of the conversation were withheld, reordered, repeated or are lost."""


class RequestUnusable(TeduhError):
    """The request cannot be answered, for its key package is not valid; it was taken off the queue."""


class InvitationDeclined(TeduhError):
    """The survivor does not want the invited colleague in the room."""


class ColleagueAbsent(TeduhError):
    """The colleague was let in but has not come, or has left; or nobody suitable is available."""


class CommitConflict(TeduhError):
    """Others changed the group first, each time that it was tried."""


class KeyStoreError(TeduhError):
    """The key store cannot be used."""


class WrongPassphrase(KeyStoreError):
    """The passphrase does not open the key store, or somebody changed the file."""


class KeyStoreDamaged(KeyStoreError):
    """The key store does not parse."""


class InvalidOrganisation(TeduhError):
    """The organisation file does not parse, or its keys are unusable."""


class InvalidDirectory(TeduhError):
    """There is no directory of services, or it is not one, or the organisation did not sign it."""


class EnrolmentFailed(TeduhError):
    """The invitation was refused, or what came back does not fit this device."""
