"""A whole check finds damage wherever it is, beside a writer that goes on."""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.errors import LedgerCorrupt, LedgerUnusable
from agent.ledger import files
from agent.ledger.checking import STEP_EVENTS, check_whole
from agent.ledger.reader import Reader
from tests.agent.ledger.test_ledger import append, movement, open_ledger
from tests.agent.ledger.test_snapshots import BEER, spoil

PAGE_BYTES = 4096


def test_what_is_written_meanwhile_is_checked_too(tmp_path: Path) -> None:
    with closing(open_ledger(tmp_path)) as ledger:
        append(ledger, *(movement() for _ in range(2 * STEP_EVENTS)))
        pauses: list[int] = []

        def pause() -> None:
            pauses.append(ledger.head)
            if len(pauses) < 4:
                append(ledger, movement())

        found = check_whole(tmp_path, pause)
        assert len(pauses) > 3
        assert (found.store, found.log, found.seq) == ("S1", ledger.log, ledger.head)
        append(ledger, movement())  # no transaction was left that holds the log


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (BEER, "event 2"),
        ("UPDATE event SET type = 'journal' WHERE seq = 3", "event 3"),
        ("UPDATE stock SET quantity = 9", "stock"),
        ("INSERT INTO serial VALUES ('08801234567893', 7)", "serial"),
        ("INSERT INTO book VALUES ('document', 'D1', '{}')", "book"),
        ("INSERT INTO tag VALUES ('30', 'COLA', 'floor', '', 'sellable', 1)", "tag"),
    ],
)
def test_each_damage_is_named(tmp_path: Path, statement: str, said: str) -> None:
    with closing(open_ledger(tmp_path)) as ledger:
        append(ledger, movement(), movement())
    spoil(tmp_path / files.DATABASE, statement)
    with pytest.raises(LedgerCorrupt, match=said) as caught:
        check_whole(tmp_path)
    assert caught.value.hint


def test_a_page_that_is_not_sqlite_is_damage_and_no_file_is_none(tmp_path: Path) -> None:
    with closing(open_ledger(tmp_path)) as ledger:
        append(ledger, *(movement() for _ in range(200)))
    path = tmp_path / files.DATABASE
    whole = path.read_bytes()
    at = len(whole) // 2 // PAGE_BYTES * PAGE_BYTES
    path.write_bytes(whole[:at] + bytes(PAGE_BYTES) + whole[at + PAGE_BYTES :])
    with pytest.raises(LedgerCorrupt):
        check_whole(tmp_path)
    with pytest.raises(LedgerUnusable):
        check_whole(tmp_path / "nowhere")


def test_no_single_byte_changes_what_is_told_unseen(tmp_path: Path) -> None:
    """Any byte of the file: it is found, or it is one that nobody reads. 1,000 positions; the seed gives them again."""
    with closing(open_ledger(tmp_path)) as ledger:
        append(ledger, *(movement(1 + number % 3, f"SKU-{number % 40}") for number in range(300)))
    path, chance = tmp_path / files.DATABASE, random.Random(8)
    whole, good, found = path.read_bytes(), told(tmp_path), 0
    for _ in range(1000):
        at = chance.randrange(len(whole))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ chance.randrange(1, 256)]) + whole[at + 1 :])
        try:
            check_whole(tmp_path)
        except LedgerCorrupt:
            found += 1
        else:
            assert told(tmp_path) == good, f"byte {at}"
    assert found > 500  # the rest is free room in pages


def told(folder: Path) -> tuple[Any, ...]:
    with closing(Reader(folder)) as reader:
        return list(reader.all_events()), reader.projections(), reader.positions()
