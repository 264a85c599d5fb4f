"""A relay that lies to her browser: her page refuses, and says so in plain words."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from browser_house import accepted, house
from dishonest_proxy import DishonestProxy, Meddle, dishonest
from playwright.async_api import expect
from real_browser import chromium
from relay_organisation import RelayOrganisation
from survivor_page import SurvivorPage
from teduh_crypto.credentials import Role, sign_revocation_list
from teduh_crypto.mls import Add
from teduh_crypto.padding import padding_for
from teduh_sdk.colleague import Colleague
from teduh_sdk.conversation import Conversation
from teduh_sdk.group_changes import key_package_from_wire
from teduh_sdk.sender_order import authenticated_counter
from teduh_signaling.relay.codec import decode_relay_frame
from teduh_signaling.relay.frames import Append, Entry, EntryKind, FetchKeyPackage, KeyPackage

STOPPED = "We have stopped this conversation"
NOT_YOU = "It is not your fault"


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
    await hers.shows(NOT_YOU)
    await expect(hers.field).to_have_count(0)


def root_key(organisation: RelayOrganisation) -> bytes:
    """As it stands in the page."""
    return base64.urlsafe_b64encode(organisation.public.root_public_key).rstrip(b"=")


async def test_staff_whom_another_root_vouches_for_are_kept_out(tmp_path: Path) -> None:
    """The relay has staff of its own, with good statements under a key that is not the organisation's."""
    true = RelayOrganisation()
    revocations = json.dumps({"list": sign_revocation_list(true.revocations(), true.authority)}).encode()
    async with house(tmp_path) as false, false.staff("Sari") as staff:
        replace = {
            "/": lambda page: page.replace(root_key(false.organisation), root_key(true)),
            "/v1/revocations": lambda _: revocations,
        }
        async with her_page(tmp_path, DishonestProxy(false.url, replace=replace)) as hers:
            accepting = asyncio.create_task(accepted(staff))
            await is_stopped(hers, "who could not be verified")
            accepting.cancel()
            await asyncio.gather(accepting, return_exceptions=True)
            await expect(hers.page.get_by_text("Sari")).to_have_count(0)


async def test_a_member_who_was_not_asked_for_is_kept_out(tmp_path: Path) -> None:
    """A counselor and the relay together bring in a colleague, whose statement is good."""
    async with (
        house(tmp_path) as here,
        here.staff("Sari") as staff,
        here.staff("Budi", Role.SUPERVISOR),
        her_page(tmp_path, DishonestProxy(here.url)) as hers,
    ):
        his = await accepted(staff)
        await hers.is_in_the_room("Sari")
        (ghost,) = [one for one in await staff.colleagues() if one.name == "Budi"]
        await bring_in_unasked(his, ghost)
        await is_stopped(hers, "whom you had not let in")
        await expect(hers.page.get_by_text("Budi")).to_have_count(0)


async def bring_in_unasked(his: Conversation, ghost: Colleague) -> None:
    """Commit past all rules of the SDK."""
    state, link = his.state, his._link
    answer = await link.ask(lambda ref: FetchKeyPackage(ref, ghost.device_id), KeyPackage)
    assert state.membership.group is not None
    counter = state._outbox.next_counter
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

    def shuffle(frame: bytes) -> list[bytes]:
        if is_talk(frame) and not held:
            held.append(frame)
            return []
        # Whatever comes next goes first, and then everything once more.
        later, held[:] = held[:], []
        return [frame, *later, *(each for each in (frame, *later) if is_talk(each))]

    async with talking(tmp_path, shuffle) as (hers, his):
        said = [f"text {number}" for number in range(8)]
        for text in said:
            await his.send(text)
        # The last one is behind whatever the relay says next.
        await hers.say("I have read it")
        await expect(hers.messages).to_have_text([*said, "I have read it"])


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


@asynccontextmanager
async def talking(folder: Path, meddle: Meddle) -> AsyncIterator[tuple[SurvivorPage, Conversation]]:
    """She behind the proxy, he before it."""
    async with (
        house(folder) as here,
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
