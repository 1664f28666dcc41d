"""Books beside a transaction against books in memory: whatever is put, committed and rolled back."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agent.ledger import books as ledger_books
from agent.ledger.books import LedgerBooks, body_of, read_book
from agent.operations.books import MemoryBooks

TABLE = "CREATE TABLE book (book TEXT, key TEXT, body TEXT, PRIMARY KEY (book, key))"
BOOKS = ["document", "document_line"]
KEYS = ["", "A", "A/", "A/b", "A/b/c", "AB", "가", "\U0010fffe"]
records = st.dictionaries(
    st.sampled_from(["n", "lot", "done"]), st.one_of(st.integers(-5, 5), st.text(max_size=3), st.booleans()), max_size=3
)
places = st.tuples(st.sampled_from(BOOKS), st.sampled_from(KEYS))


class Both(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.execute(TABLE)
        self.books = LedgerBooks(self.connection)
        self.truth: dict[tuple[str, str], dict[str, Any]] = {}
        self.committed: dict[tuple[str, str], dict[str, Any]] = {}
        self.connection.execute("BEGIN")

    @rule(place=places, record=st.one_of(st.none(), records))
    def put(self, place: tuple[str, str], record: dict[str, Any] | None) -> None:
        self.books.put(*place, record)
        if record is None:
            self.truth.pop(place, None)
        else:
            self.truth[place] = record

    @rule()
    def commit(self) -> None:
        self.books.flush()
        self.connection.execute("COMMIT")
        self.connection.execute("BEGIN")
        self.committed = dict(self.truth)

    @rule()
    def rollback(self) -> None:
        self.connection.execute("ROLLBACK")
        self.books.rollback()
        self.connection.execute("BEGIN")
        self.truth = dict(self.committed)

    @rule()
    def forget(self) -> None:
        """As after a restart; what was not committed is gone."""
        self.rollback()
        self.books = LedgerBooks(self.connection)

    @rule(book=st.sampled_from(BOOKS), prefix=st.sampled_from(KEYS))
    def look_under(self, book: str, prefix: str) -> None:
        memory = self.memory()
        assert list(self.books.under(book, prefix)) == list(memory.under(book, prefix))

    @rule(place=places)
    def look_at(self, place: tuple[str, str]) -> None:
        assert self.books.get(*place) == self.truth.get(place)

    @invariant()
    def what_is_written_is_what_was_committed(self) -> None:
        held = {(book, key): record for book in BOOKS for key, record in read_book(self.connection, book)}
        assert held == self.committed

    def memory(self) -> MemoryBooks:
        found = MemoryBooks()
        for place, record in self.truth.items():
            found.put(*place, record)
        return found

    def teardown(self) -> None:
        self.connection.close()


TestBoth = Both.TestCase
TestBoth.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


def test_rows_of_a_rebuild_are_in_the_tables_order() -> None:
    books = MemoryBooks()
    for book in reversed(BOOKS):
        for key in reversed(KEYS):
            books.put(book, key, {"n": 1, "a": "가"})
    rows = [(book, key, body_of(record)) for book, key, record in books.rows()]
    connection = sqlite3.connect(":memory:")
    connection.execute(TABLE)
    connection.executemany("INSERT INTO book VALUES (?, ?, ?)", rows)
    assert connection.execute("SELECT * FROM book ORDER BY 1, 2").fetchall() == rows
    connection.close()


def test_records_held_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_books, "RECORDS_HELD_MAX", 10)
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute(TABLE)
    books = LedgerBooks(connection)
    for number in range(30):
        books.put("document", str(number), {"n": number})
        books.flush()
        assert len(books._held) <= 11
    assert len(list(books.under("document"))) == 30
    connection.close()
