"""An outside judge. It knows what physically lies in the store, what was confirmed to whom, and every event that was
ever committed; it reckons by rules of its own and never asks the code that it judges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

Place = tuple[str, str, str]
"""SKU, zone and disposition."""
Effect = tuple[tuple[tuple[str, ...], int], ...]
"""What a scan did: changes of stock, and pieces counted; sorted, without zeros."""
NOTHING: Effect = ()
OUTSIDE = ("supplier", "customer", "scrap", "unknown")


class Broken(AssertionError):
    """A promise is broken."""


def effect(changes: Mapping[tuple[str, ...], int]) -> Effect:
    return tuple(sorted((key, value) for key, value in changes.items() if value))


def undone(one: Effect) -> Effect:
    return tuple((key, -value) for key, value in one)


def counted(sku: str, zone: str, quantity: int = 1) -> Effect:
    return effect({("counted", sku, zone): quantity})


def moved(sku: str, quantity: int, source: str, target: str, disposition: str = "sellable") -> Effect:
    changes: Counter[tuple[str, ...]] = Counter()
    _book(changes, {"sku": sku, "quantity": quantity, "from": source, "to": target, "disposition": disposition})
    return effect(changes)


def _book(held: Counter[Any], line: Mapping[str, Any]) -> None:
    was = line.get("from_disposition", line["disposition"])
    for place, state, sign in ((line["from"], was, -1), (line["to"], line["disposition"], 1)):
        if place not in OUTSIDE and not place.startswith("transit:"):
            held[line["sku"], place, state] += sign * line["quantity"]


def effect_of(events: Iterable[Mapping[str, Any]]) -> Effect:
    changes: Counter[tuple[str, ...]] = Counter()
    for one in events:
        data = one["data"]
        if one["type"] == "movement":
            for line in data["lines"]:
                _book(changes, line)
        elif data["kind"] == "counted":
            changes["counted", data["sku"], data["zone"]] += data["quantity"]
    return effect(changes)


class Judge:
    """`read` is given every event that a commit made durable, in order."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self.stock: Counter[Place] = Counter()
        self.premises: Counter[Place] = Counter()
        self.of_station: dict[str, list[int]] = {}
        self.confirmed: dict[int, Effect] = {}
        self.heard = 0  # confirmations that reached a person
        self.refused = 0  # and refusals
        self.resolved = 0  # scans without an answer, looked up afterwards
        self.stored = 0  # at head office, the most it ever had
        self.walked: Counter[tuple[str, str]] = Counter()  # EPC and zone: passages that physically happened
        self.passed: Counter[tuple[str, str]] = Counter()  # and that were told
        self.lies = False  # the disk gave up what it had confirmed

    @property
    def head(self) -> int:
        return len(self.events)

    def read(self, rows: Iterable[tuple[int, str, bytes]]) -> None:
        for seq, kind, body in rows:
            event: dict[str, Any] = orjson.loads(body)
            prev = self.events[-1]["hash"] if self.events else event["prev"]
            if (event["seq"], seq) != (self.head + 1, self.head + 1) or event["prev"] != prev or event["type"] != kind:
                raise Broken(f"event {seq} does not follow event {self.head}")
            self.events.append(event)
            self.bodies.append(bytes(body))
            self._fold(event)

    def _fold(self, event: dict[str, Any]) -> None:
        station = event["source"].get("station")
        if station is not None:
            self.of_station.setdefault(station, []).append(event["seq"])
        if event["type"] != "movement":
            return
        for line in event["data"]["lines"]:
            _book(self.stock, line)
            if event["source"].get("device") == "door-reader":
                self._told(event["seq"], line)

    def _told(self, seq: int, line: Mapping[str, Any]) -> None:
        for epc in line.get("epcs", ()):
            self.passed[epc, line["to"]] += 1
            if self.passed[epc, line["to"]] > self.walked[epc, line["to"]]:
                raise Broken(f"event {seq}: {epc} never went to {line['to']} so often")

    def after(self, station: str, mark: int) -> list[dict[str, Any]]:
        """Events of a station behind event `mark`."""
        return [self.events[seq - 1] for seq in self.of_station.get(station, ()) if seq > mark]

    def carry(self, one: Effect) -> None:
        """It physically happens."""
        for key, value in one:
            if len(key) == 3 and key[0] != "counted":
                self.premises[key] += value

    def confirm(self, seq: int | None, was: Effect, allowed: tuple[Effect, ...], what: object) -> None:
        """Somebody was told that it is so, or saw it on a screen."""
        if was not in allowed:
            raise Broken(f"{what}: it became {was}, may be {allowed}")
        if seq is not None:
            if seq > self.head:
                raise Broken(f"event {seq} was confirmed to a person, event {self.head} is the newest that is durable")
            self.confirmed[seq] = was

    def held_against(self, rows: list[tuple[int, str, bytes]], whose: str) -> None:
        """Everything that was durable once is there, as it was, once and in order; but for what was pruned, which head
        office has."""
        first, last = (rows[0][0], rows[-1][0]) if rows else (1, 0)
        if [row[0] for row in rows] != list(range(first, last + 1)):
            raise Broken(f"{whose}: numbers are not {first} to {last}")
        if last < self.head:
            raise Broken(f"{whose} ends with event {last}, {self.head} were durable: {self.head - last} are lost")
        if first > 1 and (self.events[first - 1]["data"]["kind"] != "opening" or self.stored < first - 1):
            raise Broken(f"{whose} begins with event {first}, head office has {self.stored}")
        for mine, row in zip(self.bodies[first - 1 :], rows, strict=False):
            if mine != bytes(row[2]):
                raise Broken(f"{whose}: event {row[0]} is not what was committed")

    def same_stock(self, rows: Iterable[tuple[str, str, str, str, int]], whose: str) -> None:
        found: Counter[Place] = Counter()
        for sku, zone, _lot, disposition, quantity in rows:
            found[sku, zone, disposition] += quantity
        if +found != +self.stock or -found != -self.stock:
            raise Broken(f"{whose}: stock is not the sum of movements: {differences(found, self.stock)}")

    def same_premises(self, skus: Iterable[str]) -> None:
        """What is booked is what lies there."""
        wanted = set(skus)
        found = Counter({key: value for key, value in self.stock.items() if key[0] in wanted})
        there = Counter({key: value for key, value in self.premises.items() if key[0] in wanted})
        if differences(found, there):
            raise Broken(f"booked and there: {differences(found, there)}")


def differences(one: Mapping[Place, int], other: Mapping[Place, int]) -> list[tuple[Place, int, int]]:
    keys = sorted({*one, *other})
    return [(key, one.get(key, 0), other.get(key, 0)) for key in keys if one.get(key, 0) != other.get(key, 0)]
