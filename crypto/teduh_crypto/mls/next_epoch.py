"""The turn from one epoch to the next, the same for whoever makes it.

    proposals applied --> [path: new keys] --> provisional context, for the path's ciphertexts
            |                                   (new tree and extensions, OLD transcript hash)
            v
    signed commit --> transcript hash --> new context --> key schedule --> confirmation tag

A committer writes the tag into the message, everybody else compares it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from teduh_crypto.exceptions import UnknownPsk
from teduh_crypto.hazmat.ciphersuite import CipherSuite
from teduh_crypto.hazmat.secret import SignaturePrivateKey
from teduh_crypto.mls.extension import Extensions
from teduh_crypto.mls.group_context import GroupContext
from teduh_crypto.mls.group_state import Epoch, GroupState
from teduh_crypto.mls.key_schedule import EpochKeys, epoch_keys, joiner_secret
from teduh_crypto.mls.message_protection import SignedContent
from teduh_crypto.mls.psk import ExternalPSK, PreSharedKeyID, ResumptionPSK
from teduh_crypto.mls.psk_secret import psk_secret
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.transcript_hash import confirmed_transcript_hash
from teduh_crypto.mls.tree_math import LeafIndex
from teduh_crypto.mls.treekem import TreePrivateKeys


@dataclass(frozen=True, slots=True, repr=False)
class KeyInputs:
    """What the key schedule mixes; each is Nh bytes."""

    init_secret: bytes
    commit_secret: bytes
    psk_secret: bytes

    def __repr__(self) -> str:
        return "KeyInputs(...)"


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a member sits in the new tree, and with which private keys."""

    tree: RatchetTree
    own_leaf: LeafIndex
    private_keys: TreePrivateKeys
    signature_key: SignaturePrivateKey


@dataclass(frozen=True, slots=True, repr=False)
class NextEpoch:
    """A new epoch and the secrets that its maker still has to pass on or to consume."""

    epoch: Epoch
    keys: EpochKeys
    joiner_secret: bytes

    def __repr__(self) -> str:
        return f"NextEpoch({self.epoch!r})"


def provisional_context(before: GroupContext, tree: RatchetTree, extensions: Extensions) -> bytes:
    """The encoded context to which a path's ciphertexts are bound (RFC 9420, 12.4.1)."""
    # RFC 9420, 12.4.1: the confirmed transcript hash is still the old one, all the rest is new.
    provisional = replace(before, epoch=before.epoch + 1, tree_hash=tree.tree_hash(), extensions=extensions)
    return provisional.to_bytes()


def open_epoch(
    before: Epoch, signed: SignedContent, extensions: Extensions, seat: Seat, inputs: KeyInputs
) -> NextEpoch:
    """The epoch that the commit `signed` opens; its own confirmation tag is neither needed nor believed."""
    suite = before.suite
    confirmed = confirmed_transcript_hash(suite, before.interim_transcript_hash, signed.transcript_input())
    context = GroupContext(
        cipher_suite=suite.code,
        group_id=before.context.group_id,
        epoch=before.context.epoch + 1,
        tree_hash=seat.tree.tree_hash(),
        confirmed_transcript_hash=confirmed,
        extensions=extensions,
    )
    encoded = context.to_bytes()
    joiner = joiner_secret(suite, inputs.init_secret, inputs.commit_secret, encoded)
    keys = epoch_keys(suite, joiner, inputs.psk_secret, encoded)
    tag = suite.mac(keys.secrets.confirmation_key, confirmed)
    epoch = Epoch.of(
        suite,
        context,
        seat.tree,
        seat.own_leaf,
        seat.signature_key,
        seat.private_keys,
        keys.secrets,
        tag,
    )
    return NextEpoch(epoch, keys, joiner)


def psk_secret_of(state: GroupState, identifiers: Sequence[PreSharedKeyID]) -> bytes:
    """The psk_secret for a list of proposals, in its order; raises UnknownPsk for one we do not hold."""
    return psk_secret(
        state.epoch.suite, [(identifier, _psk(state, identifier)) for identifier in identifiers]
    )


def external_psk_secret(
    suite: CipherSuite, psks: Mapping[bytes, bytes], identifiers: Sequence[PreSharedKeyID]
) -> bytes:
    """The psk_secret of somebody who is just joining, and so knows no resumption keys; raises UnknownPsk."""
    return psk_secret(suite, [(identifier, _external_psk(psks, identifier)) for identifier in identifiers])


def _psk(state: GroupState, identifier: PreSharedKeyID) -> bytes:
    match identifier.psk:
        case ResumptionPSK(_, psk_group_id, psk_epoch):
            return _resumption_psk(state, psk_group_id, psk_epoch)
        case ExternalPSK():
            return _external_psk(state.psks, identifier)


def _resumption_psk(state: GroupState, group_id: bytes, epoch: int) -> bytes:
    context = state.epoch.context
    if group_id != context.group_id:
        raise UnknownPsk("a resumption key of another group is not at hand")
    if epoch == context.epoch:
        return state.epoch.secrets.resumption_psk
    secret = state.resumption_psks.get(epoch)
    if secret is None:
        raise UnknownPsk(f"the resumption key of epoch {epoch} is not at hand")
    return secret


def _external_psk(psks: Mapping[bytes, bytes], identifier: PreSharedKeyID) -> bytes:
    secret = psks.get(identifier.psk.psk_id) if isinstance(identifier.psk, ExternalPSK) else None
    if secret is None:
        raise UnknownPsk("a pre-shared key is named that was not given to us")
    return secret
