"""Practice in a real browser: every lesson by its buttons, and what is typed; the pages to print show their codes."""

from __future__ import annotations

from typing import Any

import pytest

from agent.training.lessons import UNKNOWN
from agent.training.practice import STEPS
from tests.agent.web.store import Store
from tests.browser import test_browser_screens as screens
from tests.browser.test_browser_screens import SIZES, browsing, until

pytestmark = screens.pytestmark


async def told(page: Any, name: str) -> str:
    found: str = await page.locator(f"[data-field={name}]").inner_text()
    return found


@pytest.mark.parametrize(("language", "size"), [("ko", SIZES[0]), ("en", SIZES[1])])
def test_every_lesson_can_be_done_by_its_buttons(language: str, size: tuple[int, int]) -> None:
    async def body(_store: Store, page: Any, base: str) -> None:
        await page.goto(f"{base}/training?lang={language}")
        await page.wait_for_selector("[data-codes] button")
        for place in range(len(STEPS)):
            codes = page.locator("[data-codes] button")
            labels = await codes.count()
            for number in [*range(labels), labels - 1]:  # CLOSE twice, where something is missing
                if await told(page, "count") != f"{place} / {len(STEPS)}":
                    break
                before = await told(page, "text")
                await codes.nth(number).click()
                await until(page, f"document.querySelector('[data-field=text]').textContent !== {before!r}")
            assert await told(page, "count") == f"{place + 1} / {len(STEPS)}"
        assert await page.locator("[data-codes] button").count() == 0
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    browsing(body, size)


def test_a_typed_code_is_heard_and_explained() -> None:
    async def body(_store: Store, page: Any, base: str) -> None:
        await page.goto(f"{base}/training?lang=en")
        await page.wait_for_selector("[data-codes] button")
        await page.locator("[name=code]").fill(UNKNOWN)
        await page.keyboard.press("Enter")
        await page.wait_for_selector("[data-told][data-state=stop]")
        assert "UNDO" in await told(page, "said")
        assert await told(page, "count") == f"0 / {len(STEPS)}"

    browsing(body)


def test_a_station_is_put_in_practice_and_out_of_it() -> None:
    async def body(store: Store, page: Any, base: str) -> None:
        await page.goto(f"{base}/training?lang=en")
        await page.locator("button[data-station=dock-1][data-on=true]").click()
        await page.wait_for_url("**/training?station=dock-1")
        await page.wait_for_selector("[data-codes] button")
        assert store.practices.get("dock-1") is not None
        await page.locator("button[data-station=dock-1][data-on=false]").click()
        await page.wait_for_selector("[data-practice][hidden]", state="attached")
        assert store.practices.get("dock-1") is None

    browsing(body)


def test_the_page_to_print_shows_whole_symbols() -> None:
    async def body(_store: Store, page: Any, base: str) -> None:
        await page.goto(f"{base}/print?lang=ko")
        assert await page.locator(".sheet svg").count() > 60
        assert await page.evaluate("[...document.querySelectorAll('.sheet svg')].every((one) => one.clientWidth > 90)")

    browsing(body)
