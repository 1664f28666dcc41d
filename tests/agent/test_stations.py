"""The desk with a real ledger and a real catalogue: what the clerk hears is what became of the append."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

import pytest

from agent.capture.feed import BEHIND_MAX, KEPT, LISTENERS_MAX, Feed
from agent.capture.portals import Portal, PortalDesk
from agent.capture.sgtin import sgtin
from agent.capture.stations import Desk, Entry
from agent.capture.tags import TagDesk
from agent.catalogue import Catalogue
from agent.ledger.log import Ledger, Limits
from agent.ledger.reader import Reader
from agent.operations.rules import Rules
from agent.operations.values import Clerk, Station
from contract.catalog import parse_item
from contract.times import Stamper
from drivers.driver import Counters
from drivers.reads import Answer, BadRead, BarcodeRead, Fault, Notice, Read, SensorRead
from identity.control import encode
from tests.agent.clocks import FakeClock

COLA, CASE = "08801234567893", "18801234567890"
ITEM = {
    "sku": "COLA",
    "revision": 7,
    "name": {"ko": "콜라", "en": "Cola"},
    "gtins": [{"gtin": COLA, "units": 1, "level": "each"}, {"gtin": CASE, "units": 24, "level": "case"}],
}
ZONES = frozenset({"backroom", "salesfloor"})


class FakeDriver:
    """What a device hears, and how long the log was at that moment."""

    name = "scanner"
    facts: Mapping[str, str] = {}

    def __init__(self, folder: Path) -> None:
        self.counters = Counters()
        self.answers: list[tuple[int, Answer]] = []
        self.heads: list[int] = []
        self._reader = Reader(folder)

    def answer(self, read_id: int, answer: Answer) -> None:
        self.answers.append((read_id, answer))
        self.heads.append(self._reader.head())

    def close(self) -> None:
        self._reader.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.close()

    async def __aiter__(self) -> AsyncIterator[Read]:
        for read in ():
            yield read


class Shop:
    """A store with two stations; `loop` is what the event loop would run, one call at a time."""

    def __init__(self, folder: Path, limits: Limits | None = None, portals: Sequence[Portal] = ()) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.ledger = Ledger(
            folder, store="S1", clock=self.clock, stamper=Stamper(ZoneInfo("Asia/Seoul")), limits=limits
        )
        self.ledger.start()
        self.catalogue = Catalogue(folder / "catalogue.db")
        self.catalogue.upsert_many([parse_item(ITEM)])
        self.loop: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.entries: list[Entry] = []
        self.driver = FakeDriver(folder)
        self.reader = Reader(folder)
        self._reads = 0
        stations = {
            "dock": Station("dock", "receive", "backroom", "ko", ZONES, Rules(lock_idle_min=15)),
            "shop": Station("shop", "lookup", "salesfloor", "en", ZONES),
        }
        device_stations = {"dock-scanner": "dock", "shop-scanner": "shop"}
        self.locks: list[tuple[float, Callable[[], None]]] = []
        self.timers: list[Callable[[], None]] = []
        self.notices: list[Notice] = []
        self.tags, self.portals = self._tags(stations, device_stations), self._portals(portals)
        self.desk = Desk(
            stations=stations,
            device_stations=device_stations,
            items=self.catalogue,
            log=self.ledger,
            clock=self.clock,
            post=self.loop.put,
            show=self.entries.append,
            tags=self.tags,
            portals=self.portals,
            people={"B1": Clerk("c-1", "clerk", "Kim")}.get,
            epc_of=lambda gtin, serial: sgtin(gtin, serial, 7, 1),
            after=lambda seconds, call: self.locks.append((seconds, call)),
        )

    def _tags(self, stations: dict[str, Station], device_stations: dict[str, str]) -> TagDesk:
        return TagDesk(
            stations=stations,
            device_stations=device_stations,
            items=self.catalogue,
            log=self.ledger,
            clock=self.clock,
            post=self.loop.put,
            after=lambda _seconds, call: self.timers.append(call),
            counted=self.reader.counted,
        )

    def _portals(self, portals: Sequence[Portal]) -> PortalDesk:
        return PortalDesk(
            portals,
            items=self.catalogue,
            log=self.ledger,
            clock=self.clock,
            post=self.loop.put,
            after=lambda _seconds, _call: None,
            notice=self.notices.append,
        )

    def read(self, text: str | bytes, device: str = "dock-scanner") -> BarcodeRead:
        self._reads += 1
        data = text if isinstance(text, bytes) else text.encode()
        return BarcodeRead(device, self._reads, data, None, self.clock.now())

    def handle(self, read: Read) -> None:
        self.desk.handle(read, self.driver)

    def scan(self, text: str | bytes, device: str = "dock-scanner") -> Entry:
        self.handle(self.read(text, device))
        self.turn()
        return self.entries[-1]

    def turn(self) -> None:
        """One call of the event loop."""
        self.loop.get(timeout=10)()

    def hold(self) -> threading.Event:
        """Keeps the writer busy until the event is set."""
        entered, go = threading.Event(), threading.Event()
        self.ledger.submit(lambda _tx: (entered.set(), go.wait(10)), lambda *_: None)
        assert entered.wait(10)
        return go

    def close(self) -> None:
        self.ledger.close()
        self.catalogue.close()
        self.reader.close()
        self.driver.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    opened = Shop(tmp_path)
    yield opened
    opened.close()


def test_the_answer_comes_after_the_commit(shop: Shop) -> None:
    go = shop.hold()
    for _ in range(3):
        shop.handle(shop.read(COLA))
    assert (shop.driver.answers, shop.entries, shop.loop.empty()) == ([], [], True)
    go.set()
    for _ in range(3):
        shop.turn()
    assert shop.driver.answers == [(1, Answer.GOOD), (2, Answer.GOOD), (3, Answer.GOOD)]
    assert [entry.seq for entry in shop.entries] == [3, 4, 5]
    assert all(head >= (entry.seq or 0) for head, entry in zip(shop.driver.heads, shop.entries, strict=True))
    assert shop.reader.stock()[0].quantity == 3


def test_an_entry_says_who_what_where_and_how_fast(shop: Shop) -> None:
    read = shop.read(CASE)
    shop.clock.advance(0.005)
    shop.handle(read)
    shop.turn()
    entry = shop.entries[-1]
    assert entry.text == "콜라 24 입고 · backroom 재고 24"
    assert (entry.station, entry.device, entry.language) == ("dock", "dock-scanner", "ko")
    assert (entry.answer, entry.at_us, entry.latency_us) == (Answer.GOOD, read.arrived.wall_us, 5000)
    assert (entry.mode, entry.zone, entry.zone_to) == ("receive", "backroom", None)


def test_each_station_speaks_its_language_and_a_clerk_may_change_it(shop: Shop) -> None:
    shop.scan(CASE)
    assert shop.scan(COLA, "shop-scanner").text == "Cola: 24 on hand"
    assert shop.scan(encode("LANG-KO"), "shop-scanner").text == "한국어"
    assert shop.scan(COLA, "shop-scanner").text == "콜라 · 재고 24"
    assert shop.scan("rubbish").text == "멈춤: 등록되지 않은 코드 rubbish"
    shop.scan(encode("LANG-EN"))
    assert shop.scan("rubbish").text == "Stop: unknown code rubbish"


def test_a_full_queue_stops_and_is_counted(tmp_path: Path) -> None:
    shop = Shop(tmp_path, Limits(queue_max=1))
    go = shop.hold()
    shop.handle(shop.read(COLA))
    shop.handle(shop.read(COLA))  # one waits already
    assert shop.driver.answers == [(2, Answer.STOP)]
    assert shop.entries[-1].text.startswith("멈춤: 기록하지 못했습니다")
    assert shop.desk.tally.not_written == 1
    go.set()
    shop.turn()
    assert shop.driver.answers[-1] == (1, Answer.GOOD)
    assert shop.scan(COLA).answer is Answer.GOOD
    assert shop.reader.stock()[0].quantity == 2
    shop.close()


def test_a_full_disk_stops_and_the_next_scan_works_again(shop: Shop) -> None:
    shop.scan(COLA)
    pages = shop.ledger.call(lambda tx: tx.execute("PRAGMA page_count").fetchone()[0])
    shop.ledger.call(lambda tx: tx.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    go = shop.hold()
    for _ in range(200):  # one group: more than the free space of the last page
        shop.handle(shop.read("x" * 1000))
    go.set()
    for _ in range(200):
        shop.turn()
    assert {answer for _id, answer in shop.driver.answers[1:]} == {Answer.STOP}
    said = "멈춤: 디스크가 가득 차서 기록하지 못했습니다. 공간이 생기면 다시 스캔하세요"
    assert {(entry.said, entry.text) for entry in shop.entries[1:]} == {("not_written", said)}
    assert shop.desk.tally.not_written == 200
    shop.ledger.call(lambda tx: tx.execute("PRAGMA max_page_count = 1000000").fetchone())
    assert shop.scan(COLA).seq == 4


def test_a_ledger_that_ended_stops_every_scan(shop: Shop) -> None:
    shop.ledger.close()
    shop.handle(shop.read(COLA))
    assert shop.driver.answers == [(1, Answer.STOP)]
    assert shop.desk.tally.not_written == 1


def test_a_code_from_a_device_without_a_station_is_kept_and_stops(shop: Shop) -> None:
    entry = shop.scan(COLA, "nobody's")
    assert (entry.station, entry.answer) == (None, Answer.STOP)
    event = shop.reader.newest(1)[0]
    assert (event["type"], event["data"]["reason"], event["source"]) == (
        "exception",
        "unexpected",
        {"device": "nobody's"},
    )
    assert bytes.fromhex(event["data"]["code"]["raw_hex"]).decode() == COLA
    assert shop.driver.answers == [(1, Answer.STOP)]


@pytest.mark.parametrize(("device", "station"), [("dock-scanner", "dock"), ("nobody", None)])
def test_a_bad_read_is_written_answered_and_shown(shop: Shop, device: str, station: str | None) -> None:
    shop.handle(BadRead(device, 9, b"\x00\x01", Fault.CHECKSUM, "wrong sum", shop.clock.now()))
    shop.turn()
    assert (shop.entries[-1].station, shop.entries[-1].answer) == (station, Answer.STOP)
    assert shop.driver.answers == [(9, Answer.STOP)]
    assert shop.reader.newest(1)[0]["data"]["kind"] == "bad_read"


def test_levels_of_sensors_are_counted(shop: Shop) -> None:
    shop.handle(SensorRead("dock-scanner", 1, True, shop.clock.now()))
    assert shop.desk.tally.sensor_reads == 1
    assert shop.entries == []


def test_the_tally(shop: Shop) -> None:
    for text in (COLA, "rubbish", encode("UNDO"), encode("UNDO"), b"\xff"):
        shop.scan(text)
    shop.handle(BadRead("dock-scanner", 9, b"", Fault.FRAMING, "", shop.clock.now()))
    shop.turn()
    tally = shop.desk.tally
    assert (tally.scans, tally.bad_reads, tally.exceptions, tally.not_written) == (5, 1, 3, 0)


def test_a_decision_without_events_still_answers(shop: Shop) -> None:
    shop.scan(COLA)
    shop.scan(encode("UNDO"))
    head = shop.reader.head()
    entry = shop.scan(encode("UNDO"))
    assert (entry.answer, entry.seq, entry.text) == (Answer.LOOK, None, "취소할 내역이 없습니다")
    assert shop.reader.head() == head


def test_a_damaged_catalogue_stops_codes_keeps_them_and_leaves_orders_alone(shop: Shop) -> None:
    shop.scan(COLA)
    raw = sqlite3.connect(shop.folder / "catalogue.db")
    raw.execute("UPDATE item SET body = 'no json'")
    raw.commit()
    raw.close()
    entry = shop.scan(COLA)
    assert (entry.answer, entry.text) == (Answer.STOP, "멈춤: 상품 목록을 읽을 수 없습니다")
    data = shop.reader.newest(1)[0]["data"]
    assert (data["kind"], data["reason"], data["code"]["text"]) == ("not_done", "no_catalogue", COLA)
    assert "damaged" in data["detail"]
    assert shop.scan(encode("UNDO")).answer is Answer.GOOD


def test_a_deleted_item_is_unknown(shop: Shop) -> None:
    shop.catalogue.delete("COLA")
    assert shop.scan(COLA).text == f"멈춤: 등록되지 않은 코드 {COLA}"


# -- the feed ----------------------------------------------------------------------------------------------------------


def entry_of(station: str | None, number: int) -> Entry:
    return Entry(station, "d", number, Answer.GOOD, str(number), "ko", 1, number)


def test_the_feed_keeps_the_newest_of_each_station() -> None:
    feed = Feed()
    for number in range(KEPT + 10):
        feed.publish(entry_of("dock", number))
    feed.publish(entry_of(None, 1))
    assert [one.seq for one in feed.recent("dock")] == list(range(10, KEPT + 10))
    assert [one.station for one in feed.recent("")] == [None]
    assert feed.recent("elsewhere") == []
    assert feed.total == KEPT + 11


def test_listeners_hear_their_station_and_one_that_is_behind_hears_the_newest() -> None:
    async def play() -> None:
        feed = Feed()
        with feed.listen("dock") as mine, feed.listen() as everything:
            feed.publish(entry_of("dock", 1))
            feed.publish(entry_of("shop", 2))
            assert (mine.qsize(), everything.qsize()) == (1, 2)
            for number in range(BEHIND_MAX + 5):
                feed.publish(entry_of("dock", number))
            assert mine.qsize() == BEHIND_MAX
            assert mine.get_nowait().seq == 5
        feed.publish(entry_of("dock", 3))
        assert mine.qsize() == BEHIND_MAX - 1

    asyncio.run(play())


def test_listeners_have_a_limit() -> None:
    feed = Feed()
    held = [feed.listen() for _ in range(LISTENERS_MAX)]
    for one in held:
        one.__enter__()
    with pytest.raises(OverflowError), feed.listen():
        pass
    held[0].__exit__(None, None, None)
    with feed.listen():
        pass
