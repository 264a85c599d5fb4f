"""Both pages as they are deployed: over TLS and HTTP/2, through the deployed Caddyfile, before two relays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import expect
from support.browsers.console_page import ConsolePage
from support.browsers.environment import HARMLESS_TITLE, harmless_site, organisation_file
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import ENGLISH, SurvivorPage
from support.deployment.caddy_proxy import caddy_in_front
from support.organisation.coordinator import Coordinator
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import RelayProcess, relay_process
from support.store.valkey_process import free_port
from support.store.valkey_server import start_valkey

HER_NAME, STAFF_NAME = "help.localhost", "staff.help.localhost"
LONG = "He is in the next room. " * 250


@dataclass(frozen=True, slots=True)
class Deployed:
    """Two relays on one store, and Caddy in front of them."""

    port: int
    relays: tuple[RelayProcess, RelayProcess]
    organisation: RelayOrganisation
    log: Path

    @property
    def hers(self) -> str:
        return f"https://{HER_NAME}:{self.port}"

    @property
    def staffs(self) -> str:
        return f"https://{STAFF_NAME}:{self.port}"


@contextmanager
def deployed(folder: Path, page: str) -> Iterator[Deployed]:
    organisation, port = RelayOrganisation(), free_port()
    file = organisation_file(organisation, folder, page)
    settings: dict[str, Any] = {
        "public_origin": f"https://{HER_NAME}:{port}",
        "console_origin": f"https://{STAFF_NAME}:{port}",
        "client_address_header": "X-Teduh-Client",
    }
    with (
        start_valkey() as valkey,
        relay_process(folder / "one", file, valkey.url, **settings) as one,
        relay_process(folder / "two", file, valkey.url, **settings) as two,
        caddy_in_front(folder / "caddy", (one.port, two.port), (HER_NAME, STAFF_NAME), port) as log,
    ):
        yield Deployed(port, (one, two), organisation, log)


async def test_they_talk_through_the_deployed_proxy_while_one_relay_after_the_other_is_replaced(
    tmp_path: Path,
) -> None:
    async with (
        harmless_site() as harmless,
        chromium(tmp_path / "profile", arguments=["--ignore-certificate-errors"]) as browser,
    ):
        with deployed(tmp_path, f'exit_url = "{harmless}"') as here:
            await here.organisation.publish_revocations(here.relays[0].url)
            hers = await SurvivorPage.open(browser, here.hers)
            protocol = "performance.getEntriesByType('navigation')[0].nextHopProtocol"
            assert await hers.page.evaluate(protocol) == "h2"
            await hers.ask()
            coordinator = Coordinator.inviting(here.hers, here.organisation, door=here.relays[0].url)
            link = coordinator.link.replace(here.hers, here.staffs)
            staff = await ConsolePage.set_up_by(browser, link)
            await coordinator.approve_waiting()
            await staff.is_at_the_desk()
            await staff.page.get_by_role("radio", name=staff.words.available).check()
            await staff.accept()
            await hers.is_in_the_room("Sari")
            for turn, relay in enumerate(here.relays):
                await hers.say(f"Are you there? {turn}")
                await expect(staff.message(f"Are you there? {turn}")).to_be_visible()
                assert relay.stop() == 0
                await staff.say(f"I am here. {turn}")
                await expect(hers.message(f"I am here. {turn}")).to_be_visible()
                relay.start()
            await hers.field.fill(LONG)
            await hers.field.press("Enter")
            for part in await hers.own_messages.all_inner_texts():
                await expect(staff.message(part)).to_be_visible()
            await hers.button(ENGLISH.exit).click()
            await expect(hers.page).to_have_title(HARMLESS_TITLE)
            await expect(staff.page.get_by_text("page was closed").first).to_be_visible()
            assert "127.0.0.1" not in here.log.read_text().split("serving initial configuration")[1]
