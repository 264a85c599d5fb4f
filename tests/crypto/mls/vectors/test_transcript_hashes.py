"""Official vectors transcript-hashes.json: what a commit does to the two running hashes."""

from __future__ import annotations

from support.schemas.vectors_official import Json, data, number, vectors
from teduh_crypto.hazmat.ciphersuite import CipherSuite, cipher_suite
from teduh_crypto.mls.commit import Commit
from teduh_crypto.mls.framing import AuthenticatedContent
from teduh_crypto.mls.message_protection import SignedContent
from teduh_crypto.mls.transcript_hash import confirmed_transcript_hash, interim_transcript_hash

every_vector = vectors("mls/transcript-hashes.json")


def suite_of(vector: Json) -> CipherSuite:
    return cipher_suite(number(vector["cipher_suite"]))


def commit_of(vector: Json) -> SignedContent:
    decoded = AuthenticatedContent.from_bytes(data(vector["authenticated_content"]))
    assert isinstance(decoded.content.content, Commit)
    return SignedContent(
        decoded.wire_format,
        decoded.content.sender,
        decoded.content.authenticated_data,
        decoded.content.content,
        decoded.content.to_bytes(),
        decoded.auth.signature,
        decoded.auth.confirmation_tag,
    )


def confirmed_hash(vector: Json) -> bytes:
    before = data(vector["interim_transcript_hash_before"])
    return confirmed_transcript_hash(suite_of(vector), before, commit_of(vector).transcript_input())


@every_vector
def test_confirmed_transcript_hash(vector: Json) -> None:
    assert confirmed_hash(vector) == data(vector["confirmed_transcript_hash_after"])


@every_vector
def test_confirmation_tag(vector: Json) -> None:
    tag = commit_of(vector).confirmation_tag
    assert tag is not None
    suite_of(vector).verify_mac(data(vector["confirmation_key"]), confirmed_hash(vector), tag)
    assert suite_of(vector).mac(data(vector["confirmation_key"]), confirmed_hash(vector)) == tag


@every_vector
def test_interim_transcript_hash(vector: Json) -> None:
    tag = commit_of(vector).confirmation_tag
    assert tag is not None
    interim = interim_transcript_hash(suite_of(vector), confirmed_hash(vector), tag)
    assert interim == data(vector["interim_transcript_hash_after"])


@every_vector
def test_authenticated_content_encodes_to_the_same_bytes(vector: Json) -> None:
    assert commit_of(vector).authenticated_content() == data(vector["authenticated_content"])
