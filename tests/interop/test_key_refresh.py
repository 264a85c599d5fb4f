"""A copied state heals, also where the other side runs the other language, in the hybrid suite.

Whoever has copied one member's state reads everything in the log and follows the other's commits. It opens
what is said until the victim's next refresh, and nothing after it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from support.clients.sdk_people import enrolled, new_staff, until
from support.clients.web_peer import WebPeer, organisation_json, web_peer
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_crypto.credentials import STAFF_CREDENTIAL_TYPE, encode_credential, sign_staff_statement
from teduh_crypto.exceptions import RemoteError
from teduh_crypto.mls import ApplicationMessage, CommitReceived, Group, LeafChange, OpaqueCredential
from teduh_crypto.padding import padding_for
from teduh_sdk import events
from teduh_sdk.conversation import conversation
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.group.group_changes import GROUP_POLICY, HYBRID_SUITE
from teduh_sdk.group.leaf_key_age import MOST_SECONDS
from teduh_sdk.group.sender_order import authenticated_counter
from teduh_sdk.net import clock
from teduh_sdk.net.relay_link import RelayLink
from teduh_sdk.staff.staff import Staff
from teduh_sdk.survivor import Survivor
from teduh_signaling.relay.frames import SURVIVOR_MEMBER, Accepted, Append, Entry, EntryKind


@dataclass
class Log:
    """All that went through the log, as the Python side has seen it: whether it is hers, kind and payload."""

    entries: dict[int, tuple[bool, EntryKind, bytes]] = field(default_factory=dict)
    _sent: dict[int, tuple[EntryKind, bytes]] = field(default_factory=dict)

    def watch(self, monkeypatch: pytest.MonkeyPatch, *, is_survivor: bool) -> None:
        """Note what this test's only Python client sends and receives."""
        send, receive = RelayLink.send, Conversation.receive

        def sending(link: RelayLink, frame: object) -> None:
            if isinstance(frame, Append):
                self._sent[frame.counter] = (EntryKind(frame.kind), frame.payload)
            send(link, frame)  # type: ignore[arg-type]  # as it came

        def receiving(here: Conversation, frame: object) -> None:
            if isinstance(frame, Entry) and frame.kind is not EntryKind.WELCOME:
                self.entries[frame.seq] = (frame.member == SURVIVOR_MEMBER, frame.kind, frame.payload)
            elif isinstance(frame, Accepted):
                self.entries[frame.seq] = (is_survivor, *self._sent[frame.counter])
            receive(here, frame)  # type: ignore[arg-type]  # as it came

        monkeypatch.setattr(RelayLink, "send", sending)
        monkeypatch.setattr(Conversation, "receive", receiving)


@dataclass
class Side:
    """One side of a conversation, in either language."""

    here: Conversation | None
    peer: WebPeer
    monkeypatch: pytest.MonkeyPatch
    _ahead: int = 0
    _stolen: Group | None = None

    async def say(self, text: str) -> None:
        if self.here is None:
            await self.peer.call("send", text=text)
        else:
            await self.here.send(text)

    async def hear(self) -> str:
        if self.here is None:
            return str((await self.peer.until("textReceived"))["text"])
        return (await until(self.here, events.TextReceived)).text

    async def wait(self, seconds: int) -> None:
        """For this side alone, so that it is the one that commits when it speaks next."""
        if self.here is None:
            await self.peer.call("setClock", within=seconds)
            return
        self._ahead += seconds
        self.monkeypatch.setattr(conversation, "now_in_seconds", lambda: clock.now_in_seconds() + self._ahead)

    async def steal(self) -> None:
        """Copy its state."""
        if self.here is None:
            await self.peer.call("steal")
        else:
            group = self.here.state.membership.group
            assert group is not None
            self._stolen = Group.from_bytes(group.to_bytes(), policy=GROUP_POLICY)

    async def read_stolen(self, payload: bytes) -> str:
        """What the copy makes of a payload."""
        if self.here is None:
            return str(await self.peer.call("readStolen", payload=payload.hex()))
        assert self._stolen is not None
        try:
            group, received = self._stolen.unprotect(payload, now=clock.now_in_seconds())
        except RemoteError:
            return "nothing"
        if isinstance(received, CommitReceived | ApplicationMessage):
            self._stolen = group
        return "commit" if isinstance(received, CommitReceived) else "application"


@pytest.fixture
async def environment(tmp_path: Path) -> AsyncIterator[tuple[str, RelayOrganisation]]:
    organisation = RelayOrganisation()
    with start_valkey() as valkey:
        async with relay_here(organisation.write(tmp_path), valkey.url) as (_, url):
            await organisation.publish_revocations(url)
            yield url, organisation


async def accepted(staff: Staff) -> Conversation:
    async for request in staff.requests(capacity=3):
        return await request.accept()
    raise AssertionError("there are always requests")


