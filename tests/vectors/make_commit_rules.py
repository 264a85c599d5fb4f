"""Writes commit_rules.json: which commits and Welcomes a conversation follows, the same in every SDK.

``python tests/vectors/make_commit_rules.py`` after a change; keys are fresh, so the file changes each time.
Played by tests/sdk/test_commit_rules.py and client_sdk/web/tests/mls/commitRules.test.ts.

Format. Bytes are hexadecimal, ``now`` is in seconds. ``readers`` are key packages with their private keys;
by ``welcome`` they come into one group of three, in epoch 1: a counselor at leaf 0, who is no reader, the
survivor at leaf 1 and an interpreter at leaf 2. Each case of ``messages`` is read by its ``reader`` in that
epoch; ``outcome`` is `followed` (into the epoch whose ``epoch_authenticator`` is given), `removed` or
`refused`. Each of ``welcomes`` is read with the key package of its ``reader``; its outcome is `joined` or
`refused`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from forging.groups import OPEN, Forger, again, state_of  # noqa: E402 - the path to the tests comes first
from forging.trees import NOW  # noqa: E402
from teduh_crypto.credentials import STAFF_CREDENTIAL_TYPE  # noqa: E402
from teduh_crypto.hazmat.ciphersuite import cipher_suite  # noqa: E402
from teduh_crypto.mls import (  # noqa: E402
    Add,
    BasicCredential,
    Capabilities,
    Extension,
    ExternalPSK,
    Group,
    GroupContextExtensions,
    KeyPackageBundle,
    LeafIndex,
    Lifetime,
    OpaqueCredential,
    PreSharedKey,
    PreSharedKeyID,
    Proposal,
    Remove,
    ResumptionPSK,
    ResumptionPSKUsage,
    Update,
    WireFormat,
    X509Credential,
    new_key_package,
)
from teduh_crypto.mls.commit import Commit, ProposalOrRef  # noqa: E402
from teduh_crypto.mls.framing import MLSMessage  # noqa: E402
from teduh_crypto.mls.leaf_node import MLS10  # noqa: E402
from teduh_crypto.mls.proposal import ExternalInit, ProposalRef, ReInit, UnknownProposal  # noqa: E402
from teduh_sdk.group.group_changes import capabilities_for  # noqa: E402

SUITE: Final = cipher_suite(0x0001)
CONVERSATION: Final = bytes(range(16))
DAY: Final = 24 * 3600
EXTENSION: Final = Extension(0xF123, b"?")
SURVIVOR, INTERPRETER = LeafIndex(1), LeafIndex(2)


def staff(name: str) -> OpaqueCredential:
    return OpaqueCredential(STAFF_CREDENTIAL_TYPE, name.encode())


def client(
    credential: BasicCredential | OpaqueCredential | X509Credential,
    *,
    lifetime: Lifetime | None = None,
    capabilities: Capabilities | None = None,
) -> KeyPackageBundle:
    return new_key_package(
        SUITE,
        credential,
        SUITE.generate_signature_key(),
        capabilities=capabilities or capabilities_for(SUITE),
        lifetime=lifetime or Lifetime(NOW - DAY, NOW + DAY),
    )


def founder(
    extensions: Sequence[Extension] = (),
    capabilities: Capabilities | None = None,
    *,
    credential: OpaqueCredential | X509Credential | None = None,
) -> Group:
    return Group.create(
        SUITE,
        CONVERSATION,
        credential or staff("Sari"),
        SUITE.generate_signature_key(),
        extensions=tuple(extensions),
        capabilities=capabilities or capabilities_for(SUITE),
        policy=OPEN,
    )


@dataclass(frozen=True)
class Scene:
    """Everybody in epoch 1, and what the readers came in by."""

    sari: Group
    survivor: Group
    interpreter: Group
    bundles: dict[str, KeyPackageBundle]
    welcome: bytes


def scene() -> Scene:
    bundles = {"survivor": client(BasicCredential(bytes(16))), "interpreter": client(staff("Intan"))}
    sent = founder().commit([Add(bundle.key_package) for bundle in bundles.values()], now=NOW)
    assert sent.welcome is not None
    joined = {name: Group.join(sent.welcome, one, now=NOW, policy=OPEN) for name, one in bundles.items()}
    return Scene(sent.group, joined["survivor"], joined["interpreter"], bundles, sent.welcome)


def followed(
    name: str, committer: Group, *proposals: Proposal, reader: str = "survivor", path: bool | None = None
) -> dict[str, str]:
    sent = again(committer).commit(proposals, now=NOW, path=path)
    return {
        "name": name,
        "reader": reader,
        "message": sent.message.hex(),
        "outcome": "followed",
        "epoch_authenticator": sent.group.epoch_authenticator.hex(),
    }


def refused(name: str, message: bytes, reader: str = "survivor") -> dict[str, str]:
    return {"name": name, "reader": reader, "message": message.hex(), "outcome": "refused"}


def messages(on: Scene) -> Iterator[dict[str, str]]:
    """All cases of ``messages``."""
    yield from followable(on)
    yield from valid_and_refused(on)
    yield from invalid(on)


def followable(on: Scene) -> Iterator[dict[str, str]]:
    """What may be committed."""
    newcomer, another = Add(client(staff("Dewi")).key_package), Add(client(staff("Maya")).key_package)
    gone = Remove(INTERPRETER)
    yield followed("fresh keys of the counselor", on.sari)
    yield followed("fresh keys of the survivor", on.survivor, reader="interpreter")
    yield followed("fresh keys of the interpreter", on.interpreter)
    yield followed("somebody comes", on.sari, newcomer)
    yield followed("somebody comes, without fresh keys", on.sari, newcomer, path=False)
    yield followed("two come", on.sari, newcomer, another)
    able = capabilities_for(SUITE)
    later = client(staff("Dewi"), capabilities=replace(able, versions=(1, 2, 0x0A0A)))
    yield followed("somebody comes who knows later versions too", on.sari, Add(later.key_package))
    fitted = client(staff("Dewi"), capabilities=replace(able, extensions=(0xF123,), proposals=(0xF123,)))
    yield followed("somebody comes who can do more than we", on.sari, Add(fitted.key_package))
    yield followed("somebody goes", on.sari, gone)
    yield followed("one comes and one goes", on.sari, gone, newcomer)
    yield followed("one comes and one goes, told the other way round", on.sari, newcomer, gone)
    yield followed(
        "the survivor lets somebody in", on.survivor, Remove(LeafIndex(0)), newcomer, reader="interpreter"
    )
    removal = again(on.sari).commit([Remove(SURVIVOR)], now=NOW)
    yield {
        "name": "the reader goes",
        "reader": "survivor",
        "message": removal.message.hex(),
        "outcome": "removed",
    }


def valid_and_refused(on: Scene) -> Iterator[dict[str, str]]:
    """What RFC 9420 allows and conversations have no use for."""
    nonce = bytes(SUITE.hash_length)
    knowing = on.sari.with_psk(b"elsewhere", bytes(32))
    proposals: dict[str, tuple[Group, Proposal]] = {
        "the group's extensions emptied": (on.sari, GroupContextExtensions(())),
        "a secret of elsewhere": (knowing, PreSharedKey(PreSharedKeyID(ExternalPSK(b"elsewhere"), nonce))),
    }
    for name, (group, proposal) in proposals.items():
        yield refused(name, again(group).commit([proposal], now=NOW).message)
        newcomer = Add(client(staff("Dewi")).key_package)
        yield refused(
            f"{name}, and somebody comes", again(group).commit([proposal, newcomer], now=NOW).message
        )
    asking, update = again(on.interpreter).propose_update()
    yield refused("an Update that waits for a commit", update)
    yield refused("a Remove that waits for a commit", asking.propose(Remove(LeafIndex(0)))[1])
    heard = on.sari.unprotect(update, now=NOW)[0]
    yield refused("a commit of another's Update", heard.commit(now=NOW).message)
    removing = again(on.interpreter).propose(Remove(LeafIndex(0)))[1]
    told = on.survivor.unprotect(removing, now=NOW)[0]
    yield refused("a commit of another's Remove", told.commit(now=NOW).message, reader="interpreter")
    public = again(on.sari).commit(now=NOW, wire_format=WireFormat.PUBLIC_MESSAGE).message
    yield refused("fresh keys, told in the clear", public)
    info = on.sari.group_info(with_external_pub=True)
    ghost = SUITE.generate_signature_key()
    joined = Group.join_externally(
        info, staff("Ghost"), ghost, now=NOW, capabilities=capabilities_for(SUITE), policy=OPEN
    )
    yield refused("somebody who joins uninvited", joined[1])


def invalid(on: Scene) -> Iterator[dict[str, str]]:
    """What RFC 9420 forbids, well signed by a member."""
    sari = Forger(on.sari)
    past = ResumptionPSK(ResumptionPSKUsage.APPLICATION, CONVERSATION, 0)
    newcomer = client(staff("Dewi"))
    lists: dict[str, tuple[ProposalOrRef, ...]] = {
        "another group to come": (ReInit(b"another", MLS10, SUITE.code),),
        "a proposal of nobody's": (UnknownProposal(0xF123, b"?"),),
        "new extensions that nobody knows": (GroupContextExtensions((EXTENSION,)),),
        "an external init of a member": (ExternalInit(bytes(32)),),
        "an Update of her own": (Update(sari.update_leaf()),),
        "a secret of an epoch before": (PreSharedKey(PreSharedKeyID(past, bytes(SUITE.hash_length))),),
        "a proposal that nobody has heard": (ProposalRef(bytes(SUITE.hash_length)),),
        "she removes herself": (Remove(LeafIndex(0)),),
        "a leaf goes where nobody is": (Remove(LeafIndex(3)),),
        "a leaf goes far outside": (Remove(LeafIndex(2**31)),),
        "somebody goes twice": (Remove(INTERPRETER), Remove(INTERPRETER)),
        "somebody comes twice": (Add(newcomer.key_package), Add(newcomer.key_package)),
        "somebody comes who is here": (Add(on.bundles["interpreter"].key_package),),
        "the reader goes, and a leaf where nobody is": (Remove(SURVIVOR), Remove(LeafIndex(3))),
        "the reader goes twice": (Remove(SURVIVOR), Remove(SURVIVOR)),
        "the reader goes, and the committer": (Remove(SURVIVOR), Remove(LeafIndex(0))),
        "the reader goes, and the extensions": (Remove(SURVIVOR), GroupContextExtensions(())),
        "the reader goes, and an expired one comes": (
            Remove(SURVIVOR),
            Add(client(staff("Dewi"), lifetime=Lifetime(NOW - DAY, NOW - 1)).key_package),
        ),
    }
    path = sari.path()
    for name, items in lists.items():
        yield refused(name, sari.private(Commit(items, path)))
    yield refused("nothing, and no fresh keys", sari.private(Commit(())))
    yield refused("somebody goes, without fresh keys", sari.private(Commit((Remove(INTERPRETER),))))
    yield refused("the reader goes, without fresh keys", sari.private(Commit((Remove(SURVIVOR),))))
    yield refused("a wrong confirmation tag", sari.private(Commit((), path)))
    for name, added in unfit_clients():
        yield refused(f"somebody comes {name}", sari.private(Commit((Add(added.key_package),), path)))
    honest = newcomer.key_package
    unsigned = replace(honest, signature=bytes(64))
    yield refused("somebody comes with an unsigned key package", sari.private(Commit((Add(unsigned),), path)))


def unfit_clients() -> Iterator[tuple[str, KeyPackageBundle]]:
    """Key packages that are signed, and not to be added."""
    able = capabilities_for(SUITE)
    yield "whose key package has run out", client(staff("Dewi"), lifetime=Lifetime(NOW - DAY, NOW - 1))
    yield "whose key package begins later", client(staff("Dewi"), lifetime=Lifetime(NOW + 1, NOW + DAY))
    yield (
        "whose key package lives too long",
        client(staff("Dewi"), lifetime=Lifetime(NOW - DAY, NOW + 101 * DAY)),
    )
    yield "who cannot do the suite", client(staff("Dewi"), capabilities=replace(able, cipher_suites=(2,)))
    yield "who cannot do the version", client(staff("Dewi"), capabilities=replace(able, versions=(2,)))
    yield (
        "who cannot do staff's credentials",
        client(BasicCredential(b"x"), capabilities=replace(able, credentials=(1,))),
    )
    yield (
        "who lists what everybody can do",
        client(staff("Dewi"), capabilities=replace(able, extensions=(1,))),
    )
    yield (
        "who lists proposals that everybody can do",
        client(staff("Dewi"), capabilities=replace(able, proposals=(3,))),
    )
    everything = replace(able, credentials=(1, 2, 0xF7ED, 0xF123))
    yield "with a certificate", client(X509Credential((b"certificate",)), capabilities=everything)
    yield "with a credential of nobody's", client(OpaqueCredential(0xF123, b"?"), capabilities=everything)
    yield (
        "who cannot do her own credential",
        client(staff("Dewi"), capabilities=replace(able, credentials=(1,))),
    )


def welcomes() -> Iterator[dict[str, object]]:
    """Into which groups a reader goes."""
    plain = founder()
    knowing = plain.with_psk(b"elsewhere", bytes(32))
    psk = PreSharedKey(PreSharedKeyID(ExternalPSK(b"elsewhere"), bytes(SUITE.hash_length)))
    # RFC 9420, 11.1: what every member must support; and senders who are no members.
    required, external = Extension(3, bytes(3)), Extension(5, bytes(1))
    can = replace(capabilities_for(SUITE), extensions=(0xF123,))
    groups: dict[str, tuple[Group, tuple[Proposal, ...], Capabilities | None, bool]] = {
        "a group of two": (plain, (), None, True),
        "a group that requires something": (founder([required]), (), None, False),
        "a group with senders from outside": (founder([external]), (), None, False),
        "a group with an extension of nobody's": (founder([EXTENSION], can), (), can, False),
        "a group that mixes in a secret of elsewhere": (knowing, (psk,), None, False),
    }
    everything = replace(can, credentials=(1, 2, 0xF7ED))
    certified = founder(capabilities=everything, credential=X509Credential((b"certificate",)))
    groups["a group with a certificate in it"] = (certified, (), everything, False)
    long = Add(client(staff("Dewi"), lifetime=Lifetime(NOW - DAY, NOW + 101 * DAY)).key_package)
    groups["a group in which a key package lives too long"] = (plain, (long,), None, False)
    groups["a group with more places than a conversation has"] = (wide_group(), (), None, False)
    for name, (group, proposals, capabilities, is_joined) in groups.items():
        bundle = client(BasicCredential(bytes(16)), capabilities=capabilities)
        sent = again(group).commit([Add(bundle.key_package), *proposals], now=NOW)
        assert sent.welcome is not None
        yield {
            "name": name,
            "reader": keys_of(bundle),
            "welcome": sent.welcome.hex(),
            "outcome": "joined" if is_joined else "refused",
        }


def wide_group() -> Group:
    """A group of two whose tree has 128 places."""
    guests = [Add(client(staff(f"guest {number}")).key_package) for number in range(64)]
    full = founder().commit(guests, now=NOW).group
    return full.commit([Remove(LeafIndex(leaf)) for leaf in range(1, 64)], now=NOW).group


def keys_of(bundle: KeyPackageBundle) -> dict[str, str]:
    return {
        "key_package": MLSMessage(bundle.key_package).to_bytes().hex(),
        "init_key": bundle.init_key.raw.hex(),
        "encryption_key": bundle.encryption_key.raw.hex(),
        "signature_key": bundle.signature_key.raw.hex(),
    }


def main() -> None:
    on = scene()
    assert state_of(on.sari).epoch.tree.n_leaves == 4
    rules = {
        "now": NOW,
        "suite": SUITE.code,
        "welcome": on.welcome.hex(),
        "readers": {name: keys_of(bundle) for name, bundle in on.bundles.items()},
        "messages": [*messages(on)],
        "welcomes": [*welcomes()],
    }
    (HERE / "commit_rules.json").write_text(json.dumps(rules, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
