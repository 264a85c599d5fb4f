"""A staff device: its key, its statement, and the key packages by which colleagues can bring it in.

All of it lives in the key store, under the names

    device                         the private key, the statement and its issuer's
    key_packages                   published key packages and their private keys; each goes when it was used
    conversation/<id>              see `saved_conversation`
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from teduh_crypto.credentials import (
    STAFF_CREDENTIAL_TYPE,
    device_id,
    encode_credential,
    sign_relay_authentication,
)
from teduh_crypto.exceptions import TeduhCryptoError
from teduh_crypto.mls import KeyPackage, KeyPackageBundle, OpaqueCredential, cipher_suite
from teduh_signaling.relay.frames import Authenticate, Hello

from teduh_sdk.device.key_store import KeyStore
from teduh_sdk.exceptions import KeyStoreDamaged, KeyStoreError
from teduh_sdk.group.group_changes import key_package_from_wire, key_package_to_wire, new_key_package

_DEVICE: Final = "device"
_KEY_PACKAGES: Final = "key_packages"
_MOST_KEY_PACKAGES: Final = 64
"""So many are kept, the newest: a Welcome may answer one that a colleague fetched a while ago."""


class _SavedDevice(msgspec.Struct, frozen=True, array_like=True):
    private_key: bytes
    statement: str
    issuer_statement: str | None = None


class _SavedBundle(msgspec.Struct, frozen=True, array_like=True):
    key_package: bytes
    init_key: bytes
    encryption_key: bytes


@dataclass(frozen=True, slots=True)
class Device:
    """Who a staff member is to relay and conversations."""

    key: Ed25519PrivateKey = field(repr=False)
    statement: str
    issuer_statement: str | None = None

    @property
    def public_key(self) -> bytes:
        """32 bytes."""
        return self.key.public_key().public_bytes_raw()

    @property
    def device_id(self) -> bytes:
        """By which the relay knows it: SHA-256 of the public key."""
        return device_id(self.public_key)

    @property
    def credential(self) -> OpaqueCredential:
        """What it shows in an MLS group."""
        return OpaqueCredential(
            STAFF_CREDENTIAL_TYPE, encode_credential(self.statement, self.issuer_statement)
        )

    def authenticate(self, origin: str, hello: Hello) -> Authenticate:
        """Prove to the relay at `origin`, which said `hello`, that the key is here."""
        signature = sign_relay_authentication(self.key, origin, hello.nonce)
        return Authenticate(self.statement, signature, self.issuer_statement)

    def new_key_package(self, suite_code: int) -> KeyPackageBundle:
        """A fresh key package."""
        suite = cipher_suite(suite_code)
        signature_key = suite.load_signature_key(self.key.private_bytes_raw())
        return new_key_package(suite, self.credential, signature_key, int(time.time()))


def keep_device(store: KeyStore, device: Device) -> None:
    """Store the device; it replaces an older statement of the same, or another, device."""
    saved = _SavedDevice(device.key.private_bytes_raw(), device.statement, device.issuer_statement)
    store.put(_DEVICE, msgspec.msgpack.encode(saved))


def stored_device(store: KeyStore) -> Device:
    """The device in a key store; raises `KeyStoreError` if there is none, `KeyStoreDamaged`."""
    data = store.get(_DEVICE)
    if data is None:
        raise KeyStoreError("no device has been enrolled into this key store")
    try:
        saved = msgspec.msgpack.decode(data, type=_SavedDevice)
        key = Ed25519PrivateKey.from_private_bytes(saved.private_key)
    except (msgspec.DecodeError, ValueError) as error:
        raise KeyStoreDamaged("the stored device does not parse") from error
    return Device(key, saved.statement, saved.issuer_statement)


def keep_key_packages(store: KeyStore, device: Device, fresh: Sequence[KeyPackageBundle]) -> None:
    """Store key packages before they are published."""
    _write_bundles(store, [*stored_key_packages(store, device), *fresh][-_MOST_KEY_PACKAGES:])


def forget_key_package(store: KeyStore, device: Device, key_package: KeyPackage) -> None:
    """Its Welcome has been opened: the keys behind it are not needed, and must not open it again."""
    bundles = stored_key_packages(store, device)
    left = [bundle for bundle in bundles if bundle.key_package.init_key != key_package.init_key]
    if len(left) < len(bundles):
        _write_bundles(store, left)


def stored_key_packages(store: KeyStore, device: Device) -> tuple[KeyPackageBundle, ...]:
    """The published key packages that may still be answered, the oldest first. Raises `KeyStoreDamaged`."""
    data = store.get(_KEY_PACKAGES)
    if data is None:
        return ()
    try:
        saved = msgspec.msgpack.decode(data, type=list[_SavedBundle])
        bundles = [_bundle(one, device) for one in saved]
    except (msgspec.DecodeError, TeduhCryptoError) as error:
        raise KeyStoreDamaged("the stored key packages do not parse") from error
    now = int(time.time())
    return tuple(
        bundle
        for bundle in bundles
        if (lifetime := bundle.key_package.leaf_node.lifetime) is not None and lifetime.contains(now)
    )


def _write_bundles(store: KeyStore, bundles: Sequence[KeyPackageBundle]) -> None:
    saved = [
        _SavedBundle(key_package_to_wire(bundle.key_package), bundle.init_key.raw, bundle.encryption_key.raw)
        for bundle in bundles
    ]
    store.put(_KEY_PACKAGES, msgspec.msgpack.encode(saved))


def _bundle(saved: _SavedBundle, device: Device) -> KeyPackageBundle:
    key_package = key_package_from_wire(saved.key_package)
    suite = cipher_suite(key_package.cipher_suite)
    return KeyPackageBundle(
        key_package,
        suite.load_hpke_key(saved.init_key, key_package.init_key),
        suite.load_hpke_key(saved.encryption_key, key_package.leaf_node.encryption_key),
        suite.load_signature_key(device.key.private_bytes_raw()),
    )
