"""teduh_crypto.mls."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from teduh_crypto.mls import (
    Add,
    ApplicationMessage,
    BasicCredential,
    Group,
    KeyPackageBundle,
    cipher_suite,
    new_key_package,
)

from mls_peers.peer import GROUP_ID, Member, PythonPeer

SUITE = cipher_suite(1)


class OurMember:
    """A member that adopts every next state."""

    def __init__(self, group: Group) -> None:
        """Start from a state."""
        self._group = group

    def protect(self, data: bytes) -> bytes:
        """An encoded application message."""
        self._group, message = self._group.protect(data)
        return message

    def unprotect(self, message: bytes) -> bytes:
        """The content of an application message."""
        self._group, received = self._group.unprotect(message)
        assert isinstance(received, ApplicationMessage)
        return received.data

    def commit(self) -> bytes:
        """An empty commit, adopted."""
        pending = self._group.commit()
        self._group = pending.group
        return pending.message

    def process(self, commit: bytes) -> None:
        """Follow a commit."""
        self._group, _ = self._group.unprotect(commit)


class Ours(PythonPeer):
    """Our library, suite 1."""

    name = "teduh_crypto"

    def found(self, members: int, joined: Sequence[int]) -> Callable[[], dict[int, Member]]:
        """Key packages now, the group when called."""
        signature_key = SUITE.generate_signature_key()
        bundles = [_bundle(index) for index in range(1, members)]

        def found() -> dict[int, Member]:
            founder = Group.create(SUITE, GROUP_ID, BasicCredential(b"member 0"), signature_key)
            pending = founder.commit([Add(bundle.key_package) for bundle in bundles])
            assert pending.welcome is not None
            group: dict[int, Member] = {0: OurMember(pending.group)}
            for leaf in joined:
                if leaf != 0:
                    group[leaf] = OurMember(Group.join(pending.welcome, bundles[leaf - 1]))
            return group

        return found


def _bundle(index: int) -> KeyPackageBundle:
    return new_key_package(SUITE, BasicCredential(f"member {index}".encode()), SUITE.generate_signature_key())
