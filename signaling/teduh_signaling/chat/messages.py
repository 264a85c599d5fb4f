"""What travels inside the encryption of a conversation: what people say, and what their devices tell each
other.

One decrypted MLS application message, its padding removed, is one MessagePack array whose first element is
the tag. Elements that a newer client appends are ignored, and a tag that is not known here becomes
`Unknown`, so that an older client survives a newer one. Who said it is never in the message: MLS proves the
sender.

    people     Text, Attachment, Location, Form, Referral
    devices    Receipt, EpochAcknowledgement
    the room   Invitation -> InvitationAnswer (before anybody is brought in), Leaving, Ending
    staff      NoteKey -> HandOverNote, which the survivor's device receives too and cannot open
    calls      `OfCall`: see `teduh_signaling.call.messages`

Typing is none of them: it may be lost, so it is spared the message keys and travels as an Ephemeral.

Times are the sender's clock in seconds since 1970: shown, never trusted for order, which is the log's. A
repr shows no content, so that no log and no traceback can.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

from msgspec import Meta, Struct

MAX_MESSAGE_BYTES = 60 * 1024
"""The largest encoded message, before padding."""
MAX_TEXT_CHARACTERS = 8000
MAX_RECEIPT_IDS = 256
MAX_BEGINNINGS = 256
CALL_TAGS = range(0x20, 0x40)
"""The tags of messages about calls, which are those of `teduh_signaling.call`."""
NOTE_KEY_BYTES = 1216
"""An X-Wing public key: ML-KEM-768 (1184) and X25519 (32)."""
NOTE_ENC_BYTES = 1120
"""What X-Wing encapsulates: ML-KEM-768 (1088) and X25519 (32)."""
SEALED_NOTE_BYTES = 4096 + 16
"""Every hand-over note has this one size, so that nobody learns how much there was to say."""

MessageId = Annotated[bytes, Meta(min_length=16, max_length=16)]
"""16 random bytes, chosen by the sender; receipts and replies name it."""
DeviceId = Annotated[bytes, Meta(min_length=32, max_length=32)]
"""SHA-256 of a staff device's Ed25519 public key."""
ServiceId = Annotated[bytes, Meta(min_length=16, max_length=16)]
"""The UUID of a service in the organisation's directory."""
Seconds = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Bytes = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Epoch = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Label = Annotated[str, Meta(min_length=1, max_length=128)]
"""A name, a role, a kind: one line."""
Note = Annotated[str, Meta(max_length=1000)]
"""A few sentences."""


class ReceiptKind(IntEnum):
    """How far a message has come."""

    DELIVERED = 1
    """The receiver's device has decrypted it."""
    READ = 2
    """It has been shown to a person."""


class Message(Struct, frozen=True, array_like=True, gc=False):
    """Base of all messages."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class Text(Message, frozen=True, array_like=True, tag=0x01, gc=False):
    """What somebody wrote."""

    id: MessageId
    sent: Seconds
    text: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT_CHARACTERS)]
    reply_to: MessageId | None = None


class Receipt(Message, frozen=True, array_like=True, tag=0x02, gc=False):
    """These messages of yours were delivered, or read. Read implies delivered."""

    kind: ReceiptKind
    message_ids: Annotated[tuple[MessageId, ...], Meta(min_length=1, max_length=MAX_RECEIPT_IDS)]


class Leaving(Message, frozen=True, array_like=True, tag=0x03, gc=False):
    """The sender wipes her keys now; a staff member who stays commits her removal."""

    sent: Seconds


class Ending(Message, frozen=True, array_like=True, tag=0x04, gc=False):
    """The conversation is over for everybody: wipe."""

    sent: Seconds


class Beginning(Struct, frozen=True, array_like=True, gc=False):
    """Where a member begins to hear the sender: how many entries the sender had appended when it came."""

    leaf: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    """The member's, in the epoch of the acknowledgement."""
    appended: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    """The counter of the sender's last entry before both were in one epoch; 0: none."""


class EpochAcknowledgement(Message, frozen=True, array_like=True, tag=0x05, gc=False):
    """After a commit: I am in this epoch, and see this of it. Another digest means that we do not agree."""

    epoch: Epoch
    digest: Annotated[bytes, Meta(min_length=32, max_length=64)]
    """H(label || epoch_authenticator), H the hash of the cipher suite."""
    beginnings: Annotated[tuple[Beginning, ...], Meta(max_length=MAX_BEGINNINGS)] = ()
    """For each of the other members."""
    cannot_call: bool = False
    """The sender's device can take part in no call; False: it can, or says nothing of it."""


