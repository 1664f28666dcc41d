"""A store's log with every kind of event that projections know, drawn from a seed: names come again, kinds mix."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.headoffice.logs import Log, line

SKUS = ("COLA", "RICE", "MILK", "SHIRT", "SHOE")
ZONES = ("backroom", "floor", "pickup")
PLACES = (*ZONES, "supplier", "customer", "scrap", "transit:S2", "transit:S7")
KINDS = ("received", "moved", "sold", "returned", "transferred", "adjusted", "reversed")


class Writer:
    def __init__(self, seed: int, store: str) -> None:
        self._draw = Random(seed)
        self.log = Log("L1", store=store)
        self._number = 1
        self._parent: dict[str, Any] | None = None
        self.log.open(self._stock(), more=self._more())

    def write(self, events: int) -> None:
        ways: list[tuple[Callable[[], None], int]] = [
            (self._movement, 60), (self._exception, 8), (self._resolved, 4), (self._reservation, 12), (self._tags, 6),
            (self._document, 6), (self._count, 4), (self._scan, 4),
        ]  # fmt: skip
        for _ in range(events):
            self._draw.choices([way for way, _ in ways], [weight for _, weight in ways])[0]()

    def begin_anew(self) -> Log:
        """A log that grows from this one; what is returned is the one that has ended."""
        ended = self.log
        self._number += 1
        self.log = Log(f"L{self._number}", store=ended.store)
        self._parent = ended.end()
        self.log.open(self._stock(), self._parent, more=self._more())
        return ended

    def state(self) -> None:
        """An opening in the middle of the log, which says something else than its events."""
        self.log.open(self._stock(), self._parent, more=self._more())

    def _stock(self) -> list[list[Any]]:
        rows = {(self._sku(), self._zone(), self._draw.choice((None, "A1"))) for _ in range(400)}
        return [[*key, "sellable", self._draw.randrange(-3, 50)] for key in sorted(rows, key=repr)]

    def _more(self) -> dict[str, list[list[Any]]]:
        places = [self._draw.choice(PLACES) for _ in range(300)]
        record = {"sku": "COLA", "quantity": 3, "made": 7, "picked": 0, "seq": 1}
        return {
            "tags": [[f"{n:04X}", self._sku(), place, "", "sellable", 1] for n, place in enumerate(places)],
            "books": [["reservation", f"R{n}", record] for n in range(3)],
        }

    def _sku(self) -> str:
        return self._draw.choice(SKUS)

    def _zone(self) -> str:
        return self._draw.choice(ZONES)

    def _epcs(self) -> list[str]:
        return [f"{self._draw.randrange(400):04X}" for _ in range(self._draw.randrange(1, 4))]

    def _write(self, kind: str, data: dict[str, Any]) -> None:
        day = self._draw.choice(("2026-06-01", "2026-07-09", "2026-09-06", "2026-09-07", "2031-01-01"))
        clock = self._draw.choice(("synced", "synced", "synced", "suspect"))
        self.log.write(kind, data, occurred_at=f"{day}T12:50:36.194+09:00", clock=clock)

    def _journal(self, kind: str, **data: Any) -> None:
        self._write("journal", {"kind": kind, **data})

    def _movement(self) -> None:
        lines = []
        for _ in range(self._draw.randrange(1, 4)):
            source, target = self._draw.sample(PLACES, 2)
            more: dict[str, Any] = {"from": source, "to": target}
            more |= {"epcs": self._epcs()} if self._draw.random() < 0.3 else {}
            more |= {"lot": "A1"} if self._draw.random() < 0.2 else {}
            lines.append(line(self._sku(), self._draw.randrange(1, 9), **more))
        data: dict[str, Any] = {"kind": self._draw.choice(KINDS), "lines": lines}
        data |= {"reservation": self._reserved()} if self._draw.random() < 0.4 else {}
        data |= {"resolves": {"seq": self._earlier()}} if self._draw.random() < 0.1 else {}
        self._write("movement", data)

    def _earlier(self) -> int:
        return self._draw.randrange(1, self.log.head + 1)

    def _reserved(self) -> str:
        return f"R{self._draw.randrange(12)}"

    def _exception(self) -> None:
        self._write("exception", {"kind": "negative_stock", "reason": "below_zero", "sku": self._sku(), "quantity": 3})

    def _resolved(self) -> None:
        seen = [one.seq for one in self.log.events if one.type == "exception"] or [1]
        self._journal("exception_resolved", concerns={"seq": self._draw.choice(seen)}, resolution="dismissed")

    def _reservation(self) -> None:
        kinds = ("made", "made", "made", "released", "expired", "picked")
        kind = self._draw.choice([*(f"reservation_{one}" for one in kinds), "pick_rejected"])
        name, quantity = self._reserved(), self._draw.randrange(1, 6)
        self._journal(kind, reservation=name, sku="COLA", quantity=quantity, zone="floor", order=f"O-{name}")

    def _tags(self) -> None:
        epcs, sku = self._epcs(), self._sku()
        place = self._draw.choice(PLACES)
        way = self._draw.randrange(3)
        if way == 0:
            self._journal("tags_departed", sku=sku, place=place, portal="door", quantity=1, epcs=epcs)
        elif way == 1:
            goods = {"sku": sku, "place": self._zone(), "disposition": "sellable", "quantity": 1}
            self._journal("tags_identified", epcs=epcs, **goods)
        else:
            written = {"gtin": "08801234567893", "serial": "7", "encoding": {"seq": 1}}
            self._journal("tag_written", epc=f"{self._draw.randrange(400):04X}", replaces=epcs[0], **written)

    def _document(self) -> None:
        name, kind = f"D{self._draw.randrange(4)}", self._draw.choice(("opened", "closed", "closed_short", "withdrawn"))
        place = {"document": name, "document_kind": "receipt", "revision": 1, "from": "supplier", "to": "backroom"}
        parts = self._draw.randrange(1, 4) if kind.startswith("closed") else 1
        for part in range(1, parts + 1):
            lines = [{"line": part, "sku": self._sku(), "expected": 5, "done": 4, "short": 1}]
            more = {"part": part, "parts": parts, "lines": lines} if kind.startswith("closed") else {}
            self._write("document", {"kind": kind, **place, **more})

    def _count(self) -> None:
        name, parts = f"C{self._draw.randrange(4)}", self._draw.randrange(1, 4)
        for part in range(1, parts + 1):
            counted = {"sku": self._sku(), "disposition": "sellable", "expected": 5, "counted": 3, "delta": -2}
            whole = {"blind": False, "lines_total": 3, "accuracy_permille": 900, "exact_permille": 0}
            self._write("count", {
                "kind": "approved", "count": name, "zone": "floor", "part": part, "parts": parts,
                "lines": [{**counted, "within": False}], "counted_by": [], **whole,
            })  # fmt: skip

    def _scan(self) -> None:
        self._journal("counted", session="s", zone="floor", sku=self._sku(), quantity=1)
