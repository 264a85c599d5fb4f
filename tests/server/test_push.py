"""Waking staff: encrypted for the browser, signed by the relay, empty of news, to known services only."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from py_vapid import Vapid02
from structlog.testing import capture_logs
from support.clients.frame_client import FrameClient, frame_client
from support.clients.sdk_people import PATIENCE
from support.organisation.relay_organisation import RelayOrganisation, StaffDevice
from support.relay.push_service import CONTACT, PUSH_KEY, Browser, push_service, push_settings
from support.relay.relay_process import relay_here
from teduh_server.app import Relay
from teduh_server.cli.main import app
from teduh_server.config.push_settings import PushSettings
from teduh_server.redis_store import keys
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.staff import push
from teduh_server.staff.push import EndpointNotAllowed, PushServices
from teduh_server.staff.push_message import TEXT, InvalidPushKey, PushKey
from teduh_signaling.relay.frames import (
    Availability,
    Done,
    Error,
    ErrorCode,
    FetchPushKey,
    SetAvailability,
    UnsubscribePush,
)
from teduh_signaling.relay.frames import PushKey as PushKeyFrame
from typer.testing import CliRunner


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with push_service() as browser:
        yield browser


@dataclass
class Environment:
    url: str
    organisation: RelayOrganisation
    key: PushKey
    relay: Relay

    @asynccontextmanager
    async def device(self, device: StaffDevice) -> AsyncIterator[FrameClient]:
        async with frame_client(self.url) as client:
            await client.authenticate(device)
            yield client

    async def opt_in(self, browser: Browser, device: StaffDevice | None = None) -> None:
        """Subscribe, and go."""
        async with self.device(device or self.organisation.staff()) as client:
            await client.ask(browser.subscription, Done)


@pytest.fixture
async def environment(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> AsyncIterator[Environment]:
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url, push=push_settings(tmp_path)) as (relay, url):
        await organisation.publish_revocations(url)
        yield Environment(url, organisation, PushKey.load(tmp_path / PUSH_KEY, CONTACT), relay)


async def test_device_that_is_not_connected_is_woken_when_somebody_waits(
    environment: Environment, browser: Browser
) -> None:
    await environment.opt_in(browser)
    async with frame_client(environment.url) as survivor:
        await survivor.open_request()
        body, headers = await asyncio.wait_for(browser.pushed.get(), PATIENCE)
    assert browser.read(body) == TEXT == b"somebody is waiting"
    assert headers["Content-Encoding"] == "aes128gcm"
    assert Vapid02.verify(headers["Authorization"])
    public = base64.urlsafe_b64encode(environment.key.public).rstrip(b"=").decode()
    assert headers["Authorization"].endswith("k=" + public)
    assert "Cookie" not in headers


async def test_key_for_the_subscription_is_that_of_the_signature(environment: Environment) -> None:
    async with environment.device(environment.organisation.staff()) as client:
        assert (await client.ask(FetchPushKey(1), PushKeyFrame)).public_key == environment.key.public


async def test_nobody_is_woken_while_somebody_is_available(
    environment: Environment, browser: Browser
) -> None:
    """The router looks several times, and does not so much as begin; when she goes it does."""
    await environment.opt_in(browser)
    router = environment.relay.parts.routing.router
    async with (
        environment.device(environment.organisation.staff()) as staff,
        frame_client(environment.url) as survivor,
    ):
        await staff.ask(SetAvailability(1, Availability.AVAILABLE, 1), Done)
        await survivor.open_request()
        for _ in range(3):
            await router.route()
            assert await environment.relay.parts.store.ask((b"EXISTS", keys.PUSH_WOKEN)) == 0
        assert browser.pushed.empty()
        await staff.ask(SetAvailability(2, Availability.BUSY, 0), Done)
        body, _ = await asyncio.wait_for(browser.pushed.get(), PATIENCE)
        assert browser.read(body) == TEXT


async def test_revoked_device_is_woken_no_more(environment: Environment, browser: Browser) -> None:
    sari, budi = environment.organisation.staff(), environment.organisation.staff("Budi")
    other = Browser(browser.endpoint.replace("one", "two"))
    await environment.opt_in(browser, sari)
    await environment.opt_in(other, budi)
    await environment.organisation.publish_revocations(
        environment.url, environment.organisation.revoking(sari)
    )
    async with frame_client(environment.url) as survivor:
        await survivor.open_request()
        body, _ = await asyncio.wait_for(browser.pushed.get(), PATIENCE)
        assert other.read(body) == TEXT
        body, _ = await asyncio.wait_for(browser.pushed.get(), PATIENCE)
        assert other.read(body) == TEXT


async def test_subscription_that_has_gone_is_forgotten(environment: Environment, browser: Browser) -> None:
    browser.answer = 410
    await environment.opt_in(browser)
    other = Browser(browser.endpoint.replace("one", "two"))
    async with frame_client(environment.url) as survivor:
        await survivor.open_request()
        await asyncio.wait_for(browser.pushed.get(), PATIENCE)
        browser.answer = 201
        await environment.opt_in(other, environment.organisation.staff("Budi"))
        body, _ = await asyncio.wait_for(browser.pushed.get(), PATIENCE)
    assert other.read(body) == TEXT


async def test_device_that_subscribes_anew_meanwhile_is_woken_still(
    environment: Environment, browser: Browser
) -> None:
    """Browsers end a subscription when they like, and the console gives the next one at once."""
    device = environment.organisation.staff()
    browser.answer, browser.held = 410, asyncio.Event()
    await environment.opt_in(browser, device)
    async with push_service() as anew, frame_client(environment.url) as survivor:
        await survivor.open_request()
        await asyncio.wait_for(browser.pushed.get(), PATIENCE)
        await environment.opt_in(anew, device)
        browser.held.set()
        # Twice: what was read before the old one was found to be gone may be under way.
        for _ in range(2):
            body, _ = await asyncio.wait_for(anew.pushed.get(), PATIENCE)
            assert anew.read(body) == TEXT


async def test_service_that_hangs_holds_up_nobody_of_another(
    environment: Environment, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is talked to once at a time here, and waited for as long as it takes."""
    monkeypatch.setattr(push, "_AT_ONCE", 1)
    monkeypatch.setattr(push, "_SEND_SECONDS", 1000.0)
    browser.held = asyncio.Event()
    await environment.opt_in(browser)
    async with push_service() as other, frame_client(environment.url) as survivor:
        await environment.opt_in(other, environment.organisation.staff("Budi"))
        await survivor.open_request()
        body, _ = await asyncio.wait_for(other.pushed.get(), PATIENCE)
        assert other.read(body) == TEXT
        browser.held.set()


