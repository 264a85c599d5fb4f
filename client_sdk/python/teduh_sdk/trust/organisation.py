"""Loads the organisation file, in which the root key is that everybody else is measured by."""

from __future__ import annotations

from pathlib import Path

from teduh_crypto.credentials import MalformedToken, Organisation

from teduh_sdk.exceptions import InvalidOrganisation


def load_organisation(path: Path | str) -> Organisation:
    """The organisation in the file at `path`; raises `InvalidOrganisation`.

    Ship the file with the application, or let a person bring it: whoever can change it decides whom we trust.
    """
    try:
        return Organisation.load(Path(path))
    except (OSError, UnicodeDecodeError, MalformedToken) as error:
        raise InvalidOrganisation("the organisation file cannot be read") from error
