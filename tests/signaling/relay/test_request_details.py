"""What she said of the urgency reaches staff as she said it, and as nothing where she said nothing."""

from __future__ import annotations

import pytest
from msgspec import Struct, msgpack
from support.clients import plain_msgpack
from teduh_signaling.relay.codec import decode_client_frame, encode
from teduh_signaling.relay.frames import OpenRequest, RequestDetails, Urgency

HERS = (
    (RequestDetails(), None),
    (RequestDetails(is_urgency_said=True), Urgency.NORMAL),
    (RequestDetails(urgency=Urgency.URGENT), Urgency.URGENT),
    (RequestDetails(urgency=Urgency.EMERGENCY), Urgency.EMERGENCY),
)


class DetailsOfEarlier(Struct, frozen=True, array_like=True):
    """As in releases that did not say whether an urgency was said, and that take only a number for one."""

    need: str | None = None
    language: str | None = None
    preferred_gender: str | None = None
    region: str | None = None
    urgency: Urgency = Urgency.NORMAL


class RequestOfEarlier(Struct, frozen=True, array_like=True, tag=0x02):
    ref: int
    capability: bytes
    key_package: bytes
    details: DetailsOfEarlier = DetailsOfEarlier()
    proof_of_work: bytes = b""
    continues: bytes | None = None
    continuation: bytes = b""


@pytest.mark.parametrize(("details", "said"), HERS)
def test_it_is_read_as_it_was_said(details: RequestDetails, said: Urgency | None) -> None:
    read = msgpack.decode(msgpack.encode(details), type=RequestDetails)
    assert read.urgency_said is said


@pytest.mark.parametrize(("details", "said"), HERS)
def test_an_earlier_release_reads_by_what_it_is_served(details: RequestDetails, said: Urgency | None) -> None:
    sent = encode(OpenRequest(1, bytes(32), b"kp", details))
    read = msgpack.decode(sent, type=RequestOfEarlier)
    assert read.details.urgency is (said or Urgency.NORMAL)


@pytest.mark.parametrize(("urgency", "said"), [(0, None), (1, Urgency.URGENT), (2, Urgency.EMERGENCY)])
def test_a_0_of_an_earlier_release_says_nothing(urgency: int, said: Urgency | None) -> None:
    """Its page sent one for whoever had said nothing."""
    details = [None, None, None, None, urgency]
    read = decode_client_frame(plain_msgpack.pack([0x02, 1, bytes(32), b"kp", details, b"", None, b""]))
    assert isinstance(read, OpenRequest)
    assert (read.details.urgency, read.details.urgency_said) == (Urgency(urgency), said)


def test_an_earlier_node_that_writes_a_request_anew_leaves_nothing_invented() -> None:
    """While a cluster is updated, one node may keep what another has taken."""
    taken = msgpack.decode(msgpack.encode(RequestDetails(is_urgency_said=True)), type=DetailsOfEarlier)
    assert msgpack.decode(msgpack.encode(taken), type=RequestDetails).urgency_said is None


def test_whatever_else_was_said_is_written_in_one_way() -> None:
    """Or two implementations would write the same request differently."""
    urgent = RequestDetails(urgency=Urgency.URGENT)
    assert urgent == RequestDetails(urgency=Urgency.URGENT, is_urgency_said=True)
    assert plain_msgpack.unpack(msgpack.encode(urgent)) == [None, None, None, None, 1, True]
    of_earlier = plain_msgpack.pack([None, None, None, None, 1])
    assert msgpack.decode(of_earlier, type=RequestDetails) == urgent
