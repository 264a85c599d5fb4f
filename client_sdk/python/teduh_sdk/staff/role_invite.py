"""Which colleague is asked for, when any of a role will do: one after the other, until one is in.

available, of the role, not here ──> the least busy first ──> the survivor is asked about this one, by name
            ^                                                     │ no: nobody else is asked for
            └──────── the device has not come, or is gone <───────┘ yes
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from teduh_signaling.relay.frames import Availability, ErrorCode

from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.conversation.invite import Proposed
from teduh_sdk.exceptions import ColleagueAbsent, RelayRefused
from teduh_sdk.group.room import Participant
from teduh_sdk.trust.colleague import Colleague


def suitable(colleagues: Iterable[Colleague], role: str, language: str | None) -> list[Colleague]:
    """Those who are available, have this role and speak this language: the least busy first, then by name."""
    found = (
        one
        for one in colleagues
        if one.availability is Availability.AVAILABLE and one.role == role and _speaks(one, language)
    )
    return sorted(found, key=lambda one: (one.load, one.name))


async def invite_one_of(
    conversation: Conversation,
    candidates: Callable[[], Awaitable[Sequence[Colleague]]],
    reason: str,
    within: float,
    proposed: Proposed,
) -> Participant:
    """See `Staff.invite_role`."""
    tried: set[bytes] = set()
    while True:
        here = {one.device_id for one in conversation.participants}
        # Anew each time: she may have taken a while to answer.
        left = [one for one in await candidates() if one.device_id not in here | tried]
        if not left:
            raise ColleagueAbsent("nobody suitable is available")
        tried.add(left[0].device_id)
        proposed(left[0].name, left[0].role)
        try:
            return await conversation.invite(left[0], reason, within=within)
        except ColleagueAbsent:
            continue
        except RelayRefused as refused:
            if refused.code is not ErrorCode.NO_KEY_PACKAGE:
                raise


def _speaks(colleague: Colleague, wanted: str | None) -> bool:
    """By the primary subtag, as the queue compares languages."""
    return wanted is None or _primary(wanted) in map(_primary, colleague.languages)


def _primary(language: str) -> str:
    return language.partition("-")[0].lower()
