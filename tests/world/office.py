"""Head office: the real worker over SQLite, and the desk's commands; they too can be cut at any moment."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Collection
from datetime import UTC
from pathlib import Path
from typing import Any, Literal

from contract.times import Stamper
from contract.topics import PREFIX
from headoffice import ahead
from headoffice.catalogue import Items
from headoffice.commands import Commands
from headoffice.database import Database, open_database
from headoffice.documents import Pages, put
from headoffice.mqtt import Connected
from headoffice.part import Message
from headoffice.restoring import Restores
from headoffice.service import Roster, Service
from headoffice.storages import open_storage
from headoffice.storing import Storage
from headoffice.worker import Worker, all_topics
from headoffice.worker_asks import Asks
from tests.world.broker import Broker
from tests.world.disk import Crash
from tests.world.lines import OfficeShell, as_shell
from tests.world.sim import Life, OfficeClock, Sim
from tests.world.store import CONSUMER, STORE

CutAt = Literal["before the commit", "stored and not acknowledged"]
TICK_S = 1.0
FILES = ("hq.db", "hq.db-wal")


class Office:
    def __init__(
        self, sim: Sim, broker: Broker, folder: Path, clock: OfficeClock, stored: Callable[[int], None]
    ) -> None:
        self.sim, self.broker, self.folder, self.clock, self._stored = sim, broker, folder, clock, stored
        self.chance = sim.chance("office")
        self.cut_at: CutAt | None = None
        self.full = False
        self.refused = 0
        self.said: list[str] = []
        self.life: Life | None = None
        self._opened: list[Any] = []
        self._woken = False
        self._events = 0
        self._rest_s = 0.0
        self.backup: dict[str, bytes] | None = None

    @property
    def path(self) -> Path:
        return self.folder / "hq.db"

    def start(self) -> None:
        self.life = life = Life(self.sim)
        self._woken, self._rest_s, self._events = False, 0.0, 0
        self.shell = OfficeShell(life, self.broker, "headoffice", all_topics(PREFIX), self._wake)
        self.shell.before_publish = self._publishing
        self.worker = Worker(
            as_shell(self.shell), self._open, self._served, prefix=PREFIX, clock=self.clock, say=self.said.append
        )
        self.worker.open()
        self.view = self._keep(open_database(str(self.path), read_only=True))
        self.writing = self._keep(open_database(str(self.path)))
        self.commands = Commands(self.writing, self.clock, prefix=PREFIX, say=self.said.append)
        topics = [f"{PREFIX}/{one}" for one in self.commands.topics]
        self.desk_line = OfficeShell(life, self.broker, "headoffice-desk", topics, lambda: None)
        self.desk_line.open()
        life.every(TICK_S, self._turn)
        life.every(TICK_S, self._desk)

    def _keep(self, opened: Any) -> Any:
        self._opened.append(opened)
        return opened

    def _open(self) -> Storage:
        return self._keep(open_storage(str(self.path)))

    def _served(self, storage: Storage) -> Service:
        return Service(
            storage, consumer=CONSUMER, prefix=PREFIX, clock=self.clock, stamper=Stamper(UTC), say=self.said.append,
            asks=Asks(
                Items(storage.database), Pages(storage), Restores(storage), PREFIX, self.said.append, self.clock.now_s
            ),
            ours=Roster(None, self.said.append).ours, fence=self._committing,
        )  # fmt: skip

    # -- where it breaks --------------------------------------------------------------------------------------------

    def _committing(self, _database: Database, _stores: Collection[str]) -> None:
        """Within the transaction of a round."""
        if self.full:
            self.refused += 1
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        if self.cut_at == "before the commit":
            self.cut_at = None
            raise Crash

    def _publishing(self) -> None:
        if self.cut_at == "stored and not acknowledged":
            self.cut_at = None
            raise Crash

    def save(self) -> None:
        """An old backup, for later."""
        self.backup = {name: (self.folder / name).read_bytes() for name in FILES if (self.folder / name).exists()}

    def crash(self, *, restore: bool = False) -> None:
        if self.life is None:
            return
        self._stored(self.position()[1])  # what was stored and never told counts
        self.life.alive, self.life = False, None
        self.shell.die()
        self.desk_line.die()
        for one in self._opened:
            one.close()
        self._opened.clear()
        self.cut_at = None
        if restore and self.backup is not None:
            for path in self.folder.glob("hq.db*"):
                path.unlink()
            for name, data in self.backup.items():
                (self.folder / name).write_bytes(data)
        self.sim.trace("office crash", restore)
        self.sim.at(0.5 + 10 * self.chance.random() ** 2, self.start)

    def close(self) -> None:
        for one in self._opened:
            one.close()

    # -- its rounds -------------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        if not self._woken and self.life is not None:
            self._woken = True
            self.life.at(0.005 + 0.4 * self.chance.random(), self._woken_up)

    def _woken_up(self) -> None:
        self._woken = False
        self._turn()
        if self.shell.waiting:
            self._wake()

    def _turn(self) -> None:
        if self.sim.now_s < self._rest_s:
            return
        try:
            pause_s = self.worker.turn()
        except Crash:
            self.crash()
            return
        if pause_s:
            self._rest_s = self.sim.now_s + pause_s
        if self.worker.events != self._events:
            self._events = self.worker.events
            self._stored(self.position()[1])

    def _desk(self) -> None:
        """As `headoffice/desk.py` drives its parts."""
        out = []
        for one in self.desk_line.take(1000, 0.0):
            if isinstance(one, Connected):
                out += self.commands.connected()
            else:
                out += self.commands.receive(Message(one.topic, bytes(one.payload), one.retain))
        out += self.commands.tick() if self.desk_line.connected else []
        for publish in out:
            self.desk_line.publish(publish.topic, publish.payload, retain=publish.retain)

    # -- what people do and ask here --------------------------------------------------------------------------------

    @property
    def queues(self) -> dict[str, tuple[int, int]]:
        """Everything that waits, and its limit."""
        service = self.worker._service
        held = {
            f"events of {store} ahead": (len(one.engine._ahead), ahead.EVENTS_MAX)
            for store, one in (service._followed if service is not None else {}).items()
        }
        return {**held, **self.shell.queues, **self.desk_line.queues}

    def expect(self, document: str, body: bytes) -> None:
        put(self.writing, STORE, {document: body})

    def position(self) -> tuple[str, int]:
        rows = self.view.rows("SELECT log, seq FROM position WHERE store = ?", (STORE,))
        return (str(rows[0][0]), int(rows[0][1])) if rows else ("", 0)

    def quarantined(self) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self.view.rows("SELECT code, log, seq, reason FROM quarantine ORDER BY id")
        return rows


def template(folder: Path, items: list[Any]) -> None:
    """A database with the item master, made once and copied for each day."""
    from headoffice.catalogue import take  # noqa: PLC0415  once

    held = open_storage(str(folder / "hq.db"))
    take(held.database, items)
    held.close()


def copied(source: Path, target: Path) -> None:
    for path in sorted(source.glob("*.db*")):
        shutil.copyfile(path, target / path.name)
