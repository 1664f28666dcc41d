"""Pages and API through ASGI: languages, escaping, headers, limits, bad input."""

from __future__ import annotations

import asyncio
import re
import threading
from typing import Any

import httpx
import pytest

from agent.web import lane as lanes
from agent.web.app import build
from agent.web.pages import PAGE_ROWS
from contract.catalog import Item, Name
from contract.stock import StockRow
from drivers.reads import Answer
from tests.agent.web.store import HOSTILE, Store, busy_day, entry, exception, notice, reader, tagged_day

PAGES = ["/", "/station/dock-1", "/stock", "/exceptions", "/find", "/find?q=SHIRT-M", "/device/reader-1"]
API = ["/api/v1/status", "/api/v1/stock", "/api/v1/health"]


def ask(store: Store, *requests: Any, raising: bool = True, **options: Any) -> Any:
    """One answer, or a list of them, from one client that keeps its cookies. A request is a path or (method, path)."""

    async def run() -> list[httpx.Response]:
        app = build(store.view())
        transport = httpx.ASGITransport(app, raise_app_exceptions=raising)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8470") as client:
            pairs = [one if isinstance(one, tuple) else ("GET", one) for one in requests]
            answers = [await client.request(method, path, **options) for method, path in pairs]
        await app.state.room.close()
        return answers

    answers = asyncio.run(run())
    return answers if len(answers) > 1 else answers[0]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_page_in_both_languages(path, language):
    page = ask(tagged_day(language), f"{path}{'&' if '?' in path else '?'}lang={language}")
    assert page.status_code == 200
    assert f'<html lang="{language}">' in page.text
    assert page.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", [*PAGES, *API, "/nothing", "/stock?page=0", "/static/x/style.css"])
