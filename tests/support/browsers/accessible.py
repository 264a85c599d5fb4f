"""What a page is to people who use it by keyboard, screen reader or large type.

axe-core tells what stands in their way, the browser's accessibility tree what a screen reader says by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Page

_AXE = Path(__file__).resolve().parents[3] / "client_sdk/web/node_modules/axe-core/axe.min.js"
# One that is ended early, because what faded in is gone, is over as well.
_STILL = """async () => {
  const moving = () => document.getAnimations().filter((one) => one.playState !== 'finished');
  while (moving().length > 0) await Promise.allSettled(moving().map((one) => one.finished));
}"""
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What is in nobody's way is neither described nor sent here: it is most of a page.
_VIOLATIONS = """async (tags) =>
  (await axe.run(document, { runOnly: tags, resultTypes: ['violations'] })).violations"""


@dataclass(frozen=True, slots=True)
class Announced:
    """A region whose changes are read out: at once when it is `assertive`, in its turn when `polite`."""

    role: str
    live: str
    text: str


async def announced(page: Page) -> list[Announced]:
    """What is to be read out now, as the browser tells it to screen readers."""
    session = await page.context.new_cdp_session(page)
    nodes = (await session.send("Accessibility.getFullAXTree"))["nodes"]
    await session.detach()
    tree = {node["nodeId"]: node for node in nodes}
    return [
        Announced(node["role"]["value"], live, " ".join(_words(tree, node)))
        for node in nodes
        for live in [_live(node)]
        if live in ("polite", "assertive")
    ]


def _live(node: Mapping[str, Any]) -> str:
    # A region that has it, and not what merely stands in one.
    if node["ignored"] or node["role"]["value"] not in ("log", "status", "alert"):
        return "off"
    return str(next((one["value"]["value"] for one in node["properties"] if one["name"] == "live"), "off"))


def _words(tree: Mapping[str, Mapping[str, Any]], node: Mapping[str, Any]) -> Iterator[str]:
    if node.get("role", {}).get("value") == "StaticText" and not node["ignored"]:
        yield node["name"]["value"]
    for child in node["childIds"]:
        if child in tree:
            yield from _words(tree, tree[child])


async def barriers(page: Page) -> list[str]:
    """Each rule of WCAG 2.2 AA that something on the page breaks, and where.

    The page's policy has to be off (`bypass_csp`), for axe-core is brought in from outside.
    """
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(_AXE.read_text("utf-8"))
    # What is still fading in has not its own colours yet.
    await page.evaluate(_STILL)
    found = await page.evaluate(_VIOLATIONS, _TAGS)
    return [f"{rule['id']}: {node['target']}" for rule in found for node in rule["nodes"]]
