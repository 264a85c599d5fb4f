"""How soon quick exit has taken everything out of sight, by the clock of the page that is left."""

from __future__ import annotations

from playwright.async_api import ConsoleMessage, Page

# From the event that asks for it, as the browser dates it, until the cover stands and no word
# is in the page any more. The page is gone soon after, so it says so at once.
NOTE_HOW_SOON = """
{
  let asked = NaN
  for (const kind of ["keydown", "click"])
    addEventListener(kind, (event) => { asked = event.timeStamp }, { capture: true })
  new MutationObserver((_, observer) => {
    const overlay = document.getElementById("overlay")
    if (document.getElementById("page") !== null) return
    if (document.elementFromPoint(innerWidth / 2, innerHeight / 2) !== overlay) return
    observer.disconnect()
    console.log(`left after ${performance.now() - asked}`)
  }).observe(document, { subtree: true, childList: true, attributes: true })
}
"""
_SAID = "left after "


class Left:
    """Listens to a page that is about to be left, into which `NOTE_HOW_SOON` was put."""

    def __init__(self, page: Page) -> None:
        self._said: list[str] = []
        page.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.text.startswith(_SAID):
            self._said.append(message.text)

    @property
    def after_milliseconds(self) -> float:
        """How long it took."""
        (said,) = self._said
        return float(said.removeprefix(_SAID))
