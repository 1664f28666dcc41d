"""Pictures of every screen in both languages and sizes: `python -m tests.browser.shots [FOLDER]`, or into build/shots.

Needs Chromium, a Korean font (fonts-nanum on Debian) and playwright.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from agent.web.app import build
from agent.web.server import WebServer
from drivers.reads import Answer
from tests.agent.web.store import Store, entry, tagged_day
from tests.browser.addresses import AGENT, STORE
from tests.browser.shop import PIN, Shop

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SIZES = ((1280, 800), (390, 844))


async def shoot(page: Page, folder: Path, base: str, store: Store, language: str, size: str) -> None:
    for name, path in STORE.items():
        joiner = "&" if "?" in path else "?"
        await page.goto(f"{base}{path}{joiner}lang={language}")
        await page.wait_for_timeout(300)
        await page.screenshot(path=folder / f"{name}-{language}-{size}.png", full_page=not name.startswith("station"))
    await page.goto(f"{base}/station/dock-1")
    await page.wait_for_timeout(300)
    korean = language == "ko"
    for answer, line in (
        (Answer.LOOK, "확인: dock 재고가 0 미만입니다 (−3)" if korean else "Look: dock is below zero (−3)"),
        (Answer.STOP, "멈춤: 등록되지 않은 코드 8801043014830" if korean else "Stop: unknown code 8801043014830"),
    ):
        store.feed.publish(entry(3600 + store.feed.total, answer, line, language=language))
        await page.wait_for_timeout(300)
        await page.screenshot(path=folder / f"station-{answer.value}-{language}-{size}.png")
    await page.locator("[data-dismiss]").click()


async def office(page: Page, folder: Path, shop: Shop, paths: dict[str, str], language: str, size: str) -> None:
    await page.goto(f"{shop.base}/login")
    await page.locator("[name=badge]").fill(shop.people["admin"])
    await page.locator("[name=pin]").fill(PIN)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("form.who")
    for name, path in paths.items():
        await page.goto(f"{shop.base}{path}?lang={language}")
        await page.wait_for_timeout(300)
        await page.screenshot(path=folder / f"{name}-{language}-{size}.png", full_page=True)
    await page.goto(f"{shop.base}/station/dock-1")
    for dialog in ("mode", "zone", "document", "reason", "approval"):
        await page.evaluate("(name) => document.querySelector(`[data-dialog=${name}]`).showModal()", dialog)
        await page.wait_for_timeout(100)
        await page.screenshot(path=folder / f"dialog-{dialog}-{language}-{size}.png")
        await page.evaluate("document.querySelector('dialog[open]').close()")


async def shot(
    browser: Browser, folder: Path, shop: Shop, paths: dict[str, str], language: str, size: tuple[int, int]
) -> None:
    store, says = tagged_day(language), f"{size[0]}x{size[1]}"
    server = WebServer(build(store.view()), "127.0.0.1", 0)
    host, port = await server.start()
    context = await browser.new_context(viewport={"width": size[0], "height": size[1]})
    page = await context.new_page()
    page.on("pageerror", lambda error: sys.stdout.write(f"error: {error}\n"))
    await shoot(page, folder, f"http://{host}:{port}", store, language, says)
    await server.stop()
    await office(page, folder, shop, paths, language, says)
    await context.close()


async def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as top:
        for language in ("ko", "en"):
            shop = Shop(Path(top) / language, language=language)
            shop.hire()
            with shop:
                paths = shop.filled(AGENT)
                async with async_playwright() as driver:
                    browser = await driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
                    for size in SIZES:
                        await shot(browser, folder, shop, paths, language, size)
                    await browser.close()


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "build/shots")
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target))
