"""Takes a picture of a state of a page in both colour schemes and at the width of a phone and of a desk.

    take(page, "survivor-waiting") ──> survivor-waiting-id-light-360.png, ...-dark-360.png, ...-1280.png

One visit serves all four: the page is resized and its colours are changed while it stands still.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from PIL import Image
from playwright.async_api import Page, ViewportSize

Language = Literal["en", "id"]
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
SIZES: Final = (ViewportSize(width=360, height=740), ViewportSize(width=1280, height=800))
# The pages are plain: with so many colours no edge looks different, and a picture is a third as large.
_COLOURS: Final = 96


@dataclass(frozen=True, slots=True)
class Camera:
    """Puts the pictures of one language into a folder."""

    folder: Path
    language: Language
    taken: list[Path] = field(default_factory=list)
    looks_inside: bool = False
    """Whether it brings in a program of its own, which the pages' policy would not let in."""

    async def take(self, page: Page, state: str, *, whole: bool = False, shown: str = "") -> None:
        """Four pictures; `whole`: on the phone, all of a longer page; `shown`: scrolled to this selector."""
        await page.bring_to_front()
        for size in SIZES:
            await page.set_viewport_size(size)
            if shown:
                await page.locator(shown).scroll_into_view_if_needed()
            for scheme in SCHEMES:
                await page.emulate_media(color_scheme=scheme)
                is_whole = whole and size == SIZES[0]
                png = await page.screenshot(animations="disabled", full_page=is_whole)
                self._keep(png, f"{state}-{self.language}-{scheme}-{size['width']}.png")
        await page.set_viewport_size(SIZES[-1])

    def _keep(self, png: bytes, name: str) -> None:
        path = self.folder / name
        with Image.open(io.BytesIO(png)) as picture:
            few = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
            few.save(path, optimize=True)
        self.taken.append(path)
