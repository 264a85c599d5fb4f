"""The return code: eight pictures, in words of two languages, with which she can come back.

    bytes, 8 x (0 .. 239) <──> eight names in Indonesian or English <──> eight emoji

Nothing here stretches or sends a code: what it opens is derived elsewhere.
"""

from teduh_crypto.return_code.code import (
    RETURN_CODE_LENGTH,
    InvalidReturnCode,
    UnknownName,
    draw_return_code,
    read_return_code,
    spell_return_code,
)
from teduh_crypto.return_code.pictures import Picture, PictureLanguage, pictures

__all__ = [
    "RETURN_CODE_LENGTH",
    "InvalidReturnCode",
    "Picture",
    "PictureLanguage",
    "UnknownName",
    "draw_return_code",
    "pictures",
    "read_return_code",
    "spell_return_code",
]
