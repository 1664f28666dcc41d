"""Pictures of every page of head office in both languages and sizes: `python -m tests.browser.hq_shots [FOLDER]`, or
into build/shots. Prints what the browser complains of, and what is wider than the window."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from tests.browser.hq_desk import Desk
from tests.browser.shots import ARGUMENTS, CHROMIUM, SIZES

DRAWN = "[...document.querySelectorAll('[data-chart]')].every((one) => one.dataset.drawn)"


async def shoot(
    browser: Browser, desk: Desk, folder: Path, language: str, size: tuple[int, int], only: set[str]
) -> None:
    page = await browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.on("console", lambda line: sys.stdout.write(f"console: {line.text}\n"))
    page.on("pageerror", lambda error: sys.stdout.write(f"error: {error}\n"))
    for name, path in desk.pages().items():
        if only and name not in only:
            continue
        await page.goto(f"{desk.base}{path}{'&' if '?' in path else '?'}lang={language}")
        for _ in range(100):
            if await page.evaluate(DRAWN):
                break
            await page.wait_for_timeout(50)
        await page.wait_for_timeout(900)
        wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wide > 0:
            sys.stdout.write(f"{name}-{language}-{size[0]}: {wide} px too wide\n")
        await page.screenshot(path=folder / f"hq-{name}-{language}-{size[0]}x{size[1]}.png", full_page=True)
    await page.close()


async def main(folder: Path, only: set[str]) -> None:
    with tempfile.TemporaryDirectory() as top, Desk(Path(top), 14) as desk:
        async with async_playwright() as driver:
            browser = await driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            for language in ("ko", "en"):
                for size in SIZES:
                    await shoot(browser, desk, folder, language, size, only)
            await browser.close()


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "build/shots")
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target, set(sys.argv[2:])))