def test_security_headers_on_every_answer(path):
    headers = ask(Store(), path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "no-store" in headers["cache-control"]
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("path", PAGES)
def test_nothing_inline_and_nothing_from_elsewhere(path):
    page = ask(tagged_day(), path).text
    assert all(re.search(r'src="/static/', tag) for tag in re.findall(r"<script[^>]*>", page))
    assert not re.search(r"<style|style=|\son\w+=|javascript:", page)
    assert not re.search(r'(?:src|href|action)="(?!/|\?|#)', page)


def test_the_language_is_kept_and_may_be_changed():
    first, chosen, kept, wrong = ask(Store(), "/", "/?lang=en", "/stock", "/stock?lang=de")
    assert '<html lang="ko">' in first.text
    assert "set-cookie" not in first.headers
    cookie = chosen.headers["set-cookie"].lower()
    assert "jaego_lang=en" in cookie
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert '<html lang="en">' in kept.text
    assert wrong.status_code == 400
    assert '<html lang="en">' in wrong.text
    assert "set-cookie" not in wrong.headers


def test_a_cookie_with_nonsense_is_as_none():
    page = ask(Store(language="en"), "/", headers={"cookie": "jaego_lang=<script>"})
    assert page.status_code == 200
    assert '<html lang="en">' in page.text


def test_the_language_link_keeps_the_filter():
    page = ask(Store(), "/stock?sku=RICE&zone=dock").text
    assert 'href="/stock?sku=RICE&amp;zone=dock&amp;lang=en"' in page


def test_a_stations_page_speaks_the_sessions_language():
    store = Store()
    before = ask(store, "/station/backroom?lang=ko").text
    assert '<html lang="en">' in before  # the station's own
    store.feed.publish(entry(1, Answer.GOOD, "한국어", "backroom", language="ko"))
    assert '<html lang="ko">' in ask(store, "/station/backroom?lang=en").text


def test_a_station_shows_its_newest_scan_and_the_list():
    page = ask(busy_day(), "/station/dock-1").text
    assert page.count("<li data-state=") == 6
    assert 'data-state="good"' in page
    assert page.index("대용량") < page.index("이미 처리된") < page.index("등록되지 않은")
    assert "Seoul Milk" not in page  # another station's


def test_the_overview_has_the_facts():
    page = ask(busy_day("en"), "/?lang=en").text
    assert "112 to send, oldest 4 min" in page
    assert "plug the scanner in again" in page
    assert "Traceback" not in page
    assert "Possible duplicate" in page


def test_an_empty_store_has_its_pages_too():
    store = Store(stations=(), devices=[], exceptions=[], rows=[])
    overview, stock, exceptions = ask(store, "/", "/stock", "/exceptions")
    assert "설정된 작업대가 없습니다" in overview.text
    assert "해당하는 재고가 없습니다" in stock.text
    assert "예외가 없습니다" in exceptions.text


def hostile() -> Store:
    store = Store()
    store.items["RICE"] = Item(sku="RICE", name=Name(ko=HOSTILE))
    store.exceptions.append(exception(10, "unknown_code", HOSTILE, code={"text": HOSTILE}, detail=HOSTILE))
    store.feed.publish(entry(1, Answer.STOP, HOSTILE))
    store.devices[1] = type(store.devices[1])("scanner-2", store.devices[1].state, 0, error=HOSTILE, hint=HOSTILE)
    store.devices.append(reader(notice(HOSTILE, HOSTILE, HOSTILE), notice("hot", HOSTILE, HOSTILE, HOSTILE)))
    store.items["SHIRT-M"] = Item(sku="SHIRT-M", name=Name(ko=HOSTILE))
    return store


@pytest.mark.parametrize(
    "path", [*PAGES, f"/stock?sku={HOSTILE}", f"/station/{HOSTILE}", f"/{HOSTILE}", f"/find?q={HOSTILE}"]
)
def test_hostile_text_is_only_text(path):
    page = ask(hostile(), path).text
    assert "alert(" not in re.sub(r"&lt;script&gt;alert\(&#39;x&#39;\)&lt;/script&gt;", "", page)


def test_stock_by_sku_and_zone():
    store = Store()
    page = ask(store, "/stock?sku=+MILK-1L+&zone=salesfloor")
    assert store.asked == [("stock", "MILK-1L", "salesfloor")]
    assert "서울우유 1L" in page.text
    assert "<option selected>salesfloor</option>" in page.text
    assert "SALAD" not in ask(store, "/stock").text  # quantity 0 is no stock
    assert ask(store, "/stock?sku=&zone=").status_code == 200


def test_stock_is_shown_in_pages():
    store = Store(rows=[StockRow(f"SKU-{number:04d}", "dock", "", "sellable", 1) for number in range(250)])
    first, last, beyond = ask(store, "/stock", "/stock?page=3&zone=dock&lang=en", "/stock?page=4")
    assert first.text.count("<tr>") == PAGE_ROWS + 1
    assert "250건 중 1–100" in first.text
    assert 'rel="prev"' not in first.text
    assert "201–250 of 250" in last.text
    assert 'href="/stock?zone=dock&amp;page=2"' in last.text
    assert 'rel="next"' not in last.text
    assert beyond.text.count("<tr>") == 0
    answer = ask(store, "/api/v1/stock?page=3").json()
    assert (answer["total"], answer["page"], len(answer["rows"])) == (250, 3, 50)


def test_only_the_newest_hundred_exceptions():
    store = Store(exceptions=[exception(number, "bad_read", "checksum") for number in range(300)])
    page = ask(store, "/exceptions").text
    assert page.count("<tr>") == 101
    assert page.index("12:59:36") < page.index("12:58:36")


BAD = ["page=0", "page=-1", "page=x", "page=1e3", "page=٣", "page=10001", "page=9999999", "sku=a/b", "zone=%00"]
BAD += ["sku=" + "a" * 65, "sku=a&sku=b", "zone=가", "page=1&page=1", "lang=", "lang=xx"]


@pytest.mark.parametrize("query", BAD)
@pytest.mark.parametrize("path", ["/stock", "/api/v1/stock"])
def test_malformed_parameters_are_told(path, query):
    answer = ask(Store(), f"{path}?{query}")
    if query == "lang=" and path == "/stock":
        assert answer.status_code == 200  # a form sends empty fields too
    else:
        assert answer.status_code == 400
        assert query.partition("=")[0] in answer.text
        assert len(answer.text) < 5000


def test_the_api_tells_values():
    status, stock, health = ask(busy_day(), *API)
    told = status.json()
    sync = {"connected": True, "head": 1204, "waiting": 112, "oldest_s": 250, "clock": "synced", "halted": False}
    assert told["sync"] == sync
    assert [one["station"] for one in told["stations"]] == ["dock-1", "backroom", "counter"]
    assert told["stations"][0]["last"]["answer"] == "good"
    assert told["stations"][2]["last"] is None
    assert told["devices"][1]["state"] == "down"
    assert "traceback" not in told["devices"][1]
    assert stock.json()["rows"][1] == {
        "sku": "MILK-1L",
        "name": {"ko": "서울우유 1L", "en": "Seoul Milk 1 l"},
        "base_unit": "each",
        "zone": "salesfloor",
        "lot": "L2409",
        "disposition": "damaged",
        "quantity": 2,
    }
    assert health.json() == {"scans": 7}
    assert health.headers["content-type"] == "application/json"


def test_errors_as_pages_and_as_json():
    page, api = ask(Store(), "/nothing", "/api/v1/nothing")
    assert page.status_code == api.status_code == 404
    assert "없는 화면입니다" in page.text
    assert api.json() == {"error": "not_found", "hint": "주소를 확인하거나 현황에서 다시 시작하세요."}
    assert ask(Store(), "/station/nowhere").status_code == 404
    assert ask(Store(), "/events/nowhere").status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize("path", ["/", "/api/v1/stock", "/events"])
def test_the_screens_are_read_only(method, path):
    answer = ask(Store(), (method, path))
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]
    assert "보기 전용" in answer.text


