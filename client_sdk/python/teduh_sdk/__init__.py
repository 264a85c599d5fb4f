"""The SDK of Teduh: an end-to-end encrypted conversation between somebody who seeks help and those who help.

    Survivor.ask() ──> Conversation <── Request.accept() ── Staff.requests()

A `Conversation` is iterated over for events, and spoken into by `send`. Everything that a relay may not
know is encrypted before it leaves, and nobody is in a conversation whose statement was not verified.
"""

from teduh_crypto.credentials import Organisation
from teduh_signaling.relay.frames import Availability, CallPolicy, Preference, Urgency

from teduh_sdk import events, exceptions
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.device.device import Device, keep_device, stored_device
from teduh_sdk.device.enrolment import Enrolment, enrol_device
from teduh_sdk.device.key_store import EncryptedKeyStore, KeyStore, MemoryKeyStore
from teduh_sdk.directory.directory import Directory
from teduh_sdk.group.group_changes import CLASSIC_SUITE, HYBRID_SUITE
from teduh_sdk.group.room import Participant
from teduh_sdk.net.ice_servers import IceServers
from teduh_sdk.staff.staff import InvitedTo, Request, Shift, Staff
from teduh_sdk.staff.staff_routing import OpenOffer, PushAddress, StaffRouting
from teduh_sdk.survivor import Survivor
from teduh_sdk.trust.authentication_service import AuthenticationService
from teduh_sdk.trust.colleague import Colleague
from teduh_sdk.trust.organisation import load_organisation
from teduh_sdk.trust.verification_blocked import VerificationBlocked

__all__ = [
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
    "VerificationBlocked",
    "enrol_device",
    "events",
    "exceptions",
    "keep_device",
    "load_organisation",
    "stored_device",
]
