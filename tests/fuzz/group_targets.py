"""Fuzz targets for what a group takes from the wire, beyond decoding.

The state is made once. Bytes may be refused with a `RemoteError` and nothing else, and refusing leaves the
state as it was; so one state serves all inputs. `private-plaintext` seals the bytes with the keys of an
honest member, so that the fuzzer comes behind the encryption.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from forging.groups import Forger, again, client, founder, members
from forging.trees import NOW
from teduh_crypto.exceptions import RemoteError, TeduhCryptoError
from teduh_crypto.mls import Add, BasicCredential, Group, KeyPackageBundle
from teduh_crypto.mls.framing import ContentType

Target = Callable[[bytes], None]


@cache
def _pair() -> tuple[Group, Group]:
    alice, bob = members(2)
    return alice, bob


@cache
def _invited() -> KeyPackageBundle:
    return client("invited")


def unprotect(data: bytes) -> None:
    """Any bytes as a message to a member."""
    alice, _ = _pair()
    _refused_or_fine(lambda: alice.unprotect(data, now=NOW))


def private_plaintext(data: bytes) -> None:
    """Any bytes as the plaintext of an honest member; the first names the content type."""
    alice, bob = _pair()
    kind = ContentType(1 + data[0] % 3) if data else ContentType.APPLICATION
    message = Forger(bob).private(b"", edit_plaintext=lambda _: data[1:], content_type=kind)
    _refused_or_fine(lambda: alice.unprotect(message, now=NOW))


def join(data: bytes) -> None:
    """Any bytes as a welcome."""
    _refused_or_fine(lambda: Group.join(data, _invited(), now=NOW))


def join_externally(data: bytes) -> None:
    """Any bytes as a group info."""
    signer = _invited().signature_key
    _refused_or_fine(lambda: Group.join_externally(data, BasicCredential(b"x"), signer, now=NOW))


def restore(data: bytes) -> None:
    """Any bytes as a state at rest; these are our own, so a `LocalError` of a key is right as well."""
    try:
        Group.from_bytes(data)
    except TeduhCryptoError:
        return


def _refused_or_fine(operation: Callable[[], object]) -> None:
    try:
        operation()
    except RemoteError:
        return


TARGETS: Final[dict[str, Target]] = {
    "Group.unprotect": unprotect,
    "Group.unprotect-plaintext": private_plaintext,
    "Group.join": join,
    "Group.join_externally": join_externally,
    "Group.from_bytes": restore,
}


def seeds() -> dict[str, list[bytes]]:
    """Inputs for a first corpus of each target."""
    alice, bob = _pair()
    newcomer = client("newcomer")
    sent = founder().commit([Add(newcomer.key_package)], now=NOW)
    assert sent.welcome is not None
    update = again(bob).propose_update()[1]
    return {
        "Group.unprotect": [
            again(bob).protect(b"hello")[1],
            update,
            again(bob).commit(now=NOW).message,
            Forger(bob).commit([]),
        ],
        "Group.unprotect-plaintext": [
            b"\x00\x05hello\x00",
            b"\x01\x00\x03\x00\x00\x00\x01\x00",
            b"\x02\x00\x00\x00\x00",
        ],
        "Group.join": [sent.welcome],
        "Group.join_externally": [alice.group_info(with_external_pub=True), alice.group_info()],
        "Group.from_bytes": [alice.to_bytes(), founder().to_bytes()],
    }
