"""The `store_url` in all its forms, and the map of a cluster that is believed."""

from __future__ import annotations

import pytest
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.cluster_map import best_map
from teduh_server.redis_store.commands import Reply
from teduh_server.redis_store.exceptions import StoreUnavailable
from teduh_server.redis_store.location import ClusterLocation, SentinelLocation, parse_location

ONE, TWO, THREE = (StoreAddress(host="10.0.0.1", port=port) for port in (1, 2, 3))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://cache/2", StoreAddress(host="cache", database=2)),
        (
            "redis+cluster://relay:s%40cret@a:7000,b",
            ClusterLocation(
                (
                    StoreAddress(host="a", port=7000, username="relay", password="s@cret"),
                    StoreAddress(host="b", username="relay", password="s@cret"),
                )
            ),
        ),
        (
            "rediss+sentinel://:data@one,two:7777/help?db=3&sentinel_password=watch",
            SentinelLocation(
                (
                    StoreAddress(host="one", port=26379, tls=True, password="watch"),
                    StoreAddress(host="two", port=7777, tls=True, password="watch"),
                ),
                "help",
                StoreAddress(tls=True, database=3, password="data"),
            ),
        ),
    ],
)
def test_url_names_servers_of_every_kind(url: str, expected: object) -> None:
    assert parse_location(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://cache",
        "redis+proxy://cache",
        "redis+cluster://",
        "redis+cluster://a,b/2",
        "redis+sentinel://a,b",
        "redis+sentinel://a/name?database=2",
        "redis+sentinel://a/name/other",
    ],
)
def test_url_of_no_known_form_is_refused(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- the sentence is for people
        parse_location(url)


def _info(state: str, epoch: int) -> Reply:
    return b"cluster_state:%b\r\ncluster_current_epoch:%d\r\n" % (state.encode(), epoch)


def _slots(master: StoreAddress, replica: StoreAddress | None = None) -> Reply:
    nodes: list[Reply] = [[each.host.encode(), each.port, b"id"] for each in (master, replica) if each]
    return [[0, 16383, *nodes]]


def test_node_that_was_cut_off_is_not_believed() -> None:
    """It is in the old epoch, or knows that its part of the cluster does not work."""
    behind = (ONE, [_info("ok", 3), _slots(ONE)])
    alone = (TWO, [_info("fail", 9), _slots(TWO)])
    newest = (THREE, [_info("ok", 4), _slots(THREE, ONE)])
    found = best_map([behind, alone, newest])
    assert found.owner(0) == found.owner(16383) == THREE
    assert (found.masters, found.replicas) == ((THREE,), (ONE,))


def test_node_that_does_not_know_its_address_is_where_it_was_asked() -> None:
    found = best_map([(TWO, [_info("ok", 1), [[0, 16383, [b"", 7, b"id"]]]])])
    assert found.owner(5) == StoreAddress(host="10.0.0.1", port=7)


def test_without_answers_there_is_no_map() -> None:
    with pytest.raises(StoreUnavailable):
        best_map([])


def test_moved_slot_is_the_only_one_that_changes() -> None:
    moved = best_map([(ONE, [_info("ok", 1), _slots(ONE)])]).moved(7, TWO)
    assert [moved.owner(slot) for slot in (6, 7, 8)] == [ONE, TWO, ONE]
