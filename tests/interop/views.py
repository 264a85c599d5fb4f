"""What members of either implementation say about their group, and what can be asked of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BASIC = 1
STAFF_STATEMENT = 0xF7ED


@dataclass(frozen=True, slots=True)
class Person:
    """One member of the roster."""

    leaf: int
    credential_type: int
    content: bytes
    signature_key: bytes


@dataclass(frozen=True, slots=True)
class View:
    """What a member knows of her group in the present epoch; `active` is False once she was removed."""

    group_id: bytes
    epoch: int
    epoch_authenticator: bytes
    own_leaf: int
    active: bool
    members: tuple[Person, ...]

    def shared(self) -> tuple[bytes, int, bytes, tuple[Person, ...]]:
        """The part on which all members must agree."""
        return self.group_id, self.epoch, self.epoch_authenticator, self.members


@dataclass(frozen=True, slots=True)
class Change:
    """A proposal, as a test asks for it."""

    kind: Literal["add", "psk", "remove", "update"]
    key_package: bytes = b""
    leaf: int = 0
    psk_id: bytes = b""
    psk_nonce: bytes = b""

    @staticmethod
    def add(key_package: bytes) -> Change:
        """Add whoever published this key package."""
        return Change("add", key_package=key_package)

    @staticmethod
    def remove(leaf: int) -> Change:
        """Remove the member at this leaf."""
        return Change("remove", leaf=leaf)

    @staticmethod
    def psk(psk_id: bytes, psk_nonce: bytes) -> Change:
        """Mix in a pre-shared key; the nonce is as long as the suite's hash."""
        return Change("psk", psk_id=psk_id, psk_nonce=psk_nonce)

    @staticmethod
    def update() -> Change:
        """Take a new leaf key, for the proposer alone."""
        return Change("update")
