"""Write hand_over_notes.json: sealed notes with the keys that open them, for both languages.

python tests/vectors/make_hand_over_notes.py
"""

from __future__ import annotations

import json
from pathlib import Path

from teduh_crypto.hazmat.ciphersuite import cipher_suite
from teduh_sdk.conversation.hand_over_notes import HandOverNotes, NotePath, OwnNoteKey
from teduh_sdk.group.room import Participant
from teduh_signaling.chat.codec import encode_message

HERE = Path(__file__).parent
CONVERSATION = bytes(range(16))
SENDER, RECEIVER = bytes([1]) * 32, bytes([2]) * 32
TEXTS = ("Ask for Ibu Tini.", "Ia menunggu di rumah 🌧️ tetangga.", "é" * 2047)


def main() -> None:
    """Each note is sealed anew, so the file changes whenever this is run."""
    sender, receiver = Participant(1, SENDER, "Sari", "counselor"), Participant(2, RECEIVER, "Maya", "medic")
    path = NotePath(CONVERSATION, sender, receiver)
    people = {"conversation": CONVERSATION.hex(), "sender": SENDER.hex(), "receiver": RECEIVER.hex()}
    (HERE / "hand_over_notes.json").write_text(
        json.dumps({**people, "notes": [_sealed(text, path) for text in TEXTS]}, indent=1) + "\n", "utf-8"
    )


def _sealed(text: str, path: NotePath) -> dict[str, str]:
    private = cipher_suite(0xF0B2).generate_hpke_key()
    hers, his = HandOverNotes(OwnNoteKey(bytes([7]) * 16, private)), HandOverNotes()
    his.take_key(hers.offer(1_760_000_000), path.receiver)
    note = his.seal(text, path, 1_760_000_000)
    return {
        "text": text,
        "key_id": (bytes([7]) * 16).hex(),
        "private_key": private.raw.hex(),
        "public_key": private.public.hex(),
        "message": encode_message(note).hex(),
    }


if __name__ == "__main__":
    main()
