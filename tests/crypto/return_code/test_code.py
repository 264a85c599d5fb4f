"""Return codes: drawn, spelled, and read in whatever form somebody types or taps them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from teduh_crypto.return_code import (
    RETURN_CODE_LENGTH,
    InvalidReturnCode,
    draw_return_code,
    pictures,
    read_return_code,
    spell_return_code,
)

FOLDER = Path(__file__).parents[2] / "vectors"
VECTORS: dict[str, Any] = json.loads((FOLDER / "return_codes.json").read_text(encoding="utf-8"))
codes = st.lists(st.integers(0, 239), min_size=RETURN_CODE_LENGTH, max_size=RETURN_CODE_LENGTH).map(bytes)


@pytest.mark.parametrize("case", VECTORS["codes"], ids=lambda case: case["name"])
def test_a_code_is_read_as_it_is_typed(case: dict[str, Any]) -> None:
    code = read_return_code(case["text"])
    assert code.hex() == case["code"]
    assert list(spell_return_code(code, "id")) == case["id"]
    assert list(spell_return_code(code, "en")) == case["en"]


@pytest.mark.parametrize("case", VECTORS["invalid"], ids=lambda case: case["name"])
def test_what_is_no_code_is_refused_with_the_nearest_names(case: dict[str, Any]) -> None:
    with pytest.raises(InvalidReturnCode) as raised:
        read_return_code(case["text"])
    assert raised.value.found == case["found"]
    assert [[name.place, list(name.nearest)] for name in raised.value.unknown] == case["unknown"]


@given(codes)
def test_every_code_is_read_from_its_names_and_from_its_pictures(code: bytes) -> None:
    assert read_return_code(" ".join(spell_return_code(code, "id"))) == code
    assert read_return_code(" ".join(spell_return_code(code, "en"))) == code
    assert read_return_code("".join(pictures()[number].emoji for number in code)) == code


@given(st.text(max_size=1200))
def test_any_text_is_a_code_or_refused(text: str) -> None:
    try:
        code = read_return_code(text)
    except InvalidReturnCode:
        return
    assert len(code) == RETURN_CODE_LENGTH


def test_what_was_typed_is_not_in_the_error() -> None:
    """It may be nearly somebody's code, and errors are logged."""
    with pytest.raises(InvalidReturnCode) as raised:
        read_return_code("gajah rahasia")
    assert "rahasia" not in f"{raised.value} {raised.value!r}"
    assert "gajah" not in f"{raised.value} {raised.value!r}"


def test_every_picture_is_drawn() -> None:
    """2,000 codes without one of the 240 would come once in 10 to the power of 26 times."""
    drawn = {number for _ in range(2000) for number in draw_return_code()}
    assert drawn == set(range(240))


@pytest.mark.parametrize("code", [b"", bytes(7), bytes(9), bytes(7) + b"\xf0"], ids=bytes.hex)
def test_what_is_no_code_is_not_spelled(code: bytes) -> None:
    with pytest.raises(ValueError, match="not a return code"):
        spell_return_code(code, "id")


def test_the_vectors_are_those_that_the_script_writes() -> None:
    """return_codes.json is never edited by hand."""
    spec = importlib.util.spec_from_file_location("make_return_codes", FOLDER / "make_return_codes.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert (FOLDER / "return_codes.json").read_text(encoding="utf-8") == script.vectors()
