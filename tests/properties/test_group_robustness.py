"""A damaged message, welcome or group info is refused with a documented error, and changes nothing."""

from __future__ import annotations

import functools
from collections.abc import Callable
from functools import cache

from forging.groups import SUITE, Forger, again, client, founder, members
from forging.trees import NOW
from hypothesis import given
from hypothesis import strategies as st
from teduh_crypto.exceptions import RemoteError
from teduh_crypto.mls import Add, BasicCredential, Group, KeyPackageBundle, LeafIndex, Remove, WireFormat
from teduh_crypto.mls.commit import Commit
from teduh_crypto.mls.framing import Content

damages = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4)
lengths = st.one_of(st.none(), st.integers(0, 10**6))


def damaged(data: bytes, damage: list[tuple[int, int]], length: int | None) -> bytes:
    """`data` with some bytes set, and perhaps cut short."""
    changed = bytearray(data)
    for place, value in damage:
        changed[place % len(changed)] = value
    return bytes(changed if length is None else changed[: length % len(changed)])


def refused_or_fine(operation: Callable[[], object]) -> None:
    try:
        operation()
    except RemoteError:
        return


@cache
def group() -> tuple[Group, list[bytes]]:
    """A member, and one message of each kind for her."""
    alice, bob, _ = members(3)
    public = WireFormat.PUBLIC_MESSAGE
    joining = Group.join_externally(
        alice.group_info(with_external_pub=True),
        BasicCredential(b"newcomer"),
        SUITE.generate_signature_key(),
        now=NOW,
    )
    return alice, [
        again(bob).protect(b"hello", padding=lambda length: 50)[1],
        again(bob).propose_update()[1],
        again(bob).propose_update(wire_format=public)[1],
        again(bob).commit([Add(client("dora").key_package)], now=NOW).message,
        again(bob).commit([Add(client("dora").key_package)], wire_format=public, now=NOW).message,
        joining[1],
    ]


@cache
def pair() -> tuple[Group, Group]:
    alice, bob = members(2)
    return alice, bob


@cache
def invitation() -> tuple[KeyPackageBundle, bytes, bytes]:
    """A client, a welcome for it, and the group info of the group."""
    newcomer = client("newcomer")
    sent = founder().commit([Add(newcomer.key_package)], now=NOW)
    assert sent.welcome is not None
    return newcomer, sent.welcome, sent.group.group_info(with_external_pub=True)


@given(st.integers(0, 5), damages, lengths)
def test_a_damaged_message_is_refused(kind: int, damage: list[tuple[int, int]], length: int | None) -> None:
    alice, messages = group()
    before = alice.to_bytes()
    refused_or_fine(lambda: alice.unprotect(damaged(messages[kind], damage, length), now=NOW))
    assert alice.to_bytes() == before


@given(damages, lengths)
def test_a_damaged_plaintext_of_a_member_is_refused(
    damage: list[tuple[int, int]], length: int | None
) -> None:
    alice, bob = pair()
    contents: list[Content] = [b"hello", Remove(LeafIndex(0)), Commit((), Forger(bob).path())]
    for content in contents:
        message = Forger(bob).private(content, edit_plaintext=lambda text: damaged(text, damage, length))
        refused_or_fine(functools.partial(alice.unprotect, message, now=NOW))


@given(damages, lengths)
def test_a_damaged_welcome_is_refused(damage: list[tuple[int, int]], length: int | None) -> None:
    newcomer, welcome, _ = invitation()
    refused_or_fine(lambda: Group.join(damaged(welcome, damage, length), newcomer, now=NOW))


@given(damages, lengths)
def test_a_damaged_group_info_is_refused(damage: list[tuple[int, int]], length: int | None) -> None:
    _, _, info = invitation()
    signer = SUITE.generate_signature_key()
    changed = damaged(info, damage, length)
    refused_or_fine(lambda: Group.join_externally(changed, BasicCredential(b"x"), signer, now=NOW))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    alice, _ = group()
    newcomer, _, _ = invitation()
    refused_or_fine(lambda: alice.unprotect(data, now=NOW))
    refused_or_fine(lambda: Group.join(data, newcomer, now=NOW))
