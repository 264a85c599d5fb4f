"""The settings under ``[calls]``: whether there are calls, and through which TURN servers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from teduh_signaling.relay.frames import MAX_ICE_URL_CHARACTERS, MAX_ICE_URLS, CallPolicy
from teduh_signaling.relay.turn_url import TurnUrl


class CallSettings(BaseModel):
    """Relay-only as soon as TURN is configured; off without it, unless direct calls are allowed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    turn_urls: Annotated[tuple[str, ...], Field(max_length=MAX_ICE_URLS)] = Field(
        default=(),
        description="The TURN servers through which calls go, such as "
        '`["turn:turn.example:3478?transport=udp", "turns:turn.example:443?transport=tcp"]`; the first is '
        "tried first. Without any, there are no calls.",
    )
    turn_secret_file: Path | None = Field(
        default=None,
        description="The file with the secret that the relay shares with the TURN servers (coturn's "
        "`static-auth-secret`).",
    )
    turn_secret: SecretStr | None = Field(
        default=None, description="The same secret itself; a file is the better place."
    )
    credential_seconds: Annotated[int, Field(ge=60, le=86_400)] = Field(
        default=600,
        description="How long the TURN credentials that a member is given may begin a call, at most; at "
        "least half of it. A call that has begun goes on.",
    )
    allow_direct: bool = Field(
        default=False,
        description="Let calls go without TURN, too: then each side learns the other's network address. For "
        "one machine or a closed network; clients elsewhere refuse it unless their application says so.",
    )

    @field_validator("turn_urls")
    @classmethod
    def _are_turn_servers(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            TurnUrl.parse(url)
            if len(url) > MAX_ICE_URL_CHARACTERS:
                raise ValueError("the address of a TURN server is too long")
        return urls

    @model_validator(mode="after")
    def _has_one_secret(self) -> Self:
        if self.turn_secret is not None and self.turn_secret_file is not None:
            raise ValueError("turn_secret and turn_secret_file say the same thing: set one of them")
        if self.turn_urls and not self.secret():
            raise ValueError("turn_urls need the secret of the TURN servers: set turn_secret_file")
        return self

    @property
    def policy(self) -> CallPolicy:
        """What members are told."""
        if self.allow_direct:
            return CallPolicy.DIRECT
        return CallPolicy.RELAY if self.turn_urls else CallPolicy.OFF

    def secret(self) -> bytes:
        """The secret shared with the TURN servers; empty if none is set. Raises ValueError if its file cannot
        be read.
        """
        if self.turn_secret_file is not None:
            try:
                return self.turn_secret_file.read_bytes().strip()
            except OSError as error:
                raise ValueError(f"turn_secret_file cannot be read: {error.strerror}") from error
        return b"" if self.turn_secret is None else self.turn_secret.get_secret_value().encode()
