"""The settings under ``[routing]``: how requests find somebody, and how long anything is waited for."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from teduh_server.matching.ranking import Policy


class RoutingSettings(BaseModel):
    """Claims by default: nothing has to be set up for them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["claim", "offer"] = Field(
        default="claim",
        description="`claim`: whoever is available sees what waits, and takes it. `offer`: the relay offers "
        "each request to one suitable person after the other.",
    )
    offer_seconds: Annotated[float, Field(gt=0, le=600)] = Field(
        default=20.0, description="How long an offer stands before it goes to the next."
    )
    again_after_seconds: Annotated[float, Field(ge=0)] = Field(
        default=60.0,
        description="How long a request is not offered again to somebody who declined it, or did not answer.",
    )
    widen_after_refusals: Annotated[int, Field(ge=1)] = Field(
        default=3,
        description="With `offer`: after so many refused or unanswered offers one of her preferences is "
        "dropped, and she is told.",
    )
    widen_after_seconds: Annotated[float, Field(gt=0)] = Field(
        default=120.0, description="With `offer`: the same after so long a wait."
    )
    alert_after_seconds: Annotated[float, Field(gt=0)] = Field(
        default=300.0, description="How long a request waits before supervisors are told."
    )
    goal_seconds: Annotated[float, Field(gt=0)] = Field(
        default=60.0, description="Within which requests are to be taken; the board counts how many are."
    )

    continue_seconds: Annotated[float, Field(ge=0, le=72 * 3600)] = Field(
        default=3600.0,
        description="For how long after a conversation the token is good by which a survivor who asks again "
        "is offered to the same person first; only her device keeps it. 0: none is given.",
    )

    @property
    def makes_offers(self) -> bool:
        return self.mode == "offer"

    @property
    def continue_ms(self) -> int:
        return int(self.continue_seconds * 1000)

    @property
    def policy(self) -> Policy:
        """What the pure functions go by."""
        return Policy(
            offer_seconds=self.offer_seconds,
            again_after_seconds=self.again_after_seconds,
            widen_after_refusals=self.widen_after_refusals,
            # Where staff pick nothing is dropped: nobody waits in vain because nothing is left to drop.
            widen_after_seconds=self.widen_after_seconds if self.makes_offers else math.inf,
            alert_after_seconds=self.alert_after_seconds,
        )
