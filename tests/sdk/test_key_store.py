"""Where staff keep keys: both kinds keep what they were given; the encrypted one shows it to nobody."""

from __future__ import annotations

import resource
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from teduh_sdk.device.key_store import EncryptedKeyStore, KeyStore, MemoryKeyStore
from teduh_sdk.exceptions import KeyStoreDamaged, KeyStoreError, WrongPassphrase

PASSPHRASE = "correct horse battery"
Make = Callable[[Path], KeyStore]


def _in_memory(_: Path) -> KeyStore:
    return MemoryKeyStore()


def _encrypted(folder: Path) -> KeyStore:
    return EncryptedKeyStore.create(folder / "keys", PASSPHRASE)


@pytest.fixture(params=[_in_memory, _encrypted], ids=["memory", "encrypted"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> KeyStore:
    make: Make = request.param
    return make(tmp_path)


def test_what_was_put_is_there(store: KeyStore) -> None:
    store.put("device", b"one")
    store.put("device", b"two")
    assert store.get("device") == b"two"
    assert store.get("another") is None


def test_what_was_deleted_is_gone(store: KeyStore) -> None:
    store.put("device", b"one")
    store.delete("device")
    store.delete("device")
    assert store.get("device") is None
    assert store.names("") == ()


def test_names_are_found_by_their_beginning(store: KeyStore) -> None:
    for name in ("conversation/b", "conversation/a", "device"):
        store.put(name, b"value")
    assert store.names("conversation/") == ("conversation/a", "conversation/b")


def test_a_store_shows_no_value_in_its_repr(store: KeyStore) -> None:
    store.put("device", b"very secret")
    assert "secret" not in repr(store)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store on disk with one record."""
    store = EncryptedKeyStore.create(tmp_path / "keys", PASSPHRASE)
    store.put("conversation/0123", b"a very secret key")
    return tmp_path / "keys"


def test_another_run_finds_what_was_kept(folder: Path) -> None:
    again = EncryptedKeyStore.open(folder, PASSPHRASE)
    assert again.names("conversation/") == ("conversation/0123",)
    assert again.get("conversation/0123") == b"a very secret key"


def test_the_wrong_passphrase_opens_nothing(folder: Path) -> None:
    with pytest.raises(WrongPassphrase):
        EncryptedKeyStore.open(folder, PASSPHRASE + "!")


def test_neither_names_nor_values_are_readable_on_disk(folder: Path) -> None:
    for path in folder.iterdir():
        assert b"secret" not in path.read_bytes()
        assert b"conversation" not in path.read_bytes()
        assert "conversation" not in path.name


def test_only_the_owner_may_read_the_files(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_a_changed_record_is_noticed(folder: Path) -> None:
    (record,) = (path for path in folder.iterdir() if path.name != "header")
    data = bytearray(record.read_bytes())
    data[-1] ^= 1
    record.write_bytes(data)
    with pytest.raises(KeyStoreDamaged):
        EncryptedKeyStore.open(folder, PASSPHRASE)


def test_a_record_in_another_ones_place_is_noticed(folder: Path) -> None:
    (record,) = (path for path in folder.iterdir() if path.name != "header")
    record.rename(folder / ("0" * 64))
    with pytest.raises(KeyStoreDamaged):
        EncryptedKeyStore.open(folder, PASSPHRASE)


def test_what_a_crash_left_half_written_is_passed_over(folder: Path) -> None:
    (folder / ("0" * 64 + ".tmp")).write_bytes(b"half a rec")
    assert EncryptedKeyStore.open(folder, PASSPHRASE).names("") == ("conversation/0123",)


def test_what_a_crash_left_does_not_outlive_what_is_deleted(folder: Path) -> None:
    """Killed before the renaming, a temporary file holds keys that the passphrase opens."""
    (record,) = (path for path in folder.iterdir() if path.name != "header")
    (folder / f"{record.name}.tmp").write_bytes(record.read_bytes())
    EncryptedKeyStore.open(folder, PASSPHRASE).delete("conversation/0123")
    assert [path.name for path in folder.iterdir()] == ["header"]


def test_a_full_disk_leaves_the_old_value_and_nothing_beside_it(folder: Path) -> None:
    store = EncryptedKeyStore.open(folder, PASSPHRASE)
    before = sorted(folder.iterdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            store.put("conversation/0123", b"another key, and longer")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(folder.iterdir()) == before
    assert store.get("conversation/0123") == b"a very secret key"


def test_a_header_that_asks_for_absurd_memory_is_refused(folder: Path) -> None:
    (folder / "header").write_bytes(b"\x96\x01\xc4\x10" + bytes(16) + b"\x03\x04\xce\xff\xff\xff\xff\xc4\x00")
    with pytest.raises(KeyStoreDamaged):
        EncryptedKeyStore.open(folder, PASSPHRASE)


def test_a_short_passphrase_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyStoreError):
        EncryptedKeyStore.create(tmp_path / "keys", "short")


def test_a_folder_that_holds_something_is_not_taken(folder: Path) -> None:
    with pytest.raises(KeyStoreError):
        EncryptedKeyStore.create(folder, PASSPHRASE)


def test_a_folder_without_a_store_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(KeyStoreError):
        EncryptedKeyStore.open(tmp_path, PASSPHRASE)


def test_another_process_may_not_use_it_at_the_same_time(tmp_path: Path) -> None:
    """What both say under one counter would be a repetition to the relay, and lost."""
    folder = tmp_path / "keys"
    store = EncryptedKeyStore.create(folder, PASSPHRASE)
    store.put("device", b"kept")
    assert "one at a time" in _opened_elsewhere(folder)
    # This process may, as when a part of it is begun anew.
    assert EncryptedKeyStore.open(folder, PASSPHRASE).get("device") == b"kept"
    assert "one at a time" in _opened_elsewhere(folder)
    del store
    assert _opened_elsewhere(folder) == ""


def _opened_elsewhere(folder: Path) -> str:
    """Why not; empty if it was."""
    program = (
        "import sys, pathlib; from teduh_sdk import EncryptedKeyStore\n"
        "EncryptedKeyStore.open(pathlib.Path(sys.argv[1]), sys.argv[2])"
    )
    command = [sys.executable, "-c", program, str(folder), PASSPHRASE]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr
