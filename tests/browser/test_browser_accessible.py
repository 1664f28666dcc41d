"""axe-core on every screen, in both languages and sizes: nothing serious. `scripts/axe` fetches it; it is not ours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.web.app import build
from agent.web.server import WebServer
from tests.agent.web.store import tagged_day
from tests.browser import addresses
from tests.browser import test_browser_screens as screens
from tests.browser.shop import PIN, Shop
from tests.browser.test_browser_screens import ARGUMENTS, CHROMIUM, SIZES

AXE = Path(__file__).parents[2] / "build" / "axe" / "axe.min.js"
pytestmark = [
    screens.pytestmark,
    pytest.mark.skipif(not AXE.exists(), reason="needs axe-core: scripts/axe fetches it with npm"),
]
LANGUAGES = ("ko", "en")
SERIOUS = ("serious", "critical")
CHECK = """async () => {
    const found = await axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]});
    return found.violations.map(({id, impact, nodes}) =>
      ({id, impact, nodes: nodes.map(({html, failureSummary}) => `${html.slice(0, 200)} ${failureSummary}`)}));
}"""


async def findings(page: Any, address: str) -> list[Any]:
    """What is serious on one screen; dialogs too, opened one after the other."""
    await page.goto(address)
    await page.wait_for_load_state("load")
    await page.evaluate(AXE.read_text())
    found = [await page.evaluate(CHECK)]
    for number in range(await page.locator("dialog").count()):
        await page.evaluate(
            """(number) => {
                for (const open of document.querySelectorAll("dialog[open]")) open.close();
                document.querySelectorAll("dialog")[number].showModal();
            }""",
            number,
        )
        found.append(await page.evaluate(CHECK))
    return [(address, one["id"], one["nodes"]) for part in found for one in part if one["impact"] in SERIOUS]


async def looked_at(base: str, paths: Iterator[str], size: tuple[int, int], badge: str = "") -> list[Any]:
    """What is serious at all addresses; with a badge, for who wears it."""
    from playwright.async_api import async_playwright  # noqa: PLC0415  optional

    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        # Without the page's policy: axe is a script that comes from the test and not from the page.
        context = await browser.new_context(bypass_csp=True, viewport={"width": size[0], "height": size[1]})
        page = await context.new_page()
        if badge:
            await page.goto(f"{base}/login")
            await page.locator("[name=badge]").fill(badge)
            await page.locator("[name=pin]").fill(PIN)
            await page.keyboard.press("Enter")
            await page.wait_for_selector("form.who")
        found = []
        for path in paths:
            found += await findings(page, base + path)
            assert not badge or await page.locator(".error").count() == 0, path
        await browser.close()
        return found


def in_both(paths: dict[str, str]) -> Iterator[str]:
    for path in paths.values():
        for language in LANGUAGES:
            yield f"{path}{'&' if '?' in path else '?'}lang={language}"


@pytest.mark.parametrize("size", SIZES)
def test_the_screens_of_the_floor(size):
    async def run() -> list[Any]:
        server = WebServer(build(tagged_day().view()), "127.0.0.1", 0)
        host, port = await server.start()
        try:
            return await looked_at(f"http://{host}:{port}", in_both(addresses.STORE), size)
        finally:
            await server.stop()

    assert asyncio.run(run()) == []


@pytest.mark.parametrize("size", SIZES)
def test_the_screens_of_the_office(size, tmp_path):
    shop = Shop(tmp_path)
    shop.hire()
    with shop:
        paths = shop.filled(addresses.AGENT)
        assert asyncio.run(looked_at(shop.base, in_both(paths), size, shop.people["admin"])) == []
