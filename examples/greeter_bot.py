"""A staff member that is a program: takes every request at once, greets, and brings in a person.

    greeter_bot.py --relay https://relay.example --organisation organisation.toml --key-store greeter

It is a member of the conversation like any other, with a statement and a name that she sees; it cannot
listen in unseen. As soon as a colleague is available and she agrees, the colleague comes in and the greeter
leaves. The key store is made by `enrol.py`; its passphrase comes from the environment variable
TEDUH_KEY_STORE_PASSPHRASE.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from contextlib import suppress
from pathlib import Path

from teduh_sdk import (
    Availability,
    Colleague,
    Conversation,
    EncryptedKeyStore,
    KeyStore,
    Staff,
    events,
    load_organisation,
)
from teduh_sdk.exceptions import ConversationOver, InvitationDeclined, TeduhError

GREETING = "You have reached us. I am a program; I stay with you until a person comes. Are you safe?"
INVITING = "Somebody can talk with you now. You will be asked whether that is all right."
STILL_HERE = "I have passed that on. Somebody comes as soon as possible."
LOOK_EVERY_SECONDS = 2.0


async def greet_all(relay: str, organisation_file: Path, keys: KeyStore) -> None:
    """Serve until cancelled."""
    async with (
        Staff(relay, load_organisation(organisation_file), keys) as staff,
        asyncio.TaskGroup() as talks,
    ):
        for conversation in staff.conversations:
            # From before the program was started again.
            talks.create_task(stay(staff, conversation))
        async for request in staff.requests(capacity=100):
            try:
                conversation = await request.accept()
            except TeduhError as error:
                # Somebody else was faster, the connection broke, or nobody can answer it. The others go on.
                print(f"could not take a request: {error}")
                continue
            talks.create_task(greet(staff, conversation))


async def greet(staff: Staff, conversation: Conversation) -> None:
    """Say who is there, and stay."""
    # She may leave at any moment.
    with suppress(ConversationOver):
        await conversation.send(GREETING)
    await stay(staff, conversation)


async def stay(staff: Staff, conversation: Conversation) -> None:
    """Stay with her until a person comes."""
    inviting = asyncio.create_task(hand_over(staff, conversation))
    async for event in conversation:
        if isinstance(event, events.TextReceived):
            await event.mark_read()
            if event.sender.is_survivor and not conversation.is_over:
                await conversation.send(STILL_HERE, reply_to=event.message_id)
    inviting.cancel()
    await asyncio.gather(inviting, return_exceptions=True)


async def hand_over(staff: Staff, conversation: Conversation) -> None:
    """Bring in the first person who is available, and leave."""
    declined: set[bytes] = set()
    while not conversation.is_over:
        try:
            if await invite_one(staff, conversation, declined):
                await conversation.leave()
                return
        except TeduhError as error:
            # The connection broke, for example; she still waits.
            print(f"could not bring anybody in: {error}")
        await asyncio.sleep(LOOK_EVERY_SECONDS)


async def invite_one(staff: Staff, conversation: Conversation, declined: set[bytes]) -> bool:
    """Ask her about who is available; whether somebody has come in."""
    for colleague in await available(staff, declined):
        await conversation.send(INVITING)
        try:
            await conversation.invite(colleague, "She is a person, and available now.")
        except InvitationDeclined:
            declined.add(colleague.device_id)
        else:
            return True
    return False


async def available(staff: Staff, declined: set[bytes]) -> list[Colleague]:
    """Who could come now."""
    return [
        one
        for one in await staff.colleagues()
        if one.availability is Availability.AVAILABLE and one.device_id not in declined
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="A staff member that is a program.")
    parser.add_argument("--relay", required=True)
    parser.add_argument("--organisation", type=Path, required=True)
    parser.add_argument("--key-store", type=Path, required=True)
    options = parser.parse_args()
    keys = EncryptedKeyStore.open(options.key_store, os.environ["TEDUH_KEY_STORE_PASSPHRASE"])
    asyncio.run(greet_all(options.relay, options.organisation, keys))


if __name__ == "__main__":
    main()
