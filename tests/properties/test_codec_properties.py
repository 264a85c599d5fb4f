"""Codecs: everything comes back as it was; arbitrary bytes are refused with the documented error alone."""

from __future__ import annotations

from contextlib import suppress

import pytest
from fuzz.structure_targets import DECODERS, STRUCTURES
from hypothesis import given
from hypothesis import strategies as st
from properties.structure_strategies import STRATEGIES, contents, credentials, proposals
from teduh_crypto.exceptions import DecodingError, RemoteError
from teduh_crypto.mls.codec import Structure
from teduh_crypto.mls.credential import Credential, credential_from_bytes, credential_to_bytes
from teduh_crypto.mls.framing import Content, FramedContentAuthData, PrivateMessageContent, content_type_of
from teduh_crypto.mls.proposal import Proposal, proposal_from_bytes, proposal_to_bytes


def test_every_decoder_has_a_strategy() -> None:
    assert STRATEGIES.keys() == set(STRUCTURES)


@pytest.mark.parametrize("structure", STRUCTURES)
@given(data=st.data())
def test_structures_come_back_as_they_were(structure: type[Structure], data: st.DataObject) -> None:
    value = data.draw(STRATEGIES[structure])
    assert structure.from_bytes(value.to_bytes()) == value


@given(proposals)
def test_proposals_come_back_as_they_were(proposal: Proposal) -> None:
    assert proposal_from_bytes(proposal_to_bytes(proposal)) == proposal


@given(credentials)
def test_credentials_come_back_as_they_were(credential: Credential) -> None:
    assert credential_from_bytes(credential_to_bytes(credential)) == credential


@given(contents, st.integers(0, 200))
def test_private_contents_come_back_without_their_padding(content: Content, padding: int) -> None:
    content_type = content_type_of(content)
    tag = b"tag" if content_type.name == "COMMIT" else None
    value = PrivateMessageContent(content, FramedContentAuthData(b"signature", tag))
    assert PrivateMessageContent.from_bytes(value.to_bytes(padding), content_type) == value


@pytest.mark.parametrize("structure", STRUCTURES)
@given(data=st.data())
def test_a_truncated_structure_is_refused(structure: type[Structure], data: st.DataObject) -> None:
    encoded = data.draw(STRATEGIES[structure]).to_bytes()
    cut = data.draw(st.integers(0, len(encoded) - 1))
    with pytest.raises(DecodingError):
        structure.from_bytes(encoded[:cut])


@pytest.mark.parametrize("structure", STRUCTURES)
@given(data=st.data())
def test_trailing_bytes_are_refused(structure: type[Structure], data: st.DataObject) -> None:
    encoded = data.draw(STRATEGIES[structure]).to_bytes()
    with pytest.raises(DecodingError):
        structure.from_bytes(encoded + data.draw(st.binary(min_size=1, max_size=5)))


@pytest.mark.parametrize("name", DECODERS)
@given(data=st.binary(max_size=300))
def test_arbitrary_bytes_raise_the_documented_error_alone(name: str, data: bytes) -> None:
    # A tree also refuses nodes that stand where they can not, or hold keys that are none.
    documented = RemoteError if name == "RatchetTree" else DecodingError
    with suppress(documented):
        assert DECODERS[name](data) == data


@pytest.mark.parametrize("structure", STRUCTURES)
@given(data=st.data())
def test_a_flipped_byte_raises_the_documented_error_alone(
    structure: type[Structure], data: st.DataObject
) -> None:
    encoded = bytearray(data.draw(STRATEGIES[structure]).to_bytes())
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(DecodingError):
        assert structure.from_bytes(bytes(encoded)).to_bytes() == encoded
