"""Lists: pages, filters, CSV that a spreadsheet can be trusted with."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from headoffice.view import books
from headoffice.view import movements as view_movements
from headoffice.view.movements import Which, movements
from headoffice.view.paging import BadCursor, cursor_of, place_of
from headoffice.web import lists
from tests.headoffice.logs import Log, line
from tests.headoffice.web.office import NOW_US, Office


def rows_of(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def history(office: Office) -> list[Log]:
    """Three stores that were taken in one after the other and together, one of them with a second log."""
    logs = [Log(f"L{number}", store=f"S{number}").open() for number in range(3)]
    for step in range(6):
        for number, log in enumerate(logs):
            if (step + number) % 2 == 0:
                log.receive(f"SKU-{step}", step + 1)
                log.look()
        office.clock.now_us = NOW_US + step * 1_000_000
        office.take(*logs)
    heir = Log("L9", store="S1").open([["COLA", "x", None, "sellable", 1]], parent=logs[1].end())
    heir.receive("COLA", 9)
    office.clock.now_us += 1_000_000
    office.take(heir)
    return [*logs, heir]


def all_of(client: Any, path: str, limit: int) -> list[dict[str, Any]]:
    found, more = list[dict[str, Any]](), ""
    while True:
        page = client.get(f"{path}limit={limit}{more}").json()
        found += page["rows"]
        if page["more"] is None:
            return found
        more = f"&cursor={page['more']}"


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_movements_come_newest_first_over_all_stores_each_once(office: Office, limit: int) -> None:
    logs = history(office)
    wanted = sorted(
        (
            (-at_us, store, log, seq)
            for store, log, seq, at_us in office.database.rows(
                "SELECT store, log, seq, at_us FROM event WHERE type = 'movement'"
            )
        ),
        key=lambda row: (row[0], row[1], [one.name for one in reversed(logs)].index(row[2]), -row[3]),
    )
    assert len(wanted) == 10
    client = office.client()
    found = all_of(client, "/api/v1/movements?", limit)
    assert [(-row["at_us"], row["store"], row["log"], row["seq"]) for row in found] == wanted
    of_one = all_of(client, "/api/v1/movements?store=S1&", limit)
    assert [(row["log"], row["seq"]) for row in of_one] == [(row[2], row[3]) for row in wanted if row[1] == "S1"]
    assert of_one[0] | {"id": 0} == of_one[0] | {"kind": "received", "quantity": 9, "station": "dock", "id": 0}


def test_movements_are_found_by_item_and_kind(office: Office) -> None:
    log = Log(store="S1").open()
    log.receive("COLA", 3)
    log.write("movement", {"kind": "sold", "lines": [line("COLA", 1, **{"from": "backroom", "to": "customer"})]})
    log.write("movement", {"kind": "received", "lines": [line("MILK"), line("COLA-ZERO", lot="COLA")]})
    log.write("movement", {"kind": "of a later version", "lines": []})
    office.take(log)
    client = office.client()
    kinds = {
        "store=S1": ["received", "sold", "received"],
        "sku=COLA": ["sold", "received"],
        "kind=sold": ["sold"],
        "sku=MILK&kind=sold": [],
    }
    for chosen, wanted in kinds.items():
        assert [row["kind"] for row in client.get(f"/api/v1/movements?{chosen}").json()["rows"]] == wanted
    assert client.get("/api/v1/movements?sku=NONE").json() == {"rows": [], "more": None, "looked_back_us": None}


def test_a_page_of_movements_looks_at_so_many_events_and_says_how_far(
    small: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headoffice.view.movements.SCAN_MAX", 4)
    history(small)
    page = movements(small.database, Which(sku="SKU-0"), cursor=None, limit=10)
    assert (page.rows, page.looked_back_us) == ([], NOW_US + 5_000_000)
    looks = 1
    while not page.rows:
        page, looks = movements(small.database, Which(sku="SKU-0"), cursor=page.more, limit=10), looks + 1
    assert looks > 4


def test_movements_look_into_a_store_only_when_its_turn_comes(small: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        small.clock.now_us += 1_000
        small.take(Log(f"L{number}", store=f"S{number:02}").open().receive_many(3))
    asked: list[str] = []
    rows = small.database.rows

    class Counting:
        def rows(self, sql: str, values: Any = ()) -> Any:
            asked.append(sql)
            return rows(sql, values)

    page = movements(Counting(), Which(), cursor=None, limit=5)  # type: ignore[arg-type]
    assert [row.store for row in page.rows] == ["S29"] * 3 + ["S28"] * 2
    assert len(asked) <= 5


def books_of(office: Office) -> None:
    log = Log(store="S1").open()
    lines = [{"line": 1, "sku": "COLA", "expected": 5, "done": 4, "short": 1}]
    head = {"document": "D1", "document_kind": "receipt", "revision": 1, "from": "supplier", "to": "backroom"}
    log.write("document", {"kind": "opened", **head})
    log.write("document", {"kind": "closed_short", **head, "lines": lines})
    log.write(
        "document", {"kind": "opened", **head, "document": "D2", "document_kind": "transfer_in", "from": "transit:S2"}
    )
    counted = [{"sku": "COLA", "disposition": "sellable", "expected": 4, "counted": 3, "delta": -1, "within": False}]
    for name, share in (("C1", 0), ("C2", 900)):
        log.write(
            "count",
            {"kind": "approved", "count": name, "zone": "backroom", "blind": True, "lines": counted, "lines_total": 1,
             "accuracy_permille": share, "exact_permille": share, "counted_by": []},
        )  # fmt: skip
    settled = log.look()
    log.look()
    log.write("journal", {"kind": "exception_resolved", "concerns": {"seq": settled.seq}, "resolution": "dismissed"})
    log.write("journal", {"kind": "reservation_made", "reservation": "R1", "sku": "COLA", "quantity": 3, "order": "O1"})
    log.receive("COLA", 2, epcs=["AA01", "AA02"])
    office.take(log)


def test_documents_and_counts_are_listed_and_told_with_their_lines(office: Office) -> None:
    books_of(office)
    client = office.client()
    found = all_of(client, "/api/v1/documents?", 1)
    assert [(row["document"], row["status"], row["expected"], row["short"]) for row in found] == [
        ("D2", "opened", 0, 0),
        ("D1", "closed_short", 5, 1),
    ]
    assert [row["document"] for row in client.get("/api/v1/documents?kind=receipt").json()["rows"]] == ["D1"]
    assert [row["document"] for row in client.get("/api/v1/documents?status=opened").json()["rows"]] == ["D2"]
    assert client.get("/api/v1/documents/S1/D1").json()["lines"][0]["done"] == 4
    assert client.get("/api/v1/documents/S2/D1").json()["error"] == "unknown_document"
    counts = all_of(client, "/api/v1/counts?store=S1&", 1)
    assert [(row["count_id"], row["accuracy_permille"], row["units_off"]) for row in counts] == [
        ("C2", 900, 1),
        ("C1", 0, 1),
    ]
    assert client.get("/api/v1/counts?zone=x").json()["rows"] == []
    assert client.get("/api/v1/counts/S1/L1/C1").json()["lines"][0]["delta"] == -1
    assert client.get("/api/v1/counts/S1/L1/C9").status_code == 404


def test_exceptions_reservations_tags_devices_and_refusals_are_listed(office: Office) -> None:
    books_of(office)
    office.put(
        "device", store="S1", device="dock", kind="ssi", state="down", since_at="x", body='{"reads": 1}', at_us=5
    )
    office.put(
        "quarantine", store="S1", code="hash", digest=b"x", log=None, seq=None, reason="r", body=b"", count=2, at_us=1,
        last_at_us=2,
    )  # fmt: skip
    client = office.client()

    def seqs(query: str) -> list[int]:
        return [row["seq"] for row in client.get(f"/api/v1/exceptions{query}").json()["rows"]]

    assert [len(seqs(query)) for query in ("", "?state=open", "?state=settled", "?kind=bad_read")] == [2, 1, 1, 0]
    assert [row["seq"] for row in all_of(client, "/api/v1/exceptions?", 1)] == seqs("")
    held = client.get("/api/v1/reservations?order=O1&sku=COLA").json()["rows"]
    assert [(row["reservation"], row["quantity"]) for row in held] == [("R1", 3)]
    assert [row["epc"] for row in all_of(client, "/api/v1/tags?sku=COLA&", 1)] == ["AA01", "AA02"]
    assert client.get("/api/v1/tags?epc=AA02").json()["rows"][0]["zone"] == "backroom"
    assert client.get("/api/v1/devices?state=down").json()["rows"][0]["told"] == {"reads": 1}
    assert client.get("/api/v1/devices?state=up").json()["rows"] == []
    assert client.get("/api/v1/quarantine?code=hash").json()["rows"][0]["count"] == 2
    event = client.get("/api/v1/events/S1/L1/2").json()
    assert event["data"]["document"] == "D1"
    assert client.get("/api/v1/events/S1/L1/99").json()["error"] == "unknown_event"


def test_sales_are_by_day_and_item(office: Office) -> None:
    office.put("position", store="S1", log="L1", seq=1, hash="h", part=1, parts=1, at_us=1)
    for day, sold in (("2026-09-20", 3), ("2026-09-21", 4), ("2026-07-01", 9)):
        office.put("sale_day", store="S1", sku="COLA", day=day, sold=sold, returned=1)
    rows = [row.model_dump() for row in books.sales(office.database, "COLA", since="2026-09-01")]
    assert rows == [{"day": "2026-09-20", "sold": 3, "returned": 1}, {"day": "2026-09-21", "sold": 4, "returned": 1}]
    assert books.sales(office.database, "COLA", since="2026-09-01", store="S2") == []


def test_a_list_as_csv_is_whole_and_its_texts_are_no_formulas(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "LIMIT_MAX", 2)
    for number, name in enumerate(["=1+1", "+82", "-5", "@x", 'plain, with "quotes"', "콜라"]):
        office.item(f"SKU-{number}", name_ko=name, stock_min=-number)
    client = office.client()
    answer = client.get("/api/v1/items?format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="items.csv"' in answer.headers["content-disposition"]
    rows = rows_of(answer.text)
    assert [row["name_ko"] for row in rows] == ["'=1+1", "'+82", "'-5", "'@x", 'plain, with "quotes"', "콜라"]
    assert [row["stock_min"] for row in rows] == ["0", "-1", "-2", "-3", "-4", "-5"]
    assert client.get("/api/v1/items", headers={"accept": "text/csv"}).text == answer.text
    assert client.get("/api/v1/items?format=json", headers={"accept": "text/csv"}).json()["more"] is None


def test_csv_of_events_has_times_in_words(small: Office) -> None:
    small.take(Log(store="S1").open().receive_many(1))
    row = rows_of(small.client().get("/api/v1/movements?format=csv").text)[0]
    assert (row["at_utc"], row["kind"]) == ("2026-09-21 14:13:20.000", "received")


def test_csv_of_movements_has_a_row_for_every_line(small: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_movements, "LINES_OF_MAX", 1)
    log = Log(store="S1").open()
    log.write("movement", {"kind": "received", "lines": [line(f"SKU-{number}", number + 1) for number in range(30)]})
    moved = line("SKU-1", 2, **{"from": "backroom", "to": "shelf", "lot": "L7"})
    log.write("movement", {"kind": "moved", "lines": [moved]})
    small.take(log)
    client = small.client()
    rows = rows_of(client.get("/api/v1/movements?format=csv").text)
    assert [(row["seq"], row["line"], row["sku"], row["quantity"]) for row in rows] == [
        ("3", "1", "SKU-1", "2"), *(("2", str(number + 1), f"SKU-{number}", str(number + 1)) for number in range(30)),
    ]  # fmt: skip
    assert (rows[0]["source"], rows[0]["target"], rows[0]["lot"]) == ("backroom", "shelf", "L7")
    some = rows_of(client.get("/api/v1/movements?format=csv&sku=SKU-1").text)
    assert [(row["seq"], row["line"]) for row in some] == [("3", "1"), ("2", "2")]


def test_csv_of_stores_has_a_column_for_each_figure(small: Office) -> None:
    small.take(Log("L1", store="S1").open().receive_many(2), Log("L2", store="S2").open())
    client = small.client()
    before = rows_of(client.get("/api/v1/stores?format=csv").text)
    assert [(row["store"], row["online"], row["figures_units"]) for row in before] == [
        ("S1", "true", ""),
        ("S2", "true", ""),
    ]
    small.room.figures.refresh(small.database, 9.0, small.clock.now_s)
    after = rows_of(client.get("/api/v1/stores?format=csv").text)
    assert [(row["figures_units"], row["figures_as_of_utc"]) for row in after] == [
        ("3", "2026-09-21 14:13:20.000"),
        ("0", "2026-09-21 14:13:20.000"),
    ]


def test_an_export_that_would_be_too_long_breaks_instead_of_looking_whole(
    small: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "LIMIT_MAX", 2)
    monkeypatch.setattr(lists, "EXPORT_ROWS_MAX", 3)
    for number in range(5):
        small.item(f"SKU-{number}")
    with pytest.raises(RuntimeError, match="narrow the filter"):
        small.client().get("/api/v1/items?format=csv", raising=True)


def test_a_cursor_is_of_its_list_alone(small: Office) -> None:
    client = small.client()
    for cursor in ("x", "[]", cursor_of(1), cursor_of("a", "b"), "é", cursor_of("a\0"), cursor_of(-1)):
        answer = client.get("/api/v1/stock", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["error"]) == (400, "bad_cursor"), cursor
    assert place_of(cursor_of(1, "é", 2**62), int, str, int) == (1, "é", 2**62)
    for values, kinds in (((True,), (int,)), ((1,), (str,)), ((), (int,))):
        with pytest.raises(BadCursor):
            place_of(cursor_of(*values), *kinds)


def test_a_parameter_that_is_not_known_is_refused(small: Office) -> None:
    client = small.client()
    answer = client.get("/api/v1/stock?categroy=drinks")
    assert (answer.status_code, answer.json()["field"]) == (400, "categroy")
    assert client.get("/api/v1/stock?limit=501").json()["field"] == "limit"
    assert client.get("/api/v1/stock/a%20b").json()["field"] == "sku"
    assert client.get("/api/v1/nothing").json()["error"] == "not_found"


def test_long_answers_are_packed(small: Office) -> None:
    for number in range(50):
        small.item(f"SKU-{number}")
    answer = small.client().get("/api/v1/items?limit=50", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.json()["rows"]) == 50
