"""What the agent tells of itself when the disk does not do its part."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent import observing
from agent.catalogue import Catalogue
from agent.config import load
from agent.ledger.log import Ledger
from agent.ledger.reader import Reader
from agent.looking import Looking
from agent.observing import Observer, Sources
from contract.times import Stamper
from tests.agent.clocks import FakeClock

CONFIG = '[store]\nid = "S1"\nstate_dir = "."\nzones = ["backroom"]\n[uplink]\nenabled = false\n'


def observed(folder: Path, work: Callable[[Observer, Ledger], None]) -> None:
    (folder / "agent.toml").write_text(CONFIG)
    clock, stamper = FakeClock(), Stamper(ZoneInfo("Asia/Seoul"))
    with (
        closing(Ledger(folder, store="S1", clock=clock, stamper=stamper)) as ledger,
        closing(Reader(folder)) as reader,
        closing(Catalogue(folder / "catalogue.db")) as catalogue,
    ):
        ledger.start()
        looking = Looking(reader, catalogue)
        sources = Sources(ledger, catalogue, looking, list, lambda: {"scans": 3}, None)
        work(Observer(load(folder / "agent.toml"), sources, clock, stamper), ledger)


def told(observer: Observer) -> dict[str, Any]:
    return asyncio.run(observer.told())


def test_a_store_without_head_office_tells_what_there_is(tmp_path: Path) -> None:
    def work(observer: Observer, _ledger: Ledger) -> None:
        found = told(observer)
        assert (found["head"], found["outbox_depth"], found["consumers"]) == (1, 0, {})
        assert (found["connected"], found["writes"], found["commit_ms_p99"]) == (False, True, 1)
        assert (found["catalogue_items"], found["counters"]["scans"]) == (0, 3)
        assert "certificates" not in found
        assert "broker_up_s" not in found

    observed(tmp_path, work)


def test_a_writer_that_hangs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "WRITE_S_MAX", 0.05)

    def work(observer: Observer, ledger: Ledger) -> None:
        asyncio.run(hang(observer, ledger))

    async def hang(observer: Observer, ledger: Ledger) -> None:
        go_on = Event()
        ledger.submit(lambda _tx: go_on.wait(), lambda _result, _error: None)
        try:
            found = await observer.told()
        finally:
            go_on.set()
        assert found["writes"] is False
        await ledger.write(lambda _tx: None)
        assert (await observer.told())["writes"] is True

    observed(tmp_path, work)


def test_a_damaged_catalogue_takes_nothing_else_away(tmp_path: Path) -> None:
    def work(observer: Observer, _ledger: Ledger) -> None:
        (tmp_path / "catalogue.db-wal").unlink(missing_ok=True)
        (tmp_path / "catalogue.db").write_bytes(b"no database" * 1000)
        found = told(observer)
        assert "catalogue_items" not in found
        assert found["head"] == 1

    observed(tmp_path, work)
