"""What was said here and is not known to be in the log yet.

    queued                    in flight                          gone
    plaintext, no key used -> counter, epoch, the very bytes  -> accepted

A retry sends the same bytes under the same counter, so that the relay recognises it. Only the answer
*wrong_epoch*, which says that the append is not and never will be in the log, turns what is in flight back
into plaintext, to be encrypted anew under the next epoch with the same counters. Frozen: every operation
returns the next outbox.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from teduh_signaling.chat.codec import decode_message
from teduh_signaling.chat.messages import Text
from teduh_signaling.relay.frames import Append

from teduh_sdk.events import Unsent


@dataclass(frozen=True, slots=True)
class InFlight:
    """An append that was, or is about to be, sent. `content` is what to say anew if it is refused."""

    append: Append
    content: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outbox:
    """`next_counter` is the counter of the next append; those in flight precede it without gaps."""

    queued: tuple[bytes, ...] = field(default=(), repr=False)
    in_flight: tuple[InFlight, ...] = ()
    next_counter: int = 1

    @property
    def is_empty(self) -> bool:
        """Whether everything is in the log."""
        return not self.queued and not self.in_flight

    def has_in_flight(self, counter: int, epoch: int) -> bool:
        """Whether what has this counter was made in this epoch."""
        return any((one.append.counter, one.append.epoch) == (counter, epoch) for one in self.in_flight)

    @property
    def unsent(self) -> tuple[Unsent, ...]:
        """The texts among it, in order."""
        contents = [(sent.content, True) for sent in self.in_flight if sent.content is not None]
        contents += [(content, False) for content in self.queued]
        messages = [(decode_message(content), was_tried) for content, was_tried in contents]
        return tuple(Unsent(one.id, one.text, tried) for one, tried in messages if isinstance(one, Text))

    def add(self, content: bytes) -> Outbox:
        """Queue a message behind the others."""
        return replace(self, queued=(*self.queued, content))

    def add_first(self, contents: tuple[bytes, ...]) -> Outbox:
        """Queue what must be said again, before what waits; not twice."""
        again = tuple(content for content in contents if content not in self.queued)
        return replace(self, queued=(*again, *self.queued))

    def drop_first(self) -> Outbox:
        """The first of the queue is not worth saying any more."""
        return replace(self, queued=self.queued[1:])

    def sent(self, append: Append, content: bytes | None) -> Outbox:
        """`append` has taken the next counter; a message's `content` is the first of the queue.

        Raises ValueError where it has taken another one.
        """
        if append.counter != self.next_counter:
            raise ValueError(f"an append has counter {append.counter}, and {self.next_counter} is next")
        queued = self.queued if content is None else self.queued[1:]
        in_flight = (*self.in_flight, InFlight(append, content))
        return Outbox(queued, in_flight, self.next_counter + 1)

    def accepted(self, counter: int) -> tuple[Outbox, tuple[InFlight, ...]]:
        """All appends up to `counter` are in the log; also returns which of ours that concerns."""
        done = tuple(sent for sent in self.in_flight if sent.append.counter <= counter)
        return replace(self, in_flight=self.in_flight[len(done) :]), done

    def refused(self, counter: int) -> Outbox:
        """From `counter` on, nothing in flight is in the log, nor will be.

        The messages are plaintext again, and their counters free; a commit among them is dropped.
        """
        kept = tuple(sent for sent in self.in_flight if sent.append.counter < counter)
        refused = self.in_flight[len(kept) :]
        if not refused:
            return self
        # A commit, or what is said of one epoch only, has nothing to be said anew.
        contents = tuple(sent.content for sent in refused if sent.content is not None)
        return Outbox(contents + self.queued, kept, refused[0].append.counter)
