"""What is looked at, and when: generators that stop after every slice of a few hundred rows.

A start looks at everything once in the background, as the hourly sweep does; what changes meanwhile goes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import orjson

from contract.times import Stamper, parse_us
from headoffice.alerts import figures
from headoffice.alerts.certificates import CertificateLooks
from headoffice.alerts.engine import Alert, Facts, Found, Verdict, ended
from headoffice.alerts.figures import PAGE, Since, Standing, StoreFigures
from headoffice.alerts.judging import FORKED, TAMPERED, exceptions_found, judged, pos_found, rounded, sku_found
from headoffice.alerts.logs import LogLooks
from headoffice.alerts.records import COLUMNS as ALERT
from headoffice.alerts.records import DAY_US, Records, alert_of, read_rules, rules_mark, unclosed
from headoffice.alerts.rules import RULES, Rules
from headoffice.clock import Clock
from headoffice.database import Database, Row

HISTORY_DAYS = 35
CLOSED_AT_ONCE = 100
STORE_COST = 25  # to find the changed among 20,000 SKUs costs as much as to look at so many
ALL_S = 5.0
POS_DAYS = 7
POS_DAYS_KEPT = 62
LAGGING_SHARE = 10  # one store of so many, and two at least: then it is head office, not the stores
SECOND_US = 1_000_000
MIB = 1024 * 1024
REASON_CHARACTERS_MAX = 200


class Jobs:
    """All looks share one connection, the rules, and what was seen of each store."""

    def __init__(self, database: Database, clock: Clock, stamper: Stamper, records: Records) -> None:
        self._database = database
        self._clock = clock
        self._stamper = stamper
        self._records = records
        self.rules: Rules = read_rules(database)
        self._mark = rules_mark(database)
        self._ends = CertificateLooks(database, stamper)
        self._seen: dict[str, Standing] = figures.standings(database)
        self._all_s = float("-inf")
        self._after: dict[str, int] = {}
        since_us = clock.wall_us() - HISTORY_DAYS * DAY_US

        def since(sql: str, keys: int) -> Since:
            return Since(database, sql, keys, since_us)

        self._counts = since(
            "SELECT at_us, store, log, count_id, zone, accuracy_permille, units_off FROM counted WHERE lines_total > 0",
            3,
        )
        self._exceptions = since("SELECT at_us, store, log, seq, kind FROM exception WHERE seq > 0", 3)
        self._tags = since("SELECT at_us, store, epc FROM tag WHERE seq > 0", 2)
        self._refused = since("SELECT last_at_us, id, store, code FROM quarantine WHERE count > 0", 1)
        self._checks = since(
            "SELECT at_us, id, store, verdict, as_of, rows_off, units_off, levels_off, reason, body FROM data_check "
            "WHERE id > 0",
            1,
        )
        self._logs = LogLooks(database, since)
        self._pos = since("SELECT at_us, store, day FROM pos_day WHERE at_us > 0", 2)

    def rules_changed(self) -> bool:
        """Read them again if somebody has written some; then everything is looked at anew."""
        mark = rules_mark(self._database)
        if mark == self._mark:
            return False
        self._mark, self.rules = mark, read_rules(self._database)
        return True

    # -- stock --------------------------------------------------------------------------------------------------------

    def changed(self) -> Iterator[None]:
        """SKUs that stores' events have changed since the last look; what several stores bring is written at once."""
        found: list[Found] = []
        looked: dict[str, Standing] = {}
        cost = 0
        for store, now in self._moved():
            seen = self._seen.get(store)
            after = seen.seq if seen is not None and seen.log == now.log and seen.seq <= now.seq else 0
            skus = figures.changed_skus(self._database, store, now.log, after)
            cost += STORE_COST
            for first in range(0, len(skus), PAGE):
                part = skus[first : first + PAGE]
                found += self._found(store, part)
                cost += len(part)
                if cost >= PAGE:
                    self._records.take(found)
                    found, cost = [], 0
                    yield
            looked[store] = now
            if not found:  # of these everything is written
                self._seen |= looked
                looked = {}
        self._records.take(found)
        self._seen |= looked
        yield

    def _moved(self) -> list[tuple[str, Standing]]:
        """Stores that are no longer where they were. By their times; now and then all, since clocks may be set back."""
        now_s = self._clock.now_s()
        newest_us = -1
        if now_s < self._all_s:
            newest_us = max((one.at_us for one in self._seen.values()), default=0)
        else:
            self._all_s = now_s + ALL_S
        held = figures.standings(self._database, newest_us)
        return [(store, now) for store, now in held.items() if self._seen.get(store) != now]

    def sweep(self) -> Iterator[None]:
        """Every SKU of every store, and the tills' last days."""
        for store in list(self._seen):
            sku = ""
            while skus := figures.skus_after(self._database, store, sku):
                self._records.take(self._found(store, skus))
                sku = skus[-1]
                yield
        since = figures.day_of(self._clock.wall_us(), days=POS_DAYS)
        for store, day in self._database.rows("SELECT store, day FROM pos_day WHERE day >= ?", (since,)):
            self._day(store, day)
            yield

    def _found(self, store: str, skus: list[str]) -> list[Found]:
        held = figures.sku_figures(self._database, store, skus, self._clock.wall_us())
        return [found for one in held for found in sku_found(store, one, self.rules)]

    # -- what stores wrote down ---------------------------------------------------------------------------------------

    def written(self) -> Iterator[None]:
        """Counts, exceptions, tags, refusals, checks and totals of the tills that have come."""
        yield from self._counted()
        concerned: set[tuple[str, str]] = set()
        kinds = set(self.rules.kinds())
        for rows in self._exceptions.pass_(("", "", 0)):
            concerned |= {(row[1], row[4]) for row in rows if row[4] in kinds}
            yield
        yield from self._settled(concerned)
        for rows in self._tags.pass_(("", "")):
            self._duplicates([row[2] for row in rows])
            yield
        yield from self._refusals()
        for found in self._logs.found(self.rules):
            self._records.take(found)
            yield
        newest: dict[str, Row] = {}
        for rows in self._checks.pass_((0,)):
            newest |= {row[2]: row for row in rows if row[3] != "not_compared"}
            yield
        self._records.take([self._checked(row) for row in newest.values()])
        for rows in self._pos.pass_(("", "")):
            for _, store, day in rows:
                self._day(store, day)
                yield

    def _counted(self) -> Iterator[None]:
        newest: dict[tuple[str, str], Row] = {}
        for rows in self._counts.pass_(("", "", "")):
            newest |= {(row[1], row[4]): row for row in rows}
            yield
        self._records.take([self._count(row) for row in newest.values()])

    def _count(self, row: Row) -> Found:
        _, store, log, count_id, zone, permille, units = row
        facts: Facts = {"zone": zone, "accuracy_permille": permille}
        found = judged("count_variance", store, zone, self.rules, permille, facts, below=True)
        if found.verdict == "raised":
            facts |= _apart("units_off", units, figures.off_by_weight(self._database, store, log, count_id))
        return found

    def _settled(self, concerned: Iterable[tuple[str, str]]) -> Iterator[None]:
        for store, kind in concerned:
            unsettled = figures.unsettled(self._database, store, kind)
            self._records.take([exceptions_found(store, kind, unsettled, self.rules)])
            yield

    def _duplicates(self, epcs: list[str]) -> None:
        held = figures.holders(self._database, epcs)
        found: list[Found] = []
        for epc in epcs:
            stores = [store for store, _ in held.get(epc, ())]
            facts: Facts = {"epc": epc, "stores": ", ".join(stores[:10]), "count": len(stores)}
            if stores:
                facts["sku"] = held[epc][0][1]
            found.append(judged("duplicate_tag", "", epc, self.rules, len(stores), facts))
        self._records.take(found)

    def _refusals(self) -> Iterator[None]:
        stores: set[str] = set()
        for rows in self._refused.pass_((0,)):
            stores |= {row[2] for row in rows if row[3] in TAMPERED | FORKED}
            yield
        for store in stores:
            self._records.take(self._refused_of(store))
            yield

    def _refused_of(self, store: str) -> list[Found]:
        """One alert for each log: how often it came, and what came last."""
        rows = self._database.rows(
            "SELECT code, log, seq, reason, count FROM quarantine WHERE store = ? ORDER BY last_at_us, id", (store,)
        )
        times: dict[tuple[str, str], int] = {}
        facts: dict[tuple[str, str], Facts] = {}
        for code, log, seq, reason, count in rows:
            if code in TAMPERED | FORKED:
                place = ("log_tampered" if code in TAMPERED else "log_forked", log or "-")
                times[place] = times.get(place, 0) + count
                said = {"log": log or "-", "code": code, "seq": seq or 0, "reason": reason[:REASON_CHARACTERS_MAX]}
                facts[place] = {**said, "times": rounded(times[place])}
        return [judged(rule, store, log, self.rules, times[rule, log], one) for (rule, log), one in facts.items()]

    def _checked(self, row: Row) -> Found:
        _, _, store, verdict, as_of, rows_off, units, levels_off, reason, body = row
        off = max(1, rows_off + levels_off) if verdict == "different" else 0
        facts: Facts = {"rows": off, "as_of": as_of or 0, "reason": reason or "-"}
        grams = orjson.loads(body).get("grams_off", 0)
        facts |= _apart("units", units + grams, grams)
        return judged("hq_difference", store, "stock", self.rules, off, facts)

    def _day(self, store: str, day: str) -> None:
        """Only days that are over everywhere."""
        if day < figures.day_of(self._clock.wall_us(), hours=figures.CLOSED_AFTER_H):
            lines = figures.day_lines(self._database, store, day)
            self._records.take([pos_found(store, day, lines, self.rules)])

    # -- what is over all stores --------------------------------------------------------------------------------------

    def state(self) -> Iterator[None]:
        """Stores, devices and workers as they stand; and open alerts about what may have gone since."""
        now_us, store = self._clock.wall_us(), ""
        online, late, late_us = 0, 0, now_us
        while rows := figures.stores_after(self._database, store):
            self._records.take([found for one in rows for found in self._store(one, now_us)])
            self._records.take([found for one in rows for found in self._ends.of_store(one, self.rules, now_us)])
            for one in rows:
                online += one.state == "online"
                if self._is_late(one):
                    late, late_us = late + 1, min(late_us, one.at_us)
            store = rows[-1].store
            yield
        self._records.take(self._ends.of_all(self.rules, now_us))
        limit = max(2, online // LAGGING_SHARE)
        facts: Facts = {"what": "ingest", "since": self._stamper.text(late_us), "stores": late}
        self._lagging("ingest", facts, raised=late >= limit)
        yield from self._devices()
        self._workers(now_us)
        yield from self._settled([(one.store, one.subject) for one in self._some("exception")])
        self._duplicates([one.subject for one in self._some("duplicate_tag")])

    def _some(self, rule: str) -> list[Alert]:
        """A page of a rule's open alerts, the next one each time."""
        found = unclosed(self._database, rule, PAGE, self._after.get(rule, 0))
        self._after[rule] = found[-1].id if len(found) == PAGE else 0
        return found

    def _store(self, one: StoreFigures, now_us: int) -> list[Found]:
        silent_s = (now_us - one.last_us) // SECOND_US
        facts: Facts = {"since": self._stamper.text(one.last_us), "state": one.state}
        silent = judged("store_silent", one.store, "store", self.rules, silent_s, facts)
        behind = one.head - one.seq if one.head is not None and one.seq is not None else 0
        more: Facts = {"behind": rounded(max(0, behind))}
        found = [silent, judged("uplink_behind", one.store, "store", self.rules, behind, more)]
        damage: Facts = {"damage": (one.damage or "-")[:REASON_CHARACTERS_MAX]}
        found.append(judged("ledger_damaged", one.store, "store", self.rules, int(one.damage is not None), damage))
        stuck: Facts = {"seq": one.stuck or 0}
        found.append(judged("event_stuck", one.store, "store", self.rules, int(one.stuck is not None), stuck))
        if one.disk_free_bytes is not None:
            free = one.disk_free_bytes // MIB
            room: Facts = {"free_mib": rounded(free)}
            found.append(judged("disk_low", one.store, "store", self.rules, free, room, below=True))
        return found

    def _is_late(self, one: StoreFigures) -> bool:
        limit_us = (self.rules.of("worker_lagging").value or 0) * SECOND_US
        if one.state != "online" or one.head is None or one.seq is None:
            return False
        return one.head > one.seq and one.last_us - one.at_us > limit_us

    def _lagging(self, subject: str, facts: Facts, *, raised: bool) -> None:
        holds = self.rules.of("worker_lagging")
        verdict: Verdict = "raised" if raised and holds.enabled else "clear"
        self._records.take([Found("worker_lagging", "", subject, verdict, holds.severity, facts)])

    def _workers(self, now_us: int) -> None:
        limit_us = (self.rules.of("worker_lagging").value or 0) * SECOND_US
        known = {one.subject for one in unclosed(self._database, "worker_lagging")} - {"ingest"}
        for worker, seen_us in figures.workers(self._database):
            facts: Facts = {"what": worker, "since": self._stamper.text(seen_us)}
            self._lagging(worker, facts, raised=now_us - seen_us > limit_us)
            known.discard(worker)
        for worker in known:  # one that was stopped in order has no row
            self._lagging(worker, {}, raised=False)

    def _devices(self) -> Iterator[None]:
        after = ("", "")
        down: set[tuple[str, str]] = set()
        while rows := figures.devices_not_up(self._database, after):
            self._records.take([self._device(*row) for row in rows])
            down |= {(row[0], row[1]) for row in rows}
            after = (rows[-1][0], rows[-1][1])
            yield
        up = [one for one in unclosed(self._database, "device_down") if (one.store, one.subject) not in down]
        self._records.take([Found(one.rule, one.store, one.subject, "clear", one.severity, {}) for one in up])
        yield

    def _device(self, store: str, device: str, kind: str, state: str, since_at: str, at_us: int) -> Found:
        since_us = min(at_us, _us(since_at, at_us))
        down_s = (self._clock.wall_us() - since_us) // SECOND_US
        facts: Facts = {"device": device, "kind": kind, "state": state, "since": self._stamper.text(since_us)}
        return judged("device_down", store, device, self.rules, down_s, facts)

    def transfers(self) -> Iterator[None]:
        """What was sent and has not come."""
        now_us = self._clock.wall_us()
        after: tuple[int, str, str] = (0, "", "")
        since_us = now_us - HISTORY_DAYS * DAY_US
        while rows := figures.sent_and_open(self._database, since_us, after):
            self._records.take([self._transfer(now_us, *row) for row in rows])
            after = (rows[-1][0], rows[-1][1], rows[-1][2])
            yield

    def _transfer(self, now_us: int, at_us: int, store: str, document: str, place: str, done: int) -> Found:
        peer = place.removeprefix("transit:")
        hours = (now_us - at_us) // (3600 * SECOND_US)
        waits = hours >= (self.rules.of("transfer_overdue", store).value or 0)
        if not waits or figures.arrived(self._database, store, peer, document):
            hours = -1
        facts: Facts = {"document": document, "to": peer, "since": self._stamper.text(at_us)}
        found = judged("transfer_overdue", store, document, self.rules, hours, facts)
        if found.verdict == "raised":
            facts |= _apart("units", done, figures.sent_by_weight(self._database, store, document))
        return found

    # -- closing ------------------------------------------------------------------------------------------------------

    def closing(self) -> Iterator[None]:
        """What has been clearly better for its rule's hold time."""
        for rule, kind in RULES.items():
            while self._close_some(rule, kind.hold_s) == CLOSED_AT_ONCE:
                yield
        yield

    def _close_some(self, rule: str, hold_s: int) -> int:
        now_us = self._clock.wall_us()
        sql = (
            f"SELECT {ALERT} FROM alert WHERE rule = ? AND better_us <= ? AND closed_us IS NULL LIMIT {CLOSED_AT_ONCE}"
        )
        values = (rule, now_us - hold_s * SECOND_US)
        if not self._database.rows(sql, values):
            return 0
        with self._database.transaction():
            steps = [ended(alert_of(row), now_us, hold_s) for row in self._database.rows(sql, values)]
            for one in steps:
                if one is not None:
                    self._records.write(one)
        return len(steps)

    def forgetting(self) -> Iterator[None]:
        """Closed alerts of long ago, and days of the tills that sales are no longer kept of."""
        while self._records.forget():
            yield
        before = figures.day_of(self._clock.wall_us(), days=POS_DAYS_KEPT)
        for store, day in self._database.rows("SELECT store, day FROM pos_day WHERE day < ? LIMIT 1000", (before,)):
            with self._database.transaction():
                self._database.write("DELETE FROM pos_total WHERE store = ? AND day = ?", (store, day))
                self._database.write("DELETE FROM pos_day WHERE store = ? AND day = ?", (store, day))
            yield


def _apart(name: str, base_units: int, grams: int) -> Facts:
    """Pieces under that name, and what of the sum is goods by weight."""
    return {name: base_units - grams, **({"grams": grams} if grams else {})}


def _us(text: str, otherwise: int) -> int:
    try:
        return parse_us(text)
    except ValueError:
        return otherwise
