"""Asks axe-core what stands in the way of people who use a page by keyboard, screen reader or large type."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Page

_AXE = Path(__file__).resolve().parents[1] / "client_sdk/web/node_modules/axe-core/axe.min.js"
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


async def barriers(page: Page) -> list[str]:
    """Each rule of WCAG 2.2 AA that something on the page breaks, and where.

    The page's policy has to be off (`bypass_csp`), for axe-core is brought in from outside.
    """
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(_AXE.read_text("utf-8"))
    # What is still fading in has not its own colours yet.
    await page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished))")
    found = await page.evaluate("(tags) => axe.run(document, { runOnly: tags })", _TAGS)
    return [f"{rule['id']}: {node['target']}" for rule in found["violations"] for node in rule["nodes"]]
