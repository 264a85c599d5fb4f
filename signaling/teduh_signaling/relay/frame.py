"""What every frame is made of: the base classes, the types of fields with their limits, and the values.

Frames themselves are in `frames`, and those of presence and routing in `routing_frames`.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Annotated, ClassVar

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

PROTOCOL_VERSION = 1
SUBPROTOCOL = "teduh.1"

MAX_FRAME_BYTES = 256 * 1024
"""No frame is larger, in either direction; a peer that sends more is closed."""
MAX_PAYLOAD_BYTES = 128 * 1024
"""The largest ciphertext of one entry, and the largest Welcome."""
MAX_EPHEMERAL_BYTES = 8 * 1024
"""The largest ciphertext that is passed on without being stored."""
MAX_KEY_PACKAGE_BYTES = 16 * 1024
MAX_KEY_PACKAGES = 50
"""How many key packages one PublishKeyPackages may bring; together they must still fit into one frame."""
MAX_MEMBERS_CHANGED = 16
"""How many staff devices one commit may add, and how many it may remove."""
MAX_COLLEAGUES = 256
"""How many colleagues one Colleagues frame may name."""
MAX_STATEMENT_CHARACTERS = 8192
MAX_PROOF_OF_WORK_BYTES = 64
MAX_CONTINUATION_BYTES = 512
MAX_PROOF_OF_WORK_BITS = 32
MAX_PRICE_PUZZLES = 16
MAX_PRICE_BITS = 10
MAX_PRICE_MEMORY = 14
"""The base-2 logarithm of scrypt's N: 16 MiB."""
MAX_PRICE_ATTEMPTS = 2048
"""What a relay may ask for in all, on average: more could keep a phone busy for minutes."""
MAX_ICE_URLS = 8
"""How many addresses of TURN servers one IceServers may name."""
MAX_ICE_URL_CHARACTERS = 256
MAX_TURN_CREDENTIAL_CHARACTERS = 128

ConversationId = Annotated[bytes, Meta(min_length=16, max_length=16)]
"""16 random bytes, chosen by the relay; also the MLS group id."""
DeviceId = Annotated[bytes, Meta(min_length=32, max_length=32)]
"""SHA-256 of a staff device's Ed25519 public key."""
Capability = Annotated[bytes, Meta(min_length=32, max_length=32)]
"""32 random bytes, chosen by the survivor; the relay keeps only their SHA-256."""
Nonce = Annotated[bytes, Meta(min_length=32, max_length=32)]
Signature = Annotated[bytes, Meta(min_length=64, max_length=64)]
KeyPackageBytes = Annotated[bytes, Meta(min_length=1, max_length=MAX_KEY_PACKAGE_BYTES)]
Payload = Annotated[bytes, Meta(min_length=1, max_length=MAX_PAYLOAD_BYTES)]
EphemeralPayload = Annotated[bytes, Meta(min_length=1, max_length=MAX_EPHEMERAL_BYTES)]
Statement = Annotated[str, Meta(min_length=1, max_length=MAX_STATEMENT_CHARACTERS)]
ShortText = Annotated[str, Meta(min_length=1, max_length=64)]
UInt32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]
UInt53 = Annotated[int, Meta(ge=0, le=2**53 - 1)]
"""Counted things; capped at what every language's MessagePack and Redis hold exactly."""
Ref = UInt32
"""Chosen by the client; the answer to a question carries the same one."""

SURVIVOR_MEMBER = 0
NO_REF = 0
"""The ref of an error that answers no question."""


class EntryKind(IntEnum):
    """What an entry is to the order of the log; its content stays hidden."""

    MESSAGE = 0
    """An MLS PrivateMessage with application data or a proposal; must name the current epoch."""
    COMMIT = 1
    """An MLS PrivateMessage with a Commit; must name the current epoch, which it moves on by one."""
    WELCOME = 2
    """The Welcome of the commit just before it; only the members that it adds can open it."""


