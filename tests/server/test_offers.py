"""Offers as people see them: to one suitable person after the other, on all her devices, for a while."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.clients.frame_client import FrameClient, frame_client
from support.eventually import becomes
from support.organisation.relay_organisation import RelayOrganisation, StaffDevice
from support.relay.relay_process import relay_here, until_it_listens
from support.store.stopped_store import StoppedStore
from teduh_crypto.credentials import Role
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.keys import queue_request
from teduh_server.routing import alerts, queue_news, router
from teduh_server.routing.continuation import HOUR_MS, Continuations
from teduh_signaling.relay.frames import (
    AnswerOffer,
    Availability,
    CancelRequest,
    Claim,
    Claimed,
    Colleagues,
    Done,
    Error,
    ErrorCode,
    Leave,
    ListColleagues,
    Offer,
    OfferEnded,
    OpenRequest,
    Preference,
    PreferencesRelaxed,
    QueueAlert,
    RequestDetails,
    RequestOpened,
    SetAvailability,
    Urgency,
    WatchQueue,
)


@dataclass
class Environment:
    """Two relay nodes that make offers, and whoever is connected to them."""

    urls: tuple[str, str]
    organisation: RelayOrganisation
    stack: AsyncExitStack
    watchers: list[FrameClient] = field(default_factory=list)
    """A colleague who is away, on each node."""
    _next: int = field(default=0)

    async def connect(self) -> FrameClient:
        """To one node and the other in turn."""
        self._next += 1
        return await self.stack.enter_async_context(frame_client(self.urls[self._next % 2]))

    async def staff(
        self,
        device: StaffDevice | None = None,
        *,
        capacity: int = 3,
        gender: str | None = None,
        region: str | None = None,
        until: int = 0,
    ) -> FrameClient:
        """Somebody available, as every node knows."""
        device = device or self.organisation.staff()
        client = await self.connect()
        await client.authenticate(device)
        available = SetAvailability(1, Availability.AVAILABLE, capacity, gender, region, until)
        await client.ask(available, Done)
        for watcher in self.watchers:
            await _sees_available(watcher, device.id)
        return client

    async def looked(self, *clients: FrameClient) -> None:
        """The router has looked at all that waited before, and what came of it has reached these clients.

        It plans in the order of service, and each node hears of the offers in that order: so nothing for them
        is on its way any more when somebody beside them is offered what was asked for later.
        """
        for client in clients:
            async with frame_client(client.url) as beside, frame_client(client.url) as later:
                await beside.authenticate(
                    self.organisation.staff("Beside", Role.INTERPRETER, skills=("patience",))
                )
                await beside.ask(SetAvailability(1, Availability.AVAILABLE, 1), Done)
                asking = OpenRequest(1, later.capability, b"key package", RequestDetails(need="patience"))
                request = (await later.ask(asking, RequestOpened)).conversation_id
                assert (await beside.expect(Offer)).conversation_id == request
                await later.ask(CancelRequest(2, request), Done)
            await client.ask(WatchQueue(99, False), Done)

    async def is_not_offered(self, *clients: FrameClient) -> None:
        """None of these has an offer that she was not told of yet."""
        await self.looked(*clients)
        for client in clients:
            assert not [frame for frame in client.seen if isinstance(frame, Offer)]

    async def ask(self, details: RequestDetails | None = None) -> tuple[FrameClient, bytes]:
        """Somebody who asks for help, and her request."""
        client = await self.connect()
        asking = OpenRequest(1, client.capability, b"key package", details or RequestDetails())
        return client, (await client.ask(asking, RequestOpened)).conversation_id


async def _sees_available(watcher: FrameClient, device_id: bytes) -> None:
    async with asyncio.timeout(10):
        while True:
            found = await watcher.ask(ListColleagues(9), Colleagues)
            if (device_id, Availability.AVAILABLE) in {
                (each.device_id, each.availability) for each in found.colleagues
            }:
                return
            await asyncio.sleep(0.01)


@pytest.fixture
def patience() -> dict[str, object]:
    """What is shorter or longer than usual."""
    return {}


@pytest.fixture
async def environment(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path, patience: dict[str, object]
) -> AsyncIterator[Environment]:
    path = organisation.write(tmp_path)
    routing = {"mode": "offer", **patience}
    async with (
        relay_here(path, valkey.url, routing=routing) as (first, one),
        relay_here(path, valkey.url, routing=routing) as (second, two),
        AsyncExitStack() as stack,
    ):
        for relay in (first, second):
            # Else a supervisor may be there before, and be told again of what was told meanwhile.
            await until_it_listens(relay)
        # One text for both: a list that is signed a second later is another one.
        revocations = organisation.revoking()
        for url in (one, two):
            await organisation.publish_revocations(url, revocations)
        environment = Environment((one, two), organisation, stack)
        for _ in environment.urls:
            watcher = await environment.connect()
            await watcher.authenticate(organisation.staff("Watching"))
            environment.watchers.append(watcher)
        yield environment


impatient = pytest.mark.parametrize("patience", [{"offer_seconds": 1.1}])


async def test_request_is_offered_and_accepted(environment: Environment) -> None:
    staff = await environment.staff()
    details = RequestDetails(language="id", urgency=Urgency.URGENT)
    _, request = await environment.ask(details)
    offer = await staff.expect(Offer)
    assert (offer.conversation_id, offer.details, offer.dropped) == (request, details, ())
    assert 0 < offer.seconds_left <= 20
    claimed = await staff.ask(AnswerOffer(5, request, True), Claimed)
    assert (claimed.ref, claimed.conversation_id, claimed.key_package) == (5, request, b"key package")


async def test_declined_request_goes_to_the_next_at_once(environment: Environment) -> None:
    first = await environment.staff()
    _, request = await environment.ask()
    assert (await first.expect(Offer)).conversation_id == request
    second = await environment.staff()
    await first.ask(AnswerOffer(5, request, False), Done)
    assert (await second.expect(Offer)).conversation_id == request


@impatient
async def test_offer_that_nobody_answers_goes_to_the_next(environment: Environment) -> None:
    first = await environment.staff()
    _, request = await environment.ask()
    await first.expect(Offer)
    second = await environment.staff()
    assert (await first.expect(OfferEnded)).conversation_id == request
    assert (await second.expect(Offer)).conversation_id == request
    refused = await first.ask(AnswerOffer(5, request, True), Error)
    assert refused.code is ErrorCode.REQUEST_GONE


async def test_person_with_two_devices_is_offered_once_and_the_first_device_wins(
    environment: Environment,
) -> None:
    organisation = environment.organisation
    one = await environment.staff(organisation.staff(subject="sari"))
    two = await environment.staff(organisation.staff(subject="sari"))
    _, request = await environment.ask()
    _, other = await environment.ask()
    for device in (one, two):
        assert (await device.expect(Offer)).conversation_id == request
    await one.ask(AnswerOffer(5, request, True), Claimed)
    assert (await two.expect(OfferEnded)).conversation_id == request
    refused = await two.ask(AnswerOffer(6, request, True), Error)
    assert refused.code is ErrorCode.REQUEST_GONE
    # One offer at a time: the other request comes to her only now.
    assert (await two.expect(Offer)).conversation_id == other


async def test_unsuitable_are_not_asked(environment: Environment) -> None:
    organisation = environment.organisation
    medic = await environment.staff(organisation.staff("Rina", Role.MEDIC))
    foreign = await environment.staff(organisation.staff("Ann", languages=("en",)))
    suitable = await environment.staff(organisation.staff("Dewi", skills=("legal",)))
    _, request = await environment.ask(RequestDetails(need="legal", language="id"))
    assert (await suitable.expect(Offer)).conversation_id == request
    await suitable.ask(AnswerOffer(5, request, True), Claimed)
    _, medical = await environment.ask(RequestDetails(need="medical", language="id"))
    assert (await medic.expect(Offer)).conversation_id == medical
    await environment.is_not_offered(medic, foreign)


async def test_least_loaded_is_asked_first(environment: Environment) -> None:
    busy = await environment.staff()
    _, first = await environment.ask()
    await busy.expect(Offer)
    await busy.ask(AnswerOffer(5, first, True), Claimed)
    idle = await environment.staff()
    _, second = await environment.ask()
    assert (await idle.expect(Offer)).conversation_id == second


async def test_capacity_is_never_exceeded(environment: Environment) -> None:
    staff = await environment.staff(capacity=1)
    _, first = await environment.ask()
    await staff.expect(Offer)
    await staff.ask(AnswerOffer(5, first, True), Claimed)
    await staff.append(first, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
    _, second = await environment.ask()
    await environment.is_not_offered(staff)
    await staff.ask(SetAvailability(7, Availability.AVAILABLE, 1), Done)
    assert (await staff.expect(Offer)).conversation_id == second


async def _takes(device: FrameClient, request: bytes) -> None:
    """Accept the offer, and begin the conversation."""
    assert (await device.expect(Offer)).conversation_id == request
    await device.ask(AnswerOffer(5, request, True), Claimed)
    await device.append(request, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")


async def test_two_devices_of_one_person_take_no_more_together_than_one_may(environment: Environment) -> None:
    """What a device says it takes does not know of the other's conversations; the relay does."""
    organisation = environment.organisation
    one = await environment.staff(organisation.staff(subject="sari"), capacity=2)
    two = await environment.staff(organisation.staff(subject="sari"), capacity=2)
    await _takes(one, (await environment.ask())[1])
    assert (await two.expect(Offer)).conversation_id
    # One says what is left to it, the other, on another node, what it would take alone.
    await one.ask(SetAvailability(6, Availability.AVAILABLE, 1), Done)
    await two.ask(SetAvailability(6, Availability.AVAILABLE, 2), Done)
    await two.expect(OfferEnded)
    second = (await environment.ask())[1]
    await one.expect(Offer)
    await _takes(two, second)
    third = (await environment.ask())[1]
    await two.ask(SetAvailability(7, Availability.AVAILABLE, 1), Done)
    await one.ask(SetAvailability(7, Availability.AVAILABLE, 1), Done)
    await environment.is_not_offered(one, two)
    # A conversation that is over gives its seat back, on whichever device it was.
    await two.ask(Leave(8, second), Done)
    await two.ask(SetAvailability(9, Availability.AVAILABLE, 2), Done)
    assert (await one.expect(Offer)).conversation_id == third