def test_head_is_answered():
    assert [one.status_code for one in ask(Store(), ("HEAD", "/"), ("HEAD", "/events"))] == [200, 200]


def test_a_failing_page_is_a_page_and_counted():
    store = Store(broken=RuntimeError("secret detail"))
    page, status = ask(store, "/stock", "/api/v1/status", raising=False)
    assert page.status_code == 500
    assert "스캔과 기록은 계속됩니다" in page.text
    assert "secret" not in page.text
    assert "content-security-policy" in page.headers
    assert status.json()["screens"] == {"failures": 1}


def test_a_slow_ledger_is_told_not_waited_for(monkeypatch):
    monkeypatch.setattr(lanes, "CALL_S_MAX", 0.05)
    go, store = threading.Event(), Store()

    class Slow(list):
        def __iter__(self):
            go.wait(5)
            return super().__iter__()

    store.rows = Slow(store.rows)

    async def run() -> list[httpx.Response]:
        app = build(store.view())
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            answers = [await client.get("/stock"), await client.get("/api/v1/stock")]
        go.set()
        await app.state.room.close()
        return answers

    page, api = asyncio.run(run())
    assert page.status_code == api.status_code == 503
    assert page.headers["retry-after"] == "5"
    assert "잠시 후" in page.text


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8470", "localhost", "LOCALHOST:80", "[::1]:8470", "[::1]", "127.8.8.8", "store-pc:8470"],
)
def test_our_own_names_are_answered(host):
    assert host_status(host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "store-pc.evil.example",
        "127.0.0.1@evil.example",
        "192.0.2.9",
        "[2001:db8::1]",
        "[::1",
        "127.0.0.1:x",
        "localhost:80:80",
        "a" * 300,
        "",
    ],
)
def test_a_strangers_name_is_not(host):
    assert host_status(host) == 421


def host_status(host: str) -> int:
    async def run() -> int:
        app = build(Store().view())
        app.state.room.hosts.add("store-pc")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return (await client.get("/static/x/style.css", headers={"host": host})).status_code

    return asyncio.run(run())


def test_the_address_a_connection_came_in_on_is_ours():
    async def run() -> list[int]:
        app = build(Store().view())
        codes = []
        for server in ("192.0.2.9", "::ffff:192.0.2.9", "192.0.2.8"):
            transport, base = httpx.ASGITransport(app), "http://[::1]" if ":" in server else "http://127.0.0.1"

            async def at(scope: Any, receive: Any, send: Any, server: str = server) -> None:
                await app({**scope, "server": (server, 8470)}, receive, send)

            transport.app = at
            async with httpx.AsyncClient(transport=transport, base_url=base) as client:
                answer = await client.get("/static/x/style.css", headers={"host": "192.0.2.9:8470"})
                codes.append(answer.status_code)
        return codes

    assert asyncio.run(run()) == [200, 200, 421]


def test_assets_are_kept_for_good_under_their_mark_only():
    page = ask(Store(), "/").text
    sheet, script = re.search(r'href="(/static/\w+/style.css)"', page), re.search(r'src="(/static/\w+/\w+.js)"', page)
    assert sheet
    assert script
    style, code, old, gone, outside = ask(
        Store(), sheet[1], script[1], "/static/old/style.css", "/static/x/none.css", "/static/x/..%2fapp.py"
    )
    assert "immutable" in style.headers["cache-control"]
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert code.headers["content-type"] == "text/javascript; charset=utf-8"
    assert old.headers["cache-control"] == "no-store"
    assert gone.status_code == outside.status_code == 404


def test_exceptions_are_not_read_again_without_a_reason():
    store = Store()
    ask(store, "/", "/", "/api/v1/status")
    assert store.asked.count(("exceptions", 100)) == 1
