"""A note from one staff member to another, inside a conversation and yet not for the survivor's device.

    newcomer   NoteKey: a fresh X-Wing key, said to all; MLS proves whose it is
    who stays  HandOverNote: HPKE to that key ──> opened once, and the key is gone

Everybody in the conversation receives both, so it is no secret that there was a note; whoever has not the
private key sees only who wrote to whom. The key has this one purpose, is none of MLS's, is never published on
the relay, and rests (if at all) in the sealed key store. All notes are of one size under their seal.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final

from teduh_crypto.exceptions import InvalidMessage
from teduh_crypto.mls import HpkePrivateKey, cipher_suite
from teduh_signaling.chat.messages import HandOverNote, NoteKey

from teduh_sdk import events
from teduh_sdk.events import Event
from teduh_sdk.exceptions import MessageTooLong
from teduh_sdk.group.group_changes import HYBRID_SUITE
from teduh_sdk.group.room import Participant, Room

MOST_NOTE_BYTES: Final = 4094
"""The longest note, in UTF-8."""
_NOTE_BYTES: Final = MOST_NOTE_BYTES + 2
_INFO: Final = b"teduh hand-over note 1"
# Whatever suite the conversation has: these are X-Wing, HKDF-SHA384 and AES-256-GCM.
_SUITE: Final = cipher_suite(HYBRID_SUITE)


@dataclass(frozen=True, slots=True)
class NotePath:
    """From whose device to whose, in which conversation: what a note is bound to."""

    conversation_id: bytes
    sender: Participant
    receiver: Participant

    def additional_data(self, key_id: bytes, note_id: bytes) -> bytes:
        """All of one length each, so that nothing can be taken for something else."""
        devices = self.sender.device_id + self.receiver.device_id
        return self.conversation_id + devices + key_id + note_id


@dataclass(frozen=True, slots=True)
class OwnNoteKey:
    """The key that waits for a note to us."""

    id: bytes
    private: HpkePrivateKey = field(repr=False)

    @classmethod
    def load(cls, key_id: bytes, raw: bytes) -> OwnNoteKey:
        """From the key store; raises a `RemoteError` for damaged bytes."""
        return cls(key_id, _SUITE.load_hpke_key(raw))


@dataclass(slots=True)
class HandOverNotes:
    """Our own key, and those of the colleagues in the room by their device's key."""

    own: OwnNoteKey | None = None
    keys: dict[bytes, NoteKey] = field(default_factory=dict)
    owes_key: bool = False
    """Whether the colleagues have yet to hear our key."""

    def offer(self, now: int) -> NoteKey:
        """The key to say to everybody; a new one if the last has been used."""
        self.owes_key = False
        if self.own is None:
            self.own = OwnNoteKey(secrets.token_bytes(16), _SUITE.generate_hpke_key())
        return NoteKey(self.own.id, now, self.own.private.public)

    def take_key(self, key: NoteKey, by: Participant) -> list[Event]:
        """A colleague can be written a note to: she is really here."""
        if by.is_survivor:
            return [events.MessageRefused("a note key of somebody who gets no notes")]
        self.keys[by.device_key] = key
        return [events.NoteAwaited(by)]

    def seal(self, text: str, path: NotePath, now: int) -> HandOverNote:
        """Seal a note to the key that the receiver has said.

        Raises KeyError if there is none, `MessageTooLong`, or a `RemoteError` for a key that is none.
        """
        padded = _padded(text)
        key, note_id = self.keys.pop(path.receiver.device_key), secrets.token_bytes(16)
        additional_data = path.additional_data(key.id, note_id)
        enc, sealed = _SUITE.hpke.seal(key.public_key, _INFO, additional_data, padded)
        return HandOverNote(note_id, now, key.id, enc, sealed)

    def take_note(
        self, note: HandOverNote, sender: Participant, me: Participant, room: Room, conversation_id: bytes
    ) -> list[Event]:
        """A note has come, to us or to somebody else. Raises a `RemoteError` for one that does not open."""
        if sender.is_survivor:
            return [events.MessageRefused("a note of somebody who writes none")]
        if self.own is None or self.own.id != note.key_id:
            return [events.NoteHandedOver(sender, self._receiver(note, room))]
        path = NotePath(conversation_id, sender, me)
        text = self._open(note, path)
        return [events.NoteReceived(note.id, sender, text, note.sent)]

    def forget(self, gone: Participant) -> None:
        """Somebody is out of the room."""
        self.keys.pop(gone.device_key, None)

    def wipe(self) -> None:
        """Forget every key."""
        self.own, self.keys, self.owes_key = None, {}, False

    def _open(self, note: HandOverNote, path: NotePath) -> str:
        assert self.own is not None
        additional_data = path.additional_data(note.key_id, note.id)
        padded = _SUITE.hpke.open(self.own.private, note.enc, _INFO, additional_data, note.sealed)
        # Only now: a note that does not open must not cost the colleague's the key.
        self.own, self.owes_key = None, True
        return _without_padding(padded)

    def _receiver(self, note: HandOverNote, room: Room) -> Participant | None:
        for device_key, key in tuple(self.keys.items()):
            if key.id == note.key_id:
                # It is used up; who writes to her next waits for the next one.
                del self.keys[device_key]
                return room.with_key(device_key)
        return None


def require_short_enough(text: str) -> None:
    """Raises `MessageTooLong` for a note that does not fit."""
    if not 0 < len(text.encode()) <= MOST_NOTE_BYTES:
        raise MessageTooLong(f"a note has 1 to {MOST_NOTE_BYTES} bytes")


def _padded(text: str) -> bytes:
    require_short_enough(text)
    data = text.encode()
    return (len(data).to_bytes(2, "big") + data).ljust(_NOTE_BYTES, b"\0")


def _without_padding(padded: bytes) -> str:
    length = int.from_bytes(padded[:2], "big")
    try:
        return padded[2 : 2 + length].decode()
    except UnicodeDecodeError as error:
        raise InvalidMessage("a note is no text") from error
