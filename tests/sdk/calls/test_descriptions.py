"""What is said of us in a session description: no address but a TURN server's, and what our line bears."""

from __future__ import annotations

import pytest
from teduh_sdk.calls import LOW_BANDWIDTH
from teduh_sdk.calls.descriptions import candidates, is_relayed, relayed_candidates, relayed_only, within

HOST = "candidate:1 1 udp 2130706431 192.168.1.7 51000 typ host"
REFLEXIVE = "candidate:2 1 udp 1694498815 198.51.100.7 51000 typ srflx raddr 192.168.1.7 rport 51000"
RELAYED = "candidate:3 1 udp 16777215 203.0.113.5 60000 typ relay raddr 198.51.100.7 rport 51000"
MDNS = "candidate:4 1 udp 2113937151 0b1c2d3e-0000-4000-8000-00000000abcd.local 51000 typ host"
PEER_REFLEXIVE = "candidate:5 1 udp 1862270975 198.51.100.7 51000 typ prflx raddr 192.168.1.7 rport 51000"

DESCRIPTION = "\r\n".join(
    [
        "v=0",
        "o=- 1 1 IN IP4 0.0.0.0",
        "m=audio 51000 UDP/TLS/RTP/SAVPF 96",
        "c=IN IP4 192.168.1.7",
        "a=rtpmap:96 opus/48000/2",
        f"a={HOST}",
        f"a={REFLEXIVE}",
        f"a={RELAYED}",
        f"a={MDNS}",
        f"a={PEER_REFLEXIVE}",
        "m=video 51001 UDP/TLS/RTP/SAVPF 97",
        "c=IN IP6 2001:db8::7",
        "a=rtpmap:97 VP8/90000",
        "",
    ]
)


@pytest.mark.parametrize("address", ["192.168.1.7", "198.51.100.7", "2001:db8::7", ".local"])
def test_no_address_of_ours_is_left(address: str) -> None:
    assert address in DESCRIPTION
    assert address not in relayed_only(DESCRIPTION)


def test_the_address_of_the_turn_server_is_left() -> None:
    assert " 203.0.113.5 60000 typ relay raddr 0.0.0.0 rport 9\r\n" in relayed_only(DESCRIPTION)
    assert (candidates(DESCRIPTION), relayed_candidates(DESCRIPTION)) == (5, 1)


def test_everything_else_stays() -> None:
    kept = relayed_only(DESCRIPTION).splitlines()
    assert [line for line in DESCRIPTION.splitlines() if "candidate" not in line and line[:2] != "c="] == [
        line for line in kept if "candidate" not in line and line[:2] != "c="
    ]


@pytest.mark.parametrize("candidate", [HOST, REFLEXIVE, MDNS, PEER_REFLEXIVE])
def test_other_candidates_are_not_relayed(candidate: str) -> None:
    assert not is_relayed(candidate)


def test_a_relayed_candidate_and_the_end_of_all_are() -> None:
    assert is_relayed(RELAYED)
    assert is_relayed("")


def test_the_other_side_is_asked_for_little() -> None:
    lines = within(DESCRIPTION, LOW_BANDWIDTH).splitlines()
    opus = lines[lines.index("a=rtpmap:96 opus/48000/2") + 1]
    assert opus == "a=fmtp:96 minptime=10;useinbandfec=1;usedtx=1;maxaveragebitrate=24000"
    assert lines[lines.index("c=IN IP6 2001:db8::7") + 1] == "b=AS:150"
    assert lines.count("b=AS:150") == 1
