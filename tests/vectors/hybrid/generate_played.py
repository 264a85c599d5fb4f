"""Writes those vectors for 0xF0B2 that need a group: ts-mls plays it, and records what one member receives.

    cd tests && python -m vectors.hybrid.generate_played

Formats are those of the MLS working group. Keys and ciphertexts differ from run to run.
"""

from __future__ import annotations

import json
from pathlib import Path

from interop.ts_mls_peer import TsMember, TsMls, install
from interop.views import STAFF_STATEMENT, Change
from support.schemas.vectors_official import Json, JsonValue

FOLDER = Path(__file__).resolve().parent
CODE = 0xF0B2


class Scene:
    """A group of ts-mls members in which `passive` only receives."""

    def __init__(self, ts_mls: TsMls, founder: TsMember, passive: TsMember) -> None:
        self.members = [founder]
        self.passive = passive
        self.epochs: list[JsonValue] = []
        self._ts_mls = ts_mls

    def newcomer(self, name: str) -> TsMember:
        return self._ts_mls.member(CODE, name.encode(), endless=True)

    def admit(self, sender: TsMember, newcomer: TsMember) -> bytes:
        """Let `sender` add somebody before the recording begins; returns the welcome."""
        commit, welcome = sender.commit(Change.add(newcomer.key_package()))
        self._deliver(sender, commit)
        assert welcome is not None
        newcomer.join(welcome)
        self.members.append(newcomer)
        return welcome

    def record(
        self, sender: TsMember, *changes: Change, before: tuple[bytes, ...] = (), publicly: bool = False
    ) -> bytes | None:
        """Let `sender` commit, deliver it to all, and write down what `passive` receives."""
        commit, welcome = sender.commit(*changes, publicly=publicly)
        self._deliver(sender, commit)
        self.epochs.append(
            {
                "proposals": [proposal.hex() for proposal in before],
                "commit": commit.hex(),
                "epoch_authenticator": self.passive.view().epoch_authenticator.hex(),
            }
        )
        return welcome

    def propose(self, sender: TsMember, change: Change) -> bytes:
        message = sender.propose(change)
        self._to_others(sender, message)
        return message

    def _deliver(self, sender: TsMember, commit: bytes) -> None:
        self._to_others(sender, commit)
        sender.adopt()

    def _to_others(self, sender: TsMember, message: bytes) -> None:
        for member in self.members:
            if member is not sender:
                member.unprotect(message)


def welcomed(ts_mls: TsMls, credential_type: int) -> tuple[Json, Json, Scene]:
    """A group of three that `passive` joins: the opening of a vector, a welcome entry, and the scene."""
    founder = ts_mls.member(CODE, b"founder", endless=True)
    passive = ts_mls.member(CODE, b"passive", credential_type, endless=True)
    founder.create(b"played by ts-mls")
    scene = Scene(ts_mls, founder, passive)
    scene.admit(founder, scene.newcomer("second"))
    scene.admit(scene.members[1], scene.newcomer("third"))
    welcome = scene.admit(scene.members[2], passive)
    keys = passive.private_keys()
    opening: Json = {
        "cipher_suite": CODE,
        "external_psks": [],
        "key_package": passive.key_package().hex(),
        "signature_priv": keys["signature"],
        "encryption_priv": keys["encryption"],
        "init_priv": keys["init"],
        "welcome": welcome.hex(),
        "ratchet_tree": None,
        "initial_epoch_authenticator": passive.view().epoch_authenticator.hex(),
    }
    signer = next(person for person in passive.view().members if person.content == b"third")
    entry: Json = {
        "cipher_suite": CODE,
        "init_priv": keys["init"],
        "signer_pub": signer.signature_key.hex(),
        "key_package": passive.key_package().hex(),
        "welcome": welcome.hex(),
    }
    return opening, entry, scene


def handled_commits(ts_mls: TsMls) -> Json:
    """Every kind of commit that ts-mls makes and that needs no pre-shared key."""
    opening, _, scene = welcomed(ts_mls, STAFF_STATEMENT)
    founder, second, third, _ = scene.members
    fifth, sixth = scene.newcomer("fifth"), scene.newcomer("sixth")
    joined = scene.record(founder, Change.add(fifth.key_package()))
    assert joined is not None
    fifth.join(joined)
    scene.members.append(fifth)
    scene.record(second)
    scene.members.remove(third)
    scene.record(fifth, Change.remove(2), publicly=True)
    proposed = scene.propose(second, Change.add(sixth.key_package()))
    joined = scene.record(founder, before=(proposed,))
    assert joined is not None
    sixth.join(joined)
    scene.members.append(sixth)
    scene.record(sixth)
    return {**opening, "epochs": scene.epochs}


def write(name: str, *entries: Json) -> None:
    (FOLDER / name).write_text(json.dumps(entries, indent=1) + "\n")
    print(f"{name}: {len(entries)}")


def main() -> None:
    install()
    with TsMls() as ts_mls:
        opening, entry, _ = welcomed(ts_mls, STAFF_STATEMENT)
        write("welcome.json", entry)
        write("passive-client-welcome.json", {**opening, "epochs": []})
        write("passive-client-handling-commit.json", handled_commits(ts_mls))


if __name__ == "__main__":
    main()
