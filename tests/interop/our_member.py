"""One member of a group, played by `teduh_crypto.mls`, with the face of a `Player`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import assert_never

from interop.views import BASIC, Change, Person, View
from teduh_crypto.credentials import STAFF_CREDENTIAL_TYPE
from teduh_crypto.hazmat.ciphersuite import CipherSuite, cipher_suite
from teduh_crypto.mls.credential import BasicCredential, Credential, OpaqueCredential, X509Credential
from teduh_crypto.mls.framing import MLSMessage, WireFormat
from teduh_crypto.mls.group import Group, PendingCommit
from teduh_crypto.mls.group_commit import LeafChange
from teduh_crypto.mls.group_policy import GroupPolicy
from teduh_crypto.mls.key_package import KeyPackage, KeyPackageBundle
from teduh_crypto.mls.new_client import default_capabilities, new_key_package
from teduh_crypto.mls.proposal import Add, PreSharedKey, Proposal, Remove
from teduh_crypto.mls.psk import ExternalPSK, PreSharedKeyID
from teduh_crypto.mls.received import ApplicationMessage, Member
from teduh_crypto.mls.tree_math import LeafIndex
from teduh_crypto.padding import padding_for

CAPABILITIES = replace(
    default_capabilities(), credentials=(*default_capabilities().credentials, STAFF_CREDENTIAL_TYPE)
)
POLICY = GroupPolicy(allow_public_messages=True, allow_external_commits=True)


@dataclass
class OurMember:
    """A member with the keys of one key package, in no group or in one."""

    suite: CipherSuite
    credential: Credential
    bundle: KeyPackageBundle
    _group: Group | None = field(default=None, repr=False)
    _pending: PendingCommit | None = field(default=None, repr=False)

    @classmethod
    def make(cls, code: int, content: bytes, credential_type: int = BASIC) -> OurMember:
        """A member with fresh keys, who is in no group yet."""
        suite = cipher_suite(code)
        credential: Credential = (
            BasicCredential(content)
            if credential_type == BASIC
            else OpaqueCredential(credential_type, content)
        )
        return cls(
            suite,
            credential,
            new_key_package(suite, credential, suite.generate_signature_key(), capabilities=CAPABILITIES),
        )

    @property
    def group(self) -> Group:
        """The group she is in."""
        assert self._group is not None
        return self._group

    def key_package(self) -> bytes:
        """Her key package."""
        return MLSMessage(self.bundle.key_package).to_bytes()

    def create(self, group_id: bytes) -> None:
        """Create a group of herself alone."""
        self._group = Group.create(
            self.suite,
            group_id,
            self.credential,
            self.bundle.signature_key,
            capabilities=CAPABILITIES,
            policy=POLICY,
        )

    def join(self, welcome: bytes) -> None:
        """Join by a welcome that carries the ratchet tree."""
        self._group = Group.join(welcome, self.bundle, policy=POLICY)

    def join_externally(self, group_info: bytes, *, resync: bool = False) -> bytes:
        """Enter uninvited, in the place of her former self if she resynchronises; returns the commit."""
        self._group, commit = Group.join_externally(
            group_info,
            self.credential,
            self.bundle.signature_key,
            removed=self.group.own_leaf_index if resync else None,
            policy=POLICY,
        )
        return commit

    def group_info(self) -> bytes:
        """A GroupInfo by which others can enter."""
        return self.group.group_info(with_external_pub=True)

    def use_psk(self, psk_id: bytes, secret: bytes) -> None:
        """Know a pre-shared key."""
        self._group = self.group.with_psk(psk_id, secret)

    def store_and_load(self) -> None:
        """Go on from the serialised state, as a device does that was switched off."""
        self._group = Group.from_bytes(self.group.to_bytes(), policy=POLICY)

    def commit(self, *changes: Change, publicly: bool = False) -> tuple[bytes, bytes | None]:
        """Make a commit of these changes and of all that she received; returns (commit, welcome)."""
        self._pending = self.group.commit(
            [_proposal(change) for change in changes], wire_format=_wire_format(publicly), padding=padding_for
        )
        return self._pending.message, self._pending.welcome

    def rotate(self) -> tuple[bytes, bytes | None]:
        """Make a commit that changes her signature key."""
        leaf = LeafChange(signature_key=self.suite.generate_signature_key())
        self._pending = self.group.commit(leaf=leaf)
        return self._pending.message, self._pending.welcome

    def adopt(self) -> None:
        """Move on by the commit she made."""
        assert self._pending is not None
        self._group, self._pending = self._pending.group, None

    def propose(self, change: Change, *, publicly: bool = False) -> bytes:
        """Make a proposal."""
        wire_format = _wire_format(publicly)
        self._group, message = (
            self.group.propose_update(wire_format=wire_format)
            if change.kind == "update"
            else self.group.propose(_proposal(change), wire_format=wire_format)
        )
        return message

    def protect(self, content: bytes, authenticated_data: bytes = b"") -> bytes:
        """Encrypt an application message, padded as conversations are."""
        self._group, message = self.group.protect(
            content, authenticated_data=authenticated_data, padding=padding_for
        )
        return message

    def unprotect(self, message: bytes) -> tuple[bytes | None, bytes]:
        """Process any message; returns (application data or None, authenticated data)."""
        self._group, received = self.group.unprotect(message)
        content = received.data if isinstance(received, ApplicationMessage) else None
        return content, received.authenticated_data

    def export(self, label: str, context: bytes, length: int) -> bytes:
        """The exporter of RFC 9420, 8.5."""
        return self.group.export(label, context, length)

    def view(self) -> View:
        """What she knows of the group."""
        group = self.group
        return View(
            group.group_id,
            group.epoch,
            group.epoch_authenticator,
            group.own_leaf_index,
            group.is_member,
            tuple(map(_person, group.members)),
        )


def _wire_format(publicly: bool) -> WireFormat:
    return WireFormat.PUBLIC_MESSAGE if publicly else WireFormat.PRIVATE_MESSAGE


def _proposal(change: Change) -> Proposal:
    if change.kind == "remove":
        return Remove(LeafIndex(change.leaf))
    if change.kind == "psk":
        return PreSharedKey(PreSharedKeyID(ExternalPSK(change.psk_id), change.psk_nonce))
    assert change.kind == "add", "an Update is proposed, not committed by its author"
    message = MLSMessage.from_bytes(change.key_package)
    assert isinstance(message.body, KeyPackage)
    return Add(message.body)


def _person(member: Member) -> Person:
    credential = member.credential
    return Person(member.leaf_index, credential.credential_type, _content(credential), member.signature_key)


def _content(credential: Credential) -> bytes:
    match credential:
        case BasicCredential(identity):
            return identity
        case OpaqueCredential(_, data):
            return data
        case X509Credential(certificates):
            return b"".join(certificates)
        case _:
            assert_never(credential)
