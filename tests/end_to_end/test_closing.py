"""A Python client is closed: at once, with a goodbye where one can be said, and nothing stays behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from support.clients.sdk_people import new_staff, until
from support.eventually import becomes, eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_sdk import events
from teduh_sdk import survivor as survivor_module
from teduh_sdk.conversation import conversation as conversation_module
from teduh_sdk.exceptions import ClientClosed, RelayLost
from teduh_sdk.net.transport import Socket, dial_relay
from teduh_sdk.staff.staff import Staff
from teduh_sdk.survivor import Survivor
from teduh_server.app import Relay
from teduh_server.redis_store.commands import Reply
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.keys import QUEUE_REQUEST_PREFIX
from teduh_server.redis_store.replies import as_bytes, as_list
from teduh_server.routing.queue import Queue
from teduh_server.session.connection import Connection
from teduh_signaling.relay.codec import decode_client_frame, decode_relay_frame
from teduh_signaling.relay.frames import Accepted, Claimed, Frame, OpenRequest, Subscribed

ORGANISATION = RelayOrganisation()


class Line:
    """Between a client and its relay; it can be cut, and notes for whom help was asked."""

    def __init__(self, url: str) -> None:
        self._dial = dial_relay(url)
        self._is_cut = False
        self._sockets: list[Socket] = []
        self.requests: list[bytes] = []
        """The capabilities."""

    async def dial(self) -> Socket:
        if self._is_cut:
            raise RelayLost("cut")
        socket = await self._dial()
        self._sockets.append(socket)
        return cast(Socket, _Noting(socket, self))

    async def cut(self) -> None:
        self._is_cut = True
        for socket in self._sockets:
            await socket.close()

    def mend(self) -> None:
        self._is_cut = False


class _Noting:
    def __init__(self, socket: Socket, line: Line) -> None:
        self._socket = socket
        self._line = line
        self.receive, self.close = socket.receive, socket.close

    async def send(self, data: bytes) -> None:
        frame = decode_client_frame(data)
        if isinstance(frame, OpenRequest):
            self._line.requests.append(frame.capability)
        await self._socket.send(data)


@asynccontextmanager
async def an_environment(folder: Path) -> AsyncIterator[tuple[str, EmbeddedValkey]]:
    with start_valkey() as valkey:
        async with relay_here(ORGANISATION.write(folder), valkey.url) as (_, url):
            await ORGANISATION.publish_revocations(url)
            yield url, valkey


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a relay that is away does so for an hour."""
    monkeypatch.setattr(conversation_module, "_GOODBYE_SECONDS", 3600.0)
    monkeypatch.setattr(survivor_module, "_CANCEL_SECONDS", 3600.0)


@asynccontextmanager
async def nothing_stays() -> AsyncIterator[None]:
    """Whatever is begun inside is over behind it."""
    before = asyncio.all_tasks()
    yield
    assert not [task for task in asyncio.all_tasks() - before if "teduh_sdk" in str(task.get_stack())]


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize("talks", [False, True])
async def test_a_survivor_who_reconnects_closes_without_waiting_for_the_relay(
    tmp_path: Path, talks: bool
) -> None:
    async with (
        an_environment(tmp_path) as (url, _),
        nothing_stays(),
        Staff(url, ORGANISATION.public, new_staff(ORGANISATION, "Sari")) as sari,
    ):
        line = Line(url)
        survivor = Survivor(url, ORGANISATION.public, dial=line.dial)
        await survivor.__aenter__()
        hers = await survivor.ask()
        if talks:
            await sari.claim()
            await until(hers, events.Joined)
        await line.cut()
        await eventually(lambda: not survivor.is_connected)
        async with asyncio.timeout(20):
            await survivor.__aexit__(None, None, None)
        assert hers.is_over


@pytest.mark.usefixtures("patience")
async def test_a_line_that_breaks_while_she_says_goodbye_is_not_waited_for(tmp_path: Path) -> None:
    async with (
        an_environment(tmp_path) as (url, valkey),
        nothing_stays(),
        Staff(url, ORGANISATION.public, new_staff(ORGANISATION, "Sari")) as sari,
    ):
        line = Line(url)
        survivor = Survivor(url, ORGANISATION.public, dial=line.dial)
        await survivor.__aenter__()
        hers = await survivor.ask()
        await sari.claim()
        await until(hers, events.Joined)
        valkey.kill()
        closing = asyncio.create_task(survivor.__aexit__(None, None, None))
        await asyncio.sleep(0.1)
        await line.cut()
        async with asyncio.timeout(20):
            await closing
        await asyncio.to_thread(valkey.revive)


