"""Tags in a real browser: a count that runs, one item that is looked for, a reader's conditions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.capture.supervisor import State
from agent.capture.tags import CountShown
from drivers.reads import Answer
from tests.agent.web.store import EPC, HOSTILE, Store, entry, notice, reader, tag, tagged_day
from tests.browser import test_browser_screens as screens
from tests.browser.test_browser_screens import SIZES, browsing, connected, until

pytestmark = screens.pytestmark
LANGUAGES = ("ko", "en")
ONE_LINE = """[...document.querySelectorAll(".figure strong")]
    .every((one) => one.offsetHeight < 1.5 * parseFloat(getComputedStyle(one).fontSize))
    && document.querySelector(".figures").offsetHeight < 140"""
FLAT = {"ko": "10초 동안 새 태그가 없습니다", "en": "No new tags for 10 s"}


def reads(selector: str, text: str) -> str:
    return f"document.querySelector({selector!r})?.textContent === {text!r}"


async def whole(page: Any, selector: str) -> bool:
    """Nothing of it is cut off: neither within it nor by the window."""
    box = f"(() => {{ const one = document.querySelector({selector!r}); const at = one.getBoundingClientRect();"
    return bool(
        await page.evaluate(
            f"{box} return one.scrollHeight <= one.clientHeight + 1 && one.scrollWidth <= one.clientWidth + 1"
            " && at.left >= 0 && at.right <= innerWidth && at.top >= 0 && at.bottom <= innerHeight; })()"
        )
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_count_runs_and_ends(size, language, tmp_path: Path):
    async def body(store: Store, page: Any, base: str) -> None:
        store.expected["dock"] = 12_000
        store.counts["dock-1"] = CountShown("dock-1", "dock", 97, 3, 12.4, flat=False, waiting=5)
        await connected(page, f"{base}/station/dock-1")
        await until(page, reads("[data-count] [data-field=read]", "97"))
        assert await page.locator("[data-count] [data-field=new]").text_content() == "12.4"
        assert not await page.locator("[data-count] .advice").is_visible()
        assert await whole(page, "[data-count]")
        store.counts["dock-1"] = CountShown("dock-1", "dock", 12_121, 3, 0.0, flat=True, waiting=0)
        await until(page, reads("[data-count] [data-field=read]", "12,121"))
        assert await page.locator("[data-count] [data-field=expected]").text_content() == "12,000"
        assert await page.evaluate(ONE_LINE)
        assert FLAT[language] in await page.locator("[data-count] .advice").text_content()
        assert await whole(page, "[data-count]")
        assert "%" not in await page.locator("main").text_content()
        await page.screenshot(path=tmp_path / "count.png")
        del store.counts["dock-1"]
        await page.locator("[data-count]").wait_for(state="hidden")

    browsing(body, size, tagged_day(language))


def test_a_count_begins_on_a_screen_that_is_open_in_the_sessions_language():
    async def body(store: Store, page: Any, base: str) -> None:
        held = store.counts.pop("dock-1")
        await connected(page, f"{base}/station/dock-1")
        assert not await page.locator("[data-count]").is_visible()
        store.counts["dock-1"] = held
        await page.locator("[data-count]").wait_for()
        assert FLAT["ko"] in await page.locator("[data-count] .advice").text_content()
        store.feed.publish(entry(200, Answer.GOOD, "English", mode="count", language="en"))
        await until(page, reads("[data-word=count_read]", "tags read"))
        await until(page, f"document.querySelector('[data-count] .advice').textContent.startsWith({FLAT['en']!r})")
        told = [await page.locator(f".pick [data-field={one}]").text_content() for one in ("mode", "place")]
        assert told == ["Counting", "dock"]

    browsing(body, store=tagged_day())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_item_is_found_by_keyboard_alone(size, language, tmp_path: Path):
    async def body(store: Store, page: Any, base: str) -> None:
        await page.goto(f"{base}/find?lang={language}")
        await until(page, "document.activeElement.name === 'q'")  # the browser gives the focus a moment later
        await page.keyboard.type("SHIRT-M")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("[data-find][data-state=close]")
        assert await page.locator("[data-others] li").count() == 3
        await page.screenshot(path=tmp_path / "find.png", full_page=True)
        store.found["SHIRT-M"] = [tag(9, 55, -50.0), tag(2, 3, -74.0)]
        await page.wait_for_selector("[data-find][data-state=near]")
        assert await page.locator("[data-find] [data-field=number]").text_content() == "55"
        assert await page.locator("[data-find] [data-field=epc]").text_content() == EPC.format(9)
        bar = page.locator("[data-find] .bar")
        assert await bar.get_attribute("aria-valuenow") == "55"
        await until(page, _filled("[data-find] .bar", 0.55))
        assert await page.locator("[data-others] li").count() == 1
        store.found["SHIRT-M"] = [tag(9, 0, -50.0, 75.0)]
        await page.wait_for_selector("[data-find][data-state=lost]")
        await page.locator("[data-others]").wait_for(state="hidden")
        store.found["SHIRT-M"] = []
        store.devices[-1] = reader(state=State.DOWN)
        await page.wait_for_selector("[data-find][data-state=looking] [data-field=note]:not([hidden])")
        store.found["SHIRT-M"] = [tag(number, 90 - number, -35.0) for number in range(20)]
        await until(page, "document.querySelectorAll('[data-others] li').length === 19")

    browsing(body, size, tagged_day(language))


def _filled(selector: str, share: float) -> str:
    width = "getBoundingClientRect().width"
    return (
        f"(() => {{ const bar = document.querySelector({selector!r}); "
        f"return Math.abs(bar.firstElementChild.{width} / bar.clientWidth - {share}) < 0.02; }})()"
    )


def test_the_tone_is_off_until_asked_for_and_quicker_the_nearer():
    record = """
        window.tones = [];
        window.pauses = [];
        const start = OscillatorNode.prototype.start, wait = window.setTimeout;
        OscillatorNode.prototype.start = function (at) {
          window.tones.push(this.frequency.value);
          return start.call(this, at);
        };
        window.setTimeout = (call, ms, ...more) => {
          if (call.name === "sound") window.pauses.push(ms);
          return wait(call, ms, ...more);
        };"""

    async def body(store: Store, page: Any, base: str) -> None:
        await page.add_init_script(record)
        store.found["SHIRT-M"] = [tag(1, 10, -70.0)]
        await page.goto(f"{base}/find?q=SHIRT-M&lang=en")
        await page.wait_for_selector("[data-tone]:not([hidden])")
        assert await page.locator("[data-tone]").text_content() == "Tone off"
        store.found["SHIRT-M"] = [tag(1, 12, -70.0)]
        await until(page, reads("[data-find] [data-field=number]", "12"))
        assert await page.evaluate("window.tones") == []
        await page.locator("[data-tone]").focus()
        await page.keyboard.press("Enter")
        assert await page.locator("[data-tone]").get_attribute("aria-pressed") == "true"
        await until(page, "window.tones.length >= 1")
        slow_ms, low_hz = await page.evaluate("[window.pauses.at(-1), window.tones.at(-1)]")
        store.found["SHIRT-M"] = [tag(1, 95, -32.0)]
        await until(page, f"window.pauses.at(-1) < {slow_ms} / 4 && window.tones.at(-1) > {low_hz}")
        store.found["SHIRT-M"] = []
        await page.wait_for_selector("[data-find][data-state=looking]")
        await page.evaluate("window.tones = []; window.pauses = []")
        await until(page, "window.pauses.length >= 2")
        assert await page.evaluate("window.tones") == []
        await page.keyboard.press("Space")
        assert await page.locator("[data-tone]").text_content() == "Tone off"

    browsing(body, store=tagged_day())


def test_hostile_names_of_tags_and_readers_are_text():
    async def body(store: Store, page: Any, base: str) -> None:
        await page.goto(f"{base}/find?q=SHIRT-M")
        store.found["SHIRT-M"] = [replace(tag(number, 50, -50.0), device=HOSTILE) for number in range(3)]
        await until(page, reads("[data-others] li [data-field=reader]", HOSTILE))
        assert await page.locator("main script").count() == 0

    browsing(body, store=tagged_day())


@pytest.mark.parametrize("path", ["/", "/device/reader-1"])
def test_a_condition_comes_and_goes_without_a_touch(path, tmp_path: Path):
    card = "[data-card='device/reader-1']"

    async def body(store: Store, page: Any, base: str) -> None:
        store.devices[-1] = reader()
        await page.goto(f"{base}{path}?lang=en")
        assert not await page.locator(f"{card} .notices").is_visible()
        store.devices[-1] = reader(notice("hot", "61 degrees", ""), notice("odd", HOSTILE, "ask the maker"))
        await page.wait_for_selector(f"{card}[data-state=look] .notice")
        assert await page.locator(f"{card} .notice").all_text_contents() == [
            "Too hotLet air to it. If it goes on, lower its power.61 degrees",
            f"{HOSTILE}ask the maker",
        ]
        await page.screenshot(path=tmp_path / "conditions.png", full_page=True)
        store.devices[-1] = reader()
        await page.wait_for_selector(f"{card}[data-state=up]")
        await page.locator(f"{card} .notices").wait_for(state="hidden")
        if path == "/":
            await page.locator(card).click()
            await page.wait_for_selector("article.device")

    browsing(body, store=tagged_day())
