"""Writes return_codes.json: what is read as which return code, for every implementation.

Expectations are written down here by hand. Run it after a change:
``python tests/vectors/make_return_codes.py``.

Format. ``codes``: read ``text``; the code is ``code`` (hex), and is spelled ``id`` and ``en``. ``invalid``:
read ``text``; it is refused with ``found`` pictures and ``unknown`` ([place in the code, names offered]).
"""

from __future__ import annotations

import json
from pathlib import Path

ID = "gajah kupu-kupu bulan pisang es krim roket gitar zebra"
EN = "elephant butterfly moon banana ice cream rocket guitar zebra"
CODE = "0c2c6b3c598ec307"
SURFER_CODE = "0c2c6b3c598ea107"


def vectors() -> str:
    """The text of return_codes.json."""
    names = ("gajah", "kupu-kupu", "bulan", "pisang", "es krim", "roket", "gitar", "zebra")
    english = ("elephant", "butterfly", "moon", "banana", "ice cream", "rocket", "guitar", "zebra")
    code = {"code": CODE, "id": names, "en": english}
    read = {
        "Indonesian": ID,
        "English": EN,
        "both languages": "gajah butterfly bulan banana es krim rocket gitar zebra",
        "emoji": "🐘🦋🌙🍌🍦🚀🎸🦓",
        "emoji with a choice of form": "🐘\ufe0f 🦋\ufe0f 🌙\ufe0f 🍌 🍦 🚀 🎸 🦓",
        "words and emoji": "gajah 🦋 bulan 🍌 es krim 🚀 gitar 🦓",
        "capitals": ID.upper(),
        "commas and lines": ID.replace(" ", ", \n").replace("es, \nkrim", "es krim"),
        "a numbered list": "1. gajah 2. kupu-kupu 3. bulan 4. pisang 5. es krim 6. roket 7. gitar 8. zebra",
        "a name as two words": ID.replace("-", " "),
        "a name as one word": ID.replace("-", "").replace("es krim", "eskrim"),
        "accents": ID.replace("bulan", "b\u00falan").replace("pisang", "pisa\u0301ng"),
        "wide letters": ID.replace("gajah", "\uff47\uff41\uff4a\uff41\uff48"),
        "a dotted capital": ID.replace("bulan", "BULAN").replace("pisang", "P\u0130SANG"),
    }
    surfer = ID.replace("gitar", "\U0001f3c4\U0001f3fd\u200d\u2640\ufe0f")
    invalid = [
        ("nothing", "", 0, []),
        ("seven", ID.removesuffix(" zebra"), 7, []),
        ("nine", f"{ID} zebra", 9, []),
        ("too long", f"{ID} {'.' * 1000}", 0, []),
        ("a letter missing", ID.replace("gajah", "gajh"), 8, [(0, ["gajah"])]),
        ("letters swapped", ID.replace("zebra", "zerba"), 8, [(7, ["zebra"])]),
        ("half a name", ID.replace("kupu-kupu", "kupu"), 8, [(1, ["kupu-kupu"])]),
        ("the beginning of several", ID.replace("bulan", "jam"), 8, [(2, ["jamur", "jam pasir"])]),
        ("nothing like it", ID.replace("gitar", "qqqqq"), 8, [(6, [])]),
        ("another emoji", ID.replace("gitar", "\U0001f436"), 8, [(6, [])]),
        (
            "two at once",
            ID.replace("gajah", "gajahh").replace("roket", "rokt"),
            8,
            [(0, ["gajah"]), (5, ["roket"])],
        ),
    ]
    content = {
        "codes": [{"name": name, "text": text, **code} for name, text in read.items()]
        + [
            {
                "name": "an emoji with a colour and a sex",
                "text": surfer,
                "code": SURFER_CODE,
                "id": [*names[:6], "selancar", "zebra"],
                "en": [*english[:6], "surfing", "zebra"],
            }
        ],
        "invalid": [
            {"name": name, "text": text, "found": found, "unknown": unknown}
            for name, text, found, unknown in invalid
        ],
    }
    return json.dumps(content, indent=1, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("return_codes.json").write_text(vectors(), encoding="utf-8")
