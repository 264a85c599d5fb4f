"""A conversation in two terminals, over a relay: who is in the room, what was sent, delivered and read.

    chat.py survivor  --relay http://127.0.0.1:8420 --organisation data/demo/organisation.toml
    chat.py counselor --relay http://127.0.0.1:8420 --organisation data/demo/organisation.toml

Type a line to say it. Commands: /who, /invite NAME, /yes, /no, /leave. A line of one's own is marked when the
relay has it (✓), when the other device has it (✓✓), and when it was shown to the other person (read).

The counselor's key is the demonstration's, an unprotected file (`--device`), or comes from an encrypted key
store (`--key-store`, made by `enrol.py`), whose passphrase is asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import getpass
import os
import sys
import threading
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from teduh_sdk import (
    Conversation,
    Device,
    EncryptedKeyStore,
    KeyStore,
    MemoryKeyStore,
    Staff,
    Survivor,
    events,
    keep_device,
    load_organisation,
)
from teduh_sdk.exceptions import RequestGone, TeduhError

PASSPHRASE_VARIABLE = "TEDUH_KEY_STORE_PASSPHRASE"  # noqa: S105 -- the name of a variable


class Screen:
    """Prints what happens, and remembers what was typed under which number."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self.invitation: events.InvitationReceived | None = None

    def typed(self, message_id: bytes) -> None:
        self._numbers[message_id] = len(self._numbers) + 1

    async def show(self, event: events.Event) -> None:
        match event:
            case events.TextReceived():
                print(f"{event.sender}: {event.text}", flush=True)
                await event.mark_read()
            case events.Sent() | events.Delivered() | events.Read():
                self._mark(event)
            case events.InvitationReceived():
                self.invitation = event
                self.note(f"{event}. Is that all right? /yes or /no")
            case _:
                self.note(notice(event))

    def note(self, text: str) -> None:
        if text:
            print(f"  · {text}", flush=True)

    def _mark(self, event: events.Sent | events.Delivered | events.Read) -> None:
        mark = {events.Sent: "✓", events.Delivered: "✓✓", events.Read: "read"}[type(event)]
        print(f"  [{self._numbers.get(event.message_id, '?')}] {mark}", flush=True)


def notice(event: events.Event) -> str:
    """What to say of an event that is no talk."""
    match event:
        case events.Waiting(position):
            return f"you are number {position} in the queue" if position else "somebody is coming"
        case events.Joined(who):
            return f"{who} is in the room" + ("" if who.is_survivor else ", verified")
        case events.Left(who):
            return f"{who} has left"
        case events.Reconnecting():
            return "the connection is lost; reconnecting. What you type is kept and sent then"
        case events.Connected():
            return "connected"
        case events.InvitationAnswered(invitation, accepted):
            return f"{invitation.name} is {'welcome' if accepted else 'not wanted'}"
        case events.RosterRefused(reason) | events.Stopped(reason):
            return f"STOPPED, nothing more is sent or read: {reason}"
        case events.MessageRefused(reason):
            return f"something was refused: {reason}"
        case events.Ended():
            return "the conversation is over; its keys are gone"
    return ""


def typed_lines() -> asyncio.Queue[str | None]:
    """The lines of standard input as they come; None at its end."""
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line.rstrip("\n"))
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(lines.put_nowait, None)

    # A daemon, so that a read that nobody ends does not keep the program alive.
    threading.Thread(target=read, daemon=True).start()
    return lines


async def talk(conversation: Conversation, lines: asyncio.Queue[str | None], staff: Staff | None) -> None:
    """Until either side ends it."""
    screen = Screen()
    speaking = asyncio.create_task(speak(conversation, lines, screen, staff))
    async for event in conversation:
        await screen.show(event)
    speaking.cancel()
    await asyncio.gather(speaking, return_exceptions=True)


async def speak(
    conversation: Conversation, lines: asyncio.Queue[str | None], screen: Screen, staff: Staff | None
) -> None:
    """Say what is typed, and do what is commanded."""
    while (line := await lines.get()) is not None and line != "/leave":
        try:
            if line.startswith("/"):
                await obey(line, conversation, screen, staff)
            elif line:
                screen.typed(await conversation.send(line))
        except TeduhError as error:
            screen.note(str(error))
    await conversation.confirmed()
    await conversation.leave()


