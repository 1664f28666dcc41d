"""Three clerks scan whatever comes into their heads; an independent tally says what stock must be afterwards."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.ledger import files, rebuild
from agent.ledger.log import Ledger
from agent.ledger.reader import Reader, verify
from agent.ledger.transaction import Transaction
from agent.operations import scans
from agent.operations.values import Context, Scan, Station
from contract.events import EVENT
from contract.stock import event_deltas
from contract.times import Stamper
from drivers.reads import Answer, BarcodeRead
from identity import identify
from identity.control import encode
from tests.agent.clocks import FakeClock
from tests.agent.ledger.stated import same_again
from tests.agent.operations.memory import BEER, CASE, COLA, HAM, PRODUCTS, START_US, UNDO, Memory, station

Move = tuple[str, str, str, int]  # SKU, from, to, base units
GOODS = {COLA: ("COLA", 1), CASE: ("COLA", 24), BEER: ("BEER", 6), f"01{HAM}3103000500": ("HAM", 500)}
ZONES = {encode("ZONE", name): name for name in ("backroom", "salesfloor", "Freezer")}
MODES = {encode("MODE-RECEIVE"): "receive", encode("MODE-MOVE"): "move", encode("MODE-LOOKUP"): "lookup"}
OUT = encode("LOGOUT")
STATIONS = {
    "dock": station("dock", "receive", "backroom"),
    "back": station("back", "move", "salesfloor"),
    "desk": station("desk", "lookup", "Freezer"),
}

codes = st.one_of(
    st.sampled_from(sorted(GOODS)),
    st.sampled_from(sorted(GOODS)),
    st.sampled_from([UNDO, UNDO, OUT, *ZONES, *MODES, "rubbish", HAM, encode("ZONE", "MOON")]),
)
scan = st.tuples(st.sampled_from(sorted(STATIONS)), codes)
days = st.lists(scan, min_size=15, max_size=60)  # a longer minimum gives longer days: more sessions, deeper undo
RESTART = ("", "")


@dataclass
class Clerk:
    """A second opinion: what the operations' rules say, written without the operations' code."""

    at: Station
    mode: str = ""
    origin: str | None = None
    target: str | None = None
    done: list[Move] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.mode, self.target, self.done = self.at.mode, None, []
        self.origin = self.at.zone if self.at.mode == "receive" else None

    def scan(self, code: str, stock: Counter[tuple[str, str]]) -> None:
        if code == OUT:
            self._begin()
        elif code == UNDO and self.done:
            sku, origin, target, units = self.done.pop()
            stock[sku, origin] += units
            stock[sku, target] -= units
        elif code in MODES:
            self.mode, self.target = MODES[code], None
            self.origin = self.at.zone if self.mode == "receive" else None
        elif code in ZONES:
            if self.mode == "move" and self.origin is not None:
                self.target = ZONES[code] if ZONES[code] != self.origin else self.target
            else:
                self.origin = ZONES[code]
        elif code in GOODS:
            self._goods(*GOODS[code], stock)

    def _goods(self, sku: str, units: int, stock: Counter[tuple[str, str]]) -> None:
        if self.mode == "receive":
            move = (sku, "supplier", self.origin or "", units)
        elif self.mode == "move" and self.origin and self.target:
            move = (sku, self.origin, self.target, units)
        else:
            return
        self.done.append(move)
        stock[sku, move[1]] -= units
        stock[sku, move[2]] += units


def tally(day: list[tuple[str, str]]) -> dict[tuple[str, str], int]:
    clerks = {name: Clerk(at) for name, at in STATIONS.items()}
    stock: Counter[tuple[str, str]] = Counter()
    for name, code in day:
        clerks[name].scan(code, stock)
    return {key: units for key, units in stock.items() if units and key[1] != "supplier"}


@given(days)
@settings(max_examples=200)
def test_stock_is_what_the_tally_says(day: list[tuple[str, str]]) -> None:
    store = Memory()
    for name, code in day:
        store.now_us += 1_000_000
        decision = store.scan(code, STATIONS[name])
        assert decision.text != "not_written"
        assert decision.drafts or decision.answer is Answer.LOOK
    assert store.held() == tally(day)
    _undo_is_honest(store.events)


def _undo_is_honest(events: list[dict[str, Any]]) -> None:
    """Nothing is reversed twice, and nothing of another session."""
    by_seq = {one["seq"]: one for one in events}
    reversals = [one for one in events if one["data"]["kind"] == "reversed"]
    named = [one["data"]["reverses"]["seq"] for one in reversals]
    assert len(named) == len(set(named))
    for one in reversals:
        before = by_seq[one["data"]["reverses"]["seq"]]
        assert before["type"] == "movement"
        assert before["data"]["kind"] != "reversed"
        assert before["source"]["session"] == one["source"]["session"]
        assert before["source"]["station"] == one["source"]["station"]


def run(ledger: Ledger, number: int, name: str, code: str) -> None:
    found = identify(code)
    product = PRODUCTS.get(found.gtin) if found.gtin else None
    read = BarcodeRead(f"{name}-scanner", number, code.encode(), None, FakeClock().now())
    context = Context(START_US + number * 1_000_000, "synced", f"session-{number}")
    command = Scan(STATIONS[name], read, found, product, context)

    def job(tx: Transaction) -> None:
        tx.append(scans.decide(tx, command).drafts)

    ledger.call(job)


@given(st.lists(st.one_of(scan, scan, scan, scan, scan, st.just(RESTART)), min_size=15, max_size=60))
@settings(max_examples=30)
def test_the_ledger_agrees_over_a_restart_and_a_rebuild(
    tmp_path_factory: pytest.TempPathFactory, day: list[tuple[str, str]]
) -> None:
    folder: Path = tmp_path_factory.mktemp("day")

    def opened() -> Ledger:
        ledger = Ledger(folder, store="S1", clock=FakeClock(), stamper=Stamper(ZoneInfo("Asia/Seoul")))
        ledger.start()
        return ledger

    ledger = opened()
    for number, (name, code) in enumerate(day, start=1):
        if (name, code) == RESTART:
            ledger.close()
            ledger = opened()
            continue
        run(ledger, number, name, code)
    ledger.close()
    reader = Reader(folder)
    before = reader.projections()
    held: Counter[tuple[str, str]] = Counter()
    for row in reader.stock():
        held[row.sku, row.zone] += row.quantity
    assert {key: units for key, units in held.items() if units} == tally([one for one in day if one != RESTART])
    verify(reader)
    summed: Counter[tuple[str, str, str, str]] = Counter()
    for event in reader.newest(10_000):
        EVENT.validate_python(event)
        for key, delta in event_deltas(event):
            summed[key] += delta
    assert {key: units for key, units in summed.items() if units} == {row[:4]: row[4] for row in before["stock"]}
    connection = files.open_writer(folder)
    connection.execute("DELETE FROM stock")
    connection.execute("DELETE FROM session")
    assert rebuild.rebuild(connection) == before == same_again(reader)
    connection.close()
    reader.close()
