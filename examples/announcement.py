"""A staff member that is a program and answers calls: it plays a recording to whoever calls.

    announcement.py --relay https://relay.example --organisation organisation.toml --key-store keys hours.ogg

Anything that FFmpeg can read will do for the recording. The program is a member of the conversation like any
other, with a statement and a name that she sees. It keeps nothing of what she says: a program that would
record her has to ask for that in the call, and so have all others in it.

Needs `pip install "teduh-sdk[calls]"`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from array import array
from pathlib import Path

from aiortc.contrib.media import MediaPlayer
from av import AudioFrame
from teduh_sdk import Conversation, EncryptedKeyStore, KeyStore, Participant, Staff, load_organisation
from teduh_sdk.calls import Call, MediaStreamTrack, events
from teduh_sdk.exceptions import CallNotPossible, TeduhError


async def serve(relay: str, organisation_file: Path, keys: KeyStore, recording: Path) -> None:
    """Take every request, and answer every call in it, until cancelled."""
    async with (
        Staff(relay, load_organisation(organisation_file), keys) as staff,
        asyncio.TaskGroup() as talks,
    ):
        async for request in staff.requests(capacity=100):
            try:
                conversation = await request.accept()
            except TeduhError as error:
                # Somebody else was faster, the connection broke, or nobody can answer it. The others go on.
                print(f"could not take a request: {error}")
                continue
            talks.create_task(answer_calls(conversation, recording))


async def answer_calls(conversation: Conversation, recording: Path) -> None:
    """Play the recording to whoever calls."""
    async for call in conversation.calls:
        call.on_audio(Meter())
        played = sound_of(recording)
        try:
            await call.accept(tracks=[played])
        except CallNotPossible:
            continue
        except TeduhError as error:
            # There is no way for sound, or the connection broke while it was asked for.
            print(f"could not answer a call: {error}")
            await call.decline()
        hanging_up = asyncio.create_task(hang_up_after(call, played))
        await listen(call)
        hanging_up.cancel()


def sound_of(recording: Path) -> MediaStreamTrack:
    """What can be heard of the file, from its beginning."""
    sound = MediaPlayer(str(recording)).audio
    if sound is None:
        raise SystemExit(f"there is no sound in {recording}")
    return sound


async def hang_up_after(call: Call, played: MediaStreamTrack) -> None:
    """When everything has been said."""
    is_over = asyncio.Event()
    played.on("ended", is_over.set)
    await is_over.wait()
    await call.hang_up()


async def listen(call: Call) -> None:
    """Until the call is over."""
    async for event in call:
        match event:
            case events.PeerConnected(participant):
                print(f"{participant} hears the recording", flush=True)
            case events.PathUnavailable(reason=reason):
                print(f"no connection: {reason}", flush=True)
            case events.RecordingAsked():
                await event.refuse()
            case events.Ended(reason):
                print(f"the call is over: {reason.name.lower()}", flush=True)


class Meter:
    """Says once that somebody is heard."""

    def __init__(self) -> None:
        self._has_said = False

    def __call__(self, participant: Participant, frame: AudioFrame) -> None:
        samples = array("h", bytes(frame.planes[0]))
        if not self._has_said and max(map(abs, samples), default=0) > 1000:
            self._has_said = True
            print(f"{participant} says something", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="A staff member that is a program and answers calls.")
    parser.add_argument("--relay", required=True)
    parser.add_argument("--organisation", type=Path, required=True)
    parser.add_argument("--key-store", type=Path, required=True)
    parser.add_argument("recording", type=Path)
    options = parser.parse_args()
    keys = EncryptedKeyStore.open(options.key_store, os.environ["TEDUH_KEY_STORE_PASSPHRASE"])
    asyncio.run(serve(options.relay, options.organisation, keys, options.recording))


if __name__ == "__main__":
    main()