async def obey(line: str, conversation: Conversation, screen: Screen, staff: Staff | None) -> None:
    """One command."""
    command, _, argument = line.partition(" ")
    if command == "/who":
        screen.note(", ".join(map(str, conversation.participants)) or "nobody yet")
    elif command in ("/yes", "/no") and screen.invitation is not None:
        answered, screen.invitation = screen.invitation, None
        await (answered.approve() if command == "/yes" else answered.decline())
    elif command == "/invite" and staff is not None:
        screen.note(await invite(argument, conversation, staff))
    else:
        screen.note("commands: /who, /invite NAME, /yes, /no, /leave")


async def invite(name: str, conversation: Conversation, staff: Staff) -> str:
    """Bring a colleague in, if she agrees; returns what to say of it."""
    found = [one for one in await staff.colleagues() if one.name.casefold() == name.casefold()]
    if not found:
        return f"no colleague by the name {name!r} is connected"
    newcomer = await conversation.invite(found[0])
    return f"{newcomer} was brought in"


async def be_survivor(options: argparse.Namespace) -> None:
    async with Survivor(options.relay, load_organisation(options.organisation)) as survivor:
        print("  · asking for help; type whenever you want", flush=True)
        lines = typed_lines()
        await talk(await survivor.ask(need=options.need), lines, None)


async def be_counselor(options: argparse.Namespace) -> None:
    keys = key_store(options)
    async with Staff(options.relay, load_organisation(options.organisation), keys) as staff:
        lines = typed_lines()
        print("  · waiting for somebody who seeks help", flush=True)
        conversation = staff.conversations[0] if staff.conversations else await first_conversation(staff)
        await talk(conversation, lines, staff)


async def first_conversation(staff: Staff) -> Conversation:
    """The first that comes: a request, or a colleague's invitation."""
    coming = [asyncio.create_task(first_request(staff)), asyncio.create_task(first_invitation(staff))]
    try:
        done, _ = await asyncio.wait(coming, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in coming:
            task.cancel()
        await asyncio.gather(*coming, return_exceptions=True)


async def first_request(staff: Staff) -> Conversation:
    async for request in staff.requests():
        try:
            return await request.accept()
        except RequestGone:
            continue
    raise AssertionError("the requests do not end")


async def first_invitation(staff: Staff) -> Conversation:
    async for invitation in staff.invitations():
        return await invitation.join()
    raise AssertionError("the invitations do not end")


def key_store(options: argparse.Namespace) -> KeyStore:
    """The counselor's keys: from the encrypted store, or the demonstration's files."""
    if options.key_store is not None:
        passphrase = os.environ.get(PASSPHRASE_VARIABLE) or getpass.getpass("Passphrase: ")
        return EncryptedKeyStore.open(options.key_store, passphrase)
    folder = options.device or options.organisation.parent / "staff" / "sari"
    key = load_pem_private_key((folder / "device.pem").read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise SystemExit("device.pem holds no Ed25519 key")
    statement, _, issuer_statement = (folder / "statement.jwt").read_text().strip().partition("~")
    keys = MemoryKeyStore()
    keep_device(keys, Device(key, statement, issuer_statement or None))
    return keys


def main() -> None:
    parser = argparse.ArgumentParser(description="A conversation in two terminals.")
    parser.add_argument("role", choices=["survivor", "counselor"])
    parser.add_argument("--relay", default="http://127.0.0.1:8420")
    parser.add_argument("--organisation", type=Path, default=Path("data/demo/organisation.toml"))
    parser.add_argument("--need", help="survivor: what kind of help, for example counseling")
    parser.add_argument("--device", type=Path, help="counselor: a folder with device.pem and statement.jwt")
    parser.add_argument("--key-store", type=Path, help="counselor: an encrypted key store")
    options = parser.parse_args()
    try:
        asyncio.run(be_survivor(options) if options.role == "survivor" else be_counselor(options))
    except TeduhError as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
