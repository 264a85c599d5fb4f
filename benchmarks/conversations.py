"""Pairs of connections for the load generator: on our relay survivor and counselor, else strangers.

On ours each pair is a real conversation as the relay sees it: the survivor opens a request, a staff
device with its own statement claims it and appends the first commit with a Welcome. Payloads are random
bytes as long as ciphertext is, for the relay cannot tell the difference.
"""

from __future__ import annotations

import json
import os
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from load import Connected, TextPeer
from raw_socket import RawSocket
from teduh_crypto.credentials import (
    Authority,
    Organisation,
    Role,
    StaffStatement,
    first_revocation_list,
    generate_root_key,
    next_authority_statement,
    sign_authority_statement,
    sign_relay_authentication,
    sign_revocation_list,
    sign_staff_statement,
    split_chain,
)
from teduh_signaling.relay.codec import decode_relay_frame, encode
from teduh_signaling.relay.frames import (
    SUBPROTOCOL,
    Accepted,
    Acknowledge,
    Append,
    Authenticate,
    Authenticated,
    Claim,
    Claimed,
    ClientFrame,
    Entry,
    EntryKind,
    Error,
    Hello,
    OpenRequest,
    RelayFrame,
    RequestOpened,
    Subscribe,
    Subscribed,
)

KEY_PACKAGE_BYTES = 1700
"""About what a KeyPackage of the post-quantum suite takes."""
COMMIT_BYTES = 2000
WELCOME_BYTES = 4000
DAY = 24 * 3600
_IN_FLIGHT = 32
_READY_SECONDS = 20

Wanted = TypeVar("Wanted", bound=RelayFrame)


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


@dataclass(frozen=True, slots=True)
class BenchmarkOrganisation:
    """An organisation whose staff is made as needed. `origin` is the relay's, as staff sign it."""

    origin: str
    root: Ed25519PrivateKey = field(default_factory=generate_root_key, repr=False)
    id: str = "benchmark"

    @property
    def public(self) -> Organisation:
        return Organisation(self.id, "Benchmark", public_bytes(self.root))

    @property
    def authority(self) -> Authority:
        return Authority(self.id, self.root)

    def publish_revocations(self) -> None:
        """Put an empty revocation list and its authority statement on the relay, which refuses all staff
        before it has them.
        """
        now = int(time.time())
        empty = sign_revocation_list(first_revocation_list(self.id, now=now), self.authority)
        stated = next_authority_statement(None, self.id, issuers=frozenset(), least=0, now=now)
        signed = {"list": empty, "authority": sign_authority_statement(stated, self.authority)}
        body = json.dumps(signed).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.origin}/v1/revocations", body, headers, method="PUT")
        late = time.monotonic() + _READY_SECONDS
        while True:
            try:
                urllib.request.urlopen(request).close()
            except urllib.error.HTTPError as error:
                # The other worker may have no word of its store yet.
                if error.code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > late:
                    raise
                time.sleep(0.1)
            else:
                return

    def new_device(self) -> StaffDevice:
        """A staff device with a statement of its own, valid for a day."""
        key = Ed25519PrivateKey.generate()
        now = int(time.time())
        name = secrets.token_hex(8)
        statement = StaffStatement(
            organisation_id=self.id,
            statement_id=f"statement-{name}",
            subject=f"staff-{name}",
            name="Sari",
            role=Role.COUNSELOR,
            languages=("id",),
            skills=(),
            not_before=now - 300,
            expires=now + DAY,
            device_key=public_bytes(key),
        )
        return StaffDevice(key, split_chain(sign_staff_statement(statement, self.authority))[0], self.origin)


@dataclass(frozen=True, slots=True)
class StaffDevice:
    """A device key and the statement about it."""

    key: Ed25519PrivateKey = field(repr=False)
    statement: str
    origin: str

    def authenticate(self, hello: Hello) -> Authenticate:
        return Authenticate(self.statement, sign_relay_authentication(self.key, self.origin, hello.nonce))


class RelayConnection:
    """A raw socket that speaks frames with our relay."""

    __slots__ = ("hello", "socket")

    def __init__(self, port: int) -> None:
        self.socket = RawSocket(port, SUBPROTOCOL)
        self.hello = self.expect(Hello)

    def send(self, frame: ClientFrame) -> None:
        self.socket.send(encode(frame))

    def expect(self, kind: type[Wanted]) -> Wanted:
        """The next frame of that kind; others are passed over. Raises ConnectionError for an Error."""
        while True:
            frame = decode_relay_frame(self.socket.receive())
            if isinstance(frame, kind):
                return frame
            if isinstance(frame, Error):
                raise ConnectionError(f"{frame.code}: {frame.detail}")

    def append_many(self, conversation_id: bytes, count: int, size: int) -> None:
        """Append so many entries at epoch 1 after a first commit, and wait until all are accepted."""
        payload, last = os.urandom(size), count + 1
        for counter in range(2, last + 1):
            self.send(Append(conversation_id, counter, 0, 1, payload))
            if counter % _IN_FLIGHT == 0:
                self._accepted(counter)
        self._accepted(last)

    def _accepted(self, counter: int) -> None:
        while self.expect(Accepted).counter < counter:
            pass


