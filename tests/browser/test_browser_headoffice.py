"""The desk's pages in a real browser: whole, live, in both languages, on a phone too, nothing serious for axe."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.browser import test_browser_screens as screens
from tests.browser.hq_data import KST
from tests.browser.hq_desk import REFUSED, Desk
from tests.browser.test_browser_accessible import AXE, CHECK, LANGUAGES, SERIOUS
from tests.browser.test_browser_screens import ARGUMENTS, CHROMIUM, SIZES, until

pytestmark = screens.pytestmark
DRAWN = "[...document.querySelectorAll('[data-chart]')].every((one) => one.dataset.drawn === 'yes')"
CELL = """document.querySelector('[data-part=stores] [data-key="seoul-01"] [data-cell=on_hand]')"""
WAIT_MS = 12_000


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with Desk(tmp_path_factory.mktemp("desk")) as running:
        yield running


def browsing(
    body: Callable[[Any], Awaitable[None]],
    size: tuple[int, int] = SIZES[0],
    *,
    dark: bool = False,
    csp: bool = True,
    refused: str = "nothing",
) -> None:
    """Runs `body` with a page; whatever the browser refuses or throws meanwhile, but `refused`, fails the test."""
    from playwright.async_api import async_playwright  # noqa: PLC0415  optional

    async def run() -> None:
        complaints: list[str] = []
        async with async_playwright() as driver:
            browser = await driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            context = await browser.new_context(
                viewport={"width": size[0], "height": size[1]}, bypass_csp=not csp,
                color_scheme="dark" if dark else "light",
            )  # fmt: skip
            page = await context.new_page()
            page.on("console", lambda line: complaints.append(line.text) if line.type in {"error", "warning"} else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.set_default_timeout(WAIT_MS)
            try:
                await body(page)
            finally:
                await browser.close()
        assert [one for one in complaints if not re.search(refused, one)] == []

    asyncio.run(run())


def addresses(desk: Desk, *languages: str) -> Iterator[str]:
    for name, path in desk.pages().items():
        if name not in REFUSED:
            for language in languages:
                yield f"{desk.base}{path}{'&' if '?' in path else '?'}lang={language}"


async def live(page: Any, address: str) -> None:
    await page.goto(address)
    await page.wait_for_selector("[data-link][data-state=live]")
    await page.wait_for_timeout(1_000)  # the looks of a page that has just opened are over


def sell(desk: Desk, store: str, sku: str) -> None:
    """One piece is received in a store, and head office takes it in."""
    branch = next(one for one in desk.world.branches if one.store == store)
    branch.now = datetime.now(KST)
    branch.receive(sku, 1)
    desk.world.save(datetime.now(KST))


@pytest.mark.timeout(400)
@pytest.mark.parametrize("size", SIZES)
def test_every_page_fits_and_every_chart_is_drawn(desk: Desk, size: tuple[int, int]) -> None:
    async def body(page: Any) -> None:
        for address in addresses(desk, *LANGUAGES):
            await page.goto(address)
            assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth"), address
            await until(page, DRAWN)
            assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth"), address
            small = await page.evaluate(
                """[...document.querySelectorAll("button, .button, select, input, nav a")]
                .filter((one) => one.offsetParent).map((one) => [one.outerHTML, one.getBoundingClientRect()])
                .filter(([, box]) => box.height < 24 || box.width < 24).map(([html]) => html)"""
            )
            assert small == [], address

    browsing(body, size)


@pytest.mark.skipif(not AXE.exists(), reason="needs axe-core: scripts/axe fetches it with npm")
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("size", "dark", "languages"),
    [(SIZES[0], False, LANGUAGES), (SIZES[1], False, ("ko",)), (SIZES[0], True, ("en",))],
)
def test_nothing_serious_for_axe(desk: Desk, size: tuple[int, int], dark: bool, languages: tuple[str, ...]) -> None:
    """Without the pages' policy: axe is a script of the test's. What is folded up is unfolded."""

    async def body(page: Any) -> None:
        found: list[Any] = []
        for address in addresses(desk, *languages):
            await page.goto(address)
            await until(page, DRAWN)
            await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
            await page.evaluate(AXE.read_text())
            found += [(address, one) for one in await page.evaluate(CHECK) if one["impact"] in SERIOUS]
        assert found == []

    browsing(body, size, dark=dark, csp=False)


def test_what_a_store_does_shows_at_once_without_loading_again(desk: Desk) -> None:
    sku = desk.world.branches[0].assortment[0]["sku"]

    async def body(page: Any) -> None:
        await live(page, f"{desk.base}/stock/{sku}?lang=en")
        cell = page.locator('[data-part=stores] [data-key="seoul-01"] [data-cell=on_hand]')
        before = int((await cell.text_content()).replace(",", "").split()[0])
        await page.evaluate("window.same = true")
        await page.locator("summary").first.click()
        for number in range(1, 4):
            sell(desk, "seoul-01", sku)
            await until(page, f"parseInt({CELL}.textContent.replace(',', '')) === {before + number}")
        assert await page.evaluate("window.same"), "the page was loaded again"
        assert await page.locator("details").first.get_attribute("open") is not None, "what was unfolded folded up"

    browsing(body)


def test_new_movements_come_on_top(desk: Desk) -> None:
    sku = desk.world.branches[1].assortment[0]["sku"]

    async def body(page: Any) -> None:
        await live(page, f"{desk.base}/movements?lang=en")
        count = await page.locator("[data-part=movements] tbody tr").count()
        sell(desk, "seoul-02", sku)
        await until(
            page, "document.querySelector('[data-part=movements] tbody tr').dataset.key.startsWith('seoul-02/')"
        )
        assert await page.locator("[data-part=movements] tbody tr").count() == count

    browsing(body)


def test_a_lost_desk_is_said_and_come_back_to(desk: Desk) -> None:
    sku = desk.world.branches[0].assortment[1]["sku"]

    async def body(page: Any) -> None:
        await live(page, f"{desk.base}/stock/{sku}?lang=ko")
        cell = page.locator('[data-part=stores] [data-key="seoul-01"] [data-cell=on_hand]')
        before = await cell.text_content()
        desk.stop()
        await page.wait_for_selector("[data-link][data-state=lost]")
        assert "끊겼습니다" in await page.locator("[data-link]").text_content()
        sell(desk, "seoul-01", sku)
        desk.start()
        await page.wait_for_selector("[data-link][data-state=live]")
        await until(page, f"{CELL}.textContent !== {before!r}")

    browsing(body, refused="net::ERR_")


def test_an_alert_is_acknowledged_with_a_note(desk: Desk) -> None:
    async def body(page: Any) -> None:
        await page.goto(f"{desk.base}/alerts?lang=en&severity=warning")
        row = page.locator("[data-part=alerts] tbody tr").first
        key = await row.get_attribute("data-key")
        await row.locator("summary").click()
        await row.locator("[name=note]").fill("<b>on its way</b>")
        await row.locator("button.strong").click()
        await page.wait_for_selector(f'[data-key="{key}"] .badge[data-tone=good]')
        told = await page.locator(f'[data-key="{key}"]').inner_text()
        assert "by local" in told
        assert "“<b>on its way</b>”" in told

    browsing(body)


def test_a_rule_is_set_and_taken_away_by_two_presses(desk: Desk) -> None:
    async def body(page: Any) -> None:
        await page.goto(f"{desk.base}/alerts/rules?lang=ko")
        await page.locator("[name=rule]").select_option("overstock")
        await page.locator("form[data-method=PUT] [name=store]").select_option("jeju-02")
        await page.locator("[name=value]").fill("777")
        await page.locator("form[data-method=PUT] button.strong").click()
        row = page.locator("tr", has_text="777")
        await row.wait_for()
        assert "과잉 재고" in await row.inner_text()
        await row.locator("button").click()
        assert "한 번 더" in await row.locator("button").inner_text()
        await row.locator("button").click()
        await row.wait_for(state="detached")

    browsing(body)


def test_a_refusal_is_told_at_the_form(desk: Desk) -> None:
    async def body(page: Any) -> None:
        for language, words in (("en", "an SKU stands alone"), ("ko", "이 규칙은 그렇게 정할 수 없습니다")):
            await page.goto(f"{desk.base}/alerts/rules?lang={language}")
            await page.locator("[name=rule]").select_option("worker_lagging")
            await page.locator("[name=sku]").fill("COLA")
            await page.locator("form[data-method=PUT] button.strong").click()
            said = page.locator("form[data-method=PUT] [data-said]")
            await said.wait_for()
            assert await said.get_attribute("data-tone") == "stop"
            assert words in await said.inner_text()

    browsing(body, refused="status of 422")


def test_a_store_is_asked_and_the_request_is_listed(desk: Desk) -> None:
    async def body(page: Any) -> None:
        await page.goto(f"{desk.base}/commands?lang=en")
        form = page.locator("form[data-post*=reserve]")
        await page.locator("summary").first.click()
        await form.locator("[name=store]").select_option("busan-01")
        for name, value in (("reservation", "WEB-7"), ("sku", "BEV-0001"), ("quantity", "3")):
            await form.locator(f"[name='members.{name}']").fill(value)
        await form.locator("button").click()
        row = page.locator("[data-part=commands] tbody tr", has_text="WEB-7")
        await row.wait_for()
        assert "Waiting" in await row.inner_text()
        await page.goto(f"{desk.base}/commands/expected?lang=en")
        form = page.locator("form[data-post$=expected]")
        await page.locator("summary").first.click()
        await form.locator("[name='documents.0.document']").fill("CR-NEW")
        await form.locator("[name='documents.0.zones']").fill("backroom, salesfloor")
        await form.locator("[name=store]").select_option("busan-01")
        await form.locator("button").click()
        await page.locator("[data-part=expected] tbody tr", has_text="CR-NEW").wait_for()

    browsing(body)


def test_a_suppliers_notice_is_checked_row_by_row_and_taken(desk: Desk) -> None:
    sku = next(one["sku"] for one in desk.world.items if one["base_unit"] == "each")
    rows = [f"ASN-77,busan-02,{sku},5,each", "ASN-78,busan-02,NO-SUCH,5,each"]
    notice = "\n".join(["asn,store,sku,quantity,unit", *rows, ""]).encode()

    async def body(page: Any) -> None:
        await page.goto(f"{desk.base}/commands/expected?lang=en")
        await page.locator("summary").nth(1).click()
        form = page.locator("form[data-post='/api/v1/asn']")
        for check, outcome in ((True, "new"), (False, "new"), (False, "as before")):
            file = {"name": "notice.csv", "mimeType": "text/csv", "buffer": notice}
            await form.locator("[name=file]").set_input_files(file)
            await form.locator("[name=check]").set_checked(check)
            await form.locator("button").click()
            await form.locator("[data-said][data-tone=look]", has_text=outcome).wait_for()
            said = await form.locator("[data-said]").inner_text()
            assert f"busan-02 ASN-77: {outcome}" in said
            assert "Line 3" in said
            assert "NO-SUCH" in said
            assert "ASN-78" not in said.partition("Line")[0]
        await page.reload()
        await page.goto(f"{desk.base}/commands/expected?lang=en&store=busan-02")
        await page.locator("tr", has_text="ASN-77").wait_for()

    browsing(body)


def test_a_check_that_is_asked_for_waits_until_it_is_done(desk: Desk) -> None:
    async def body(page: Any) -> None:
        await page.goto(f"{desk.base}/checks?lang=en")
        form = page.locator("form[data-post='/api/v1/checks']")
        await form.locator("select").select_option("daegu-01")
        await form.locator("button").click()
        await form.locator("[data-said][data-tone=good]").wait_for()
        await page.locator("[data-part=checks] .warn", has_text="1 stores wait").wait_for()

    browsing(body)


def test_the_language_is_kept_and_the_keyboard_leads_to_the_content(desk: Desk) -> None:
    async def body(page: Any) -> None:
        await page.goto(f"{desk.base}/stock?lang=en")
        await page.goto(f"{desk.base}/stores")
        assert await page.evaluate("document.documentElement.lang") == "en"
        await page.locator(".language").click()
        await until(page, "document.documentElement.lang === 'ko'")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")  # skip to the content
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.querySelector('main').contains(document.activeElement)")

    browsing(body)


def test_every_chart_has_its_numbers_in_a_table(desk: Desk) -> None:
    async def body(page: Any) -> None:
        await page.goto(f"{desk.base}/?lang=en")
        await until(page, DRAWN)
        rows = await page.evaluate(
            "[...document.querySelectorAll('[data-chart]')].map((one) => one.querySelectorAll('tbody tr').length)"
        )
        assert len(rows) == 8
        assert all(rows)
        drawn = await page.evaluate("document.querySelectorAll('[data-plot] .main-svg .point').length")
        assert drawn > 50

    browsing(body)


def test_who_may_only_look_sees_no_forms(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> None:
    with Desk(tmp_path_factory.mktemp("guarded"), 1, "--host", "desk.test") as guarded:
        token = guarded.token("viewer", "view")

        async def body(page: Any) -> None:
            await page.goto(f"{guarded.base}/alerts?lang=en")
            await page.wait_for_url("**/login?next=/alerts")
            await page.locator("[name=token]").fill("jhq_wrong")
            await page.keyboard.press("Enter")
            await page.wait_for_selector("[data-said][data-tone=stop]")
            await page.locator("[name=token]").fill(token)
            await page.keyboard.press("Enter")
            await page.wait_for_url(f"{guarded.base}/alerts")
            assert await page.locator("main form[data-post]").count() == 0
            assert "viewer" in await page.locator(".who").inner_text()
            await page.locator(".who button").click()
            await page.wait_for_url("**/login**")
            await page.goto(f"{guarded.base}/stock")
            await page.wait_for_url("**/login?next=/stock")

        browsing(body, refused="status of 401")