class Urgency(IntEnum):
    NORMAL = 0
    URGENT = 1
    EMERGENCY = 2


class Availability(IntEnum):
    AWAY = 0
    BUSY = 1
    AVAILABLE = 2


class CallPolicy(IntEnum):
    """How the members of a conversation may reach each other in a call."""

    OFF = 0
    """Not at all: this relay has no TURN server, and its operator has not allowed direct calls."""
    RELAY = 1
    """Through the TURN servers only, so that nobody learns anybody's address."""
    DIRECT = 2
    """Also without them; a client agrees to that only where its application says so, or on one machine."""


class ErrorCode(StrEnum):
    """Why a frame was refused. Documented one by one in PROTOCOL.md."""

    MALFORMED_FRAME = "malformed_frame"
    FRAME_TOO_LARGE = "frame_too_large"
    UNEXPECTED_FRAME = "unexpected_frame"
    AUTHENTICATION_FAILED = "authentication_failed"
    STATEMENT_EXPIRED = "statement_expired"
    STATEMENT_REVOKED = "statement_revoked"
    UNKNOWN_CONVERSATION = "unknown_conversation"
    WRONG_EPOCH = "wrong_epoch"
    COUNTER_GAP = "counter_gap"
    REQUEST_GONE = "request_gone"
    QUEUE_EMPTY = "queue_empty"
    NO_KEY_PACKAGE = "no_key_package"
    NOT_PERMITTED = "not_permitted"
    TOO_MANY = "too_many"
    RATE_LIMITED = "rate_limited"
    PROOF_OF_WORK_REQUIRED = "proof_of_work_required"
    UNAVAILABLE = "unavailable"
    SHUTTING_DOWN = "shutting_down"
    INTERNAL = "internal"


class CloseCode(IntEnum):
    """Why the WebSocket is closed. The numbers are RFC 6455's, 7.4.1, and IANA's registry."""

    NORMAL = 1000
    GOING_AWAY = 1001
    """The relay node stops, or the client's page is left: connect anew."""
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    """A text message; frames travel in binary messages."""
    POLICY_VIOLATION = 1008
    """Refused for good on this connection: authentication failed, or the rate limit was ignored."""
    MESSAGE_TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    TRY_AGAIN_LATER = 1013


class Frame(Struct, frozen=True, array_like=True, gc=False):
    """Base of all frames."""

    FROM_RELAY: ClassVar[bool] = False

    def __repr__(self) -> str:
        # Capabilities are secrets, statements are names, payloads are long: a repr shows the numbers only.
        numbers = ((name, getattr(self, name)) for name in self.__struct_fields__)
        shown = "".join(f" {name}={value!s}" for name, value in numbers if isinstance(value, int))
        return f"<{type(self).__name__}{shown}>"


class ClientFrame(Frame, frozen=True, array_like=True, gc=False):
    """Sent by a client, read by the relay."""


class RelayFrame(Frame, frozen=True, array_like=True, gc=False):
    """Sent by the relay, read by a client."""

    FROM_RELAY: ClassVar[bool] = True


class RequestDetails(Struct, frozen=True, array_like=True, gc=False):
    """What a survivor may choose to let the relay route by: coarse, and every part optional."""

    need: ShortText | None = None
    """One of the organisation's kinds of help, for example ``counseling``, ``medical``, ``legal``."""
    language: ShortText | None = None
    """BCP 47."""
    preferred_gender: ShortText | None = None
    region: ShortText | None = None
    urgency: Urgency = Urgency.NORMAL
    """By which it is served."""
    is_urgency_said: bool = False
    """Whether that was said: who says nothing is served as normal and shown as having said nothing. Any other
    urgency was said, also where an earlier release has not written so.
    """

    def __post_init__(self) -> None:
        if self.urgency != Urgency.NORMAL:
            force_setattr(self, "is_urgency_said", True)

    @property
    def urgency_said(self) -> Urgency | None:
        """The urgency, or None if nothing was said of it."""
        return self.urgency if self.is_urgency_said else None