@pytest.mark.usefixtures("patience")
async def test_the_keys_go_also_where_the_goodbye_is_waited_for_no_longer(tmp_path: Path) -> None:
    """The relay hangs, and the program has a time-out of its own."""
    store = new_staff(ORGANISATION, "Sari")
    async with (
        an_environment(tmp_path) as (url, valkey),
        Staff(url, ORGANISATION.public, store) as sari,
        Survivor(url, ORGANISATION.public) as survivor,
    ):
        hers = await survivor.ask()
        his = await sari.claim()
        await until(hers, events.Joined)
        valkey.kill()
        for each in (his, hers):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await each.leave()
            assert each.is_over
            assert isinstance(await _last(each), events.Ended)
        assert not store.names("conversation/")
        await asyncio.to_thread(valkey.revive)


async def test_a_survivor_who_closes_while_connected_says_goodbye(tmp_path: Path) -> None:
    async with (
        an_environment(tmp_path) as (url, _),
        Staff(url, ORGANISATION.public, new_staff(ORGANISATION, "Sari")) as sari,
    ):
        async with Survivor(url, ORGANISATION.public) as survivor:
            hers = await survivor.ask()
            his = await sari.claim()
            await until(hers, events.Joined)
        ended = await until(his, events.Ended)
        assert ended.by is not None
        assert ended.by.is_survivor


async def test_what_asks_for_her_anew_ends_with_her(tmp_path: Path) -> None:
    """The relay is there and its store is not: her device asks again and again."""
    async with an_environment(tmp_path) as (url, valkey), nothing_stays():
        line = Line(url)
        async with Survivor(url, ORGANISATION.public, dial=line.dial) as survivor:
            await survivor.ask()
            valkey.kill()
            await line.cut()
            await eventually(lambda: not survivor.is_connected)
            line.mend()
            await eventually(lambda: len(line.requests) > 1)
        await asyncio.to_thread(valkey.revive)


async def test_who_has_left_is_not_asked_for_anew_when_the_relay_is_back(tmp_path: Path) -> None:
    async with an_environment(tmp_path) as (url, valkey):
        line = Line(url)
        async with Survivor(url, ORGANISATION.public, dial=line.dial) as survivor:
            hers = await survivor.ask()
            valkey.kill()
            await line.cut()
            await eventually(lambda: not survivor.is_connected)
            line.mend()
            await eventually(lambda: len(line.requests) > 1)
            await line.cut()
            await eventually(lambda: not survivor.is_connected)
            await hers.leave()
            asked = len(line.requests)
            await asyncio.to_thread(valkey.revive)
            line.mend()
            async with asyncio.timeout(30):
                await survivor.ask()
            assert line.requests[0] not in line.requests[asked:]
            assert hers.is_over


