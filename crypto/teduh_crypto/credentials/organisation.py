"""The organisation as everybody may know it: its id, its name, and the root key that clients pin.

The file is TOML; `teduh org init` writes it, the relay and every client read it. It holds nothing secret, but
whoever can change it on a client's machine decides whom that client believes.

    format = 1
    id = "5f0c..."
    name = "Rumah Aman"
    root_public_key = "base64url, 32 bytes"
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from teduh_crypto.credentials.exceptions import MalformedStatement, MalformedToken
from teduh_crypto.credentials.json_web_token import decode_base64url, encode_base64url
from teduh_crypto.credentials.staff_statement import IDENTIFIER, check_name
from teduh_crypto.exceptions import InvalidPublicKey
from teduh_crypto.hazmat.ed25519_key import require_ed25519_key

_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation and its pinned root key (32 bytes, Ed25519)."""

    id: str
    name: str
    root_public_key: bytes

    def to_toml(self) -> str:
        """The file's text."""
        # A JSON string is a TOML basic string too: what TOML lacks, `check_name` has refused.
        return (
            f"format = {_FORMAT}\n"
            f"id = {json.dumps(self.id)}\n"
            f"name = {json.dumps(self.name, ensure_ascii=False)}\n"
            f"root_public_key = {json.dumps(encode_base64url(self.root_public_key))}\n"
        )

    @classmethod
    def from_toml(cls, text: str) -> Organisation:
        """Read the file's text; raises `MalformedToken`. Entries beyond these are for others and ignored."""
        try:
            entries = tomllib.loads(text)
            if entries["format"] != _FORMAT:
                raise MalformedToken("the organisation file is of another version")
            return cls._checked(entries["id"], entries["name"], decode_base64url(entries["root_public_key"]))
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            MalformedStatement,
            InvalidPublicKey,
        ) as error:
            raise MalformedToken("not an organisation file") from error

    @classmethod
    def load(cls, path: Path) -> Organisation:
        """Read the file at `path`; raises `MalformedToken`, `OSError`."""
        return cls.from_toml(path.read_text("utf-8"))

    @classmethod
    def _checked(cls, identifier: str, name: str, root_public_key: bytes) -> Organisation:
        if IDENTIFIER.fullmatch(identifier) is None:
            raise MalformedToken("not an organisation file")
        require_ed25519_key(root_public_key)
        return cls(identifier, check_name(name), root_public_key)
