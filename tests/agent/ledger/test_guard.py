"""A full disk: the reserve is given once, nothing is taken until it is there again, and then all goes on by itself."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from agent.errors import LedgerFull
from agent.ledger.guard import AGAIN_NS, NAME, Reserve
from agent.ledger.log import Ledger
from agent.ledger.reader import Reader, verify
from tests.agent.clocks import FakeClock
from tests.agent.ledger.test_ledger import SEOUL, append, movement

SIZE_BYTES = 1 << 20


def test_a_reserve_takes_its_room_and_comes_back_with_as_much_beside_it(tmp_path: Path) -> None:
    rooms = [2 * SIZE_BYTES - 1, 2 * SIZE_BYTES]
    reserve = Reserve(tmp_path, SIZE_BYTES, lambda _folder: rooms.pop(0))
    held = (tmp_path / NAME).stat()
    assert held.st_size == SIZE_BYTES
    assert held.st_blocks * 512 >= SIZE_BYTES
    assert reserve.is_there(0)
    reserve.give()
    assert not (tmp_path / NAME).exists()
    assert not reserve.is_there(0)
    assert not reserve.is_there(AGAIN_NS - 1)
    assert len(rooms) == 1  # it does not look at every group
    assert reserve.is_there(AGAIN_NS)
    assert (tmp_path / NAME).stat().st_size == SIZE_BYTES


def test_a_disk_without_room_for_it_is_a_disk_without_it(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path, 1 << 62)
    assert list(tmp_path.iterdir()) == []
    assert reserve.is_there(0)
    reserve.give()
    assert not reserve.is_there(0)


def test_a_ledger_on_a_full_disk_takes_nothing_until_there_is_room_and_ends_in_order(tmp_path: Path) -> None:
    clock = FakeClock()
    ledger = Ledger(tmp_path, store="S1", clock=clock, stamper=SEOUL, reserve_bytes=SIZE_BYTES)
    ledger.start()
    with closing(ledger):
        append(ledger, movement())
        pages = ledger.call(lambda tx: tx.execute("PRAGMA page_count").fetchone()[0])
        ledger.call(lambda tx: tx.execute(f"PRAGMA max_page_count = {pages}").fetchone())
        with pytest.raises(LedgerFull):
            append(ledger, *(movement() for _ in range(200)))
        assert not (tmp_path / NAME).exists()
        assert ledger.reserve is not None
        rooms = [0, 2 * SIZE_BYTES]

        def room(_folder: Path) -> int:
            return rooms.pop(0)

        ledger.reserve._room = room  # pyright: ignore[reportPrivateUsage]
        for _ in range(3):
            with pytest.raises(LedgerFull):  # one event would fit
                append(ledger, movement())
        assert ledger.head == 2
        clock.advance(AGAIN_NS / 1e9)
        append(ledger, movement())
        assert (tmp_path / NAME).exists()
    with closing(Reader(tmp_path)) as reader:
        assert verify(reader)["head"] == 3
