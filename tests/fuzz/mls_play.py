"""Commits, messages and Welcomes of members who follow RFC 9420, for two implementations to judge.

What is changed after encryption is refused by everybody, so the variety is put in before: a founder whose
policy allows all that the library can do makes groups, commits of any proposals, and key packages of any
capabilities, lifetimes, extensions and credentials, each sealed and signed as it should be. One in four is
then damaged as well.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from forging.groups import OPEN, Forger, again
from forging.trees import NOW
from support.schemas.vector_keys import hpke_key, signature_key
from teduh_crypto.exceptions import TeduhCryptoError
from teduh_crypto.hazmat.ciphersuite import cipher_suite
from teduh_crypto.mls import (
    Add,
    BasicCredential,
    Capabilities,
    Credential,
    Extension,
    ExternalPSK,
    Group,
    GroupContextExtensions,
    GroupPolicy,
    KeyPackage,
    KeyPackageBundle,
    LeafChange,
    LeafIndex,
    Lifetime,
    MLSMessage,
    OpaqueCredential,
    PreSharedKey,
    PreSharedKeyID,
    Proposal,
    Remove,
    WireFormat,
    X509Credential,
    new_key_package,
)
from teduh_crypto.mls.commit import Commit
from teduh_sdk.group.group_changes import capabilities_for, key_package_from_wire
from vectors.make_commit_rules import CONVERSATION, DAY, client, keys_of, staff

if TYPE_CHECKING:
    from fuzz.differential import MlsReaders

SUITE: Final = cipher_suite(0x0001)
CASES_OF_A_SCENE: Final = 100
_GREASE: Final = (0x0A0A, 0x1A1A, 0xF123)


class Play:
    """A group and those who wait for a Welcome; another one after a while."""

    def __init__(self, seed: int, readers: MlsReaders) -> None:
        self._chance = random.Random(seed)
        self._readers = readers
        self._left = 0

    @staticmethod
    def readers_of(
        data: bytes, policy: GroupPolicy
    ) -> tuple[Sequence[KeyPackageBundle], Sequence[Group], int]:
        """The key packages of a scene, the groups of those who are in, and the time."""
        scene = json.loads(data)
        bundles = [
            KeyPackageBundle(
                key_package_from_wire(bytes.fromhex(reader["key_package"])),
                hpke_key(SUITE, bytes.fromhex(reader["init_key"])),
                hpke_key(SUITE, bytes.fromhex(reader["encryption_key"])),
                signature_key(SUITE, bytes.fromhex(reader["signature_key"])),
            )
            for reader in scene["readers"]
        ]
        welcome = bytes.fromhex(scene["welcome"])
        joined = bundles[: scene["joined"]]
        groups = [Group.join(welcome, bundle, now=scene["now"], policy=policy) for bundle in joined]
        return bundles, groups, scene["now"]

    def case(self, kind: str) -> list[tuple[str, bytes]]:
        """A case, behind a new scene if it is time for one."""
        before = [] if self._left else [("scene", self._new_scene())]
        self._left -= 1
        return [*before, (kind, self._message() if kind == "message" else self._welcome())]

    def _new_scene(self) -> bytes:
        self._left = CASES_OF_A_SCENE
        inside = [client(BasicCredential(bytes(16))), client(staff("Intan"))]
        self._waiting = client(BasicCredential(bytes(range(16))))
        begun = Group.create(
            SUITE,
            CONVERSATION,
            staff("Sari"),
            SUITE.generate_signature_key(),
            capabilities=capabilities_for(SUITE),
            policy=OPEN,
        )
        sent = begun.commit([Add(one.key_package) for one in inside], now=NOW)
        assert sent.welcome is not None
        self._sari = sent.group.with_psk(b"elsewhere", bytes(32))
        self._intan = Group.join(sent.welcome, inside[1], now=NOW, policy=OPEN)
        scene = {
            "now": NOW,
            "welcome": sent.welcome.hex(),
            "readers": [keys_of(one) for one in (*inside, self._waiting)],
            "joined": len(inside),
        }
        return json.dumps(scene).encode()

    def _message(self) -> bytes:
        chance = self._chance
        for _ in range(20):
            try:
                message = chance.choice([self._commit, self._commit, self._commit, self._other])()
            except TeduhCryptoError:
                # Not even our own library makes it.
                continue
            return bytes((0,)) + self._perhaps_damaged(message)
        return bytes((0,)) + self._sari.group_info()

    def _commit(self) -> bytes:
        chance = self._chance
        committer = again(chance.choice([self._sari, self._intan]))
        proposals = [self._proposal() for _ in range(chance.choice([0, 1, 1, 1, 2, 3]))]
        if Remove(LeafIndex(1)) in proposals:
            # The page believes that it is removed without a look at the path, which it cannot follow; Python
            # looks at its leaf and shape. Both stop, and say so differently: the one known difference.
            return committer.commit(proposals, now=NOW).message
        if chance.random() < 0.25:
            path = Forger(committer).path() if chance.random() < 0.7 else None
            return Forger(committer).private(Commit(tuple(proposals), path))
        return committer.commit(
            proposals,
            path=chance.choice([None, None, True, False]),
            leaf=self._leaf_change(),
            authenticated_data=chance.randbytes(chance.choice([0, 0, 8, 300])),
            padding=lambda length: chance.choice([0, 0, 1, 512]),
            wire_format=chance.choice([None, None, None, WireFormat.PUBLIC_MESSAGE]),
            now=NOW,
        ).message

    def _leaf_change(self) -> LeafChange:
        chance = self._chance
        if chance.random() < 0.6:
            return LeafChange()
        return chance.choice(
            [
                LeafChange(capabilities=self._capabilities()),
                LeafChange(extensions=self._extensions()),
                LeafChange(signature_key=SUITE.generate_signature_key()),
                LeafChange(credential=self._credential()),
            ]
        )

    def _other(self) -> bytes:
        chance, sari = self._chance, again(self._sari)
        choices: list[Callable[[], bytes]] = [
            lambda: sari.protect(chance.randbytes(chance.choice([0, 1, 100])), padding=lambda _: 3)[1],
            lambda: sari.propose_update()[1],
            lambda: sari.propose(self._proposal())[1],
            lambda: Forger(sari).private(
                b"hello", edit_plaintext=lambda text: text + bytes([0, 0, chance.choice([0, 1])])
            ),
            lambda: Forger(sari).private(
                b"hello", generation=chance.choice([0, 1, 5, 999, 1000, 1001, 2**32 - 1])
            ),
            lambda: Forger(sari).private(b"hello", claimed_leaf=chance.choice([0, 1, 2, 3, 2**31])),
        ]
        return chance.choice(choices)()

    def _proposal(self) -> Proposal:
        chance = self._chance
        choices: list[Callable[[], Proposal]] = [
            lambda: Remove(LeafIndex(chance.choice([0, 1, 2, 2, 3, 4, 2**31]))),
            lambda: Add(self._key_package()),
            lambda: Add(self._key_package()),
            lambda: GroupContextExtensions(self._extensions()),
            lambda: PreSharedKey(PreSharedKeyID(ExternalPSK(b"elsewhere"), bytes(SUITE.hash_length))),
        ]
        return chance.choice(choices)()

    def _key_package(self) -> KeyPackage:
        chance = self._chance
        suite = cipher_suite(chance.choice([1, 1, 1, 1, 2]))
        bundle = new_key_package(
            suite,
            self._credential(),
            suite.generate_signature_key(),
            capabilities=self._capabilities(),
            lifetime=self._lifetime(),
            extensions=self._extensions() if chance.random() < 0.2 else (),
            leaf_extensions=self._extensions() if chance.random() < 0.2 else (),
        )
        return bundle.key_package

    def _credential(self) -> Credential:
        chance = self._chance
        usual: list[Credential] = [staff("Dewi"), BasicCredential(bytes(16))]
        odd: list[Credential] = [
            OpaqueCredential(0xF7ED, b""),
            X509Credential((b"a",)),
            OpaqueCredential(0x0A0A, b"x"),
        ]
        return chance.choice(usual if chance.random() < 0.7 else odd)

    def _capabilities(self) -> Capabilities:
        chance, able = self._chance, capabilities_for(SUITE)
        if chance.random() < 0.5:
            return able
        return chance.choice(
            [
                replace(able, versions=chance.choice([(), (2,), (1, 2), (1, 0x0A0A)])),
                replace(able, cipher_suites=chance.choice([(), (2,), (1, 2), (1, 0x0A0A), (1, 1)])),
                replace(
                    able,
                    credentials=chance.choice([(), (1,), (0xF7ED,), (1, 2, 0xF7ED), (1, 0xF7ED, 0x0A0A)]),
                ),
                replace(able, extensions=chance.choice([(0xF123,), _GREASE, (1,), (5,)])),
                replace(able, proposals=chance.choice([(0xF123,), _GREASE, (1,)])),
            ]
        )

    def _lifetime(self) -> Lifetime:
        chance = self._chance
        if chance.random() < 0.6:
            return Lifetime(NOW - DAY, NOW + DAY)
        begins = NOW + chance.choice([-101 * DAY, -DAY, -1, 0, 1])
        return Lifetime(max(0, begins), begins + chance.choice([0, 1, DAY, 100 * DAY, 101 * DAY, 2**40]))

    def _extensions(self) -> tuple[Extension, ...]:
        chance = self._chance
        known = [
            Extension(0xF123, b"?"),
            Extension(0x0A0A, b""),
            Extension(1, b"\x01x"),
            Extension(3, bytes(3)),
            Extension(5, bytes(1)),
        ]
        return tuple(chance.sample(known, chance.choice([0, 1, 1, 2])))

    def _welcome(self) -> bytes:
        for _ in range(20):
            try:
                welcome = self._made_welcome()
            except TeduhCryptoError:
                continue
            return bytes((2,)) + self._perhaps_damaged(welcome)
        return bytes((2,)) + self._sari.group_info()

    def _made_welcome(self) -> bytes:
        chance = self._chance
        group = Group.create(
            SUITE,
            chance.randbytes(chance.choice([0, 16, 16, 32])),
            self._credential(),
            SUITE.generate_signature_key(),
            extensions=self._extensions() if chance.random() < 0.2 else (),
            leaf_extensions=self._extensions() if chance.random() < 0.2 else (),
            capabilities=self._capabilities(),
            lifetime=self._lifetime(),
            policy=OPEN,
        ).with_psk(b"elsewhere", bytes(32))
        for _ in range(chance.choice([0, 1, 2])):
            group = group.commit([self._proposal()], now=NOW).group
        proposals: list[Proposal] = [Add(self._waiting.key_package)]
        proposals += [self._proposal() for _ in range(chance.choice([0, 0, 1, 2]))]
        sent = group.commit(
            proposals,
            path=chance.choice([None, None, False]),
            tree_in_welcome=chance.random() < 0.95,
            group_info_extensions=self._extensions() if chance.random() < 0.2 else (),
            now=NOW,
        )
        return sent.welcome or MLSMessage(self._waiting.key_package).to_bytes()

    def _perhaps_damaged(self, message: bytes) -> bytes:
        chance = self._chance
        if chance.random() < 0.75:
            return message
        changed = bytearray(message)
        match chance.randrange(3):
            case 0:
                changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
            case 1:
                changed[min(len(changed) - 1, chance.randrange(40))] = chance.randrange(256)
            case _:
                changed += bytes(chance.randrange(1, 4))
        return bytes(changed)
