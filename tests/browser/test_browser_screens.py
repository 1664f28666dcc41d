"""The screens in a real browser: live, loud, dismissed by hand, nothing refused by their own policy."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agent.web.app import build
from agent.web.server import WebServer
from drivers.reads import Answer
from tests.agent.web.store import HOSTILE, Store, busy_day, entry, tagged_day
from tests.browser.addresses import REFUSED, STORE

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None or importlib.util.find_spec("playwright") is None,
    reason="needs Chromium and playwright: apt-get install chromium fonts-nanum, pip install playwright",
)
# Kiosk browsers are started so: sound without a touch.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
KIOSK = "--autoplay-policy=no-user-gesture-required"
SIZES = [(1280, 800), (390, 844)]
PATHS = [path for name, path in STORE.items() if name not in REFUSED]
TEXT = "[data-now] [data-field=text]"


def browsing(
    body: Callable[[Store, Any, str], Awaitable[None]], size: tuple[int, int] = SIZES[0], store: Store | None = None
) -> None:
    """Runs `body` with a page; whatever the browser refuses or throws meanwhile fails the test."""
    from playwright.async_api import async_playwright  # noqa: PLC0415  optional

    async def run() -> None:
        held, complaints = store or busy_day(), []
        server = WebServer(build(held.view()), "127.0.0.1", 0)
        host, port = await server.start()
        async with async_playwright() as driver:
            browser = await driver.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, KIOSK])
            page = await browser.new_page(viewport={"width": size[0], "height": size[1]})
            page.on("console", lambda line: complaints.append(line.text) if line.type in {"error", "warning"} else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.set_default_timeout(8000)
            try:
                await body(held, page, f"http://{host}:{port}")
            finally:
                await browser.close()
                await server.stop()
        assert complaints == []

    asyncio.run(run())


async def connected(page: Any, address: str) -> None:
    """The snapshot names the sound button, so the page is live once it shows."""
    await page.goto(address)
    await page.wait_for_selector("[data-sound]:not([hidden])")


async def until(page: Any, condition: str) -> None:
    """Playwright's own waiting evaluates strings within the page, which the page's policy forbids."""
    async with asyncio.timeout(8):
        while not await page.evaluate(condition):  # noqa: ASYNC110  it is in the browser
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("size", SIZES)
def test_every_page_fits_and_can_be_touched(size):
    async def body(_store: Store, page: Any, base: str) -> None:
        for path in PATHS:
            for language in ("ko", "en"):
                await page.goto(f"{base}{path}{'&' if '?' in path else '?'}lang={language}")
                assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
                small = await page.evaluate(
                    """[...document.querySelectorAll("a:not(.skip), button, input, select")]
                    .filter((one) => one.offsetParent)
                    .map((one) => [one.outerHTML, one.getBoundingClientRect()])
                    .filter(([, box]) => box.height < 48 || box.width < 48).map(([html]) => html)"""
                )
                assert small == []

    browsing(body, size, tagged_day())


def test_a_stop_stays_until_it_is_dismissed():
    async def body(store: Store, page: Any, base: str) -> None:
        await connected(page, f"{base}/station/dock-1")
        stop = page.locator("dialog.stop")
        assert not await stop.is_visible()
        for number in range(3):
            store.feed.publish(entry(100 + number, Answer.STOP, f"멈춤: {number}"))
        store.feed.publish(entry(110, Answer.GOOD, "다음"))
        await stop.wait_for()
        await until(page, f"document.querySelector('{TEXT}').textContent === '다음'")
        for key, shown, more in (("Enter", "0", "2"), ("Escape", "1", "1"), ("Space", "2", "")):
            # The dialog closes, and the next stop opens it again: that takes the browser a moment.
            await until(page, f"document.querySelector('#stop-text').textContent === '{shown}'")
            await stop.wait_for()
            assert more in await page.locator("[data-field=more]").text_content()
            await page.keyboard.press(key)
        await stop.wait_for(state="hidden")
        await connected(page, f"{base}/station/dock-1")
        assert not await stop.is_visible()

    browsing(body)


def test_a_screen_just_opened_asks_about_the_newest_stop():
    async def body(store: Store, page: Any, base: str) -> None:
        store.feed.publish(entry(100, Answer.STOP, "멈춤: x"))
        await connected(page, f"{base}/station/dock-1")
        await page.locator("dialog.stop").wait_for()
        await page.reload()
        await page.locator("dialog.stop").wait_for()

    browsing(body)


def test_each_answer_has_its_sound():
    record = """
        window.tones = [];
        const start = OscillatorNode.prototype.start;
        OscillatorNode.prototype.start = function (at) {
          window.tones.push(this.frequency.value);
          return start.call(this, at);
        };"""

    async def body(store: Store, page: Any, base: str) -> None:
        await page.add_init_script(record)
        await connected(page, f"{base}/station/dock-1")
        await page.wait_for_selector("[data-sound][data-state=on]")
        for at_s, answer, tones in ((100, Answer.GOOD, 1), (101, Answer.LOOK, 2), (102, Answer.STOP, 1)):
            await page.evaluate("window.tones = []")
            store.feed.publish(entry(at_s, answer, f"{at_s}"))
            await until(page, f"window.tones.length === {tones}")
        await page.keyboard.press("Enter")
        await page.locator("[data-sound]").click()
        await page.wait_for_selector("[data-sound][data-state=off]")
        await page.evaluate("window.tones = []")
        store.feed.publish(entry(103, Answer.GOOD, "103"))
        await until(page, f"document.querySelector('{TEXT}').textContent === '103'")
        assert await page.evaluate("window.tones") == []

    browsing(body)


def test_hostile_text_is_shown_not_run():
    async def body(store: Store, page: Any, base: str) -> None:
        await connected(page, f"{base}/station/dock-1")
        store.feed.publish(entry(100, Answer.STOP, HOSTILE))
        await page.locator("dialog.stop").wait_for()
        assert await page.locator("#stop-text").text_content() == HOSTILE
        assert await page.locator("main script, dialog script").count() == 0

    browsing(body)


def test_the_words_follow_the_sessions_language():
    async def body(store: Store, page: Any, base: str) -> None:
        await connected(page, f"{base}/station/dock-1")
        store.feed.publish(entry(100, Answer.GOOD, "English", language="en"))
        await until(page, "document.documentElement.lang === 'en'")
        assert await page.locator("#h-list").text_content() == "Latest scans"
        told = [await page.locator(f".pick [data-field={one}]").text_content() for one in ("mode", "place")]
        assert told == ["Receiving", "dock"]

    browsing(body)


def test_a_thousand_scans_at_two_hundred_a_second_are_all_shown():
    count = """window.shown = 0;
        new MutationObserver((changes) => { for (const one of changes) window.shown += one.addedNodes.length; })
        .observe(document.querySelector("[data-entries]"), {childList: true})"""

    async def body(store: Store, page: Any, base: str) -> None:
        await connected(page, f"{base}/station/dock-1")
        await page.evaluate(count)
        for number in range(1000):
            store.feed.publish(entry(100 + number, Answer.GOOD, str(number)))
            await asyncio.sleep(0.005)
        await until(page, "window.shown === 1000")
        assert await page.locator("[data-entries] li").count() == 50

    browsing(body)


def test_the_overview_is_live():
    async def body(store: Store, page: Any, base: str) -> None:
        await page.goto(f"{base}/?lang=en")
        store.devices.pop(0)
        store.feed.publish(entry(100, Answer.LOOK, "Look: below zero", language="en"))
        card = page.locator("[data-card='station/dock-1']")
        await page.wait_for_selector("[data-card='station/dock-1'][data-state=look]")
        assert await card.locator("[data-field=text]").text_content() == "below zero"
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")  # skip to the content, then the first link in it
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.getAttribute('href')") == "/exceptions"

    browsing(body)
