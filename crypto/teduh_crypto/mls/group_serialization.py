"""A group at rest: every secret that a member still needs, and none that it has consumed.

    "TGRP" | version | epoch | secret tree | proposals | past epochs | psks

The bytes are as secret as the group itself; whoever stores them encrypts them. To restore an old copy is to
use keys twice and to lose the deletion that forward secrecy rests on: a store keeps the newest copy alone.
The policy is not part of the state and is given anew. Only this library reads the format; another version
of it is refused.
"""

from __future__ import annotations

from typing import Final

from teduh_crypto.exceptions import DecodingError
from teduh_crypto.hazmat.ciphersuite import CIPHER_SUITES, CipherSuite
from teduh_crypto.hazmat.secret import HpkePrivateKey
from teduh_crypto.mls.codec import (
    Reader,
    end_vector,
    write_opaque,
    write_uint8,
    write_uint16,
    write_uint32,
    write_uint64,
)
from teduh_crypto.mls.framing import Sender
from teduh_crypto.mls.group_context import GroupContext
from teduh_crypto.mls.group_policy import GroupPolicy
from teduh_crypto.mls.group_state import Epoch, GroupState, PastEpoch, PendingProposal
from teduh_crypto.mls.key_schedule import EpochSecrets
from teduh_crypto.mls.message_protection import EpochFraming
from teduh_crypto.mls.proposal import ProposalRef, read_proposal, write_proposal
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.secret_tree import HashRatchet, MessageKey, SecretTree
from teduh_crypto.mls.tree_math import LeafIndex, NodeIndex
from teduh_crypto.mls.treekem import TreePrivateKeys

_MAGIC: Final = b"TGRP"
_VERSION: Final = 1


def state_to_bytes(state: GroupState) -> bytes:
    """The whole state but its policy, secrets included."""
    out = bytearray(_MAGIC)
    write_uint16(out, _VERSION)
    write_uint8(out, state.is_member)
    _write_epoch(out, state.epoch)
    _write_secret_tree(out, state.secret_tree)
    _write_proposals(out, state)
    start = len(out)
    for past in state.past:
        _write_past_epoch(out, past)
    end_vector(out, start)
    _write_psks(out, state)
    return bytes(out)


def state_from_bytes(data: bytes, policy: GroupPolicy) -> GroupState:
    """The state in `data`; raises DecodingError, or the error of a key or tree that is not one."""
    reader = Reader(bytes(data))
    if reader.take(len(_MAGIC)) != _MAGIC or reader.uint16() != _VERSION:
        raise DecodingError("these bytes are not a group, or one of another version")
    is_member = reader.uint8() == 1
    epoch = _read_epoch(reader)
    suite = epoch.suite
    state = GroupState(
        epoch,
        policy,
        secret_tree=_read_secret_tree(reader, suite),
        proposals=dict(reader.vector(lambda inner: _read_proposal(inner, suite))),
        past=reader.vector(lambda inner: _read_past_epoch(inner, suite)),
        psks=dict(reader.vector(lambda inner: (inner.opaque(), inner.opaque()))),
        resumption_psks=dict(reader.vector(lambda inner: (inner.uint64(), inner.opaque()))),
        is_member=is_member,
    )
    reader.finish()
    return state


def _write_epoch(out: bytearray, epoch: Epoch) -> None:
    epoch.context.write_to(out)
    write_opaque(out, epoch.tree.to_bytes())
    write_uint32(out, epoch.own_leaf)
    write_opaque(out, epoch.signature_key.raw)
    start = len(out)
    for node, key in epoch.private_keys.keys.items():
        write_uint32(out, node)
        _write_hpke_key(out, key)
    end_vector(out, start)
    _write_secrets(out, epoch.secrets)
    write_opaque(out, epoch.confirmation_tag)


def _read_epoch(reader: Reader) -> Epoch:
    context = GroupContext.read_from(reader)
    suite = CIPHER_SUITES.get(context.cipher_suite)
    if suite is None:
        raise DecodingError("the group uses a cipher suite that is not implemented")
    tree = RatchetTree.from_bytes(suite, reader.opaque())
    own_leaf = LeafIndex(reader.uint32())
    signature_key = suite.load_signature_key(reader.opaque())
    keys = dict(reader.vector(lambda inner: (NodeIndex(inner.uint32()), _read_hpke_key(inner, suite))))
    secrets = _read_secrets(reader)
    held = TreePrivateKeys(own_leaf, keys)
    return Epoch.of(suite, context, tree, own_leaf, signature_key, held, secrets, reader.opaque())


def _write_hpke_key(out: bytearray, key: HpkePrivateKey) -> None:
    write_opaque(out, key.raw)
    write_opaque(out, key.public)


def _read_hpke_key(reader: Reader, suite: CipherSuite) -> HpkePrivateKey:
    return suite.load_hpke_key(reader.opaque(), reader.opaque())


