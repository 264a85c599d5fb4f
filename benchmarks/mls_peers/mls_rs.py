"""mls-rs through a Python binding (optional: the package agentvault-mls-rs-uniffi)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mls_peers.peer import GROUP_ID, Member, PeerMissing, PythonPeer

try:
    from mls_rs_uniffi import mls_rs_uniffi as binding
except ImportError as error:
    raise PeerMissing("agentvault-mls-rs-uniffi") from error

SUITE = binding.CipherSuite.CURVE25519_AES128


class MlsRsMember:
    """A member as the binding sees it."""

    def __init__(self, group: binding.Group) -> None:
        """Wrap the binding's group."""
        self._group = group

    def protect(self, data: bytes) -> bytes:
        """An encoded application message."""
        return bytes(self._group.encrypt_application_message(data).to_bytes())

    def unprotect(self, message: bytes) -> bytes:
        """The content of an application message."""
        return bytes(self._group.process_incoming_message(binding.Message.from_bytes(message)).data)

    def commit(self) -> bytes:
        """An empty commit, adopted."""
        message = self._group.commit().commit_message
        self._group.process_incoming_message(message)
        return bytes(message.to_bytes())

    def process(self, commit: bytes) -> None:
        """Follow a commit."""
        self._group.process_incoming_message(binding.Message.from_bytes(commit))


class MlsRs(PythonPeer):
    """mls-rs, suite 1."""

    name = "mls-rs (binding)"

    def found(self, members: int, joined: Sequence[int]) -> Callable[[], dict[int, Member]]:
        """Clients and key packages now, the group when called."""
        clients = [_client(index) for index in range(members)]
        key_packages = [client.generate_key_package_message() for client in clients[1:]]

        def found() -> dict[int, Member]:
            founder = clients[0].create_group(GROUP_ID)
            added = founder.add_members(key_packages)
            founder.process_incoming_message(added.commit_message)
            group: dict[int, Member] = {0: MlsRsMember(founder)}
            for leaf in joined:
                if leaf != 0:
                    joining = clients[leaf].join_group(added.ratchet_tree, added.welcome_message)
                    group[leaf] = MlsRsMember(joining.group)
            return group

        return found


def _client(index: int) -> binding.Client:
    keys = binding.generate_signature_keypair(SUITE)
    return binding.Client(f"member {index}".encode(), keys, binding.client_config_default())
