"""Who is in which call, as far as one can tell from what was heard.

    Ring, Join, Heartbeat ──> in a call, since `joined` ──> HangUp, Cancel, removal ──> gone
                                     │    ^                                               what it said before
                                     v    │ heard again                                   no longer counts
                                  silence: gone, until it is heard again

A device is in one call at most; a later `joined` replaces what was before it. An end that overtakes the
beginning is remembered, and the beginning then ignored.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from teduh_signaling.call.messages import EndReason, Heartbeat, Join, Media, Phase, Ring
from teduh_signaling.call.timing import Timing


@dataclass(frozen=True, slots=True)
class Participation:
    """One device's part in one call. `heard` is when it last said anything, by our clock; `alive`, when
    the connection to it last stood.
    """

    call: bytes
    joined: int
    phase: Phase
    can_restart_ice: bool
    media: Media
    heard: int
    alive: int = 0

    @property
    def was_there(self) -> int:
        """When it last gave a sign of life, whichever."""
        return max(self.heard, self.alive)


@dataclass(frozen=True, slots=True)
class _Gone:
    joined: int
    until: int


@dataclass(slots=True)
class Participations:
    """Who of the others is in which call."""

    timing: Timing
    _present: dict[int, Participation] = field(default_factory=dict)
    _gone: dict[int, _Gone] = field(default_factory=dict)
    _reasons: dict[int, EndReason] = field(default_factory=dict)
    # Whoever does not see us is not believed to be with us, until it does or some time has passed.
    _blind: dict[int, int] = field(default_factory=dict)
    # Of whom we could not hear, and have heard nothing since.
    _excused: set[int] = field(default_factory=set)

    def of(self, leaf: int) -> Participation | None:
        """Its part in a call, if it has one."""
        return self._present.get(leaf)

    def is_current(self, leaf: int, call: bytes, joined: int) -> bool:
        """Whether this is the part that it has."""
        one = self._present.get(leaf)
        return one is not None and (one.call, one.joined) == (call, joined)

    def within(self, call: bytes) -> dict[int, Participation]:
        """Who is in `call`, by leaf."""
        return {leaf: one for leaf, one in sorted(self._present.items()) if one.call == call}

    def calls(self) -> tuple[bytes, ...]:
        """The calls in which somebody talks, the lowest first."""
        return tuple(sorted({one.call for one in self._present.values() if one.phase is Phase.IN_CALL}))

    def reason(self, leaf: int) -> EndReason:
        """Why it is no longer where it was."""
        return self._reasons.get(leaf, EndReason.REPLACED)

    def enters(self, leaf: int, message: Ring | Join | Heartbeat, heard: int) -> bool:
        """It says that it is in a call; returns whether that counts."""
        gone = self._gone.get(leaf)
        if gone is not None and message.joined <= gone.joined:
            return False
        known = self._present.get(leaf)
        is_same = known is not None and (known.call, known.joined) == (message.call, message.joined)
        if known is not None and not is_same and message.joined <= known.joined:
            return False
        phase = _phase_of(message)
        if known is not None and is_same:
            phase = max(phase, known.phase)
            heard = max(heard, known.heard)
        restarts = message.can_restart_ice
        media, alive = (known.media, known.alive) if known is not None and is_same else (message.media, 0)
        part = Participation(message.call, message.joined, phase, restarts, media, heard, alive)
        self._present[leaf] = part
        self._excused.discard(leaf)
        self._reasons.pop(leaf, None)
        return True

    def speaks(self, leaf: int, heard: int) -> None:
        """It was heard."""
        known = self._present.get(leaf)
        if known is not None:
            self._present[leaf] = replace(known, heard=max(heard, known.heard))
            self._excused.discard(leaf)

    def lives(self, leaf: int, now: int) -> None:
        """The connection to it stands."""
        known = self._present.get(leaf)
        if known is not None:
            self._present[leaf] = replace(known, alive=now)

    def is_unheard(self, leaf: int, now: int) -> bool:
        """Whether it has said nothing for so long that it would be gone, but for its connection."""
        known = self._present.get(leaf)
        return known is not None and now >= known.heard + self.timing.silence

    def leaves(self, leaf: int, joined: int, reason: EndReason, now: int) -> bool:
        """It has left; nothing that belongs to this part or an earlier one counts any more.

        Returns whether that is new.
        """
        gone = self._gone.get(leaf)
        if gone is not None and joined <= gone.joined:
            return False
        self._gone[leaf] = _Gone(joined, now + self.timing.old)
        known = self._present.get(leaf)
        if known is not None and known.joined <= joined:
            self._drop(leaf, reason)
        return True

    def remove(self, leaf: int) -> None:
        """It is no longer in the conversation; another device may get its leaf."""
        self._drop(leaf, EndReason.REMOVED)
        self._gone.pop(leaf, None)
        self._blind.pop(leaf, None)

    def forget_all(self) -> None:
        """We are in the conversation no longer."""
        for leaf in list(self._present):
            self.remove(leaf)

    def does_not_see_us(self, leaf: int, now: int) -> None:
        """It is heard, and does not hear us."""
        self._drop(leaf, EndReason.LOST)
        self._blind[leaf] = now + self.timing.old

    def is_blind(self, leaf: int, *, sees_us: bool) -> bool:
        """Whether what it says does not count, because it does not see us."""
        if sees_us:
            self._blind.pop(leaf, None)
        return leaf in self._blind

    def could_not_be_heard(self, now: int) -> None:
        """We were asleep, or our clock was set: nobody was silent meanwhile. Each is excused once, until it
        is heard again.
        """
        for leaf, one in self._present.items():
            if leaf not in self._excused:
                self._present[leaf] = replace(one, heard=max(one.heard, now))
                self._excused.add(leaf)

    def expire(self, now: int) -> None:
        """Forget whoever fell silent, and what is past."""
        for leaf, one in list(self._present.items()):
            if now >= one.was_there + self.timing.silence:
                self._drop(leaf, EndReason.LOST)
        for leaf, gone in list(self._gone.items()):
            if now >= gone.until:
                del self._gone[leaf]
        for leaf, until in list(self._blind.items()):
            if now >= until:
                del self._blind[leaf]

    def deadlines(self) -> Iterable[int]:
        """When to look again."""
        return (one.was_there + self.timing.silence for one in self._present.values())

    def _drop(self, leaf: int, reason: EndReason) -> None:
        self._excused.discard(leaf)
        if self._present.pop(leaf, None) is not None:
            self._reasons[leaf] = reason


def _phase_of(message: Ring | Join | Heartbeat) -> Phase:
    match message:
        case Ring():
            return Phase.CALLING
        case Join():
            return Phase.IN_CALL
        case Heartbeat():
            return message.phase
