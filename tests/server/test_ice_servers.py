"""What the relay says to those about to call: whether, through which TURN servers, and by what right."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError
from support.clients.frame_client import frame_client, talking_pair
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from teduh_server.config.call_settings import CallSettings
from teduh_server.config.settings import load_settings
from teduh_server.handlers.ice_servers import IceServerOffers
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_signaling.relay.frames import CallPolicy, Error, ErrorCode, FetchIceServers, IceServers

SECRET = "between relay and TURN server"
URLS = ("turn:turn.example:3478?transport=udp", "turns:turn.example:443?transport=tcp")
WITH_TURN = CallSettings(turn_urls=URLS, turn_secret=SECRET)  # type: ignore[arg-type]  # pydantic wraps it


HERS, OTHERS = b"conversation one", b"conversation two"


def offer(
    settings: CallSettings = WITH_TURN,
    conversation: bytes = HERS,
    member: int = 0,
    now: float = 1_760_000_000.9,
) -> IceServers:
    """What one node, of however many, answers."""
    return IceServerOffers(settings, now=lambda: now).offer(7, conversation, member)


def test_credential_is_what_coturn_makes_of_the_username() -> None:
    answer = offer()
    expected = hmac.new(SECRET.encode(), answer.username.encode(), hashlib.sha1).digest()
    assert base64.b64decode(answer.credential) == expected


def test_username_is_the_expiry_and_has_nothing_in_common_with_that_of_others() -> None:
    """Of another conversation, another member, or another time; nor can it be made without the secret."""
    other = WITH_TURN.model_copy(update={"turn_secret": SecretStr("another secret")})
    names = [
        offer().username,
        offer(conversation=OTHERS).username,
        offer(member=1).username,
        offer(other).username,
        offer(now=1_760_000_601).username,
    ]
    assert [name.partition(":")[0] for name in names[:4]] == ["1760000400"] * 4
    assert len({name.partition(":")[2] for name in names}) == 5


def test_a_member_never_has_more_than_two_credentials_alive_at_whichever_nodes_she_asks() -> None:
    """Each call is a node of its own; asked every second of an hour."""
    given = {offer(now=at).username for at in range(1_760_000_000, 1_760_003_600)}
    for now in range(1_760_000_600, 1_760_003_600):
        alive = [name for name in given if now < int(name.partition(":")[0]) <= now + 600]
        assert len(alive) <= 2


def test_a_credential_lives_for_half_its_time_at_least_when_it_is_given() -> None:
    for now in range(1_760_000_000, 1_760_000_700):
        assert 300 <= offer(now=now).expires - now <= 600


def test_answer_names_the_servers_in_the_operators_order_and_when_it_expires() -> None:
    answer = offer()
    assert (answer.ref, answer.policy, answer.urls) == (7, CallPolicy.RELAY, URLS)
    assert answer.expires == 1_760_000_400


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


@pytest.fixture
async def url(valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path) -> AsyncIterator[str]:
    """A relay with TURN."""
    async with relay_here(organisation.write(tmp_path), valkey.url, calls=WITH_TURN) as (_, url):
        await organisation.publish_revocations(url)
        yield url


async def test_both_members_of_a_conversation_are_answered_from_the_first_commit_on(
    url: str, organisation: RelayOrganisation
) -> None:
    async with talking_pair(url, organisation.staff()) as (survivor, staff, conversation):
        answers = [
            await client.ask(FetchIceServers(4, conversation), IceServers) for client in (survivor, staff)
        ]
    assert [(answer.policy, answer.urls) for answer in answers] == [(CallPolicy.RELAY, URLS)] * 2
    assert answers[0].username != answers[1].username


async def test_nobody_is_given_credentials_before_somebody_has_taken_the_conversation(url: str) -> None:
    async with frame_client(url) as client:
        conversation = await client.open_request()
        for ref in range(100):
            error = await client.ask(FetchIceServers(ref, conversation), Error)
            assert (error.code, error.ref) == (ErrorCode.NOT_PERMITTED, ref)


async def test_whoever_holds_a_lease_is_given_none_either(url: str, organisation: RelayOrganisation) -> None:
    async with frame_client(url) as survivor, frame_client(url) as staff:
        conversation = await survivor.open_request()
        await staff.authenticate(organisation.staff())
        await staff.claim(conversation)
        error = await staff.ask(FetchIceServers(4, conversation), Error)
        assert error.code is ErrorCode.NOT_PERMITTED


async def test_however_often_a_member_asks_she_draws_no_more_than_two(
    url: str, organisation: RelayOrganisation
) -> None:
    async with talking_pair(url, organisation.staff()) as (survivor, _, conversation):
        given = {
            (await survivor.ask(FetchIceServers(ref, conversation), IceServers)).username
            for ref in range(100)
        }
    assert len(given) <= 2


async def test_nobody_else_is(relay_url: str) -> None:
    """Neither before there is a conversation, nor about another's."""
    async with frame_client(relay_url) as client, frame_client(relay_url) as other:
        conversation = await client.open_request()
        error = await other.ask(FetchIceServers(4, conversation), Error)
        assert (error.code, error.ref) == (ErrorCode.UNKNOWN_CONVERSATION, 4)


async def test_relay_without_turn_says_that_there_are_no_calls(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, _, conversation):
        answer = await survivor.ask(FetchIceServers(4, conversation), IceServers)
        assert answer == IceServers(4, CallPolicy.OFF)