async def test_nothing_is_offered_after_the_end_of_the_shift(environment: Environment) -> None:
    """Nor is who has gone home by the clock waited for: the next one is asked."""
    over, going_on = int(time.time()) - 1, int(time.time()) + 3600
    late = await environment.staff(until=over)
    _, request = await environment.ask()
    await environment.is_not_offered(late)
    on_shift = await environment.staff(until=going_on)
    assert (await on_shift.expect(Offer)).conversation_id == request
    await late.ask(SetAvailability(7, Availability.AVAILABLE, 1, until=going_on), Done)
    await on_shift.ask(AnswerOffer(8, request, False), Done)
    assert (await late.expect(Offer)).conversation_id == request


async def test_emergency_is_offered_before_who_has_waited_longer(environment: Environment) -> None:
    _, first = await environment.ask()
    _, emergency = await environment.ask(RequestDetails(urgency=Urgency.EMERGENCY))
    staff = await environment.staff()
    assert (await staff.expect(Offer)).conversation_id == emergency
    await staff.ask(AnswerOffer(5, emergency, True), Claimed)
    assert (await staff.expect(Offer)).conversation_id == first


@pytest.mark.parametrize("patience", [{"widen_after_refusals": 1, "again_after_seconds": 0}])
async def test_preferences_are_dropped_one_by_one_and_she_is_told(environment: Environment) -> None:
    near = await environment.staff(region="west", gender="female")
    far = await environment.staff(region="east", gender="male")
    survivor, request = await environment.ask(RequestDetails(preferred_gender="female", region="west"))
    assert (await near.expect(Offer)).dropped == ()
    await near.ask(AnswerOffer(5, request, False), Done)
    assert (await survivor.expect(PreferencesRelaxed)).dropped == (Preference.REGION,)
    again = await near.expect(Offer)
    assert again.dropped == (Preference.REGION,)
    await near.ask(AnswerOffer(6, request, False), Done)
    assert (await survivor.expect(PreferencesRelaxed)).dropped == (Preference.REGION, Preference.GENDER)
    assert (await far.expect(Offer)).dropped == (Preference.REGION, Preference.GENDER)


