"""What charts say is what the tables say, on both databases; heavy ones are kept; pages are drawn in both languages."""

from __future__ import annotations

import gzip
import html
import re
from importlib.util import find_spec
from typing import Any, get_args

import pytest

from headoffice.checks import results
from headoffice.checks.engine import Verdict
from headoffice.verify import Difference
from headoffice.view.charts import HOURS_EVENTS_MAX, STORES_MAX
from headoffice.web import assets, pages_care, pages_records, pages_stock
from headoffice.web.api_charts import KEPT_S_MIN, Name
from headoffice.web.pages import TEMPLATES
from headoffice.web.shown import local
from headoffice.web.texts import TEXTS
from tests.headoffice.logs import Log, line
from tests.headoffice.web.office import NOW_US, Office

DAY_US = 86_400_000_000
TODAY = local(NOW_US).date().isoformat()


def chart(office: Office, name: str, query: str = "") -> dict[str, Any]:
    answer = office.client().get(f"/api/v1/charts/{name}?lang=en{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def series(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By name, without the places where there is nothing."""
    return {one["name"]: {x: y for x, y in zip(one["x"], one["y"], strict=True) if y} for one in told["traces"]}


def daily(office: Office, store: str, kind: str, events: int, quantity: int = 1, day: str = TODAY) -> None:
    office.put("daily", store=store, day=day, kind=kind, events=events, quantity=quantity)


def counted(office: Office, store: str, number: int, accuracy: int, lines: int) -> None:
    office.put(
        "counted", store=store, log="L1", count_id=f"C{number}", zone="x", request=None, blind=1, lines_total=lines,
        accuracy_permille=accuracy, exact_permille=accuracy - 100, expected=0, counted=0, units_off=0, units_net=0,
        approved_at=f"{TODAY}T09:00:00+09:00", seq=number, at_us=NOW_US - 1, lines="[]",
    )  # fmt: skip


def test_movements_and_sales_are_summed_by_day_over_stores(office: Office) -> None:
    daily(office, "S1", "sold", 3)
    daily(office, "S2", "sold", 4)
    daily(office, "S1", "received", 2)
    daily(office, "S1", "journal", 50)
    daily(office, "S1", "sold", 9, day="2020-01-01")
    today = TODAY[5:]
    assert series(chart(office, "movements-by-day")) == {"Received": {today: 2}, "Sold": {today: 7}}
    assert series(chart(office, "sales-by-day", "&store=S1")) == {"Sold": {today: 3}}
    told = chart(office, "movements-by-day", "&days=5")
    assert [len(one["x"]) for one in told["traces"]] == [5, 5]
    assert (told["title"], told["unit"], told["note"]) == ("Movements by day", "movements", "the last 5 days")
    assert series(chart(office, "sales-by-store"))[""] == {"S2": 4, "S1": 3}


def test_one_items_sales_and_places(office: Office) -> None:
    office.item("HAM", base_unit="gram")
    office.take(*(Log(f"L{n}", store=f"S{n}").open([["HAM", "x", None, "sellable", 100 * n]]) for n in (1, 2)))
    for store, sold in (("S1", 300), ("S2", 500)):
        office.put("sale_day", store=store, sku="HAM", day=TODAY, sold=sold, returned=20)
    told = chart(office, "sku-sales-by-day", "&sku=HAM")
    assert series(told) == {"Sold": {TODAY[5:]: 800}, "Returned": {TODAY[5:]: 40}}
    assert told["unit"] == "g"
    assert series(chart(office, "sku-by-store", "&sku=HAM"))[""] == {"S2": 200, "S1": 100}
    assert office.client().get("/api/v1/charts/sku-by-store").status_code == 422


def test_accuracy_is_weighted_by_lines(office: Office) -> None:
    counted(office, "S1", 1, 1000, 10)
    counted(office, "S1", 2, 900, 30)
    counted(office, "S2", 3, 800, 40)
    told = chart(office, "accuracy-by-day")
    assert series(told) == {"within tolerance": {TODAY[5:]: 86.2}, "without any difference": {TODAY[5:]: 76.2}}
    assert told["range"][0] == pytest.approx(73.2)
    assert series(chart(office, "lines-off-by-store"))[""] == {"S2": 20.0, "S1": 7.5}


def test_exceptions_are_open_or_settled(office: Office) -> None:
    log = Log(store="S1").open()
    first, _ = log.look(), log.look()
    log.write("journal", {"kind": "exception_resolved", "concerns": {"seq": 2}, "resolution": "dismissed"})
    assert first
    office.take(log)
    assert series(chart(office, "exceptions-by-kind")) == {"open": {"Unknown code": 1}, "settled": {"Unknown code": 1}}


def test_stores_are_online_silent_or_as_they_say(office: Office) -> None:
    office.state("S1")
    office.state("S2", "offline")
    office.put("store_state", store="S3", state="online", state_us=0, heard_us=NOW_US - DAY_US)
    assert series(chart(office, "stores-by-state"))[""] == {"Online": 1, "Offline": 1, "Silent": 1}


def test_pieces_and_kilograms_are_what_stores_hold(office: Office) -> None:
    office.item("COLA", category="Drinks")
    office.item("HAM", category="Meat", base_unit="gram")
    log = Log("L1", store="S1").open(
        [["COLA", "x", None, "sellable", 5], ["HAM", "x", None, "sellable", 2_500], ["NEW", "x", None, "sellable", 1]]
    )
    office.take(log, Log("L2", store="S2").open([["COLA", "x", None, "sellable", 50]]))
    assert series(chart(office, "stock-by-category"))[""] == {}
    summed(office)
    assert series(chart(office, "stock-by-category"))[""] == {"Drinks": 55, "Meat": 2, "no category": 1}
    assert series(chart(office, "stock-by-store"))[""] == {"S2": 50, "S1": 8}
    log.receive("COLA", 10)
    office.take(log)
    summed(office)
    assert series(chart(office, "stock-by-category", "&store=S1"))[""] == {"Drinks": 15, "Meat": 2, "no category": 1}
    assert "as of" in chart(office, "stock-by-store")["note"]


def summed(office: Office) -> None:
    assert not office.room.figures.refresh(office.database, 60, office.clock.now_s)


def test_hours_are_kept_for_a_while_over_all_stores(small: Office) -> None:
    log = Log(store="S1").open()
    client = small.client()

    def hours(store: str = "") -> int:
        told = client.get(f"/api/v1/charts/movements-by-hour?lang=en{store}").json()
        return sum(sum(one["y"]) for one in told["traces"])

    assert hours() == 0
    log.receive()
    small.take(log)
    assert hours("&store=S1") == 1
    assert hours() == 0
    small.clock.now_us += int(KEPT_S_MIN * 1e6)
    assert hours() == 1


def test_hours_are_made_of_the_newest_events(office: Office) -> None:
    log = Log(store="S1").open()
    log.receive()
    office.clock.now_us = NOW_US - 2 * DAY_US
    office.take(log)
    for back_h, sales in ((3, 2), (0, 1)):
        office.clock.now_us = NOW_US - back_h * DAY_US // 24
        for _ in range(sales):
            log.write("movement", {"kind": "sold", "lines": [line("COLA", 1, **{"from": "x", "to": "customer"})]})
        office.take(log)
    told = chart(office, "movements-by-hour")
    hours = [local(NOW_US - back_h * DAY_US // 24).strftime("%d. %H:00") for back_h in (3, 0)]
    assert series(told) == {"Sold": {hours[0]: 2, hours[1]: 1}}
    assert len(told["traces"][0]["x"]) == 24
    assert told["note"] == "the last 24 hours"
    assert HOURS_EVENTS_MAX == 20_000


def test_only_so_many_stores_are_bars(small: Office) -> None:
    for number in range(STORES_MAX + 5):
        daily(small, f"S{number:03}", "received", number + 1)
    told = chart(small, "received-by-store")
    assert told["traces"][0]["x"][0] == f"S{STORES_MAX + 4:03}"
    assert len(told["traces"][0]["x"]) == STORES_MAX


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_chart_answers_where_there_is_nothing_yet(small: Office, language: str) -> None:
    client = small.client()
    for name in get_args(Name):
        told = client.get(f"/api/v1/charts/{name}?lang={language}&sku=COLA").json()
        assert told["title"] == TEXTS[f"chart_{name.replace('-', '_')}"][("ko", "en").index(language)]
        assert all(not any(one["y"]) for one in told["traces"])


PATHS = [
    route.path.format(store="S1", sku="COLA", document="ASN", log="L1", count="C1", check=1)
    for module in (pages_stock, pages_records, pages_care)
    for route in module.router.routes  # type: ignore[attr-defined]
]


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_page_is_drawn_on_both_databases(office: Office, language: str) -> None:
    office.item("COLA", name_ko="콜라", name_en="Cola")
    log = Log(store="S1").open([["COLA", "x", None, "sellable", 5]])
    paper = {"document": "ASN", "document_kind": "receipt", "revision": 1, "from": "supplier", "to": "x"}
    log.write("document", {"kind": "opened", **paper})
    log.look()
    log.receive("COLA", 2)
    office.take(log)
    counted(office, "S1", 1, 900, 10)
    differs = Difference("COLA", "x", None, "sellable", 5, 4)
    verdict = Verdict("S1", "repaired", "why", log="L1", rows=1, differences=[differs], done=["tables_made_again"])
    results.put(office.database, verdict, NOW_US, deep=True)
    client = office.client()
    for path in PATHS:
        answer = client.get(f"{path}?lang={language}", raising=True)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8"), path
        assert f'<html lang="{language}">' in answer.text


def test_workers_are_told_apart_from_those_that_are_gone(office: Office) -> None:
    if office.database.dialect == "postgres":
        body = '{"buckets": 3, "stores": 1234, "events": 5, "rate": 6, "host": "h1", "version": "0.1.0"}'
        office.put("worker", worker="w1", holder="p1", pid=1, pid_us=0, seen_us=0, body=body)
        office.put("known_store", store="S1", bucket=9, first_us=0)
    told = office.client().get("/workers?lang=en").text
    if office.database.dialect == "postgres":
        assert all(one in told for one in ("w1", "Gone", "1,234", "1 stores are nobody"))
    else:
        assert "Several need PostgreSQL" in told


FILTERED = {
    "/stock": "q=x&category=y&store=S1&standing=negative",
    "/movements": "store=S1&kind=sold&sku=COLA",
    "/documents": "store=S1&kind=receipt&status=closed",
    "/counts": "store=S1",
    "/exceptions": "store=S1&kind=bad_read&state=settled",
    "/devices": "store=S1&state=up",
    "/alerts": "store=S1&rule=low_stock&severity=info&state=all",
    "/commands": "store=S1&verb=ping&status=done",
    "/commands/expected": "store=S1&standing=opened",
    "/checks": "store=S1&verdict=equal",
    "/report": "week=2026-W37",
    "/stores": "state=online",
    "/alerts/rules": "",
    "/stock/COLA": "",
}


def test_every_list_can_be_had_as_a_table(small: Office) -> None:
    small.item("COLA")
    small.take(Log(store="S1").open([["COLA", "x", None, "sellable", 5]]))
    client = small.client()
    for path, query in [*FILTERED.items(), *dict.fromkeys(FILTERED, "").items()]:
        page = client.get(f"{path}?{query}").text
        [address] = re.findall(r'href="(/api/v1/[^"]*format=csv[^"]*)"', page)
        assert all(part in html.unescape(address) for part in query.split("&"))
        answer = client.get(html.unescape(address))
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8"), address


def test_stores_are_compared_by_a_figure_or_by_state(small: Office) -> None:
    for store, held in (("S1", 5), ("S2", 50), ("S3", 20)):
        small.take(Log(f"L{store}", store=store).open([["COLA", "x", None, "sellable", held]]))
    counted(small, "S3", 1, 700, 10)
    small.state("S1", "offline")
    summed(small)
    client = small.client()

    def listed(query: str) -> list[str]:
        table = client.get(f"/stores?{query}").text.partition("<tbody>")[2].partition("</tbody>")[0]
        return re.findall(r'data-key="(S\d)"', table)

    assert listed("") == ["S1", "S2", "S3"]
    assert listed("sort=units") == ["S2", "S3", "S1"]
    assert listed("sort=accuracy") == ["S3", "S1", "S2"]
    assert listed("state=online&sort=units") == ["S2", "S3"]
    assert listed("state=offline") == ["S1"]
    assert client.get("/stores?sort=hash").status_code == 422


def test_a_long_list_goes_on_at_its_next_page(small: Office) -> None:
    small.take(Log(store="S1").open([[f"SKU-{n:03}", "x", None, "sellable", 5] for n in range(120)]))
    client, path, seen = small.client(), "/stock?lang=en&store=S1", list[str]()
    for _ in range(3):
        told = client.get(path).text
        seen += re.findall(r'<tr data-key="([^"]+)"', told)
        following = re.search(r'rel="next" href="([^"]+)"', told)
        path = html.unescape(following[1]) if following else ""
        assert "lang=" not in path
    assert seen == [f"SKU-{n:03}" for n in range(120)]
    assert not path


def test_what_stores_send_is_text_on_a_page(small: Office) -> None:
    hostile = "<script>alert(1)</script>"
    small.item("COLA", name_ko=hostile, name_en=hostile)
    log = Log(store="S1").open([["COLA", "x", None, "sellable", 5]])
    log.write("exception", {"kind": "unknown_code", "reason": "unknown", "code": {"text": hostile}, "detail": hostile})
    log.receive("COLA", 2)
    small.take(log)
    client = small.client()
    for path in ("/", "/stock", "/stock/COLA", "/movements", "/exceptions", "/stores/S1", f"/stock?q={hostile}"):
        told = client.get(path).text
        assert hostile not in told, path
        assert path == "/stores/S1" or "&lt;script&gt;" in told, path


def test_a_page_that_fails_is_a_page_and_the_api_stays_as_it_is(small: Office) -> None:
    client = small.client()
    for path, status in (("/nothing", 404), ("/stores/S9", 404), ("/stock?store=a+b", 422), ("/stock?cursor=x", 400)):
        answer = client.get(f"{path}{'&' if '?' in path else '?'}lang=en")
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8"), path
        assert client.get(f"/api/v1{path}").headers["content-type"] == "application/json"


def test_the_language_is_the_addresss_then_the_cookies_then_the_browsers(small: Office) -> None:
    client = small.client()
    assert '<html lang="ko">' in client.get("/").text
    assert '<html lang="en">' in client.get("/", headers={"accept-language": "fr, en-GB;q=0.8"}).text
    answer = client.get("/?lang=en")
    assert "jaego_hq_lang=en" in answer.headers["set-cookie"]
    kept = {"cookie": "jaego_hq_lang=en", "accept-language": "ko"}
    assert '<html lang="en">' in client.get("/", headers=kept).text
    assert '<html lang="ko">' in client.get("/?lang=xx", headers={"accept-language": "ko"}).text


def test_assets_are_compressed_and_kept_for_good_under_their_mark(small: Office) -> None:
    client = small.client()
    address = assets.address("plotly.min.js")
    zipped = client.get(address, headers={"accept-encoding": "gzip"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert "immutable" in zipped.headers["cache-control"]
    assert int(zipped.headers["content-length"]) < 2_000_000
    spec = find_spec("plotly")
    assert spec is not None
    assert spec.submodule_search_locations
    with open(f"{spec.submodule_search_locations[0]}/package_data/plotly.min.js", "rb") as script:  # noqa: PTH123
        assert zipped.content == script.read()
    plain = client.get(assets.address("live.js"), headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == (assets.FOLDER / "live.js").read_bytes()
    assert client.get("/static/0000/live.js").headers["cache-control"] == "no-store"
    for path in ("/static/x/nothing.js", "/static/x/..%2fassets.py", "/static/x/style.scss"):
        assert client.get(path).status_code == 404
    assert gzip.decompress(assets._read("style.css").zipped) == (assets.FOLDER / "style.css").read_bytes()


def test_plotlys_map_style_is_found() -> None:
    """Without its id on the page plotly would write a style sheet into it, which our policy refuses."""
    assert re.fullmatch("[0-9a-f]{64}", assets.map_style())


def test_templates_name_texts_that_exist() -> None:
    named = {
        (path.name, key)
        for path in TEMPLATES.glob("*.html")
        for key in re.findall(r"\bt\('([a-z_0-9-]+)'[,)]", path.read_text("utf-8"))
    }
    assert len(named) > 200
    assert [one for one in sorted(named) if one[1] not in TEXTS] == []
