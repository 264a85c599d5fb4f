"""Addresses of TURN servers: what of RFC 7065 browsers take, and nothing that could be anything else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from teduh_signaling.relay.turn_url import TurnUrl


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("turn:turn.example", TurnUrl(False, "turn.example", 3478, "udp")),
        ("turns:turn.example", TurnUrl(True, "turn.example", 5349, "tcp")),
        ("turn:turn.example?transport=tcp", TurnUrl(False, "turn.example", 3478, "tcp")),
        ("turn:192.0.2.7:80?transport=udp", TurnUrl(False, "192.0.2.7", 80, "udp")),
        ("turns:[2001:db8::7]:443?transport=tcp", TurnUrl(True, "2001:db8::7", 443, "tcp")),
        ("turn:a", TurnUrl(False, "a", 3478, "udp")),
    ],
)
def test_address_is_read_with_the_defaults_of_its_scheme(text: str, expected: TurnUrl) -> None:
    """Ports 3478 and 5349; without a transport UDP for `turn`, TCP for `turns`."""
    assert TurnUrl.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "turn.example",
        "stun:turn.example",
        "TURN:turn.example",
        "turn:",
        "turn:-turn.example",
        "turn:turn.example.",
        "turn://turn.example",
        "turn:someone@turn.example",
        "turn:turn.example:",
        "turn:turn.example:0",
        "turn:turn.example:65536",
        "turn:turn.example:123456",
        "turn:turn.example?transport=sctp",
        "turn:turn.example?transport=udp&more",
        "turn:turn.example?other=udp",
        "turn:turn.example/path",
        "turn:turn.example#part",
        "turn:turn example",
        "turn:turn.example\n",
        "turn:\u0662.example",
        "turn:turn.example:\u0663478",
    ],
)
def test_anything_else_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="TURN server") as refused:
        TurnUrl.parse(text)
    assert str(refused.value) in {
        "not an address of a TURN server (turn:host:port or turns:host:port)",
        "the port of the TURN server is none",
    }


@given(st.text(st.sampled_from("turns:[].-?=&/@#0129 aé\n"), max_size=40) | st.text(max_size=40))
def test_whatever_is_taken_has_a_host_and_a_port_and_nothing_hidden(text: str) -> None:
    try:
        url = TurnUrl.parse(text)
    except ValueError:
        return
    assert re.fullmatch(r"[0-9A-Za-z.:-]+", url.host)
    assert 0 < url.port < 65536
    assert text.startswith(("turn:", "turns:"))
