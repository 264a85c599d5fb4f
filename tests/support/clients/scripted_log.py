"""A conversation log in memory, by the relay's rules, that a test can make misbehave: for the sans-IO state.

Members are connected by hand: `connect` subscribes and delivers what is there, `pump` carries everything that
anybody wants to send until all is quiet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import structs
from teduh_crypto.credentials import STAFF_CREDENTIAL_TYPE, Role, encode_credential, sign_staff_statement
from teduh_crypto.hazmat.ciphersuite import cipher_suite
from teduh_crypto.mls import BasicCredential, KeyPackageBundle, OpaqueCredential
from teduh_sdk.conversation.conversation_state import ConversationState
from teduh_sdk.conversation.membership import Identity
from teduh_sdk.events import Event
from teduh_sdk.group.group_changes import CLASSIC_SUITE, AddMember, new_group, new_key_package
from teduh_sdk.group.room import verify_room
from teduh_sdk.trust.authentication_service import AuthenticationService
from teduh_signaling.relay.frames import (
    Accepted,
    AnyClientFrame,
    Append,
    Entry,
    EntryKind,
    Ephemeral,
    EphemeralEntry,
    Error,
    ErrorCode,
    Subscribed,
)

from support.organisation.staffed_organisation import NOW, StaffedOrganisation, public_key

CONVERSATION = b"c" * 16
Tamper = Callable[[Entry], list[Entry]]
Withhold = Callable[[Entry], bool]


def _as_it_is(entry: Entry) -> list[Entry]:
    return [entry]


def nothing(_: Entry) -> bool:
    """An honest relay keeps nothing back."""
    return False


@dataclass
class Seat:
    """One member's connection. `tamper` is what a dishonest relay makes of an entry on its way there;
    `withholds` which entries it keeps back, so that the places of all others, our own too, close the gap.
    """

    name: str
    state: ConversationState
    number: int
    is_connected: bool = False
    counter: int = 0
    tamper: Tamper = _as_it_is
    withholds: Withhold = nothing
    withheld: int = 0
    heard: list[Event] = field(default_factory=list)
    sent: list[AnyClientFrame] = field(default_factory=list)

    def collect(self) -> list[Event]:
        """The events since the last time."""
        self.heard += self.state.take_events()
        heard, self.heard = self.heard, []
        return heard


class ScriptedLog:
    """The log, its epoch, and who is connected. `lose_answers` accepts appends and loses the Accepted;
    `is_lost` knows the conversation no more.

    `now` is everybody's clock (seconds), and stands still unless a test moves it.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.epoch = 0
        self.seats: list[Seat] = []
        self.lose_answers = False
        self.is_lost = False
        self.now = NOW
        self._apart: list[ScriptedLog] = []

    def seat(self, name: str, state: ConversationState, number: int) -> Seat:
        """Give a member its number."""
        seat = Seat(name, state, number)
        self.seats.append(seat)
        return seat

    def connect(self, seat: Seat) -> None:
        """Subscribe after what the member has read, and deliver what is there."""
        seat.is_connected = True
        after = seat.state.cursor + seat.withheld
        kept_back = sum(seat.withholds(entry) for entry in self.entries[after:])
        subscribed = Subscribed(
            ref=1,
            conversation_id=CONVERSATION,
            member=seat.number,
            epoch=self.epoch,
            last_seq=len(self.entries) - seat.withheld - kept_back,
            first_seq=1,
            counter=seat.counter,
        )
        seat.state.connected(subscribed, self.now)
        for entry in self.entries[after:]:
            self._deliver(seat, entry)

    def disconnect(self, seat: Seat) -> None:
        """Cut the connection; what the member wanted to send just now is lost."""
        seat.is_connected = False
        seat.state.disconnected()

    def fork(self, seat: Seat) -> None:
        """From now on this member has a log of its own, as has everybody else: the relay leads them apart."""
        apart = ScriptedLog()
        apart.entries, apart.epoch, apart.now = list(self.entries), self.epoch, self.now
        self.seats.remove(seat)
        apart.seats.append(seat)
        self._apart.append(apart)

    def passes(self, seconds: int) -> None:
        """Time passes, and everybody who is connected looks at the clock every few seconds."""
        for step in [5] * (seconds // 5) + [seconds % 5]:
            self.now += step
            for seat in self.seats:
                seat.state.watch(self.now)
        for apart in self._apart:
            apart.passes(seconds)

    def pump(self) -> None:
        """Carry frames until nobody has any."""
        for apart in self._apart:
            apart.pump()
        carried = True
        while carried:
            turns = [self._carry(seat) for seat in self.seats if seat.is_connected]
            carried = any(turns)

    def _carry(self, seat: Seat) -> bool:
        frames = seat.state.take_frames()
        seat.sent += frames
        for frame in frames:
            if isinstance(frame, Append):
                self.append(seat, frame)
            elif isinstance(frame, Ephemeral):
                for other in self._others(seat):
                    passed_on = EphemeralEntry(CONVERSATION, seat.number, frame.payload)
                    other.state.receive(passed_on, self.now)
        return bool(frames)

    def append(self, seat: Seat, append: Append) -> None:
        """As the relay's script: counter first, then epoch, then everything at once."""
        if self.is_lost:
            self._answer(seat, self._error(ErrorCode.UNKNOWN_CONVERSATION, append.counter, 0))
        elif append.counter <= seat.counter:
            self._answer(seat, Accepted(CONVERSATION, append.counter, 0))
        elif append.counter > seat.counter + 1:
            self._answer(seat, self._error(ErrorCode.COUNTER_GAP, append.counter, seat.counter + 1))
        elif append.epoch != self.epoch:
            self._answer(seat, self._error(ErrorCode.WRONG_EPOCH, append.counter, self.epoch))
        else:
            self._put(seat, append)

    def _put(self, seat: Seat, append: Append) -> None:
        seat.counter = append.counter
        seq = len(self.entries) + 1
        kind = EntryKind(append.kind)
        self._publish(
            seat,
            Entry(CONVERSATION, seq, seat.number, append.counter, kind, append.epoch, append.payload),
        )
        if kind is EntryKind.COMMIT:
            self.epoch += 1
        if append.welcome is not None:
            self._publish(
                seat,
                Entry(CONVERSATION, seq + 1, seat.number, 0, EntryKind.WELCOME, append.epoch, append.welcome),
            )
        if not self.lose_answers:
            self._answer(seat, Accepted(CONVERSATION, append.counter, seq))

    def _publish(self, seat: Seat, entry: Entry) -> None:
        self.entries.append(entry)
        for other in self._others(seat):
            self._deliver(other, entry)

    def _others(self, seat: Seat) -> list[Seat]:
        return [other for other in self.seats if other is not seat and other.is_connected]

    def _deliver(self, seat: Seat, entry: Entry) -> None:
        if seat.withholds(entry):
            seat.withheld += 1
            return
        for made in seat.tamper(structs.replace(entry, seq=entry.seq - seat.withheld)):
            seat.state.receive(made, self.now)

    def _answer(self, seat: Seat, frame: Accepted | Error) -> None:
        if isinstance(frame, Accepted) and frame.seq:
            frame = structs.replace(frame, seq=frame.seq - seat.withheld)
        if seat.is_connected:
            seat.state.receive(frame, self.now)

    @staticmethod
    def _error(code: ErrorCode, counter: int, expected: int) -> Error:
        return Error(code, "", conversation_id=CONVERSATION, counter=counter, expected=expected)


@dataclass
class StaffDevice:
    """A staff member's device, with a statement of the organisation."""

    organisation: StaffedOrganisation
    name: str
    role: Role = Role.COUNSELOR
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    suite: int = CLASSIC_SUITE

    @property
    def device_id(self) -> bytes:
        return hashlib.sha256(public_key(self.key)).digest()

    @property
    def statement(self) -> str:
        described = self.organisation.describe(self.key, f"statement-{self.name}")
        named = replace(described, name=self.name, role=self.role, subject=f"staff-{self.name}")
        return sign_staff_statement(named, self.organisation.authority)

    @property
    def credential(self) -> OpaqueCredential:
        return OpaqueCredential(STAFF_CREDENTIAL_TYPE, encode_credential(self.statement))

    def key_package(self) -> KeyPackageBundle:
        suite = cipher_suite(self.suite)
        key = suite.load_signature_key(self.key.private_bytes_raw())
        return new_key_package(suite, self.credential, key, NOW)

    def state(self, bundle: KeyPackageBundle | None = None) -> ConversationState:
        identity = Identity(
            public_key(self.key), is_survivor=False, bundles=() if bundle is None else (bundle,)
        )
        service = AuthenticationService.of(
            self.organisation.public, self.organisation.revocations, self.organisation.stated
        )
        return ConversationState(CONVERSATION, identity, verify_room(service))


def survivor_state(
    organisation: StaffedOrganisation, suite_code: int = CLASSIC_SUITE, *, can_call: bool = True
) -> tuple[ConversationState, KeyPackageBundle]:
    """A survivor who has asked, and her key package."""
    suite = cipher_suite(suite_code)
    bundle = new_key_package(suite, BasicCredential(b"s" * 16), suite.generate_signature_key(), NOW)
    identity = Identity(bundle.signature_key.public, is_survivor=True, bundles=(bundle,), can_call=can_call)
    service = AuthenticationService.of(organisation.public, organisation.revocations, organisation.stated)
    return ConversationState(CONVERSATION, identity, verify_room(service)), bundle


@dataclass
class Pair:
    """A survivor (member 0) and a counselor (member 1) who are talking."""

    organisation: StaffedOrganisation
    log: ScriptedLog
    survivor: Seat
    counselor: Seat
    device: StaffDevice

    def add_invited(
        self, colleague: StaffDevice, number: int = 2, *, meanwhile: str = "", withholds: Withhold = nothing
    ) -> Seat:
        """Have the counselor add a colleague whom the survivor has accepted; returns her seat, connected.

        `meanwhile` is what the survivor says as the commit is made: it comes into the log before that.
        """
        bundle = colleague.key_package()
        invitation = self.counselor.state.invite(
            colleague.device_id, colleague.name, colleague.role.value, "she knows the law", NOW
        )
        self.log.pump()
        self.survivor.state.answer(invitation, accepted=True, now=NOW)
        self.log.pump()
        self.counselor.state.change(AddMember(bundle.key_package), NOW)
        if meanwhile:
            self.survivor.state.send_text(meanwhile, NOW)
        self.log.pump()
        return self.seat_invited(colleague, bundle, number, withholds)

    def seat_invited(
        self,
        colleague: StaffDevice,
        bundle: KeyPackageBundle,
        number: int = 2,
        withholds: Withhold = nothing,
    ) -> Seat:
        """Seat a colleague for whom a Welcome is the newest in the log, and connect her."""
        state = colleague.state(bundle)
        place = max(entry.seq for entry in self.log.entries if entry.kind is EntryKind.WELCOME)
        state.start_after(place - 1)
        seat = self.log.seat(colleague.name, state, number)
        seat.withholds = withholds
        self.log.connect(seat)
        self.log.pump()
        return seat


def talking_pair(suite: int = CLASSIC_SUITE, withholds: Withhold = nothing, *, can_call: bool = True) -> Pair:
    """Two who have just come together, of which the relay keeps something back from the survivor."""
    organisation, log = StaffedOrganisation(), ScriptedLog()
    asking, bundle = survivor_state(organisation, suite, can_call=can_call)
    survivor = log.seat("survivor", asking, 0)
    survivor.withholds = withholds
    log.connect(survivor)
    device = StaffDevice(organisation, "Sari", suite=suite)
    accepting = device.state()
    counselor = log.seat("Sari", accepting, 1)
    counselor.is_connected = True
    group = new_group(CONVERSATION, suite, device.credential, device.key.private_bytes_raw())
    accepting.create(group, 1, AddMember(bundle.key_package, by_capability=True), NOW)
    log.pump()
    return Pair(organisation, log, survivor, counselor, device)
