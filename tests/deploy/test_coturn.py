"""deploy/coturn: the very files with which coturn is deployed, started here with only port and addresses of
its own.

Loopback, which is all that a test may use, is refused by coturn itself; to see what the lists of the file
refuse, most tests take this one refusal away.
"""

from __future__ import annotations

import re
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
from aioice import stun
from support.calls.turn_server import TurnServer, free_port_at, known_options, turn_server
from support.deployment.lines import options as options_of
from support.eventually import becomes, eventually_here
from teduh_server.config.call_settings import CallSettings
from teduh_server.doctor.finding import Level
from teduh_server.doctor.turn import FORBIDDEN_PEERS, check_server, check_turn
from teduh_server.doctor.turn_client import TurnRefused, allocated, connect
from teduh_signaling.relay.turn_url import TurnUrl

FOLDER = Path(__file__).parents[2] / "deploy" / "coturn"
CONFIGURATION = FOLDER / "turnserver.conf"
ADDRESS = "127.0.0.9"
CONSOLE_ADDRESS = "127.0.0.11"
TCP_RELAY, UDP_RELAY = 0x06000000, 0x11000000
UNSUPPORTED_TRANSPORT = {403, 442}


def lines() -> list[str]:
    return CONFIGURATION.read_text("utf-8").splitlines()


def options() -> list[tuple[str, str]]:
    """Name and value of every option; the value is empty for a flag."""
    return [
        (name, value)
        for name, values in options_of(CONFIGURATION.read_text("utf-8")).items()
        for value in values
    ]


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[TurnServer]:
    """As deployed, but that a peer on loopback is not refused for being one."""
    with turn_server(
        tmp_path, script=FOLDER / "start.sh", address=ADDRESS, allow_loopback_peers=True
    ) as turn:
        yield turn


def url(turn: TurnServer) -> TurnUrl:
    return TurnUrl.parse(turn.urls[0])


# --- the file ---


def test_every_option_has_its_reason_above_it() -> None:
    before = ""
    for line in lines():
        if line and not line.startswith("#"):
            assert before, f"{line} stands there without a reason"
        before = line


NOW_ASKED_FOR = {
    "no-cli": "cli",
    "no-dtls": "dtls",
    "no-tlsv1": "tlsv1",
    "no-tlsv1_1": "tlsv1_1",
    "no-stun-backward-compatibility": "stun-backward-compatibility",
    "response-origin-only-with-rfc5780": "rfc5780",
}
"""Options that only older coturns have, and those by which newer ones, which do so by default, would not."""


def unknown_options() -> set[str]:
    """Options of the file that the installed coturn has no more."""
    return {name for name, _ in options()} - known_options()


def test_every_option_is_one_of_coturns_or_what_newer_ones_do_by_default() -> None:
    assert unknown_options() <= set(NOW_ASKED_FOR)
    assert {NOW_ASKED_FOR[name] for name in unknown_options()} <= known_options()
    assert not set(NOW_ASKED_FOR.values()) & {name for name, _ in options()}


SHOWN = {
    "use-auth-secret": "TURN REST API support",
    "stale-nonce": "stale-nonce",
    "secure-stun": "secure-stun",
    "denied-peer-ip": "Blacklist IP (static)",
    "no-multicast-peers": "no-multicast-peers",
    "no-tcp-relay": "no-tcp-relay",
    "listening-port": "listener-port",
    "tls-listening-port": "tls-listener-port",
    "no-tlsv1": "TLSv1.0",
    "no-tlsv1_1": "TLSv1.1",
    "no-dtls": "no-dtls",
    "min-port": "min-port",
    "max-port": "max-port",
    "fingerprint": "enforce fingerprints",
    "user-quota": "Default user-quota",
    "total-quota": "Default total-quota",
    "max-bps": "Default max-bps",
    "bps-capacity": "Total server bps-capacity",
    "no-rfc5780": "RFC5780 support",
}
"""What coturn's console calls an option."""
TURNED_OFF = {"no-tlsv1", "no-tlsv1_1", "no-rfc5780"}
"""Options of which it shows what they switch off."""
SEEN_OTHERWISE = {
    # In the tests below: what is logged, what listens, what an answer says.
    "log-file",
    "no-stdout-log",
    "no-cli",
    "no-software-attribute",
    "max-allocate-lifetime",
    # Neither shown nor seen from outside; coturn says when it does not know one.
    "no-dynamic-ip-list",
    "no-dynamic-realms",
    "no-auth-pings",
    "channel-lifetime",
    "permission-lifetime",
    "no-stun-backward-compatibility",
    "response-origin-only-with-rfc5780",
}