async def test_operator_is_told_that_a_service_refuses(environment: Environment, browser: Browser) -> None:
    """By its number alone, which says nothing of whose device it is."""
    browser.answer = 403
    await environment.opt_in(browser)
    with capture_logs() as said:
        async with frame_client(environment.url) as survivor:
            await survivor.open_request()
            for _ in range(2):
                await asyncio.wait_for(browser.pushed.get(), PATIENCE)
    refused = {"event": "a push service refused", "log_level": "warning", "status": 403}
    assert refused in said


async def test_redirect_is_not_followed(environment: Environment, browser: Browser) -> None:
    browser.answer = 307
    await environment.opt_in(browser)
    async with frame_client(environment.url) as survivor:
        await survivor.open_request()
        for _ in range(2):
            _, headers = await asyncio.wait_for(browser.pushed.get(), PATIENCE)
            assert headers["TTL"] == "300"
    # Both were to the endpoint itself: a followed redirect would have come in between, to be waited for.
    assert browser.pushed.empty()


async def test_device_that_wants_it_no_more_is_not_woken(environment: Environment, browser: Browser) -> None:
    device = environment.organisation.staff()
    await environment.opt_in(browser, device)
    async with environment.device(device) as client:
        await client.ask(UnsubscribePush(4), Done)
    other = Browser(browser.endpoint.replace("one", "two"))
    await environment.opt_in(other, environment.organisation.staff("Budi"))
    async with frame_client(environment.url) as survivor:
        await survivor.open_request()
        body, _ = await asyncio.wait_for(browser.pushed.get(), PATIENCE)
    assert other.read(body) == TEXT


async def test_endpoint_elsewhere_is_refused(environment: Environment, browser: Browser) -> None:
    browser.endpoint = "https://intranet.example/push"
    async with environment.device(environment.organisation.staff()) as client:
        refused = await client.ask(browser.subscription, Error)
        assert (refused.code, refused.ref) == (ErrorCode.NOT_PERMITTED, 3)
        assert "intranet" not in refused.detail


async def test_relay_without_a_key_wakes_nobody(
    relay_url: str, organisation: RelayOrganisation, browser: Browser
) -> None:
    async with frame_client(relay_url) as client:
        await client.authenticate(organisation.staff())
        assert (await client.ask(FetchPushKey(1), PushKeyFrame)).public_key is None
        refused = await client.ask(browser.subscription, Error)
        assert refused.code is ErrorCode.NOT_PERMITTED


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/abc",
        "https://updates.push.services.mozilla.com:443/wpush/v2/abc",
        "https://sg2p.notify.windows.com/w/?token=abc",
        "https://web.push.apple.com/abc",
    ],
)
def test_known_push_services_are_allowed(endpoint: str) -> None:
    assert str(PushServices(PushSettings().services).check(endpoint)).startswith("https://")


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/abc",
        "https://fcm.googleapis.com:8443/abc",
        "https://user@fcm.googleapis.com/abc",
        "https://fcm.googleapis.com.evil.example/abc",
        "https://evil.example/fcm.googleapis.com",
        "https://a.b.notify.windows.com/abc",
        "https://notify.windows.com/abc",
        "https://127.0.0.1/abc",
        "http://127.0.0.1:6379/",
        "https://[::1]/abc",
        "https://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "//fcm.googleapis.com/abc",
        "",
        "https://",
        "https://[",
    ],
)
def test_whatever_else_is_refused(endpoint: str) -> None:
    with pytest.raises(EndpointNotAllowed):
        PushServices(PushSettings().services).check(endpoint)


def test_file_without_a_key_of_the_right_kind_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "push.pem"
    file.write_text("-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(InvalidPushKey):
        PushKey.load(file, CONTACT)


def test_key_needs_somebody_to_write_to(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="contact"):
        PushSettings(key_file=tmp_path / "push.pem")


def test_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "push.pem"
    assert CliRunner().invoke(app, ["push-key", str(file)]).exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(PushKey.load(file, CONTACT).public) == 65
    assert CliRunner().invoke(app, ["push-key", str(file)]).exit_code != 0
