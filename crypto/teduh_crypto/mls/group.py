"""A group as its application holds it: one frozen value per state, and operations that give the next.

        Group.create --+                       +-- protect -----> (Group, message)
                       +--> Group (epoch n) ---+-- unprotect ---> (Group, what came)
        Group.join ----+                       +-- propose -----> (Group, message)
                                               +-- commit ------> PendingCommit: .group if accepted,
                                                                               .if_refused if not

A state is spent once (`succession`): from one that has sent, or that another has followed, nothing is sent or
read any more, for two messages from one state would use one key. The roster of a state that `unprotect` gives
should be checked before it is adopted (`members`).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from teduh_crypto.exceptions import UnknownMember
from teduh_crypto.hazmat.ciphersuite import CipherSuite
from teduh_crypto.hazmat.secret import SignaturePrivateKey
from teduh_crypto.mls import key_schedule
from teduh_crypto.mls.credential import Credential
from teduh_crypto.mls.extension import Extension, Extensions
from teduh_crypto.mls.external_join import ExternalJoiner, join_by_external_commit
from teduh_crypto.mls.framing import MLSMessage, WireFormat
from teduh_crypto.mls.group_commit import CommitOptions, FramingOptions, LeafChange, create_commit
from teduh_crypto.mls.group_join import JoinOptions, create_group, join_by_welcome
from teduh_crypto.mls.group_message import own_update, propose, protect, unprotect
from teduh_crypto.mls.group_policy import GroupPolicy
from teduh_crypto.mls.group_serialization import state_from_bytes, state_to_bytes
from teduh_crypto.mls.group_state import GroupState, PendingProposal
from teduh_crypto.mls.key_package import KeyPackageBundle
from teduh_crypto.mls.leaf_node import Capabilities, Lifetime
from teduh_crypto.mls.new_client import default_capabilities, new_leaf_node
from teduh_crypto.mls.private_message import Padding, no_padding
from teduh_crypto.mls.proposal import Proposal
from teduh_crypto.mls.psk import PreSharedKeyID
from teduh_crypto.mls.received import CommitReceived, Member, Received, RemovedFromGroup
from teduh_crypto.mls.succession import Succession
from teduh_crypto.mls.tree_math import LeafIndex
from teduh_crypto.mls.welcome_message import signed_group_info

_DEFAULT_POLICY = GroupPolicy()
_NO_CHANGE = LeafChange()


@dataclass(frozen=True, slots=True)
class PendingCommit:
    """A commit that was made and not yet accepted by whoever puts commits in order.

    `message` goes to the members, `welcome` (None when nobody is added) to the new ones, and only once the
    commit is accepted. Then go on with `group`. If it is refused go on with `if_refused`, which is the
    epoch as it was but cannot use the key of the refused message again; it processes the commit that won.
    """

    message: bytes
    welcome: bytes | None
    group: Group
    if_refused: Group


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Group:
    """One member's view of a group in one state.

    Two groups are the same value only if they are the same object: a state is not to be compared.
    Operations raise LocalErrors when they are not allowed, RemoteErrors for what peers have sent. To send or
    read from a state that is spent raises OperationNotAllowed.
    """

    _state: GroupState
    _succession: Succession = field(default_factory=Succession)

    def __repr__(self) -> str:
        return f"<Group {self.group_id.hex()[:16]} epoch {self.epoch} leaf {self.own_leaf_index}>"

    @staticmethod
    def create(
        suite: CipherSuite,
        group_id: bytes,
        credential: Credential,
        signature_key: SignaturePrivateKey,
        *,
        extensions: Extensions = (),
        leaf_extensions: Extensions = (),
        capabilities: Capabilities | None = None,
        lifetime: Lifetime | None = None,
        policy: GroupPolicy = _DEFAULT_POLICY,
    ) -> Group:
        """A new group in epoch 0 whose only member is the caller.

        `group_id` should be random, as long as a hash. Raises OperationNotAllowed when our own leaf does not
        support `extensions`. `capabilities` default to what this library supports.
        """
        leaf_key = suite.generate_hpke_key()
        leaf = new_leaf_node(
            suite,
            credential,
            leaf_key.public,
            signature_key,
            capabilities=capabilities,
            lifetime=lifetime,
            extensions=leaf_extensions,
        )
        return Group(create_group(suite, group_id, leaf, leaf_key, signature_key, extensions, policy))

    @staticmethod
    def join(
        welcome: bytes,
        bundle: KeyPackageBundle,
        *,
        now: int | None = None,
        ratchet_tree: bytes | None = None,
        psks: Mapping[bytes, bytes] | None = None,
        known_groups: Collection[bytes] = (),
        policy: GroupPolicy = _DEFAULT_POLICY,
    ) -> Group:
        """Enter the group of an encoded Welcome that answers the key package of `bundle`.

        `now` is in seconds since the Unix epoch, by default the clock's. `ratchet_tree` is needed only when
        the welcome holds none. `psks` are external pre-shared keys by id. The bundle must not be used
        again. Raises RemoteErrors.
        """
        options = JoinOptions(ratchet_tree, dict(psks or {}), known_groups, policy)
        return Group(join_by_welcome(welcome, bundle, options, _clock(now)))

    @staticmethod
    def join_externally(
        group_info: bytes,
        credential: Credential,
        signature_key: SignaturePrivateKey,
        *,
        now: int | None = None,
        removed: LeafIndex | None = None,
        ratchet_tree: bytes | None = None,
        psks: Mapping[bytes, bytes] | None = None,
        psk_ids: Sequence[PreSharedKeyID] = (),
        known_groups: Collection[bytes] = (),
        capabilities: Capabilities | None = None,
        extensions: Extensions = (),
        authenticated_data: bytes = b"",
        policy: GroupPolicy = _DEFAULT_POLICY,
    ) -> tuple[Group, bytes]:
        """Enter a group uninvited, from an encoded GroupInfo with an `external_pub`.

        Returns the state to adopt once the group has accepted the commit, and the commit. `removed` is the
        leaf of our former self, to be replaced; `psk_ids` are keys among `psks` to mix in. `extensions` are
        our leaf's. Members whose policy forbids external commits refuse it. Raises RemoteErrors.
        """
        supported = default_capabilities() if capabilities is None else capabilities
        joiner = ExternalJoiner(credential, signature_key, supported, extensions, removed, tuple(psk_ids))
        options = JoinOptions(ratchet_tree, dict(psks or {}), known_groups, policy)
        state, commit = join_by_external_commit(group_info, joiner, options, authenticated_data, _clock(now))
        return Group(state), commit

    def to_bytes(self) -> bytes:
        """The state at rest: as secret as the group, and to be encrypted by whoever stores it.

        It holds no key that was used. Restore the newest copy only (see `group_serialization`).
        """
        return state_to_bytes(self._state)

    @staticmethod
    def from_bytes(data: bytes, *, policy: GroupPolicy = _DEFAULT_POLICY) -> Group:
        """The group that `to_bytes` wrote; raises DecodingError for anything else."""
        return Group(state_from_bytes(data, policy))

    @property
    def group_id(self) -> bytes:
        """The id that the creator chose."""
        return self._state.epoch.context.group_id

    @property
    def epoch(self) -> int:
        """The number of the epoch: how many commits led here."""
        return self._state.epoch.context.epoch

    @property
    def cipher_suite(self) -> CipherSuite:
        """The suite of the whole group."""
        return self._state.epoch.suite

    @property
    def own_leaf_index(self) -> LeafIndex:
        """Where we sit. It may be 0."""
        return self._state.epoch.own_leaf

    @property
    def is_member(self) -> bool:
        """False once a commit has removed us; such a group holds no secrets and does nothing more."""
        return self._state.is_member

    @property
    def policy(self) -> GroupPolicy:
        """What this member is willing to take part in."""
        return self._state.policy

    @property
    def extensions(self) -> Extensions:
        """The extensions of the group context."""
        return self._state.epoch.context.extensions

    @property
    def members(self) -> tuple[Member, ...]:
        """The roster of this epoch, by leaf."""
        return tuple(Member(index, leaf) for index, leaf in self._state.epoch.tree.leaves())

    @property
    def pending_proposals(self) -> tuple[Proposal, ...]:
        """Proposals of this epoch that wait for a commit."""
        return tuple(pending.proposal for pending in self._state.proposals.values())

    @property
    def epoch_authenticator(self) -> bytes:
        """Nh bytes, the same for all members who see the same group (RFC 9420, 8.7)."""
        return self._state.epoch.secrets.epoch_authenticator

    @property
    def ratchet_tree(self) -> bytes:
        """The public tree, encoded as a joiner needs it."""
        return self._state.epoch.tree.to_bytes()

    def member(self, leaf_index: LeafIndex) -> Member:
        """The member at a leaf; raises UnknownMember."""
        leaf = self._state.epoch.tree.leaf(leaf_index)
        if leaf is None:
            raise UnknownMember(f"there is no member at leaf {leaf_index}")
        return Member(leaf_index, leaf)

    def export(self, label: str | bytes, context: bytes, length: int) -> bytes:
        """`length` secret bytes for use outside MLS, bound to epoch, label and context (RFC 9420, 8.5)."""
        self._state.require_membership()
        epoch = self._state.epoch
        encoded = label.encode() if isinstance(label, str) else label
        return key_schedule.export(epoch.suite, epoch.secrets.exporter_secret, encoded, context, length)

    def with_policy(self, policy: GroupPolicy) -> Group:
        """The same state under another policy."""
        return Group(self._state._replace(policy=policy), self._succession)

    def with_psk(self, psk_id: bytes, psk: bytes) -> Group:
        """The same state, knowing one more external pre-shared key."""
        return Group(self._state._replace(psks={**self._state.psks, psk_id: psk}), self._succession)

    def protect(
        self, data: bytes, *, authenticated_data: bytes = b"", padding: Padding = no_padding
    ) -> tuple[Group, bytes]:
        """Encrypt application data for the members; returns the next state and the encoded MLSMessage.

        `authenticated_data` travels in the clear and is signed. `padding` maps the length of the plaintext to
        the number of zero bytes to append. Raises OperationNotAllowed.
        """
        self._succession.take()
        state, message = protect(self._state, data, authenticated_data, padding)
        return Group(state, self._succession.spend()), message

    def unprotect(self, message: bytes, *, now: int | None = None) -> tuple[Group, Received]:
        """Read an encoded MLSMessage; returns the next state and what the message was.

        `now` is in seconds since the Unix epoch, by default the clock's; key packages that a commit adds
        must be valid at that time, so for a message out of a log it may be the time at which the log took
        it.

        After a commit, check the roster before adopting the state. When this raises, keep the state that
        there was. Raises RemoteErrors, or OperationNotAllowed once we have been removed.
        """
        self._succession.take()
        state, received = unprotect(self._state, message, _clock(now))
        if isinstance(received, CommitReceived | RemovedFromGroup):
            return Group(state, self._succession.in_next_epoch()), received
        return Group(state, self._succession.in_same_epoch()), received

    def propose(
        self,
        proposal: Proposal,
        *,
        authenticated_data: bytes = b"",
        padding: Padding = no_padding,
        wire_format: WireFormat | None = None,
    ) -> tuple[Group, bytes]:
        """Ask for a change that somebody then commits. For an Update of our own leaf see `propose_update`.

        `wire_format` is by default what the policy says of handshakes.
        """
        pending = PendingProposal(proposal, self._state.epoch.own_sender)
        return self._propose(pending, self._framing(authenticated_data, padding, wire_format))

    def propose_update(
        self,
        change: LeafChange = _NO_CHANGE,
        *,
        authenticated_data: bytes = b"",
        padding: Padding = no_padding,
        wire_format: WireFormat | None = None,
    ) -> tuple[Group, bytes]:
        """Propose a fresh encryption key for our leaf, and what else `change` says."""
        pending = own_update(self._state.epoch, change)
        return self._propose(pending, self._framing(authenticated_data, padding, wire_format))

    def _propose(self, pending: PendingProposal, options: FramingOptions) -> tuple[Group, bytes]:
        self._succession.take()
        state, message = propose(self._state, pending, options)
        return Group(state, self._succession.spend()), message

    def _framing(
        self, authenticated_data: bytes, padding: Padding, wire_format: WireFormat | None
    ) -> FramingOptions:
        return FramingOptions(authenticated_data, padding, wire_format or self.policy.handshakes)

    def commit(
        self,
        proposals: Sequence[Proposal] = (),
        *,
        include_pending: bool = True,
        path: bool | None = None,
        leaf: LeafChange = _NO_CHANGE,
        authenticated_data: bytes = b"",
        padding: Padding = no_padding,
        wire_format: WireFormat | None = None,
        tree_in_welcome: bool = True,
        group_info_extensions: Sequence[Extension] = (),
        now: int | None = None,
    ) -> PendingCommit:
        """Make the next epoch out of `proposals` and, unless told otherwise, those that are pending.

        `path`: False leaves out the committer's fresh keys where RFC 9420 allows it. `leaf` changes our own
        leaf along with the path, for example to rotate the signature key. This state is spent:
        adopt what the relay's answer calls for (see `PendingCommit`). Raises OperationNotAllowed, or the
        RemoteError of a proposal that is not valid.
        """
        options = CommitOptions(path, include_pending, leaf, tree_in_welcome, tuple(group_info_extensions))
        framing = self._framing(authenticated_data, padding, wire_format)
        self._succession.take()
        sent = create_commit(self._state, proposals, options, framing, _clock(now))
        accepted = Group(sent.if_accepted, self._succession.in_next_epoch())
        return PendingCommit(
            sent.message, sent.welcome, accepted, Group(sent.if_refused, self._succession.spend())
        )

    def group_info(
        self,
        *,
        extensions: Sequence[Extension] = (),
        with_tree: bool = True,
        with_external_pub: bool = False,
    ) -> bytes:
        """An encoded MLSMessage with this epoch's GroupInfo, signed by us.

        With `with_external_pub` whoever holds it can join by an external commit, if the members allow that.
        """
        self._state.require_membership()
        epoch = self._state.epoch
        info = signed_group_info(
            epoch,
            epoch.signature_key,
            extensions,
            with_tree=with_tree,
            with_external_pub=with_external_pub,
        )
        return MLSMessage(info).to_bytes()


def _clock(now: int | None) -> int:
    return int(time.time()) if now is None else now
