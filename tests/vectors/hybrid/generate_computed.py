"""Writes those vectors for 0xF0B2 that can be computed without a group.

    cd tests && python -m vectors.hybrid.generate_computed

Formats are those of the MLS working group. All inputs are fixed; only the HPKE ciphertext differs from run
to run, since encapsulation draws its own randomness.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from vectors.hybrid import reference
from vectors.hybrid.reference import CODE, NH, NK, NN, drawn, vector

FOLDER = Path(__file__).resolve().parent
Json = dict[str, "JsonValue"]
JsonValue = str | int | list["JsonValue"] | Json


def crypto_basics() -> Json:
    secret, context, content = drawn("secret", NH), drawn("context", 32), drawn("content", 70)
    signing, seed, plaintext = drawn("signing key", 32), drawn("hpke seed", 32), drawn("plaintext", 40)
    public = reference.signature_public_bytes(signing)
    kem_output, ciphertext = reference.encrypt_with_label(seed, "EncryptWithLabel", context, plaintext)
    generation = 2_694_881_440
    return {
        "cipher_suite": CODE,
        "ref_hash": {
            "label": "RefHash",
            "value": content.hex(),
            "out": reference.ref_hash("RefHash", content).hex(),
        },
        "expand_with_label": {
            "secret": secret.hex(),
            "label": "ExpandWithLabel",
            "context": context.hex(),
            "length": 100,
            "out": reference.expand_with_label(secret, "ExpandWithLabel", context, 100).hex(),
        },
        "derive_secret": {
            "label": "DeriveSecret",
            "secret": secret.hex(),
            "out": reference.derive_secret(secret, "DeriveSecret").hex(),
        },
        "derive_tree_secret": {
            "secret": secret.hex(),
            "label": "DeriveTreeSecret",
            "generation": generation,
            "length": NK,
            "out": reference.derive_tree_secret(secret, "DeriveTreeSecret", generation, NK).hex(),
        },
        "sign_with_label": {
            "priv": signing.hex(),
            "pub": public.hex(),
            "content": content.hex(),
            "label": "SignWithLabel",
            "signature": reference.sign_with_label(signing, "SignWithLabel", content).hex(),
        },
        "encrypt_with_label": {
            "priv": seed.hex(),
            "pub": reference.public_bytes(seed).hex(),
            "label": "EncryptWithLabel",
            "context": context.hex(),
            "plaintext": plaintext.hex(),
            "kem_output": kem_output.hex(),
            "ciphertext": ciphertext.hex(),
        },
    }


def key_schedule(epochs: int = 3) -> Json:
    init_secret = drawn("initial init secret", NH)
    group_id = drawn("group id", 16)
    described: list[JsonValue] = []
    for number in range(epochs):
        epoch, init_secret = _key_schedule_epoch(number, group_id, init_secret)
        described.append(epoch)
    return {
        "cipher_suite": CODE,
        "group_id": group_id.hex(),
        "initial_init_secret": drawn("initial init secret", NH).hex(),
        "epochs": described,
    }


def _key_schedule_epoch(number: int, group_id: bytes, init_secret: bytes) -> tuple[Json, bytes]:
    """RFC 9420, 8, figure 22, read from top to bottom."""
    tree_hash, confirmed = drawn(f"tree hash {number}", NH), drawn(f"transcript {number}", NH)
    commit_secret, psk_secret = drawn(f"commit secret {number}", NH), drawn(f"psk secret {number}", NH)
    context = (
        b"\x00\x01"
        + CODE.to_bytes(2, "big")
        + vector(group_id)
        + number.to_bytes(8, "big")
        + vector(tree_hash)
        + vector(confirmed)
        + vector(b"")
    )
    joiner = reference.expand_with_label(reference.extract(init_secret, commit_secret), "joiner", context, NH)
    member = reference.extract(joiner, psk_secret)
    epoch_secret = reference.expand_with_label(member, "epoch", context, NH)
    secrets = {
        name: reference.derive_secret(epoch_secret, label)
        for name, label in {
            "init_secret": "init",
            "sender_data_secret": "sender data",
            "encryption_secret": "encryption",
            "exporter_secret": "exporter",
            "epoch_authenticator": "authentication",
            "external_secret": "external",
            "confirmation_key": "confirm",
            "membership_key": "membership",
            "resumption_psk": "resumption",
        }.items()
    }
    exported = _exported(secrets["exporter_secret"], "teduh vectors", drawn("exporter context", 32), 64)
    epoch: Json = {
        "tree_hash": tree_hash.hex(),
        "commit_secret": commit_secret.hex(),
        "psk_secret": psk_secret.hex(),
        "confirmed_transcript_hash": confirmed.hex(),
        "group_context": context.hex(),
        "joiner_secret": joiner.hex(),
        "welcome_secret": reference.derive_secret(member, "welcome").hex(),
        **{name: secret.hex() for name, secret in secrets.items()},
        "external_pub": reference.public_bytes(reference.derive_seed(secrets["external_secret"])).hex(),
        "exporter": exported,
    }
    return epoch, secrets["init_secret"]


def _exported(exporter_secret: bytes, label: str, context: bytes, length: int) -> Json:
    labelled = reference.derive_secret(exporter_secret, label)
    hashed = hashlib.sha384(context).digest()
    return {
        "label": label,
        "context": context.hex(),
        "length": length,
        "secret": reference.expand_with_label(labelled, "exported", hashed, length).hex(),
    }


def secret_tree(levels: int = 3, generations: tuple[int, ...] = (0, 1, 15)) -> Json:
    root, sender_data = drawn("encryption secret", NH), drawn("sender data secret", NH)
    ciphertext = drawn("sampled ciphertext", 77)
    sample = ciphertext[:NH]
    leaves = [root]
    for _ in range(levels):
        leaves = [
            reference.expand_with_label(secret, "tree", side, NH)
            for secret in leaves
            for side in (b"left", b"right")
        ]
    return {
        "cipher_suite": CODE,
        "sender_data": {
            "sender_data_secret": sender_data.hex(),
            "ciphertext": ciphertext.hex(),
            "key": reference.expand_with_label(sender_data, "key", sample, NK).hex(),
            "nonce": reference.expand_with_label(sender_data, "nonce", sample, NN).hex(),
        },
        "encryption_secret": root.hex(),
        "leaves": [[_generation(leaf, number) for number in generations] for leaf in leaves],
    }


def _generation(leaf_secret: bytes, generation: int) -> Json:
    described: Json = {"generation": generation}
    for kind in ("handshake", "application"):
        secret = reference.expand_with_label(leaf_secret, kind, b"", NH)
        for passed in range(generation):
            secret = reference.derive_tree_secret(secret, "secret", passed, NH)
        described[f"{kind}_key"] = reference.derive_tree_secret(secret, "key", generation, NK).hex()
        described[f"{kind}_nonce"] = reference.derive_tree_secret(secret, "nonce", generation, NN).hex()
    return described


def psk_secret(count: int) -> Json:
    zero = bytes(NH)
    secret, described = zero, list[JsonValue]()
    for index in range(count):
        identifier, psk, nonce = (drawn(f"{part} {index}", NH) for part in ("psk id", "psk", "psk nonce"))
        described.append({"psk_id": identifier.hex(), "psk": psk.hex(), "psk_nonce": nonce.hex()})
        label = (
            b"\x01" + vector(identifier) + vector(nonce) + index.to_bytes(2, "big") + count.to_bytes(2, "big")
        )
        psk_input = reference.expand_with_label(reference.extract(zero, psk), "derived psk", label, NH)
        secret = reference.extract(psk_input, secret)
    return {"cipher_suite": CODE, "psks": described, "psk_secret": secret.hex()}


def derived_key_pair(length: int) -> Json:
    ikm = drawn(f"ikm of {length}", length)
    seed = reference.derive_seed(ikm)
    return {"ikm": ikm.hex(), "private": seed.hex(), "public": reference.public_bytes(seed).hex()}


def write(name: str, *entries: Json) -> None:
    (FOLDER / name).write_text(json.dumps(entries, indent=1) + "\n")
    print(f"{name}: {len(entries)}")


if __name__ == "__main__":
    write("crypto-basics.json", crypto_basics())
    write("key-schedule.json", key_schedule())
    write("secret-tree.json", secret_tree())
    write("psk_secret.json", *map(psk_secret, (0, 1, 5)))
    write("derive-key-pair.json", *map(derived_key_pair, (32, 48, 64)))
