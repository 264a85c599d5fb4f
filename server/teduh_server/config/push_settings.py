"""The settings under ``[push]``: whether staff devices are woken, and through whose services."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class PushSettings(BaseModel):
    """Off until there is a key: nothing is sent anywhere by default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key_file: Path | None = Field(
        default=None,
        description="The private key by which the relay names itself to push services (VAPID, RFC 8292), one "
        "for all nodes; `teduh push-key` makes it. Without one nobody is woken.",
    )
    contact: str | None = Field(
        default=None,
        description="Whom a push service may write to about the relay: `mailto:it@relay.example`.",
    )
    services: tuple[str, ...] = Field(
        default=(
            "fcm.googleapis.com",
            "updates.push.services.mozilla.com",
            "*.notify.windows.com",
            "web.push.apple.com",
        ),
        description="The hosts of the push services that the relay talks to, over HTTPS only; `*.` stands "
        "for one name in front. Endpoints elsewhere are refused.",
    )
    every_seconds: float = Field(
        default=60.0, gt=0, description="A device is woken once within so long at the most."
    )
    unsafe_loopback: bool = Field(
        default=False,
        description="For tests alone: also talk to push services on this machine, without encryption.",
    )

    @model_validator(mode="after")
    def _says_whom_to_write_to(self) -> Self:
        if self.key_file is not None and not (self.contact or "").startswith("mailto:"):
            raise ValueError("push services want a contact, such as mailto:it@relay.example")
        return self
