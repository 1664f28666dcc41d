"""Telling: each message about an alert to the topic and to every webhook, at least once, over restarts.

A message lies in the table until it has arrived. On the topic it has when the broker hands it back to us: the desk
hears its own `alert/+`. A webhook gets its messages in order, the next once the one before is taken; while it fails, it
is tried ever less often. After a day a message is given up, which is an alert itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson

from contract.topics import Topics
from headoffice.alerts.engine import Found, Verdict
from headoffice.alerts.records import Records
from headoffice.alerts.rules import Rules
from headoffice.alerts.webhook import Delivered, Parcel, Webhook
from headoffice.clock import Clock
from headoffice.database import Database
from headoffice.part import Publish

TOPIC = "mqtt"
NO_STORE = "headoffice"
SPREAD_MAX = 100
PUBLISH_MAX = 50
PARCELS_MAX = 20
WAITING_MAX = 50_000  # messages for one target
ECHO_S = 10.0
BACKOFF_S_MIN = 1.0
BACKOFF_S_MAX = 900.0
HOUR_US = 3_600_000_000
SECOND_US = 1_000_000
TRIM_S = 30.0


class _Target:
    """A webhook, and when it is tried again."""

    def __init__(self, webhook: Webhook) -> None:
        self.webhook = webhook
        self.failed = 0
        self.next_s = 0.0


class Notices:
    def __init__(
        self,
        database: Database,
        clock: Clock,
        records: Records,
        *,
        prefix: str,
        webhooks: Sequence[Webhook],
        say: Callable[[str], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._records = records
        self._prefix = prefix
        self._targets = [_Target(one) for one in webhooks]
        self._names = [TOPIC, *(one.name for one in webhooks)]
        self._say = say
        self._published: dict[str, int] = {}  # notice: row
        self._arrived: list[int] = []  # rows that may go
        self._trim_s = 0.0

    def tick(self, rules: Rules) -> list[Publish]:
        for target in self._targets:
            self._deliver(target)
        self._clear()
        self._spread()
        if self._clock.now_s() >= self._trim_s:
            self._trim_s = self._clock.now_s() + TRIM_S
            for name in self._names:
                self._trim(name, rules)
            self._drop_unknown()
        return self._publish()

    def heard(self, payload: bytes) -> None:
        """The broker has it: what we published came back."""
        try:
            notice = orjson.loads(payload)["notice"]
            row = self._published.pop(notice, None)
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return  # somebody else's, on our topic
        if row is not None:
            self._arrived.append(row)

    def connected(self) -> None:
        """What went out before may be lost: it is due again."""
        self._clear()
        self._published.clear()
        self._database.write("UPDATE alert_notice SET next_us = at_us WHERE target = ?", (TOPIC,))

    def close(self) -> None:
        for target in self._targets:
            target.webhook.close()

    def _clear(self) -> None:
        """In one commit, before rows come whose numbers may be those of rows that went."""
        arrived, self._arrived = self._arrived, []
        if arrived:
            with self._database.transaction():
                self._database.write_many("DELETE FROM alert_notice WHERE id = ?", [(row,) for row in arrived])

    def _spread(self) -> None:
        rows = self._database.rows(
            "SELECT id, alert, body, at_us FROM alert_notice WHERE target = '' ORDER BY id LIMIT ?", (SPREAD_MAX,)
        )
        if rows:
            with self._database.transaction():
                self._database.write_many(
                    "INSERT INTO alert_notice (alert, target, body, tries, at_us, next_us) VALUES (?, ?, ?, 0, ?, ?)",
                    [(alert, name, body, at_us, at_us) for _, alert, body, at_us in rows for name in self._names],
                )
                self._database.write_many("DELETE FROM alert_notice WHERE id = ?", [(row[0],) for row in rows])

    def _publish(self) -> list[Publish]:
        now_us = self._clock.wall_us()
        rows = self._database.rows(
            "SELECT id, alert, body, tries FROM alert_notice WHERE target = ? AND next_us <= ? ORDER BY id LIMIT ?",
            (TOPIC, now_us, PUBLISH_MAX),
        )
        out: list[Publish] = []
        for row, alert, body, _ in rows:
            told = orjson.loads(body)
            if len(self._published) >= WAITING_MAX:
                self._published.pop(next(iter(self._published)))
            self._published[told["notice"]] = row
            topic = Topics(told.get("store") or NO_STORE, self._prefix).alert(str(alert))
            out.append(Publish(topic, body.encode(), retain=False))
        pauses_s = [min(BACKOFF_S_MAX, ECHO_S * 2 ** min(row[3], 10)) for row in rows]
        if rows:
            with self._database.transaction():
                self._database.write_many(
                    "UPDATE alert_notice SET tries = tries + 1, next_us = ? WHERE id = ?",
                    [(now_us + int(pause_s * SECOND_US), row[0]) for row, pause_s in zip(rows, pauses_s, strict=True)],
                )
        return out

    def _deliver(self, target: _Target) -> None:
        busy = target.webhook.busy  # asked first: what is done then is in the results
        for done in target.webhook.results():
            self._settle(target, done)
        self._clear()
        if busy or self._clock.now_s() < target.next_s:
            return
        rows = self._database.rows(
            "SELECT id, body FROM alert_notice WHERE target = ? ORDER BY id LIMIT ?",
            (target.webhook.name, PARCELS_MAX),
        )
        if rows:
            target.webhook.send([Parcel(row, orjson.loads(body)["notice"], body.encode()) for row, body in rows])

    def _settle(self, target: _Target, done: Delivered) -> None:
        name = target.webhook.name
        if done.error is None or done.final:
            if done.error is not None:
                self._say(f"{name}: refuses a notice for good ({done.error}): dropped")
            elif target.failed:
                self._say(f"{name}: takes notices again")
            target.failed, target.next_s = 0, 0.0
            self._arrived.append(done.row)
            return
        if not target.failed:
            self._say(f"{name}: cannot be told ({done.error}); trying again")
        pause_s = min(BACKOFF_S_MAX, BACKOFF_S_MIN * 2 ** min(target.failed, 12))
        target.failed += 1
        target.next_s = self._clock.now_s() + pause_s * (0.5 + self._clock.chance())
        self._database.write(
            "UPDATE alert_notice SET tries = tries + 1, error = ? WHERE id = ?", (done.error[:200], done.row)
        )

    def _trim(self, name: str, rules: Rules) -> None:
        """Give up what is too old or too much; said, and an alert until something arrives again."""
        if name in {one.webhook.name for one in self._targets if one.webhook.busy}:
            return  # what is on its way is not given up
        holds, now_us = rules.of("notice_undelivered"), self._clock.wall_us()
        before_us = now_us - (holds.value or 24) * HOUR_US
        where = "target = ? AND (at_us < ? OR id <= COALESCE((SELECT id FROM alert_notice WHERE target = ? "
        where += f"ORDER BY id DESC LIMIT 1 OFFSET {WAITING_MAX}), 0))"
        lost = self._database.rows(f"DELETE FROM alert_notice WHERE {where} RETURNING error", (name, before_us, name))
        if lost:
            self._published.clear()  # numbers of rows may come again
            error = next((row[0] for row in lost if row[0]), "no connection")
            self._say(f"{name}: {len(lost)} notices could not be delivered and are dropped ({error})")
            facts: dict[str, int | str] = {"target": name, "lost": len(lost), "error": error}
            verdict: Verdict = "raised" if holds.enabled else "clear"
            self._records.take([Found("notice_undelivered", "", name, verdict, holds.severity, facts)])
        elif not self._database.rows("SELECT 1 FROM alert_notice WHERE target = ? LIMIT 1", (name,)):
            self._records.take([Found("notice_undelivered", "", name, "clear", holds.severity, {})])

    def _drop_unknown(self) -> None:
        """Of an address that is told no longer."""
        places = ", ".join("?" * len(self._names))
        self._database.write(
            f"DELETE FROM alert_notice WHERE target <> '' AND target NOT IN ({places})", tuple(self._names)
        )
