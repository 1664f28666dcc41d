"""Thirty stores, five hundred items, two weeks of history, through the real ingest: what the desk's pages show.

    python -m tests.browser.hq_data FILE      writes a database to look at: jaego-hq desk --db FILE --open

The same seed makes the same history; it ends now. Who keeps `World` can go on: `world.hour(…)`.
"""

from __future__ import annotations

import random
import sys
import time
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import orjson

from contract.catalog import gtin14, parse_item
from contract.chain import Sealed, seal
from contract.ids import uuid7
from headoffice.database import Database
from headoffice.ingest import Ingest
from headoffice.items import wire
from headoffice.store import Store
from headoffice.storing import Batch
from identity.check import gs1_digit
from tests.browser import hq_care
from tests.headoffice.logs import Log, line

KST = timezone(timedelta(hours=9))
CITIES = (("seoul", 12), ("busan", 6), ("daegu", 4), ("incheon", 4), ("gwangju", 2), ("jeju", 2))
DAYS = 14
OPENS, CLOSES = 9, 21
GOODS = (
    ("음료", "Beverages", (("콜라", "Cola"), ("사이다", "Cider"), ("오렌지주스", "Orange juice"), ("생수", "Water"),
                         ("캔커피", "Canned coffee"), ("녹차", "Green tea"), ("이온음료", "Sports drink"))),
    ("유제품", "Dairy", (("우유", "Milk"), ("저지방 우유", "Low-fat milk"), ("요거트", "Yoghurt"), ("치즈", "Cheese"),
                      ("버터", "Butter"))),
    ("과자", "Snacks", (("새우 스낵", "Shrimp crackers"), ("초코파이", "Choco pie"), ("감자칩", "Crisps"),
                      ("쌀과자", "Rice crackers"), ("젤리", "Jelly"), ("비스킷", "Biscuits"))),
    ("라면", "Noodles", (("매운 라면", "Spicy noodles"), ("짜장 라면", "Black bean noodles"), ("컵라면", "Cup noodles"),
                       ("우동", "Udon"))),
    ("생활용품", "Household", (("세탁세제", "Detergent"), ("휴지", "Tissue"), ("치약", "Toothpaste"),
                          ("샴푸", "Shampoo"), ("물티슈", "Wipes"))),
    ("의류", "Clothing", (("티셔츠", "T-shirt"), ("양말", "Socks"), ("니트", "Knit"), ("청바지", "Jeans"))),
    ("과일", "Fruit", (("사과", "Apples"), ("배", "Pears"), ("감귤", "Mandarins"))),
)  # fmt: skip
BRANDS = (("한빛", "Hanbit"), ("푸른", "Pureun"), ("새벽", "Saebyeok"), ("다온", "Daon"), ("미르", "Mir"))
SIZES = ("S", "M", "L", "XL")
ITEMS = 500
REASONS = ("damaged", "found", "shrinkage")


def items(count: int = ITEMS) -> list[dict[str, Any]]:
    every = [
        ((korean, english), brand, name, size)
        for korean, english, names in GOODS
        for name in names
        for brand in BRANDS
        for size in SIZES
    ]
    chosen = random.Random(3).sample(every, count)
    return [_item(number, *one) for number, one in enumerate(sorted(chosen))]


def _item(
    number: int, category: tuple[str, str], brand: tuple[str, str], name: tuple[str, str], size: str
) -> dict[str, Any]:
    digits = f"880{number:09d}"
    return {
        "sku": f"{category[1][:3].upper()}-{number:04d}",
        "revision": number + 1,
        "name": {"ko": f"{brand[0]} {name[0]} {size}", "en": f"{brand[1]} {name[1]} {size}"},
        "gtins": [{"gtin": gtin14(digits + gs1_digit(digits))}],
        "base_unit": "gram" if category[1] == "Fruit" else "each",
        "category": category[0],
        "thresholds": {"min": 15, "max": 1_000} if category[1] != "Fruit" else {"min": 5_000, "max": 200_000},
    }


