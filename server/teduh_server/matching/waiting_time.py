"""How long she will probably wait, from how fast requests were taken of late: an interval, or nothing.

::

    taken:   |   | |      |  |         now        n in the last T seconds
    hers is the k-th from now:   T/n * k * [ F(10 %; 2k, 2n) , F(90 %; 2k, 2n) ]

If requests are taken at a steady rate at random moments, the time to the k-th one, in units of what the
window showed, follows Fisher's F distribution with 2k and 2n degrees of freedom: the ratio of two gamma
variables. Between its tenth and ninetieth percentile lie four waits of five. That counts both what is random
about her wait and what is random about the window, so that few observations give a wide interval instead of
a false promise. The window ends now, not at the last claim: while nobody is taken, the estimate grows.

It is the pace of all, and hers only as long as she moves on with them: who keeps her place while others are
taken is told nothing more (`is_passed_over`). Whole minutes, rounded outwards: more would be pretence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WINDOW_SECONDS: Final = 3600.0
LEAST_OBSERVATIONS: Final = 3
LONGEST_SECONDS: Final = 6 * 3600
"""Nobody is told of more; beyond it nothing is known."""
ANSWERED_SECONDS: Final = 60.0
"""Within so long whoever was before her, and has been taken, is answered."""
_MINUTE: Final = 60
_NORMAL_90: Final = 1.2815515594457
"""The ninetieth percentile of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Four of five waits are between these; whole minutes, in seconds."""

    least: int
    most: int


def estimate(taken: Sequence[float], position: int, now: float) -> Estimate | None:
    """How long the request at `position` (1 is next) will wait; None while too little is known.

    `taken` are the times, in seconds, at which requests were taken; those that lie outside of the window do
    not count.
    """
    recent = sum(1 for at in taken if now - WINDOW_SECONDS < at <= now)
    if recent < LEAST_OBSERVATIONS or position < 1:
        return None
    pace = WINDOW_SECONDS / recent * position
    least = pace * fisher_percentile(-_NORMAL_90, 2 * position, 2 * recent)
    most = pace * fisher_percentile(_NORMAL_90, 2 * position, 2 * recent)
    if most > LONGEST_SECONDS:
        return None
    return Estimate(int(least // _MINUTE) * _MINUTE, math.ceil(most / _MINUTE) * _MINUTE)


def is_passed_over(taken: Sequence[float], since: float) -> bool:
    """Whether others are taken while the one who has had her place `since` then keeps it, for whom nobody
    suitable is there: their pace says nothing of her wait. `taken` are times in seconds, the latest first.
    """
    return len(taken) >= LEAST_OBSERVATIONS and taken[LEAST_OBSERVATIONS - 1] > since + ANSWERED_SECONDS


def fisher_percentile(normal: float, above: int, below: int) -> float:
    """The percentile of F(above, below) at which the normal distribution has `normal`.

    Paulson's approximation (Annals of Mathematical Statistics 13, 1942): the cube roots of both variables are
    nearly normal, by Wilson and Hilferty. Within two percent from six degrees of freedom below on.
    """
    a, b = 2 / (9 * above), 2 / (9 * below)
    # The roots of the equation that says that the difference of both is `normal` standard deviations.
    lead = (1 - b) ** 2 - normal**2 * b
    half = (1 - a) * (1 - b)
    spread = abs(normal) * math.sqrt(a * (1 - b) ** 2 + b * (1 - a) ** 2 - normal**2 * a * b)
    root = (half + math.copysign(spread, normal)) / lead
    return max(0.0, root) ** 3
