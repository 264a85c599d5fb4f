"""Making and opening the Welcome and the GroupInfo in it (RFC 9420, 12.4.3).

joiner_secret, psks --> welcome_secret --> key, nonce --> GroupInfo (context, tree, tag), signed
      |                                                            sealed once for all
      +-- GroupSecrets, one for each new member, sealed to the init key of its key package
"""

from __future__ import annotations

from collections.abc import Sequence

from teduh_crypto.exceptions import DecodingError, DecryptionFailed, InvalidWelcome
from teduh_crypto.hazmat.ciphersuite import CipherSuite
from teduh_crypto.hazmat.secret import SignaturePrivateKey
from teduh_crypto.mls.extension import Extension, ExtensionType, ExternalPub
from teduh_crypto.mls.framing import MLSMessage
from teduh_crypto.mls.group_info import GroupInfo
from teduh_crypto.mls.group_state import Epoch
from teduh_crypto.mls.key_package import KeyPackage, KeyPackageBundle
from teduh_crypto.mls.key_schedule import external_key, welcome_key_and_nonce, welcome_secret
from teduh_crypto.mls.next_epoch import NextEpoch
from teduh_crypto.mls.psk import PreSharedKeyID
from teduh_crypto.mls.tree_math import LeafIndex
from teduh_crypto.mls.treekem import StagedPath
from teduh_crypto.mls.update_path import HPKECiphertext
from teduh_crypto.mls.welcome import EncryptedGroupSecrets, GroupSecrets, Welcome

_LABEL = b"Welcome"


def signed_group_info(
    epoch: Epoch,
    signature_key: SignaturePrivateKey,
    extensions: Sequence[Extension] = (),
    *,
    with_tree: bool = True,
    with_external_pub: bool = False,
) -> GroupInfo:
    """The epoch as we vouch for it to somebody who is to join.

    `with_tree` puts the ratchet tree in; `with_external_pub` lets whoever has it join by an external commit.
    """
    listed = list(extensions)
    if with_tree:
        listed.append(Extension(ExtensionType.RATCHET_TREE, epoch.tree.to_bytes()))
    if with_external_pub:
        public = external_key(epoch.suite, epoch.secrets.external_secret).public
        listed.append(ExternalPub(public).to_extension())
    info = GroupInfo(epoch.context, tuple(listed), epoch.confirmation_tag, epoch.own_leaf)
    return info.signed(epoch.suite, signature_key)


def seal_welcome(
    opened: NextEpoch,
    group_info: GroupInfo,
    added: Sequence[tuple[LeafIndex, KeyPackage]],
    staged: StagedPath | None,
    psks: tuple[PreSharedKeyID, ...],
) -> bytes:
    """The encoded MLSMessage that brings in all of `added`; `staged` is the commit's path, if it had one."""
    suite = opened.epoch.suite
    key, nonce = welcome_key_and_nonce(suite, opened.keys.welcome_secret)
    encrypted_group_info = suite.seal(key, nonce, b"", group_info.to_bytes())
    secrets = []
    for leaf_index, key_package in added:
        path_secret = None if staged is None else staged.path_secret_for(leaf_index)
        group_secrets = GroupSecrets(opened.joiner_secret, path_secret, psks).to_bytes()
        # RFC 9420, 12.4.3.1: the encrypted GroupInfo is the context, so that the two cannot be parted.
        parts = suite.encrypt_with_label(key_package.init_key, _LABEL, encrypted_group_info, group_secrets)
        secrets.append(EncryptedGroupSecrets(key_package.reference(suite), HPKECiphertext(*parts)))
    return MLSMessage(Welcome(suite.code, tuple(secrets), encrypted_group_info)).to_bytes()


def open_group_secrets(suite: CipherSuite, welcome: Welcome, bundle: KeyPackageBundle) -> GroupSecrets:
    """Our part of a Welcome; raises InvalidWelcome, DecryptionFailed or DecodingError."""
    if welcome.cipher_suite != bundle.key_package.cipher_suite:
        raise InvalidWelcome("the welcome is for another cipher suite than our key package")
    reference = bundle.key_package.reference(suite)
    for entry in welcome.secrets:
        if entry.new_member == reference:
            sealed = entry.encrypted_group_secrets
            plaintext = suite.decrypt_with_label(
                bundle.init_key, _LABEL, welcome.encrypted_group_info, sealed.kem_output, sealed.ciphertext
            )
            return GroupSecrets.from_bytes(plaintext)
    raise InvalidWelcome("the welcome is not for our key package")


def open_group_info(suite: CipherSuite, welcome: Welcome, joiner: bytes, psk_secret: bytes) -> GroupInfo:
    """The GroupInfo of a Welcome, its signature not yet verified; raises InvalidWelcome."""
    key, nonce = welcome_key_and_nonce(suite, welcome_secret(suite, joiner, psk_secret))
    try:
        return GroupInfo.from_bytes(suite.open(key, nonce, b"", welcome.encrypted_group_info))
    except (DecryptionFailed, DecodingError) as error:
        raise InvalidWelcome("the group info of the welcome does not open") from error
