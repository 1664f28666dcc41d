"""Head office's item master: what it reads is what a store reads, and one wrong row stops it with its line."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from agent.catalogue import Catalogue, import_file
from contract.catalog import Item
from headoffice.errors import ConfigError
from headoffice.items import read_items, wire

CONFIG = Path(__file__).parents[2] / "config"
HEADER = "sku,revision,name_ko,name_en,base_unit,tracking,price_minor,currency,price_per,gtin,units,level,item_number\n"


def write(folder: Path, text: str | bytes, name: str = "items.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def by_the_store(path: Path, folder: Path) -> dict[str, Item]:
    """As the agent's own importer reads it."""
    catalogue = Catalogue(folder / "catalogue.db")
    report = import_file(catalogue, path)
    assert report.refused == 0
    found = {item.sku: found for item in read_items(path) if (found := catalogue.item(item.sku)) is not None}
    assert report.read == len(found)
    catalogue.close()
    return found


def test_the_demo_catalogue_is_read_as_a_store_reads_it(tmp_path: Path) -> None:
    path = CONFIG / "demo-catalogue.csv"
    items = {item.sku: item for item in read_items(path)}
    assert len(items) == 40
    assert by_the_store(path, tmp_path) == items
    assert [row.units for row in items["RAMEN-HOT"].gtins] == [1, 5, 40]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["items.csv", "ITEMS.CSV"])
def test_any_delimiter_mark_and_comment(tmp_path: Path, delimiter: str, name: str) -> None:
    text = (
        "﻿# ours\n"
        + HEADER
        + '\nA,3,가,"Bread roll",each,lot,100,KRW,1,,,,0101\r\n# more\nA,,,,,,,,,8809999000013,2,case,\n'
    )
    path = write(tmp_path, text.replace(",", delimiter), name)
    (item,) = read_items(path)
    assert (item.sku, item.revision, item.name.ko, item.name.en) == ("A", 3, "가", "Bread roll")
    assert (item.item_numbers, [row.units for row in item.gtins]) == (("0101",), [2])
    assert by_the_store(path, tmp_path) == {"A": item}


def test_deleted_items_and_columns_of_ones_own(tmp_path: Path) -> None:
    path = write(tmp_path, "sku,name_en,deleted,x_shelf\nA,Tea,true,5\nB,Tea,0,\nC,Tea,,\n")
    items = {item.sku: item for item in read_items(path)}
    assert [items[sku].deleted for sku in "ABC"] == [True, False, False]
    assert by_the_store(path, tmp_path) == items


def test_json_lines_are_the_wire_form(tmp_path: Path) -> None:
    items = read_items(CONFIG / "demo-catalogue.csv")
    lines = b"\n".join(orjson.dumps(wire(item)) for item in items) + b"\n\n"
    assert read_items(write(tmp_path, lines, "items.jsonl")) == items
    assert by_the_store(tmp_path / "items.jsonl", tmp_path) == {item.sku: item for item in items}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (HEADER + "A,1,가,,each\n", "line 2"),
        (HEADER + "A,1,가,,each,lot,,,,,,,,,\n", "line 2"),
        ("# c\n" + HEADER + "# c\n,1,가,,each,lot,,,,,,,\n", "line 4"),
        (HEADER + "A,1,가,,each,lot,,,,8809999000014,,,\n", "line 2"),
        (HEADER + "A,1,가,,each,lot,,,,8809999000013,1.5,,\n", "line 2"),
        (HEADER + "A,1,가,,each,lot,,,,8809999000013," + "9" * 5000 + ",,\n", "line 2"),
        (HEADER + "A,1,,,each,lot,,,,,,,\n", "line 2: .*name"),
        (HEADER + "A,1,가,,each,lot,,,,,,,\nA,1,나,,each,lot,,,,,,,\n", "line 3: name_ko"),
        (HEADER + "A,1,가,,each,lot,,,,,,,\nB,1,나,,each,lot,,,,,,,\nA,,,,gram,,,,,,,,\n", "line 4: base_unit"),
        ("sku,name,gtin\nA,가,\n", "line 1: .*'name'"),
        ("name_ko,gtin\n가,\n", "line 1"),
        ("sku,sku,name_ko\nA,A,가\n", "line 1"),
        ("", "line 1"),
        (HEADER + 'A,1,"가,,each,lot,,,,,,,\n', "unexpected end"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(ConfigError, match=line) as caught:
        read_items(write(tmp_path, text))
    assert "catalogue.md" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b'{"sku":"A","name":{"en":"x"}}\n{"sku":\n', "line 2"),
        (b'{"sku":"A","name":{"en":"x"}}\n\n{"sku":"B","name":{"en":"x"},"colour":1}\n', "line 3: colour"),
        (b'{"sku":"A","name":{"en":"x"}}\n{"sku":"A","name":{"en":"y"}}\n', "A is given twice"),
        (b"[" * 2000 + b"\n", "line 1"),
        ("재고".encode("cp949"), "utf-8"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: bytes, line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        read_items(write(tmp_path, text, "items.jsonl"))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.csv"):
        read_items(tmp_path / "none.csv")
