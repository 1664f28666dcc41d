"""What head office says retained: items and expected documents that changed since they were said last.

How far that is stands in the database, so it goes on after a restart, and of several workers one says it: whoever moves
the number on. It is a convenience for whoever listens; a store that must be sure asks (`ask/catalog`, `ask/expected`).
"""

from __future__ import annotations

from headoffice.database import Database
from headoffice.part import Publish

A_ROUND = 250  # four rounds a second: 20,000 items in 20 s
CATALOG, EXPECTED = "catalog", "expected"
_QUERIES = {
    CATALOG: "SELECT revision, 'catalog/' || sku, body FROM item WHERE revision > ? ORDER BY revision LIMIT ?",
    EXPECTED: "SELECT revision, store || '/expected/' || document, body FROM expected "
    "WHERE revision > ? ORDER BY revision LIMIT ?",
}


class Announcer:
    def __init__(self, database: Database, prefix: str) -> None:
        self._database = database
        self._prefix = prefix

    def due(self) -> list[Publish]:
        """The next of them, none if all are said. To be published at once: they are counted as said."""
        return [one for name in _QUERIES for one in self._next(name)]

    def _next(self, name: str) -> list[Publish]:
        said = self._database.rows("SELECT revision FROM announced WHERE name = ?", (name,))
        last: int = said[0][0] if said else 0
        rows = self._database.rows(_QUERIES[name], (last, A_ROUND))
        if not rows:
            return []
        if not said:
            self._database.write("INSERT INTO announced (name, revision) VALUES (?, 0) ON CONFLICT DO NOTHING", (name,))
        moved = self._database.write(
            "UPDATE announced SET revision = ? WHERE name = ? AND revision = ?", (rows[-1][0], name, last)
        )
        if not moved:  # another worker says them
            return []
        return [Publish(f"{self._prefix}/{topic}", bytes(body or b""), retain=True) for _, topic, body in rows]


def again(database: Database) -> None:
    """Everything once more: a broker may have lost what it retained."""
    database.write("DELETE FROM announced")
