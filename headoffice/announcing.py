"""What head office says retained: items and expected documents that changed since they were said last.

How far that is stands in the database, so it goes on after a restart. Of several workers one says it: it claims the
next few, publishes them, and counts them as said at its next round; whoever is killed in between has its few said again
by another. A store that must be sure asks (`ask/catalog`, `ask/expected`), after every connect.
"""

from __future__ import annotations

from headoffice.clock import Clock
from headoffice.database import Database
from headoffice.part import Publish

A_ROUND = 250  # four rounds a second: 20,000 items in 20 s
CLAIM_US = 10_000_000
CATALOG, EXPECTED = "catalog", "expected"
_QUERIES = {
    CATALOG: "SELECT revision, 'catalog/' || sku, body FROM item WHERE revision > ? ORDER BY revision LIMIT ?",
    EXPECTED: "SELECT revision, store || '/expected/' || document, body FROM expected "
    "WHERE revision > ? ORDER BY revision LIMIT ?",
}


class Announcer:
    def __init__(self, database: Database, clock: Clock, prefix: str) -> None:
        self._database = database
        self._clock = clock
        self._prefix = prefix
        self._published: dict[str, tuple[int, int]] = {}  # from and to which revision, by this worker a round ago

    def due(self) -> list[Publish]:
        """The next of them, none if all are said. To be published before the next round."""
        return [one for name in _QUERIES for one in self._next(name)]

    def _next(self, name: str) -> list[Publish]:
        if name in self._published:
            before, after = self._published.pop(name)
            self._database.write(
                "UPDATE announced SET revision = ?, claimed_us = 0 WHERE name = ? AND revision = ?",
                (after, name, before),
            )
        said = self._database.rows("SELECT revision FROM announced WHERE name = ?", (name,))
        last: int = said[0][0] if said else 0
        rows = self._database.rows(_QUERIES[name], (last, A_ROUND))
        if not rows or not self._claim(name, last, new=not said):
            return []
        self._published[name] = (last, rows[-1][0])
        return [Publish(f"{self._prefix}/{topic}", bytes(body or b""), retain=True) for _, topic, body in rows]

    def _claim(self, name: str, last: int, *, new: bool) -> bool:
        """False while another worker says them."""
        now_us = self._clock.wall_us()
        if new:
            self._database.write(
                "INSERT INTO announced (name, revision, claimed_us) VALUES (?, 0, 0) ON CONFLICT DO NOTHING", (name,)
            )
        return bool(
            self._database.write(
                "UPDATE announced SET claimed_us = ? WHERE name = ? AND revision = ? "
                "AND (claimed_us < ? OR claimed_us > ?)",  # of the future: the clock went back since
                (now_us, name, last, now_us - CLAIM_US, now_us),
            )
        )


def again(database: Database) -> None:
    """Everything once more: a broker may have lost what it retained."""
    database.write("DELETE FROM announced")
