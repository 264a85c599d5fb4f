"""Do all members hold the same keys? After each commit everybody says what she sees of the new epoch.

    digest = H(label || epoch_authenticator)        RFC 9420, 8.7; H is the hash of the cipher suite

A member that was led into another epoch could not even read the message; this says it in so many words, and
tells those who did arrive that the others did too.
"""

from __future__ import annotations

import hmac
from typing import Final

from teduh_crypto.mls import Group
from teduh_signaling.chat.messages import Beginning, EpochAcknowledgement

from teduh_sdk.exceptions import EpochsDiffer

LABEL: Final = b"teduh epoch acknowledgement 1"


def acknowledgement_of(group: Group, beginnings: tuple[Beginning, ...] = ()) -> EpochAcknowledgement:
    """What we say of the present epoch."""
    digest = group.cipher_suite.hash(LABEL + group.epoch_authenticator)
    return EpochAcknowledgement(epoch=group.epoch, digest=digest, beginnings=beginnings)


def check_acknowledgement(group: Group, said: EpochAcknowledgement) -> None:
    """Compare what a member says of our present epoch with ours; raises `EpochsDiffer`."""
    ours = acknowledgement_of(group)
    if said.epoch != ours.epoch or not hmac.compare_digest(said.digest, ours.digest):
        raise EpochsDiffer("a member of the conversation does not hold the same keys")
