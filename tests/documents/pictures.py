"""The pictures of the clerk's handbook, of the real screens: taken when the site is built, never kept.

As tests/browser/shots.py does: a store in the middle of its day, and a whole agent whose supervisor is logged in.
"""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import tempfile
from pathlib import Path
from zoneinfo import ZoneInfo

from agent.clock import SystemClock
from agent.context import context_now
from agent.ledger.log import Ledger
from agent.operations.reservations import PLAIN, Wanted, reserve
from contract.times import Stamper
from identity.control import encode
from tests.browser.shop import Shop

LANGUAGES = ("ko", "en")
SIZE = (1280, 800)
NAMES = (
    *("overview", "station", "station-stop", "stock", "find-item", "device-down", "login", "print", "training"),
    *("documents", "document", "counts", "count", "orders", "exceptions", "exception", "history"),
)


def linked() -> frozenset[str]:
    """As docs/clerk links them."""
    return frozenset(f"pictures/{name}-{language}.png" for name in NAMES for language in LANGUAGES)


def lacking() -> str:
    """What this machine lacks to take them; empty if nothing."""
    if shutil.which("chromium") is None:
        return "chromium (apt-get install chromium fonts-nanum)"
    return "" if importlib.util.find_spec("playwright") else "playwright (pip install playwright)"


def take(folder: Path) -> dict[str, Path]:
    """Files by how they are linked. Raises what the browser raises, KeyError for one that was not taken."""
    asyncio.run(_take(folder))
    end = f"-{SIZE[0]}x{SIZE[1]}.png"
    found = {path.name.removesuffix(end): path for path in folder.glob(f"*{end}")}
    return {f"pictures/{name}-{language}.png": found[f"{name}-{language}"] for name in NAMES for language in LANGUAGES}


def ordered(shop: Shop) -> dict[str, str]:
    """The count goes to review, and head office has reserved a piece; gives the address of the count."""
    for _ in range(2):
        shop.scan("dock-1", encode("CLOSE"))
    count = shop.events("journal")[-1]["data"]["count"]
    shop.stop()
    clock = SystemClock()
    ledger = Ledger(shop.folder / "store", store="seoul-01", clock=clock, stamper=Stamper(ZoneInfo("Asia/Seoul")))
    ledger.start()
    wanted = Wanted("WEB-1041", "MILK-1L", 1, "O-20417", None)
    done = ledger.call(lambda tx: tx.append(reserve(tx, wanted, PLAIN, context_now(clock)).drafts))
    assert done
    ledger.close()
    shop.start()
    return {"count": f"/counts/{count}"}


async def _take(folder: Path) -> None:
    from playwright.async_api import async_playwright  # noqa: PLC0415  optional

    from tests.browser import shots  # noqa: PLC0415  needs playwright
    from tests.browser.addresses import AGENT  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as top:
        for language in LANGUAGES:
            shop = Shop(Path(top) / language, language=language)
            shop.hire()
            with shop:
                paths = shop.filled(AGENT) | ordered(shop)
                async with async_playwright() as driver:
                    browser = await driver.chromium.launch(executable_path=shots.CHROMIUM, args=shots.ARGUMENTS)
                    await shots.shot(browser, folder, shop, paths, language, SIZE)
                    await browser.close()
