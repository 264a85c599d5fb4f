"""How members come into the group and go: key packages, first states, and what a commit may do.

A change names people, not leaves, so that it can be tried again after somebody else's commit; it becomes
proposals only against the room of the moment, and nothing at all when it has become pointless.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from teduh_crypto import mls
from teduh_crypto.credentials import STAFF_CREDENTIAL_TYPE, device_id
from teduh_crypto.exceptions import InvalidKeyPackage, InvalidWelcome
from teduh_crypto.mls import (
    Add,
    BasicCredential,
    Capabilities,
    CipherSuite,
    Credential,
    Group,
    GroupPolicy,
    KeyPackage,
    KeyPackageBundle,
    LeafIndex,
    Lifetime,
    MLSMessage,
    Proposal,
    Remove,
    SignaturePrivateKey,
    Welcome,
    cipher_suite,
)

from teduh_sdk.group.room import Room

HYBRID_SUITE: Final = 0xF0B2
CLASSIC_SUITE: Final = 0x0001
SUITES: Final = frozenset({HYBRID_SUITE, CLASSIC_SUITE})
"""What a conversation may use; both sign with Ed25519, the key of a staff statement."""

# The relay's log is strictly ordered by epoch, so nothing ever comes late from a past one. What may be
# committed is what the web SDK takes (`commitInspection.ts`); tests/vectors/commit_rules.json has the cases.
GROUP_POLICY: Final = GroupPolicy(
    past_epochs=0,
    proposals=frozenset({Add.proposal_type, Remove.proposal_type}),
    allow_proposals_alone=False,
    group_extensions=frozenset(),
    credential_types=frozenset({BasicCredential.credential_type, STAFF_CREDENTIAL_TYPE}),
    most_leaves=64,
)

_CLOCK_ALLOWANCE: Final = 30 * 24 * 3600
"""Seconds: borrowed phones are hours and days off, and nobody is added by a key package that begins later."""
SURVIVOR_REFRESH: Final = 0xF7EE
"""A private-use extension type; among a leaf's capabilities: its client follows a survivor's refresh."""
KEY_PACKAGE_LIFETIME: Final = 14 * 24 * 3600
"""Seconds that a key package may be used."""


@dataclass(frozen=True, slots=True)
class AddMember:
    """Bring in the device of this key package; `by_capability` tells that it is the survivor's.

    `instead_of` are the keys of those who go by the same commit. Only the survivor's device does that.
    """

    key_package: KeyPackage = field(repr=False)
    by_capability: bool = False
    instead_of: frozenset[bytes] = frozenset()

    def relay_members(self, room: Room) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """The device ids that the relay must let in, and those that it must let go."""
        if self.by_capability:
            return (), ()
        removed = tuple(one.device_id for one in room.staff if one.device_key in self.instead_of)
        return (device_id(self.key_package.leaf_node.signature_key),), removed


@dataclass(frozen=True, slots=True)
class RemoveMember:
    """Take out the member with this signature key."""

    device_key: bytes

    def relay_members(self, room: Room) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """As `AddMember.relay_members`."""
        someone = room.with_key(self.device_key)
        return (), () if someone is None or someone.is_survivor else (someone.device_id,)


@dataclass(frozen=True, slots=True)
class Refresh:
    """Only new keys in our leaf: what was copied before is worth nothing after (`leaf_key_age`)."""

    def relay_members(self, _: Room) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """As `AddMember.relay_members`."""
        return (), ()


Change = AddMember | RemoveMember | Refresh


def proposals_for(change: Change, room: Room) -> tuple[Proposal, ...] | None:
    """What to commit for `change` in this room; None when there is nothing left to do."""
    match change:
        case AddMember(key_package, _, instead_of):
            if room.with_key(key_package.leaf_node.signature_key) is not None:
                return None
            gone = (one.leaf_index for one in room.staff if one.device_key in instead_of)
            return (*(Remove(LeafIndex(leaf)) for leaf in gone), Add(key_package))
        case RemoveMember(device_key):
            someone = room.with_key(device_key)
            return None if someone is None else (Remove(LeafIndex(someone.leaf_index)),)
        case Refresh():
            return ()


def new_key_package(
    suite: CipherSuite, credential: Credential, signature_key: SignaturePrivateKey, now: int
) -> KeyPackageBundle:
    """A fresh key package for this credential, and the private keys behind it."""
    lifetime = Lifetime(max(0, now - _CLOCK_ALLOWANCE), now + KEY_PACKAGE_LIFETIME)
    capabilities = capabilities_for(suite)
    return mls.new_key_package(suite, credential, signature_key, capabilities=capabilities, lifetime=lifetime)


def capabilities_for(suite: CipherSuite) -> Capabilities:
    """What every member can do: its suite, the two kinds of credentials, follow a survivor's refresh."""
    credentials = (BasicCredential.credential_type, STAFF_CREDENTIAL_TYPE)
    return Capabilities(cipher_suites=(suite.code,), extensions=(SURVIVOR_REFRESH,), credentials=credentials)


def new_group(conversation_id: bytes, suite_code: int, credential: Credential, signature_key: bytes) -> Group:
    """A group with us alone in it, at epoch 0; `signature_key` is the raw private key."""
    suite = cipher_suite(suite_code)
    return Group.create(
        suite,
        conversation_id,
        credential,
        suite.load_signature_key(signature_key),
        capabilities=capabilities_for(suite),
        policy=GROUP_POLICY,
    )


def key_package_to_wire(key_package: KeyPackage) -> bytes:
    """A key package as the relay carries it: an MLSMessage."""
    return MLSMessage(key_package).to_bytes()


def key_package_from_wire(data: bytes) -> KeyPackage:
    """Read a key package of a suite that we use; its signature and lifetime are checked when it is added.

    Raises a `RemoteError`.
    """
    body = MLSMessage.from_bytes(data).body
    if not isinstance(body, KeyPackage) or body.cipher_suite not in SUITES:
        raise InvalidKeyPackage("not a key package of a cipher suite that conversations use")
    return body


def bundle_for(welcome: bytes, bundles: Sequence[KeyPackageBundle]) -> KeyPackageBundle:
    """Which of our key packages a Welcome answers; raises a `RemoteError` if it is none of them."""
    body = MLSMessage.from_bytes(welcome).body
    if not isinstance(body, Welcome):
        raise InvalidWelcome("the message is not a welcome")
    named = {secrets.new_member for secrets in body.secrets}
    for bundle in bundles:
        suite = cipher_suite(bundle.key_package.cipher_suite)
        if bundle.key_package.reference(suite) in named:
            return bundle
    raise InvalidWelcome("the welcome is for none of our key packages")
