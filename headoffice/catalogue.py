"""Head office's item master in its database: taken in from files and the API, answered to stores page by page.

A revision counts head office's changes over all items; an item gets the next one when it is new or another than before.
What somebody else counted (`revision` in a file) only keeps ours above it: stores may have seen those numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from contract.catalog import NUMBER_MAX, Item
from contract.messages import MESSAGE_SIZE_BYTES_MAX
from headoffice.database import Database
from headoffice.errors import ConfigError
from headoffice.items import wire

PAGE_ITEMS = 100
PAGE_SIZE_BYTES_MAX = MESSAGE_SIZE_BYTES_MAX - 512  # room for the page's own members
STORES_MAX = 20_000  # whose pages are remembered
NAMED_MAX = 20
_PUT = (
    "INSERT INTO item (sku, revision, name_ko, name_en, category, base_unit, stock_min, stock_max, deleted, body) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sku) DO UPDATE SET (revision, name_ko, name_en, category, "
    "base_unit, stock_min, stock_max, deleted, body) = (excluded.revision, excluded.name_ko, excluded.name_en, "
    "excluded.category, excluded.base_unit, excluded.stock_min, excluded.stock_max, excluded.deleted, excluded.body)"
)


class Changes(NamedTuple):
    """SKUs that are new, changed or deleted now, how many were the same, and the newest revision."""

    new: list[str]
    changed: list[str]
    deleted: list[str]
    same: int
    revision: int

    def __str__(self) -> str:
        counts = f"{len(self.new)} new, {len(self.changed)} changed, {len(self.deleted)} deleted"
        return f"{counts}, {self.same} as before; revision {self.revision}"


def take(database: Database, items: Sequence[Item], *, complete: bool = False, check: bool = False) -> Changes:
    """All of them or none. `complete`: what is not among them is deleted. `check`: nothing is written.

    Raises `ConfigError` where two items would have one GTIN.
    """
    with database.transaction():
        if database.dialect == "postgres":  # revisions are counted by one at a time
            database.write("LOCK TABLE item IN SHARE ROW EXCLUSIVE MODE")
        held = {str(sku): (bool(deleted), bytes(body)) for sku, deleted, body in database.rows(_HELD)}
        last: int = database.rows("SELECT COALESCE(MAX(revision), 0) FROM item")[0][0]
        wanted = [*items, *(_left_out(held, items) if complete else ())]
        before = {item.sku: held.get(item.sku) for item in wanted}
        written = [item for item in wanted if _content(item) != _without_revision(before[item.sku])]
        last = max(last, max((item.revision for item in items), default=0)) if written else last
        if last + len(written) > NUMBER_MAX:
            raise ConfigError(f"revision {last} leaves no room", hint="take the column revision out of the file")
        rows = [item.model_copy(update={"revision": last + n}) for n, item in enumerate(written, start=1)]
        _refuse_shared(database, rows)
        if not check:
            _write(database, rows)
    new = [item.sku for item in written if before[item.sku] is None]
    gone = [item.sku for item in written if item.deleted and before[item.sku] is not None]
    changed = [item.sku for item in written if not item.deleted and before[item.sku] is not None]
    return Changes(new, changed, gone, len(wanted) - len(written), last + len(written))


_HELD = "SELECT sku, deleted, body FROM item"


def _left_out(held: dict[str, tuple[bool, bytes]], items: Sequence[Item]) -> Iterator[Item]:
    given = {item.sku for item in items}
    for sku, (deleted, body) in held.items():
        if sku not in given and not deleted:
            yield Item.model_validate_json(body).model_copy(update={"deleted": True, "gtins": (), "item_numbers": ()})


def _content(item: Item) -> dict[str, Any]:
    return {name: value for name, value in wire(item).items() if name != "revision"}


def _without_revision(held: tuple[bool, bytes] | None) -> dict[str, Any] | None:
    if held is None:
        return None
    found: dict[str, Any] = orjson.loads(held[1])
    del found["revision"]
    return found


def _refuse_shared(database: Database, rows: Sequence[Item]) -> None:
    """A GTIN means one item, or a scan would mean two."""
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for gtin, sku in database.rows("SELECT gtin, sku FROM item_gtin"):
        owners[gtin].add(sku)
    for item in rows:
        for owned in owners.values():
            owned.discard(item.sku)
    for item in rows:
        for one in () if item.deleted else item.gtins:
            owners[one.gtin].add(item.sku)
    shared = sorted(gtin for gtin, skus in owners.items() if len(skus) > 1)
    if shared:
        told = "; ".join(f"{gtin}: {', '.join(sorted(owners[gtin]))}" for gtin in shared[:NAMED_MAX])
        raise ConfigError(
            f"{len(shared)} GTINs are of more than one item: {told}",
            hint="a GTIN has one item: take it from one of them, or delete that one",
        )


def _write(database: Database, rows: Sequence[Item]) -> None:
    puts: list[tuple[Any, ...]] = []
    for item in rows:
        low = item.thresholds.min if item.thresholds else None
        high = item.thresholds.max if item.thresholds else None
        names = (item.name.ko, item.name.en, item.category, item.base_unit)
        puts.append((item.sku, item.revision, *names, low, high, int(item.deleted), orjson.dumps(wire(item))))
    database.write_many(_PUT, puts)
    database.write_many("DELETE FROM item_gtin WHERE sku = ?", [(item.sku,) for item in rows])
    gtins = [(one.gtin, item.sku) for item in rows if not item.deleted for one in item.gtins]
    database.write_many("INSERT INTO item_gtin (gtin, sku) VALUES (?, ?)", gtins)


class Items:
    """What stores are answered. A store gets the pages of one moment, cut when it asks for the first."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cuts: dict[str, tuple[int, list[int]]] = {}

    def some(self) -> bool:
        """Else somebody else may have the items: stores' questions are left to them."""
        return bool(self._database.rows("SELECT 1 FROM item LIMIT 1"))

    def having(self, gtin: str | None) -> list[dict[str, Any]]:
        """Items that have a GTIN of 14 digits."""
        rows = self._database.rows(
            "SELECT body FROM item JOIN item_gtin ON item_gtin.sku = item.sku WHERE gtin = ? ORDER BY item.sku",
            (gtin or "",),
        )
        return [orjson.loads(row[0]) for row in rows]

    def page(self, store: str, since: int, number: int) -> dict[str, Any]:
        """What changed since a revision: `{"items", "page", "more", "since", "revision"}`.

        An item that changes meanwhile leaves the cut, and comes with the next question. Pages whose cut is forgotten
        (another worker has the store now) promise nothing: `revision` stays, and the store asks again from there.
        """
        known = number == 0 or self._cuts.get(store, (None,))[0] == since
        if number == 0:
            if len(self._cuts) >= STORES_MAX:
                self._cuts.clear()
            self._cuts[store] = (since, self._cut(since))
        bounds = self._cuts[store][1] if known else []
        found = self._between(*bounds[number : number + 2]) if number + 1 < len(bounds) else []
        return {
            "items": found,
            "page": number,
            "more": number + 2 < len(bounds),
            "since": since,
            "revision": bounds[-1] if bounds else since,
        }

    def _cut(self, since: int) -> list[int]:
        """Revisions between which pages lie; the last is the newest of all. A page fits a message."""
        rows = self._database.rows("SELECT revision, LENGTH(body) FROM item WHERE revision > ? ORDER BY 1", (since,))
        bounds, count, size_bytes = [since], 0, 0
        previous = since
        for revision, item_bytes in rows:
            if count and (count == PAGE_ITEMS or size_bytes + item_bytes + 1 > PAGE_SIZE_BYTES_MAX):
                bounds.append(previous)
                count = size_bytes = 0
            count, size_bytes, previous = count + 1, size_bytes + item_bytes + 1, revision
        return [*bounds, previous]

    def _between(self, after: int, last: int) -> list[dict[str, Any]]:
        rows = self._database.rows(
            "SELECT body FROM item WHERE revision > ? AND revision <= ? ORDER BY revision", (after, last)
        )
        return [orjson.loads(row[0]) for row in rows]


def skus(changes: Iterable[str]) -> str:
    """The first few, for a line that somebody reads."""
    found = list(changes)
    return ", ".join(found[:NAMED_MAX]) + (f" … {len(found) - NAMED_MAX} more" if len(found) > NAMED_MAX else "")
