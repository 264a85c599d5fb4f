"""The example that answers calls, as people start it: she calls, and hears the recording."""

from __future__ import annotations

import asyncio
import sys
import wave
from pathlib import Path

import numpy as np
from support.calls.calling_room import ears, heard, until
from support.calls.known_media import LOUD, RATE, Tone
from support.calls.turn_server import turn_server
from support.clients.sdk_people import PATIENCE, device_of
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_sdk import EncryptedKeyStore, Survivor, keep_device
from teduh_sdk.calls import EndReason, events

EXAMPLE = Path(__file__).parents[3] / "examples/announcement.py"
PASSPHRASE = "only for this test"


def recording(path: Path) -> Path:
    """Two seconds of 440 Hz."""
    values = LOUD * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
        file.writeframes(values.astype("<i2").tobytes())
    return path


async def test_the_recording_is_heard_and_then_the_program_hangs_up(tmp_path: Path) -> None:
    organisation = RelayOrganisation()
    keep_device(
        EncryptedKeyStore.create(tmp_path / "keys", PASSPHRASE), device_of(organisation.staff("Announcer"))
    )
    file = organisation.write(tmp_path)
    with start_valkey() as valkey, turn_server(tmp_path, allow_loopback_peers=True) as turn:
        async with relay_here(file, valkey.url, calls=turn.calls()) as (_, url):
            await organisation.publish_revocations(url)
            program = await asyncio.create_subprocess_exec(
                sys.executable,
                *(EXAMPLE, "--relay", url, "--organisation", file, "--key-store", tmp_path / "keys"),
                recording(tmp_path / "hours.wav"),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env={"TEDUH_KEY_STORE_PASSPHRASE": PASSPHRASE, "PYTHONWARNINGS": "error"},
            )
            try:
                async with asyncio.timeout(PATIENCE), Survivor(url, organisation.public) as survivor:
                    hers = await survivor.ask()
                    await hers.joined()
                    call = await hers.call([Tone(1000)])
                    ear = ears(call)
                    await heard(lambda: ear.hears(440))
                    assert (await until(call, events.Ended)).reason is EndReason.HUNG_UP
                    assert program.stdout is not None
                    shown: set[str] = set()
                    async for line in program.stdout:
                        if line.strip() == b"the call is over: hung_up":
                            break
                        shown.add(line.decode().strip())
                # A request may be told of once more while it is being taken.
                assert shown - {"could not take a request: queue_empty: nobody is waiting"} == {
                    "survivor hears the recording",
                    "survivor says something",
                }
            finally:
                program.kill()
                await program.communicate()