class Branch(Log):
    """A store that lives: what its clerks do in an hour, written as its agent does."""

    def __init__(self, store: str, assortment: list[dict[str, Any]], chance: random.Random) -> None:
        super().__init__(f"{store}-1", store=store)
        self.chance = chance
        self.assortment = assortment
        self.now = datetime.now(KST)
        self.taken = 0  # events that head office has
        self.held: dict[tuple[str, str], int] = defaultdict(int)
        self.papers = 0
        self.size = chance.uniform(0.6, 1.7)
        self.coming: list[tuple[str, str, int]] = []  # from stores, SKU, quantity

    def write(self, kind: str, data: dict[str, Any], **source: str) -> Sealed:
        self.now += timedelta(seconds=self.chance.uniform(1, 40))
        seq, at = self.head + 1, self.now.isoformat(timespec="milliseconds")
        rest = {
            "store": self.store, "log": self.name, "seq": seq,
            "id": uuid7(int(self.now.timestamp() * 1000), self.chance.randbytes(10)), "occurred_at": at,
            "recorded_at": at, "clock": "synced", "source": {"station": "till-1", **source}, "prev": self.hash,
        }  # fmt: skip
        self.events.append(seal(kind, data, rest))
        return self.events[-1]

    def begin(self, now: datetime) -> None:
        self.now = now
        rows = []
        for item in self.assortment:
            unit = 1000 if item["base_unit"] == "gram" else 1
            for zone, low, high in (("backroom", 10, 90), ("salesfloor", 6, 40)):
                quantity = self.chance.randint(low, high) * unit
                rows.append((item["sku"], zone, None, "sellable", quantity))
                self.held[item["sku"], zone] = quantity
        self.open(sorted(rows))

    def move(self, kind: str, lines: list[dict[str, Any]], source: dict[str, str] | None = None, **more: Any) -> Sealed:
        for one in lines:
            for place, sign in ((one["from"], -1), (one["to"], 1)):
                if one["disposition"] == "sellable" and "lot" not in one:
                    self.held[one["sku"], place] += sign * one["quantity"]
        return self.write("movement", {"kind": kind, "lines": lines, **more}, **(source or {}))

    def pick(self) -> dict[str, Any]:
        """What sells well stands at the beginning."""
        return self.assortment[int(len(self.assortment) * self.chance.random() ** 2)]

    def units(self, most: int) -> tuple[str, int]:
        item = self.pick()
        return item["sku"], self.chance.randint(1, most) * (180 if item["base_unit"] == "gram" else 1)

    def hour(self, now: datetime, peers: list[Branch], busy: float = 1.0) -> None:
        self.now = now
        for _ in range(round(self.chance.gauss(4.5, 1.5) * self.size * busy)):
            self.sell()
        for share, act in (
            (0.25, self.give_back),
            (0.5, self.refill),
            (0.12, self.receive_document),
            (0.12, self.adjust),
            (0.15, self.complain),
            (0.2, self.reserve),
            (0.05, self.count),
        ):
            if self.chance.random() < share * busy:
                act()
        if self.chance.random() < 0.05 * busy:
            self.send(self.chance.choice(peers))
        for peer, sku, quantity in self.coming:
            self.move("received", [line(sku, quantity, **{"from": f"transit:{peer}", "to": "backroom"})])
        self.coming = []

    def sell(self) -> None:
        lines = {}
        for _ in range(self.chance.randint(1, 4)):
            sku, quantity = self.units(3)
            if self.held[sku, "salesfloor"] >= quantity or self.chance.random() < 0.02:
                lines[sku] = line(sku, quantity, **{"from": "salesfloor", "to": "customer"})
        if lines:
            self.move("sold", list(lines.values()))

    def give_back(self) -> None:
        sku, quantity = self.units(1)
        self.move("returned", [line(sku, quantity, **{"from": "customer", "to": "salesfloor"})], reason="changed_mind")

    def refill(self) -> None:
        needed = sorted(self.assortment, key=lambda one: self.held[one["sku"], "salesfloor"])[:6]
        lines = []
        for item in needed:
            quantity = min(self.held[item["sku"], "backroom"], 40 if item["base_unit"] == "each" else 8000)
            if quantity > 0:
                lines.append(line(item["sku"], quantity, **{"from": "backroom", "to": "salesfloor"}))
        if lines:
            self.move("moved", lines, {"station": "backroom"})

    def receive_document(self) -> None:
        self.papers += 1
        name = f"ASN-{self.store.upper()}-{self.papers:03d}"
        paper = {"document": name, "document_kind": "receipt", "revision": 1, "from": "supplier", "to": "backroom"}
        self.write("document", {"kind": "opened", **paper})
        needed = sorted(self.assortment, key=lambda one: self.held[one["sku"], "backroom"])[:12]
        results = []
        for number, item in enumerate(needed, start=1):
            unit = 1000 if item["base_unit"] == "gram" else 1
            expected = self.chance.choice((24, 36, 48, 60)) * unit
            done = max(0, expected + self.chance.choice((0, 0, 0, 0, 0, -2, -6, 1)) * unit)
            if done:
                dated = {"lot": f"L{self.now:%m%d}{number:02d}"} if item["category"] == "유제품" else {}
                moved = line(item["sku"], done, **dated)
                self.move("received", [moved], {"station": "dock", "document": name})
            results.append({
                "line": number, "sku": item["sku"], "lot": None, "expected": expected, "done": done, "damaged": 0,
                "over": max(0, done - expected), "short": max(0, expected - done),
            })  # fmt: skip
        if self.chance.random() < 0.85:
            kind = "closed_short" if any(one["short"] for one in results) else "closed"
            self.write("document", {"kind": kind, **paper, "part": 1, "parts": 1, "lines": results})

    def adjust(self) -> None:
        sku, _ = self.units(1)
        reason = self.chance.choice(REASONS)
        if reason == "found":
            lines = [line(sku, 1, **{"from": "unknown", "to": "salesfloor"})]
        elif reason == "damaged":
            lines = [line(sku, 1, **{"from": "salesfloor", "to": "backroom", "disposition": "damaged",
                                     "from_disposition": "sellable"})]  # fmt: skip
        else:
            lines = [line(sku, 1, **{"from": "salesfloor", "to": "unknown"})]
        self.move("adjusted", lines, {"station": "salesfloor"}, reason=reason)

    def complain(self) -> None:
        kind = self.chance.choice(("unknown_code", "unknown_code", "bad_read", "possible_duplicate", "over_delivery"))
        sku, _ = self.units(1)
        data = {"kind": kind, "reason": kind, "zone": "backroom"}
        if kind in {"unknown_code", "bad_read"}:
            data["code"] = {"text": f"88{self.chance.randrange(10**11):011d}"}  # type: ignore[assignment]
        else:
            data |= {"sku": sku, "quantity": 1}  # type: ignore[dict-item]
        seen = self.write("exception", data, station="dock")
        if self.chance.random() < 0.6:
            concerns = {"seq": orjson.loads(seen.body)["seq"]}
            settled = self.chance.choice(("dismissed", "booked", "assigned"))
            self.write("journal", {"kind": "exception_resolved", "concerns": concerns, "resolution": settled})

    def reserve(self) -> None:
        self.papers += 1
        sku, quantity = self.units(3)
        until = (self.now + timedelta(days=2)).isoformat(timespec="seconds")
        made = {"reservation": f"R-{self.store}-{self.papers}", "sku": sku, "quantity": quantity,
                "order": f"O-{self.papers:05d}", "expires_at": until}  # fmt: skip
        self.write("journal", {"kind": "reservation_made", **made})
        if self.chance.random() < 0.7:
            self.write("journal", {"kind": "reservation_released", **made})

    def count(self) -> None:
        self.papers += 1
        chosen = self.chance.sample(self.assortment, 25)
        lines, wrong = [], 0
        for item in chosen:
            expected = max(0, self.held[item["sku"], "salesfloor"])
            delta = self.chance.choice((0,) * 14 + (-1, -2, 1))
            counted = max(0, expected + delta)
            lines.append(
                {
                    "sku": item["sku"],
                    "lot": None,
                    "disposition": "sellable",
                    "expected": expected,
                    "counted": counted,
                    "delta": counted - expected,
                    "within": abs(counted - expected) <= 1,
                }
            )
            wrong += counted != expected
        within = sum(one["within"] for one in lines)
        approved = self.write("count", {
            "kind": "approved", "count": f"C-{self.papers:04d}", "zone": "salesfloor", "blind": True, "part": 1,
            "parts": 1, "lines": lines, "lines_total": len(lines), "accuracy_permille": within * 1000 // len(lines),
            "exact_permille": (len(lines) - wrong) * 1000 // len(lines), "counted_by": ["k1"], "approved_by": "k2",
        }, station="salesfloor")  # fmt: skip
        posted = [
            line(one["sku"], abs(one["delta"]), **({"from": "unknown", "to": "salesfloor"} if one["delta"] > 0
                                                   else {"from": "salesfloor", "to": "unknown"}))
            for one in lines if one["delta"]
        ]  # fmt: skip
        if posted:
            self.move("adjusted", posted, count={"seq": orjson.loads(approved.body)["seq"]}, reason="count")

    def send(self, peer: Branch) -> None:
        if peer is not self:
            sku, quantity = self.units(6)
            self.move("transferred", [line(sku, quantity, **{"from": "backroom", "to": f"transit:{peer.store}"})])
            if self.chance.random() < 0.7:  # the others are still on their way
                peer.coming.append((self.store, sku, quantity))