class Invitation(Message, frozen=True, array_like=True, tag=0x06, gc=False):
    """Staff: I would like to bring somebody in. Nobody is added before the survivor has accepted.

    Name and role are what the colleague's statement says; clients compare them again when the commit comes.
    """

    id: MessageId
    sent: Seconds
    device_id: DeviceId
    name: Label
    role: Label
    reason: Note = ""


class InvitationAnswer(Message, frozen=True, array_like=True, tag=0x07, gc=False):
    """Survivor: yes or no. A yes holds for this device and this invitation only."""

    invitation_id: MessageId
    sent: Seconds
    accepted: bool


class Attachment(Message, frozen=True, array_like=True, tag=0x08, gc=False):
    """A file, encrypted under a key of its own, that waits in the attachment store."""

    id: MessageId
    sent: Seconds
    attachment_id: Annotated[bytes, Meta(min_length=16, max_length=32)]
    key: Annotated[bytes, Meta(min_length=32, max_length=32)]
    digest: Annotated[bytes, Meta(min_length=32, max_length=32)]
    """SHA-256 of the ciphertext."""
    size: Bytes
    """Of the file, without padding."""
    media_type: Label
    file_name: Label | None = None
    evidence: bool = False
    """The sender says it is evidence: its metadata was kept."""


class Location(Message, frozen=True, array_like=True, tag=0x09, gc=False):
    """Where the sender is, or where to come: WGS 84."""

    id: MessageId
    sent: Seconds
    latitude_e7: Annotated[int, Meta(ge=-900_000_000, le=900_000_000)]
    """In ten-millionths of a degree, for a float may also be no number at all."""
    longitude_e7: Annotated[int, Meta(ge=-1_800_000_000, le=1_800_000_000)]
    accuracy_metres: Annotated[int, Meta(ge=0, le=100_000)] = 0
    note: Note = ""


class Answer(Struct, frozen=True, array_like=True, gc=False):
    """One filled-in field of a form."""

    field: Label
    value: Note

    def __repr__(self) -> str:
        return "<Answer>"


class Form(Message, frozen=True, array_like=True, tag=0x0A, gc=False):
    """A form of the organisation, filled in (a safety plan, a risk assessment)."""

    id: MessageId
    sent: Seconds
    form: Label
    answers: Annotated[tuple[Answer, ...], Meta(max_length=64)]


class Referral(Message, frozen=True, array_like=True, tag=0x0B, gc=False):
    """Staff: a service that can help further, and how to reach it.

    Where it is from the directory, she is shown what her own signed directory says of it; the texts are for
    who has none, or an older one.
    """

    id: MessageId
    sent: Seconds
    service: Label
    kind: Label
    contact: Note
    note: Note = ""
    service_id: ServiceId | None = None
    directory_version: Annotated[int, Meta(ge=0, le=2**53 - 1)] | None = None
    """Of the directory in which the sender found it."""


class NoteKey(Message, frozen=True, array_like=True, tag=0x0C, gc=False):
    """Staff who have just come in: seal a hand-over note to this key; it is for this and nothing else."""

    id: MessageId
    sent: Seconds
    public_key: Annotated[bytes, Meta(min_length=NOTE_KEY_BYTES, max_length=NOTE_KEY_BYTES)]


class HandOverNote(Message, frozen=True, array_like=True, tag=0x0D, gc=False):
    """Staff: what a colleague should know, sealed to her device. Others learn that there was a note."""

    id: MessageId
    sent: Seconds
    key_id: MessageId
    """Of the `NoteKey` to which it is sealed."""
    enc: Annotated[bytes, Meta(min_length=NOTE_ENC_BYTES, max_length=NOTE_ENC_BYTES)]
    sealed: Annotated[bytes, Meta(min_length=SEALED_NOTE_BYTES, max_length=SEALED_NOTE_BYTES)]


@dataclass(frozen=True, slots=True, repr=False)
class Unknown:
    """A message of a tag that this version does not know; tell the person rather than drop it silently."""

    tag: int
    raw: bytes

    def __repr__(self) -> str:
        return f"<Unknown tag={self.tag}>"


@dataclass(frozen=True, slots=True, repr=False)
class OfCall:
    """A message about a call, for whoever takes part in calls to decode."""

    raw: bytes

    def __repr__(self) -> str:
        return "<OfCall>"


AnyMessage = (
    Text
    | Receipt
    | Leaving
    | Ending
    | EpochAcknowledgement
    | Invitation
    | InvitationAnswer
    | Attachment
    | Location
    | Form
    | Referral
    | NoteKey
    | HandOverNote
)
