"""The pure-Python package `rfc9420` (optional)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from teduh_crypto.mls import (
    BasicCredential,
    Capabilities,
    KeyPackage,
    LeafNode,
    LeafNodeSource,
    Lifetime,
    cipher_suite,
)

from mls_peers.peer import GROUP_ID, Member, Operation, PeerMissing, PythonPeer

try:
    import rfc9420
    from rfc9420.messages.key_packages import KeyPackage as TheirKeyPackage
    from rfc9420.messages.messages import MLSCiphertext, MLSPlaintext
except ImportError as error:
    raise PeerMissing("rfc9420") from error

SUITE = cipher_suite(1)
CAPABILITIES = Capabilities((1,), (1,), (), (), (1,))


@dataclass(frozen=True)
class Keys:
    """Their library takes key packages as we encode them, and raw private keys."""

    key_package: TheirKeyPackage
    init_key: bytes
    signature_key: bytes

    @staticmethod
    def generate(index: int) -> Keys:
        """Fresh keys in a fresh key package."""
        signature_key = SUITE.generate_signature_key()
        init_key, encryption_key = SUITE.generate_hpke_key(), SUITE.generate_hpke_key()
        leaf = LeafNode(
            encryption_key.public,
            signature_key.public,
            BasicCredential(f"member {index}".encode()),
            CAPABILITIES,
            LeafNodeSource.KEY_PACKAGE,
            Lifetime(0, 2**63 - 1),
        ).signed(SUITE, signature_key)
        ours = KeyPackage(1, SUITE.code, init_key.public, leaf).signed(SUITE, signature_key)
        return Keys(TheirKeyPackage.deserialize(ours.to_bytes()), init_key.raw, signature_key.raw)


class Rfc9420Member:
    """A member as their library sees it."""

    def __init__(self, group: rfc9420.MLSGroup, signature_key: bytes) -> None:
        """Wrap their group."""
        self._group = group
        self._signature_key = signature_key

    def protect(self, data: bytes) -> bytes:
        """An encoded application message."""
        return bytes(self._group.protect(data, self._signature_key).serialize())

    def unprotect(self, message: bytes) -> bytes:
        """The content of an application message."""
        return bytes(self._group.unprotect(MLSCiphertext.deserialize(message))[1])

    def commit(self) -> bytes:
        """An empty commit, adopted."""
        staged = self._group.create_commit(self._signature_key)
        self._group.apply_staged_commit(staged)
        return bytes(staged.commit_message.serialize())

    def process(self, commit: bytes) -> None:
        """Follow a commit."""
        self._group.process_commit(MLSPlaintext.deserialize(commit))


class Rfc9420(PythonPeer):
    """rfc9420, suite 1."""

    name = "rfc9420 (Python)"
    _refusal: Exception | None = None

    def prepare(self, members: int) -> None:
        """Make the warm group; a cold one where it refuses its own members' commits (1.3.0 does)."""
        self._refusal = None
        try:
            super().prepare(members)
        except rfc9420.RFC9420Error as refusal:
            self._refusal = refusal
            self._members = self.found(members, [0, 1])()

    def time(self, operation: Operation, count: int) -> float:
        """Run the operation; commits raise what the library raised when its member 1 had to follow one."""
        if self._refusal is not None and operation in (Operation.COMMIT, Operation.PROCESS):
            raise self._refusal
        return super().time(operation, count)

    def found(self, members: int, joined: Sequence[int]) -> Callable[[], dict[int, Member]]:
        """Keys and key packages now, the group when called."""
        config = rfc9420.GroupConfig(
            crypto_provider=rfc9420.DefaultCryptoProvider(),
            storage_provider=rfc9420.MemoryStorageProvider(),
        )
        keys = [Keys.generate(index) for index in range(members)]

        def found() -> dict[int, Member]:
            founder = rfc9420.MLSGroup.create(config, GROUP_ID, keys[0].key_package)
            for other in keys[1:]:
                founder.process_proposal(founder.add(other.key_package, keys[0].signature_key), 0)
            staged = founder.create_commit(keys[0].signature_key)
            founder.apply_staged_commit(staged)
            group: dict[int, Member] = {0: Rfc9420Member(founder, keys[0].signature_key)}
            for leaf in joined:
                if leaf != 0:
                    mine = keys[leaf]
                    joining = rfc9420.MLSGroup.join_from_welcome(
                        config, staged.welcomes[0], mine.init_key, mine.key_package
                    )
                    group[leaf] = Rfc9420Member(joining, mine.signature_key)
            return group

        return found
