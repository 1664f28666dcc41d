"""The topic `epcis`: every document goes before the message of its events, again with it, and never instead of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.catalogue import Catalogue
from agent.ledger.reader import Reader
from agent.operations.values import Draft
from agent.sections import EpcisSection
from agent.uplink.engine import Engine
from agent.uplink.epcis import EpcisDocuments
from agent.uplink.link import Accepted
from agent.uplink.plane import StatePlane
from agent.uplink.traffic import Outside, Store, StoreTraffic
from agent.uplink.wire import Receipt
from contract.catalog import parse_item
from contract.stock import line_deltas
from contract.times import Stamper
from tests.agent.uplink.lines import Steady
from tests.agent.uplink.test_link_brokers import HeadOffice, StoreRig, running_store
from tests.agent.uplink.test_traffic import SEOUL, Line, Rig
from tests.brokers import Mosquitto
from tests.contract.epcis_scores import check

SECTION = EpcisSection.model_validate(
    {
        "base": "https://stock.example.com",
        "gln": "8801234000109",
        "zones": {"salesfloor": "8801234000116"},
        "stores": {"S2": "8801234000208"},
        "read_points": {"d": "8801234000109/d"},
        "back_zones": ["backroom"],
    }
)
MILK = {
    "sku": "MILK",
    "name": {"ko": "우유"},
    "gtins": [{"gtin": "08801234567893"}, {"gtin": "18801234567890", "units": 6}],
}
APPLE = {"sku": "APPLE", "name": {"ko": "사과"}, "base_unit": "gram", "gtins": [{"gtin": "98801234567896"}]}


def with_epcis(store: Any, catalogue: Catalogue, reader: Reader, engine: Engine) -> StoreTraffic:
    names = SECTION.names("S1")
    assert names is not None
    return StoreTraffic(
        Store("S1", store.ledger.log, "boot", "1.0"),
        engine=engine,
        plane=StatePlane(levels_per_s_max=200, dirty_max=1000),
        reader=reader,
        clock=Steady(trust_unsynchronised=True),
        stamper=Stamper(SEOUL),
        levels="off",
        outside=Outside(store.ledger.submit, lambda call: call(), lambda _device: False, store.say, None),
        epcis=EpcisDocuments(names, catalogue, reader, store.say),
    )


class EpcisRig(Rig):
    def open(self) -> None:
        super().open()
        assert self.catalogue is not None
        self.catalogue.upsert_many([parse_item(MILK), parse_item(APPLE)])
        engine = Engine(self.ledger.log, self.ledger.head, {"hq": self.reader.positions().get("hq", 0)})
        self.traffic = with_epcis(self, self.catalogue, self.reader, engine)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[EpcisRig]:
    opened = EpcisRig(tmp_path)
    yield opened
    opened.close()


def told(line: Line) -> list[tuple[str, list[int]]]:
    """(plane, sequence numbers) of what was sent, in order."""
    found: list[tuple[str, list[int]]] = []
    for topic, payload, retained in line.sent:
        plane = topic.rpartition("/")[2]
        if plane == "epcis":
            assert not retained
            body = json.loads(payload)
            check(body)
            found.append((plane, [one["jaego:seq"] for one in body["epcisBody"]["eventList"]]))
        elif plane in {"movement", "exception", "journal"}:
            found.append((plane, [one["seq"] for one in json.loads(payload)["events"]]))
    return found


def test_a_document_goes_before_its_events_and_others_have_none(rig: EpcisRig) -> None:
    rig.stock("MILK", 2)
    rig.stock("APPLE", 1250)
    rig.ledger.call(lambda tx: tx.append([Draft("exception", {"kind": "bad_read", "reason": "x"}, {}, 0, "synced")]))
    rig.traffic.head_boxed[0] = rig.ledger.head
    rig.connect()
    rig.work()
    assert told(rig.line) == [("journal", [1]), ("epcis", [2, 3]), ("movement", [2, 3]), ("exception", [4])]
    (document,) = [json.loads(payload) for topic, payload, _ in rig.line.sent if topic.endswith("epcis")]
    milk, apple = document["epcisBody"]["eventList"]
    assert milk["quantityList"] == [{"epcClass": "https://id.gs1.org/01/08801234567893", "quantity": 2}]
    weighed = {"epcClass": "https://id.gs1.org/01/98801234567896", "quantity": 1.25, "uom": "KGM"}
    assert apple["quantityList"] == [weighed]
    assert milk["bizLocation"]["id"] == "https://id.gs1.org/414/8801234000109/254/backroom"


def test_an_undone_scan_is_declared_wrong_with_what_it_was(rig: EpcisRig) -> None:
    rig.stock("MILK", 2)
    line = {"sku": "MILK", "quantity": 2, "from": "backroom", "to": "supplier", "disposition": "sellable"}
    data = {"kind": "reversed", "lines": [line], "reverses": {"seq": 2}}
    rig.ledger.call(lambda tx: tx.append([Draft("movement", data, {}, 0, "synced", line_deltas(line))]))
    rig.traffic.head_boxed[0] = rig.ledger.head
    rig.connect()
    rig.work()
    (document,) = [json.loads(payload) for topic, payload, _ in rig.line.sent if topic.endswith("epcis")]
    first, again = document["epcisBody"]["eventList"]
    assert (first["eventID"], "errorDeclaration" in first) == (again["eventID"], "errorDeclaration" not in again)


def test_what_the_broker_may_have_lost_comes_again_with_its_document(rig: EpcisRig) -> None:
    rig.stock("MILK", 2)
    rig.connect()
    rig.work(2)
    rig.traffic.disconnected()
    rig.line.sent.clear()
    rig.connect()
    rig.work(2)
    assert ("epcis", [2]) in told(rig.line)


def test_after_a_restart_it_goes_on_behind_the_delivered_position(rig: EpcisRig) -> None:
    for _ in range(3):
        rig.stock("MILK", 1)
    rig.connect()
    rig.work(2)
    rig.hear("S1/ack/hq", {"log": rig.ledger.log, "seq": 2})
    rig.settle()
    rig.reopen()
    rig.connect()
    rig.work(2)
    assert told(rig.line) == [("epcis", [3, 4]), ("movement", [3, 4])]


@pytest.mark.parametrize(("window", "documents"), [(1, 0), (2, 5), (3, 5), (9, 5)])
def test_the_window_is_kept_to_and_a_broker_that_takes_one_message_gets_events(
    rig: EpcisRig, window: int, documents: int
) -> None:
    for number in range(5):
        rig.ledger.call(
            lambda tx: tx.append([Draft("exception", {"kind": "bad_read", "reason": "x"}, {}, 0, "synced")])
        )
        rig.stock("MILK", 1 + number)
    rig.traffic.connected(Accepted(True, window, 1 << 20, False), rig.now_s)
    for _ in range(40):
        before = len(rig.line.sent)
        rig.traffic.work(rig.line, rig.now_s)  # type: ignore[arg-type]
        assert len(rig.line.sent) - before <= window
        rig.traffic.receipts([Receipt(token, 0) for token in rig.line.tokens])
        rig.line.tokens.clear()
        rig.clock.advance(0.1)
    kinds = [plane for plane, _ in told(rig.line)]
    assert (kinds.count("epcis"), kinds.count("movement")) == (documents, 5)


def test_documents_stay_about_as_small_as_other_messages(rig: EpcisRig) -> None:
    line = {"sku": "MILK", "quantity": 1, "from": "supplier", "to": "backroom", "disposition": "sellable"}
    draft = Draft("movement", {"kind": "received", "lines": [line]}, {"device": "d"}, 0, "synced", line_deltas(line))
    rig.ledger.call(lambda tx: tx.append([draft] * 500))
    rig.traffic.head_boxed[0] = rig.ledger.head
    rig.connect()
    rig.work(30)
    sizes = [len(payload) for topic, payload, _ in rig.line.sent if topic.endswith("epcis")]
    assert len(sizes) > 5
    assert max(sizes) < 64 * 1024


def test_nothing_is_sent_where_no_base_is_configured() -> None:
    assert EpcisSection.model_validate({"gln": "8801234000109"}).names("S1") is None


class EpcisStore(StoreRig):
    def __init__(self, folder: Path, events: int) -> None:
        super().__init__(folder, events)
        self.catalogue = Catalogue(folder / "catalogue.db")
        self.traffic = with_epcis(
            self, self.catalogue, self.reader, Engine(self.ledger.log, self.ledger.head, {"hq": 0})
        )

    def say(self, subject: str, text: str) -> None:
        self.said.append(f"{subject}: {text}")

    def close(self) -> None:
        self.catalogue.close()
        super().close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EpcisStore]:
    (tmp_path / "store").mkdir()
    rig = EpcisStore(tmp_path / "store", 3000)
    yield rig
    rig.close()


@pytest.mark.broker
def test_what_head_office_has_its_documents_were_heard_before_over_kills(tmp_path: Path, store: EpcisStore) -> None:
    head = store.ledger.head
    with Mosquitto(tmp_path) as broker, HeadOffice(broker.port) as office, running_store(store, broker.port):
        for part in (0.2, 0.6):
            office.wait(lambda part=part: office.position > head * part)
            broker.kill()
            broker.start()
        office.wait(lambda: office.position == head, 40)
    heard, missing = set[int](), list[int]()
    for topic, payload, _ in office.messages:
        if topic.endswith("/epcis"):
            heard |= {one["jaego:seq"] for one in json.loads(payload)["epcisBody"]["eventList"]}
        elif topic.endswith("/movement"):
            missing += [one["seq"] for one in json.loads(payload)["events"] if one["seq"] not in heard]
    assert not missing
    assert len(heard) > 1900
