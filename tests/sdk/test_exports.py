"""The public names of the SDK: adding or losing one is meant."""

from __future__ import annotations

import subprocess
import sys

import teduh_sdk
from teduh_sdk import calls, events, exceptions


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
        "Directory",
        "EncryptedKeyStore",
        "Enrolment",
        "VerificationBlocked",
        "IceServers",
        "InvitedTo",
        "KeyStore",
        "MemoryKeyStore",
        "OpenOffer",
        "Organisation",
        "Participant",
        "Preference",
        "PushAddress",
        "Request",
        "Shift",
        "Staff",
        "StaffRouting",
        "Survivor",
        "Urgency",
        "enrol_device",
        "events",
        "exceptions",
        "keep_device",
        "load_organisation",
        "stored_device",
    }


def test_the_extra_for_calls_offers_exactly_these() -> None:
    assert set(calls.__all__) == {
        "LOW_BANDWIDTH",
        "STANDARD",
        "Call",
        "CallSettings",
        "Calls",
        "EndReason",
        "FolderRecorder",
        "Media",
        "MediaProfile",
        "MediaReason",
        "MediaStreamTrack",
        "Recorder",
        "RouteTest",
        "events",
    }


def test_who_only_writes_needs_no_aiortc() -> None:
    program = "import sys, teduh_sdk; raise SystemExit('aiortc' in sys.modules or 'av' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


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


def test_every_event_of_a_call_is_in_the_list_at_the_top() -> None:
    listed = calls.events.__doc__ or ""
    shown = [kind.__name__ for kind in calls.events.CallEvent.__args__]
    assert [name for name in shown if name not in listed] == []