@pytest.mark.parametrize("patience", [{"widen_after_seconds": 60, "alert_after_seconds": 86_400}])
async def test_while_she_waits_preferences_are_dropped_one_by_one_and_then_supervisors_are_alerted(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By time alone, for nobody whom she wished for is there: the relay's clock is put forward by minutes."""
    passed = 0.0
    clock = SimpleNamespace(time=lambda: time.time() + passed, monotonic=time.monotonic)
    for module in (alerts, queue_news, router):
        monkeypatch.setattr(module, "time", clock)
    supervisor = await environment.connect()
    await supervisor.authenticate(environment.organisation.staff("Ibu Ratna", Role.SUPERVISOR))
    other = await environment.staff(region="east", gender="male")
    survivor, request = await environment.ask(RequestDetails("legal", "mad", "female", "west"))
    await environment.is_not_offered(other)
    for count in range(1, len(Preference) + 1):
        passed += 60
        assert (await survivor.expect(PreferencesRelaxed)).dropped == tuple(Preference)[:count]
    # Now anybody will do.
    offer = await other.expect(Offer)
    assert (offer.conversation_id, offer.dropped) == (request, tuple(Preference))
    await supervisor.ask(WatchQueue(7, False), Done)
    assert not [frame for frame in supervisor.seen if isinstance(frame, QueueAlert)]
    passed += 60
    assert (await supervisor.expect(QueueAlert)).conversation_id == request
    assert not [frame for frame in survivor.seen if isinstance(frame, PreferencesRelaxed)]


@pytest.mark.parametrize("patience", [{"alert_after_seconds": 0.2}])
async def test_supervisors_are_told_once_of_who_finds_nobody_and_may_take_her(
    environment: Environment,
) -> None:
    supervisor = await environment.connect()
    await supervisor.authenticate(environment.organisation.staff("Ibu Ratna", Role.SUPERVISOR))
    _, request = await environment.ask(RequestDetails(language="mad"))
    assert (await supervisor.expect(QueueAlert)).conversation_id == request
    claimed = await supervisor.claim(request)
    assert claimed.conversation_id == request
    assert not [frame for frame in supervisor.seen if isinstance(frame, QueueAlert)]


async def test_claiming_is_for_supervisors_where_offers_are_made(environment: Environment) -> None:
    staff = await environment.staff(environment.organisation.staff(languages=("en",)))
    _, request = await environment.ask(RequestDetails(language="id"))
    refused = await staff.ask(Claim(5, request), Error)
    assert (refused.code, refused.ref) == (ErrorCode.NOT_PERMITTED, 5)


async def test_whoever_was_with_her_is_asked_first_when_she_comes_back(environment: Environment) -> None:
    survivor, first = await environment.ask()
    known = await environment.staff()
    await known.expect(Offer)
    await known.ask(AnswerOffer(5, first, True), Claimed)
    await known.append(first, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
    idle = await environment.staff()
    again = await environment.connect()
    asking = OpenRequest(1, again.capability, b"key package", continues=survivor.capability)
    request = (await again.ask(asking, RequestOpened)).conversation_id
    assert (await known.expect(Offer)).conversation_id == request
    await environment.is_not_offered(idle)


async def _over(environment: Environment) -> tuple[FrameClient, bytes, FrameClient, FrameClient]:
    """A conversation that all have left: whose it was, who was with her, and whose turn it is."""
    idle = await environment.staff()
    known = await environment.staff(environment.organisation.staff(skills=("legal",)))
    survivor, conversation = await environment.ask(RequestDetails(need="legal"))
    await known.expect(Offer)
    await known.ask(AnswerOffer(5, conversation, True), Claimed)
    await known.append(conversation, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
    await known.ask(Leave(6, conversation), Done)
    done = await survivor.ask(Leave(7, conversation), Done)
    return survivor, done.continuation, known, idle


async def _ask_again(environment: Environment, capability: bytes, continuation: bytes) -> bytes:
    again = await environment.connect()
    asking = OpenRequest(1, again.capability, b"key package", continues=capability, continuation=continuation)
    return (await again.ask(asking, RequestOpened)).conversation_id


async def test_whoever_was_with_her_is_asked_first_when_all_have_left(environment: Environment) -> None:
    survivor, continuation, known, idle = await _over(environment)
    request = await _ask_again(environment, survivor.capability, continuation)
    assert (await known.expect(Offer)).conversation_id == request
    await environment.is_not_offered(idle)


async def test_with_another_capability_nobody_was_with_her(environment: Environment) -> None:
    _, continuation, known, idle = await _over(environment)
    request = await _ask_again(environment, b"w" * 32, continuation)
    assert (await idle.expect(Offer)).conversation_id == request
    await environment.is_not_offered(known)


async def test_without_the_token_nobody_is_asked_first_when_all_have_left(environment: Environment) -> None:
    """As of a client one release older, which knows of none; whoever is free comes."""
    survivor, _, known, idle = await _over(environment)
    request = await _ask_again(environment, survivor.capability, b"")
    assert (await idle.expect(Offer)).conversation_id == request
    await environment.is_not_offered(known)


async def test_a_token_that_is_none_changes_nothing(environment: Environment) -> None:
    survivor, continuation, known, idle = await _over(environment)
    request = await _ask_again(
        environment, survivor.capability, continuation[:-1] + bytes((continuation[-1] ^ 1,))
    )
    assert (await idle.expect(Offer)).conversation_id == request
    await environment.is_not_offered(known)


@pytest.mark.parametrize(("age_seconds", "is_good"), [(3500, True), (3600, False)])
async def test_after_an_hour_the_token_is_void(
    environment: Environment, valkey: EmbeddedValkey, age_seconds: int, is_good: bool
) -> None:
    """It is sealed here as a relay would have sealed it then, by another clock."""
    sari = environment.organisation.staff(skills=("legal",))
    idle, known = await environment.staff(), await environment.staff(sari)
    store = StoppedStore(StoreAddress.parse(valkey.url))
    await store.start()
    store.moment_ms -= 1000 * age_seconds
    capability = b"c" * 32
    token = await Continuations(store, HOUR_MS).seal(hashlib.sha256(capability).digest(), (sari.id,))
    await store.close()
    request = await _ask_again(environment, capability, token)
    asked, other = (known, idle) if is_good else (idle, known)
    assert (await asked.expect(Offer)).conversation_id == request
    await environment.is_not_offered(other)


async def test_a_token_shown_many_times_takes_no_more_than_the_seats_that_there_are(
    environment: Environment,
) -> None:
    """By whoever holds it and the capability: each request costs what others cost, and the next is free to
    take it.
    """
    survivor, continuation, known, idle = await _over(environment)
    await known.ask(SetAvailability(8, Availability.AVAILABLE, 1), Done)
    first, second = [await _ask_again(environment, survivor.capability, continuation) for _ in range(2)]
    assert (await known.expect(Offer)).conversation_id == first
    assert (await idle.expect(Offer)).conversation_id == second
    await environment.is_not_offered(known, idle)


async def test_staff_are_given_no_token(environment: Environment) -> None:
    staff = await environment.staff()
    survivor, conversation = await environment.ask()
    await staff.expect(Offer)
    await staff.ask(AnswerOffer(5, conversation, True), Claimed)
    await staff.append(conversation, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
    assert (await staff.ask(Leave(6, conversation), Done)).continuation == b""
    assert (await survivor.ask(Leave(7, conversation), Done)).continuation != b""


async def test_whoever_met_nobody_is_given_no_token(environment: Environment) -> None:
    survivor, conversation = await environment.ask()
    assert (await survivor.ask(Leave(7, conversation), Done)).continuation == b""


@pytest.mark.parametrize("patience", [{"continue_seconds": 0}])
async def test_where_the_setting_is_zero_she_is_given_no_token(environment: Environment) -> None:
    _, continuation, _, _ = await _over(environment)
    assert continuation == b""


async def test_she_does_not_come_back_to_who_had_handed_her_over(environment: Environment) -> None:
    """Whoever goes on removes the other, who may have left by then."""
    sari, budi = (environment.organisation.staff(skills=("legal",)) for _ in range(2))
    idle, first = await environment.staff(), await environment.staff(sari)
    survivor, conversation = await environment.ask(RequestDetails(need="legal"))
    await first.expect(Offer)
    await first.ask(AnswerOffer(5, conversation, True), Claimed)
    second = await environment.connect()
    await second.authenticate(budi)
    await first.append(conversation, 1, b"commit", epoch=0, kind=1, welcome=b"w", added=(budi.id,))
    await second.subscribe(conversation)
    await first.ask(Leave(6, conversation), Done)
    await second.append(conversation, 1, b"commit", epoch=1, kind=1, removed=(sari.id,))
    await second.ask(Leave(6, conversation), Done)
    continuation = (await survivor.ask(Leave(7, conversation), Done)).continuation
    # The one who went on takes nobody now.
    request = await _ask_again(environment, survivor.capability, continuation)
    assert (await idle.expect(Offer)).conversation_id == request
    await environment.is_not_offered(first)


async def test_offer_ends_when_she_waits_no_more(environment: Environment) -> None:
    staff = await environment.staff()
    survivor, request = await environment.ask()
    await staff.expect(Offer)
    await survivor.ask(CancelRequest(4, request), Done)
    assert (await staff.expect(OfferEnded)).conversation_id == request


async def test_offer_to_somebody_who_vanishes_goes_to_the_next_without_waiting(
    environment: Environment,
) -> None:
    gone = await environment.staff()
    _, request = await environment.ask()
    await gone.expect(Offer)
    second = await environment.staff()
    await gone.socket.close()
    assert (await second.expect(Offer)).conversation_id == request


async def test_device_that_comes_while_something_is_offered_is_told_of_it(environment: Environment) -> None:
    """Her network has changed, and the relay still takes the connection before for one that stands."""
    device = environment.organisation.staff()
    before = await environment.staff(device)
    _, request = await environment.ask()
    await before.expect(Offer)
    for _ in environment.urls:
        now = await environment.staff(device)
        async with asyncio.timeout(5):
            assert (await now.expect(Offer)).conversation_id == request
    # Said anew, it is nothing new.
    await now.ask(SetAvailability(2, Availability.AVAILABLE, 2), Done)
    await now.ask(AnswerOffer(5, request, True), Claimed)
    assert not [frame for frame in now.seen if isinstance(frame, Offer)]


async def test_who_was_away_for_a_moment_has_refused_nothing(
    environment: Environment, valkey: EmbeddedValkey
) -> None:
    """Her console is loaded anew, or the relay is: she is asked again at once, and no wish is dropped."""
    store = Store(StoreAddress.parse(valkey.url))
    await store.start()
    device = environment.organisation.staff()
    _, request = await environment.ask()
    try:
        # Thrice refused, a wish would be dropped.
        for _ in range(4):
            staff = await environment.staff(device)
            async with asyncio.timeout(10):
                offer = await staff.expect(Offer)
            assert (offer.conversation_id, offer.dropped) == (request, ())
            await staff.socket.close()
            await becomes(lambda: store.ask((b"HGET", queue_request(request), b"offer")), None)
    finally:
        await store.close()


async def test_lease_that_ends_gives_the_seat_back(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url, routing={"mode": "offer"}, lease_seconds=0.3) as (_, url):
        await organisation.publish_revocations(url)
        async with AsyncExitStack() as stack:
            environment = Environment((url, url), organisation, stack)
            staff = await environment.staff(capacity=2)
            _, request = await environment.ask()
            for ref in (5, 6):
                assert (await staff.expect(Offer)).conversation_id == request
                await staff.ask(AnswerOffer(ref, request, True), Claimed)


async def test_under_a_race_of_two_nodes_nobody_is_offered_or_taken_twice(environment: Environment) -> None:
    staff = [await environment.staff(capacity=2) for _ in range(6)]
    requests = {request for _, request in [await environment.ask() for _ in range(10)]}
    taken: list[bytes] = []

    async def work(client: FrameClient) -> None:
        for ref in (5, 6):
            offer = await client.expect(Offer)
            claimed = await client.ask(AnswerOffer(ref, offer.conversation_id, True), Claimed)
            taken.append(claimed.conversation_id)
            if len(taken) == len(requests):
                return

    work_done = [asyncio.ensure_future(work(client)) for client in staff]
    async with asyncio.timeout(20):
        while len(taken) < len(requests):
            await asyncio.wait([task for task in work_done if not task.done()], timeout=0.05)
    for task in work_done:
        task.cancel()
    await asyncio.gather(*work_done, return_exceptions=True)
    assert sorted(taken) == sorted(requests)
