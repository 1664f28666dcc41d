"""A store for the screens' tests: a real feed, and plain values behind the rest of the view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta, timezone
from typing import Any

from starlette.requests import Request

from agent.capture.feed import Feed
from agent.capture.stations import Entry
from agent.capture.supervisor import DeviceStatus, State
from agent.capture.tags import CountShown, Found
from agent.operations import resolving
from agent.operations.books import MemoryBooks
from agent.operations.reservations import Orders
from agent.operations.rules import DEFAULTS
from agent.operations.values import Clerk, Session, Station
from agent.people import SCOPES
from agent.training.desk import Practices
from agent.web.access import Access, Denied, Principal
from agent.web.back import Back
from agent.web.view import Sync, View
from contract.catalog import Gtin, Item, Name
from contract.stock import StockRow
from contract.times import Stamper
from drivers.reads import Answer, Arrival, Notice

SEOUL = timezone(timedelta(hours=9))
NOON_US = 1_788_750_000_000_000  # 2026-09-07T12:00:00+09:00
ZONES = frozenset({"dock", "backroom", "salesfloor"})
HOSTILE = "<script>alert('x')</script>"


def entry(at_s: int, answer: Answer, text: str, station: str = "dock-1", **more: Any) -> Entry:
    """`more`: members of the session, which is None with `mode=None`, and of the entry."""
    state = {"language": "ko", "mode": "receive", "zone": "dock", "zone_to": None}
    state |= {name: more.pop(name) for name in list(more) if name in Session._fields}
    session = Session(station, "session", **state) if state["mode"] else None
    place = (state["mode"], state["zone"], state["zone_to"])
    at_us = NOON_US + at_s * 1_000_000
    return Entry(
        station, "scanner-1", at_us, answer, text, state["language"], 2100, at_s + 1, *place, session=session, **more
    )


def exception(seq: int, kind: str, reason: str, **data: Any) -> dict[str, Any]:
    return {
        "seq": seq,
        "type": "exception",
        "occurred_at": f"2026-09-07T12:{seq % 60:02d}:36.194+09:00",
        "clock": "synced",
        "source": {"device": "scanner-1", "station": "dock-1"},
        "data": {"kind": kind, "reason": reason, **data},
    }


def _no_ledger(*_asked: Any) -> Any:
    raise AssertionError("this store has no ledger: see tests/agent/web/branch.py")


class _Tray:
    """The state of a store with exceptions and nothing else."""

    def __init__(self, exceptions: list[dict[str, Any]]) -> None:
        self._events = {one["seq"]: one for one in exceptions}
        self.books = MemoryBooks()
        self.next_seq = max(self._events, default=0) + 1
        for seq, one in self._events.items():
            self.books.put(resolving.BOOK, resolving.key_of(seq), {"kind": one["data"]["kind"]})

    def event(self, seq: int) -> dict[str, Any] | None:
        return self._events.get(seq)

    def documents(self) -> list[Any]:
        return []


NO_LEDGER = Back(
    look=_no_ledger,
    do=_no_ledger,
    sell=_no_ledger,
    after=_no_ledger,
    before=_no_ledger,
    now_us=lambda: NOON_US,
    by_code=_no_ledger,
    search=_no_ledger,
    settings={},
    rules=DEFAULTS,
    orders=Orders(),
)


class Trusting(Access):
    """Takes everybody for a program that may do everything. Logins and limits have tests of their own."""

    def __init__(self) -> None: ...

    def limit(self, request: Request) -> None: ...

    def principal(self, request: Request) -> Principal:
        return Principal("token", "token test", scopes=frozenset(SCOPES))

    def writes(self, request: Request, who: Principal) -> None: ...

    def opens_for(self, request: Request) -> bool:
        return False

    async def check(self, request: Request, badge: str, pin: str) -> Clerk:
        raise Denied(403, "pin")


@dataclass
class Store:
    """Change a value, and the next request shows it. `broken` is raised by everything that reads the ledger."""

    language: Any = "ko"
    feed: Feed = field(default_factory=Feed)
    stations: tuple[Station, ...] = (
        Station("dock-1", "receive", "dock", "ko", ZONES),
        Station("backroom", "move", "backroom", "en", ZONES),
        Station("counter", "lookup", "salesfloor", "ko", ZONES),
    )
    devices: list[DeviceStatus] = field(
        default_factory=lambda: [
            DeviceStatus("scanner-1", State.UP, NOON_US, reads=1204, bad_reads=3),
            DeviceStatus(
                "scanner-2",
                State.DOWN,
                NOON_US + 60_000_000,
                reads=88,
                error="/dev/ttyACM0 is gone",
                hint="plug the scanner in again",
                traceback="Traceback: secret",
            ),
        ]
    )
    sync: Sync = field(default_factory=lambda: Sync(True, 1204, 112, 250, "synced"))
    rows: list[StockRow] = field(
        default_factory=lambda: [
            StockRow("MILK-1L", "backroom", "", "sellable", 1240),
            StockRow("MILK-1L", "salesfloor", "L2409", "damaged", 2),
            StockRow("RICE", "salesfloor", "", "sellable", -3),
            StockRow("SALAD", "dock", "", "sellable", 0),
            StockRow("BEEF", "salesfloor", "", "sellable", 12_450),
        ]
    )
    items: dict[str, Item] = field(
        default_factory=lambda: {
            "MILK-1L": Item(sku="MILK-1L", name=Name(ko="서울우유 1L", en="Seoul Milk 1 l")),
            "SHIRT-M": Item(
                sku="SHIRT-M",
                name=Name(ko="옥스퍼드 셔츠 M", en="Oxford shirt M"),
                gtins=(Gtin(gtin="80614141123458"),),
            ),
            "BEEF": Item(sku="BEEF", name=Name(ko="한우 등심"), base_unit="gram"),
        }
    )
    exceptions: list[dict[str, Any]] = field(
        default_factory=lambda: [
            exception(7, "bad_read", "checksum", code={"raw_hex": "0aff00"}),
            exception(9, "unknown_code", "unknown_trade_item", code={"text": "]d2\x1d0104012345123456"}),
        ]
    )
    readers: dict[str, str] = field(default_factory=dict)
    counts: dict[str, CountShown] = field(default_factory=dict)
    expected: dict[str, int] = field(default_factory=dict)
    found: dict[str, list[Found]] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    back: Back = NO_LEDGER
    access: Access = field(default_factory=Trusting)
    broken: Exception | None = None
    scanned: list[tuple[str, str, bool]] = field(default_factory=list)
    refusing: int = 0  # so many scans are not recorded
    held: list[Callable[[], None]] | None = None  # a list: answers wait in it
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    practices: Practices = field(default_factory=lambda: Practices(lambda: 1_757_217_000_000_000, Stamper(SEOUL)))

    def view(self) -> View:
        return View(
            store="seoul-01",
            language=self.language,
            version="0.1.0",
            stations=self.stations,
            feed=self.feed,
            devices=lambda: self.devices,
            sync=lambda: self.sync,
            stock=self._stock,
            exceptions=self._exceptions,
            item=self.items.get,
            expected=self._expected,
            count=self.counts.get,
            find=self._find,
            readers=self.readers,
            health=lambda: {"scans": self.feed.total},
            metrics=self._metrics,
            scan=self._scan,
            sessions=lambda: self.sessions,
            back=self.back if self.back is not NO_LEDGER else replace(NO_LEDGER, look=self._look),
            access=self.access,
            practices=self.practices,
            time_zone=SEOUL,
        )

    async def _metrics(self) -> str:
        return f"jaego_scans_total {self.feed.total}\n"

    def _scan(self, station: str, code: bytes, hear: Callable[[Entry], None], *, resent: bool, press: str) -> None:
        """A desk that takes everything for good."""
        self.scanned.append((station, code.decode(), resent))
        one = entry(200 + len(self.scanned), Answer.GOOD, code.decode(), station)
        if self.refusing:
            self.refusing -= 1
            one = replace(one, answer=Answer.STOP, said="not_written", seq=None)

        def answer() -> None:
            hear(one)
            self.feed.publish(one)

        if self.held is None:
            answer()
        else:
            self.held.append(answer)

    def _stock(self, sku: str | None, zone: str | None) -> list[StockRow]:
        self.asked.append(("stock", sku, zone))
        if self.broken is not None:
            raise self.broken
        return [row for row in self.rows if sku in {None, row.sku} and zone in {None, row.zone}]

    def _look(self, function: Any) -> Any:
        return function(_Tray(self.exceptions))

    def _expected(self, zone: str) -> int:
        self.asked.append(("expected", zone))
        if self.broken is not None:
            raise self.broken
        return self.expected.get(zone, 0)

    def _find(self, wanted: str) -> list[Found]:
        if self.broken is not None:
            raise self.broken
        return self.found.get(wanted, [])

    def _exceptions(self, limit: int) -> list[dict[str, Any]]:
        self.asked.append(("exceptions", limit))
        return self.exceptions[-limit:]


def busy_day(language: str = "ko") -> Store:
    """A store in the middle of its day, for the browser."""
    store = Store(language=language)
    station = replace(store.stations[0], language=language)
    store.stations = (station, *store.stations[1:])
    ko = language == "ko"
    lines = [
        (Answer.GOOD, "입고 모드" if ko else "Receiving"),
        (Answer.GOOD, "서울우유 1L 1 입고 · dock 재고 12" if ko else "Seoul Milk 1 l: 1 received, dock now 12"),
        (Answer.STOP, "멈춤: 등록되지 않은 코드 8801043014830" if ko else "Stop: unknown code 8801043014830"),
        (Answer.GOOD, "서울우유 1L 24 입고 · dock 재고 36" if ko else "Seoul Milk 1 l: 24 received, dock now 36"),
        (
            Answer.LOOK,
            "확인: 이미 처리된 스캔일 수 있습니다" if ko else "Look: this scan may already be counted",
        ),
        (
            Answer.GOOD,
            "유기농 현미 누룽지 대용량 실속포장 3kg 6 입고 · dock 재고 42"
            if ko
            else "Organic brown rice crisps family pack 3 kg: 6 received, dock now 42",
        ),
    ]
    name = "유기농 현미 누룽지 대용량 실속포장 3kg" if ko else "Organic brown rice crisps family pack 3 kg"
    goods = {"sku": "CRISPS", "name": name, "quantity": 6, "done": 42, "expected": 48, "document": "ASN-1001"}
    for at_s, (answer, line) in enumerate(lines):
        more = goods if at_s == len(lines) - 1 else {}
        store.feed.publish(entry(at_s * 7, answer, line, language=language, **more))
    moved = "Seoul Milk 1 l: 6 moved, salesfloor now 18"
    store.feed.publish(
        entry(60, Answer.GOOD, moved, "backroom", mode="move", zone="backroom", zone_to="salesfloor", language="en")
    )
    store.exceptions += [
        exception(11, "negative_stock", "below_zero", sku="RICE", zone="salesfloor", quantity=-3),
        exception(12, "not_done", "no_weight", code={"text": "2112345012349"}, sku="BEEF"),
        exception(13, "refused_code", "check_digit", code={"text": "8801043014831"}, detail="the check digit is 1"),
        exception(14, "possible_duplicate", "resent_after_restart", code={"text": "8801043014830"}),
    ]
    return store


EPC = "3034257BF7194E400000{:04X}"  # SGTIN-96 of 80614141123458 (EPC Tag Data Standard, E.3) with a serial number


def notice(code: str, message: str, hint: str, subject: str = "", device: str = "reader-1") -> Notice:
    return Notice(device, code, True, message, hint, Arrival(NOON_US, 0), subject)


def reader(*notices: Notice, state: State = State.UP) -> DeviceStatus:
    facts = {
        "region": "Korea",
        "firmware": "6.4.1.240",
        "model": "Impinj R420",
        "antennas": "1, 2 connected of 4 ports",
    }
    return DeviceStatus(
        "reader-1", state, NOON_US, reads=48_211, bytes_in=3_401_220, opened=2, notices=notices, facts=facts
    )


def tag(number: int, nearness: int, rssi_dbm: float | None, age_s: float = 0.1) -> Found:
    return Found(EPC.format(number), nearness, rssi_dbm, 1 + number % 2, "reader-1", age_s)


def tagged_day(language: str = "ko") -> Store:
    """The store with a reader at its dock: a count that is flat, an item that is looked for, conditions."""
    store = busy_day(language)
    store.rows.insert(0, StockRow("SHIRT-M", "salesfloor", "", "sellable", 24))
    store.readers["reader-1"] = "dock-1"
    store.devices.append(
        reader(
            notice("antenna_off", "antenna 2 is not connected", "check its cable and plug", "2"),
            notice("tag_storm", "too many tags at once", "lower the power"),
        )
    )
    store.expected["dock"] = 120
    store.counts["dock-1"] = CountShown("dock-1", "dock", 121, 3, 0.0, flat=True, waiting=0)
    line = "실사 모드 · dock" if language == "ko" else "Counting dock"
    store.feed.publish(entry(70, Answer.GOOD, line, mode="count", language=language))
    store.found["SHIRT-M"] = [
        tag(1, 82, -38.0),
        tag(2, 47, -54.0),
        tag(3, 12, -70.0, 1.4),
        tag(4, 0, None, 75.0),
    ]
    return store