def _write_secrets(out: bytearray, secrets: EpochSecrets) -> None:
    for secret in (
        secrets.sender_data_secret,
        secrets.exporter_secret,
        secrets.external_secret,
        secrets.confirmation_key,
        secrets.membership_key,
        secrets.resumption_psk,
        secrets.epoch_authenticator,
        secrets.init_secret,
    ):
        write_opaque(out, secret)


def _read_secrets(reader: Reader) -> EpochSecrets:
    return EpochSecrets(
        sender_data_secret=reader.opaque(),
        exporter_secret=reader.opaque(),
        external_secret=reader.opaque(),
        confirmation_key=reader.opaque(),
        membership_key=reader.opaque(),
        resumption_psk=reader.opaque(),
        epoch_authenticator=reader.opaque(),
        init_secret=reader.opaque(),
    )


def _write_secret_tree(out: bytearray, tree: SecretTree) -> None:
    write_uint8(out, tree.levels)
    start = len(out)
    for node, secret in tree.nodes.items():
        write_uint32(out, node)
        write_opaque(out, secret)
    end_vector(out, start)
    start = len(out)
    for (leaf, kind), ratchet in tree.ratchets.items():
        write_uint32(out, leaf)
        write_uint8(out, kind)
        _write_ratchet(out, ratchet)
    end_vector(out, start)


def _read_secret_tree(reader: Reader, suite: CipherSuite) -> SecretTree:
    levels = reader.uint8()
    nodes = dict(reader.vector(lambda inner: (inner.uint32(), inner.opaque())))
    ratchets = dict(reader.vector(lambda inner: ((inner.uint32(), inner.uint8()), _read_ratchet(inner))))
    return SecretTree(suite, levels, nodes, ratchets)


def _write_ratchet(out: bytearray, ratchet: HashRatchet) -> None:
    write_opaque(out, ratchet.secret)
    # The generation after the last is one more than 32 bits hold.
    write_uint64(out, ratchet.generation)
    start = len(out)
    for message_key in ratchet.skipped.values():
        write_uint32(out, message_key.generation)
        write_opaque(out, message_key.key)
        write_opaque(out, message_key.nonce)
    end_vector(out, start)


def _read_ratchet(reader: Reader) -> HashRatchet:
    secret, generation = reader.opaque(), reader.uint64()
    keys = reader.vector(lambda inner: MessageKey(inner.uint32(), inner.opaque(), inner.opaque()))
    return HashRatchet(secret, generation, {key.generation: key for key in keys})


def _write_proposals(out: bytearray, state: GroupState) -> None:
    start = len(out)
    for reference, pending in state.proposals.items():
        write_opaque(out, reference)
        write_proposal(out, pending.proposal)
        pending.sender.write_to(out)
        _write_update_keys(out, pending)
    end_vector(out, start)


def _write_update_keys(out: bytearray, pending: PendingProposal) -> None:
    if pending.encryption_key is None or pending.signature_key is None:
        write_uint8(out, 0)
        return
    write_uint8(out, 1)
    _write_hpke_key(out, pending.encryption_key)
    write_opaque(out, pending.signature_key.raw)


def _read_proposal(reader: Reader, suite: CipherSuite) -> tuple[ProposalRef, PendingProposal]:
    reference, proposal = ProposalRef(reader.opaque()), read_proposal(reader)
    sender = Sender.read_from(reader)
    if reader.uint8() == 0:
        return reference, PendingProposal(proposal, sender)
    encryption_key = _read_hpke_key(reader, suite)
    signature_key = suite.load_signature_key(reader.opaque())
    return reference, PendingProposal(proposal, sender, encryption_key, signature_key)


def _write_past_epoch(out: bytearray, past: PastEpoch) -> None:
    write_opaque(out, past.framing.group_context)
    write_opaque(out, past.framing.sender_data_secret)
    write_opaque(out, past.tree.to_bytes())
    _write_secret_tree(out, past.secret_tree)


def _read_past_epoch(reader: Reader, suite: CipherSuite) -> PastEpoch:
    context = GroupContext.from_bytes(reader.opaque())
    framing = EpochFraming.of(suite, context, reader.opaque(), b"")
    tree = RatchetTree.from_bytes(suite, reader.opaque())
    return PastEpoch(context.epoch, framing, tree, _read_secret_tree(reader, suite))


def _write_psks(out: bytearray, state: GroupState) -> None:
    start = len(out)
    for psk_id, psk in state.psks.items():
        write_opaque(out, psk_id)
        write_opaque(out, psk)
    end_vector(out, start)
    start = len(out)
    for epoch, psk in state.resumption_psks.items():
        write_uint64(out, epoch)
        write_opaque(out, psk)
    end_vector(out, start)
