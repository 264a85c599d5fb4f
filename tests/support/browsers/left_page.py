"""How soon quick exit has taken everything out of sight, told by the page that is left."""

from __future__ import annotations

import re

from playwright.async_api import ConsoleMessage, Page

# From the event that asks for it, as the browser dates it, until the cover stands, no word is in the page
# any more and the browser is on its way elsewhere; and whether nothing else had its turn between. The page
# is gone soon after, so it says so at once.
NOTE_HOW_SOON = """
{
  let asked = { at: NaN, isOver: true, isLeaving: false }
  for (const kind of ["keydown", "click"])
    addEventListener(kind, (event) => {
      const mine = asked = { at: event.timeStamp, isOver: false, isLeaving: false }
      setTimeout(() => { mine.isOver = true })
    }, { capture: true })
  navigation.addEventListener("navigate", () => { asked.isLeaving = true })
  new MutationObserver((_, observer) => {
    const overlay = document.getElementById("overlay")
    if (document.getElementById("page") !== null) return
    if (document.elementFromPoint(innerWidth / 2, innerHeight / 2) !== overlay) return
    observer.disconnect()
    const isAtOnce = asked.isLeaving && !asked.isOver
    console.log(`left ${isAtOnce ? "at once" : "later"} after ${performance.now() - asked.at}`)
  }).observe(document, { subtree: true, childList: true, attributes: true })
}
"""
_SAID = re.compile(r"left (at once|later) after ([\d.]+)")


class Left:
    """Listens to a page that is about to be left, into which `NOTE_HOW_SOON` was put."""

    def __init__(self, page: Page) -> None:
        self._said: list[re.Match[str]] = []
        page.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        if said := _SAID.fullmatch(message.text):
            self._said.append(said)

    @property
    def at_once(self) -> bool:
        """Whether all of it was done before the page did anything else: it waited for nothing."""
        (said,) = self._said
        return said[1] == "at once"

    @property
    def after_milliseconds(self) -> float:
        """How long it took."""
        (said,) = self._said
        return float(said[2])
