"""Four words by which two people make sure, aloud, that they look at the same key.

    words = 4 x 11 bits of scrypt(public key, salt, N = 2^15, r = 8, p = 1)
    salt  = "Teduh 1 comparison words", and for an enrolment a zero byte and SHA-256(invitation) behind it

A relay that wants to slip in its own key must find one with the same four words: 2^44 tries. Each try costs
the stretching above (32 MiB, about 0.1 s), some 50,000 years on one core; comparing costs the two people one.
The invitation in the salt makes each enrolment a search of its own: no table of keys, however long it was
computed, serves for two.

Both lists have 2048 words; `words/README.md` says where they come from. They are compared aloud, by people
who may have fled: no two of a list sound alike or mean the same, none is inside another, is rare or hurts.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import Final, Literal

Language = Literal["en", "id"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "id")
WORD_COUNT: Final = 4
_BITS: Final = 11
_FILES: Final[dict[Language, str]] = {"en": "english.txt", "id": "indonesian.txt"}
_SALT: Final = b"Teduh 1 comparison words"


def comparison_words(
    public_key: bytes, language: Language = "en", *, invitation: str | None = None
) -> tuple[str, ...]:
    """The four words of an Ed25519 public key (32 bytes), in English or Indonesian: other words, one number.

    `invitation` is that of the enrolment in which they are compared; None for a key by itself, as the root's.
    """
    salt = _SALT if invitation is None else _SALT + b"\x00" + hashlib.sha256(invitation.encode()).digest()
    digest = hashlib.scrypt(public_key, salt=salt, n=2**15, r=8, p=1, maxmem=2**26, dklen=8)
    number = int.from_bytes(digest, "big")
    words = word_list(language)
    return tuple(words[(number >> (_BITS * place)) % len(words)] for place in range(WORD_COUNT))


@cache
def word_list(language: Language) -> tuple[str, ...]:
    """The 2048 words of a language, in the order that gives each its number."""
    text = files("teduh_crypto.credentials").joinpath("words", _FILES[language]).read_text("utf-8")
    return tuple(text.split())
