"""What `make run` promises: two addresses, opened side by side, and people talk, with no other step."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect
from support.browsers.call_pages import Caller, Talk, call_browser, visitor
from support.browsers.console_page import ConsolePage
from support.browsers.survivor_page import SurvivorPage
from support.relay.demo_process import demo_process


async def test_the_two_printed_pages_talk_and_have_a_video_call_by_one_tap_each(tmp_path: Path) -> None:
    with demo_process(tmp_path / "demo") as demo:
        addresses = await demo.pages()
        async with call_browser() as browser, visitor(browser) as desk, visitor(browser) as phone:
            console = ConsolePage(await desk.new_page())
            await console.page.goto(addresses.counselor)
            await console.is_at_the_desk()
            await expect(console.page.get_by_role("radio", name="Available")).to_be_checked()
            await expect(console.page.get_by_text("calls go straight from device to device")).to_be_visible()
            survivor = SurvivorPage(await phone.new_page())
            await survivor.page.goto(addresses.survivor)
            await survivor.shows("Calls go straight within this machine.")
            await survivor.ask()
            await console.accept()
            await survivor.say("Is somebody there?")
            await expect(console.message("Is somebody there?")).to_be_visible()
            await console.say("Yes. Are you safe right now?")
            await expect(survivor.message("Yes. Are you safe right now?")).to_be_visible()
            talk = Talk(Caller(survivor.page), Caller(console.page), survivor, console)
            await talk.video_call()
            await talk.hers.sees_movement()
            await talk.hers.hears_the_beep()
            await talk.theirs.hears_the_beep()
            for side in (talk.hers, talk.theirs):
                await side.shows("straight from device to device")
            # Opened again, it goes on by itself as well.
            await console.page.reload()
            await console.is_at_the_desk()