TAKEN_OUT = {"no-cli", "log-file", "no-stdout-log"}
"""Options without which `talkative` has a console and a log."""


def test_coturn_understands_every_line_and_does_as_it_says(tmp_path: Path) -> None:
    """Its console, which only this test opens, shows the values that it runs with. A line that is newer ones'
    default is passed over."""
    with talkative(tmp_path, CONFIGURATION.read_text("utf-8")) as (turn, console):
        shown = values_in(console)
        assert refused_by(turn) <= unknown_options()
    assert {name for name, _ in options()} == set(SHOWN) | SEEN_OTHERWISE
    for name, label in SHOWN.items():
        if name in unknown_options() and label not in shown:
            continue
        assert shown[label] == expected_in_console(name, turn), name


def test_coturn_says_of_every_mistyped_line_that_it_does_not_know_it(tmp_path: Path) -> None:
    """So that the test above can fail."""
    mistyped = re.sub(r"^([a-z][\w-]*)", r"\1x", CONFIGURATION.read_text("utf-8"), flags=re.M)
    wrong = {f"{name}x" for name, _ in options()}
    with talkative(tmp_path, mistyped) as (turn, _):
        # It may be connected to before all that it has said has been written down.
        eventually_here(lambda: refused_by(turn) == wrong, "coturn knows a line that is none", within=10)


def expected_in_console(name: str, turn: TurnServer) -> list[str]:
    """Of one option: its values, or whether it is on."""
    if name == "listening-port":
        return [str(turn.port)]
    values = [value for option, value in options() if option == name]
    if values == [""] or name == "stale-nonce":
        return ["OFF" if name in TURNED_OFF else "ON"]
    return values


@contextmanager
def talkative(tmp_path: Path, text: str) -> Iterator[tuple[TurnServer, str]]:
    """A server with such a file, but that it logs and has a console; and what that says of its settings."""
    folder = tmp_path / "coturn"
    shutil.copytree(FOLDER, folder)
    kept = re.sub(rf"^({'|'.join(TAKEN_OUT)})(=.*)?$", "", text, flags=re.M)
    (folder / "turnserver.conf").write_text(kept)
    at = (CONSOLE_ADDRESS, free_port_at(CONSOLE_ADDRESS))
    console = (
        f"cli-ip={at[0]}",
        f"cli-port={at[1]}",
        "cli-password=of-this-test",
        "log-file=stdout",
        "simple-log",
        *({"cli"} & known_options()),
    )
    with turn_server(tmp_path, script=folder / "start.sh", address=CONSOLE_ADDRESS, options=console) as turn:
        with socket.create_connection(at, timeout=20.0) as client:
            heard_until(client, b"password: \r\n")
            client.sendall(b"of-this-test\r\n")
            heard_until(client, b"> ")
            client.sendall(b"pc\r\n")
            said = heard_until(client, b"\n> ")
        yield turn, said


def heard_until(client: socket.socket, prompt: bytes) -> str:
    """It reads one line at a time, and loses what comes before it has asked for it."""
    heard = b""
    while not heard.endswith(prompt):
        more = client.recv(65536)
        assert more, f"the console is closed after {heard!r}"
        heard += more
    return heard.decode()