@dataclass(frozen=True, slots=True)
class Pair:
    """Two connected members, ready to be handed over; keeps their sockets open."""

    sockets: tuple[RawSocket, RawSocket]
    members: tuple[Connected | TextPeer, Connected | TextPeer]

    def close(self) -> None:
        for each in self.sockets:
            each.close()


def open_request(capability: bytes) -> OpenRequest:
    return OpenRequest(1, capability, os.urandom(KEY_PACKAGE_BYTES))


def converse(port: int, device: StaffDevice) -> Pair:
    """A survivor and a staff device in a new conversation at epoch 1, its log acknowledged and so trimmed."""
    survivor = RelayConnection(port)
    survivor.send(open_request(secrets.token_bytes(32)))
    conversation = survivor.expect(RequestOpened).conversation_id
    staff = _signed_in(port, device)
    staff.send(Claim(1, conversation))
    staff.expect(Claimed)
    staff.send(Append(conversation, 1, 1, 0, os.urandom(COMMIT_BYTES), os.urandom(WELCOME_BYTES)))
    staff.expect(Accepted)
    while (entry := survivor.expect(Entry)).kind != EntryKind.WELCOME:
        pass
    for member in (survivor, staff):
        member.send(Acknowledge(conversation, entry.seq))
    return Pair(
        (survivor.socket, staff.socket),
        (
            Connected(survivor.socket.fileno(), conversation, epoch=1, counter=0),
            Connected(staff.socket.fileno(), conversation, epoch=1, counter=1),
        ),
    )


@dataclass(frozen=True, slots=True)
class Group:
    """A conversation of a survivor (first) and some staff devices, connected."""

    conversation_id: bytes
    capability: bytes
    connections: tuple[RelayConnection, ...]
    members: tuple[Connected, ...]

    def close(self) -> None:
        for each in self.connections:
            each.socket.close()


def gather(port: int, devices: Sequence[StaffDevice], *, acknowledge: bool = True) -> Group:
    """A conversation at epoch 1 of a survivor and these devices; the first claims it and adds the others.

    Without devices she is alone in it, at epoch 0, and still waits.
    """
    capability = secrets.token_bytes(32)
    survivor = RelayConnection(port)
    survivor.send(open_request(capability))
    conversation = survivor.expect(RequestOpened).conversation_id
    if not devices:
        alone = Connected(survivor.socket.fileno(), conversation)
        return Group(conversation, capability, (survivor,), (alone,))
    staff = [_signed_in(port, device) for device in devices]
    first, *others = staff
    first.send(Claim(1, conversation))
    first.expect(Claimed)
    added = tuple(sha256(public_bytes(device.key)).digest() for device in devices[1:])
    commit = Append(conversation, 1, 1, 0, os.urandom(COMMIT_BYTES), os.urandom(WELCOME_BYTES), added)
    first.send(commit)
    first.expect(Accepted)
    for each in others:
        each.send(Subscribe(1, conversation, 1))
        each.expect(Subscribed)
    for each in (survivor, *others):
        while each.expect(Entry).kind != EntryKind.WELCOME:
            pass
    connections = (survivor, *staff)
    if acknowledge:
        for each in connections:
            each.send(Acknowledge(conversation, 2))
    counters = (0, 1, *(0 for _ in others))
    members = tuple(
        Connected(each.socket.fileno(), conversation, epoch=1, counter=counter)
        for each, counter in zip(connections, counters, strict=True)
    )
    return Group(conversation, capability, connections, members)


def _signed_in(port: int, device: StaffDevice) -> RelayConnection:
    staff = RelayConnection(port)
    staff.send(device.authenticate(staff.hello))
    staff.expect(Authenticated)
    return staff


def meet(port: int) -> Pair:
    """Two connections that the bare relay has paired."""
    name = secrets.token_bytes(16)
    sockets = (RawSocket(port, "bare"), RawSocket(port, "bare"))
    for each in sockets:
        each.send(name)
        each.receive()
    return Pair(sockets, (Connected(sockets[0].fileno()), Connected(sockets[1].fileno())))
