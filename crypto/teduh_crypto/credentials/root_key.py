"""The organisation's root key, and issuers' keys: made and kept offline, sealed under a passphrase.

    passphrase ── Argon2id (RFC 9106: 256 MiB, 3 passes, 4 lanes; random salt) ──> key
    private key ── AES-256-GCM (random nonce; header as associated data) ──> sealed

The file is JSON, readable but for the sealed key, so that the public key can be seen without the passphrase.
Encrypted PKCS #8 was not taken: what `cryptography` writes rests on PBKDF2 or on an unauthenticated mode, and
a file that guards the whole trust of an organisation has to withstand years of guessing.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from teduh_crypto.credentials.exceptions import MalformedKeyFile, WeakPassphrase, WrongPassphrase
from teduh_crypto.credentials.json_web_token import decode_base64url, encode_base64url
from teduh_crypto.exceptions import InvalidPublicKey
from teduh_crypto.hazmat.ed25519_key import require_ed25519_key

MIN_PASSPHRASE_LENGTH: Final = 12
"""Characters; a passphrase of four or more random words is easily longer."""
MIN_PASSPHRASE_VARIETY: Final = 6
"""Different characters that it must have at least."""
_FORMAT: Final = "teduh-sealed-key-1"
_SALT_LENGTH: Final = 16
_NONCE_LENGTH: Final = 12
_MAX_FILE_LENGTH: Final = 4096


@dataclass(frozen=True, slots=True)
class Stretching:
    """The cost of Argon2id: passes, lanes, and memory in KiB."""

    iterations: int = 3
    lanes: int = 4
    memory: int = 256 * 1024

    def key(self, passphrase: str, salt: bytes) -> bytes:
        argon2id = Argon2id(
            salt=salt, length=32, iterations=self.iterations, lanes=self.lanes, memory_cost=self.memory
        )
        return argon2id.derive(passphrase.encode())


STRETCHING: Final = Stretching()


def generate_root_key() -> Ed25519PrivateKey:
    """A new key for an organisation's root, or for an issuer."""
    return Ed25519PrivateKey.generate()


def seal_root_key(key: Ed25519PrivateKey, passphrase: str) -> bytes:
    """The key's file content, which opens with `passphrase`; raises `WeakPassphrase`."""
    check_passphrase(passphrase)
    salt, nonce = secrets.token_bytes(_SALT_LENGTH), secrets.token_bytes(_NONCE_LENGTH)
    header = {
        "format": _FORMAT,
        "public_key": encode_base64url(key.public_key().public_bytes_raw()),
        "salt": encode_base64url(salt),
        "nonce": encode_base64url(nonce),
    }
    cipher = AESGCM(STRETCHING.key(passphrase, salt))
    sealed = cipher.encrypt(nonce, key.private_bytes_raw(), _associated_data(header))
    return json.dumps({**header, "sealed": encode_base64url(sealed)}, indent=1).encode() + b"\n"


def open_root_key(content: bytes, passphrase: str) -> Ed25519PrivateKey:
    """The key in a file's content; raises `WrongPassphrase` or `MalformedKeyFile`."""
    header = _header(content)
    try:
        sealed = decode_base64url(header.pop("sealed"))
        salt, nonce = decode_base64url(header["salt"]), decode_base64url(header["nonce"])
        key = AESGCM(STRETCHING.key(passphrase, salt))
        raw = key.decrypt(nonce, sealed, _associated_data(header))
    except InvalidTag as error:
        raise WrongPassphrase("the key file does not open with this passphrase") from error
    except (ValueError, KeyError) as error:
        raise MalformedKeyFile("not a sealed key") from error
    return Ed25519PrivateKey.from_private_bytes(raw)


def sealed_public_key(content: bytes) -> bytes:
    """The public key (32 bytes) that a key file says it belongs to, without opening it.

    Raises `MalformedKeyFile`.
    """
    try:
        public_key = decode_base64url(_header(content)["public_key"])
        require_ed25519_key(public_key)
    except (ValueError, KeyError, InvalidPublicKey) as error:
        raise MalformedKeyFile("not a sealed key") from error
    return public_key


def write_root_key(path: Path, key: Ed25519PrivateKey, passphrase: str) -> None:
    """Write the key's file, readable by its owner alone, and never over another.

    Raises `WeakPassphrase`, `OSError`.
    """
    content = seal_root_key(key, passphrase)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def read_root_key(path: Path, passphrase: str) -> Ed25519PrivateKey:
    """The key in the file at `path`; raises `WrongPassphrase`, `MalformedKeyFile`, `OSError`."""
    return open_root_key(path.read_bytes(), passphrase)


def check_passphrase(passphrase: str) -> None:
    """Raises `WeakPassphrase` for one that is empty, too short, or of too few different characters."""
    if len(passphrase.strip()) < MIN_PASSPHRASE_LENGTH:
        raise WeakPassphrase(
            f"a passphrase needs at least {MIN_PASSPHRASE_LENGTH} characters; take four random words"
        )
    if len(set(passphrase)) < MIN_PASSPHRASE_VARIETY:
        raise WeakPassphrase("a passphrase needs more different characters; take four random words")


def _header(content: bytes) -> dict[str, str]:
    if len(content) > _MAX_FILE_LENGTH:
        raise MalformedKeyFile("too large for a sealed key")
    try:
        header = json.loads(content)
    except ValueError as error:
        raise MalformedKeyFile("not a sealed key") from error
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise MalformedKeyFile("not a sealed key of this version")
    if not all(isinstance(value, str) for value in header.values()):
        raise MalformedKeyFile("not a sealed key")
    return header


def _associated_data(header: dict[str, str]) -> bytes:
    return json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
