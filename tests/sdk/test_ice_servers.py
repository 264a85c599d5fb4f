"""What a client takes for TURN servers, and when it agrees to calls without them."""

from __future__ import annotations

import pytest
from teduh_sdk.exceptions import RelayMisbehaved
from teduh_sdk.net.ice_servers import IceServers, is_on_this_machine, read_ice_servers
from teduh_signaling.relay.frames import CallPolicy
from teduh_signaling.relay.frames import IceServers as Frame

URLS = ("turn:turn.example:3478?transport=udp", "turns:[2001:db8::7]:443?transport=tcp", "turn:192.0.2.7")
OFF, RELAY, DIRECT = CallPolicy.OFF, CallPolicy.RELAY, CallPolicy.DIRECT


def answer(policy: CallPolicy = RELAY, urls: tuple[str, ...] = URLS) -> Frame:
    return Frame(1, policy, urls, "1760000600:name", "credential", 1_760_000_600)


def test_servers_are_taken_in_the_order_of_the_relay() -> None:
    servers = read_ice_servers(answer(), allow_direct=False)
    assert servers == IceServers(RELAY, URLS, "1760000600:name", "credential", 1_760_000_600)
    assert servers.relay_only


@pytest.mark.parametrize(
    "url",
    [
        "stun:turn.example",
        "stuns:turn.example:443",
        "TURN:turn.example",
        "turn:",
        "turn://turn.example",
        "turn:someone@turn.example",
        "turn:turn.example:0",
        "turn:turn.example:65536",
        "turn:turn.example?transport=udp&x",
        "turn:turn.example ",
        "turn:turn.exam\u0440le",
        "https://turn.example",
    ],
)
def test_relay_that_names_anything_else_is_refused(url: str) -> None:
    with pytest.raises(RelayMisbehaved, match="something else than TURN servers"):
        read_ice_servers(answer(urls=(URLS[0], url)), allow_direct=True)


@pytest.mark.parametrize(
    "frame",
    [Frame(1, RELAY), answer(OFF), Frame(1, RELAY, URLS), Frame(1, DIRECT, URLS, "1:name", "", 1)],
    ids=["relay without servers", "off with servers", "no credentials", "half the credentials"],
)
def test_answer_that_contradicts_itself_is_refused(frame: Frame) -> None:
    with pytest.raises(RelayMisbehaved):
        read_ice_servers(frame, allow_direct=True)


def test_direct_calls_need_the_agreement_of_this_side() -> None:
    """A relay alone cannot make a client show its address: the call goes through TURN, or not at all."""
    assert read_ice_servers(answer(DIRECT), allow_direct=True).policy is DIRECT
    assert read_ice_servers(answer(DIRECT), allow_direct=False).policy is RELAY
    assert read_ice_servers(Frame(1, DIRECT), allow_direct=True).policy is DIRECT
    assert read_ice_servers(Frame(1, DIRECT), allow_direct=False).policy is OFF


def test_only_loopback_is_this_machine() -> None:
    here = ("http://127.0.0.1:8420", "http://localhost:1/", "ws://[::1]:8420", "https://127.8.9.1")
    there = (
        "https://relay.example",
        "http://192.168.0.7",
        "http://127.0.0.1.relay.example",
        "http://[::2]",
        "",
    )
    assert all(is_on_this_machine(url) for url in here)
    assert not any(is_on_this_machine(url) for url in there)


def test_credentials_are_not_printed() -> None:
    shown = repr(read_ice_servers(answer(), allow_direct=False))
    assert "name" not in shown
    assert "credential" not in shown
