"""Where a staff device keeps its keys and its conversations between two runs; a survivor's keys live in
memory only.

    folder/
      header              salt and cost of Argon2id, and a sealed check value        0600
      <hash of name>      one record: nonce (12) || AES-256-GCM(name || value)       0600

A record is written to a temporary file, flushed to the disk and then renamed over the old one, so that a
crash leaves either the old state or the new one: a message key that was used is never found unused again.
What a crash left of a temporary file goes when the store is opened, or it would outlive its record.
The file names are keyed hashes, so that the folder tells how many conversations there are but not which.

Limitations: what a file system or a flash disk keeps of overwritten files is beyond us, and somebody who can
write to the folder can put back an older record whole.
"""

from __future__ import annotations

import fcntl
import hmac
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final, Protocol
from weakref import WeakValueDictionary

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from teduh_sdk.exceptions import KeyStoreDamaged, KeyStoreError, WrongPassphrase

_HEADER: Final = "header"
_TEMPORARY: Final = ".tmp"
_VERSION: Final = 1
_NONCE: Final = 12
_CHECK: Final = b"teduh key store 1"
_SHORTEST_PASSPHRASE: Final = 8
# RFC 9106, 4: the second recommended option (64 MiB, three passes), which a small machine can pay at each
# start.
_PASSES: Final = 3
_LANES: Final = 4
_MEMORY_KIB: Final = 64 * 1024
_MOST_MEMORY_KIB: Final = 4 * 1024 * 1024


class KeyStore(Protocol):
    """Named secrets. A value that `put` has returned for is kept, whatever happens next."""

    def get(self, name: str) -> bytes | None:
        """The value of `name`, or None."""

    def put(self, name: str, value: bytes) -> None:
        """Keep `value` under `name`, instead of what was there."""

    def delete(self, name: str) -> None:
        """Forget `name`; nothing happens if it is not there."""

    def names(self, prefix: str) -> tuple[str, ...]:
        """All names that start with `prefix`, sorted."""


