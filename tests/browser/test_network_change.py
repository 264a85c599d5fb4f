"""The path of a call breaks under it, as when a phone leaves the Wi-Fi of a house: nobody tells them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.browsers.call_pages import talking_alone
from support.browsers.console_page import console_environment
from support.calls.bad_wire import bad_wire
from support.calls.turn_server import turn_server

# Calls of several people need much of the processor: one at a time.
pytestmark = pytest.mark.xdist_group("browser_calls")

# The names under which ways were looked for; an ICE restart takes another (RFC 8445, 2.4).
NAMES = """() => window.connections.map((one) =>
  one.localDescription.sdp.match(/a=ice-ufrag:\\S+/)[0])"""

# Whoever is told may have another path a moment later, so all that stands in the call is noted.
NOTE = """() => {
  window.told = [];
  new MutationObserver(() => window.told.push(document.querySelector('.call')?.textContent ?? ''))
    .observe(document.body, { childList: true, characterData: true, subtree: true });
}"""
TOLD = "() => window.told.some((one) => one.includes('The connection broke. Connecting again…'))"


async def test_path_that_breaks_is_told_and_reassignment_found_on_the_same_connection(tmp_path: Path) -> None:
    """What was open is dead for ever; what is opened anew gets through."""
    with turn_server(tmp_path, allow_loopback_peers=True) as turn:
        async with (
            bad_wire(("127.0.0.1", turn.port), loss=0.0, delay=0.01) as wire,
            console_environment(tmp_path, calls=turn.calls(turn_urls=(wire.url,))) as environment,
            talking_alone(environment) as talk,
        ):
            await talk.video_call()
            await talk.hers.sees_movement()
            sides = (talk.hers, talk.theirs)
            before = [await side.page.evaluate(NAMES) for side in sides]
            for side in sides:
                await side.page.evaluate(NOTE)
            wire.cut()
            for side in sides:
                await side.page.wait_for_function(TOLD)
            for side in sides:
                await side.is_connected()
            await talk.hers.receives_more(frames=True, samples=True)
            await talk.theirs.receives_more(frames=False, samples=True)
            await talk.hers.sees_movement()
            await talk.theirs.hears_the_beep()
            after = [await side.page.evaluate(NAMES) for side in sides]
            for old, new in zip(before, after, strict=True):
                # It is the one connection that there was, under another name.
                assert len(new) == len(old) == 1
                assert new != old
            for side in sides:
                async with asyncio.timeout(20):
                    # While the other side is asked once more, none has succeeded, for a moment.
                    (traffic,) = await side.traffic()
                    while not traffic.selected:
                        (traffic,) = await side.traffic()
                assert ["relay", "relay"] in traffic.selected
                assert set(traffic.local) == {"relay"}
