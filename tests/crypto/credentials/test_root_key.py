"""The root key's file: sealed, private, never overwritten."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from support.organisation.staffed_organisation import public_key
from teduh_crypto.credentials import (
    MalformedKeyFile,
    WeakPassphrase,
    WrongPassphrase,
    check_passphrase,
    generate_root_key,
    open_root_key,
    read_root_key,
    seal_root_key,
    sealed_public_key,
    write_root_key,
)

PASSPHRASE = "correct horse battery staple"
KEY = generate_root_key()


@pytest.fixture(scope="module")
def sealed() -> bytes:
    return seal_root_key(KEY, PASSPHRASE)


def test_a_sealed_key_opens_with_its_passphrase(sealed: bytes) -> None:
    assert open_root_key(sealed, PASSPHRASE).private_bytes_raw() == KEY.private_bytes_raw()


def test_another_passphrase_does_not_open_it(sealed: bytes) -> None:
    with pytest.raises(WrongPassphrase):
        open_root_key(sealed, PASSPHRASE + "r")


@pytest.mark.parametrize("field", ["public_key", "nonce", "salt", "sealed"])
def test_a_changed_file_does_not_open(sealed: bytes, field: str) -> None:
    """The public key in it is authenticated too, so that nobody can pass off another as the root's."""
    content = json.loads(sealed)
    first = "A" if content[field][0] != "A" else "B"
    content[field] = first + content[field][1:]
    with pytest.raises(WrongPassphrase):
        open_root_key(json.dumps(content).encode(), PASSPHRASE)


def test_the_public_key_is_read_without_the_passphrase(sealed: bytes) -> None:
    assert sealed_public_key(sealed) == public_key(KEY)


def test_the_file_does_not_show_the_key(sealed: bytes) -> None:
    assert KEY.private_bytes_raw() not in sealed
    assert KEY.private_bytes_raw().hex().encode() not in sealed


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b"x" * 5000, b'{"format": "teduh-sealed-key-9"}', b'{"format": "teduh-sealed-key-1"}',
     b'{"format": "teduh-sealed-key-1", "salt": 7}'],
)  # fmt: skip
def test_what_is_no_key_file_is_refused(content: bytes) -> None:
    with pytest.raises(MalformedKeyFile):
        open_root_key(content, PASSPHRASE)
    with pytest.raises(MalformedKeyFile):
        sealed_public_key(content)


@pytest.mark.parametrize("passphrase", ["", "short", " " * 40, "aaaaaaaaaaaaaaaaaaaa", "abababababababab"])
def test_a_weak_passphrase_is_refused(passphrase: str) -> None:
    with pytest.raises(WeakPassphrase):
        check_passphrase(passphrase)


def test_the_file_is_its_owners_alone_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "root.key"
    write_root_key(path, KEY, PASSPHRASE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert public_key(read_root_key(path, PASSPHRASE)) == public_key(KEY)
    with pytest.raises(FileExistsError):
        write_root_key(path, generate_root_key(), PASSPHRASE)
