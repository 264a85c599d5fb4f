"""Did the relay keep anything back? Every entry carries its sender's counter where the relay cannot change
it.

The counter of an append is also the authenticated data of its MLS message. A receiver that sees a sender's
counters rise by one each time has missed, repeated and swapped nothing of hers; the first one seen is where a
receiver came in. What the relay withholds at the very end shows only by the receipts that never come.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from teduh_sdk.exceptions import LogBroken


def authenticated_counter(counter: int) -> bytes:
    """The authenticated data of the append with this counter: 8 bytes, big-endian."""
    return counter.to_bytes(8, "big")


@dataclass(slots=True)
class SenderOrder:
    """The last counter of every sender, by the sender's key."""

    last: dict[bytes, int] = field(default_factory=dict)

    def check(self, sender: bytes, authenticated_data: bytes, counter: int) -> None:
        """Take the next entry of `sender`; `counter` is what the relay says. Raises `LogBroken`."""
        if authenticated_data != authenticated_counter(counter):
            raise LogBroken("the relay puts an entry under another number than its sender did")
        if counter != self.last.get(sender, counter - 1) + 1:
            raise LogBroken("entries of a sender are missing, repeated or swapped")
        self.last[sender] = counter

    def forget(self, sender: bytes) -> None:
        """The sender has left or just come; she counts anew."""
        self.last.pop(sender, None)
