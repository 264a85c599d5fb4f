"""Do all members hold the same keys? After each commit everybody says what she sees of the new epoch.

    digest = H(label || epoch_authenticator)        RFC 9420, 8.7; H is the hash of the cipher suite

A member that was led into another epoch could not even read the message: to the others it is silent. So
whoever has not confirmed an epoch after a minute is named to people:

    epoch begins ── all are awaited ── 60 s ──> late, until it confirms this epoch or a later one
                          └── confirms ──> no more awaited

What counts is time in which we are connected and nothing says that the other is not. A relay could say that;
people are told so then, and that is no silence either.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Final

from teduh_crypto.mls import Group
from teduh_signaling.chat.messages import Beginning, EpochAcknowledgement

from teduh_sdk.exceptions import EpochsDiffer

LABEL: Final = b"teduh epoch acknowledgement 1"
CONFIRM_SECONDS: Final = 60
"""After so long somebody who has not confirmed an epoch is late."""
_LONGEST_STEP: Final = 10
"""Seconds from one look to the next that count at most: a device that slept in between was not connected."""


def acknowledgement_of(
    group: Group, beginnings: tuple[Beginning, ...] = (), *, can_call: bool = True
) -> EpochAcknowledgement:
    """What we say of the present epoch, and of ourselves to whoever is in it."""
    digest = group.cipher_suite.hash(LABEL + group.epoch_authenticator)
    return EpochAcknowledgement(group.epoch, digest, beginnings, cannot_call=not can_call)


def check_acknowledgement(group: Group, said: EpochAcknowledgement) -> None:
    """Compare what a member says of our present epoch with ours; raises `EpochsDiffer`."""
    ours = acknowledgement_of(group)
    if said.epoch != ours.epoch or not hmac.compare_digest(said.digest, ours.digest):
        raise EpochsDiffer("a member of the conversation does not hold the same keys")


@dataclass(slots=True)
class EpochAgreement:
    """Which of the others, by device key, have confirmed the present epoch, and who is late in doing so."""

    confirmed: set[bytes] = field(default_factory=set)
    late: frozenset[bytes] = frozenset()
    _waited: dict[bytes, int] = field(default_factory=dict)
    _looked: int | None = None

    def enter(self) -> None:
        """A new epoch begins, which nobody has confirmed. Who was awaited has been since before."""
        self.confirmed.clear()

    def confirm(self, device_key: bytes) -> None:
        """This member holds the keys of the present epoch."""
        self.confirmed.add(device_key)

    def disconnected(self) -> None:
        """We are not connected; a new minute begins when we are."""
        self._waited.clear()
        self._looked = None

    def look(self, others: frozenset[bytes], absent: frozenset[bytes], now: int) -> bool:
        """Count the time up to `now` (seconds), and tell whether `late` has changed.

        `absent` are those of the others who are said not to be connected. Called while we are connected,
        every few seconds at least.
        """
        step = 0 if self._looked is None else min(max(now - self._looked, 0), _LONGEST_STEP)
        self._looked = now
        awaited = others - self.confirmed
        self._waited = {
            key: self._waited[key] + step if key in self._waited else 0 for key in awaited - absent
        }
        due = {key for key, waited in self._waited.items() if waited >= CONFIRM_SECONDS}
        before, self.late = self.late, frozenset((self.late & awaited) | due)
        return self.late != before