async def test_nobody_is_to_take_the_request_of_whoever_has_given_up_asking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relay hangs, or is slow: it answers when nobody waits for that any more."""
    opens, has_come, goes_on, is_open = Queue.open, asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def late(queue: Queue, connection: Connection, frame: OpenRequest) -> bool:
        has_come.set()
        await goes_on.wait()
        is_new = await opens(queue, connection, frame)
        is_open.set()
        return is_new

    monkeypatch.setattr(Queue, "open", late)
    with start_valkey() as valkey:
        async with relay_here(ORGANISATION.write(tmp_path), valkey.url) as (relay, url):
            await ORGANISATION.publish_revocations(url)
            async with Survivor(url, ORGANISATION.public) as survivor:
                asking = asyncio.create_task(survivor.ask())
                await has_come.wait()
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
                goes_on.set()
                await is_open.wait()
                await becomes(lambda: _state_of_the_only_request(relay), None)
                assert not survivor.conversations


class Late:
    """A connection on which a kind of frame, and all behind it, is held until `goes_on`."""

    def __init__(self, socket: Socket, held: type[Frame], goes_on: asyncio.Event) -> None:
        self._socket = socket
        self._held = held
        self._goes_on = goes_on
        self.has_come = asyncio.Event()
        self.send, self.close = socket.send, socket.close

    async def receive(self) -> bytes:
        data = await self._socket.receive()
        if isinstance(decode_relay_frame(data), self._held):
            self.has_come.set()
        if self.has_come.is_set():
            await self._goes_on.wait()
        return data


@pytest.mark.parametrize("held", [Claimed, Accepted])
async def test_nobody_is_with_her_who_has_given_up_taking_her_request(
    tmp_path: Path, held: type[Frame]
) -> None:
    """The relay is slow, and the program has a time-out of its own: she would be with a device alone."""
    goes_on, lines = asyncio.Event(), list[Late]()
    with start_valkey() as valkey:
        async with relay_here(ORGANISATION.write(tmp_path), valkey.url, lease_seconds=1.0) as (_, url):
            await ORGANISATION.publish_revocations(url)

            async def dial() -> Socket:
                lines.append(Late(await dial_relay(url)(), held, goes_on))
                return cast(Socket, lines[-1])

            async with (
                Survivor(url, ORGANISATION.public) as survivor,
                Staff(url, ORGANISATION.public, new_staff(ORGANISATION, "Sari"), dial=dial) as sari,
                Staff(url, ORGANISATION.public, new_staff(ORGANISATION, "Dewi")) as dewi,
            ):
                hers = await survivor.ask()
                taking = asyncio.create_task(sari.claim())
                await eventually(lambda: bool(lines))
                await lines[0].has_come.wait()
                taking.cancel()
                await asyncio.gather(taking, return_exceptions=True)
                goes_on.set()
                if held is Claimed:
                    # Nobody has come, and the next who is there may.
                    async for request in dewi.requests():
                        await request.accept()
                        break
                    assert (await until(hers, events.Joined)).participant.name == "Dewi"
                else:
                    assert (await until(hers, events.Left)).participant.name == "Sari"
                await eventually(lambda: not sari.conversations)


async def test_nobody_is_with_her_who_has_given_up_coming_in(tmp_path: Path) -> None:
    goes_on, lines = asyncio.Event(), list[Late]()
    async with an_environment(tmp_path) as (url, _):

        async def dial() -> Socket:
            lines.append(Late(await dial_relay(url)(), Subscribed, goes_on))
            return cast(Socket, lines[-1])

        async with (
            Survivor(url, ORGANISATION.public) as survivor,
            Staff(url, ORGANISATION.public, new_staff(ORGANISATION, "Sari")) as sari,
            Staff(url, ORGANISATION.public, new_staff(ORGANISATION, "Maya"), dial=dial) as maya,
        ):
            hers = await survivor.ask()
            his = await sari.claim()
            await maya.colleagues()
            (colleague,) = await sari.colleagues()
            inviting = asyncio.create_task(his.invite(colleague))
            await (await until(hers, events.InvitationReceived)).approve()
            await inviting
            coming = asyncio.create_task((await anext(maya.invitations())).join())
            await lines[0].has_come.wait()
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
            goes_on.set()
            assert (await until(hers, events.Left)).participant.name == "Maya"
            assert {one.name for one in hers.participants} == {None, "Sari"}
            await eventually(lambda: not maya.conversations)


async def _state_of_the_only_request(relay: Relay) -> Reply:
    keys = as_list(await relay.parts.store.ask((b"KEYS", QUEUE_REQUEST_PREFIX + b"*")))
    return await relay.parts.store.ask((b"HGET", as_bytes(keys[0]), b"state")) if keys else None


async def test_whoever_waits_for_something_of_a_client_that_is_closed_is_told_so(tmp_path: Path) -> None:
    async with an_environment(tmp_path) as (url, _):
        staff = Staff(url, ORGANISATION.public, new_staff(ORGANISATION, "Sari"))
        await staff.__aenter__()
        routing = staff.routing
        async with Survivor(url, ORGANISATION.public) as survivor:
            hers = await survivor.ask()
            his = await staff.claim()
            await until(hers, events.Joined)
            streams: list[Callable[[], AsyncIterator[object]]] = [
                staff.requests,
                staff.invitations,
                staff.asks_to_join,
                routing.listing,
                routing.offers,
                routing.board,
                routing.alerts,
            ]
            waiting = [asyncio.create_task(_to_the_end(stream())) for stream in streams]
            talk = asyncio.create_task(_last(his))
            await asyncio.sleep(0.2)
            await staff.__aexit__(None, None, None)
            async with asyncio.timeout(20):
                for ended in await asyncio.gather(*waiting, return_exceptions=True):
                    assert isinstance(ended, ClientClosed)
                last = await talk
                assert isinstance(last, events.Stopped)
                assert isinstance(last.reason, ClientClosed)
                # And so is whoever begins only then.
                for stream in streams:
                    with pytest.raises(ClientClosed):
                        await _to_the_end(stream())


async def test_whoever_waits_for_the_first_revocation_list_is_told_that_it_is_closed(tmp_path: Path) -> None:
    with start_valkey() as valkey:
        async with relay_here(ORGANISATION.write(tmp_path), valkey.url) as (_, url):
            staff = Staff(url, ORGANISATION.public, new_staff(ORGANISATION, "Sari"))
            async with staff, Survivor(url, ORGANISATION.public) as survivor:
                waiting = [asyncio.create_task(staff.claim()), asyncio.create_task(survivor.ask())]
                await asyncio.sleep(0.1)
            async with asyncio.timeout(20):
                for ended in await asyncio.gather(*waiting, return_exceptions=True):
                    assert isinstance(ended, ClientClosed)


async def test_whoever_gives_up_opening_a_client_leaves_nothing_behind(tmp_path: Path) -> None:
    """Its stored conversations wait for a revocation list, which does not come."""
    store = new_staff(ORGANISATION, "Sari")
    store.put("conversation/00", b"kept")
    async with nothing_stays():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5), Staff("http://127.0.0.1:9", ORGANISATION.public, store):
                pass


async def _to_the_end(stream: AsyncIterator[object]) -> None:
    async for _ in stream:
        pass


async def _last(conversation: AsyncIterator[events.Event]) -> events.Event | None:
    last = None
    async for event in conversation:
        last = event
    return last
