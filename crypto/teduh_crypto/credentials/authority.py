"""Who speaks for the organisation: the root key, or an issuer whose statement the root signed.

    root key ──signs──> token                       text: token
    root key ──signs──> issuer's statement
                        issuer's key ──signs──> token    text: token ~ issuer's statement

The chain has at most two links, for an issuer's statement counts only when the root itself signed it. A text
without `~` was signed by the root. `~` cannot occur in a JWT, so it parts the two unmistakably.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from teduh_crypto.credentials.exceptions import MalformedToken
from teduh_crypto.credentials.json_web_token import TokenType, sign_token

SEPARATOR = "~"


@dataclass(frozen=True, slots=True)
class Authority:
    """A key that may sign for the organisation:

    the root key, or an issuer's together with the issuer's statement.
    """

    organisation_id: str
    key: Ed25519PrivateKey = field(repr=False)
    issuer_statement: str | None = None

    def sign(self, token_type: TokenType, claims: Mapping[str, object]) -> str:
        """Sign `claims` in the organisation's name.

        Returns the token, with the issuer's statement if there is one.
        """
        token = sign_token(token_type, {"iss": self.organisation_id, **claims}, self.key)
        return join_chain(token, self.issuer_statement)


def join_chain(token: str, issuer_statement: str | None) -> str:
    """One text from a token and the statement of the issuer that signed it."""
    return token if issuer_statement is None else f"{token}{SEPARATOR}{issuer_statement}"


def split_chain(text: str) -> tuple[str, str | None]:
    """The token and, if the root did not sign it, its issuer's statement.

    Raises `MalformedToken` for a longer chain.
    """
    token, separator, issuer_statement = text.partition(SEPARATOR)
    if SEPARATOR in issuer_statement or (separator and not issuer_statement):
        raise MalformedToken("a chain has one token and at most one issuer's statement")
    return token, issuer_statement or None
