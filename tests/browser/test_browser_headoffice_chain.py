"""A scan in a store shows on head office's page: agent, mosquitto, worker and desk as processes, a browser before them.

How soon is measured in bench/headoffice_live.py.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.browser import test_browser_screens as screens
from tests.browser.hq_chain import SKU, STORE, Chain
from tests.browser.test_browser_headoffice import browsing, live
from tests.browser.test_browser_screens import until

pytestmark = screens.pytestmark
CELL = f"""document.querySelector('[data-part=stores] [data-key="{STORE}"] [data-cell=on_hand]')?.textContent"""


def test_a_scan_shows_on_the_page_and_in_the_ticker(tmp_path: Path) -> None:
    with Chain(tmp_path / "chain") as chain:

        async def body(page: Any) -> None:
            await live(page, f"{chain.base}/stock/{SKU}?lang=en")
            await until(page, f"{CELL} === '1'")
            for number in range(2, 5):
                assert await asyncio.to_thread(chain.scan)
                await until(page, f"{CELL} === '{number}'")
            await live(page, f"{chain.base}/?lang=en")
            rows = page.locator("[data-part=latest] tbody tr")
            before = await rows.count()
            assert await asyncio.to_thread(chain.scan)
            await until(page, f"document.querySelectorAll('[data-part=latest] tbody tr').length === {before + 1}")
            assert "Seoul Milk 1 l" in await rows.first.inner_text()

        browsing(body)
