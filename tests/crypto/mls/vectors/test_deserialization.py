"""deserialization.json: variable-size vector headers."""

from __future__ import annotations

from support.schemas.vectors_official import Json, data, number, vectors
from teduh_crypto.mls.codec import Reader, vector_header


@vectors("mls/deserialization.json")
def test_header_decodes_to_its_length(vector: Json) -> None:
    reader = Reader(data(vector["vlbytes_header"]))
    assert reader.vector_length() == number(vector["length"])
    reader.finish()


@vectors("mls/deserialization.json")
def test_length_encodes_to_its_header(vector: Json) -> None:
    assert vector_header(number(vector["length"])) == data(vector["vlbytes_header"])
