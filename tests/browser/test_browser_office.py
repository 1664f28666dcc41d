"""The office in a real browser: pages fit, ask before what cannot be undone, and say why something is not done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.web.server import WebServer
from contract.topics import EventType
from tests.agent.web.branch import Branch
from tests.agent.web.office_day import office_day
from tests.browser import test_browser_screens as screens
from tests.browser.shop import PIN, Shop
from tests.browser.test_browser_screens import ARGUMENTS, CHROMIUM, SIZES

pytestmark = screens.pytestmark


def browsing(
    branch: Branch, body: Callable[[Any, str], Awaitable[None]], size: tuple[int, int] = SIZES[0], refused: int = 0
) -> None:
    """Runs `body` with a page; what the browser refuses or throws fails the test, but `refused` answers of the API."""
    from playwright.async_api import async_playwright  # noqa: PLC0415  optional

    async def run() -> None:
        complaints: list[str] = []
        server = WebServer(branch.app(), "127.0.0.1", 0)
        host, port = await server.start()
        async with async_playwright() as driver:
            browser = await driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            page = await browser.new_page(viewport={"width": size[0], "height": size[1]})
            page.on("console", lambda line: complaints.append(line.text) if line.type in {"error", "warning"} else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.set_default_timeout(8000)
            try:
                await body(page, f"http://{host}:{port}")
            finally:
                await browser.close()
                await server.stop()
        assert len([one for one in complaints if "status of 4" in one]) == len(complaints) == refused

    asyncio.run(run())


@pytest.mark.parametrize("size", SIZES)
def test_every_page_fits_and_can_be_touched(tmp_path: Path, size: tuple[int, int]):
    with Branch(tmp_path) as branch:
        pages = office_day(branch)

        async def body(page: Any, base: str) -> None:
            for path in pages.values():
                for language in ("ko", "en"):
                    await page.goto(f"{base}{path}?lang={language}")
                    assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth"), path
                    small = await page.evaluate(
                        """[...document.querySelectorAll("a:not(.skip), button, input, select, summary")]
                        .filter((one) => one.offsetParent)
                        .map((one) => [one.outerHTML, one.getBoundingClientRect()])
                        .filter(([, box]) => box.height < 48 || box.width < 48).map(([html]) => html)"""
                    )
                    assert small == [], path

        browsing(branch, body, size)


def test_a_review_is_settled_and_approved(tmp_path: Path):
    with Branch(tmp_path) as branch:
        branch.rules = replace(branch.rules, recount_by_another=False)
        pages = office_day(branch)

        async def body(page: Any, base: str) -> None:
            await page.goto(f"{base}{pages['count']}?lang=en")
            await page.locator("input[value=RICE]").check()
            gone = page.get_by_role("button", name="The chosen are gone")
            await gone.click()
            await page.get_by_role("button", name="Really gone?").click()  # asked once
            await page.wait_for_load_state("load")
            await page.locator("[data-line=missing]").wait_for(state="detached")
            approve = page.locator("form[data-post$='/approve'] button")
            await approve.click()
            await page.wait_for_url("**/counts")

        browsing(branch, body)
        stock = {(row["sku"], row["zone"]): row["quantity"] for row in branch.get("/stock")["rows"]}
        assert stock["BEEF", "dock"] == 300
        assert ("RICE", "dock") not in stock


def test_one_press_asks_and_does_nothing(tmp_path: Path):
    with Branch(tmp_path) as branch:
        pages = office_day(branch)

        async def body(page: Any, base: str) -> None:
            await page.goto(f"{base}{pages['document']}?lang=en")
            await page.get_by_role("button", name="Withdraw").click()
            assert await page.get_by_role("button", name="Withdraw it? Press once more").is_visible()
            await page.goto(f"{base}{pages['document']}?lang=en")
            await page.get_by_role("button", name="Close", exact=True).click()
            await page.get_by_role("button", name="Close it? Press once more").click()
            await page.wait_for_url("**/documents")

        browsing(branch, body)
        kinds = [event["data"]["kind"] for event in branch.moments.after(0, EventType.DOCUMENT, [], 9).events]
        assert kinds == ["opened", "closed"]


def test_an_entry_is_booked_by_keyboard_alone(tmp_path: Path):
    with Branch(tmp_path) as branch:
        pages = office_day(branch)

        async def body(page: Any, base: str) -> None:
            await page.goto(f"{base}{pages['entry']}?lang=en")
            await page.locator("form[data-post$='/book'] [name=sku]").focus()
            for text in ("RICE", "4"):
                await page.keyboard.press("Control+a")
                await page.keyboard.type(text)
                await page.keyboard.press("Tab")
            for key in ("Tab", "Tab", "Tab", "s", "Tab", "b", "Enter"):  # lot, summary, what, from, to
                await page.keyboard.press(key)
            await page.locator("form[data-post$='/book'] [name='way.to']").select_option("salesfloor")
            await page.locator("form[data-post$='/book'] button").focus()
            await page.keyboard.press("Enter")
            await page.wait_for_url("**/exceptions")

        browsing(branch, body)
        assert branch.get("/exceptions")["open"] == 2


def test_a_refusal_is_told_where_it_was_asked(tmp_path: Path):
    with Branch(tmp_path) as branch:
        office_day(branch)

        async def body(page: Any, base: str) -> None:
            await page.goto(f"{base}/orders?lang=en")
            form = page.locator("form[data-post$='/pick']").first
            await form.locator("[name=quantity]").fill("99")
            await form.locator("button").click()
            said = form.locator("[data-said]")
            await said.wait_for(state="visible")
            assert "2 of MILK-1L are still to be picked" in await said.inner_text()
            assert await form.locator("button").is_enabled()

        browsing(branch, body, refused=1)


def test_whoever_logs_in_may_settle_what_a_screen_may_not(tmp_path: Path):
    from playwright.async_api import async_playwright  # noqa: PLC0415  optional

    async def run(shop: Shop, path: str) -> None:
        async with async_playwright() as driver:
            browser = await driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            page = await browser.new_page()
            page.set_default_timeout(8000)
            await page.goto(f"{shop.base}{path}?lang=en")
            dismiss = page.locator("form[data-post$='/dismiss']")
            await dismiss.locator("button").click()
            await dismiss.locator("[data-said]").wait_for(state="visible")  # nobody is logged in
            await page.goto(f"{shop.base}/login")
            await page.locator("[name=badge]").fill(shop.people["supervisor"])
            await page.locator("[name=pin]").fill(PIN)
            await page.keyboard.press("Enter")
            await page.wait_for_selector("form.who")
            await page.goto(f"{shop.base}{path}?lang=en")
            await dismiss.locator("button").click()
            await page.wait_for_url("**/exceptions")
            await browser.close()

    with Shop(tmp_path / "shop") as shop:
        shop.hire()
        path = shop.filled({"entry": "/exceptions/{exception}"})["entry"]
        asyncio.run(run(shop, path))
        settled = [one for one in shop.events("journal") if one["data"]["kind"] == "exception_resolved"]
        assert len(settled) == 1
        assert settled[0]["source"]["clerk"]
