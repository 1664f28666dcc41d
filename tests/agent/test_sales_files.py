"""The drop folder over a real ledger and catalogue: codings, half-written files, refusals, ends at any instant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.capture.office import Office
from agent.capture.sales_files import SalesFiles
from agent.capture.sales_rows import FileRefused, read_sales
from agent.capture.tills import TillDesk
from agent.catalogue import Catalogue
from agent.errors import LedgerError
from agent.ledger.log import Ledger
from agent.ledger.reader import Reader
from agent.operations.sales import Tills
from agent.operations.transactions import Taken, Transaction
from contract.catalog import parse_item
from contract.times import Stamper
from tests.agent.clocks import FakeClock

SEOUL = ZoneInfo("Asia/Seoul")
HEAD = "transaction,till,occurred_at,gtin,quantity,price_minor,reason,return,x_cashier"
MILK = "8801234567893"
ITEM = {"sku": "MILK", "revision": 3, "name": {"ko": "우유"}, "gtins": [{"gtin": f"0{MILK}"}]}


class Dropped:
    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder / "drop", folder / "state"
        self.folder.mkdir()
        self.state.mkdir()
        self.clock = FakeClock()
        self.said: list[str] = []
        self.open()

    def open(self) -> None:
        self.ledger = Ledger(self.state, store="S1", clock=self.clock, stamper=Stamper(SEOUL))
        self.ledger.start()
        self.reader, self.items = Reader(self.state), Catalogue(self.state / "catalogue.db")
        self.items.upsert_many([parse_item(ITEM)])
        office = Office(self.ledger, self.clock)
        self.desk = TillDesk(items=self.items, office=office, tills=Tills({}, "salesfloor"))
        self.files = SalesFiles(
            self.folder, sells=self.desk, office=office, clock=self.clock, zone=SEOUL, settle_s=3.0, keep_days=90,
            say=lambda _subject, line: self.said.append(line),
        )  # fmt: skip

    def close(self) -> None:
        self.reader.close()
        self.ledger.close()
        self.items.close()

    def put(self, name: str, *rows: str, coding: str = "utf-8", head: str = HEAD) -> Path:
        path = self.folder / name
        path.write_bytes("\r\n".join([head, *rows, ""]).encode(coding))
        return path

    def looks(self) -> None:
        """Two looks with time enough between them."""
        self.files.look()
        self.clock.advance(4.0)
        self.files.look()

    def sold(self) -> int:
        return -sum(row.quantity for row in self.reader.stock("MILK"))

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.reader.newest(500) if one["data"]["kind"] == kind]

    def left(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture
def dropped(tmp_path: Path) -> Iterator[Dropped]:
    opened = Dropped(tmp_path)
    yield opened
    opened.close()


def row(dropped: Dropped, name: str, quantity: Any = 1, gtin: str = MILK, more: str = ",,,") -> str:
    at = Stamper(SEOUL).text(dropped.clock.now().wall_us)[:19].replace("T", " ")
    return f"{name},till-1,{at},{gtin},{quantity}{more},"


def test_a_file_is_booked_told_and_put_away(dropped: Dropped) -> None:
    dropped.put("day.csv", row(dropped, "T1", 2), row(dropped, "T1", 1), row(dropped, "T2", 4))
    dropped.looks()
    assert dropped.sold() == 7
    [event] = dropped.events("sales_file_taken")
    told = {name: event["data"][name] for name in ("name", "rows", "taken", "known", "refused")}
    assert told == {"name": "day.csv", "rows": 3, "taken": 2, "known": 0, "refused": 0}
    assert dropped.left() == ["done/day.csv"]
    [first, _] = dropped.events("sold")
    assert first["occurred_at"].endswith("+09:00")
    assert len(first["data"]["lines"]) == 2


@pytest.mark.parametrize("coding", ["utf-8-sig", "cp949", "utf-16"])
def test_codings_as_tills_write_them(dropped: Dropped, coding: str) -> None:
    dropped.put("판매.csv", row(dropped, "T1") + "김철수", coding=coding)
    dropped.looks()
    assert dropped.sold() == 1
    assert dropped.left() == ["done/판매.csv"]


def test_a_file_that_still_grows_is_left_alone(dropped: Dropped) -> None:
    path = dropped.put("day.csv", row(dropped, "T1"))
    dropped.put("day.csv.part", row(dropped, "T8"))
    dropped.put(".hidden.csv", row(dropped, "T9"))
    dropped.files.look()
    dropped.clock.advance(2.0)
    dropped.files.look()
    with path.open("a") as file:
        file.write(row(dropped, "T2") + "\r\n")
    dropped.clock.advance(2.0)
    dropped.files.look()
    assert dropped.sold() == 0
    dropped.looks()
    assert dropped.sold() == 2
    assert dropped.left() == [".hidden.csv", "day.csv.part", "done/day.csv"]


def test_rows_that_cannot_be_are_named_and_the_others_are_taken(dropped: Dropped) -> None:
    rows = [row(dropped, "T1"), row(dropped, "T2", "many"), row(dropped, "T3"), "T4,till-1", row(dropped, "T5", 0)]
    dropped.put("day.csv", *rows, row(dropped, "T6", 1, "9999"))
    dropped.looks()
    assert dropped.sold() == 2
    assert dropped.left() == ["refused/day.csv", "refused/day.csv.txt"]
    report = (dropped.folder / "refused" / "day.csv.txt").read_text("utf-8")
    assert "2 transactions taken, 0 known from before, 4 refused." in report
    assert [line.split(":")[0] for line in report.splitlines()[2:]] == ["line 3", "line 5", "line 6", "line 7"]
    dropped.put("mended.csv", rows[0], row(dropped, "T2", 3))
    dropped.looks()
    assert dropped.sold() == 5
    assert dropped.events("sales_file_taken")[1]["data"]["known"] == 1


def test_an_unknown_item_waits_in_the_tray(dropped: Dropped) -> None:
    dropped.put("day.csv", row(dropped, "T1", 2, "8809999999994"), row(dropped, "T2"))
    dropped.looks()
    assert dropped.sold() == 1
    assert dropped.left() == ["done/day.csv"]
    [event] = dropped.events("unknown_sale")
    assert event["data"]["code"]["gtin"] == "08809999999994"


@pytest.mark.parametrize(
    ("head", "body", "why"),
    [
        ("transaction,till,occurred_at,barcode", b"", "no column 'barcode'"),
        ("till,occurred_at,sku", b"", "transaction is missing"),
        ("transaction,till,occurred_at", b"", "code, gtin or sku is missing"),
        (HEAD + ",gtin", b"", "stands there twice"),
        (HEAD, b"\xff\xff\xff", "neither UTF-8 nor CP949"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_reason(dropped: Dropped, head: str, body: bytes, why: str) -> None:
    path = dropped.put("odd.csv", head=head)
    path.write_bytes(path.read_bytes() + body)
    dropped.put("zz-good.csv", row(dropped, "T1"))
    dropped.looks()
    assert dropped.left() == ["done/zz-good.csv", "refused/odd.csv", "refused/odd.csv.txt"]
    assert why in (dropped.folder / "refused" / "odd.csv.txt").read_text("utf-8")
    assert why in dropped.events("file_refused")[0]["data"]["detail"]


def test_the_very_same_file_again_is_known_by_its_bytes(dropped: Dropped) -> None:
    rows = [row(dropped, "T1")]
    for _ in range(2):
        dropped.put("day.csv", *rows)
        dropped.looks()
    assert dropped.sold() == 1
    assert len(dropped.events("sales_file_taken")) == 1
    assert dropped.left() == ["done/day-2.csv", "done/day.csv"]


class Ends(Exception):
    """The agent ends here."""


@pytest.mark.parametrize("step", ["after a batch", "before the event", "before it is put away"])
def test_an_end_at_any_step_books_nothing_twice(dropped: Dropped, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"T{number:03}" for number in range(250)]
    dropped.put("day.csv", *(row(dropped, name) for name in names), row(dropped, "bad", "many"))

    def ends(*_arguments: Any) -> None:
        raise Ends

    write = dropped.files._write  # pyright: ignore[reportPrivateUsage]
    written: list[int] = []

    def ends_in_the_second(batch: Any, tally: Any) -> None:
        write(batch, tally)
        written.append(1)
        if len(written) == 2:
            raise Ends

    method, stand_in = {
        "after a batch": ("_write", ends_in_the_second),
        "before the event": ("_report", ends),
        "before it is put away": ("_put_away", ends),
    }[step]
    monkeypatch.setattr(dropped.files, method, stand_in)
    with pytest.raises(Ends):
        dropped.looks()
    assert dropped.left() == ["day.csv"] if step != "before it is put away" else ["day.csv", "refused/day.csv.txt"]
    dropped.close()
    dropped.open()
    dropped.looks()
    assert dropped.sold() == 250
    assert len(dropped.events("sales_file_taken")) == 1
    assert dropped.left() == ["refused/day.csv", "refused/day.csv.txt"]
    assert "line 252" in (dropped.folder / "refused" / "day.csv.txt").read_text("utf-8")


def test_a_ledger_that_takes_nothing_keeps_the_file_waiting(dropped: Dropped, monkeypatch: pytest.MonkeyPatch) -> None:
    dropped.put("day.csv", row(dropped, "T1"))

    def full(*_arguments: Any) -> None:
        raise LedgerError("the disk is full", hint="free some")

    with monkeypatch.context() as filled:
        filled.setattr(dropped.desk, "submit", full)
        dropped.looks()
        dropped.files.look()
    assert dropped.said == ["day.csv waits: the disk is full"]
    dropped.looks()
    assert dropped.sold() == 1
    assert dropped.said[-1] == "sales files are read again"


def test_what_was_taken_long_ago_is_not_kept(dropped: Dropped) -> None:
    dropped.put("day.csv", row(dropped, "T1"))
    dropped.looks()
    dropped.clock.advance(9_999 * 86_400.0)
    dropped.files.look()
    assert dropped.left() == []


# -- rows --------------------------------------------------------------------------------------------------------------


def groups(*rows: str, head: str = "transaction;till;occurred_at;sku;quantity;return") -> list[Any]:
    return [one.found for one in read_sales([head, *rows], SEOUL)]


def test_rows_of_a_transaction_stand_together() -> None:
    found = groups("T1;t;2026-11-26 10:00;A;1;", 'T1;t;2026-11-26 10:00;B;"1,200";Y', "T2;t;2026-11-26T01:00Z;A;1;n")
    assert [one.transaction for one in found] == ["T1", "T2"]
    assert [(line.sku, line.quantity, line.returned) for line in found[0].lines] == [("A", 1, False), ("B", 1200, True)]
    assert (found[0].occurred_at, found[1].occurred_at) == ("2026-11-26T10:00:00+09:00", "2026-11-26T01:00Z")


def test_a_transaction_of_two_tills_is_none() -> None:
    [found] = groups("T1;t;2026-11-26 10:00;A;1;", "T1;u;2026-11-26 10:00;A;1;")
    assert isinstance(found, Taken)
    assert "till is not that of line 2" in str(found.hint)


def test_a_transaction_of_more_lines_than_one_has_is_refused() -> None:
    [found] = groups(*(f"T1;t;2026-11-26 10:00;A{number};1;" for number in range(600)))
    assert isinstance(found, Taken)
    assert "500" in str(found.hint)


@pytest.mark.parametrize(
    "bad",
    ['T1;t;2026-11-26 10:00;"A;1;', "x" * 20_000, ";;;;;1", "T1;t;yesterday;A;1;", "T1;t;2026-11-26 10:00;A;1;perhaps"],
)
def test_a_row_that_cannot_be_spoils_no_other(bad: str) -> None:
    good = "T2;t;2026-11-26 10:00;A;1;"
    found = groups(bad, good)
    assert isinstance(found[0], Taken)
    assert isinstance(found[1], Transaction)


def test_no_header_no_sales() -> None:
    with pytest.raises(FileRefused):
        list(read_sales([], SEOUL))