def values_in(console: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^  (\S[^:\n]*): (.*?)(?: \(\*+\))?\s*$", console, re.M):
        found.setdefault(name, []).append(value)
    return found


def refused_by(turn: TurnServer) -> set[str]:
    return set(re.findall(r"Bad configuration format: (\S+)", turn.log.read_text(errors="replace")))


def test_all_peers_are_denied_and_the_file_allows_none() -> None:
    denied = [value for name, value in options() if name == "denied-peer-ip"]
    assert denied == ["0.0.0.0-255.255.255.255", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]
    assert not {"allowed-peer-ip", "allow-loopback-peers", "no-auth"} & {name for name, _ in options()}


def test_browsers_can_use_it() -> None:
    """With `no-stun` they cannot."""
    assert "no-stun" not in {name for name, _ in options()}


def test_no_secret_is_in_the_file() -> None:
    assert not [name for name, _ in options() if "secret" in name and name != "use-auth-secret"]
    assert not {"user", "cli-password", "static-auth-secret"} & {name for name, _ in options()}


# --- the server ---


async def test_it_carries_calls_and_refuses_every_other_peer_and_wrong_credentials(
    deployed: TurnServer,
) -> None:
    """What `teduh doctor` tries: relays between its own addresses, and nowhere else."""
    calls = CallSettings(**deployed.calls())  # type: ignore[arg-type]  # pydantic checks them
    findings = [finding for text in deployed.urls for finding in await check_server(text, calls)]
    assert [finding.about for finding in findings if finding.level is Level.GOOD] == list(deployed.urls)
    assert not [finding.says for finding in findings if finding.level is Level.PROBLEM]


@pytest.mark.parametrize("peer", [each for kind in FORBIDDEN_PEERS.values() for each in kind])
async def test_forbidden_peer_is_forbidden(deployed: TurnServer, peer: str) -> None:
    async with allocated(url(deployed), *deployed.credentials()) as allocation:
        with pytest.raises(TurnRefused) as refused:
            await allocation.permit((peer, 9))
    assert refused.value.code == 403


async def test_multicast_and_broadcast_are_forbidden(deployed: TurnServer) -> None:
    async with allocated(url(deployed), *deployed.credentials()) as allocation:
        for peer in ("224.0.0.1", "239.255.255.250", "255.255.255.255"):
            with pytest.raises(TurnRefused):
                await allocation.permit((peer, 9))


async def test_loopback_is_refused_even_if_it_is_its_own_address(tmp_path: Path) -> None:
    """Nothing but the tests' own option lets it relay to loopback."""
    with turn_server(tmp_path, script=FOLDER / "start.sh", address=ADDRESS) as turn:
        async with allocated(url(turn), *turn.credentials()) as allocation:
            with pytest.raises(TurnRefused):
                await allocation.permit(allocation.address)


@pytest.mark.parametrize("acquainted", [True, False])
async def test_several_servers_relay_to_each_other_where_they_are_told_to(
    tmp_path: Path, *, acquainted: bool
) -> None:
    """And `teduh doctor` tells when they were not."""
    addresses = (ADDRESS, "127.0.0.10")
    running = []
    with ExitStack() as held:
        for own, other in (addresses, addresses[::-1]):
            (tmp_path / own).mkdir()
            choices = {"address": own, "secret": "shared", "other_servers": [other] if acquainted else []}
            server = turn_server(
                tmp_path / own, script=FOLDER / "start.sh", allow_loopback_peers=True, **choices
            )
            running.append(held.enter_context(server))
        urls = tuple(turn.urls[0] for turn in running)
        calls = CallSettings(turn_urls=urls, turn_secret="shared")  # type: ignore[arg-type]  # it is wrapped
        problems = [finding.says for finding in await check_turn(calls) if finding.level is Level.PROBLEM]
    assert [says for says in problems if "has to allow the other's address" not in says] == []
    assert len(problems) == (0 if acquainted else 1)


async def test_nobody_gets_in_without_valid_credentials(deployed: TurnServer) -> None:
    wrong = deployed.credentials(secret="another")
    for username, credential in ((None, None), wrong, deployed.credentials(expires=1_700_000_000)):
        with pytest.raises(TurnRefused) as refused:
            async with allocated(url(deployed), username, credential):
                pass
        assert refused.value.code == 401


async def test_call_that_has_begun_outlives_its_credentials(deployed: TurnServer) -> None:
    """They expire within minutes, and a call may last for hours."""
    credentials = deployed.credentials(expires=int(time.time()) + 2)
    here = url(deployed)
    async with allocated(here, *credentials) as begun, allocated(here, *credentials) as other:
        await becomes(lambda: _begins(here, credentials), wanted=False)
        await begun.permit(other.address)


async def test_no_tcp_connections_to_peers(deployed: TurnServer) -> None:
    """RFC 6062 would make a proxy of it."""
    client = await connect(TurnUrl.parse(deployed.urls[1]), *deployed.credentials())
    request = stun.Message(stun.Method.ALLOCATE, stun.Class.REQUEST)
    request.attributes["REQUESTED-TRANSPORT"] = TCP_RELAY
    with pytest.raises(stun.TransactionFailed) as refused:
        await client.request_with_retry(request)
    client.transport.close()
    assert refused.value.response.error_code in UNSUPPORTED_TRANSPORT


async def test_allocation_that_nobody_renews_is_gone_as_soon_as_the_file_says(deployed: TurnServer) -> None:
    client = await connect(url(deployed), *deployed.credentials())
    request = stun.Message(stun.Method.ALLOCATE, stun.Class.REQUEST)
    request.attributes["REQUESTED-TRANSPORT"] = UDP_RELAY
    request.attributes["LIFETIME"] = 3600
    response, _ = await client.request_with_retry(request)
    client.transport.close()
    assert str(response.attributes["LIFETIME"]) == dict(options())["max-allocate-lifetime"]


def test_binding_request_without_credentials_is_not_answered_with_an_address(deployed: TurnServer) -> None:
    transaction = secrets.token_bytes(12)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10.0)
        client.sendto(bytes.fromhex("000100002112a442") + transaction, (ADDRESS, deployed.port))
        answer = stun.parse_message(client.recv(2048))
    assert answer.error_code == 401
    assert "XOR-MAPPED-ADDRESS" not in answer.attributes
    assert "SOFTWARE" not in answer.attributes


