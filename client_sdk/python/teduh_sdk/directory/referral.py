"""A service of the directory as it is told in a conversation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from teduh_signaling.chat.messages import Referral
from teduh_signaling.directory.format import NEEDS, Service

_MOST_NAME: Final = 128
_MOST_CONTACT: Final = 1000


def referral_to(
    service: Service, directory_version: int, *, message_id: bytes, sent: int, note: str = ""
) -> Referral:
    """What to say of a service in the directory of that version; `sent` in seconds since 1970."""
    return Referral(
        id=message_id,
        sent=sent,
        service=service.name[:_MOST_NAME],
        kind=next((need for need in NEEDS if need in service.needs), "other"),
        contact=_contact(service),
        note=note,
        service_id=UUID(service.id).bytes,
        directory_version=directory_version,
    )


def _contact(service: Service) -> str:
    """One number or address a line; what has no room is left out whole, for half a number reaches somebody
    else.
    """
    lines = ""
    for way in _ways(service):
        longer = f"{lines}\n{way}" if lines else way
        lines = lines if len(longer) > _MOST_CONTACT else longer
    return lines


def _ways(service: Service) -> Iterator[str]:
    yield from (phone.number for phone in service.phones)
    yield from (other.url for other in service.additional_urls)
    yield from (way for way in (service.email, service.url) if way is not None)
