"""Hand-over notes: the colleague who takes over reads them, and nobody else in the conversation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from support.clients.scripted_log import CONVERSATION, Pair, Seat, StaffDevice, talking_pair
from support.organisation.staffed_organisation import NOW
from teduh_crypto.exceptions import DecryptionFailed
from teduh_sdk import events
from teduh_sdk.conversation.conversation_state import ConversationState
from teduh_sdk.conversation.hand_over_notes import MOST_NOTE_BYTES, HandOverNotes, NotePath, OwnNoteKey
from teduh_sdk.conversation.saved_conversation import Kept, SavedNotes, restore_heard, save_heard, save_notes
from teduh_sdk.exceptions import MessageTooLong
from teduh_sdk.group.room import Participant, Room
from teduh_signaling.chat.codec import decode_message, encode_message
from teduh_signaling.chat.messages import SEALED_NOTE_BYTES, HandOverNote

SARI, MAYA = (Participant(at, bytes([at]) * 32, name, "counselor") for at, name in ((1, "Sari"), (2, "Maya")))
HER = Participant(0, bytes(32), None, "survivor")
PATH = NotePath(CONVERSATION, SARI, MAYA)


def three(pair: Pair) -> tuple[Seat, Participant]:
    """A colleague comes in; her seat, and how the counselor sees her."""
    maya = pair.add_invited(StaffDevice(pair.organisation, "Maya"))
    (participant,) = (one for one in pair.counselor.state.participants if one.name == "Maya")
    for seat in (pair.survivor, pair.counselor, maya):
        seat.collect()
    return maya, participant


def hand_over(pair: Pair, to: Participant, text: str) -> None:
    pair.counselor.state.hand_over_note(to, text, NOW)
    pair.log.pump()


def test_only_the_colleague_reads_it_and_the_survivor_is_told_that_there_was_one() -> None:
    pair = talking_pair()
    maya, participant = three(pair)
    hand_over(pair, participant, "The safe word is rambutan.")
    (received,) = (one for one in maya.collect() if isinstance(one, events.NoteReceived))
    assert (received.text, received.sender.name) == ("The safe word is rambutan.", "Sari")
    (told,) = (one for one in pair.survivor.collect() if isinstance(one, events.NoteHandedOver))
    assert (told.sender.name, told.to and told.to.name) == ("Sari", "Maya")
    assert "rambutan" not in repr((received, told))
    # Who wrote it learns that the device has opened it.
    delivered = [one for one in pair.counselor.collect() if isinstance(one, events.Delivered)]
    assert [one.by.name for one in delivered] == ["Maya"]


def test_each_key_opens_one_note_and_another_key_follows() -> None:
    pair = talking_pair()
    maya, participant = three(pair)
    first = pair.counselor.state.notes.keys[participant.device_key]
    hand_over(pair, participant, "one")
    second = pair.counselor.state.notes.keys[participant.device_key]
    assert first.id != second.id
    assert first.public_key != second.public_key
    hand_over(pair, participant, "two")
    assert [one.text for one in maya.collect() if isinstance(one, events.NoteReceived)] == ["one", "two"]


def test_the_key_outlives_a_restart_and_so_does_what_was_not_taken_yet() -> None:
    pair = talking_pair()
    maya, participant = three(pair)
    saved = Kept.from_bytes(Kept(1, maya.state.save(), ()).to_bytes()).conversation
    identity = maya.state.membership.identity
    maya.state = ConversationState.restore(saved, identity.signature_key, maya.state.membership.verify, NOW)
    pair.log.connect(maya)
    hand_over(pair, participant, "kept")
    (received,) = (one for one in maya.collect() if isinstance(one, events.NoteReceived))
    assert restore_heard(save_heard(received)) == received


def test_ending_forgets_every_note_key() -> None:
    pair = talking_pair()
    maya, _ = three(pair)
    before = save_notes(maya.state.notes)
    assert before.own is not None
    assert before.keys
    maya.state.wipe()
    assert save_notes(maya.state.notes) == SavedNotes()


@pytest.mark.parametrize(
    "other",
    [
        replace(PATH, conversation_id=b"d" * 16),
        replace(PATH, sender=replace(SARI, device_key=bytes(32))),
        replace(PATH, receiver=replace(MAYA, device_key=bytes(32))),
    ],
    ids=["conversation", "sender", "receiver"],
)
def test_a_note_is_bound_to_its_way(other: NotePath) -> None:
    """Said again by somebody else or elsewhere it does not open, and costs nobody the key."""
    note, hers = _sealed("words")
    with pytest.raises(DecryptionFailed):
        hers._open(note, other)
    with pytest.raises(DecryptionFailed):
        hers._open(replace_id(note), PATH)
    assert hers._open(note, PATH) == "words"


def replace_id(note: HandOverNote) -> HandOverNote:
    return HandOverNote(b"x" * 16, note.sent, note.key_id, note.enc, note.sealed)


def test_all_notes_are_of_one_size() -> None:
    sizes = {len(encode_message(_sealed(text)[0])) for text in ("a", "a" * MOST_NOTE_BYTES)}
    assert len(sizes) == 1
    assert len(_sealed("a")[0].sealed) == SEALED_NOTE_BYTES


@pytest.mark.parametrize("text", ["", "a" * (MOST_NOTE_BYTES + 1)])
def test_what_does_not_fit_costs_no_key(text: str) -> None:
    his, hers = HandOverNotes(), HandOverNotes()
    his.take_key(hers.offer(NOW), MAYA)
    with pytest.raises(MessageTooLong):
        his.seal(text, PATH, NOW)
    assert MAYA.device_key in his.keys


def test_the_survivors_device_gets_and_gives_no_notes() -> None:
    notes = HandOverNotes()
    note, hers = _sealed("words")
    refused = notes.take_key(hers.offer(NOW), HER) + hers.take_note(note, HER, MAYA, Room(), CONVERSATION)
    assert [type(one) for one in refused] == [events.MessageRefused] * 2
    assert notes.keys == {}
    assert hers.own is not None


def _sealed(text: str) -> tuple[HandOverNote, HandOverNotes]:
    his, hers = HandOverNotes(), HandOverNotes()
    his.take_key(hers.offer(NOW), MAYA)
    return his.seal(text, PATH, NOW), hers


def test_the_founder_leaves_and_those_who_stay_go_on() -> None:
    """She began the group (leaf 0); the colleague removes her by a commit, after which she reads no more."""
    pair = talking_pair()
    maya, _ = three(pair)
    pair.counselor.state.leave(NOW)
    pair.log.pump()
    group = pair.counselor.state.membership.group
    assert group is None
    maya.state.send_text("I stay.", NOW)
    pair.log.pump()
    heard = pair.survivor.collect()
    assert [str(one.participant) for one in heard if isinstance(one, events.Left)] == ["Sari (counselor)"]
    assert [one.text for one in heard if isinstance(one, events.TextReceived)] == ["I stay."]
    assert {str(one) for one in pair.survivor.state.participants} == {"survivor", "Maya (counselor)"}


@pytest.mark.parametrize("at", range(3))
def test_the_shared_notes_open(at: int) -> None:
    """The same as in tests/vectors for the browser."""
    vectors = json.loads((Path(__file__).parents[1] / "vectors" / "hand_over_notes.json").read_text("utf-8"))
    sender = Participant(1, bytes.fromhex(vectors["sender"]), "Sari", "counselor")
    receiver = Participant(2, bytes.fromhex(vectors["receiver"]), "Maya", "medic")
    one = vectors["notes"][at]
    own = OwnNoteKey.load(bytes.fromhex(one["key_id"]), bytes.fromhex(one["private_key"]))
    note = decode_message(bytes.fromhex(one["message"]))
    assert isinstance(note, HandOverNote)
    conversation_id = bytes.fromhex(vectors["conversation"])
    (event,) = HandOverNotes(own).take_note(note, sender, receiver, Room(), conversation_id)
    assert isinstance(event, events.NoteReceived)
    assert event.text == one["text"]
    assert own.private.public.hex() == one["public_key"]