class World:
    """`storage` has everything up to now; `hour` and `save` go on."""

    def __init__(self, storage: Store, seed: int = 7) -> None:
        self.storage = storage
        self.chance = random.Random(seed)
        self.items = items()
        names = [f"{city}-{number:02d}" for city, count in CITIES for number in range(1, count + 1)]
        self.branches = [Branch(name, self._assortment(), self.chance) for name in names]
        self._engines = {one.store: Ingest(one.store) for one in self.branches}

    def _assortment(self) -> list[dict[str, Any]]:
        return [one for one in self.items if self.chance.random() < 0.6]

    def live(self, now: datetime, days: int = DAYS) -> None:
        """`days` of history that end at `now`."""
        master(self.storage.database, self.items)
        first = (now - timedelta(days=days - 1)).replace(hour=OPENS, minute=0, second=0, microsecond=0)
        for branch in self.branches:
            branch.begin(first - timedelta(hours=1))
        self.save(first - timedelta(minutes=30))
        for day in range(days):
            for hour in range(CLOSES - OPENS):
                at = first + timedelta(days=day, hours=hour)
                if at + timedelta(hours=1) <= now:
                    self.hour(at, 1.35 if at.weekday() >= 5 else 1.0)
                    self.save(at + timedelta(minutes=59))
        at = now - timedelta(minutes=4)
        self.hour(at, 0.4)
        self.save(now - timedelta(seconds=20))

    def hour(self, at: datetime, busy: float) -> None:
        for branch in self.branches:
            branch.hour(at, self.branches, busy)

    def save(self, at: datetime) -> None:
        """What the stores have written since the last time, in one round."""
        batches = []
        for branch in self.branches:
            engine = self._engines[branch.store]
            batch = Batch(branch.store, engine.position)
            for first in range(branch.taken + 1, branch.head + 1, 100):
                outcome = engine.receive(branch.message(first, min(first + 99, branch.head)))
                assert not outcome.refusals, outcome.refusals[0].reason
                batch.add(outcome, engine.position, engine.key)
            branch.taken = branch.head
            batches.append(batch)
        self.storage.save([one for one in batches if one.accepted], int(at.timestamp() * 1e6))


