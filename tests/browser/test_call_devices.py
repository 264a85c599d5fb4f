"""Which devices are used: chosen and tried before a call, changed in it, and the screen that stays on."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect
from support.browsers.call_pages import Caller, talking_alone
from support.browsers.console_page import ConsolePage, console_environment
from support.browsers.real_browser import chromium
from support.browsers.survivor_page import SurvivorPage, hide

# Calls of several people need much of the processor: one at a time.
pytestmark = pytest.mark.xdist_group("browser_calls")

# The first and the third give pictures; the second is a depth camera, which a call cannot send.
SEVERAL = "--use-fake-device-for-media-stream=device-count=3"
# As on a phone, whose cameras say which way they face.
_FACING = """() => {
  const real = MediaStreamTrack.prototype.getSettings;
  MediaStreamTrack.prototype.getSettings = function () { return { ...real.call(this), facingMode: 'user' }; };
}"""

# Through which loudspeakers something was heard since, and what was rejected without anybody's hearing it.
_HEARD_AT = """() => {
  window.heardAt = [];
  window.unheard = [];
  window.addEventListener('unhandledrejection', ({ reason }) => window.unheard.push(`${reason}`));
  const look = () => {
    for (const { readyState, paused, volume, sinkId } of document.querySelectorAll('audio'))
      if (readyState > 0 && !paused && volume > 0 && window.heardAt.at(-1) !== sinkId)
        window.heardAt.push(sinkId);
    requestAnimationFrame(look);
  };
  look();
}"""


# What there is, told when `tellDevices` is called.
_LATE_DEVICES = """() => {
  const { mediaDevices } = navigator;
  const told = new Promise((tell) => { window.tellDevices = tell });
  const real = mediaDevices.enumerateDevices.bind(mediaDevices);
  mediaDevices.enumerateDevices = () => told.then(real);
}"""


async def test_devices_are_chosen_before_a_call_and_changed_in_it(tmp_path: Path) -> None:
    async with (
        console_environment(tmp_path, calls={"allow_direct": True}) as environment,
        talking_alone(environment, SEVERAL) as talk,
    ):
        hers = talk.hers
        await hers.page.get_by_role("button", name="Talk by voice or video").click()
        await hers.button("Try microphone and camera first").click()
        camera, microphone = await chosen_and_tried(hers)
        await hers.button("Close").click()
        assert set(await hers.tracks()) == {"ended"}
        await hers.button("Not now").click()
        # What was chosen is what the call uses.
        await talk.video_call()
        assert await last_label(hers) == microphone
        await hers.button("Camera on").click()
        await talk.theirs.sees_movement()
        assert await last_label(hers) == camera
        await camera_is_changed(talk.hers, camera)
        await talk.theirs.sees_movement()
        await loudspeaker_is_chosen(hers)
        await screen_stays_on(hers)
        await hers.button("Hang up").click()
        await hers.page.wait_for_function("() => window.sentinels.every(({ released }) => released)")
        assert set(await hers.tracks()) == {"ended"}


async def test_loudspeaker_chosen_before_a_call_is_where_it_is_heard(tmp_path: Path) -> None:
    """From the first sound on: whoever chose a headset is not alone in the room."""
    async with (
        console_environment(tmp_path, calls={"allow_direct": True}) as environment,
        talking_alone(environment, SEVERAL) as talk,
    ):
        hers = talk.hers
        await hers.page.evaluate(_HEARD_AT)
        await hers.page.get_by_role("button", name="Talk by voice or video").click()
        await hers.button("Try microphone and camera first").click()
        await hers.button("Try the microphone").click()
        await hers.shows("Your microphone is on, for you alone")
        picker = hers.call.get_by_role("combobox", name="Loudspeaker")
        id_ = await picker.locator("option").last.get_attribute("value")
        assert id_
        await picker.select_option(id_)
        await hers.button("Close").click()
        await hers.button("Not now").click()
        await talk.video_call()
        await hers.hears_the_beep()
        await hers.page.wait_for_function(
            "(id) => { const { sinkId, volume, muted } = document.querySelector('audio');"
            " return sinkId === id && volume === 1 && !muted; }",
            arg=id_,
        )
        assert await hers.page.evaluate("window.heardAt") == [id_]
        assert await hers.page.evaluate("window.unheard") == []


async def test_buttons_stay_in_their_place_when_the_devices_become_known(tmp_path: Path) -> None:
    """A browser tells late what there is; a button that moves is missed by the finger that comes down."""
    async with (
        console_environment(tmp_path, calls={"allow_direct": True}) as environment,
        talking_alone(environment, SEVERAL) as talk,
    ):
        hers = talk.hers
        # The browser tells the names of what was opened before: now there is something to choose from.
        await hers.page.evaluate(
            "navigator.mediaDevices.getUserMedia({ audio: true, video: true })"
            ".then((stream) => stream.getTracks().forEach((track) => track.stop()))"
        )
        await hers.page.evaluate(_LATE_DEVICES)
        await hers.page.get_by_role("button", name="Talk by voice or video").click()
        await hers.button("Try microphone and camera first").click()
        buttons = [
            hers.button(name) for name in ("Try the microphone", "Show me my picture", "Try the connection")
        ]
        before = [await button.bounding_box() for button in buttons]
        await expect(hers.call.get_by_role("combobox")).to_have_count(0)
        await hers.page.evaluate("window.tellDevices()")
        await expect(hers.call.get_by_role("combobox", name="Camera")).to_be_visible()
        await expect(hers.call.get_by_role("combobox", name="Microphone")).to_be_visible()
        assert [await button.bounding_box() for button in buttons] == before


async def test_browser_without_webrtc_says_that_it_cannot_call(tmp_path: Path) -> None:
    """As in Lockdown Mode: no device is opened, nobody is rung, and writing goes on."""
    async with (
        console_environment(tmp_path, calls={"allow_direct": True}) as environment,
        talking_alone(environment) as talk,
    ):
        hers, theirs = talk.hers, talk.theirs
        await hers.page.evaluate("() => void delete window.RTCPeerConnection")
        await hers.page.get_by_role("button", name="Talk by voice or video").click()
        await hers.shows("This browser cannot make calls. You can go on writing here.")
        await expect(hers.button("Voice call")).to_have_count(0)
        await hers.button("Close").click()
        await theirs.page.get_by_role("button", name="Video call", exact=True).click()
        await hers.shows("Dewi would like a video call with you")
        await hers.shows("This browser cannot make calls. You can go on writing here.")
        await expect(hers.button("Answer")).to_have_count(0)
        await hers.button("Not now").click()
        await theirs.shows("Person 1 cannot talk now.")
        assert await hers.page.evaluate("window.wishes") == []
        await talk.survivor.say("Can we write?")
        # Whoever rings from the console without WebRTC is told, and nobody is rung.
        await theirs.button("Close").click()
        await theirs.page.evaluate("() => void delete window.RTCPeerConnection")
        before = await theirs.page.evaluate("window.wishes.length")
        await theirs.page.get_by_role("button", name="Video call", exact=True).click()
        await theirs.shows("This browser cannot make calls. You can go on writing here.")
        assert await theirs.page.evaluate("window.wishes.length") == before
        await expect(hers.call).to_have_count(0)


@pytest.mark.parametrize("can_call", [False, True])
async def test_the_console_knows_before_it_rings_whether_her_browser_can_call(
    tmp_path: Path, can_call: bool
) -> None:
    """And still when it was locked meanwhile."""
    async with (
        console_environment(tmp_path, calls={"allow_direct": True}) as environment,
        chromium(tmp_path / "staff") as browser,
        chromium(tmp_path / "hers", width=360, height=640) as phone,
    ):
        if not can_call:
            await phone.add_init_script("delete window.RTCPeerConnection")
        console = await ConsolePage.enter(browser, environment)
        hers = await SurvivorPage.open(phone, environment.url)
        await hers.ask()
        before = await console.kept()
        await console.accept()
        await hers.say("Hello")
        for _ in range(2):
            await expect(console.message("Hello")).to_be_visible()
            await expect(console.button("Video call")).to_have_count(int(can_call))
            await expect(console.button("Call")).to_have_count(int(can_call))
            said = console.page.get_by_text("The person’s browser cannot make calls")
            await expect(said).to_have_count(int(not can_call))
            await console.keeps_more_than(before)
            await console.page.reload()
            await console.unlock()
            await console.page.locator(".talk-button").click()


async def chosen_and_tried(hers: Caller) -> tuple[str, str]:
    """The last camera, seen before anybody else sees it, and the last microphone; their names."""
    names = []
    for kind, button in (("Camera", "Show me my picture"), ("Microphone", "Try the microphone")):
        await hers.button(button).click()
        await hers.shows(f"Your {kind.lower()} is on, for you alone")
        picker = hers.call.get_by_role("combobox", name=kind)
        name = await picker.locator("option").last.text_content()
        assert name is not None
        assert await last_label(hers) != name
        await picker.select_option(label=name)
        await hers.page.wait_for_function("(name) => window.tracks.at(-1).label === name", arg=name)
        names.append(name)
    await expect(hers.call.locator(".preview video")).to_be_visible()
    assert (await hers.tracks()).count("live") == 2
    camera, microphone = names
    return camera, microphone


async def camera_is_changed(hers: Caller, before: str) -> None:
    """One after the other by their ids; on phones, the other way round."""
    await hers.button("Other camera").click()
    await hers.page.wait_for_function(
        "(before) => window.tracks.at(-1).label !== before && window.tracks.at(-2).readyState === 'ended'",
        arg=before,
    )
    await hers.page.evaluate(_FACING)
    await hers.button("Other camera").click()
    await hers.page.wait_for_function("() => window.wishes.at(-1).video.facingMode === 'environment'")
    await hers.page.wait_for_function("() => window.tracks.at(-2).readyState === 'ended'")


async def loudspeaker_is_chosen(hers: Caller) -> None:
    """The voices go there at once, and on."""
    await hers.button("Devices").click()
    picker = hers.call.get_by_role("combobox", name="Loudspeaker")
    id_ = await picker.locator("option").last.get_attribute("value")
    assert id_
    await picker.select_option(id_)
    await hers.page.wait_for_function("(id) => document.querySelector('audio').sinkId === id", arg=id_)
    await hers.button("Devices").click()
    await hers.button("Devices").click()
    await expect(picker).to_have_value(id_)
    await hers.hears_the_beep()


async def screen_stays_on(hers: Caller) -> None:
    """Also after the browser has let it go, as it does when a page is out of sight."""
    await hers.page.wait_for_function("() => window.sentinels.length > 0")
    assert await hers.page.evaluate("window.sentinels.map(({ released }) => released)") == [False]
    await hers.page.evaluate("window.sentinels[0].release()")
    await hers.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await hers.page.wait_for_function("() => window.sentinels.length === 2 && !window.sentinels[1].released")


async def test_a_microphone_that_is_pulled_out_in_a_call_is_told_to_both(tmp_path: Path) -> None:
    """The other side must not look for a camera that was never on."""
    async with (
        console_environment(tmp_path, calls={"allow_direct": True}) as environment,
        talking_alone(environment) as talk,
    ):
        await talk.video_call()
        await talk.theirs.hears_the_beep()
        await talk.hers.page.evaluate("window.tracks[0].dispatchEvent(new Event('ended'))")
        await talk.hers.shows("Your microphone is off")
        await talk.theirs.shows("Person 1’s camera or microphone has stopped.")
        await talk.hers.button("Turn the microphone on").click()
        await talk.theirs.hears_the_beep()


async def test_behind_her_cover_nothing_of_hers_is_heard_or_seen(tmp_path: Path) -> None:
    """There is no sign of what is on; she speaks on in the call when she is there again."""
    async with (
        console_environment(tmp_path, calls={"allow_direct": True}) as environment,
        talking_alone(environment) as talk,
    ):
        hers = talk.hers
        await talk.video_call()
        await hers.button("Camera on").click()
        await talk.theirs.sees_movement()
        await hers.button("Devices").click()
        await hers.button("Try the microphone").click()
        await hers.shows("Your microphone is on, for you alone")
        await hide(hers.page, 100)
        await expect(hers.call).to_be_hidden()
        await talk.theirs.is_told("Person 1 is muted.")
        await expect(talk.theirs.others.locator("video")).to_have_count(0)
        live = await hers.page.evaluate("window.tracks.filter((one) => one.readyState === 'live')")
        assert len(live) == 1
        assert not await hers.page.evaluate(
            "window.tracks.some((one) => one.readyState === 'live' && one.enabled)"
        )
        await hers.page.locator(".spot").click()
        await hers.shows("Your microphone is muted")
        await hers.button("Unmute").click()
        await talk.theirs.hears_the_beep()


async def last_label(hers: Caller) -> str:
    label: str = await hers.page.evaluate("window.tracks.at(-1).label")
    return label
