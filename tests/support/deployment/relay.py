"""What compose.yaml and kubernetes.yaml both tell the relay, read by the relay's own settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from teduh_server.config.settings import Settings
from teduh_server.http.health import health_routes
from teduh_server.redis_store.location import SentinelLocation, parse_location
from teduh_signaling.relay.turn_url import TurnUrl

from support.deployment.settings import SECRET_FILE, names_of_secrets, relay_settings
from support.deployment.whole_document import Such, faults

PORT = 8420
ORGANISATION_FILE = "/etc/teduh/organisation.toml"
DIRECTORY_FILE = "/etc/teduh/directory/directory.json"
DOMAIN, CONSOLE_DOMAIN, TURN_DOMAIN = "help.example", "staff.help.example", "turn.help.example"
TURN_PORT = 3478
VALKEY_PORT, SENTINEL_PORT = 6379, 26379
READY = "/readyz"
LIVES = "/healthz"
SERVED = {route.path for route in health_routes(lambda: True)}
assert {READY, LIVES} <= SERVED


def served_path(path: str) -> Such:
    """The path of a health check, which the relay must really serve."""
    return Such(f"{path}, which the relay serves", lambda value: value == path and value in SERVED)


def faults_of_relay(
    environment: Mapping[str, str],
    folder: Path,
    *,
    sentinels: Sequence[str],
    secret_file: str,
    header: str,
    drain: tuple[int, int],
    others: Mapping[str, Any],
) -> Iterator[str]:
    """Whether the relay is told just what it must be told; `others` are expected settings besides."""
    yield from (f"{name} holds a secret" for name in names_of_secrets(environment))
    if environment.get(SECRET_FILE) != secret_file:
        yield f"{SECRET_FILE} is not {secret_file}"
    try:
        settings = relay_settings(environment, folder)
    except (AssertionError, ValueError) as error:
        yield f"the relay's settings: {error}"
        return
    expected = {
        "listen_host": "0.0.0.0",
        "listen_port": PORT,
        "organisation_file": Path(ORGANISATION_FILE),
        "public_origin": f"https://{DOMAIN}",
        "console_origin": f"https://{CONSOLE_DOMAIN}",
        "store_url": Such("the Sentinels", lambda url: _is_of(url, sentinels)),
        "durability": "replicated",
        "replicas": 1,
        "client_address_header": header,
        "drain_seconds": Such(f"within {drain}", lambda value: drain[0] <= value <= drain[1]),
        "calls": {
            "turn_urls": Such("UDP, then TCP, of the TURN server", _are_of_turn),
            "turn_secret_file": folder / "turn-secret",
        },
        **others,
    }
    yield from faults(_told(settings), expected, "settings")


def _told(settings: Settings) -> dict[str, Any]:
    """What was said, without the defaults."""
    told = settings.model_dump(exclude_unset=True)
    return told | {"durability": told["durability"].value} if "durability" in told else told


def _is_of(url: str, sentinels: Sequence[str]) -> bool:
    """As it is written and as the relay reads it, which takes a port of 0 for none."""
    named = [f"{host}:{SENTINEL_PORT}" for host in sentinels]
    location = parse_location(url)
    assert isinstance(location, SentinelLocation)
    read = [f"{each.host}:{each.port}" for each in location.sentinels]
    return read == named and url == f"redis+sentinel://{','.join(named)}/teduh" and location.name == "teduh"


def _are_of_turn(urls: Sequence[str]) -> bool:
    parsed = [TurnUrl.parse(url) for url in urls]
    return parsed == [
        TurnUrl(secure=False, host=TURN_DOMAIN, port=TURN_PORT, transport="udp"),
        TurnUrl(secure=False, host=TURN_DOMAIN, port=TURN_PORT, transport="tcp"),
    ]
