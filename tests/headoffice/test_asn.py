"""Notices as suppliers send them: what is read of a file, what is wrong with it, what becomes of it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from string import Formatter
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.catalog import Item, parse_item
from contract.documents import ExpectedDocument, parse_document
from headoffice import catalogue, documents
from headoffice.asn.columns import COLUMNS, UNITS, Map, Settings, read_map, recognized
from headoffice.asn.importing import Report, import_notices
from headoffice.asn.reading import Reading, read
from headoffice.asn.table import ROWS_MAX, SIZE_BYTES_MAX, read_table
from headoffice.asn.texts import TEXTS
from headoffice.database import Database
from headoffice.errors import ConfigError
from headoffice.storages import open_storage
from tests.headoffice.logs import Log
from tests.headoffice.taking import batch

EACH, CASE, TEA, MEAT = "8801234567893", "18801234567890", "8801234567909", "8801234567916"
ITEMS = [
    {"sku": "MILK", "name": {"ko": "우유"}, "tracking": "serial",
     "gtins": [{"gtin": EACH}, {"gtin": CASE, "units": 12, "level": "case"}]},
    {"sku": "TEA", "name": {"en": "Tea"}, "gtins": [{"gtin": TEA}]},
    {"sku": "MEAT", "name": {"en": "Meat"}, "base_unit": "gram", "gtins": [{"gtin": MEAT}]},
    {"sku": "GONE", "name": {"en": "Gone"}, "deleted": True},
]  # fmt: skip
PLAIN = Map()
HEADER = "asn,store,gtin,quantity\n"
CSV = f"{HEADER}ASN-1,S1,{EACH},12\nASN-1,S1,{CASE},2\nASN-2,S1,{TEA},5\n"


class Shelf:
    """`Known`, of values."""

    def __init__(self) -> None:
        self.items = [parse_item(one) for one in ITEMS]

    def by_gtin(self, gtin: str) -> Item | None:
        return next((one for one in self.items for code in one.gtins if code.gtin == gtin), None)

    def by_sku(self, sku: str) -> Item | None:
        return next((one for one in self.items if one.sku == sku), None)

    def store(self, name: str) -> bool:
        return name in {"S1", "S2"}


def reading(text: str | bytes, chosen: Map = PLAIN) -> Reading:
    data = text if isinstance(text, bytes) else text.encode()
    return read(read_table(data, chosen), chosen, Shelf())


def document(text: str | bytes, chosen: Map = PLAIN) -> ExpectedDocument:
    found = reading(text, chosen)
    assert not found.faults, found.faults
    [notice] = found.notices
    return notice.document


def row(**cells: str) -> str:
    """A file of one row; what is not given is plain."""
    cells = {"asn": "ASN-1", "store": "S1", "gtin": EACH, "quantity": "12"} | cells
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in cells.values()]
    return ",".join(cells) + "\n" + ",".join(quoted) + "\n"


def test_the_page_has_every_column_and_a_map_that_is_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "asn.md").read_text("utf-8")
    for column in COLUMNS:
        assert f"`{column}`" in page
    [text] = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert read_map(text).stores == {"8801234000016": "S001", "Seoul 1": "S002"}
    settings = {
        line.split(" = ")[0].strip("# ") for line in text.partition("[settings]")[2].splitlines() if " = " in line
    }
    assert settings == set(Settings.model_fields)
    assert read_map(re.sub(r"(?m)^# ", "", text)).settings.company_prefix_digits == 7


# -- files ------------------------------------------------------------------------------------------------------------


def test_rows_are_documents_of_stores() -> None:
    text = f"{HEADER}ASN-1,S1,{EACH},12\nASN-1,S2,{CASE},2\nASN-2,S1,{TEA},5\n"
    found = reading(text)
    assert [(one.store, one.line, one.document.document) for one in found.notices] == [
        ("S1", 2, "ASN-1"),
        ("S2", 3, "ASN-1"),
        ("S1", 4, "ASN-2"),
    ]
    first = found.notices[1].document
    assert (first.kind, first.source, first.target) == ("receipt", "supplier", "backroom")
    assert [(one.line, one.sku, one.quantity) for one in first.lines] == [(1, "MILK", 24)]


KOREAN = (
    "납품 예정 내역,,,,,,\n\n"
    "납품번호,발주번호,점포코드,바코드,출고수량,단위,소비기한\n"
    f"ASN-1,PO-77,S1,{EACH},3,박스,2026. 12. 31.\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_whatever_a_spreadsheet_makes_of_it(encoding: str, delimiter: str) -> None:
    found = document(KOREAN.replace(",", delimiter).replace("\n", "\r\n").encode(encoding))
    assert (found.document, found.order) == ("ASN-1", "PO-77")
    assert [(one.sku, one.quantity, one.expiry) for one in found.lines] == [("MILK", 36, "2026-12-31")]


def test_what_the_file_is_is_told() -> None:
    table = read_table(f"ASN No.;Store;EAN;Qty;Remark\nA;S1;{EACH};1;x\n".encode(), PLAIN)
    assert (table.encoding, table.delimiter, table.ignored) == ("utf-8", ";", ["Remark"])
    assert table.heads == {"asn": "ASN No.", "store": "Store", "gtin": "EAN", "quantity": "Qty"}


def test_a_map_says_what_a_partner_calls_things() -> None:
    chosen = read_map(
        '[columns]\n"Lieferschein" = "asn"\n"Menge" = "quantity"\n"Qty" = "units"\n'
        '[stores]\n"8801234000016" = "S7"\n"Seoul 1" = "S1"\n[settings]\nto = "dock"\ntolerance_percent = 5\n'
    )
    header = "Lieferschein;GLN;EAN;Menge;Qty;unit\n"
    found = reading(header + f"ASN-1;8801234000016;{EACH};2;10;inner\n", chosen)
    assert not found.faults
    [notice] = found.notices
    assert (notice.store, notice.document.target, notice.document.tolerance_percent) == ("S7", "dock", 5)
    assert notice.document.lines[0].quantity == 20
    [named] = reading(f"asn,store,gtin,quantity\nASN-1,Seoul 1,{EACH},2\n", Map(stores={"Seoul 1": "S1"})).notices
    assert named.store == "S1"
    [alone] = reading(f"asn,gtin,quantity\nASN-1,{EACH},2\n", read_map('[settings]\nstore = "S9"')).notices
    assert alone.store == "S9"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[columns", "no TOML"),
        ('[columns]\n"x" = "colour"', "'colour'"),
        ('[stores]\n"x" = "a/b"', "'a/b' is no store"),
        ("[settings]\ntolerance_percent = 101", "tolerance_percent"),
        ("[colours]", "colours"),
        ('[settings]\nto = "supplier"', "no zone"),
        ('[settings]\ntime_zone = "Mars/North"', "time zone"),
        ('[settings]\ntime_zone = "../etc"', "time zone"),
    ],
)
def test_a_map_that_is_wrong_is_refused(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        read_map(text)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"\n \n", "empty|lacks"),
        (b"\xff\x00\x81", "no text"),
        (b"a\0b,c", "no text"),
        (b"asn,store,gtin\nA,S1,1\n", "line 1 .*lacks quantity"),
        (b"asn,gtin,quantity\n", "lacks store or gln"),
        (b"asn,ASN No.,store,gtin,quantity\n", "asn and ASN No. are both asn"),
        (b"x" * (SIZE_BYTES_MAX + 1), "at most"),
        ((HEADER + "A,S1,1,1\n" * (ROWS_MAX + 1)).encode(), "more than"),
    ],
)
def test_a_file_that_is_no_table_of_notices_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        read_table(data, PLAIN)


def test_every_name_of_a_column_is_of_one_column() -> None:
    for column, words in COLUMNS.items():
        assert recognized([*words], PLAIN) == [column] * len(words)
        assert any(word.isascii() for word in words)
        assert any(not word.isascii() for word in words), f"{column} has no Korean name"
    assert {*UNITS.values()} == {"each", "inner", "case", "pallet", "gram", "kilogram"}


def test_every_fault_is_told_in_both_languages_with_the_same_facts() -> None:
    for code, both in TEXTS.items():
        korean, english = ([field for _, field, _, _ in Formatter().parse(one) if field] for one in both)
        assert sorted(korean) == sorted(english), code


# -- cells ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "units"),
    [
        ({}, 12),
        ({"quantity": "1,200"}, 1200),
        ({"quantity": "12.000"}, 12),
        ({"gtin": CASE, "quantity": "2"}, 24),
        ({"gtin": CASE, "quantity": "2", "unit": "BOX", "units": "12"}, 24),
        ({"quantity": "2", "unit": "박스"}, 24),
        ({"quantity": "2", "unit": "case", "units": "12"}, 24),
        ({"quantity": "2", "unit": "EA", "units": "12"}, 2),
        ({"quantity": "2", "unit": "inner", "units": "6"}, 12),
        ({"gtin": "", "sku": "MILK", "quantity": "7"}, 7),
        ({"gtin": "", "sku": "MILK", "quantity": "2", "unit": "CTN"}, 24),
        ({"sku": "MILK"}, 12),
        ({"gtin": MEAT, "quantity": "1.25", "unit": "kg"}, 1250),
        ({"gtin": MEAT, "quantity": "800", "unit": "g"}, 800),
        ({"gtin": f"0{EACH}"}, 12),
        ({"gtin": f"'{EACH}"}, 12),
    ],
)
def test_quantities_become_base_units(cells: dict[str, str], units: int) -> None:
    assert document(row(**cells)).lines[0].quantity == units


@pytest.mark.parametrize(
    ("cells", "column", "code"),
    [
        ({"asn": ""}, "asn", "no_value"),
        ({"asn": "A/1"}, "asn", "bad_name"),
        ({"store": ""}, "store", "no_value"),
        ({"store": "S3"}, "store", "unknown_store"),
        ({"store": "가게"}, "store", "bad_store"),
        ({"store": "", "gln": "8801234000016"}, "gln", "unknown_gln"),
        ({"gtin": ""}, "gtin", "no_value"),
        ({"gtin": "8.80123E+12"}, "gtin", "gtin_rounded"),
        ({"gtin": "8801234567"}, "gtin", "gtin_short"),
        ({"gtin": "8801234567890"}, "gtin", "gtin_check"),
        ({"gtin": "880-1234"}, "gtin", "gtin_digits"),
        ({"gtin": "2012345678903"}, "gtin", "gtin_in_store"),
        ({"gtin": "8801234567923"}, "gtin", "unknown_gtin"),
        ({"gtin": "", "sku": "NOBODY"}, "sku", "unknown_sku"),
        ({"gtin": "", "sku": "GONE"}, "sku", "deleted_item"),
        ({"sku": "TEA"}, "gtin", "other_item"),
        ({"quantity": ""}, "quantity", "no_value"),
        *(
            ({"quantity": text}, "quantity", "bad_quantity")
            for text in ("0", "-1", "many", "NaN", "1e99", "12개", "1,2")
        ),
        ({"quantity": "1.5"}, "quantity", "fraction"),
        ({"gtin": MEAT, "quantity": "0.0001", "unit": "kg"}, "quantity", "fraction"),
        ({"quantity": "1", "units": "12"}, "quantity", "unit_needed"),
        ({"quantity": "1", "unit": "barrel"}, "unit", "bad_unit"),
        ({"quantity": "1", "unit": "pallet"}, "unit", "no_package"),
        ({"quantity": "1", "unit": "kg"}, "unit", "not_by_weight"),
        ({"gtin": MEAT}, "unit", "weight_needed"),
        ({"gtin": CASE, "unit": "each"}, "unit", "level_differs"),
        ({"gtin": CASE, "units": "10"}, "units", "units_differ"),
        ({"unit": "case", "units": "10"}, "units", "units_differ"),
        ({"unit": "case", "units": "0"}, "units", "bad_units"),
        ({"lot": "L" * 65}, "lot", "bad_text"),
        ({"po": "발주"}, "po", "bad_text"),
        ({"expiry": "31.12.2026"}, "expiry", "bad_day"),
        ({"expiry": "2026-02-30"}, "expiry", "bad_day"),
        ({"due": "soon"}, "due", "bad_day"),
        ({"sscc": "12"}, "sscc", "bad_sscc"),
        ({"sscc": "3.88012E+17"}, "sscc", "gtin_rounded"),
        ({"sscc": "388012340000000010"}, "sscc", "sscc_check"),
        ({"quantity": "1", "epc": "XYZ"}, "epc", "bad_epc"),
        ({"quantity": "1", "epc": "303619B83C0005C000895444 303619B83C0005C000895445"}, "quantity", "epc_count"),
        ({"quantity": "2", "epc": "303619B83C0005C000895444 303619B83C0005C000895444"}, "epc", "epc_twice"),
        ({"quantity": "1", "serial": "5"}, "serial", "serial_needs_prefix"),
        ({"gtin": "", "sku": "MILK", "quantity": "1", "serial": "5"}, "serial", "serial_needs_gtin"),
    ],
)
def test_what_is_wrong_is_named_with_line_column_and_reason(cells: dict[str, str], column: str, code: str) -> None:
    found = reading(row(**cells))
    assert [(one.line, one.column, one.code) for one in found.faults] == [(2, column, code)]
    assert found.faults[0].found == cells.get(column, found.faults[0].found)[:80]
    assert found.notices == []
    assert all(found.faults[0].text(language) for language in ("ko", "en"))


def test_days_logistic_units_lots_and_tags() -> None:
    more = {"lot": "L1", "expiry": "20261231", "due": "2026/09/22", "sscc": "(00) 388012340000000018"}
    found = document(row(**more, quantity="1", epc="303619b83c0005c000895444"))
    [line] = found.lines
    assert (line.lot, line.expiry, line.sscc) == ("L1", "2026-12-31", "388012340000000018")
    assert line.epcs == ["303619B83C0005C000895444"]
    assert found.due_at == "2026-09-22T23:59:59+09:00"


def test_serial_numbers_become_epcs_where_the_prefix_is_known() -> None:
    chosen = read_map("[settings]\ncompany_prefix_digits = 7\n")
    [line] = document(row(quantity="2", serial="5 A7"), chosen).lines
    assert line.epcs is not None
    assert line.epcs[0].startswith("30")  # SGTIN-96, TDS 1.13 table 14-1
    assert line.epcs[1].startswith("36")  # SGTIN-198: letters
    [fault] = reading(row(quantity="1", serial="가"), chosen).faults
    assert (fault.column, fault.code) == ("serial", "bad_serial")


# -- all of a notice or nothing ---------------------------------------------------------------------------------------


def test_one_wrong_row_keeps_its_notice_back_and_no_other() -> None:
    found = reading(CSV.replace(f"{CASE},2", f"{CASE},two"))
    assert [one.document.document for one in found.notices] == ["ASN-2"]
    assert found.refused == ["ASN-1"]
    assert [(one.line, one.column, one.found) for one in found.faults] == [(3, "quantity", "two")]


def test_every_fault_is_told_not_the_first_alone() -> None:
    text = f"{HEADER}ASN-1,S3,{EACH},0\nASN-1,S1,12,1\nASN-1,S1,{EACH},1,x\n"
    assert [(one.line, one.code) for one in reading(text).faults] == [
        (2, "unknown_store"),
        (2, "bad_quantity"),
        (3, "gtin_digits"),
        (4, "cells"),
    ]


def test_a_row_of_nobody_keeps_all_back() -> None:
    found = reading(CSV + f",S1,{EACH},1\n")
    assert (found.notices, found.refused) == ([], ["ASN-1", "ASN-2"])


def test_a_notice_is_for_one_supplier_and_day_and_may_be_of_several_orders() -> None:
    header = "asn,store,gtin,quantity,supplier,due,po\n"
    rows = f"ASN-1,S1,{EACH},1,Kim,2026-09-22,P1\nASN-1,S1,{EACH},1,Kim,2026-09-22,P2\n"
    assert document(header + rows).order is None
    found = reading(header + rows + f"ASN-1,S1,{EACH},1,Lee,2026-09-23,P2\n")
    assert [(one.line, one.column, one.facts["line"]) for one in found.faults] == [
        (4, "supplier", "2"),
        (4, "due", "2"),
    ]


def test_a_tag_is_in_one_row() -> None:
    header = "asn,store,gtin,quantity,epc\n"
    found = reading(header + f"ASN-1,S1,{EACH},1,3036AA\nASN-2,S1,{EACH},1,3036aa\n")
    assert [(one.line, one.code, one.facts) for one in found.faults] == [(3, "epc_twice", {"line": "2"})]


def test_a_notice_too_long_for_a_message_is_named() -> None:
    found = reading(HEADER + f"ASN-1,S1,{EACH},1\n" * 2001)
    assert [(one.line, one.code) for one in found.faults] == [(2, "too_long")]
    assert (found.notices, found.refused) == ([], ["ASN-1"])


# -- into the database ------------------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    target = request.getfixturevalue("postgres") if request.param == "postgres" else str(tmp_path / "hq.db")
    storage = open_storage(target)
    catalogue.take(storage.database, [parse_item(one) for one in ITEMS])
    log = Log(store="S1").open()
    closing = {"document": "ASN-9", "document_kind": "receipt", "revision": 1, "from": "supplier", "to": "backroom"}
    log.write("document", {"kind": "closed", **closing, "lines": []})
    storage.save([batch(storage, log)], 0)
    yield storage.database
    storage.close()


def outcomes(report: Report) -> list[tuple[str, str, int]]:
    return [(one.document, one.outcome, one.revision) for one in report.documents]


def held(database: Database) -> dict[str, Any]:
    rows = database.rows("SELECT document, body FROM expected WHERE store = 'S1'")
    return {name: orjson.loads(bytes(body)) for name, body in rows}


def test_the_same_file_twice_changes_nothing_and_a_changed_one_is_a_new_revision(database: Database) -> None:
    first = import_notices(database, CSV.encode(), PLAIN)
    assert outcomes(first) == [("ASN-1", "new", 1), ("ASN-2", "new", 2)]
    assert [(one.lines, one.units) for one in first.documents] == [(2, 36), (1, 5)]
    again = import_notices(database, CSV.encode("utf-16"), PLAIN)
    assert outcomes(again) == [("ASN-1", "same", 1), ("ASN-2", "same", 2)]
    changed = import_notices(database, CSV.replace(f"{TEA},5", f"{TEA},6").encode(), PLAIN)
    assert outcomes(changed) == [("ASN-1", "same", 1), ("ASN-2", "changed", 3)]
    stored = held(database)["ASN-2"]
    assert (stored["revision"], stored["lines"][0]["quantity"]) == (3, 6)
    assert parse_document(stored).kind == "receipt"


def test_checking_writes_nothing(database: Database) -> None:
    report = import_notices(database, CSV.encode(), PLAIN, check=True)
    assert outcomes(report) == [("ASN-1", "new", 1), ("ASN-2", "new", 1)]
    assert held(database) == {}


def test_what_a_store_has_closed_is_not_changed(database: Database) -> None:
    text = CSV.replace("ASN-2", "ASN-9")
    report = import_notices(database, text.encode(), PLAIN)
    assert (outcomes(report), report.refused) == ([("ASN-1", "new", 1)], ["ASN-9"])
    assert [(one.line, one.found, one.code) for one in report.faults] == [(4, "ASN-9", "closed")]
    assert set(held(database)) == {"ASN-1"}


def test_a_notice_for_two_stores_is_taken_for_both_or_for_neither(database: Database) -> None:
    database.write("INSERT INTO store_state (store, state, state_us, heard_us) VALUES ('S2', 'online', 0, 0)")
    text = f"{HEADER}ASN-9,S2,{EACH},1\nASN-9,S1,{EACH},1\n"
    assert import_notices(database, text.encode(), PLAIN).refused == ["ASN-9"]
    assert database.rows("SELECT * FROM expected") == []


def test_a_document_that_fills_more_than_a_message_is_named(database: Database) -> None:
    lots = "".join(f"ASN-1,S1,{EACH},1,{'L' * 60}{number:04}\n" for number in range(900))
    report = import_notices(database, f"asn,store,gtin,quantity,lot\n{lots}".encode(), PLAIN)
    assert [(one.code, "bytes" in one.facts["why"]) for one in report.faults] == [("too_long", True)]
    assert held(database) == {}


def test_a_withdrawn_document_comes_back_under_a_higher_revision(database: Database) -> None:
    import_notices(database, CSV.encode(), PLAIN)
    documents.put(database, "S1", {"ASN-1": None})
    report = import_notices(database, CSV.encode(), PLAIN)
    assert outcomes(report) == [("ASN-1", "new", 4), ("ASN-2", "same", 2)]


# -- whatever comes ---------------------------------------------------------------------------------------------------

CELLS = st.one_of(
    st.sampled_from(
        ["", "ASN-1", "S1", "S2", EACH, CASE, MEAT, "MILK", "12", "0", "1e3", "kg", "EA", "박스", "2026-12-31"]
    ),
    st.text(max_size=12),
)


@settings(max_examples=200)
@given(rows=st.lists(st.lists(CELLS, min_size=len(COLUMNS), max_size=len(COLUMNS) + 1), max_size=6))
def test_no_table_is_too_strange(rows: list[list[str]]) -> None:
    """Every row is a line of a document, or has a fault; nothing is lost and nothing crashes."""
    out = io.StringIO()
    csv.writer(out).writerows([[*COLUMNS], *rows])
    try:
        found = reading(out.getvalue().encode("utf-8", "replace"))
    except ConfigError:
        return
    taken = sum(len(one.document.lines) for one in found.notices)
    filled = sum(1 for cells in rows if any(cell.strip() for cell in cells))
    assert taken <= filled
    assert (taken == filled) or found.faults
    assert all(one.text("ko") and one.text("en") for one in found.faults)


@settings(max_examples=200)
@given(data=st.binary(max_size=300))
def test_no_bytes_are_too_strange(data: bytes) -> None:
    for begun in (data, HEADER.encode() + data):
        with suppress(ConfigError):
            reading(begun)
