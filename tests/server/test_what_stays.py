"""What is left in the store: only documented keys, each with an expiry, and nobody's name."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from support.clients.frame_client import frame_client, talking_pair
from support.eventually import becomes
from support.organisation.relay_organisation import RelayOrganisation, StaffDevice
from support.relay.relay_process import relay_here
from teduh_server.organisation import enrolment_store
from teduh_server.redis_store import keys
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.commands import Reply
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.replies import as_bytes, as_list
from teduh_signaling.relay.frames import (
    Acknowledge,
    AcknowledgeInbox,
    Availability,
    Done,
    InboxItem,
    Leave,
    PublishKeyPackages,
    SetAvailability,
)

NAME = "Sari Penyelamat"


async def _exercise(url: str, organisation: RelayOrganisation) -> None:
    """Everything that writes: requests, claims, commits, an invitation, messages, leaving."""
    sari, budi = organisation.staff(NAME), organisation.staff("Budi")
    async with (
        frame_client(url) as waiting,
        frame_client(url) as invited,
        talking_pair(url, sari) as (survivor, staff, conversation),
    ):
        await waiting.open_request()
        await invited.authenticate(budi)
        await staff.ask(SetAvailability(1, Availability.AVAILABLE, 1), Done)
        await staff.ask(PublishKeyPackages(2, (sari.statement.encode(),)), Done)
        await staff.append(conversation, 2, b"commit", kind=1, welcome=b"w", added=(budi.id,))
        await invited.expect(InboxItem)
        await invited.subscribe(conversation, 3)
        for counter in range(1, 4):
            await survivor.append(conversation, counter, b"ciphertext", epoch=2)
        for client in (survivor, staff, invited):
            await client.send(Acknowledge(conversation, 6))
        await invited.ask(Leave(5, conversation), Done)
        await survivor.append(conversation, 4, b"ciphertext", epoch=2)


async def _dump(store: Store) -> dict[bytes, tuple[int, Reply]]:
    found = {}
    names = await store.ask((b"KEYS", b"*"))
    assert isinstance(names, list)
    for name in names:
        assert isinstance(name, bytes)
        remaining = await store.ask((b"PTTL", name))
        assert isinstance(remaining, int)
        found[name] = remaining, await store.ask((b"DUMP", name))
    return found


async def test_every_key_expires_within_the_retention_time(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    store = Store(StoreAddress.parse(valkey.url))
    await store.start()
    async with relay_here(organisation.write(tmp_path), valkey.url, retention_hours=2) as (_, url):
        await organisation.publish_revocations(url)
        await _exercise(url, organisation)
        found = await _dump(store)
    assert len(found) >= 8
    for name, (remaining, _) in found.items():
        longest = 60 * 86_400_000 if name.startswith(b"revocations:") else 2 * 3_600_000 + 60_000
        assert 0 < remaining <= longest, name
    await store.close()


async def test_every_key_is_documented(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, relay_url: str
) -> None:
    store = Store(StoreAddress.parse(valkey.url))
    await store.start()
    await _exercise(relay_url, organisation)
    found = await _dump(store)
    documented = _patterns(keys.__doc__) + _patterns(enrolment_store.__doc__)
    for name in found:
        assert any(pattern.fullmatch(name.decode()) for pattern in documented), name
    await store.close()


async def test_no_name_and_no_statement_is_in_the_store(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, relay_url: str
) -> None:
    store = Store(StoreAddress.parse(valkey.url))
    await store.start()
    await _exercise(relay_url, organisation)
    everything = b"".join(value for _, value in (await _dump(store)).values() if isinstance(value, bytes))
    for offset in range(3):
        # However the name lies in base64, one of these is in it.
        encoded = base64.urlsafe_b64encode(b" " * offset + NAME.encode())[4:-4]
        assert encoded not in everything
    assert NAME.encode() not in everything
    await store.close()


def _patterns(document: str | None) -> list[re.Pattern[str]]:
    """The keys that a module's docstring lists, as patterns."""
    names = re.findall(r"^ {4}(\w+:\{[^ ]+)", document or "", re.MULTILINE)
    return [re.compile(re.sub(r"\\?<[^>]+>", "[0-9A-Za-z_-]+", re.escape(name))) for name in names]


async def test_of_an_answered_request_only_that_stays_and_for_less_than_five_minutes(
    relay_url: str, organisation: RelayOrganisation, valkey: EmbeddedValkey
) -> None:
    """Not when it was opened nor where it stood, whose difference is her urgency."""
    store = Store(StoreAddress.parse(valkey.url))
    await store.start()
    try:
        async with talking_pair(relay_url, organisation.staff()) as (_, _, conversation):
            request = keys.queue_request(conversation)
            await becomes(lambda: store.ask((b"HGETALL", request)), [b"state", b"taken"])
            remaining = await store.ask((b"PTTL", request))
            assert isinstance(remaining, int)
            assert 0 < remaining < 300_000
    finally:
        await store.close()


