"""Promise 3, as far as a program can keep it: a survivor's whole conversation writes no file.

Her side runs in a process of its own, watched by an audit hook of the interpreter: it sees every opening of a
file for writing and every new, renamed or linked file, whichever module asks for it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from support.clients.sdk_people import PATIENCE, new_staff, until
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_sdk import events
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.staff.staff import Staff

ROOT = Path(__file__).parents[2]

HER_PROGRAM = """
import json, os, sys

written = []

def watch(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and path != os.devnull:
            written.append(str(path))
    if event in ("os.mkdir", "os.rename", "os.link", "os.symlink", "os.truncate", "sqlite3.connect"):
        written.append(f"{event} {arguments[0]}")

sys.addaudithook(watch)

import asyncio
from teduh_sdk import Survivor, events, load_organisation

async def main(relay, organisation_file):
    async with Survivor(relay, load_organisation(organisation_file)) as survivor:
        conversation = await survivor.ask(need="counseling")
        await conversation.send("Is somebody there?")
        async for event in conversation:
            if isinstance(event, events.TextReceived):
                await event.mark_read()
                await conversation.confirmed()
                return

asyncio.run(main(*sys.argv[1:3]))
if len(sys.argv) > 3:
    open(sys.argv[3], "w").close()
print(json.dumps(written))
"""


async def talk(tmp_path: Path, *planted: str) -> tuple[list[str], list[Path]]:
    """One conversation; what her program was seen to write, and what lies in her folders afterwards."""
    organisation = RelayOrganisation()
    organisation_file = organisation.write(tmp_path / "organisation")
    home = tmp_path / "home"
    home.mkdir()
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_STATE_HOME"), str(home))
    with start_valkey() as valkey:
        async with relay_here(organisation_file, valkey.url) as (_, url):
            await organisation.publish_revocations(url)
            her = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", HER_PROGRAM, url, str(organisation_file), *planted),
                cwd=home,
                env=environment,
                stdout=asyncio.subprocess.PIPE,
            )
            async with (
                asyncio.timeout(PATIENCE),
                Staff(url, organisation.public, new_staff(organisation, "Sari")) as staff,
            ):
                conversation = await first(staff)
                await until(conversation, events.TextReceived)
                await conversation.send("I am here.")
                printed, _ = await her.communicate()
    assert her.returncode == 0
    return json.loads(printed), list(home.iterdir())


async def first(staff: Staff) -> Conversation:
    async for request in staff.requests():
        return await request.accept()
    raise AssertionError("no request came")


async def test_her_program_writes_no_file(tmp_path: Path) -> None:
    assert await talk(tmp_path) == ([], [])


async def test_a_file_that_is_written_is_seen(tmp_path: Path) -> None:
    """The control: the watch can fail."""
    trace = tmp_path / "home" / "trace"
    assert await talk(tmp_path, str(trace)) == ([str(trace)], [trace])
