"""What each kind of event changes in the tables that views stand on, alone in a round or with others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from headoffice.database import Row
from headoffice.folding import DAY_US, SALE_DAYS
from headoffice.store import Store
from headoffice.storing import Storage
from tests.headoffice.logs import Log, line
from tests.headoffice.taking import batch, table

DAY = "2026-09-07"
AT_US = 1_788_753_036_000_000  # 2026-09-07 by UTC
EPC = "3034257BF7194E4000001A85"
EPC_2 = "3034257BF7194E4000001A86"
SOLD = {"from": "floor", "to": "customer"}
BACK = {"from": "customer", "to": "floor"}


@pytest.fixture(params=[1, 2, 1000], ids=lambda size: f"rounds-of-{size}")
def size(request: pytest.FixtureRequest) -> int:
    return int(request.param)


class Office:
    """Takes in a log in rounds of `size` events; the second is stored 1 microsecond after the first, and so on."""

    def __init__(self, path: Path, size: int, at_us: int = AT_US) -> None:
        self.storage: Storage = Store(path)
        self._size = size
        self._at_us = at_us

    def take(self, log: Log) -> Office:
        held = self.storage.position(log.store)
        first = held[0].seq + 1 if held and held[0].log == log.name else 1
        for at in range(first, log.head + 1, self._size):
            self.storage.save([batch(self.storage, log, at, min(log.head, at + self._size - 1))], self._at_us)
        return self

    def table(self, name: str, columns: str) -> list[Row]:
        return table(self.storage, name, columns)


@pytest.fixture
def office(tmp_path: Path, size: int) -> Office:
    return Office(tmp_path / "hq.db", size)


def moved(log: Log, kind: str, *lines: dict[str, Any], **more: Any) -> None:
    envelope = {name: more.pop(name) for name in ("occurred_at", "clock") if name in more}
    log.write("movement", {"kind": kind, "lines": list(lines), **more}, **envelope)


def journal(log: Log, kind: str, **data: Any) -> None:
    log.write("journal", {"kind": kind, **data})


# -- goods ------------------------------------------------------------------------------------------------------------


def test_a_sku_is_as_of_the_event_that_changed_it_last(office: Office) -> None:
    log = Log().open([["RICE", "floor", None, "sellable", 5], ["GONE", "floor", None, "sellable", 1]])
    log.receive("COLA")
    log.receive("COLA")
    log.look()
    assert office.take(log).table("sku_changed", "sku, log, seq, at_us") == [
        ("COLA", "L1", 3, AT_US), ("GONE", "L1", 1, AT_US), ("RICE", "L1", 1, AT_US)
    ]  # fmt: skip
    child = Log("L2").open([["RICE", "floor", None, "sellable", 5]], log.end())
    child.receive("NEW")
    assert office.take(child).table("sku_changed", "sku, log, seq") == [
        ("COLA", "L2", 1), ("GONE", "L2", 1), ("NEW", "L2", 2), ("RICE", "L2", 1)
    ]  # fmt: skip


def test_a_log_that_states_everything_again_is_the_newest_word_on_every_sku(office: Office) -> None:
    log = Log().open()
    log.receive("NEW")
    log.open([["RICE", "floor", None, "sellable", 5]])
    assert office.take(log).table("sku_changed", "sku, log, seq") == [("NEW", "L1", 3), ("RICE", "L1", 3)]


def test_a_day_counts_events_and_units_by_kind(office: Office) -> None:
    log = Log().open()
    moved(log, "received", line(quantity=3), line("RICE", 4))
    moved(log, "received", line(quantity=1), occurred_at="2026-09-08T00:00:00.000+09:00")
    moved(log, "sold", line(quantity=2, **SOLD), occurred_at="2031-01-01T00:00:00.000+09:00", clock="suspect")
    moved(log, "sold", {"sku": "COLA"})  # moves nothing that is definite
    log.look()
    assert office.take(log).table("daily", "day, kind, events, quantity") == [
        (DAY, "exception", 1, 0), (DAY, "journal", 1, 0), (DAY, "received", 1, 7), (DAY, "sold", 2, 2),
        ("2026-09-08", "received", 1, 1),
    ]  # fmt: skip


def test_sales_are_net_and_returns_apart(office: Office) -> None:
    log = Log().open()
    moved(log, "sold", line("COLA", 5, **SOLD), line("RICE", 1, **SOLD))
    moved(log, "transferred", line("COLA", 2, **SOLD))  # a pick for an order
    moved(log, "returned", line("COLA", 3, **BACK))
    moved(log, "reversed", line("COLA", 4, **BACK))
    moved(log, "reversed", line("COLA", 1, **SOLD))
    moved(log, "returned", line("RICE", 1, **{"from": "floor", "to": "supplier"}))
    moved(log, "sold", line("COLA", 9, **SOLD), occurred_at="2026-09-08T09:00:00.000+09:00")
    assert office.take(log).table("sale_day", "sku, day, sold, returned") == [
        ("COLA", DAY, 3, 2), ("COLA", "2026-09-08", 9, 0), ("RICE", DAY, 1, 0)
    ]  # fmt: skip


def test_goods_that_never_were_in_the_store_are_sold_all_the_same(office: Office) -> None:
    log = Log().open()
    moved(log, "sold", line("COLA", 5, **{"from": "supplier", "to": "customer"}))
    assert office.take(log).table("sale_day", "sku, sold") == [("COLA", 5)]
    assert office.table("daily", "kind, events, quantity") == [("journal", 1, 0), ("sold", 1, 5)]
    assert office.table("sku_changed", "sku") == []


def test_sales_are_kept_for_62_days(tmp_path: Path, size: int) -> None:
    log, office = Log().open(), Office(tmp_path / "hq.db", size)
    for day in ("2026-07-06", "2026-07-07", DAY):  # 63, 62 and no days before the arrival
        moved(log, "sold", line("COLA", 1, **SOLD), occurred_at=f"{day}T12:00:00.000+09:00")
    assert office.take(log).table("sale_day", "day") == [("2026-07-07",), (DAY,)]
    later = Log(store="S2").open()
    office.storage.save([batch(office.storage, later)], AT_US + DAY_US)
    assert office.table("sale_day", "day") == [(DAY,)]
    later.receive()
    office.storage.save([batch(office.storage, later, 2)], AT_US + (SALE_DAYS + 1) * DAY_US)
    assert office.table("sale_day", "day") == []


def test_goods_between_stores(office: Office) -> None:
    log = Log().open()
    moved(log, "transferred", line("COLA", 5, **{"from": "floor", "to": "transit:S2"}))
    moved(log, "reversed", line("COLA", 1, **{"from": "transit:S2", "to": "floor"}))
    moved(log, "transferred", line("COLA", 7, **{"from": "transit:S3", "to": "floor"}))
    moved(log, "reversed", line("COLA", 2, **{"from": "floor", "to": "transit:S3"}))
    assert office.take(log).table("transit", "peer, sku, sent, received") == [
        ("S2", "COLA", 4, 0),
        ("S3", "COLA", 0, 5),
    ]


def test_lots_that_are_sold_out_leave_no_row(office: Office) -> None:
    """They come without end; what has no lot is bounded by the catalogue."""
    log = Log().open([["COLA", "floor", "A0", "sellable", 2]])
    moved(log, "received", line("COLA", 5, to="floor", lot="A1"), line("COLA", 5, to="floor"))
    moved(log, "sold", line("COLA", 5, lot="A1", **SOLD), line("COLA", 5, **SOLD), line("COLA", 2, lot="A0", **SOLD))
    assert office.take(log).table("stock", "lot, quantity") == [("", 0)]
    moved(log, "sold", line("COLA", 5, lot="A1", **SOLD))
    assert office.take(log).table("stock", "lot, quantity") == [("", 0), ("A1", -5)]


# -- tags -------------------------------------------------------------------------------------------------------------


def test_tags_are_where_the_newest_movement_put_them(office: Office) -> None:
    log = Log().open()
    moved(log, "received", line("SHIRT", 2, epcs=[EPC, EPC_2]))
    moved(log, "moved", line("SHIRT", 1, epcs=[EPC], **{"from": "backroom", "to": "floor"}))
    assert office.take(log).table("tag", "epc, sku, zone, seq, at_us") == [
        (EPC, "SHIRT", "floor", 3, AT_US), (EPC_2, "SHIRT", "backroom", 2, AT_US)
    ]  # fmt: skip
    moved(log, "sold", line("SHIRT", 1, epcs=[EPC], **SOLD))
    journal(log, "tags_departed", sku="SHIRT", place="customer", portal="door", quantity=1, epcs=[EPC_2])
    assert office.take(log).table("tag", "epc") == []
    moved(log, "returned", line("SHIRT", 1, epcs=[EPC], **BACK))
    journal(log, "tags_identified", sku="SHIRT", place="floor", disposition="sellable", quantity=1, epcs=[EPC_2])
    assert office.take(log).table("tag", "epc, zone, seq") == [(EPC, "floor", 6), (EPC_2, "floor", 7)]


def test_a_tag_that_is_written_anew_stays_where_it_is(office: Office) -> None:
    log = Log().open()
    moved(log, "received", line("SHIRT", 1, epcs=[EPC]))
    written = {"gtin": "08801234567893", "serial": "7", "encoding": {"seq": 1}}
    journal(log, "tag_written", epc=EPC_2, replaces=EPC, **written)
    journal(log, "tag_written", epc="30340000", replaces="E280", **written)  # a blank, that is nowhere yet
    assert office.take(log).table("tag", "epc, sku, zone, seq") == [(EPC_2, "SHIRT", "backroom", 3)]


# -- reservations -----------------------------------------------------------------------------------------------------


def made(log: Log, name: str, quantity: int, **more: Any) -> None:
    journal(log, "reservation_made", reservation=name, sku="COLA", quantity=quantity, **more)


def less(log: Log, kind: str, name: str, quantity: int, **more: Any) -> None:
    journal(log, kind, reservation=name, sku="COLA", quantity=quantity, **more)


def test_reservations_are_open_until_nothing_is_left(office: Office) -> None:
    log = Log().open()
    made(log, "R1", 5, order="O-1", expires_at="2026-09-09T00:00:00+09:00")
    for name in ("R2", "R3", "R4", "R5"):
        made(log, name, 3)
    less(log, "reservation_picked", "R1", 2, zone="floor")
    less(log, "pick_rejected", "R1", 1, reason="damaged")
    less(log, "reservation_released", "R2", 3)
    less(log, "reservation_expired", "R3", 3)
    moved(log, "sold", line("COLA", 1, **SOLD), line("RICE", 9, **SOLD), reservation="R4")
    moved(log, "moved", line("COLA", 3, **{"from": "floor", "to": "pickup"}), reservation="R5")
    less(log, "reservation_released", "R9", 3)  # was never made
    columns = "reservation, sku, quantity, made, order_id, expires_at, seq"
    assert office.take(log).table("reservation", columns) == [
        ("R1", "COLA", 4, 5, "O-1", "2026-09-09T00:00:00+09:00", 8), ("R4", "COLA", 2, 3, None, None, 11),
        ("R5", "COLA", 3, 3, None, None, 6),
    ]  # fmt: skip
    moved(log, "reversed", line("COLA", 1, **BACK), reservation="R4")
    moved(log, "reversed", line("COLA", 7, **BACK), reservation="R5")  # never more than it was made for
    moved(log, "returned", line("COLA", 1, **BACK), reservation="R1")  # another day's customer
    assert office.take(log).table("reservation", "reservation, quantity") == [("R1", 4), ("R4", 3), ("R5", 3)]
    moved(log, "transferred", line("COLA", 4, **SOLD), reservation="R1")
    assert office.take(log).table("reservation", "reservation, quantity") == [("R4", 3), ("R5", 3)]


# -- documents and counts ---------------------------------------------------------------------------------------------


def document(log: Log, kind: str, **more: Any) -> None:
    place = {"document_kind": "receipt", "revision": 1, "from": "supplier", "to": "backroom"}
    log.write("document", {"kind": kind, "document": "ASN-1", **place, **more})


def lines_of(first: int, count: int) -> list[dict[str, Any]]:
    return [
        {"line": number, "sku": f"SKU-{number}", "expected": 10, "done": 9, "damaged": 1, "over": 0, "short": 1}
        for number in range(first, first + count)
    ]


def test_a_document_is_as_it_stands(office: Office) -> None:
    columns = "document, kind, status, expected, done, damaged, over, short, opened_at, closed_at, seq, at_us"
    log, at = Log().open(), "2026-09-07T12:50:36.194+09:00"
    document(log, "opened")
    opened = ("ASN-1", "receipt", "opened", 0, 0, 0, 0, 0, at, None, 2, AT_US)
    assert office.take(log).table("document", columns) == [opened]
    document(log, "closed", part=1, parts=3, lines=lines_of(1, 2))
    document(log, "closed", part=2, parts=3, lines=lines_of(3, 2))
    document(log, "closed", part=3, parts=3, lines=lines_of(5, 1))
    closed = ("ASN-1", "receipt", "closed", 50, 45, 5, 0, 5, at, at, 5, AT_US)
    assert office.take(log).table("document", columns) == [closed]
    found = orjson.loads(office.table("document", "lines")[0][0])
    assert found == lines_of(1, 5)


def test_a_document_that_is_open_again_begins_anew(office: Office) -> None:
    log = Log().open()
    document(log, "closed_short", lines=lines_of(1, 1))  # opened before head office knew the store
    assert office.take(log).table("document", "status, done, opened_at") == [("closed_short", 9, None)]
    document(log, "opened", revision=2)
    assert office.take(log).table("document", "status, done, revision, lines") == [("opened", 0, 2, "[]")]
    document(log, "closed", revision=2, lines=lines_of(1, 2))
    document(log, "withdrawn", revision=3)
    assert office.take(log).table("document", "status, done, revision") == [("withdrawn", 18, 3)]
    child = Log("L2").open(parent=log.end())
    assert office.take(child).table("document", "status, done, log, seq") == [("withdrawn", 18, "L1", 5)]


def counted(part: int, parts: int, *deltas: int) -> dict[str, Any]:
    lines = [
        {"sku": f"SKU-{part}-{number}", "disposition": "sellable", "expected": 10, "counted": 10 + delta,
         "delta": delta, "within": delta == 0}
        for number, delta in enumerate(deltas)
    ]  # fmt: skip
    return {
        "kind": "approved", "count": "C1", "zone": "floor", "blind": True, "part": part, "parts": parts,
        "lines": lines, "lines_total": 5, "accuracy_permille": 600, "exact_permille": 400, "counted_by": ["7"],
    }  # fmt: skip


def test_a_count_is_the_sum_of_its_parts(office: Office) -> None:
    log = Log().open()
    parts = [counted(1, 2, 0, -3, 2), counted(2, 2, 0, 4)]
    for part in parts:
        log.write("count", part)
    columns = (
        "count_id, zone, request, blind, lines_total, accuracy_permille, expected, counted, units_off, units_net, seq"
    )
    assert office.take(log).table("counted", columns) == [("C1", "floor", None, 1, 5, 600, 50, 53, 9, 3, 3)]
    assert orjson.loads(office.table("counted", "lines")[0][0]) == parts[0]["lines"] + parts[1]["lines"]
    assert office.table("daily", "kind, events") == [("counted", 2), ("journal", 1)]
    log.write("count", counted(1, 1, 1))  # the name once more
    assert office.take(log).table("counted", "count_id, expected, counted, seq") == [("C1", 10, 11, 4)]


# -- exceptions -------------------------------------------------------------------------------------------------------


def test_exceptions_are_open_until_somebody_settles_them(office: Office) -> None:
    log = Log().open()
    for sku in ("A", "B", "C", "D"):
        log.write("exception", {"kind": "over_delivery", "reason": "more", "sku": sku, "zone": "floor", "quantity": 2})
    journal(log, "exception_resolved", concerns={"seq": 3}, resolution="dismissed")
    moved(log, "received", line(), resolves={"seq": 4})
    journal(log, "exception_resolved", concerns={"seq": 99}, resolution="counted")  # of no exception
    columns = "seq, kind, reason, sku, zone, quantity, resolution, at_us"
    assert office.take(log).table("exception", columns) == [
        (2, "over_delivery", "more", "A", "floor", 2, None, AT_US),
        (3, "over_delivery", "more", "B", "floor", 2, "dismissed", AT_US),
        (4, "over_delivery", "more", "C", "floor", 2, "booked", AT_US),
        (5, "over_delivery", "more", "D", "floor", 2, None, AT_US),
    ]
    assert orjson.loads(office.table("exception", "body")[0][0])["sku"] == "A"


# -- openings ---------------------------------------------------------------------------------------------------------


def test_an_opening_replaces_what_stands_and_leaves_what_happened(office: Office) -> None:
    log = Log().open()
    moved(log, "received", line("SHIRT", 1, epcs=[EPC]))
    moved(log, "sold", line("COLA", 1, **SOLD))
    made(log, "R1", 1)
    log.look()
    history = ("exception", "daily", "sale_day")
    before = {name: office.take(log).table(name, "*") for name in history}
    record = {"sku": "COLA", "quantity": 4, "made": 5, "picked": 1, "seq": 7, "order": "O-1"}
    state = {
        "tags": [[EPC_2, "SHIRT", "floor", "", "sellable", 1], ["AB", "SHIRT", "customer", "", "sellable", 1]],
        "books": [["reservation", "R2", record], ["reserved", "COLA", {"quantity": 4}], ["reservation", "R3", {}]],
    }
    child = Log("L2").open([[f"SKU-{n}", "floor", None, "sellable", 1] for n in range(300)], log.end(), more=state)
    less(child, "pick_rejected", "R2", 1, reason="damaged")
    less(child, "reservation_released", "R1", 1)  # is gone already
    office.take(child)
    assert office.table("tag", "epc, zone, seq") == [(EPC_2, "floor", 2)]
    assert office.table("reservation", "reservation, quantity, made, order_id") == [("R2", 3, 5, "O-1")]
    assert office.table("stock", "COUNT(*), SUM(quantity)") == [(300, 300)]
    assert office.table("exception", "*") == before["exception"]
    assert office.table("sale_day", "*") == before["sale_day"]
    assert office.table("daily", "kind, events") == [("exception", 1), ("journal", 6), ("received", 1), ("sold", 1)]
