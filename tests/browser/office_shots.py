"""Pictures of the office in both languages and sizes, by hand: `python -m tests.browser.office_shots FOLDER`."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright

from agent.web.server import WebServer
from tests.agent.web.branch import Branch
from tests.agent.web.office_day import office_day
from tests.browser.shots import ARGUMENTS, CHROMIUM, SIZES


async def main(folder: Path, branch: Branch, pages: dict[str, str]) -> None:
    server = WebServer(branch.app(), "127.0.0.1", 0)
    host, port = await server.start()
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for language in ("ko", "en"):
            for width, height in SIZES:
                page = await browser.new_page(viewport={"width": width, "height": height})
                page.on("console", lambda line: sys.stdout.write(f"console: {line.text}\n"))
                page.on("pageerror", lambda error: sys.stdout.write(f"error: {error}\n"))
                for name, path in pages.items():
                    await page.goto(f"http://{host}:{port}{path}?lang={language}")
                    await page.screenshot(path=folder / f"{name}-{language}-{width}x{height}.png", full_page=True)
                await page.close()
        await browser.close()
    await server.stop()


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state, Branch(Path(state)) as store:
        found = office_day(store)
        asyncio.run(main(target, store, found))
