"""Openings state all there is: tables of any content come back from one to the byte, in parts that fit an event."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.ledger import files
from agent.ledger.openings import state_parts
from agent.ledger.reader import Reader
from contract.canonical import CanonicalError, canonical
from contract.opening import PART_SIZE_BYTES_MAX
from tests.agent.ledger.stated import stated
from tests.agent.ledger.test_ledger import open_ledger

names = st.from_regex(r"\A[A-Za-z0-9._-]{1,64}\Z")
epcs = st.from_regex(r"\A([0-9A-F]{2}){1,62}\Z")
lots = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=128)
keys = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200)
dispositions = st.sampled_from(["sellable", "damaged", "quarantine", "display"])
counts = st.integers(-(10**12), 10**12).filter(bool)
records = st.dictionaries(st.sampled_from(["sku", "n", "clerks"]), st.text(max_size=50) | counts | st.booleans())
ROWS: dict[str, tuple[st.SearchStrategy[Any], int]] = {  # of a table, and how many of its columns are the key
    "stock": (st.tuples(names, names, lots, dispositions, counts), 4),
    "counted": (st.tuples(st.uuids().map(str), names, epcs), 3),
    "serial": (st.tuples(st.from_regex(r"\A[0-9]{14}\Z"), st.integers(0, 2**38)), 1),
    "tag": (st.tuples(epcs, names, names, lots, dispositions, st.integers(1, 10**12)), 1),
    "progress": (st.tuples(names, names, counts), 2),
    "doubt": (st.tuples(epcs, st.integers(1, 2**40)), 1),
    "book": (st.tuples(names, keys, records.map(lambda record: canonical(record).decode())), 2),
}


def unique(rows: st.SearchStrategy[Any], key: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(rows, max_size=12, unique_by=lambda row: row[:key])


@given(st.fixed_dictionaries({name: unique(*rows) for name, rows in ROWS.items()}), st.integers(1, 200))
@settings(max_examples=60, deadline=None)
def test_whatever_is_in_the_tables(
    tmp_path_factory: pytest.TempPathFactory, tables: dict[str, list[tuple[Any, ...]]], copies: int
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    open_ledger(folder).close()
    connection = files.open_writer(folder)
    for name, rows in tables.items():
        for row in rows:
            connection.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})", row)
    for number in range(copies):  # rows that make more parts than one
        connection.execute("INSERT INTO tag VALUES (?, 'S', 'z', ?, 'sellable', 1)", (f"{number:0124X}", "l" * 128))
    connection.close()
    reader = Reader(folder)
    assert stated(reader) == reader.projections()
    reader.close()


def test_a_record_that_no_event_has_room_for_is_refused(tmp_path: Path) -> None:
    open_ledger(tmp_path).close()
    connection = files.open_writer(tmp_path)
    put = "INSERT OR REPLACE INTO book VALUES ('b', 'k', ?)"
    room = PART_SIZE_BYTES_MAX - len('["b","k",{"n":""}],')
    connection.execute(put, (canonical({"n": "x" * room}).decode(),))
    reader = Reader(tmp_path)
    assert stated(reader) == reader.projections()
    reader.close()
    connection.execute(put, (canonical({"n": "x" * (room + 1)}).decode(),))
    with pytest.raises(CanonicalError, match="books: 40961 bytes in one row"):
        state_parts(connection, None)
    connection.close()
