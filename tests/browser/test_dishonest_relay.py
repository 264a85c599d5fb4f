"""A relay that lies to her browser: her page refuses, and says so in plain words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
from playwright.async_api import Locator, Page, expect
from support.browsers.console_page import ConsolePage, console_environment
from support.browsers.environment import accepted, relay_environment
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import SurvivorPage
from support.clients.sdk_people import device_of, until
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.dishonest_proxy import DishonestProxy, Meddle, dishonest
from teduh_crypto.credentials import Role
from teduh_crypto.mls import Add
from teduh_crypto.padding import padding_for
from teduh_sdk import events
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.device.device import Device
from teduh_sdk.exceptions import ConversationOver
from teduh_sdk.group.group_changes import key_package_from_wire, new_group
from teduh_sdk.group.sender_order import authenticated_counter
from teduh_sdk.trust.colleague import Colleague
from teduh_signaling.relay.codec import decode_client_frame, decode_relay_frame, encode
from teduh_signaling.relay.frames import (
    Accepted,
    Append,
    Entry,
    EntryKind,
    FetchKeyPackage,
    KeyPackage,
    OpenRequest,
    Subscribed,
)

STOPPED = "We have stopped this conversation"
ANEW = "You can start again."


@asynccontextmanager
async def her_page(folder: Path, proxy: DishonestProxy) -> AsyncIterator[SurvivorPage]:
    """Her page behind the proxy, waiting."""
    async with dishonest(proxy) as url, chromium(folder / "profile") as browser:
        hers = await SurvivorPage.open(browser, url)
        await hers.ask()
        yield hers


async def is_stopped(hers: SurvivorPage, why: str) -> None:
    """The page says what happened, and that nothing can be written any more."""
    await hers.shows(STOPPED)
    await hers.shows(why)
    await hers.shows(ANEW)
    await expect(hers.field).to_have_count(0)


async def test_a_statement_that_the_relay_swaps_keeps_its_owner_out(tmp_path: Path) -> None:
    """The relay has her key package, and may answer it itself: by a device of its own, under Sari's name.

    To show that nothing but the statement is wrong: one that the organisation has signed opens the door.
    """
    swapped = SwappedWelcome()
    async with relay_environment(tmp_path) as here, here.staff("Sari") as staff:
        proxy = DishonestProxy(here.url, swapped.meddle, overhear=swapped.overhear)
        async with her_page(tmp_path, proxy) as hers:
            swapped.device = device_of(here.organisation.staff("Wulan"))
            accepting = asyncio.create_task(accepted(staff))
            await hers.is_in_the_room("Wulan")
            await ended(accepting)
            await hers.page.reload()
            await hers.ask()
            swapped.device = device_of(RelayOrganisation().staff("Sari"))
            accepting = asyncio.create_task(accepted(staff))
            await is_stopped(hers, "who could not be verified")
            await expect(hers.page.get_by_text("Sari")).to_have_count(0)
            await ended(accepting)


_RUN = """(text) => {
  const script = document.createElement("script")
  script.text = teduh.trusted.createScript(text)
  document.head.append(script)
  return window.changed ?? null
}"""


async def test_a_part_of_her_page_that_was_changed_does_not_run_and_can_be_asked_for_again(
    tmp_path: Path,
) -> None:
    """Neither as it comes, nor by the way on which parts run, for whoever would have checked it before."""
    changed = "window.changed = teduh.parts.call = {}"
    async with (
        relay_environment(tmp_path, calls={"allow_direct": True}) as here,
        chromium(tmp_path / "profile", troubles="script-src") as browser,
        here.staff("Sari") as staff,
    ):
        hers = await SurvivorPage.open(browser, here.url)
        await hers.ask()
        await accepted(staff)
        await hers.is_in_the_room("Sari")
        await hers.page.route("**/call.*.js", lambda route: route.fulfill(body=changed))
        await hers.button("Talk by voice or video").click()
        await hers.shows("Calls could not be loaded")
        assert await hers.page.evaluate("window.changed ?? null") is None
        assert await hers.page.evaluate(_RUN, changed) is None
        await hers.page.unroute("**/call.*.js")
        await hers.button("Try again").click()
        await expect(hers.button("Voice call")).to_be_visible()


class SwappedWelcome:
    """In the place of every Welcome, one into a group that `device` has made for her key package."""

    device: Device
    _key_package: bytes

    def overhear(self, data: bytes) -> None:
        frame = decode_client_frame(data)
        if isinstance(frame, OpenRequest):
            self._key_package = frame.key_package

    def meddle(self, data: bytes) -> list[bytes]:
        frame = decode_relay_frame(data)
        if not isinstance(frame, Entry) or frame.kind is not EntryKind.WELCOME:
            return [data]
        hers = key_package_from_wire(self._key_package)
        key = self.device.key.private_bytes_raw()
        alone = new_group(frame.conversation_id, hers.cipher_suite, self.device.credential, key)
        commit = alone.commit([Add(hers)], padding=padding_for, now=int(time.time()))
        assert commit.welcome is not None
        return [encode(msgspec.structs.replace(frame, payload=commit.welcome))]


async def ended(accepting: asyncio.Task[Conversation]) -> None:
    """Nobody waits any longer for what does not come."""
    accepting.cancel()
    await asyncio.gather(accepting, return_exceptions=True)


async def test_a_member_who_was_not_asked_for_is_kept_out(tmp_path: Path) -> None:
    """A counselor and the relay together bring in a colleague, whose statement is good."""
    async with (
        relay_environment(tmp_path) as here,
        here.staff("Sari") as staff,
        here.staff("Budi", Role.SUPERVISOR),
        her_page(tmp_path, DishonestProxy(here.url)) as hers,
    ):
        his = await accepted(staff)
        await hers.is_in_the_room("Sari")
        (ghost,) = [one for one in await staff.colleagues() if one.name == "Budi"]
        # She has just joined, and refreshes her keys: of two commits in one epoch the relay takes one.
        await eventually(lambda: his.state.epoch == 2)
        await add_unasked(his, ghost)
        await is_stopped(hers, "whom you had not let in")
        await expect(hers.page.get_by_text("Budi")).to_have_count(0)


async def add_unasked(his: Conversation, ghost: Colleague) -> None:
    """Commit past all rules of the SDK."""
    state, link = his.state, his._link
    answer = await link.ask(lambda ref: FetchKeyPackage(ref, ghost.device_id), KeyPackage)
    assert state.membership.group is not None
    counter = state._member_state.outbox.next_counter
    commit = state.membership.group.commit(
        [Add(key_package_from_wire(answer.key_package))],
        authenticated_data=authenticated_counter(counter),
        padding=padding_for,
        now=int(time.time()),
    )
    added = (ghost.device_id,)
    link.send(Append(state.conversation_id, counter, 1, state.epoch, commit.message, commit.welcome, added))


async def test_what_is_repeated_and_out_of_order_is_shown_once_and_in_order(tmp_path: Path) -> None:
    held: list[bytes] = []
    given: list[int] = []

    def shuffle(frame: bytes) -> list[bytes]:
        if is_talk(frame) and not held:
            held.append(frame)
            return []
        # Whatever comes next goes first, and then everything once more.
        later, held[:] = held[:], []
        out = [frame, *later, *(each for each in (frame, *later) if is_talk(each))]
        given.extend(seq_of(each) for each in out if is_talk(each))
        return out

    async with talking(tmp_path, shuffle) as (hers, his):
        said = [f"text {number}" for number in range(8)]
        for text in said:
            await his.send(text)
        # What she says comes behind it in the log, too.
        await his.confirmed()
        # The last one is behind whatever the relay says next.
        await hers.say("I have read it")
        await expect(hers.messages).to_have_text([*said, "I have read it"])
        assert given != sorted(given)
        assert len(given) > len(set(given)) >= len(said)


async def test_words_that_are_repeated_under_another_number_are_shown_once(tmp_path: Path) -> None:
    """Each opens with a key of its own, which is gone when they are read."""
    repeated: list[int] = []

    def repeat(data: bytes) -> list[bytes]:
        frame = decode_relay_frame(data)
        if not isinstance(frame, Entry | Accepted) or (not is_talk(data) and not repeated):
            return [data]
        if repeated:
            return [encode(msgspec.structs.replace(frame, seq=frame.seq + 1))]
        repeated.append(frame.seq)
        return [data, encode(msgspec.structs.replace(frame, seq=frame.seq + 1))]

    async with talking(tmp_path, repeat) as (hers, his):
        await his.send("Call him.")
        await his.send("Or rather not.")
        await expect(hers.messages).to_have_text(["Call him.", "Or rather not."])
        await hers.say("I have read it")
        await expect(hers.messages).to_have_text(["Call him.", "Or rather not.", "I have read it"])
        assert (await until(his, events.TextReceived)).text == "I have read it"
        assert repeated


async def test_words_that_are_withheld_end_the_conversation_with_the_reason(tmp_path: Path) -> None:
    withheld: list[int] = []

    def withhold(frame: bytes) -> list[bytes]:
        if is_talk(frame) and not withheld:
            withheld.append(seq_of(frame))
        return [] if is_talk(frame) and seq_of(frame) in withheld else [frame]

    async with talking(tmp_path, withhold) as (hers, his):
        for number in range(4):
            await his.send(f"text {number}")
        await is_stopped(hers, "Messages were missing or out of order on the way")
        assert withheld


async def test_what_the_counselor_says_first_is_not_withheld_unnoticed(tmp_path: Path) -> None:
    """The relay keeps it back and closes the gap in its count."""
    withheld: list[int] = []

    def withhold(data: bytes) -> list[bytes]:
        frame = decode_relay_frame(data)
        if not isinstance(frame, Entry | Accepted):
            return [data]
        if isinstance(frame, Entry) and frame.kind is EntryKind.MESSAGE and not withheld:
            withheld.append(frame.seq)
            return []
        is_behind = bool(withheld) and frame.seq > withheld[0]
        return [encode(msgspec.structs.replace(frame, seq=frame.seq - is_behind))]

    async with (
        relay_environment(tmp_path) as here,
        here.staff("Sari") as staff,
        her_page(tmp_path, DishonestProxy(here.url, withhold)) as hers,
    ):
        his = await accepted(staff)
        # What his device says by itself may have told her already.
        with suppress(ConversationOver):
            await his.send("Are you alone?")
        await is_stopped(hers, "Messages were missing or out of order on the way")
        await expect(hers.page.get_by_text("Are you alone?")).to_have_count(0)
        assert withheld


async def test_who_does_not_confirm_the_keys_for_a_minute_is_named_to_her(tmp_path: Path) -> None:
    """All that Sari's device says is kept back, as where the relay has led it into another epoch."""
    said = Withheld()
    async with (
        relay_environment(tmp_path) as here,
        here.staff("Sari") as staff,
        dishonest(DishonestProxy(here.url, said.meddle)) as url,
        chromium(tmp_path / "profile") as browser,
    ):
        await browser.clock.install()
        hers = await SurvivorPage.open(browser, url)
        await hers.ask()
        await accepted(staff)
        await hers.is_in_the_room("Sari")
        told = hers.page.get_by_role("alert").filter(has_text="you and Sari are still in the same chat")
        await minute_passes(hers.page, told)
        await expect(told).to_contain_text("somebody may also be interfering")