async def _let_five_minutes_pass(store: Store) -> None:
    """Every key is five minutes nearer to its expiry, or gone."""
    for name, (remaining, _) in (await _dump(store)).items():
        assert remaining > 0, name
        await store.ask((b"PEXPIRE", name, remaining - 300_000))


_OF_NO_CONVERSATION = re.compile(
    rb"continuation:\{\d+\}|queue:\{queue\}:(router|seats:none:.*)|seal:.*|probe:.*"
)
"""Made whether anybody talks or not."""
_READ = {
    b"string": (b"GET",),
    b"hash": (b"HGETALL",),
    b"list": (b"LRANGE", 0, -1),
    b"zset": (b"ZRANGE", 0, -1, b"WITHSCORES"),
    b"set": (b"SMEMBERS",),
    b"stream": (b"XRANGE", b"-", b"+"),
}


async def _contents(store: Store) -> dict[bytes, Reply]:
    """All keys with their values, without those of no conversation; an empty hash or list is no key."""
    found = {}
    for name in await _dump(store):
        if not _OF_NO_CONVERSATION.fullmatch(name):
            kind = await store.ask((b"TYPE", name))
            assert isinstance(kind, bytes)
            command, *rest = _READ[kind]
            found[name] = await store.ask((command, name, *rest))
    return found


async def _bytes_of(store: Store) -> bytes:
    """All names and all bytes of all values, also those that a stream only marks as deleted."""
    await store.ask((b"CONFIG", b"SET", b"rdbcompression", b"no"))
    try:
        dumped = await _dump(store)
    finally:
        await store.ask((b"CONFIG", b"SET", b"rdbcompression", b"yes"))
    return b"".join(name + value for name, (_, value) in dumped.items() if isinstance(value, bytes))


async def test_of_a_conversation_that_all_have_left_nothing_is_in_the_store_five_minutes_later(
    organisation: RelayOrganisation, valkey: EmbeddedValkey, tmp_path: Path
) -> None:
    """Compared with the same store before. What differs are numbers: how many requests were opened and
    answered on this day, and, for an hour, that one was answered then.
    """
    store = Store(StoreAddress.parse(valkey.url))
    await store.start()
    staff = [organisation.staff(name) for name in ("Sari", "Budi", "Wati")]
    try:
        async with relay_here(organisation.write(tmp_path), valkey.url) as (_, url):
            await organisation.publish_revocations(url)
            before = await _contents(store)
            secrets = await _a_whole_conversation(url, *staff)
            # What nobody waits for is done when another's answer came after it.
            await becomes(lambda: _names(store, b"conversation:*"), [])
            request = keys.queue_request(secrets[0])
            await becomes(lambda: store.ask((b"HGETALL", request)), [b"state", b"taken"])
            # What happens on a day is gathered for a moment before it is counted.
            await becomes(lambda: _is_counted(store), wanted=True)
            everything = await _bytes_of(store)
            # It is looked for rightly: for a while it stands there that this request was answered.
            assert secrets[0].hex().encode() in everything
            await _let_five_minutes_pass(store)
            after = await _contents(store)
            everything = await _bytes_of(store)
        day = next(name for name in after if name.startswith(b"queue:{queue}:day:"))
        counted = after.pop(day)
        assert isinstance(counted, list)
        assert all(each in (b"1", b"answered", b"opened", b"within_goal") for each in counted)
        answered = after.pop(keys.QUEUE_TAKEN)
        assert isinstance(answered, list)
        assert len(answered) == 1
        assert after == before
        for secret in secrets:
            assert secret not in everything
            assert secret.hex().encode() not in everything
    finally:
        await store.close()


async def _is_counted(store: Store) -> bool:
    days = as_list(await _names(store, b"queue:{queue}:day:*"))
    return any([await store.ask((b"HEXISTS", as_bytes(day), b"answered")) for day in days])


async def _names(store: Store, pattern: bytes) -> Reply:
    return await store.ask((b"KEYS", pattern))


async def _a_whole_conversation(url: str, *staff: StaffDevice) -> tuple[bytes, ...]:
    """With an invitation, a removal, messages that somebody has not read, and a goodbye of each. Returns
    what nobody is to find: the conversation's id, the capability's SHA-256, the devices.
    """
    sari, budi, wati = staff
    async with (
        talking_pair(url, sari) as (survivor, hers, conversation),
        frame_client(url) as invited,
        frame_client(url) as removed,
    ):
        await removed.authenticate(wati)
        await invited.authenticate(budi)
        added = (budi.id, wati.id)
        await hers.append(conversation, 2, b"commit", kind=1, welcome=b"w", added=added)
        item = await invited.expect(InboxItem)
        await removed.expect(InboxItem)
        await invited.subscribe(conversation, 3)
        await survivor.append(conversation, 1, b"ciphertext", epoch=2)
        await invited.send(AcknowledgeInbox(item.seq))
        await hers.append(conversation, 3, b"commit", epoch=2, kind=1, removed=(wati.id,))
        for client in (invited, hers, survivor):
            await client.ask(Leave(5, conversation), Done)
        return conversation, hashlib.sha256(survivor.capability).digest(), sari.id, budi.id, wati.id
