"""What is said of stores' logs beside their events: events that are gone, openings that say otherwise, keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import orjson

from headoffice.alerts.engine import Facts, Found
from headoffice.alerts.figures import Since
from headoffice.alerts.judging import judged
from headoffice.alerts.rules import Rules
from headoffice.database import Database, Row

KEY_DIGITS = 12


class LogLooks:
    """`since` makes a look at the rows of a table that are new."""

    def __init__(self, database: Database, since: Callable[[str, int], Since]) -> None:
        self._database = database
        self._skipped = since("SELECT at_us, store, log, seq_from, seq_to FROM skipped WHERE seq_to > 0", 3)
        self._off = since("SELECT at_us, store, log, seq, skus, body FROM opening_off WHERE skus > 0", 3)
        self._keys = since("SELECT at_us, store, log, seq, key, next FROM key_change WHERE seq > 0", 3)

    def found(self, rules: Rules) -> Iterator[list[Found]]:
        """One alert for each log."""
        for rows in self._skipped.pass_(("", "", 0)):
            yield [self._gone(*place, rules) for place in sorted({(row[1], row[2]) for row in rows})]
        for rows in self._off.pass_(("", "", 0)):
            yield [_off(row, rules) for row in rows]
        for rows in self._keys.pass_(("", "", 0)):
            yield [_key(row, rules) for row in rows]

    def _gone(self, store: str, log: str, rules: Rules) -> Found:
        """All of a log. What was before its first event here is not missed: numbers of its parent, or nobody had it."""
        rows = self._database.rows(
            "SELECT seq_from, seq_to FROM skipped WHERE store = ? AND log = ? ORDER BY seq_from", (store, log)
        )
        missed = [(first, last) for first, last in rows if first > 1]
        facts: Facts = {"log": log, "events": sum(last - first + 1 for first, last in missed)}
        if missed:
            facts |= {"seq_from": missed[-1][0], "seq_to": missed[-1][1]}
        return judged("events_skipped", store, log, rules, int(facts["events"]), facts)


def _off(row: Row, rules: Rules) -> Found:
    _, store, log, seq, skus, body = row
    sku, _of, stated, counted = orjson.loads(body)[0]
    facts: Facts = {"log": log, "seq": seq, "skus": skus, "sku": sku, "stated": stated, "counted": counted}
    return judged("opening_differs", store, log, rules, skus, facts)


def _key(row: Row, rules: Rules) -> Found:
    _, store, log, seq, key, following = row
    facts: Facts = {"log": log, "seq": seq, "key": key[:KEY_DIGITS], "next": following[:KEY_DIGITS]}
    return judged("key_changed", store, log, rules, 1, facts)
