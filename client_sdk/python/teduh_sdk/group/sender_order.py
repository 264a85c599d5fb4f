"""Did the relay keep anything back? Every entry carries its sender's counter where the relay cannot change
it.

The counter of an append is also the authenticated data of its MLS message. A receiver that sees a sender's
counters rise by one each time has missed, repeated and swapped nothing of that sender. Where they begin:

    a member who comes in after us      1
    a member who was there before us    what its first epoch acknowledgement says: how many entries it had
                                        appended when we came (`Beginning`)

No Welcome could tell the second: others may append between the making of a commit and its place in the log.
What the relay withholds at the very end shows only by the receipts that never come.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from teduh_sdk.exceptions import LogBroken


def authenticated_counter(counter: int) -> bytes:
    """The authenticated data of the append with this counter: 8 bytes, big-endian."""
    return counter.to_bytes(8, "big")


@dataclass(slots=True)
class SenderOrder:
    """The first and the last counter of every sender, by the sender's key."""

    last: dict[bytes, int] = field(default_factory=dict)
    first: dict[bytes, int] = field(default_factory=dict)

    def check(self, sender: bytes, authenticated_data: bytes, counter: int) -> None:
        """Take the next entry of `sender`; `counter` is what the relay says. Raises `LogBroken`."""
        if authenticated_data != authenticated_counter(counter):
            raise LogBroken("the relay puts an entry under another number than its sender did")
        if sender not in self.last:
            self.first[sender] = counter
        elif counter != self.last[sender] + 1:
            raise LogBroken("entries of a sender are missing, repeated or swapped")
        self.last[sender] = counter

    def came(self, sender: bytes) -> None:
        """The sender has come in after us, and counts from 1."""
        self.last[sender], self.first[sender] = 0, 1

    def began(self, sender: bytes, before: int) -> None:
        """The sender says that it had appended `before` entries when we came; raises `LogBroken` if we have
        not heard it from the next one on.
        """
        if self.first.get(sender, before + 1) != before + 1:
            raise LogBroken("the first entries of a sender were withheld")

    def forget(self, sender: bytes) -> None:
        """The sender has left."""
        self.last.pop(sender, None)
        self.first.pop(sender, None)
