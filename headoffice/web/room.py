"""What pages and API share: database connections, the clock, who is asking.

    @router.get("/api/v1/alerts")
    def alerts(database: Reading, store: StoreQuery = None) -> list[AlertRow]: ...

    @router.post("/api/v1/alerts/{alert}/acknowledge")
    def acknowledge(alert: int, body: Note, database: Writing, actor: Actor, clock: Time) -> AlertRow: ...

Handlers are plain functions: they run in the pool of threads, each with a connection that nobody else uses meanwhile.
A list takes `Listing` (lists.py) and gives pages, and CSV.
"""

from __future__ import annotations

import queue
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Path, Query, Request

from headoffice.authority import Authority
from headoffice.clock import Clock
from headoffice.database import Database, open_database
from headoffice.view.figures import Figures
from headoffice.view.stock import View
from headoffice.web.hub import Hub

CONNECTIONS_MAX = 8
QUERY_MS_MAX = 30_000


class Refused(Exception):
    """An answer that is no. `error` is for machines, `hint` for people (ko or en), `field` where it is wrong."""

    def __init__(self, status: int, error: str, hint: str, field: str | None = None) -> None:
        super().__init__(hint)
        self.status = status
        self.error = error
        self.hint = hint
        self.field = field


@dataclass
class Pool:
    """Connections that wait for the next request; what failed is thrown away."""

    target: str
    read_only: bool
    idle: queue.LifoQueue[Database] = field(default_factory=lambda: queue.LifoQueue[Database](CONNECTIONS_MAX))

    @contextmanager
    def taken(self) -> Generator[Database]:
        try:
            found = self.idle.get_nowait()
        except queue.Empty:
            found = self._opened()
        try:
            yield found
        except Refused:
            self._give_back(found)  # an answer, no failure of the connection
            raise
        except BaseException:
            found.close()
            self.close()  # if it was the database, those that wait have lost it too
            raise
        self._give_back(found)

    def _opened(self) -> Database:
        found = open_database(self.target, read_only=self.read_only)
        if found.dialect == "postgres":
            found.rows("SELECT set_config('statement_timeout', ?, false)", (str(QUERY_MS_MAX),))
        return found

    def _give_back(self, found: Database) -> None:
        try:
            self.idle.put_nowait(found)
        except queue.Full:
            found.close()

    def close(self) -> None:
        while True:
            try:
                self.idle.get_nowait().close()
            except queue.Empty:
                return


@dataclass
class Room:
    """`sales_zones`: names of the zones that customers buy from. `prefix`: of the topics. `authority` signs
    for stores."""

    reading: Pool
    writing: Pool
    clock: Clock
    figures: Figures
    hub: Hub
    sales_zones: tuple[str, ...] = ("salesfloor",)
    prefix: str = "stock/v1"
    authority: Authority | None = None

    def view(self) -> View:
        return View(self.clock.wall_us(), self.sales_zones)


def room_of(request: Request) -> Room:
    return cast("Room", request.app.state.room)


def _reading(request: Request) -> Generator[Database]:
    with room_of(request).reading.taken() as database:
        yield database


def _writing(request: Request) -> Generator[Database]:
    with room_of(request).writing.taken() as database:
        yield database


def _clock(request: Request) -> Clock:
    return room_of(request).clock


def _view(request: Request) -> View:
    return room_of(request).view()


def _actor(request: Request) -> str:
    """Who is asking, and may change something. Raises `Refused` 403."""
    name: str | None = getattr(request.state, "actor", None)
    if name is None:
        raise Refused(403, "not_allowed", "a token that may act is needed")
    return name


Reading = Annotated[Database, Depends(_reading)]
Writing = Annotated[Database, Depends(_writing)]
Time = Annotated[Clock, Depends(_clock)]
Now = Annotated[View, Depends(_view)]
Actor = Annotated[str, Depends(_actor)]

NAME_PATTERN = r"^[A-Za-z0-9._-]{1,64}$"
StoreQuery = Annotated[str | None, Query(pattern=NAME_PATTERN, description="one store only")]
SkuQuery = Annotated[str | None, Query(pattern=NAME_PATTERN, description="one SKU only")]
StorePath = Annotated[str, Path(pattern=NAME_PATTERN, description="id of a store")]
SkuPath = Annotated[str, Path(pattern=NAME_PATTERN, description="the SKU")]
