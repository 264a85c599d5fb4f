"""Session descriptions: nothing leaves that says where we are; the other side learns what our line bears.

    a=candidate:... typ host       -> gone        where a call goes through TURN alone
    a=candidate:... typ srflx      -> gone
    a=candidate:... typ relay raddr 192.168.1.7 rport 51000  -> raddr 0.0.0.0 rport 9

aiortc gathers no others under its relay policy; a belt besides the braces, for a library that changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from teduh_sdk.calls.settings import MediaProfile

_RELATED: Final = re.compile(r" raddr \S+ rport \d+")
_OPUS: Final = re.compile(r"^a=rtpmap:(\d+) opus/48000/2$", re.IGNORECASE)
_CONNECTION: Final = re.compile(r"^c=IN (IP4|IP6) \S+$")
_KBIT: Final = 1000
_NOWHERE: Final = {"IP4": "0.0.0.0", "IP6": "::"}  # noqa: S104 -- nothing is bound to it


def is_relayed(candidate: str) -> bool:
    """Whether this is a candidate of a TURN server. An empty one says that no more come."""
    return candidate == "" or " typ relay" in candidate


def relayed_only(sdp: str) -> str:
    """The description without any address but those of TURN servers."""
    return _joined(
        _RELATED.sub(" raddr 0.0.0.0 rport 9", line)
        if line.startswith("a=candidate:")
        else _without_address(line)
        for line in sdp.splitlines()
        if not line.startswith("a=candidate:") or is_relayed(line)
    )


def relayed_candidates(sdp: str) -> int:
    """How many addresses of TURN servers it names."""
    return sum(line.startswith("a=candidate:") and is_relayed(line) for line in sdp.splitlines())


def candidates(sdp: str) -> int:
    """How many addresses it names."""
    return sum(line.startswith("a=candidate:") for line in sdp.splitlines())


def sections(sdp: str, kind: str) -> int:
    """How many sections of this kind it has: `audio`, `video`."""
    return sum(line.startswith(f"m={kind} ") for line in sdp.splitlines())


def within(sdp: str, profile: MediaProfile) -> str:
    """The description that asks the other side to send no more than `profile`, and Opus with FEC and DTX."""
    lines: list[str] = []
    kind = ""
    for line in sdp.splitlines():
        lines.append(line)
        if line.startswith("m="):
            kind = line[2:].partition(" ")[0]
        elif _CONNECTION.match(line) and kind == "video":
            # RFC 8866, 5.8: after c=, in kbit/s with the headers.
            lines.append(f"b=AS:{profile.video_rate // _KBIT}")
        elif opus := _OPUS.match(line):
            lines.append(
                f"a=fmtp:{opus[1]} minptime=10;useinbandfec=1;usedtx=1;maxaveragebitrate={profile.audio_rate}"
            )
    return _joined(lines)


def _without_address(line: str) -> str:
    # The default destination of a section; with ICE, nobody uses it.
    match = _CONNECTION.match(line)
    return line if match is None else f"c=IN {match[1]} {_NOWHERE[match[1]]}"


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\r\n" for line in lines)
