"""The public names of the SDK: adding or losing one is meant."""

from __future__ import annotations

import teduh_sdk
from teduh_sdk import events, exceptions


def test_the_package_offers_exactly_these() -> None:
    assert set(teduh_sdk.__all__) == {
        "CLASSIC_SUITE",
        "HYBRID_SUITE",
        "AuthenticationService",
        "Availability",
        "CallPolicy",
        "Colleague",
        "Conversation",
        "Device",
        "EncryptedKeyStore",
        "Enrolment",
        "IceServers",
        "InvitedTo",
        "KeyStore",
        "MemoryKeyStore",
        "Organisation",
        "Participant",
        "Request",
        "Staff",
        "Survivor",
        "Urgency",
        "enrol_device",
        "events",
        "exceptions",
        "keep_device",
        "load_organisation",
        "stored_device",
    }


def test_every_name_is_there() -> None:
    assert all(hasattr(teduh_sdk, name) for name in teduh_sdk.__all__)


def test_every_exception_is_a_teduh_error_and_in_the_drawn_tree() -> None:
    drawn = exceptions.__doc__ or ""
    for name, value in vars(exceptions).items():
        if isinstance(value, type) and value.__module__ == exceptions.__name__:
            assert issubclass(value, exceptions.TeduhError)
            assert name in drawn


def test_every_event_is_in_the_list_at_the_top() -> None:
    listed = events.__doc__ or ""
    shown = [kind.__name__ for kind in events.Event.__args__]
    assert [name for name in shown if name not in listed] == []
