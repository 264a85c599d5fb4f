"""Putting voices back in order, and losing none that came.

    arrived   7  8     10 11    13          held until `DEPTH` later ones are there
    released  7  8     10 11                 whether or not 9 and 12 ever come

aiortc's buffer waits for four packets in a row before it releases one, and throws away what stood by a gap:
of the packets that come through a network that loses 15 %, it hands on less than half.
"""

from __future__ import annotations

from typing import Final

from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtp import RtpPacket
from aiortc.utils import uint16_gt

DEPTH: Final = 4
"""Packets of 20 ms."""


class VoiceBuffer(JitterBuffer):
    """Releases packets in order, each as soon as `DEPTH` later ones have come; late ones are too late."""

    def __init__(self) -> None:
        super().__init__(capacity=16)
        self._held: list[RtpPacket] = []
        self._released: int | None = None

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        """See `JitterBuffer`: no picture is ever lost here, and perhaps a frame is due."""
        number = packet.sequence_number
        is_late = self._released is not None and not uint16_gt(number, self._released)
        if is_late or any(one.sequence_number == number for one in self._held):
            return False, None
        place = sum(uint16_gt(number, one.sequence_number) for one in self._held)
        self._held.insert(place, packet)
        if len(self._held) <= DEPTH:
            return False, None
        first = self._held.pop(0)
        self._released = first.sequence_number
        return False, JitterFrame(data=first._data, timestamp=first.timestamp)  # type: ignore[attr-defined]  # aiortc sets it


def keep_every_voice(receiver: RTCRtpReceiver) -> None:
    """Let this receiver put voices in order by a `VoiceBuffer`; aiortc offers no choice of it."""
    receiver._RTCRtpReceiver__jitter_buffer = VoiceBuffer()  # type: ignore[attr-defined]  # private
