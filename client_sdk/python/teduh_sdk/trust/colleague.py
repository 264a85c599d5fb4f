"""Other staff who are connected to the relay, as their statements prove them."""

from __future__ import annotations

from dataclasses import dataclass

from teduh_signaling.relay.frames import Availability


@dataclass(frozen=True, slots=True)
class Colleague:
    """A staff device whose statement was verified; invite her by it."""

    device_id: bytes
    name: str
    role: str
    languages: tuple[str, ...]
    skills: tuple[str, ...]
    availability: Availability
    load: int = 0
    """In how many conversations she is, by the relay's word."""
