"""Figures out of the tables, in slices of at most 250 rows. Nothing here judges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import orjson

from headoffice.alerts.judging import SALES_DAYS, SALES_DAYS_MIN, DayLine, Figures
from headoffice.database import Database, Row
from headoffice.view.paging import marks
from headoffice.weights import Line, count_lines, gram_sums, weighed

PAGE = 250
CLOSED_AFTER_H = 12  # west of UTC a day ends later
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def day_of(wall_us: int, *, days: int = 0, hours: int = 0) -> str:
    """The date so many days and hours before, in UTC."""
    return (_EPOCH + timedelta(microseconds=wall_us, days=-days, hours=-hours)).date().isoformat()


class Standing(NamedTuple):
    """How far a store is taken in."""

    log: str
    seq: int
    at_us: int


def standings(database: Database, since_us: int = -1) -> dict[str, Standing]:
    rows = database.rows("SELECT store, log, seq, at_us FROM position WHERE at_us >= ?", (since_us,))
    return {row[0]: Standing(*row[1:]) for row in rows}


def changed_skus(database: Database, store: str, log: str, after: int) -> list[str]:
    """SKUs of a store that an event later than `after` changed."""
    rows = database.rows(
        "SELECT sku FROM sku_changed WHERE store = ? AND log = ? AND seq > ? ORDER BY sku", (store, log, after)
    )
    return [row[0] for row in rows]


def skus_after(database: Database, store: str, sku: str) -> list[str]:
    """The next SKUs of a store that were ever changed, or that somebody keeps a count of."""
    rows = database.rows(
        "SELECT sku FROM sku_changed WHERE store = ? AND sku > ? ORDER BY sku LIMIT ?", (store, sku, PAGE)
    )
    return [row[0] for row in rows]


def sku_figures(database: Database, store: str, skus: Sequence[str], now_us: int) -> list[Figures]:
    """Of at most a page of SKUs; one without stock has zeros."""
    places, since = marks(skus), day_of(now_us, days=SALES_DAYS - 1)
    stock = _keyed(
        database.rows(
            "SELECT sku, CAST(SUM(quantity) AS INTEGER), "
            "CAST(SUM(CASE WHEN disposition = 'sellable' THEN quantity ELSE 0 END) AS INTEGER), MIN(quantity) "
            f"FROM stock WHERE store = ? AND sku IN ({places}) GROUP BY sku",
            (store, *skus),
        )
    )
    reserved = _keyed(
        database.rows(
            "SELECT sku, CAST(SUM(quantity) AS INTEGER) FROM reservation "
            f"WHERE store = ? AND sku IN ({places}) GROUP BY sku",
            (store, *skus),
        )
    )
    sold = _keyed(
        database.rows(
            "SELECT sku, CAST(SUM(sold) AS INTEGER), MIN(day) FROM sale_day "
            f"WHERE store = ? AND sku IN ({places}) AND day >= ? GROUP BY sku",
            (store, *skus, since),
        )
    )
    items = _keyed(
        database.rows(
            f"SELECT sku, category, stock_min, stock_max, name_ko, name_en, base_unit, deleted FROM item "
            f"WHERE sku IN ({places})",
            tuple(skus),
        )
    )
    return [_figures(sku, stock.get(sku), reserved.get(sku), sold.get(sku), items.get(sku), now_us) for sku in skus]


def _keyed(rows: list[Row]) -> dict[str, Row]:
    return {row[0]: row for row in rows}


def _figures(
    sku: str, stock: Row | None, reserved: Row | None, sold: Row | None, item: Row | None, now_us: int
) -> Figures:
    _, on_hand, sellable, lowest = stock or (sku, 0, 0, 0)
    _, category, least, most, name_ko, name_en, base_unit, deleted = item or (sku, *[None] * 6, 0)
    if deleted:  # an item that is given up runs out
        least = None
    units, days = (sold[1], _days_since(sold[2], now_us)) if sold else (0, SALES_DAYS)
    return Figures(
        sku, on_hand, sellable, lowest, reserved[1] if reserved else 0, 0 if deleted else units, days, category, least,
        most, name_ko, name_en, base_unit,
    )  # fmt: skip


def _days_since(day: str, now_us: int) -> int:
    try:
        first = datetime.fromisoformat(day).date()
    except ValueError:
        return SALES_DAYS
    days = ((_EPOCH + timedelta(microseconds=now_us)).date() - first).days + 1
    return min(SALES_DAYS, max(SALES_DAYS_MIN, days))


class StoreFigures(NamedTuple):
    """A store as it was heard of last: `last_us` by anything that it sent, `at_us` by an event.

    `head` is the newest event that it told of, `seq` the newest that is here; both of log `log`, else None.
    """

    store: str
    state: str
    last_us: int
    at_us: int
    head: int | None
    seq: int | None
    damage: str | None = None  # of its ledger, as it says
    disk_free_bytes: int | None = None
    stuck: int | None = None  # an event that its broker does not take
    certificates: Mapping[str, str] = MappingProxyType({})  # when they end, as the store writes it
    not_renewed: str | None = None  # why its own was not


def stores_after(database: Database, store: str) -> list[StoreFigures]:
    rows = database.rows(
        "SELECT s.store, s.state, s.heard_us, s.state_us, COALESCE(p.at_us, 0), s.head, s.health, "
        "CASE WHEN p.log = s.log THEN p.seq END FROM store_state s LEFT JOIN position p ON p.store = s.store "
        "WHERE s.store > ? ORDER BY s.store LIMIT ?",
        (store, PAGE),
    )
    found: list[StoreFigures] = []
    for name, state, heard_us, state_us, at_us, head, health, seq in rows:
        last_us = max(heard_us, at_us) or state_us  # what is retained alone may be old
        told = _told(health)
        newest = _head(head, told.get("head")) if seq is not None else None
        damage = told.get("ledger_damage")
        free, stuck = (one if type(one) is int else None for one in map(told.get, ("disk_free_bytes", "stuck_event")))
        said = (damage if type(damage) is str else None, free, stuck, *_certificates(told))
        found.append(StoreFigures(name, state, last_us, at_us, newest, seq, *said))
    return found


def _certificates(told: dict[str, Any]) -> tuple[dict[str, str], str | None]:
    ends, why = told.get("certificates"), told.get("renewal_failure")
    named = cast("dict[str, Any]", ends) if isinstance(ends, dict) else {}
    return {name: at for name, at in named.items() if type(at) is str}, why if type(why) is str else None


def _told(health: str | None) -> dict[str, Any]:
    try:
        found: object = orjson.loads(health) if health else None
    except orjson.JSONDecodeError:
        found = None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _head(head: int | None, told: object) -> int | None:
    """`state` says it at connects, `health` every minute."""
    return max((one for one in (head, told) if type(one) is int), default=None)


def devices_not_up(database: Database, after: tuple[str, str]) -> list[Row]:
    """(store, device, kind, state, since_at, at_us)"""
    return database.rows(
        "SELECT store, device, kind, state, since_at, at_us FROM device WHERE state IN ('down', 'failed', 'refused') "
        "AND (store, device) > (?, ?) ORDER BY store, device LIMIT ?",
        (*after, PAGE),
    )


def workers(database: Database) -> list[Row]:
    """(worker, seen_us); SQLite has one, and no table of it."""
    return database.rows("SELECT worker, seen_us FROM worker") if database.dialect == "postgres" else []


class Since:
    """Rows of a table by when head office wrote them: each `pass_` gives those since the last, and a little of before,
    since of several workers one may commit later what it had dated earlier."""

    OVERLAP_US = 10_000_000

    def __init__(self, database: Database, sql: str, keys: int, since_us: int) -> None:
        """`sql` selects `at_us`, `keys` columns that order rows of one moment, and more; it ends with its WHERE."""
        names = [part.strip() for part in sql.removeprefix("SELECT ").partition(" FROM ")[0].split(",")][: keys + 1]
        order, places = ", ".join(names), ", ".join("?" * (keys + 1))
        self._sql = f"{sql} AND ({order}) > ({places}) ORDER BY {order} LIMIT {PAGE}"
        self._database = database
        self._keys = keys
        self._since_us = since_us

    def pass_(self, lowest: Sequence[Any]) -> Iterator[list[Row]]:
        """Pages, oldest first; `lowest` is below every key."""
        at: tuple[Any, ...] = (self._since_us, *lowest)
        while rows := self._database.rows(self._sql, at):
            at = tuple(rows[-1][: self._keys + 1])
            yield rows
            if len(rows) < PAGE:
                break
        self._since_us = max(self._since_us, at[0] - self.OVERLAP_US)


def unsettled(database: Database, store: str, kind: str) -> int:
    index = " INDEXED BY exception_open" if database.dialect == "sqlite" else ""  # it would go through all of a store's
    rows = database.rows(
        f"SELECT COUNT(*) FROM exception{index} WHERE store = ? AND kind = ? AND resolution IS NULL", (store, kind)
    )
    return int(rows[0][0])


def holders(database: Database, epcs: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """(store, SKU) of each tag that is in more than one store."""
    places = marks(epcs)
    found: dict[str, list[tuple[str, str]]] = {}
    for epc, store, sku in database.rows(
        f"SELECT epc, store, sku FROM tag WHERE epc IN ({places}) ORDER BY epc, store", tuple(epcs)
    ):
        found.setdefault(epc, []).append((store, sku))
    return {epc: held for epc, held in found.items() if len(held) > 1}


def sent_and_open(database: Database, since_us: int, after: tuple[int, str, str]) -> list[Row]:
    """(at_us, store, document, to_place, done) of transfers that were sent, whatever became of them."""
    return database.rows(
        "SELECT at_us, store, document, to_place, done FROM document WHERE kind = 'transfer_out' AND at_us >= ? "
        "AND status IN ('closed', 'closed_short') AND done > 0 AND (at_us, store, document) > (?, ?, ?) "
        "ORDER BY at_us, store, document LIMIT ?",
        (since_us, *after, PAGE),
    )


def arrived(database: Database, store: str, peer: str, document: str) -> bool:
    """A document of that name is closed in the other store, or what went there is all taken in."""
    if database.rows(
        "SELECT 1 FROM document WHERE store = ? AND document = ? AND status IN ('closed', 'closed_short')",
        (peer, document),
    ):
        return True
    under_way = database.rows(
        "SELECT CAST(COALESCE(SUM(CASE WHEN store = ? THEN sent ELSE -received END), 0) AS INTEGER) FROM transit "
        "WHERE (store = ? AND peer = ?) OR (store = ? AND peer = ?)",
        (store, store, peer, peer, store),
    )
    return int(under_way[0][0]) <= 0


def day_lines(database: Database, store: str, day: str) -> list[DayLine]:
    """Everything that either side knows of a store's day."""
    ours = database.rows("SELECT sku, sold - returned FROM sale_day WHERE store = ? AND day = ?", (store, day))
    tills = database.rows("SELECT sku, sold - returned FROM pos_total WHERE store = ? AND day = ?", (store, day))
    ledger, sold = dict[str, int](ours), dict[str, int](tills)
    off = sorted(sku for sku in ledger.keys() | sold.keys() if ledger.get(sku, 0) != sold.get(sku, 0))
    items: dict[str, tuple[str, str | None, str | None]] = {}
    for first in range(0, len(off), PAGE):
        part = off[first : first + PAGE]
        found = database.rows(f"SELECT sku, category, base_unit FROM item WHERE sku IN ({marks(part)})", part)
        items |= {sku: (sku, category, base_unit) for sku, category, base_unit in found}
    return [DayLine(*items.get(sku, (sku, None, None)), ledger.get(sku, 0), sold.get(sku, 0)) for sku in off]


def off_by_weight(database: Database, store: str, log: str, count_id: str) -> int:
    """Grams by which a count's goods by weight differed, summed by size."""
    rows = database.rows(
        "SELECT lines FROM counted WHERE store = ? AND log = ? AND count_id = ?", (store, log, count_id)
    )
    return _grams(database, count_lines(orjson.loads(rows[0][0])) if rows else [], "units_off")


def sent_by_weight(database: Database, store: str, document: str) -> int:
    """Grams of a document's goods by weight that are done."""
    rows = database.rows("SELECT lines FROM document WHERE store = ? AND document = ?", (store, document))
    return _grams(database, orjson.loads(rows[0][0]) if rows else [], "done")


def _grams(database: Database, lines: list[Line], member: str) -> int:
    found = gram_sums(lines, (member,), weighed(database, (line["sku"] for line in lines)))
    return found[member] if found else 0
