"""What the settings say, and what follows from it that nobody may have meant."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from ipaddress import ip_address

from teduh_crypto.credentials import MalformedToken, Organisation
from yarl import URL

from teduh_server.config.page_settings import InvalidPageSettings, PageSettings
from teduh_server.config.settings import Settings
from teduh_server.doctor.finding import Finding, good, problem, warning


def check_configuration(settings: Settings) -> list[Finding]:
    """Findings about settings that could be read."""
    return [
        *_check_organisation(settings),
        *_check_origins(settings),
        *_check_proxy(settings),
        *_check_secret(settings),
    ]


def _check_organisation(settings: Settings) -> Iterator[Finding]:
    try:
        organisation = Organisation.load(settings.organisation_file)
        PageSettings.load(settings.organisation_file)
    except OSError as error:
        yield problem("organisation", f"{settings.organisation_file} cannot be read: {error.strerror}.")
    except (MalformedToken, InvalidPageSettings, ValueError) as error:
        yield problem("organisation", f"{settings.organisation_file} is no organisation file: {error}.")
    else:
        yield good("organisation", f"{organisation.name}, from {settings.organisation_file}.")


def _check_origins(settings: Settings) -> Iterator[Finding]:
    named = {"public_origin": settings.public_origin, "console_origin": settings.console_origin}
    for name, text in named.items():
        if text is None:
            continue
        origin = URL(text)
        if text != str(origin.origin()):
            yield problem(name, f"{text} is no origin: it consists of scheme, host and port alone.")
        elif origin.scheme != "https" and not _is_loopback(origin.host or ""):
            yield problem(
                name, f"{text} is not https: browsers give its pages no cryptography, and no camera."
            )
        else:
            yield good(name, f"{text}.")
    if settings.public_origin is None and not _is_loopback(settings.listen_host):
        says = "It is not set: staff devices sign the origin, and know the relay by another than the address."
        yield problem("public_origin", says)


def _check_proxy(settings: Settings) -> Iterator[Finding]:
    behind = settings.public_origin is not None and settings.public_origin.startswith("https:")
    if behind and settings.client_address_header is None:
        # The relay itself speaks no TLS.
        says = "It is not set, so that all clients behind the proxy share one rate limit."
        yield warning("client_address_header", says)


def _check_secret(settings: Settings) -> Iterator[Finding]:
    file = settings.calls.turn_secret_file
    if file is None or file.is_relative_to("/run"):
        # What a container or a unit is handed lies in a folder of its own in memory.
        return
    if stat.S_IMODE(file.stat().st_mode) & (stat.S_IRWXO | stat.S_IWGRP):
        yield warning(
            "calls.turn_secret_file", f"Others than its owner can get at {file}: chmod 640 or less."
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