async def test_who_does_not_confirm_the_keys_for_a_minute_is_named_to_staff(tmp_path: Path) -> None:
    """Nothing of the log comes to her device."""

    def keep_back(data: bytes) -> list[bytes]:
        return [] if isinstance(decode_relay_frame(data), Entry) else [data]

    async with (
        console_environment(tmp_path) as here,
        dishonest(DishonestProxy(here.url, keep_back)) as url,
        chromium(tmp_path / "profile") as browser,
    ):
        await browser.clock.install()
        hers = await SurvivorPage.open(browser, url)
        console = await ConsolePage.enter(browser, here)
        await hers.ask()
        await console.accept()
        told = console.page.get_by_role("alert").filter(has_text="you and Person 1 are still in the same")
        await minute_passes(console.page, told)
        await expect(told).to_contain_text("somebody may also be interfering")


class Withheld:
    """All that the other says, in a log from which it seems never to have been in."""

    def __init__(self) -> None:
        self.places: set[int] = set()

    def meddle(self, data: bytes) -> list[bytes]:
        match frame := decode_relay_frame(data):
            case Entry(kind=EntryKind.MESSAGE):
                self.places.add(frame.seq)
                return []
            case Entry() | Accepted():
                return [encode(msgspec.structs.replace(frame, seq=self._place(frame.seq)))]
            case Subscribed():
                return [encode(msgspec.structs.replace(frame, last_seq=self._place(frame.last_seq)))]
        return [data]

    def _place(self, seq: int) -> int:
        return seq - sum(place < seq for place in self.places)


async def minute_passes(page: Page, told: Locator) -> None:
    """By the page's clock, in steps within which the relay can answer, until it is told; not before."""
    await page.clock.run_for(1000)
    assert await told.count() == 0
    for _ in range(120):
        await page.clock.run_for(1000)
        if await told.count():
            return


@asynccontextmanager
async def talking(folder: Path, meddle: Meddle) -> AsyncIterator[tuple[SurvivorPage, Conversation]]:
    """She behind the proxy, he before it."""
    async with (
        relay_environment(folder) as here,
        here.staff("Sari") as staff,
        her_page(folder, DishonestProxy(here.url, meddle)) as hers,
    ):
        his = await accepted(staff)
        await hers.is_in_the_room("Sari")
        yield hers, his


def is_talk(data: bytes) -> bool:
    """Whether this is a message of the log, beyond what begins a conversation."""
    frame = decode_relay_frame(data)
    return isinstance(frame, Entry) and frame.kind is EntryKind.MESSAGE and frame.seq >= FIRST_TALK


def seq_of(data: bytes) -> int:
    frame = decode_relay_frame(data)
    assert isinstance(frame, Entry)
    return frame.seq


FIRST_TALK = 4
