"""Plays a day's acts: what scanners, tills, a supervisor and head office do, over the store's own entrances."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime
from typing import Any

import httpx

from identity.control import encode
from simulators import day_plan as plan
from tests.day.store import SUPERVISORS_PIN, Store

ROUNDS_MAX = 4
CLERKS = {"dock": "Kim", "floor": "Lee", "office": "Park"}


class Staff:
    def __init__(self, store: Store, day: plan.Day) -> None:
        self._store = store
        self._day = day
        self._gtin = {one.sku: one.gtin for one in day.items}
        self._presses = itertools.count(1)
        self._sales = itertools.count(1)
        self._crashes = {60, 240}  # in the middle of the receipt, and of the count
        self._late: list[dict[str, str]] = []
        self._refused: dict[str, int] = {}  # station: the newest scan that was stopped
        for station, name in CLERKS.items():
            self._answered(station, store.badges[name])

    def play(self) -> None:
        scans = 0
        for act in self._day.acts():
            self._one(act)
            scans += isinstance(act, plan.Scan) and act.answer == "good"
            if scans in self._crashes:  # the work goes on where it was
                self._crashes.remove(scans)
                self._store.crash()

    def _one(self, act: plan.Act) -> None:
        match act:
            case plan.Scan(who, code, answer):
                self._scan(act, who, code, answer)
            case plan.Order(who, verb, argument):
                self._order(who, verb, argument)
            case plan.Approve(who):
                self.post("/approve", self._supervisor() | {"station": who, "seq": self._refused[who]})
            case plan.Resolve(code, sku, pieces):
                self._resolve(code, sku, pieces)
            case plan.Sale(sku, pieces, late):
                self._sell(sku, pieces, late=late)
            case plan.Recount(who):
                self._recount(who)
            case plan.LateFile():
                self._store.drop("late.csv", _csv(self._late))
            case plan.Reserve(name, sku, pieces):
                self.post("/reservations", {"reservation": name, "sku": sku, "quantity": pieces, "order": name})
            case plan.Handover(name, sku, pieces):
                self._till("counter", {"sku": sku, "quantity": pieces, "reservation": name})
            case plan.Announce(document):
                self._store.expect(document)
                self._until(lambda: self._store.client.get(f"/documents/{document['document']}").is_success)

    # -- at a station ------------------------------------------------------------------------------------------------

    def _answered(self, station: str, code: str) -> dict[str, Any]:
        headers = {"X-Jaego-Press": f"press-{next(self._presses):06}"}
        return self.post(f"/stations/{station}/scan", {"code": code}, headers)

    def _scan(self, act: plan.Scan, who: str, code: str, answer: str | None) -> None:
        told = self._answered(who, code)
        assert told["answer"] == answer or (answer is None and told["answer"] != "stop"), (act, told)
        if told["answer"] == "stop":
            self._refused[who] = told["seq"]

    def _recount(self, who: str) -> None:
        """By somebody who did not count: what the review asks for, round by round; then a supervisor's word."""
        count = self.get("/counts")["counts"][0]["count"]
        self._order(who, "MODE-COUNT")
        self._order(who, "ZONE", plan.FLOOR)
        for _ in range(ROUNDS_MAX):
            review = self.get(f"/counts/{count}")["lines"]
            gone = sorted({line["sku"] for line in review if line["counted"] is None})
            if gone:
                self.post(f"/counts/{count}/confirm-zero", {"skus": gone})
                review = self.get(f"/counts/{count}")["lines"]
            again = {line["sku"] for line in review if line["again"]}
            if not again:
                break
            self._order(who, "RECOUNT")
            for thing in self._day.premises.everything(plan.FLOOR, self._day.chance):
                if thing.sku in again:
                    assert self._answered(who, self._gtin[thing.sku])["answer"] == "good"
            self.post(f"/counts/{count}/submit", {})
        self.post(f"/counts/{count}/approve", self._supervisor())

    def _order(self, who: str, verb: str, argument: str | None = None) -> None:
        told = self._answered(who, encode(verb, argument))
        assert told["answer"] != "stop", (who, verb, argument, told)

    # -- elsewhere ---------------------------------------------------------------------------------------------------

    def _supervisor(self) -> dict[str, Any]:
        return {"badge": self._store.badges["Choi"], "pin": SUPERVISORS_PIN}

    def _resolve(self, code: str, sku: str, pieces: int) -> None:
        entries = self.get("/exceptions")["exceptions"]
        seq = next(one["seq"] for one in entries if code in one.get("text", ""))
        way = {"kind": "received", "from": "supplier", "to": plan.BACK}
        self.post(f"/exceptions/{seq}/book", {"sku": sku, "quantity": pieces, "way": way})

    def _sell(self, sku: str, pieces: int, *, late: bool) -> None:
        if not late:
            self._till("till-1", {"gtin": self._gtin[sku], "quantity": pieces})
            return
        self._late.append(
            {
                "transaction": f"late-{len(self._late) + 1}",
                "till": "till-2",
                "occurred_at": _now(),
                "gtin": self._gtin[sku],
                "quantity": str(pieces),
            }
        )
        self.get("/health")  # so that the next scan is of another millisecond

    def _till(self, till: str, line: dict[str, Any]) -> None:
        sale = {"transaction": f"sale-{next(self._sales)}", "till": till, "occurred_at": _now(), "lines": [line]}
        for status in ("taken", "known"):  # the till did not hear the first answer
            told = self.post("/sales", {"transactions": [sale]})
            assert [one["status"] for one in told["results"]] == [status], told

    # -- the wire ----------------------------------------------------------------------------------------------------

    def get(self, path: str) -> Any:
        return self._checked(self._store.client.get(path))

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> Any:
        while True:
            answer = self._store.client.post(path, json=body, headers=headers)
            if answer.status_code != 429:
                return self._checked(answer)
            time.sleep(float(answer.headers["retry-after"]))

    @staticmethod
    def _checked(answer: httpx.Response) -> Any:
        assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
        return answer.json()

    @staticmethod
    def _until(true: Any, timeout_s: float = 20.0) -> None:
        end_s = time.monotonic() + timeout_s
        while not true():
            assert time.monotonic() < end_s, "waited too long"
            time.sleep(0.02)

    def settled(self) -> None:
        """The file is taken, and head office has everything."""
        self._until(lambda: not self._late or self._store.done("late.csv"))
        self._until(lambda: self.get("/status")["sync"]["waiting"] == 0)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _csv(rows: list[dict[str, str]]) -> str:
    columns = ["transaction", "till", "occurred_at", "gtin", "quantity"]
    return "\n".join([",".join(columns), *(",".join(row[name] for name in columns) for row in rows)]) + "\n"
