"""The index of staff devices: whoever has gone leaves nothing in it."""

from __future__ import annotations

from teduh_server.staff.staff_index import PresentDevice, StaffIndex
from teduh_signaling.relay.frames import Availability


def device(key: int, person: bytes = b"p" * 16) -> PresentDevice:
    return PresentDevice(
        key,
        key.to_bytes(32, "big"),
        person,
        "counselor",
        (),
        (),
        "statement",
        None,
        availability=Availability.AVAILABLE,
        capacity=2,
    )


def held(index: StaffIndex) -> int:
    return sum(len(getattr(index, name)) for name in StaffIndex.__slots__)


def test_of_those_who_came_and_went_nothing_stays_whether_or_not_anybody_asked() -> None:
    index = StaffIndex()
    for key in range(100):
        index.put("node", device(key, key.to_bytes(16, "big")))
        if key % 2:
            assert len(index.available()) == 1
        index.drop("node", key)
    assert held(index) == 0
    assert index.available() == []


def test_who_has_another_device_is_still_there() -> None:
    index = StaffIndex()
    index.put("node", device(1))
    index.put("another", device(2))
    assert [one.devices for one in index.available()] == [
        frozenset({device(1).device_id, device(2).device_id})
    ]
    index.drop("node", 1)
    assert [one.devices for one in index.available()] == [frozenset({device(2).device_id})]
    index.drop_node("another")
    assert held(index) == 0
