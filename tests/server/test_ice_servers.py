"""What the relay says to those about to call: whether, through which TURN servers, and by what right."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest
from frame_client import frame_client
from pydantic import ValidationError
from relay_organisation import RelayOrganisation
from relay_process import relay_here
from teduh_server.call_settings import CallSettings
from teduh_server.ice_servers import IceServerOffers
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.settings import load_settings
from teduh_signaling.relay.frames import CallPolicy, Error, ErrorCode, FetchIceServers, IceServers

SECRET = "between relay and TURN server"
URLS = ("turn:turn.example:3478?transport=udp", "turns:turn.example:443?transport=tcp")
WITH_TURN = CallSettings(turn_urls=URLS, turn_secret=SECRET)  # type: ignore[arg-type]  # pydantic wraps it


def offer(settings: CallSettings = WITH_TURN) -> IceServers:
    return IceServerOffers(settings, now=lambda: 1_760_000_000.9).offer(7)


def test_credential_is_what_coturn_makes_of_the_username() -> None:
    answer = offer()
    expected = hmac.new(SECRET.encode(), answer.username.encode(), hashlib.sha1).digest()
    assert base64.b64decode(answer.credential) == expected


def test_username_is_the_expiry_and_random_bytes_of_its_own_for_every_question() -> None:
    offers = IceServerOffers(WITH_TURN, now=lambda: 1_760_000_000.9)
    names = [offers.offer(ref).username for ref in range(50)]
    assert {name.partition(":")[0] for name in names} == {"1760000600"}
    assert len({name.partition(":")[2] for name in names}) == 50


def test_answer_names_the_servers_in_the_operators_order_and_when_it_expires() -> None:
    answer = offer()
    assert (answer.ref, answer.policy, answer.urls) == (7, CallPolicy.RELAY, URLS)
    assert answer.expires == 1_760_000_600


def test_without_turn_there_are_no_calls() -> None:
    assert offer(CallSettings()) == IceServers(7, CallPolicy.OFF)


def test_direct_calls_are_only_offered_where_the_operator_allows_them() -> None:
    assert offer(CallSettings(allow_direct=True)) == IceServers(7, CallPolicy.DIRECT)
    both = offer(WITH_TURN.model_copy(update={"allow_direct": True}))
    assert (both.policy, both.urls) == (CallPolicy.DIRECT, URLS)


def test_secret_is_read_from_its_file_without_the_line_end(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    assert CallSettings(turn_urls=URLS, turn_secret_file=tmp_path / "secret").secret() == SECRET.encode()


def test_nothing_prints_the_secret() -> None:
    assert SECRET not in repr(WITH_TURN) + repr(IceServerOffers(WITH_TURN)) + repr(offer())


@pytest.mark.parametrize(
    "url",
    [
        "stun:turn.example",
        "stuns:turn.example",
        "http://turn.example",
        "turn:",
        "turn:host:0",
        "turn:host:70000",
        "turn:user@turn.example",
        "turn:turn.example/path",
        "turn:turn.example?transport=sctp",
        "turn: turn.example",
        "turn:turn.example\n",
    ],
)
def test_address_that_is_no_turn_server_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="TURN server"):
        CallSettings(turn_urls=(url,), turn_secret=SECRET)  # type: ignore[arg-type]  # pydantic wraps it


def test_turn_servers_need_a_secret_and_one_only(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "empty").write_text("\n")
    wrong: list[dict[str, object]] = [
        {},
        {"turn_secret": ""},
        {"turn_secret_file": tmp_path / "empty"},
        {"turn_secret_file": tmp_path / "nowhere"},
        {"turn_secret_file": tmp_path / "secret", "turn_secret": SECRET},
    ]
    for settings in wrong:
        with pytest.raises(ValidationError, match="secret"):
            CallSettings(turn_urls=URLS, **settings)  # type: ignore[arg-type]  # pydantic checks them


def test_settings_come_from_the_calls_table_and_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text(SECRET)
    Path("teduh.toml").write_text('[calls]\nturn_secret_file = "secret"\nallow_direct = true\n')
    monkeypatch.setenv("TEDUH_CALLS__TURN_URLS", json.dumps(URLS))
    calls = load_settings().calls
    assert (calls.turn_urls, calls.secret(), calls.policy) == (URLS, SECRET.encode(), CallPolicy.DIRECT)


async def test_member_of_a_conversation_is_answered(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    async with (
        relay_here(organisation.write(tmp_path), valkey.url, calls=WITH_TURN) as (_, url),
        frame_client(url) as client,
    ):
        conversation = await client.open_request()
        answer = await client.ask(FetchIceServers(4, conversation), IceServers)
        assert (answer.policy, answer.urls) == (CallPolicy.RELAY, URLS)


async def test_nobody_else_is(relay_url: str) -> None:
    """Neither before there is a conversation, nor about another's."""
    async with frame_client(relay_url) as client, frame_client(relay_url) as other:
        conversation = await client.open_request()
        error = await other.ask(FetchIceServers(4, conversation), Error)
        assert (error.code, error.ref) == (ErrorCode.UNKNOWN_CONVERSATION, 4)


async def test_relay_without_turn_says_that_there_are_no_calls(relay_url: str) -> None:
    async with frame_client(relay_url) as client:
        conversation = await client.open_request()
        answer = await client.ask(FetchIceServers(4, conversation), IceServers)
        assert answer == IceServers(4, CallPolicy.OFF)


async def test_member_who_asks_too_often_is_told_when_to_ask_again(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    async with (
        relay_here(organisation.write(tmp_path), valkey.url, calls=WITH_TURN) as (_, url),
        frame_client(url) as client,
    ):
        conversation = await client.open_request()
        for _ in range(12):
            await client.ask(FetchIceServers(4, conversation), IceServers)
        error = await client.ask(FetchIceServers(5, conversation), Error)
        assert (error.code, error.ref) == (ErrorCode.RATE_LIMITED, 5)
        assert 0 < error.retry_after_ms <= 5000