def test_nothing_listens_but_the_turn_port(deployed: TurnServer) -> None:
    """No telnet console, no web pages for administration, no port for metrics."""
    listening = {
        each.laddr for each in psutil.Process(deployed.pid).net_connections("tcp") if each.status == "LISTEN"
    }
    assert {tuple(address) for address in listening} == {(ADDRESS, deployed.port)}


async def test_nothing_of_a_caller_is_written_anywhere(tmp_path: Path) -> None:
    """Not even when coturn is told to be talkative; without our file it then logs what callers do."""
    (tmp_path / "deployed").mkdir()
    (tmp_path / "default").mkdir()
    script = FOLDER / "start.sh"
    with turn_server(tmp_path / "deployed", script=script, address=ADDRESS, options=("verbose",)) as turn:
        await _call(turn)
    with turn_server(tmp_path / "default", address=ADDRESS, options=("verbose",)) as turn:
        await _call(turn)
    assert _files_with(tmp_path / "deployed", b"session ") == []
    assert _files_with(tmp_path / "default", b"session ") == ["turnserver.log"]


def test_secret_is_in_no_argument_and_readable_for_nobody_else(deployed: TurnServer, tmp_path: Path) -> None:
    assert not [each for each in psutil.Process(deployed.pid).cmdline() if deployed.secret in each]
    assert (tmp_path / "turnserver.conf").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("missing", ["TURN_ADDRESS", "TURN_REALM", "TURN_SECRET_FILE"])
def test_script_says_what_it_was_not_told(tmp_path: Path, missing: str) -> None:
    told = {"TURN_ADDRESS": ADDRESS, "TURN_REALM": "turn.test", "TURN_SECRET_FILE": str(tmp_path / "secret")}
    del told[missing]
    ended = _start(told)
    assert ended.returncode != 0
    assert missing in ended.stderr


def test_script_takes_no_empty_secret(tmp_path: Path) -> None:
    """With one, whoever knows that could make credentials."""
    (tmp_path / "secret").touch()
    ended = _start(
        {"TURN_ADDRESS": ADDRESS, "TURN_REALM": "turn.test", "TURN_SECRET_FILE": str(tmp_path / "secret")}
    )
    assert ended.returncode != 0
    assert "empty" in ended.stderr


async def _call(turn: TurnServer) -> None:
    async with allocated(url(turn), *turn.credentials()):
        pass


def _files_with(folder: Path, needle: bytes) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and needle in path.read_bytes()]


async def _begins(server: TurnUrl, credentials: tuple[str, str]) -> bool:
    """Whether the credentials can still begin a call."""
    try:
        async with allocated(server, *credentials):
            return True
    except TurnRefused:
        return False


def _start(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    shell = shutil.which("sh")
    assert shell is not None
    return subprocess.run(
        [shell, str(FOLDER / "start.sh")],
        env={"PATH": "/usr/bin:/bin"} | environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
