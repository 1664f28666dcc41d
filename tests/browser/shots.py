"""Pictures of every screen in both languages and sizes, by hand: `python -m tests.browser.shots FOLDER`.

Needs Chromium, a Korean font (fonts-nanum on Debian) and playwright.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from playwright.async_api import Page, async_playwright

from agent.web.app import build
from agent.web.server import WebServer
from drivers.reads import Answer
from tests.agent.web.store import Store, entry, tagged_day

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SIZES = ((1280, 800), (390, 844))
PAGES = {
    "overview": "/",
    "stock": "/stock",
    "stock-none": "/stock?sku=NOTHING",
    "exceptions": "/exceptions",
    "find": "/find",
    "find-item": "/find?q=SHIRT-M",
    "find-none": "/find?q=3034257BF7194E400000ABCD",
    "find-unknown": "/find?q=NOTHING",
    "device": "/device/reader-1",
    "device-down": "/device/scanner-2",
    "station": "/station/dock-1",
    "station-empty": "/station/counter",
    "error-404": "/nothing",
    "error-400": "/stock?page=x",
}


async def shoot(page: Page, folder: Path, base: str, store: Store, language: str, size: str) -> None:
    for name, path in PAGES.items():
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


async def main(folder: Path) -> None:
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for language in ("ko", "en"):
            for width, height in SIZES:
                store = tagged_day(language)
                server = WebServer(build(store.view()), "127.0.0.1", 0)
                host, port = await server.start()
                page = await browser.new_page(viewport={"width": width, "height": height})
                page.on("console", lambda line: sys.stdout.write(f"console: {line.text}\n"))
                page.on("pageerror", lambda error: sys.stdout.write(f"error: {error}\n"))
                await shoot(page, folder, f"http://{host}:{port}", store, language, f"{width}x{height}")
                await page.close()
                await server.stop()
        await browser.close()


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target))
