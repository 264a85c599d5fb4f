"""A group at rest comes back as it was, and damaged bytes do not come back at all."""

from __future__ import annotations

import pytest
from forging.groups import OPEN, SUITE, agree, client, deliver, founder, members, state_of
from forging.trees import NOW
from teduh_crypto.exceptions import DecodingError, TeduhCryptoError
from teduh_crypto.hazmat.ciphersuite import CIPHER_SUITES, CipherSuite
from teduh_crypto.mls import ApplicationMessage, Group, GroupPolicy, LeafChange, LeafIndex, Remove

every_suite = pytest.mark.parametrize("suite", CIPHER_SUITES.values(), ids=lambda suite: hex(suite.code))


def restored(group: Group) -> Group:
    return Group.from_bytes(group.to_bytes(), policy=group.policy)


def eventful(suite: CipherSuite = SUITE) -> list[Group]:
    """A group with everything that a state can hold: late messages, proposals, past epochs, psks."""
    alice, bob, carol = members(3, suite=suite)
    alice = alice.with_psk(b"key", b"secret")
    bob, _ = bob.protect(b"lost")
    bob, heard = bob.protect(b"heard")
    alice, carol = deliver(heard, [alice, carol])
    sent = bob.commit(now=NOW)
    alice, carol = deliver(sent.message, [alice, carol])
    bob = sent.group
    alice, update = alice.propose_update(LeafChange(signature_key=suite.generate_signature_key()))
    bob, carol = deliver(update, [bob, carol])
    return [alice, bob, carol]


@every_suite
def test_a_state_comes_back_byte_for_byte(suite: CipherSuite) -> None:
    for group in eventful(suite):
        again = restored(group)
        assert again.to_bytes() == group.to_bytes()
        assert agree([group, again])
        assert again.members == group.members


def test_a_restored_state_goes_on_like_the_one_that_was_stored() -> None:
    alice, bob, carol = (restored(group) for group in eventful())
    sent = bob.commit(now=NOW)
    # Alice's Update was pending, with its private keys, while she was at rest.
    alice, carol = (restored(group) for group in deliver(sent.message, [alice, carol]))
    assert agree([alice, sent.group, carol])
    _, message = alice.protect(b"hello")
    _, received = restored(sent.group).unprotect(message, now=NOW)
    assert isinstance(received, ApplicationMessage)


def test_a_late_message_is_read_after_a_restart() -> None:
    alice, bob = members(2)
    bob, late = bob.protect(b"late")
    _, later = bob.protect(b"later")
    (alice,) = deliver(later, [alice])
    alice = restored(alice.commit(now=NOW).group)
    _, received = alice.unprotect(late, now=NOW)
    assert isinstance(received, ApplicationMessage)


def test_a_removed_member_is_still_removed() -> None:
    alice, bob = members(2)
    (bob,) = deliver(alice.commit([Remove(LeafIndex(1))], now=NOW).message, [bob])
    assert not restored(bob).is_member


def test_the_policy_is_not_part_of_the_state() -> None:
    group = founder(policy=OPEN)
    assert Group.from_bytes(group.to_bytes()).policy == GroupPolicy()


def test_another_version_is_refused() -> None:
    data = founder().to_bytes()
    for changed in (b"XGRP" + data[4:], data[:5] + b"\x63" + data[6:], b"", data[:3]):
        with pytest.raises(DecodingError):
            Group.from_bytes(changed)


def test_bytes_cut_short_or_prolonged_are_refused() -> None:
    data = members(2)[0].to_bytes()
    for changed in (*(data[:length] for length in range(0, len(data), 7)), data + b"\x00"):
        with pytest.raises(TeduhCryptoError):
            Group.from_bytes(changed)


def test_a_group_of_an_unknown_cipher_suite_is_refused() -> None:
    data = bytearray(founder().to_bytes())
    place = data.index(b"\x00\x01\x00\x01", 6)
    data[place + 2 : place + 4] = b"\xee\xee"
    with pytest.raises(DecodingError, match="cipher suite"):
        Group.from_bytes(bytes(data))


def test_a_key_package_bundle_prints_no_private_key() -> None:
    bundle = client("alice")
    printed = repr(bundle)
    for key in (bundle.init_key, bundle.encryption_key, bundle.signature_key):
        assert repr(key.raw) not in printed


def test_a_group_prints_no_secret() -> None:
    group = eventful()[0]
    state = state_of(group)
    printed = repr(group) + repr(state) + repr(state.epoch) + repr(state.past) + repr(state.proposals)
    assert repr(state.epoch.secrets.init_secret)[2:-1] not in printed
    assert repr(state.epoch.signature_key.raw)[2:-1] not in printed
