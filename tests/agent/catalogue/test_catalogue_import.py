"""Catalogues from files: what comes in, what is refused and where, and that nothing else suffers."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.catalogue import Catalogue, CatalogueFileError, Hit, Progress, Reason, Report, import_file
from agent.catalogue.csv_rows import COLUMNS
from identity.check import gs1_digit

ROOT = Path(__file__).resolve().parents[3]
HEADER = "sku,name_ko,gtin,units,level"
Load = Callable[[str | bytes, str], Report]


def code(number: int, indicator: int = 0) -> str:
    payload = f"{indicator}880{number:09d}"
    return payload + gs1_digit(payload)


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    opened = Catalogue(tmp_path / "catalogue.db")
    yield opened
    opened.close()


@pytest.fixture
def load(catalogue: Catalogue, tmp_path: Path) -> Load:
    def run(content: str | bytes, name: str = "items.csv") -> Report:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return checked(import_file(catalogue, path))

    return run


def checked(report: Report) -> Report:
    """The sum of what became of the items is what was read, always."""
    parts = (report.added, report.changed, report.deleted, report.unchanged, report.stale, report.refused)
    assert report.read == sum(parts)
    assert report.refusals_total >= report.refused
    assert all(str(refusal) for refusal in report.refusals)
    return report


def places(report: Report) -> list[tuple[int | None, str, Reason]]:
    return [(refusal.line, refusal.column, refusal.reason) for refusal in report.refusals]


def csv(*rows: str, header: str = HEADER) -> str:
    return "\n".join((header, *rows)) + "\n"


def test_the_demo_catalogue(catalogue: Catalogue) -> None:
    report = checked(import_file(catalogue, ROOT / "config" / "demo-catalogue.csv"))
    assert (report.added, report.refused) == (40, 0)
    assert catalogue.by_code("18809999000010") == Hit("MILK-1L", 12, 0)
    assert catalogue.by_item_number("00101") == Hit("PORK-BELLY", 1, 0)
    everything = [found for letter in "aeiou" for found in catalogue.search(letter, 100)]
    items = {item.sku: item for item in everything}
    assert len(items) == 40
    assert all(item.name.ko and item.name.en for item in items.values())
    assert sum(row.level == "case" for item in items.values() for row in item.gtins) == 6
    assert sum(item.base_unit == "gram" for item in items.values()) == 2
    assert checked(import_file(catalogue, ROOT / "config" / "demo-catalogue.csv")).unchanged == 40


def test_every_column_is_documented() -> None:
    text = (ROOT / "docs" / "catalogue.md").read_text()
    table = set(
        re.findall(r"`([a-z_]+)`", " ".join(line.split("|")[1] for line in text.splitlines() if "| `" in line[:3]))
    )
    assert set(COLUMNS) <= table


def test_the_examples_of_the_documentation(load: Load, catalogue: Catalogue) -> None:
    text = (ROOT / "docs" / "catalogue.md").read_text()
    rows = [line[4:] for line in text.splitlines() if line.startswith("    ")]
    assert load("\n".join(rows), "a.csv").added == 2
    example = text.split("```json\n")[1].split("```")[0]
    assert load(f"[{example}]", "a.json").changed == 1
    assert load(example.replace("\n", ""), "a.jsonl").unchanged == 1
    assert catalogue.by_code("18809999000218") == Hit("WATER-500", 20, 7)


def test_rows_of_one_sku_are_one_item(load: Load, catalogue: Catalogue) -> None:
    report = load(
        csv(
            f"MILK,우유,{code(1)},1,each",
            f"MILK,,{code(1, 1)},12,case",
            f"MILK,우유,{code(1, 2)},24,",
            f"TEA,차,{code(2)},,",
        ),
        "items.csv",
    )
    assert report.added == 2
    assert catalogue.by_code(code(1, 1)) == Hit("MILK", 12, 0)
    assert catalogue.by_code(code(1, 2)) == Hit("MILK", 24, 0)
    assert catalogue.by_code(code(2)) == Hit("TEA", 1, 0)


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_usual_shapes_of_csv(load: Load, catalogue: Catalogue, bom: bytes, end: str, delimiter: str) -> None:
    names = ['"SKU"', "Name_EN", " gtin ", "x_shelf"]
    bread = ["A", '"Bread, ""white"" ; fresh"', code(1), "7"]
    tea = ["B", " Tea ", code(2), ""]
    table = [["# a remark"], [""], names, bread, [""] * 4, tea]
    rows = [delimiter.join(cells) for cells in table]
    report = load(bom + end.join(rows).encode(), "items.csv")
    assert (report.added, report.refused) == (2, 0)
    kept = [catalogue.item(sku) for sku in "AB"]
    assert [item and item.name.en for item in kept] == ['Bread, "white" ; fresh', "Tea"]


def test_refused_rows_are_named_and_the_rest_comes_in(load: Load, catalogue: Catalogue) -> None:
    report = load(
        csv(
            f"OK1,우유,{code(1)},1,each",  # 2
            f"BAD SKU,우유,{code(2)},1,each",  # 3
            "CHECK,우유,4006381333932,1,each",  # 4
            f"UNITS,우유,{code(3)},twelve,each",  # 5
            f"UNITS,,{code(4)},0,each",  # 6
            f"NAMELESS,,{code(5)},1,each",  # 7
            f"SHORT,우유,{code(6)}",  # 8
            f'QUOTE,"우유,{code(7)},1,each',  # 9
            f"LEVEL,우유,{code(8)},1,box",  # 10
            "NOGTIN,우유,,12,",  # 11
            f"OK1,우유,{code(9)},1,each",  # 12: again, not adjacent
            f"TAKEN,우유,{code(1)},1,each",  # 13
            f"OTHER,우유,{code(10)},1,each",  # 14
            f"OTHER,두유,{code(11)},1,each",  # 15
            f"OK2,차,{code(12)},1,each",  # 16
        ),
        "items.csv",
    )
    assert sorted(places(report)) == [
        (3, "sku", Reason.VALUE),
        (4, "gtin", Reason.VALUE),
        (5, "units", Reason.VALUE),
        (6, "units", Reason.VALUE),
        (7, "", Reason.VALUE),
        (8, "", Reason.SYNTAX),
        (9, "", Reason.SYNTAX),
        (10, "level", Reason.VALUE),
        (11, "units", Reason.VALUE),
        (12, "sku", Reason.DUPLICATE),
        (13, "gtin", Reason.CONFLICT),
        (15, "name_ko", Reason.VALUE),
    ]
    assert (report.added, report.refused) == (2, 11)
    assert catalogue.count() == 2
    found = {refusal.line: refusal.found for refusal in report.refusals}
    assert (found[4], found[5], found[13]) == ("4006381333932", "twelve", code(1))


def test_a_bad_row_refuses_its_item_whole_wherever_it_stands(load: Load, catalogue: Catalogue) -> None:
    load(csv(f"A,우유,{code(1)},1,each", f"A,,{code(1, 1)},12,case"), "items.csv")
    for broken in (f'A,",{code(1, 1)},12,case', "A,,12", "A,,1,12,case", f"A,,{code(1, 1)},12,case,extra"):
        assert load(csv(f"A,우유,{code(1)},1,each", broken), "items.csv").refused == 1
        assert load(csv(f"A,우유,{code(1)},1,each", broken).encode() + b"A,\xff\n", "items.csv").refusals_total == 2
        assert catalogue.by_code(code(1, 1)) == Hit("A", 12, 0)


def test_item_numbers_and_flags(load: Load, catalogue: Catalogue) -> None:
    header = "sku,name_en,item_number,deleted,revision"
    assert load(csv("A,x,007,FALSE,1", "A,,08,,", "B,y,9,0,", header=header), "items.csv").added == 2
    assert catalogue.by_item_number("007") == Hit("A", 1, 1)
    assert catalogue.by_item_number("08") == Hit("A", 1, 1)
    report = load(csv("A,x,007,true,2", "C,z,08,maybe,1", "D,z,8-8,,1", header=header), "items.csv")
    assert report.deleted == 1
    assert places(report) == [(3, "deleted", Reason.VALUE), (4, "item_number", Reason.VALUE)]
    assert catalogue.by_item_number("08") is None


def test_prices_and_thresholds(load: Load, catalogue: Catalogue) -> None:
    header = "sku,name_en,base_unit,price_minor,currency,price_per,threshold_min,threshold_max"
    report = load(
        csv(
            "A,x,gram,2890,KRW,100,5,10",
            "B,x,,1.5,USD,,,",
            "C,x,,5,,,,",
            "D,x,,,,,9,1",
            "E,x,gram,2890,KRW,,,",
            "F,x,,１２,KRW,,,",
            header=header,
        ),
        "items.csv",
    )
    kept = catalogue.item("A")
    assert kept is not None
    assert kept.price is not None
    assert (kept.price.amount_minor, kept.price.currency, kept.price.per_units) == (2890, "KRW", 100)
    assert places(report) == [
        (3, "price_minor", Reason.VALUE),
        (4, "currency", Reason.VALUE),
        (5, "threshold_min", Reason.VALUE),
        (6, "", Reason.VALUE),
        (7, "price_minor", Reason.VALUE),
    ]


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        ("", "empty", "sku"),
        ("# nothing\n\n", "empty", "sku"),
        ("sku,name_ko,unts\n", "'unts'", "did you mean units"),
        ("sku,name_ko,sku\n", "twice", ""),
        ("sku,gtin\n", "are needed", "name_ko"),
        ("name_ko,gtin\n", "are needed", "sku"),
        ('sku,"name_ko\n', "quotation", ""),
        ("sku,name_ko\n우유,우유\n".encode("cp949"), "no UTF-8", "CP949"),
        (("sku,name_ko\n" + "A,우유\n" * 20_000).encode("cp949"), "no UTF-8", "CP949"),
        ("sku,name_ko\n".encode("utf-16"), "UTF-16", "CSV UTF-8"),
        (b"SQLite format 3\0" * 10, "no text", ""),
        ("x" + ",y" * 300, "301 columns", ""),
        (b"\xff\xfe", "UTF-16", ""),
        (b"sku,\xc3\n", "line 1", ""),
        ("x" * 70_000, "longer than", ""),
    ],
)
def test_files_that_cannot_be_read_at_all(
    load: Load, catalogue: Catalogue, content: str | bytes, message: str, hint: str
) -> None:
    with pytest.raises(CatalogueFileError, match=re.escape(message)) as refused:
        load(content, "items.csv")
    assert hint in refused.value.hint
    assert catalogue.count() == 0


def test_names_that_say_nothing_and_files_that_are_not_there(catalogue: Catalogue, tmp_path: Path) -> None:
    with pytest.raises(CatalogueFileError, match="no known form"):
        import_file(catalogue, tmp_path / "items.xlsx")
    with pytest.raises(CatalogueFileError, match="No such file"):
        import_file(catalogue, tmp_path / "items.csv")
    (tmp_path / "items.txt").write_text(csv(f"A,우유,{code(1)},1,each"))
    assert import_file(catalogue, tmp_path / "items.txt", format="csv").added == 1


def test_long_and_undecodable_lines_in_the_middle(load: Load) -> None:
    start = csv(*(f"S{n},우유,{code(n)},1,each" for n in range(1, 3000))).encode()
    assert len(start) > 64 * 1024  # beyond what is looked at before the import
    bad = "K,우유,1,1,each\n".encode("cp949") + b"L,\xff\xff,1,1,each\n" + b"M," + b"x" * 200_000 + b"\n"
    report = load(start + bad + f"Z,우유,{code(9999)},1,each".encode(), "items.csv")
    assert (report.added, report.refused) == (3000, 3)
    assert [(r.line, r.reason) for r in report.refusals] == [
        (3001, Reason.ENCODING),
        (3002, Reason.ENCODING),
        (3003, Reason.LIMIT),
    ]
    assert "CP949" in report.refusals[0].text
    assert "CP949" not in report.refusals[1].text


def test_too_many_rows_of_one_sku(load: Load) -> None:
    report = load(csv(*(f"A,우유,{code(n)},1,each" for n in range(1, 400)), f"B,우유,{code(500)},1,each"), "items.csv")
    assert (report.added, report.refused) == (1, 1)
    assert (102, "sku", Reason.LIMIT) in places(report)
    report = load(csv(*(f"A,우유,{code(n)},1,each" for n in range(1, 66))), "items.csv")
    assert places(report) == [(2, "gtin", Reason.VALUE)]


def test_all_refusals_are_told_though_few_are_kept(catalogue: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text(csv(*(f"A{n},우유,1,1,each" for n in range(1500))))
    lines: list[int | None] = []
    report = import_file(catalogue, tmp_path / "items.csv", on_refusal=lambda refusal: lines.append(refusal.line))
    assert (report.refused, report.refusals_total, len(report.refusals)) == (1500, 1500, 1000)
    assert lines == list(range(2, 1502))


def test_progress_ends_at_the_end(catalogue: Catalogue, tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text(csv(*(f"A{n},우유,{code(n)},1,each" for n in range(1200)), "?,,,,"))
    steps: list[Progress] = []
    import_file(catalogue, path, progress=steps.append)
    assert [step.items for step in steps] == [500, 1000, 1201, 1201]
    assert steps[-1] == Progress(path.stat().st_size, path.stat().st_size, 1201, 1)


def test_memory_does_not_grow_with_the_file(catalogue: Catalogue, tmp_path: Path) -> None:
    def peak(items: int) -> int:
        path = tmp_path / f"{items}.csv"
        path.write_text(csv(*(f"A{n},우유,{code(n)},1,each" for n in range(items))))
        tracemalloc.start()
        import_file(catalogue, path)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    small = peak(1_000)
    assert peak(4_000) < small + 500_000


ITEM = {"sku": "A", "name": {"en": "Bread"}, "gtins": [{"gtin": code(1)}]}


def numbered(number: int) -> dict[str, object]:
    return {"sku": f"S{number}", "name": {"ko": "우유"}, "gtins": [{"gtin": code(number)}]}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_a_json_array_longer_than_any_window(load: Load, catalogue: Catalogue, indent: int | None, bom: bytes) -> None:
    items = [numbered(number) for number in range(1, 2001)]
    report = load(bom + json.dumps(items, indent=indent, ensure_ascii=False).encode(), "items.json")
    assert (report.added, report.complete) == (2000, True)
    assert catalogue.by_code(code(2000)) == Hit("S2000", 1, 0)


def test_lines_and_paths_in_json(load: Load) -> None:
    items = [numbered(1), {**numbered(2), "gtins": [{"gtin": code(2), "units": "12"}]}, 7, {**numbered(3), "colour": 1}]
    text = "[\n" + ",\n\n".join(json.dumps(item) for item in items) + "\n]\n"
    report = load(text, "items.json")
    assert places(report) == [
        (4, "gtins[0].units", Reason.VALUE),
        (6, "", Reason.VALUE),
        (8, "colour", Reason.VALUE),
    ]
    assert (report.added, report.complete) == (1, True)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('[{"sku": "A"', 1, Reason.SYNTAX),
        ("[\n\n{'sku': 1}]", 3, Reason.SYNTAX),
        (f"[{json.dumps(ITEM)}\n{json.dumps(ITEM)}]", 2, Reason.SYNTAX),
        (f"[{json.dumps(ITEM)},", 1, Reason.SYNTAX),
        (f"[{json.dumps(ITEM)}", 1, Reason.SYNTAX),
        (f"[{json.dumps(ITEM)}]\n]", 2, Reason.SYNTAX),
        ("[" * 100_000, 1, Reason.SYNTAX),
        ('["' + "x" * 200_000 + '"]', 1, Reason.LIMIT),
        ('["' + "x" * 200_000, 1, Reason.LIMIT),
        ('[{"sku": "A", "sku": "B"}]', 1, Reason.SYNTAX),
        ("[NaN]", 1, Reason.SYNTAX),
        ("[" + "9" * 5000 + "]", 1, Reason.SYNTAX),
        ("[\n" + json.dumps(ITEM) + ",\n x" + " " * 200_000, 3, Reason.SYNTAX),
    ],
)
def test_an_array_that_breaks_is_read_up_to_there(load: Load, text: str, line: int, reason: Reason) -> None:
    report = load(text, "items.json")
    assert not report.complete
    assert [(refusal.line, refusal.reason) for refusal in report.refusals[-1:]] == [(line, reason)]
    assert report.added == (1 if "Bread" in text else 0)


def test_json_that_stops_being_utf8(load: Load) -> None:
    good = ",\n".join(json.dumps(numbered(number)) for number in range(1, 1500))
    report = load(f"[{good},\n".encode() + b'{"sku": "\xff"}]', "items.json")
    assert (report.added, report.complete) == (1499, False)
    assert places(report) == [(1500, "", Reason.ENCODING)]


@pytest.mark.parametrize("text", ["", "  \n", "[]", "[ ]\n"])
def test_empty_json(load: Load, text: str) -> None:
    report = load(text, "items.json")
    assert (report.read, report.complete) == (0, True)


def test_a_broken_line_of_json_lines_spoils_itself_only(load: Load) -> None:
    lines = [json.dumps(numbered(1)), "", '{"sku": ', "[" * 50_000, "7", json.dumps(numbered(2)), "x" * 70_000]
    report = load("\n".join(lines), "items.jsonl")
    assert report.added == 2
    assert places(report) == [
        (3, "", Reason.SYNTAX),
        (4, "", Reason.SYNTAX),
        (5, "", Reason.VALUE),
        (7, "", Reason.LIMIT),
    ]


def test_an_items_own_refusals_carry_its_sku(load: Load) -> None:
    report = load(json.dumps([{**ITEM, "units": 1}, {"sku": [], "x": 1}, numbered(1), numbered(1)]), "items.json")
    assert [refusal.sku for refusal in report.refusals] == ["A", None, None, "S1"]
    assert report.refusals[-1].reason is Reason.DUPLICATE


@pytest.mark.parametrize("name", ["items.csv", "items.json", "items.jsonl"])
@given(data=st.data())
def test_any_bytes_give_a_report_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp() / f"any-{name}"
    folder.mkdir(exist_ok=True)
    starts = [b"", HEADER.encode() + b"\n", b"[", b"[" + json.dumps(ITEM).encode(), json.dumps(ITEM).encode() + b"\n"]
    pieces = st.sampled_from(
        [b"\n", b",", b'"', b"A", code(1).encode(), b"\r", b"\xef\xbb\xbf", "우".encode(), b"[{", b"}]"]
    )
    tail = st.binary(max_size=200) | st.lists(pieces, max_size=30).map(b"".join)
    (folder / name).write_bytes(data.draw(st.sampled_from(starts)) + data.draw(tail))
    catalogue = Catalogue(folder / "catalogue.db")
    lines = (folder / name).read_bytes().count(b"\n") + 1
    try:
        report = checked(import_file(catalogue, folder / name))
    except CatalogueFileError:
        return  # a header that cannot be, or another coding
    finally:
        catalogue.close()
    assert all(refusal.line is not None and 1 <= refusal.line <= lines for refusal in report.refusals)


BROKEN = {
    "sku": lambda n: f"S {n},우유,{code(n)},1,each",
    "gtin": lambda n: f"S{n},우유,{code(n)[:-1]}{(int(code(n)[-1]) + 1) % 10},1,each",
    "units": lambda n: f"S{n},우유,{code(n)},-1,each",
    "level": lambda n: f"S{n},우유,{code(n)},1,crate",
    "name_ko": lambda n: f"S{n},우\x07유,{code(n)},1,each",
    "": lambda n: f'S{n},"우유,{code(n)},1,each',
}


@given(st.lists(st.none() | st.sampled_from(sorted(BROKEN)), max_size=30), st.booleans(), st.integers(0, 3))
def test_the_report_names_exactly_the_broken_rows(
    tmp_path_factory: pytest.TempPathFactory, plan: list[str | None], case: bool, blank: int
) -> None:
    """Good rows, broken rows and blank lines in any order: the report has the broken ones by line and column."""
    folder = tmp_path_factory.getbasetemp()
    rows, expected, line = [HEADER], [], 1
    for number, column in enumerate(plan, 1):
        rows += [""] * blank
        line += blank + 1
        rows.append(f"S{number},우유,{code(number)},1,each" if column is None else BROKEN[column](number))
        if column is not None:
            expected.append((line, column))
        elif case:
            rows.append(f"S{number},,{code(number, 1)},12,case")
            line += 1
    (folder / "plan.csv").write_text("\n".join(rows))
    (folder / "plan.db").unlink(missing_ok=True)
    catalogue = Catalogue(folder / "plan.db")
    report = checked(import_file(catalogue, folder / "plan.csv"))
    catalogue.close()
    # A line that belongs to no SKU is told at once, an item when its last row is read.
    assert sorted((refusal.line or 0, refusal.column) for refusal in report.refusals) == expected
    assert report.added == plan.count(None)
