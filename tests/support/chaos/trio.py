"""A conversation of three retrying members on relays that a test may kill, and what must be true at its
end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from support.chaos.retrying_client import RetryingClient
from support.clients.frame_client import frame_client, talking_pair
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation

FIRST_SEQ = 5
"""After two commits with their Welcomes the members begin to talk."""


@dataclass(frozen=True, slots=True)
class Trio:
    """The members, each already running."""

    members: tuple[RetryingClient, RetryingClient, RetryingClient]

    @property
    def accepted(self) -> int:
        return sum(len(member.accepted) for member in self.members)

    async def until_accepted(self, count: int) -> None:
        """Wait until so many messages are accepted in all."""
        await eventually(lambda: self.accepted >= count, within=60)

    async def talk(self, messages: int) -> None:
        """Every member says so many messages, a few at a time."""
        for number in range(messages):
            for index, member in enumerate(self.members):
                member.say(b"%d: message %d" % (index, number))
            if number % 10 == 9:
                await asyncio.sleep(0.01)

    async def finish(self, messages: int) -> None:
        """Wait until everything has arrived everywhere; then nothing may be lost, doubled or out of order."""
        total = 3 * messages
        await eventually(lambda: all(member.done for member in self.members), within=60)
        last = FIRST_SEQ - 1 + total
        await eventually(lambda: all(member.cursor >= last for member in self.members), within=60)
        for member in self.members:
            log = [member.log[seq] for seq in sorted(member.log) if seq >= FIRST_SEQ]
            assert len(log) == total
            for index in range(3):
                said = [payload for payload in log if payload.startswith(b"%d:" % index)]
                wanted = [b"%d: message %d" % (index, number) for number in range(messages)]
                assert said == wanted, _difference(said, wanted)
        assert len({tuple(sorted(member.log.items())) for member in self.members}) == 1


def _difference(said: Sequence[bytes], wanted: Sequence[bytes]) -> str:
    """What is not there, what is there more than once, and where the order breaks first."""
    at = next(
        (at for at, (one, other) in enumerate(zip(said, wanted, strict=False)) if one != other), len(said)
    )
    twice = sorted({one for one in said if said.count(one) > 1})
    around = said[max(0, at - 3) : at + 5]
    return f"missing {sorted(set(wanted) - set(said))}, twice {twice}, otherwise from {at} on: {around}"


@asynccontextmanager
async def three_members(
    organisation: RelayOrganisation, setup_url: str, urls: Sequence[Sequence[str]]
) -> AsyncIterator[Trio]:
    """A survivor and two staff devices in epoch 2, each with its list of relays to try."""
    first, second = organisation.staff(), organisation.staff("Budi")
    async with talking_pair(setup_url, first) as (survivor, staff, conversation):
        capability = survivor.capability
        await staff.append(
            conversation, 2, b"commit", epoch=1, kind=1, welcome=b"welcome", added=(second.id,)
        )
        async with frame_client(setup_url) as invited:
            await invited.authenticate(second)
            await invited.subscribe(conversation, 3)
    after = FIRST_SEQ - 1
    members = (
        RetryingClient(urls[0], conversation, epoch=2, after=after, capability=capability),
        RetryingClient(urls[1], conversation, epoch=2, after=after, counter=2, device=first),
        RetryingClient(urls[2], conversation, epoch=2, after=after, device=second),
    )
    tasks = [asyncio.create_task(member.run()) for member in members]
    try:
        yield Trio(members)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        failed = [task.exception() for task in tasks if not task.cancelled()]
        assert not failed, failed
