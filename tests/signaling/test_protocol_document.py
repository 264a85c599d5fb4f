"""PROTOCOL.md says what the code does: its tables are read and compared, so that neither changes alone."""

from __future__ import annotations

import re
from enum import IntEnum
from pathlib import Path
from typing import get_args

import pytest
from msgspec import Struct
from support.schemas.wire_types import fields
from teduh_signaling.call import messages as call
from teduh_signaling.call.messages import AnyCallMessage, CallMessage
from teduh_signaling.chat import messages
from teduh_signaling.chat.messages import AnyMessage, Message, ReceiptKind
from teduh_signaling.relay import entry, frames, protocol
from teduh_signaling.relay.exceptions import close_code_for
from teduh_signaling.relay.frames import (
    AnyClientFrame,
    AnyRelayFrame,
    Availability,
    CallPolicy,
    CloseCode,
    EntryKind,
    ErrorCode,
    Frame,
    Preference,
    Urgency,
)
from teduh_signaling.relay.protocol import TRANSITIONS, State

DOCUMENT = (Path(__file__).parents[2] / "PROTOCOL.md").read_text(encoding="utf-8")
CLIENT_FRAMES: tuple[type[Frame], ...] = get_args(AnyClientFrame)
RELAY_FRAMES: tuple[type[Frame], ...] = get_args(AnyRelayFrame)
MESSAGES: tuple[type[Message], ...] = get_args(AnyMessage)
PARTS: tuple[type[Struct], ...] = (
    frames.RequestDetails,
    frames.Limits,
    frames.Price,
    frames.Colleague,
    frames.WaitingRequest,
    frames.Tally,
    frames.BoardDay,
)
CALL_MESSAGES: tuple[type[CallMessage], ...] = get_args(AnyCallMessage)
CALL_PARTS: tuple[type[Struct], ...] = (call.Media, call.Candidate, call.Present)
TAGGED: tuple[type[Struct], ...] = (*CLIENT_FRAMES, *RELAY_FRAMES, *MESSAGES, *CALL_MESSAGES)
ALL_PARTS: tuple[type[Struct], ...] = (*PARTS, messages.Beginning, messages.Answer, *CALL_PARTS)

ENUMS: tuple[type[IntEnum], ...] = (EntryKind, Urgency, Availability, CallPolicy, Preference, ReceiptKind)
CALL_ENUMS: tuple[type[IntEnum], ...] = (
    call.EndReason,
    call.MediaReason,
    call.NegotiationWish,
    call.RecordingStep,
    call.Phase,
)


def section(title: str) -> str:
    """The text under one heading, up to the next heading of the same or a higher level."""
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,2}} |\Z)", DOCUMENT, re.M | re.S)
    assert found is not None, f"PROTOCOL.md has no section {title}"
    level, text = found.groups()
    return str(re.split(rf"^#{{1,{len(level)}}} ", text, flags=re.M)[0])


def rows(text: str) -> list[list[str]]:
    """The cells of the first table, without its two head rows and without code marks."""
    lines = re.findall(r"^\|.*\|$", text, re.M)
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines[2:]]


def heading(struct: type[Struct]) -> str:
    tag = struct.__struct_config__.tag
    return struct.__name__ if tag is None else f"0x{tag:02x} {struct.__name__}"


@pytest.mark.parametrize("struct", [*TAGGED, *ALL_PARTS], ids=lambda struct: struct.__name__)
def test_a_table_has_every_field_with_its_type_and_limits_in_order(struct: type[Struct]) -> None:
    documented = [(name, written) for name, written, _ in rows(section(heading(struct)))]
    assert documented == fields(struct)


@pytest.mark.parametrize("struct", [*TAGGED, *ALL_PARTS], ids=lambda struct: struct.__name__)
def test_every_field_has_a_meaning(struct: type[Struct]) -> None:
    assert all(meaning for _, _, meaning in rows(section(heading(struct))))


@pytest.mark.parametrize(
    ("title", "structs"),
    [
        ("Frames of the client", CLIENT_FRAMES),
        ("Frames of the relay", RELAY_FRAMES),
        ("Parts of frames", PARTS),
        ("Inside the encryption", (*MESSAGES, messages.Beginning, messages.Answer)),
        ("About calls", (*CALL_MESSAGES, *CALL_PARTS)),
    ],
)
def test_each_chapter_has_these_sections_and_no_other(title: str, structs: tuple[type[Struct], ...]) -> None:
    chapter = section(title)
    titles = [line for line in re.findall(r"^### (.*)$", chapter, re.M) if line != "The bytes of an Entry"]
    assert titles == [heading(struct) for struct in structs]


@pytest.mark.parametrize("enum", [*ENUMS, *CALL_ENUMS])
def test_every_value_is_listed(enum: type[IntEnum]) -> None:
    documented = [(value, name) for value, name, _ in rows(section(enum.__name__))]
    assert documented == [(str(int(member)), member.name) for member in enum]


def test_every_limit_is_listed_with_its_value() -> None:
    actual = {
        name: value
        for module in (frames, protocol, messages, call)
        for name, value in vars(module).items()
        if name.startswith("MAX_") or name == "PROTOCOL_VERSION"
    }
    documented = {name: int(value) for name, value, _ in rows(section("Sizes and counts"))}
    assert documented == actual


def test_every_error_code_is_explained_once() -> None:
    assert [row[0] for row in rows(section("Errors"))] == [code.value for code in ErrorCode]


def test_every_error_says_whether_it_closes_and_what_a_client_does() -> None:
    """The close code is that of the code, and is missing where the error never closes."""
    for code, fatal, close, meaning, answer in rows(section("Errors")):
        assert fatal in {"always", "sometimes", "never"}
        assert close == ("" if fatal == "never" else str(int(close_code_for(ErrorCode(code)))))
        assert meaning
        assert answer


def test_every_close_code_is_listed() -> None:
    documented = [(number, name) for number, name, _ in rows(section("Close codes"))]
    assert documented == [(str(int(code)), code.name) for code in CloseCode]


def test_the_table_of_states_is_the_machine() -> None:
    states = [state for state in State if state is not State.CLOSED]
    actual = [
        [frame.__name__, *(_cell(frame, state) for state in states)]
        for frame in (*CLIENT_FRAMES, *RELAY_FRAMES)
    ]
    assert rows(section("States")) == actual


def _cell(frame: type[Frame], state: State) -> str:
    following = TRANSITIONS[state].get(frame)
    if following is None:
        return ""
    return "yes" if following is state else f"→ {following.value}"


def test_the_layout_of_an_entry_is_the_codes() -> None:
    layout = {what: int(offset) for offset, _, what in rows(section("The bytes of an Entry"))}
    assert layout["seq, big-endian"] == entry.SEQ_OFFSET
    assert layout["member, counter, kind, epoch, payload"] == entry.SEQ_END


def test_every_link_within_the_document_leads_somewhere() -> None:
    anchors = {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", DOCUMENT, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]*)\)", DOCUMENT)) <= anchors