@pytest.mark.parametrize("is_in_python", [True, False], ids=["her copied", "his copied"])
async def test_a_copied_state_of_a_survivor_in_python_or_staff_in_the_browser_heals(
    environment: tuple[str, RelayOrganisation], monkeypatch: pytest.MonkeyPatch, is_in_python: bool
) -> None:
    url, organisation = environment
    log = Log()
    async with web_peer() as peer, Survivor(url, organisation.public, suite=HYBRID_SUITE) as survivor:
        log.watch(monkeypatch, is_survivor=True)
        device = organisation.staff("Sari")
        private_key = device.key.private_bytes_raw().hex()
        await peer.call("haveDevice", privateKey=private_key, statement=device.statement)
        await peer.call("openStaff", url=url, organisation=organisation_json(organisation.public))
        hers = await survivor.ask()
        await peer.call("acceptRequest")
        await hers.joined()
        her, his = Side(hers, peer, monkeypatch), Side(None, peer, monkeypatch)
        sides = (her, his) if is_in_python else (his, her)
        await heals(*sides, log, is_survivor=is_in_python)


@pytest.mark.parametrize("is_in_python", [True, False], ids=["his copied", "her copied"])
async def test_a_copied_state_of_staff_in_python_or_a_survivor_in_the_browser_heals(
    environment: tuple[str, RelayOrganisation], monkeypatch: pytest.MonkeyPatch, is_in_python: bool
) -> None:
    url, organisation = environment
    log = Log()
    device = new_staff(organisation, "Sari")
    async with web_peer() as peer, Staff(url, organisation.public, device) as staff:
        log.watch(monkeypatch, is_survivor=False)
        public = organisation_json(organisation.public)
        await peer.call("openSurvivor", url=url, organisation=public, suite=HYBRID_SUITE)
        await peer.call("ask")
        his = Side(await accepted(staff), peer, monkeypatch)
        await peer.until("joined")
        her = Side(None, peer, monkeypatch)
        sides = (his, her) if is_in_python else (her, his)
        await heals(*sides, log, is_survivor=not is_in_python)


async def heals(victim: Side, other: Side, log: Log, *, is_survivor: bool) -> None:
    """Play it; `is_survivor` tells which entries are the victim's."""
    for speaker, hearer in ((victim, other), (other, victim)):
        await speaker.say("we have both renewed the keys that we joined with")
        await hearer.hear()
    for side in (victim, other):
        if side.here is not None:
            # The copy may have read what the log knows of only with the relay's answer.
            await side.here.confirmed()
    await victim.steal()
    stolen_at = max(log.entries)
    await other.wait(MOST_SECONDS)
    await other.say("read by whoever follows my commit")
    await victim.hear()
    await victim.wait(MOST_SECONDS)
    await victim.say("and this is behind a commit of mine")
    await other.hear()
    for number in range(2):
        await other.say(f"{number}: not read any more")
        await victim.hear()
        await other.wait(MOST_SECONDS)
    await victim.say("nor is this")
    await other.hear()

    entries = [log.entries[seq] for seq in sorted(log.entries) if seq > stolen_at]
    commits = [place for place, (_, kind, _) in enumerate(entries) if kind is EntryKind.COMMIT]
    refreshed = next((place for place in commits if entries[place][0] == is_survivor), len(entries))
    opened = [
        (place, await victim.read_stolen(payload))
        for place, (is_hers, _, payload) in enumerate(entries)
        if is_hers != is_survivor
    ]
    assert refreshed < len(entries), f"it never renews its keys; the copy opened {opened}"
    assert {what for place, what in opened if place < refreshed} == {"commit", "application"}
    assert any(place > refreshed for place in commits), "the other has committed once more"
    assert {what for place, what in opened if place > refreshed} == {"nothing"}


async def test_the_browser_refuses_a_refresh_that_puts_another_identity_into_the_leaf(
    environment: tuple[str, RelayOrganisation],
) -> None:
    """The same key, name and role under another statement: no path changes who sits at its leaf."""
    url, organisation = environment
    device = organisation.staff("Sari")
    async with web_peer() as peer, Staff(url, organisation.public, enrolled(device)) as staff:
        public = organisation_json(organisation.public)
        await peer.call("openSurvivor", url=url, organisation=public, suite=HYBRID_SUITE)
        await peer.call("ask")
        his = await accepted(staff)
        await peer.until("joined")
        await peer.call("confirmed")
        await his.send("hello")
        assert (await peer.until("textReceived"))["text"] == "hello"
        await his.confirmed()
        group = his.state.membership.group
        assert group is not None
        statement = sign_staff_statement(
            replace(device.about, statement_id="another"), organisation.authority
        )
        leaf = LeafChange(credential=OpaqueCredential(STAFF_CREDENTIAL_TYPE, encode_credential(statement)))
        counter = his.state.save().outbox.next_counter
        commit = group.commit(
            (), leaf=leaf, authenticated_data=authenticated_counter(counter), padding=padding_for
        )
        his._link.send(Append(his.id, counter, EntryKind.COMMIT.value, group.epoch, commit.message))
        assert "another identity" in str((await peer.until("stopped"))["reason"])
