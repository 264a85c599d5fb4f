"""Both sides of the relay protocol run the same scenarios; other implementations may, too."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from teduh_signaling.relay.codec import decode_client_frame, decode_relay_frame, encode
from teduh_signaling.relay.exceptions import LocalProtocolError, RemoteProtocolError
from teduh_signaling.relay.frames import (
    MAX_PAYLOAD_BYTES,
    AnyClientFrame,
    AnyRelayFrame,
    Append,
    Error,
    ErrorCode,
    Hello,
    Limits,
    Ping,
    Pong,
)
from teduh_signaling.relay.protocol import (
    DEFAULT_HEARTBEAT_SECONDS,
    TRANSITIONS,
    ClientSideProtocol,
    RelaySideProtocol,
    State,
)

VECTORS = Path(__file__).parents[2] / "vectors"
SCENARIOS: list[dict[str, Any]] = json.loads((VECTORS / "relay_protocol.json").read_text(encoding="utf-8"))
CONVERSATION = bytes(16)


def run(protocol: ClientSideProtocol | RelaySideProtocol, step: dict[str, Any]) -> None:
    data = bytes.fromhex(step["frame"]) + bytes(step.get("zeros", 0))
    if step["does"] == "receives":
        protocol.receive(data, 0.0)
    elif isinstance(protocol, ClientSideProtocol):
        assert protocol.send(decode_client_frame(data)) == data
    else:
        assert protocol.send(decode_relay_frame(data)) == data


def outcome(protocol: ClientSideProtocol | RelaySideProtocol, step: dict[str, Any]) -> dict[str, Any]:
    """What happened, in the words of the vectors."""
    try:
        run(protocol, step)
    except LocalProtocolError:
        return {"outcome": "local_error"}
    except RemoteProtocolError as error:
        return {
            "outcome": "remote_error",
            "code": error.code.value,
            "fatal": error.fatal,
            "close_code": int(error.close_code),
        }
    return {"outcome": "ok"}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario["name"])
def test_scenario(scenario: dict[str, Any]) -> None:
    """Each side does, step by step, what the scenario says."""
    sides: dict[str, ClientSideProtocol | RelaySideProtocol] = {
        "client": ClientSideProtocol(0.0),
        "relay": RelaySideProtocol(0.0),
    }
    for number, step in enumerate(scenario["steps"]):
        protocol = sides[step["side"]]
        expected = {key: step[key] for key in ("outcome", "code", "fatal", "close_code") if key in step}
        assert outcome(protocol, step) == expected, f"step {number}"
        assert protocol.state is State(step["state"]), f"step {number}"


def test_the_vectors_are_those_that_the_script_writes() -> None:
    """relay_protocol.json is never edited by hand."""
    spec = importlib.util.spec_from_file_location("make_relay_protocol", VECTORS / "make_relay_protocol.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert (VECTORS / "relay_protocol.json").read_text(encoding="utf-8") == script.vectors()


def test_every_frame_is_allowed_in_some_state() -> None:
    """A frame that no state allows could never be used."""
    allowed = {frame for frames in TRANSITIONS.values() for frame in frames}
    assert allowed == {*get_args(AnyClientFrame), *get_args(AnyRelayFrame)}


def test_every_state_can_be_reached_and_is_in_the_table() -> None:
    reached = {state for frames in TRANSITIONS.values() for state in frames.values()}
    assert reached | {State.AWAITING_HELLO, State.CLOSED} == set(State) == set(TRANSITIONS)


def greeted(limits: Limits | None = None) -> tuple[ClientSideProtocol, RelaySideProtocol]:
    client, relay = ClientSideProtocol(100.0), RelaySideProtocol(100.0, 20)
    hello = Hello(1, bytes(32), 0, limits or Limits(1 << 18, 1 << 17, 8, 8, 5))
    client.receive(relay.send(hello), 101.0)
    return client, relay


def test_the_relay_refuses_locally_to_send_what_a_client_could_not_read() -> None:
    _, relay = greeted()
    with pytest.raises(LocalProtocolError, match="limit"):
        relay.send(Error(ErrorCode.INTERNAL, "x" * 257))


def test_a_client_refuses_locally_to_send_what_the_relay_would_not_take() -> None:
    client, _ = greeted()
    with pytest.raises(LocalProtocolError, match="limit"):
        client.send(Append(CONVERSATION, 0, 0, 0, b"x"))


def test_a_client_keeps_the_relays_payload_limit_for_welcomes_too() -> None:
    client, _ = greeted(Limits(1 << 18, 10, 8, 8, 5))
    with pytest.raises(LocalProtocolError, match="payload"):
        client.send(Append(CONVERSATION, 1, 1, 0, b"x", welcome=bytes(11)))


def test_the_largest_commit_with_the_largest_welcome_does_not_fit_and_is_refused_locally() -> None:
    """Both limits at once break the frame's limit: the sender learns it before the relay closes on it."""
    client, _ = greeted()
    with pytest.raises(LocalProtocolError, match="larger"):
        client.send(Append(CONVERSATION, 1, 1, 0, bytes(MAX_PAYLOAD_BYTES), welcome=bytes(MAX_PAYLOAD_BYTES)))


def test_a_refused_send_leaves_the_state_as_it_was() -> None:
    client, _ = greeted()
    with pytest.raises(LocalProtocolError):
        client.send(Append(CONVERSATION, 0, 0, 0, b"x"))
    assert client.state is State.ANONYMOUS


def test_an_unexpected_append_is_named_in_the_error() -> None:
    """The client must know which of its appends was refused."""
    relay = RelaySideProtocol(0.0)
    with pytest.raises(RemoteProtocolError) as caught:
        relay.receive(encode(Append(CONVERSATION, 7, 0, 0, b"x")), 0.0)
    frame = caught.value.error_frame()
    assert (frame.conversation_id, frame.counter, frame.fatal) == (CONVERSATION, 7, False)


def test_an_error_carries_the_ref_of_the_question() -> None:
    relay = RelaySideProtocol(0.0)
    with pytest.raises(RemoteProtocolError) as caught:
        relay.receive(encode(Ping(31)), 0.0)
    assert caught.value.error_frame().ref == 31


def test_the_hello_is_known_once_it_came() -> None:
    with pytest.raises(LocalProtocolError):
        _ = ClientSideProtocol(0.0).hello
    assert greeted()[0].hello.limits.subscriptions == 8


def test_the_client_takes_its_heartbeat_from_hello() -> None:
    """A Ping a heartbeat after Hello; two heartbeats without a word, and the relay is taken for gone."""
    client, _ = greeted()
    assert (client.ping_at(), client.gone_at()) == (106.0, 111.0)
    client.pinged(106.0)
    assert client.ping_at() == 111.0


def test_before_hello_a_default_heartbeat_holds() -> None:
    assert ClientSideProtocol(5.0).gone_at() == 5.0 + 2 * DEFAULT_HEARTBEAT_SECONDS


def test_every_frame_and_every_pong_is_a_sign_of_life() -> None:
    client, relay = greeted()
    relay.receive(client.send(Ping(1)), 130.0)
    assert relay.gone_at() == 170.0
    relay.heard(140.0)
    assert relay.gone_at() == 180.0
    client.receive(relay.send(Pong(1)), 131.0)
    assert client.gone_at() == 141.0


def test_after_a_close_nothing_is_allowed() -> None:
    client, relay = greeted()
    client.close()
    relay.close()
    with pytest.raises(LocalProtocolError):
        client.send(Ping(1))
    with pytest.raises(RemoteProtocolError):
        relay.receive(encode(Ping(1)), 0.0)
