"""`teduh demo`: one command, and it says what to type next."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from support.clients.frame_client import FrameClient, frame_client
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.demo_process import demo_process
from support.relay.relay_process import relay_here
from teduh_crypto.credentials import Role, invite, sign_relay_authentication
from teduh_sdk import MemoryKeyStore, enrol_device, load_organisation
from teduh_sdk.exceptions import EnrolmentFailed
from teduh_server.cli.demo_enrolment import DemoEnrolments
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_signaling.relay.frames import Authenticate, Authenticated, CallPolicy, FetchIceServers, IceServers


async def authenticate_counselor(client: FrameClient, folder: Path, origin: str) -> None:
    """As the counselor whose device the demo made."""
    device = folder / "staff" / "sari"
    key = load_pem_private_key((device / "device.pem").read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    signature = sign_relay_authentication(key, origin, client.hello.nonce)
    await client.ask(Authenticate((device / "statement.jwt").read_text(), signature), Authenticated)


async def test_demos_link_lets_one_browser_in_and_then_there_is_another(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with demo_process(folder) as demo:
        origin = demo.origin()
        organisation = load_organisation(folder / "organisation.toml")
        await eventually(demo.invitations)
        (code,) = demo.invitations()
        enrolment = await enrol_device(origin, organisation, code)
        device = await enrolment.wait(MemoryKeyStore())
        await eventually(lambda: len(demo.invitations()) == 2)
        console = origin.replace("127.0.0.1", "localhost")
        async with frame_client(origin) as client:
            signature = sign_relay_authentication(device.key, console, client.hello.nonce)
            await client.ask(Authenticate(device.statement, signature), Authenticated)
        with pytest.raises(EnrolmentFailed, match="invitation_used"):
            await enrol_device(origin, organisation, code)


async def test_demo_tells_a_newcomer_of_no_error(tmp_path: Path) -> None:
    with demo_process(tmp_path / "demo") as demo:
        await demo.pages()
        assert "error" not in demo.said.lower()


async def test_demo_approves_its_own_invitations_only(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """Other invitations of the same organisation wait for a coordinator."""
    invitation, code = invite(
        organisation.authority, subject="somebody", role=Role.COUNSELOR, now=int(time.time())
    )
    async with relay_here(organisation.write(tmp_path), valkey.url) as (relay, url):
        enrolments = DemoEnrolments(organisation.authority, f"{url}/console/")
        await enrol_device(url, organisation.public, str(code))
        assert await enrolments.approve_waiting(relay.enrolments) == []
        assert await relay.enrolments.statement(invitation.enrolment_id) is None


async def test_demo_serves_the_console_apart_from_the_survivors_page(tmp_path: Path) -> None:
    """Or quick exit would empty the console's storage in the same browser."""
    with demo_process(tmp_path / "demo") as demo:
        origin = demo.origin()
        console = origin.replace("127.0.0.1", "localhost")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{origin}/x", allow_redirects=False) as response:
                assert response.headers["Clear-Site-Data"] == '"cookies", "storage"'
            async with session.get(f"{console}/x", allow_redirects=False) as response:
                assert response.status == 404
            async with session.get(f"{origin}/console/") as response:
                assert response.status == 404


async def test_demo_allows_direct_calls_on_this_machine_alone_and_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with demo_process(folder) as demo:
        origin = demo.origin()
        assert urlsplit(origin).hostname == "127.0.0.1"
        async with frame_client(origin) as survivor, frame_client(origin) as counselor:
            await authenticate_counselor(counselor, folder, origin)
            conversation = await survivor.open_request()
            await counselor.claim(conversation)
            await counselor.append(conversation, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
            answer = await survivor.ask(FetchIceServers(4, conversation), IceServers)
            assert answer == IceServers(4, CallPolicy.DIRECT)
        assert "Calls go straight from page to page" in demo.said
        async with aiohttp.ClientSession() as session, session.get(origin) as response:
            assert "Calls go straight within this machine." in await response.text()


async def test_demo_names_both_commands_and_believes_its_counselor(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with demo_process(folder) as demo:
        origin = demo.origin()
        assert "examples/chat.py survivor" in demo.said
        assert "examples/chat.py counselor" in demo.said
        async with frame_client(origin) as client:
            await authenticate_counselor(client, folder, origin)
    assert demo.process.returncode == 0


def test_demo_keeps_its_organisation_and_private_files_private(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    seen = set()
    for _ in range(2):
        with demo_process(folder) as demo:
            demo.origin()
            seen.add((folder / "organisation.toml").read_text())
    assert len(seen) == 1
    for name in ("root.pem", "staff/sari/device.pem", "staff/sari/statement.jwt"):
        assert (folder / name).stat().st_mode & 0o077 == 0


def test_demo_on_a_taken_port_says_so(tmp_path: Path) -> None:
    with demo_process(tmp_path / "one") as first:
        port = int(first.origin().rpartition(":")[2])
        with demo_process(tmp_path / "two", port) as second:
            assert second.process.wait(30) == 1
            assert "--port" in second.said
            assert "Traceback" not in second.said
