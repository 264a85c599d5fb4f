"""The key schedule (RFC 9420, section 8): from one epoch's secret to the next.

Every commit mixes three ingredients, so that whoever misses one of them (a removed member misses the
commit secret, a newcomer the old init secret, an outsider the pre-shared keys) cannot reach the epoch.

                      init_secret_[n-1]
                            |
      commit_secret --> Extract
                            |
                    Expand "joiner", GroupContext_[n]
                            |
                      joiner_secret               (sent to new members inside the Welcome)
                            |
      psk_secret ----> Extract --> "welcome" = welcome_secret
                            |
                    Expand "epoch", GroupContext_[n]
                            |
                      epoch_secret --> sender data, encryption, exporter, external, confirm,
                                       membership, resumption, authentication, init_secret_[n]

What is consumed on the way (commit, joiner and epoch secret) is returned to nobody but the one who must
pass it on, and the encryption secret stands apart from the rest because the secret tree swallows it.
"""

from __future__ import annotations

from dataclasses import dataclass

from teduh_crypto.hazmat.ciphersuite import CipherSuite
from teduh_crypto.hazmat.secret import HpkePrivateKey


@dataclass(frozen=True, slots=True, repr=False)
class EpochSecrets:
    """The secrets a member keeps for as long as it lives in an epoch; each is Nh bytes.

    Neither the epoch secret nor the encryption secret is among them (RFC 9420, 9.2).
    """

    sender_data_secret: bytes
    exporter_secret: bytes
    external_secret: bytes
    confirmation_key: bytes
    membership_key: bytes
    resumption_psk: bytes
    epoch_authenticator: bytes
    init_secret: bytes

    def __repr__(self) -> str:
        return "EpochSecrets(...)"

    @staticmethod
    def derive(suite: CipherSuite, epoch_secret: bytes) -> EpochSecrets:
        """The secrets of RFC 9420, table 4, except the encryption secret."""

        def secret(label: bytes) -> bytes:
            return suite.derive_secret(epoch_secret, label)

        return EpochSecrets(
            sender_data_secret=secret(b"sender data"),
            exporter_secret=secret(b"exporter"),
            external_secret=secret(b"external"),
            confirmation_key=secret(b"confirm"),
            membership_key=secret(b"membership"),
            resumption_psk=secret(b"resumption"),
            epoch_authenticator=secret(b"authentication"),
            init_secret=secret(b"init"),
        )


@dataclass(frozen=True, slots=True, repr=False)
class EpochKeys:
    """One run of the key schedule: what stays, and what its caller must consume at once."""

    secrets: EpochSecrets
    encryption_secret: bytes
    welcome_secret: bytes

    def __repr__(self) -> str:
        return "EpochKeys(...)"


def joiner_secret(
    suite: CipherSuite, init_secret: bytes, commit_secret: bytes, group_context: bytes
) -> bytes:
    """The secret that a Welcome carries to the new members; `group_context` is the new epoch's, encoded."""
    extracted = suite.extract(init_secret, commit_secret)
    return suite.expand_with_label(extracted, b"joiner", group_context, suite.hash_length)


def welcome_secret(suite: CipherSuite, joiner: bytes, psk_secret: bytes) -> bytes:
    """The secret under which the GroupInfo of a Welcome is sealed; a joiner needs it first of all."""
    return suite.derive_secret(suite.extract(joiner, psk_secret), b"welcome")


def epoch_keys(suite: CipherSuite, joiner: bytes, psk_secret: bytes, group_context: bytes) -> EpochKeys:
    """From the joiner secret to the keys of the epoch that `group_context` (encoded) describes."""
    member_secret = suite.extract(joiner, psk_secret)
    epoch_secret = suite.expand_with_label(member_secret, b"epoch", group_context, suite.hash_length)
    return EpochKeys(
        secrets=EpochSecrets.derive(suite, epoch_secret),
        encryption_secret=suite.derive_secret(epoch_secret, b"encryption"),
        welcome_secret=suite.derive_secret(member_secret, b"welcome"),
    )


def first_epoch_keys(suite: CipherSuite, epoch_secret: bytes) -> EpochKeys:
    """The keys of epoch 0, whose epoch secret its creator draws at random (RFC 9420, section 11)."""
    return EpochKeys(
        secrets=EpochSecrets.derive(suite, epoch_secret),
        encryption_secret=suite.derive_secret(epoch_secret, b"encryption"),
        welcome_secret=b"",
    )


def welcome_key_and_nonce(suite: CipherSuite, secret: bytes) -> tuple[bytes, bytes]:
    """Key and nonce of `Welcome.encrypted_group_info` (RFC 9420, 12.4.3.1)."""
    return suite.key_and_nonce(secret, b"")


def export(suite: CipherSuite, exporter_secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """MLS-Exporter (RFC 9420, 8.5): `length` bytes bound to label, context and epoch."""
    labelled = suite.derive_secret(exporter_secret, label)
    return suite.expand_with_label(labelled, b"exported", suite.hash(context), length)


def external_key(suite: CipherSuite, external_secret: bytes) -> HpkePrivateKey:
    """The key pair that the whole group holds, to which a newcomer's external commit is addressed."""
    return suite.derive_hpke_key(external_secret)