def master(database: Database, found: list[dict[str, Any]]) -> None:
    with database.transaction():
        for one in found:
            item = parse_item(one)
            database.write(
                "INSERT INTO item (sku, revision, name_ko, name_en, category, base_unit, stock_min, stock_max, "
                "deleted, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?)",
                (item.sku, item.revision, item.name.ko, item.name.en, item.category, item.base_unit,
                 item.thresholds.min if item.thresholds else None, item.thresholds.max if item.thresholds else None,
                 orjson.dumps(wire(item))),
            )  # fmt: skip
            database.write("INSERT INTO item_gtin VALUES (?, ?)", (item.gtins[0].gtin, item.sku))


def world(path: Path, now: datetime | None = None, days: int = DAYS) -> World:
    """A database with everything that pages show; its `storage` is open for writing."""
    made = World(Store(path))
    at = now or datetime.now(KST)
    made.live(at, days)
    hq_care.fill(made.storage.database, [(one.store, one.name, one.head) for one in made.branches], at)
    return made


if __name__ == "__main__":
    begun = time.monotonic()
    filled = world(Path(sys.argv[1]))
    events = sum(one.head for one in filled.branches)
    filled.storage.close()
    sys.stdout.write(f"{len(filled.branches)} stores, {events:,} events in {time.monotonic() - begun:.1f} s\n")
