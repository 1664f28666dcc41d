"""What checks found, in their table; and what is wanted to be checked."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson
from pydantic import Field

from headoffice.checks.engine import Verdict, off
from headoffice.database import Database, Row
from headoffice.view.paging import Page, Told, Where, listed
from headoffice.weights import weighed

KEPT_EACH = 400  # newest checks of a store
LISTED_MAX = 100


class Last(NamedTuple):
    """The newest check of a store."""

    at_us: int
    verdict: str


class Wanted(NamedTuple):
    store: str
    deep: bool


class CheckRow(Told):
    id: int
    store: str
    at_us: int
    verdict: str = Field(description="equal, repaired, different, not_compared")
    reason: str | None
    log: str | None
    as_of: int | None = Field(description="event of the store at which both were compared")
    rows_total: int
    rows_off: int = Field(description="rows of stock that differed in the end")
    units_off: int = Field(description="pieces, over all rows that differed")
    levels: int = Field(description="retained levels that were heard; 0: none were, and none compared")
    levels_off: int
    grams_off: int = Field(0, description="beside the pieces: grams of goods by weight")


class DifferenceTold(Told):
    sku: str
    zone: str
    lot: str | None
    disposition: str
    store: int = Field(description="base units in the store")
    head_office: int


class LevelTold(Told):
    sku: str
    store: int
    head_office: int
    store_reserved: int
    head_office_reserved: int


class CheckTold(CheckRow):
    differences: list[DifferenceTold] = Field(description=f"the first {LISTED_MAX}")
    levels_differ: list[LevelTold] = Field(description=f"the first {LISTED_MAX}")
    available_off: int = Field(0, description="levels with another `available`: a store may keep a buffer of its own")
    done: list[str] = Field(description="what was mended: events_taken_in_again, tables_made_again")
    tables: list[str] = Field(description="tables that were not as the events say, and are now")
    events: int = Field(description="events that were looked at byte by byte")
    damaged: int | None = Field(description="the first event that was not as the store sent it")
    deep: bool


_NAMES = [name for name in CheckRow.model_fields if name != "grams_off"]  # that is in `body`
_COLUMNS = ", ".join(_NAMES)


def put(database: Database, found: Verdict, now_us: int, *, deep: bool) -> None:
    units_off, grams_off = off(found, weighed(database, (one.sku for one in found.differences)))
    body: dict[str, Any] = {
        "grams_off": grams_off,
        "differences": found.differences[:LISTED_MAX],
        "available_off": found.available_off,
        "levels_differ": [one._asdict() for one in found.levels_off[:LISTED_MAX]],
        "done": found.done,
        "tables": found.tables,
        "events": found.events,
        "damaged": found.damaged,
        "deep": deep,
    }
    with database.transaction():
        database.write(
            "INSERT INTO data_check (store, at_us, verdict, reason, log, as_of, rows_total, rows_off, units_off, "
            "levels, levels_off, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (found.store, now_us, found.verdict, found.reason, found.log, found.as_of, found.rows,
             len(found.differences), units_off, found.levels, len(found.levels_off), orjson.dumps(body).decode()),
        )  # fmt: skip
        database.write(
            "DELETE FROM data_check WHERE store = ? AND id <= COALESCE((SELECT id FROM data_check WHERE store = ? "
            f"ORDER BY id DESC LIMIT 1 OFFSET {KEPT_EACH}), 0)",
            (found.store, found.store),
        )
        database.write("DELETE FROM check_wanted WHERE store = ?", (found.store,))


def last_each(database: Database) -> dict[str, Last]:
    rows = database.rows(
        "SELECT store, at_us, verdict FROM data_check WHERE id IN (SELECT MAX(id) FROM data_check GROUP BY store)"
    )
    return {row[0]: Last(row[1], row[2]) for row in rows}


def looked_at(database: Database, store: str, log: str) -> int:
    """Events of this log up to there were looked at by a check that found them right."""
    rows = database.rows(
        "SELECT log, as_of FROM data_check WHERE store = ? AND verdict IN ('equal', 'repaired') "
        "ORDER BY id DESC LIMIT 1",
        (store,),
    )
    return int(rows[0][1]) if rows and rows[0][0] == log else 0


def want(database: Database, stores: list[str], now_us: int, *, deep: bool) -> None:
    """Ask the desk for checks; one that is asked for already is not asked for twice."""
    with database.transaction():
        database.write_many(
            "INSERT INTO check_wanted (store, deep, at_us) VALUES (?, ?, ?) "
            "ON CONFLICT (store) DO UPDATE SET deep = CASE WHEN excluded.deep = 1 THEN 1 ELSE check_wanted.deep END",
            [(store, int(deep), now_us) for store in stores],
        )


def wanted(database: Database, limit: int) -> list[Wanted]:
    rows = database.rows("SELECT store, deep FROM check_wanted ORDER BY at_us, store LIMIT ?", (limit,))
    return [Wanted(store, bool(deep)) for store, deep in rows]


def still_wanted(database: Database, stores: list[str]) -> set[str]:
    return {row[0] for row in database.rows("SELECT store FROM check_wanted")}.intersection(stores)


def checks(
    database: Database, *, cursor: str | None = None, limit: int = 50, store: str | None = None,
    verdict: str | None = None, newest: bool = False,
) -> Page[CheckRow]:  # fmt: skip
    """The newest first. With `newest` one of each store."""
    where = Where()
    where.given("store = ?", store)
    where.given("verdict = ?", verdict)
    if newest:
        where.add("id IN (SELECT MAX(id) FROM data_check GROUP BY store)")
    select, key = f"SELECT {_COLUMNS}, body FROM data_check", {"at_us": int, "id": int}

    def read(rows: list[Row]) -> list[Row]:
        return [(*row[:-1], orjson.loads(row[-1]).get("grams_off", 0)) for row in rows]

    return listed(database, CheckRow, select, where, key, cursor=cursor, limit=limit, newest=True, read=read)


def one_check(database: Database, check_id: int) -> CheckTold | None:
    rows = database.rows(f"SELECT {_COLUMNS}, body FROM data_check WHERE id = ?", (check_id,))
    if not rows:
        return None
    row = dict(zip(_NAMES, rows[0][:-1], strict=True))
    return CheckTold.model_validate({**row, **orjson.loads(rows[0][-1])})
