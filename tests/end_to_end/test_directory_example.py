"""`examples/who_else.py` finds, through a relay, what the organisation has signed."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_crypto.credentials import Authority, StatementVerifier
from teduh_server.organisation.directory_csv import directory_from_csv
from teduh_server.organisation.signed_directory import sign_directory
from teduh_signaling.directory.format import write_directory

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "who_else.py"
TABLE = """name,organization,needs,languages,areas,phones,assured_date,source
Far away,Aid,emergency,id,ID-PA Papua,110,{today},a call
Near,Aid,emergency,id,ID-JK Jakarta,119,{today},a call
Everywhere,Aid,emergency,id,ID Indonesia,112|110,{today},a call
Another need,Aid,legal,id,ID-JK Jakarta,110,{today},a call
Too old,Aid,emergency,id,ID Indonesia,110,2020-01-01,a call
"""


def test_the_sdks_readme_shows_it_as_it_is() -> None:
    code = EXAMPLE.read_text("utf-8")
    assert code in (ROOT / "client_sdk" / "python" / "README.md").read_text("utf-8")
    assert len(code.splitlines()) <= 15


async def test_it_names_who_helps_there_the_nearest_first(tmp_path: Path) -> None:
    organisation = RelayOrganisation()
    file = organisation.write(tmp_path)
    today = time.strftime("%Y-%m-%d", time.gmtime())
    content = write_directory(directory_from_csv(TABLE.format(today=today).encode()))
    root_public_key = organisation.root.public_key().public_bytes_raw()
    verifier = StatementVerifier(root_public_key, organisation.id)
    authority = Authority(organisation.id, organisation.root)
    sign_directory(tmp_path, content, authority, verifier, now=int(time.time()))
    with start_valkey() as valkey:
        async with relay_here(file, valkey.url) as (_, url):
            program = await asyncio.create_subprocess_exec(
                *(sys.executable, EXAMPLE, url, file, "emergency", "ID-JK"), stdout=asyncio.subprocess.PIPE
            )
            printed, _ = await program.communicate()
    assert printed.decode().splitlines() == ["Near 119", "Everywhere 112 110"]
