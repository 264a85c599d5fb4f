"""A revocation list together with the authority statement under which it counts, as both are signed.

This is the body of PUT /v1/revocations and the answer to GET: {"list", "authority"}.
"""

from __future__ import annotations

import msgspec


class SignedRevocations(msgspec.Struct, frozen=True, omit_defaults=True):
    """Two tokens; nothing here says that they are believed."""

    list: str
    authority: str | None = None
    """None where an earlier release kept the list, and for a list under the statement held already."""
