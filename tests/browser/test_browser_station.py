"""A station worked from its screen alone, against a whole agent: what is pressed, picked and typed becomes events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser import test_browser_screens as screens
from tests.browser.shop import PIN, RECEIPT, Shop
from tests.browser.test_browser_screens import ARGUMENTS, CHROMIUM, KIOSK, SIZES, until

pytestmark = screens.pytestmark
MILK, RICE = "8801234567893", "8809999999997"
ITEM = "[data-now] [data-field=item]"
# What the browser says of an outage, and of a PIN that is refused.
AWAY = ("ERR_CONNECTION_RE", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE", "status of 40")


def working(
    folder: Path,
    body: Callable[[Shop, Any], Awaitable[None]],
    *,
    size: tuple[int, int] = SIZES[0],
    language: str = "en",
    hired: bool = False,
) -> None:
    """Runs `body` with a live station's page; what the browser refuses or throws fails the test, but for an outage."""
    from playwright.async_api import async_playwright  # noqa: PLC0415  optional

    complaints: list[str] = []

    async def run(shop: Shop) -> None:
        async with async_playwright() as driver:
            browser = await driver.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, KIOSK])
            page = await browser.new_page(viewport={"width": size[0], "height": size[1]})
            page.on("console", lambda line: complaints.append(line.text) if line.type in {"error", "warning"} else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.set_default_timeout(8000)
            try:
                await opened(shop, page)
                await body(shop, page)
            finally:
                await browser.close()

    shop = Shop(folder, language=language)
    if hired:
        shop.hire()
    with shop:
        asyncio.run(run(shop))
    assert [one for one in complaints if not any(word in one for word in AWAY)] == []


async def opened(shop: Shop, page: Any) -> None:
    await page.goto(f"{shop.base}/station/dock-1")
    await page.wait_for_selector("[data-sound]:not([hidden])")


async def shows(page: Any, selector: str, text: str) -> None:
    await until(page, f"document.querySelector({selector!r})?.textContent.includes({text!r})")


async def typed(page: Any, code: str) -> None:
    """As a scanner does: all at once, and Enter."""
    await page.evaluate(
        """(code) => {
            const at = document.activeElement ?? document.body;
            for (const key of [...code, "Enter"])
              at.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
        }""",
        code,
    )


def moved(shop: Shop) -> list[tuple[str, str, int]]:
    return [
        (one["data"]["kind"], line["sku"], line["quantity"])
        for one in shop.events("movement")
        for line in one["data"]["lines"]
    ]


@pytest.mark.parametrize("size", SIZES)
def test_a_receipt_by_screen_alone(size, tmp_path):
    async def body(shop: Shop, page: Any) -> None:
        await page.locator("#entry").fill("seoul milk")
        await page.wait_for_selector("#found-0")
        await page.locator("#found-0").click()
        await shows(page, ITEM, "Seoul Milk 1 l")
        for digit in "12":
            await page.locator(f"[data-digit='{digit}']").click()
        await page.locator("[data-verb=X]").click()
        await shows(page, ".doing", "×12")
        await page.locator("#entry").fill("rice")
        await page.keyboard.press("Enter")
        await shows(page, ITEM, "Rice 10 kg")
        await shows(page, "[data-now] [data-field=quantity]", "12")
        await page.locator("#entry").fill("bread")  # it has no barcode: its SKU is what is sent
        await page.keyboard.press("Enter")
        await shows(page, ITEM, "Bread")
        for digit in "7":
            await page.locator(f"[data-digit='{digit}']").click()
        await page.locator("[data-verb=SET]").click()
        await until(page, "document.querySelectorAll('[data-entries] li').length === 5")

    working(tmp_path, body, size=size)
    shop = Shop(tmp_path)
    assert shop.stock() == {"MILK-1L": 1, "RICE": 12, "BREAD": 7}
    assert {one["source"].get("device") for one in shop.events("movement")} == {"screen"}


def test_the_newest_line_is_taken_back(tmp_path):
    async def body(_shop: Shop, page: Any) -> None:
        await typed(page, MILK)
        await shows(page, ITEM, "Seoul Milk")
        await page.locator("[data-entries] li:first-child [data-undo]").click()
        await until(page, "document.querySelectorAll('[data-entries] li').length === 2")
        await typed(page, RICE)
        await shows(page, ITEM, "Rice")
        await page.keyboard.press("F8")
        await until(page, "document.querySelectorAll('[data-entries] li').length === 4")

    working(tmp_path, body)
    kinds = [kind for kind, _, _ in moved(Shop(tmp_path))]
    assert kinds == ["received", "reversed", "received", "reversed"]


def test_modes_and_zones_are_picked_with_keys_alone(tmp_path):
    async def body(_shop: Shop, page: Any) -> None:
        await page.keyboard.press("F2")
        for _ in range(2):
            await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")  # the third is moving
        await shows(page, ".doing", "Moving")
        for zone, shown in ((0, "backroom → …"), (2, "backroom → salesfloor")):
            await page.keyboard.press("F3")
            await page.wait_for_selector("[data-dialog=zone][open]")
            for _ in range(zone):
                await page.keyboard.press("Tab")
            await page.keyboard.press("Enter")
            await shows(page, ".doing", shown)
        await shows(page, ".guide", "Scan what moves.")
        await page.keyboard.press("F4")
        await page.wait_for_selector("[data-dialog=document][open]")
        assert await page.locator("[data-dialog=document] [data-none]").is_visible()
        await page.keyboard.press("Escape")
        await page.keyboard.press("F7")
        assert await page.evaluate("document.activeElement.id") == "entry"

    working(tmp_path, body)


def test_a_scanner_that_types_is_heard_wherever_the_focus_is(tmp_path):
    async def body(_shop: Shop, page: Any) -> None:
        await page.locator("#entry").fill("ri")
        await page.keyboard.type(MILK)
        await page.keyboard.press("Enter")
        await shows(page, ITEM, "Seoul Milk")
        assert await page.locator("#entry").input_value() == "ri"
        await page.locator("[data-code]").first.focus()
        await typed(page, RICE)
        await shows(page, ITEM, "Rice")
        await typed(page, "8800000000000")
        await page.locator("dialog.stop").wait_for()
        await typed(page, MILK)  # its Enter dismisses nothing
        await until(page, "document.querySelectorAll('[data-entries] li').length === 4")
        assert await page.locator("dialog.stop").is_visible()
        await page.keyboard.press("Enter")
        await page.locator("dialog.stop").wait_for(state="hidden")

    working(tmp_path, body)
    assert Shop(tmp_path).stock() == {"MILK-1L": 2, "RICE": 1}


def test_a_hand_that_types_is_no_scanner(tmp_path):
    async def body(_shop: Shop, page: Any) -> None:
        await page.locator("#entry").focus()
        await page.keyboard.type("12345", delay=130)
        await page.keyboard.press("Enter")
        assert await page.locator("#entry").input_value() == "12345"

    working(tmp_path, body)
    assert Shop(tmp_path).events("movement") == []


def test_a_korean_input_method_changes_no_scan(tmp_path):
    async def body(_shop: Shop, page: Any) -> None:
        await page.evaluate(
            """(() => { const down = (init) =>
              document.body.dispatchEvent(new KeyboardEvent("keydown", {...init, bubbles: true, cancelable: true}));
            for (const code of ["KeyB", "KeyR", "KeyE", "KeyA", "KeyD"]) down({key: "Process", code, shiftKey: true});
            down({key: "Enter"}); })()"""
        )
        await shows(page, ITEM, "Bread")

    working(tmp_path, body)


def test_what_is_scanned_while_the_agent_is_away_comes_once_and_in_order(tmp_path):
    async def body(shop: Shop, page: Any) -> None:
        await until(page, "navigator.serviceWorker.ready.then(({active}) => active.state === 'activated')")
        await typed(page, MILK)
        await shows(page, ITEM, "Seoul Milk")
        shop.stop()
        for code in (RICE, MILK, RICE):
            await typed(page, code)
        await shows(page, "[data-kept]", "3 scans kept")
        await page.reload()  # from the worker's keeping: the agent is still away
        await shows(page, "[data-kept]", "3 scans kept")
        await typed(page, MILK)
        await page.goto(f"{shop.base}/stock")
        await shows(page, "body", "The agent does not answer")
        shop.start()
        await opened(shop, page)
        await page.locator("[data-kept]").wait_for(state="hidden")
        await until(page, "document.querySelectorAll('[data-entries] li').length === 4")

    working(tmp_path, body)
    assert [sku for _, sku, _ in moved(Shop(tmp_path))] == ["MILK-1L", "RICE", "MILK-1L", "RICE", "MILK-1L"]


def test_a_document_is_picked_received_approved_and_closed(tmp_path):
    async def body(shop: Shop, page: Any) -> None:
        shop.expect(RECEIPT)
        await page.keyboard.press("F4")
        await page.locator("[data-dialog=document] [data-code]").click()
        await shows(page, ".doing", "ASN-1001")
        await typed(page, MILK)
        await shows(page, "[data-now] [data-field=running]", "1 / 3")
        await typed(page, "18801234567890")  # a case of twelve
        await page.locator("dialog.stop").wait_for()
        await page.locator("[data-approve]").click()
        await typed(page, shop.people["supervisor"])
        assert await page.locator("[data-approval] [name=badge]").input_value() != ""
        for digit in "1111":
            await page.locator(f"[data-pin='{digit}']").click()
        await page.locator("[data-approval] .ok").click()
        await page.locator("[data-refused]").wait_for()
        for digit in PIN:
            await page.locator(f"[data-pin='{digit}']").click()
        await page.locator("[data-approval] .ok").click()
        await page.locator("dialog.stop").wait_for(state="hidden")
        await shows(page, "[data-entries] li:first-child", "Approved and recorded")
        await page.locator("[data-word=key_close]").click()
        await shows(page, ".guide", "Finish with OK")
        await page.locator("[data-word=key_cancel]").click()
        await shows(page, ".guide", "Scan all that has come")
        await page.locator("[data-word=key_close_short]").click()
        await until(page, "document.querySelector('[data-open=document] [data-field]').textContent === ''")

    working(tmp_path, body, hired=True)
    shop = Shop(tmp_path)
    assert shop.stock() == {"MILK-1L": 13}
    approved = [one["data"]["approved_by"] for one in shop.events("movement") if "approved_by" in one["data"]]
    assert len(approved) == 1
    assert [one["data"]["kind"] for one in shop.events("document")] == ["opened", "closed_short"]


def test_nobody_can_allow_what_nobody_knows(tmp_path):
    async def body(_shop: Shop, page: Any) -> None:
        await typed(page, "8800000000000")
        await page.locator("dialog.stop").wait_for()
        assert not await page.locator("[data-approve]").is_visible()

    working(tmp_path, body)


def test_a_badge_says_who_is_there(tmp_path):
    async def body(shop: Shop, page: Any) -> None:
        await typed(page, shop.people["clerk"])
        await shows(page, ".clerk", "Kim clerk")
        await page.goto(f"{shop.base}/?lang=en")
        await shows(page, "[data-card='station/dock-1']", "Kim clerk")

    working(tmp_path, body, hired=True)


def test_both_languages_are_a_button_away(tmp_path):
    async def body(_shop: Shop, page: Any) -> None:
        await page.locator("[data-lang-ko]").click()
        await until(page, "document.documentElement.lang === 'ko'")
        await shows(page, ".doing", "입고")
        assert await page.locator("[data-dialog=reason] [data-ko]").first.text_content() == "발견"
        await page.locator("[data-lang-ko]").click()
        await until(page, "document.documentElement.lang === 'en'")
        assert await page.locator("[data-dialog=reason] [data-ko]").first.text_content() == "Found"

    working(tmp_path, body)


def test_a_thousand_scans_at_twenty_a_second_are_counted_and_shown(tmp_path):
    scanning = """async ([code, scans, every_ms]) => {
        window.shown = 0;
        new MutationObserver((changes) => {
          for (const one of changes) for (const row of one.addedNodes) window.shown += row.matches("li");
        }).observe(document.querySelector("[data-entries]"), {childList: true});
        const began = performance.now();
        for (let number = 0; number < scans; number += 1) {
          const wait = began + number * every_ms - performance.now();
          if (wait > 0) await new Promise((done) => setTimeout(done, wait));
          for (const key of [...code, "Enter"])
            document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
        }
    }"""

    async def body(shop: Shop, page: Any) -> None:
        await page.evaluate(scanning, [MILK, 1000, 50])
        await until(page, "window.shown >= 1000")  # a page that had to connect again shows its list anew
        async with asyncio.timeout(8):
            while len(shop.events("movement")) < 1000:  # noqa: ASYNC110  it is another process
                await asyncio.sleep(0.1)
        assert await page.locator("[data-entries] li").count() == 50
        assert await page.locator("[data-kept]").is_hidden()

    working(tmp_path, body)
    shop = Shop(tmp_path)
    assert len(shop.events("movement")) == 1000
    assert shop.stock() == {"MILK-1L": 1000}