class MemoryKeyStore:
    """Keeps until the process ends, and not a moment longer."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}

    def __repr__(self) -> str:
        return f"<MemoryKeyStore of {len(self._values)}>"

    def get(self, name: str) -> bytes | None:
        return self._values.get(name)

    def put(self, name: str, value: bytes) -> None:
        self._values[name] = value

    def delete(self, name: str) -> None:
        self._values.pop(name, None)

    def names(self, prefix: str) -> tuple[str, ...]:
        return tuple(sorted(name for name in self._values if name.startswith(prefix)))


class _Header(msgspec.Struct, frozen=True, array_like=True):
    version: int
    salt: bytes
    passes: int
    lanes: int
    memory_kib: int
    check: bytes


class _InUse:
    """That this process uses a folder; another one that wants to is refused for as long as this lives.

    Two that went on with one conversation would use its counters and its message keys twice: the relay takes
    what the second says for a repetition of what the first has said, and it is lost.
    """

    __slots__ = ("__weakref__", "_descriptor")
    _all: ClassVar[WeakValueDictionary[tuple[int, int], _InUse]] = WeakValueDictionary()

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __del__(self) -> None:
        os.close(self._descriptor)

    @classmethod
    def of(cls, folder: Path) -> _InUse:
        """Raises `KeyStoreError` if another process uses it."""
        about = folder.stat()
        held = cls._all.get((about.st_dev, about.st_ino))
        if held is not None:
            return held
        held = cls(os.open(folder, os.O_RDONLY))
        try:
            fcntl.flock(held._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise KeyStoreError("another process uses this key store; one at a time may") from None
        except OSError:
            # Some network file systems know no locks.
            pass
        cls._all[about.st_dev, about.st_ino] = held
        return held


class EncryptedKeyStore:
    """A folder of records under a passphrase. One process at a time may use it, until no object of it is
    left.
    """

    __slots__ = ("_aead", "_folder", "_in_use", "_name_key", "_names")

    def __init__(self, folder: Path, key: bytes, in_use: _InUse) -> None:
        """For `create` and `open`; `key` is the 64 bytes that Argon2id made, `in_use` keeps others out."""
        self._in_use = in_use
        self._folder = folder
        self._aead = AESGCM(key[:32])
        self._name_key = key[32:]
        self._names = {name for name, _ in self._records()}

    def __repr__(self) -> str:
        return f"<EncryptedKeyStore {self._folder.name}>"

    @classmethod
    def create(cls, folder: Path, passphrase: str) -> EncryptedKeyStore:
        """Make a new key store in `folder`, which must not exist or be empty.

        Raises `KeyStoreError` for a passphrase under 8 characters, a folder that holds something, or one that
        another process uses.
        """
        if len(passphrase) < _SHORTEST_PASSPHRASE:
            raise KeyStoreError(f"a passphrase has at least {_SHORTEST_PASSPHRASE} characters")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        in_use = _InUse.of(folder)
        if any(folder.iterdir()):
            raise KeyStoreError("the folder is not empty")
        salt = secrets.token_bytes(16)
        key = _derive(passphrase, salt, _PASSES, _LANES, _MEMORY_KIB)
        check = _seal(AESGCM(key[:32]), _HEADER, _CHECK)
        header = _Header(_VERSION, salt, _PASSES, _LANES, _MEMORY_KIB, check)
        _write_durably(folder / _HEADER, msgspec.msgpack.encode(header))
        return cls(folder, key, in_use)

    @classmethod
    def open(cls, folder: Path, passphrase: str) -> EncryptedKeyStore:
        """Open an existing key store; raises `WrongPassphrase`, `KeyStoreDamaged` or `KeyStoreError`."""
        header = _read_header(folder)
        key = _derive(passphrase, header.salt, header.passes, header.lanes, header.memory_kib)
        try:
            _open(AESGCM(key[:32]), _HEADER, header.check)
        except KeyStoreDamaged:
            raise WrongPassphrase("the passphrase does not open this key store") from None
        # Before anything is touched that another process might be about to rename.
        in_use = _InUse.of(folder)
        for left_behind in folder.glob(f"*{_TEMPORARY}"):
            left_behind.unlink()
        return cls(folder, key, in_use)

    def get(self, name: str) -> bytes | None:
        try:
            sealed = self._path(name).read_bytes()
        except FileNotFoundError:
            return None
        return self._open_record(self._path(name).name, sealed)[1]

    def put(self, name: str, value: bytes) -> None:
        path = self._path(name)
        record = msgspec.msgpack.encode((name, value))
        _write_durably(path, _seal(self._aead, path.name, record))
        self._names.add(name)

    def delete(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)
        _flush_folder(self._folder)
        self._names.discard(name)

    def names(self, prefix: str) -> tuple[str, ...]:
        return tuple(sorted(name for name in self._names if name.startswith(prefix)))

    def _path(self, name: str) -> Path:
        return self._folder / hmac.digest(self._name_key, name.encode(), "sha256").hex()

    def _records(self) -> Iterator[tuple[str, bytes]]:
        for path in self._folder.iterdir():
            if path.name != _HEADER:
                yield self._open_record(path.name, path.read_bytes())

    def _open_record(self, file_name: str, sealed: bytes) -> tuple[str, bytes]:
        record = _open(self._aead, file_name, sealed)
        try:
            return msgspec.msgpack.decode(record, type=tuple[str, bytes])
        except msgspec.DecodeError as error:
            raise KeyStoreDamaged("a record does not parse") from error


def _derive(passphrase: str, salt: bytes, passes: int, lanes: int, memory_kib: int) -> bytes:
    kdf = Argon2id(salt=salt, length=64, iterations=passes, lanes=lanes, memory_cost=memory_kib)
    return kdf.derive(passphrase.encode())


def _read_header(folder: Path) -> _Header:
    try:
        header = msgspec.msgpack.decode((folder / _HEADER).read_bytes(), type=_Header)
    except FileNotFoundError:
        raise KeyStoreError("there is no key store in this folder") from None
    except msgspec.DecodeError as error:
        raise KeyStoreDamaged("the header does not parse") from error
    fits = header.version == _VERSION and len(header.salt) >= 16 and header.memory_kib <= _MOST_MEMORY_KIB
    if not fits or not 1 <= header.passes <= 64 or not 1 <= header.lanes <= 64:
        raise KeyStoreDamaged("the header holds values that this version never writes")
    return header


def _seal(aead: AESGCM, name: str, value: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + aead.encrypt(nonce, value, name.encode())


def _open(aead: AESGCM, name: str, sealed: bytes) -> bytes:
    try:
        return aead.decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode())
    except (InvalidTag, ValueError) as error:
        raise KeyStoreDamaged("a record was changed") from error


def _write_durably(path: Path, data: bytes) -> None:
    temporary = path.with_name(path.name + _TEMPORARY)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
