"""One scan, from its bytes at the scanner's pty until head office's page shows the new figure, in Chromium.

Agent, mosquitto, worker and desk are processes of their own on this machine. The page is the item's: its cell of what
the store has on hand. A figure counts from when a frame that shows it is about to be painted.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.figures import percentile, verdict
from tests.brokers import MOSQUITTO
from tests.browser.hq_chain import SKU, STORE, Chain

SCANS = 40
PAUSE_S = (0.4, 1.0)  # by chance: a fixed one would always meet the desk at the same place of its round
CELL = f'[data-part="stores"] [data-key="{STORE}"] [data-cell="on_hand"]'
SHOWN = """([selector, old]) => new Promise((done) => {
    const look = () => {
        const now = document.querySelector(selector)?.textContent.trim();
        if (now !== undefined && now !== old) done([now, performance.timeOrigin + performance.now()]);
        else requestAnimationFrame(look);
    };
    look();
})"""


async def measure(chain: Chain, page: Any, scans: int) -> list[float]:
    """Milliseconds of each scan."""
    await page.goto(f"{chain.base}/stock/{SKU}?lang=en")
    await page.wait_for_selector("[data-link][data-state=live]")
    await page.wait_for_selector(CELL)
    await asyncio.sleep(1.5)
    found: list[float] = []
    for _ in range(scans):
        old = (await page.locator(CELL).text_content()).strip()
        waiting = asyncio.create_task(page.evaluate(SHOWN, [CELL, old]))
        await asyncio.sleep(random.uniform(*PAUSE_S))
        begun_ms = time.time() * 1000
        if not await asyncio.to_thread(chain.scan):
            raise RuntimeError("the agent did not take the scan")
        now, shown_ms = await asyncio.wait_for(waiting, 20)
        if int(now.replace(",", "")) != int(old.replace(",", "")) + 1:
            raise RuntimeError(f"{old} became {now}")
        found.append(shown_ms - begun_ms)
    return found


async def run(chain: Chain) -> None:
    from playwright.async_api import async_playwright  # noqa: PLC0415  optional

    async with async_playwright() as driver:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = await driver.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        page = await browser.new_page()
        times_ms = await measure(chain, page, SCANS)
        await browser.close()
    shares = ", ".join(f"p{share * 100:g} {percentile(times_ms, share):.0f} ms" for share in (0.5, 0.9))
    print(f"scan to page, {len(times_ms)} scans: {shares}, max {max(times_ms):.0f} ms, min {min(times_ms):.0f} ms")
    verdict("scan to page: max, s", max(times_ms) / 1000, 1.0, at_least=False)


def main() -> None:
    if shutil.which("chromium") is None or MOSQUITTO is None:
        print("not measured: it needs Chromium and mosquitto")
        sys.exit(0)
    with tempfile.TemporaryDirectory() as folder, Chain(Path(folder) / "chain") as chain:
        asyncio.run(run(chain))


if __name__ == "__main__":
    main()
