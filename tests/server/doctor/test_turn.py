"""What `teduh doctor` finds out about TURN servers: real ones, good and bad."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from support.calls.turn_server import TurnServer, known_options, turn_server
from teduh_server.config.call_settings import CallSettings
from teduh_server.doctor.finding import Finding, Level
from teduh_server.doctor.turn import check_server, check_turn

RELAYED = "127.0.0.9"
HARDENED = ("denied-peer-ip=0.0.0.0-255.255.255.255", f"allowed-peer-ip={RELAYED}")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for `localhost` that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = (tmp_path / "certificate.pem", tmp_path / "key.pem")
    files[0].write_bytes(signed.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def settings(turn: TurnServer, **others: object) -> CallSettings:
    return CallSettings(**turn.calls(**others))  # type: ignore[arg-type]  # pydantic checks them


def problems(findings: list[Finding]) -> list[str]:
    return [finding.says for finding in findings if finding.level is Level.PROBLEM]


async def test_good_server_relays_and_refuses_what_it_should_over_udp_and_tcp(tmp_path: Path) -> None:
    with turn_server(tmp_path, allow_loopback_peers=True, relay_address=RELAYED, options=HARDENED) as turn:
        findings = await check_turn(settings(turn))
    assert [finding.about for finding in findings if finding.level is Level.GOOD] == list(turn.urls)
    assert problems(findings) == []


async def test_relayed_address_that_nobody_can_reach_is_told(tmp_path: Path) -> None:
    with turn_server(tmp_path, allow_loopback_peers=True, relay_address=RELAYED, options=HARDENED) as turn:
        findings = await check_server(turn.urls[0], settings(turn))
    (warned,) = (finding for finding in findings if finding.level is Level.WARNING)
    assert RELAYED in warned.says


async def test_server_that_relays_to_everybody_is_a_problem_by_kind_of_address(tmp_path: Path) -> None:
    with turn_server(tmp_path, allow_loopback_peers=True) as turn:
        found = problems(await check_server(turn.urls[0], settings(turn)))
    assert [next(kind for kind in ("loopback", "private", "foreign") if kind in says) for says in found] == [
        "loopback",
        "private",
        "foreign",
    ]
    assert "192.168.0.1" in found[1]
    # Newer ones deny link-local addresses by themselves.
    assert "169.254.169.254" in found[1] or "cli" in known_options()


@pytest.mark.parametrize(
    ("denied", "kind"),
    [
        (("0.0.0.0-9.255.255.255", "11.0.0.0-126.255.255.255", "128.0.0.0-255.255.255.255"), "private"),
        (("0.0.0.0-197.255.255.255",), "foreign"),
    ],
)
async def test_one_open_range_is_enough_to_be_a_problem(
    tmp_path: Path, denied: tuple[str, ...], kind: str
) -> None:
    options = [*(f"denied-peer-ip={each}" for each in denied), f"allowed-peer-ip={RELAYED}"]
    if kind == "private":
        options.append("denied-peer-ip=127.0.0.0-127.255.255.255")
    with turn_server(tmp_path, allow_loopback_peers=True, relay_address=RELAYED, options=options) as turn:
        (found,) = problems(await check_server(turn.urls[0], settings(turn)))
    assert f"to {kind} addresses" in found


async def test_server_that_refuses_its_own_relayed_addresses_cannot_carry_a_call(tmp_path: Path) -> None:
    with turn_server(tmp_path, options=HARDENED[:1]) as turn:
        (found,) = problems(await check_server(turn.urls[0], settings(turn)))
    assert "its own relayed addresses" in found


async def test_another_secret_than_the_relays_is_told_as_such(tmp_path: Path) -> None:
    with turn_server(tmp_path) as turn:
        (found,) = problems(await check_server(turn.urls[1], settings(turn, turn_secret="another one")))
    assert "static-auth-secret" in found


async def test_server_that_asks_for_no_credentials_is_a_problem(tmp_path: Path) -> None:
    with turn_server(tmp_path, takes_anybody=True) as turn:
        found = problems(await check_server(turn.urls[0], settings(turn)))
    assert any("anybody, without credentials" in says for says in found)


async def test_dead_server_is_told_for_each_way_to_reach_it(tmp_path: Path) -> None:
    with turn_server(tmp_path) as turn:
        turn.kill()
        found = problems(await check_turn(settings(turn)))
    assert len(found) == 2
    assert all("cannot be reached" in says for says in found)


async def test_something_else_that_listens_there_is_no_turn_server() -> None:
    """A port that takes TCP connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"turn:127.0.0.1:{silent.getsockname()[1]}?transport=tcp"
        calls = CallSettings(turn_urls=(url,), turn_secret="x")  # type: ignore[arg-type]  # pydantic wraps it
        (found,) = problems(await check_turn(calls))
    assert "does not answer" in found


async def test_certificate_that_nobody_vouches_for_is_a_problem(
    tmp_path: Path, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the same server is good once its certificate is trusted."""
    options = (*HARDENED, f"cert={certificate[0]}", f"pkey={certificate[1]}")
    choices = {"allow_loopback_peers": True, "relay_address": RELAYED, "options": options, "tls": True}
    with turn_server(tmp_path, **choices) as turn:
        url = f"turns:localhost:{turn.tls_port}?transport=tcp"
        calls = settings(turn, turn_urls=(url,))
        (found,) = problems(await check_turn(calls))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        trusted = await check_turn(calls)
    assert "certificate" in found
    assert trusted[0].level is Level.GOOD


async def test_no_turn_server_at_all_is_told_and_so_are_direct_calls() -> None:
    (off,) = await check_turn(CallSettings())
    (direct,) = await check_turn(CallSettings(allow_direct=True))
    assert (off.level, direct.level) == (Level.WARNING, Level.WARNING)
    assert "off" in off.says
    assert "address" in direct.says
