"""Pruning: the door is the truth, whatever rows stand behind it; a pruned log verifies, rebuilds and is read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.ledger import files
from agent.ledger.reader import Reader, verify
from contract.chain import ChainError
from tests.agent.ledger.test_ledger import append, movement, open_ledger


def shut(folder: Path, below: int) -> None:
    with closing(sqlite3.connect(folder / files.DATABASE, isolation_level=None)) as raw:
        raw.execute("INSERT INTO prune_door VALUES (?)", (below,))


def test_a_log_that_begins_with_no_opening_is_damaged(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    append(ledger, *[movement()] * 5)
    ledger.close()
    shut(tmp_path, 3)
    with closing(Reader(tmp_path)) as reader:
        assert (reader.first(), reader.door(), reader.hash_of(2)) == (3, 3, None)
        with pytest.raises(ChainError, match="begins with event 3, which is no opening"):
            verify(reader)


def test_a_beginning_that_is_missing_is_no_pruned_one(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    append(ledger, *[movement()] * 5)
    ledger.close()
    with closing(sqlite3.connect(tmp_path / files.DATABASE, isolation_level=None)) as raw:
        raw.execute("DROP TRIGGER event_is_never_deleted")
        raw.execute("DELETE FROM event WHERE seq = 1")
    with closing(Reader(tmp_path)) as reader, pytest.raises(ChainError, match="which is no opening"):
        verify(reader)
