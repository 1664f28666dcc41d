"""Health: depth and age of what waits, and a message within the contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.capture.supervisor import DeviceStatus, State
from agent.health import device_state, health, outbox
from agent.ledger.log import Ledger
from agent.ledger.reader import Reader
from agent.operations.values import Draft
from agent.uplink.engine import Engine
from contract.messages import DeviceState, Health
from contract.times import Stamper
from tests.agent.clocks import FakeClock

STAMPER = Stamper(ZoneInfo("Asia/Seoul"))


class Store:
    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, FakeClock()
        self.ledger = Ledger(folder, store="S1", clock=self.clock, stamper=Stamper(ZoneInfo("Asia/Seoul")))
        self.ledger.start()
        self.reader = Reader(folder)

    def append(self) -> None:
        data = {"kind": "bad_read", "reason": "checksum", "code": {"raw_hex": "00"}}
        draft = Draft("exception", data, {"device": "d"}, self.clock.wall_us, "synced")
        self.ledger.call(lambda tx: tx.append([draft]))

    def engine(self, **positions: int) -> Engine:
        return Engine(self.ledger.log, self.ledger.head, positions)

    def close(self) -> None:
        self.ledger.close()
        self.reader.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


def test_what_waits_is_what_the_slowest_consumer_has_not_and_its_age_is_the_oldest_ones(store: Store) -> None:
    for _ in range(3):
        store.clock.advance(100)
        store.append()
    store.clock.advance(7)
    now_us = store.clock.wall_us
    assert outbox(store.reader, store.engine(), now_us) == (0, 0)
    assert outbox(store.reader, store.engine(hq=4), now_us) == (0, 0)
    assert outbox(store.reader, store.engine(hq=3), now_us) == (1, 7)
    assert outbox(store.reader, store.engine(hq=4, audit=2), now_us) == (2, 107)
    assert outbox(store.reader, store.engine(hq=0), now_us) == (4, 307)


def test_a_clock_that_went_back_gives_no_negative_age(store: Store) -> None:
    assert outbox(store.reader, store.engine(hq=0), store.clock.wall_us - 10**12) == (1, 0)


def test_the_message_is_within_the_contract(store: Store) -> None:
    store.append()
    store.clock.advance(7)
    engine = store.engine(hq=0)
    assert engine.acknowledge("hq", store.ledger.log, 1, store.clock.monotonic_ns / 1e9) is None
    store.clock.advance(3)
    devices = [
        DeviceStatus("scanner", State.UP, store.clock.wall_us),
        DeviceStatus("printer", State.DOWN, store.clock.wall_us),
    ]
    found = health(
        store.folder,
        reader=store.reader,
        engine=engine,
        devices=devices,
        counters={"scans": 3},
        clock="suspect",
        now=store.clock.now(),
        started_ns=store.clock.monotonic_ns - 5_900_000_000,
        stamper=STAMPER,
        more={"waiting": 3},
    )
    again = Health.model_validate_json(found.model_dump_json())
    assert (again.head, again.outbox_depth, again.clock, again.uptime_s) == (2, 1, "suspect", 5)
    assert again.devices == {"scanner": "up", "printer": "down"}
    assert again.consumers["hq"].model_dump() == {
        "delivered": 1,
        "behind": 1,
        "stalled": False,
        "age_s": 10,
        "silent_s": 3,
    }
    assert (again.waiting, again.device_notices) == (3, 0)
    assert again.disk_size_bytes is not None
    assert again.disk_size_bytes > again.disk_free_bytes
    assert again.disk_free_bytes > 0
    assert again.ledger_size_bytes >= (store.folder / "ledger.db").stat().st_size
    assert again.counters == {"scans": 3}
    assert again.at == "2025-09-07T12:50:10.000+09:00"


@pytest.mark.parametrize("state", list(State))
def test_every_state_of_a_device_is_within_the_contract(state: State) -> None:
    status = DeviceStatus("scanner", state, FakeClock().wall_us, error="no such device", hint="plug it in")
    found = DeviceState.model_validate_json(device_state(status, "hid", STAMPER).model_dump_json())
    assert (found.state, found.error, found.hint, found.kind) == (state.value, "no such device", "plug it in", "hid")
