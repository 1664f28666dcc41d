"""The projections of tags in the writer's transaction: looked up when asked, changed in memory, written by `flush`."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from agent.operations import tags

COUNTS_HELD_MAX = 64  # sets of EPCs that are kept in memory


class Tags:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._counted: dict[tuple[str, str], set[str]] = {}
        self._serials: dict[str, int] = {}
        self._new: list[tuple[str, str, str]] = []
        self._over: list[tuple[str]] = []
        self._given: set[str] = set()

    def counted(self, session: str, zone: str) -> AbstractSet[str]:
        return self._set(session, zone)

    def serial(self, gtin: str) -> int | None:
        if gtin not in self._serials:
            row = self._connection.execute("SELECT last FROM serial WHERE gtin = ?", (gtin,)).fetchone()
            if row is None:
                return None
            self._serials[gtin] = int(row[0])
        return self._serials[gtin]

    def fold(self, data: Mapping[str, Any]) -> None:
        """A journal event's data."""
        change = tags.counted_change(data)
        if change is not None:
            session, zone, epcs = change
            if zone is None:
                self._end(session)
            else:
                self._set(session, zone).update(epcs)
                self._new += [(session, zone, epc) for epc in epcs]
        given = tags.serial_change(data)
        if given is not None:
            gtin, serial = given
            self._serials[gtin] = max(serial, self.serial(gtin) or 0)
            self._given.add(gtin)

    def flush(self) -> None:
        write = self._connection
        if self._new:
            write.executemany("INSERT OR IGNORE INTO counted VALUES (?, ?, ?)", self._new)
        if self._over:
            write.executemany("DELETE FROM counted WHERE session = ?", self._over)
        if self._given:
            rows = [(gtin, self._serials[gtin]) for gtin in self._given]
            write.executemany("INSERT INTO serial VALUES (?, ?) ON CONFLICT DO UPDATE SET last = excluded.last", rows)
        self._forget_changes()
        if len(self._counted) > COUNTS_HELD_MAX:
            self._counted.clear()

    def rollback(self) -> None:
        self._forget_changes()
        self._counted.clear()
        self._serials.clear()

    def _forget_changes(self) -> None:
        self._new, self._over, self._given = [], [], set()

    def _set(self, session: str, zone: str) -> set[str]:
        key = session, zone
        if key not in self._counted:
            rows = self._connection.execute("SELECT epc FROM counted WHERE session = ? AND zone = ?", key)
            self._counted[key] = {row[0] for row in rows}
        return self._counted[key]

    def _end(self, session: str) -> None:
        self._over.append((session,))
        self._new = [row for row in self._new if row[0] != session]
        for key in [key for key in self._counted if key[0] == session]:
            del self._counted[key]
