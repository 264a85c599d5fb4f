"""The public API is an explicit list: whoever changes it changes this file too, and knows it."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from types import ModuleType

import pytest

PUBLIC = {
    "relay.codec": "decode_client_frame decode_relay_frame encode encode_accepted",
    "relay.entry": """
        SEQ_END SEQ_OFFSET entry_conversation_id entry_seq entry_template place_entry
    """,
    "relay.exceptions": "FrameNotAllowed LocalProtocolError ProtocolError RemoteProtocolError close_code_for",
    "relay.proof_of_work": "CHECKED attempts solve verify",
    "relay.turn_url": "TurnUrl",
    "relay.protocol": """
        ClientSideProtocol RelaySideProtocol State TRANSITIONS DEFAULT_HEARTBEAT_SECONDS MAX_UNEXPECTED_FRAMES
    """,
    "relay.frame": """
        PROTOCOL_VERSION SUBPROTOCOL MAX_FRAME_BYTES MAX_PAYLOAD_BYTES MAX_EPHEMERAL_BYTES
        MAX_KEY_PACKAGE_BYTES MAX_KEY_PACKAGES MAX_MEMBERS_CHANGED MAX_COLLEAGUES MAX_CONTINUATION_BYTES
        MAX_STATEMENT_CHARACTERS MAX_PROOF_OF_WORK_BYTES MAX_PROOF_OF_WORK_BITS MAX_PRICE_ATTEMPTS
        MAX_PRICE_BITS MAX_PRICE_MEMORY MAX_PRICE_PUZZLES MAX_ICE_URLS
        MAX_ICE_URL_CHARACTERS MAX_TURN_CREDENTIAL_CHARACTERS ConversationId DeviceId Capability Nonce
        Signature KeyPackageBytes Payload EphemeralPayload Statement ShortText UInt32 UInt53 Ref
        SURVIVOR_MEMBER NO_REF EntryKind Urgency Availability CallPolicy ErrorCode CloseCode Frame
        ClientFrame RelayFrame RequestDetails
    """,
    "relay.frames": """
        Authenticate Subscribe Unsubscribe Append Ephemeral Acknowledge Leave PublishKeyPackages
        FetchKeyPackage ListColleagues AcknowledgeInbox Ping FetchIceServers Limits Hello
        Authenticated Subscribed Accepted Entry EphemeralEntry Error Price InboxItem KeyPackage Colleague
        Colleagues Done Moving Pong MembershipEnded IceUrl TurnCredential IceServers MemberDisconnected
        AnyClientFrame AnyRelayFrame
    """,
    "relay.routing_frames": """
        MAX_LISTED_REQUESTS MAX_PREFERENCES MAX_TALLIES MAX_BOARD_DAYS MAX_PUSH_ENDPOINT_CHARACTERS
        PushPublicKey PushSecret Preference Preferences OpenRequest CancelRequest Claim
        SetAvailability WatchQueue AnswerOffer WatchBoard FetchPushKey SubscribePush UnsubscribePush
        AskToJoin JoinAsked
        ReportAbuse RequestReassignment
        RequestOpened QueuePosition Claimed QueueChanged WaitingRequest QueueListing
        Offer OfferEnded PreferencesRelaxed OpeningTime StaffReachable Tally BoardDay Board QueueAlert PushKey
    """,
    "chat.codec": "KNOWN_TAGS decode_message encode_message",
    "chat.exceptions": "LocalMessageError MessageError RemoteMessageError",
    "chat.messages": """
        MAX_MESSAGE_BYTES MAX_BEGINNINGS MAX_RECEIPT_IDS MAX_TEXT_CHARACTERS MessageId DeviceId Seconds
        Bytes Epoch Label Beginning
        Note ReceiptKind Message Text Receipt Leaving Ending EpochAcknowledgement Invitation
        InvitationAnswer Attachment Location Answer Form Referral Unknown AnyMessage CALL_TAGS OfCall
        ServiceId NOTE_KEY_BYTES NOTE_ENC_BYTES SEALED_NOTE_BYTES NoteKey HandOverNote
    """,
    "call.messages": """
        MAX_CANDIDATES MAX_CALL_MEMBERS CallId Milliseconds Leaf Generation Revision Leaves
        EndReason MediaReason NegotiationWish RecordingStep Phase Media Candidate CallMessage Ring
        Join Decline Cancel HangUp Addressed Description Candidates Renegotiate MediaState Recording
        Present Heartbeat AnyCallMessage
    """,
    "call.codec": "KNOWN_CALL_TAGS encode_call decode_call is_heartbeat sent_at",
    "call.exceptions": "CallNotAllowed",
    "call.transitions": """
        CallState CallHappening PeerState PeerHappening CALL_TRANSITIONS PEER_TRANSITIONS
    """,
    "call.timing": "Timing",
    "call.actions": """
        Action Calling Ringing Began Ended Missed PeerJoined PeerLeft PeerDeclined PeerConnected
        PeerReconnecting PeerUnreachable PeerMedia Running RecordingAsked RecordingAnswered
        RecordingAllowed RecordingMustStop PeerRecording CallEvent Send CreateOffer ApplyDescription
        AddCandidates ClosePeer StopMedia Tell
    """,
    "call.freshness": "Freshness",
    "call.participation": "Participation Participations",
    "call.peer": "Ends Peer",
    "call.recording": "RecordingConsent",
    "call.call_state": "Current Rung DeviceCallState",
    "call.call_message_handler": "CallMessageHandler",
    "call.session": "SILENT PeerView RunningCall CallSession",
    "directory.format": """
        HSDS_VERSION MAX_SERVICES MAX_BYTES MAX_COMPRESSED_BYTES NEED_TAXONOMY NEEDS LanguageCode Link Email
        InvalidDirectory Organization Phone Url SpokenLanguage ServiceArea TaxonomyTerm Attribute Translation
        Service Directory read_directory write_directory
    """,
    "directory.hours": "DAYS ShortText LongText Identifier Schedule",
    "directory.search": "AGEING_DAYS HIDDEN_DAYS Query Found search is_open_at",
}


def exported(module: ModuleType) -> set[str]:
    """The public names that the module itself defines (imported ones belong to where they come from)."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and name != "annotations"
        and not isinstance(value, ModuleType)
        and name not in _imported(module)
    }


def _imported(module: ModuleType) -> set[str]:
    assert module.__file__ is not None
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    return {alias.asname or alias.name for node in imports for alias in node.names}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_module_exports_what_is_listed_and_no_more(name: str) -> None:
    module = importlib.import_module(f"teduh_signaling.{name}")
    assert exported(module) == set(PUBLIC[name].split())


def test_every_module_is_listed() -> None:
    root = Path(importlib.import_module("teduh_signaling").__file__ or "").parent
    modules = {
        ".".join(path.relative_to(root).with_suffix("").parts)
        for path in root.rglob("*.py")
        if path.name != "__init__.py"
    }
    assert modules == set(PUBLIC)
