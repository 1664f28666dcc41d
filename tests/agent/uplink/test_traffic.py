"""A store's traffic over a real ledger and a line that only writes down: acknowledgements, requests, levels, items."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.catalogue import Catalogue
from agent.catalogue.errors import CatalogueUnavailable
from agent.errors import LedgerBusy
from agent.ledger.log import Ledger
from agent.ledger.reader import Reader
from agent.operations.values import Draft
from agent.uplink import requests
from agent.uplink.engine import Engine
from agent.uplink.link import Accepted, Inbound
from agent.uplink.plane import StatePlane
from agent.uplink.traffic import RESPONSES_KEPT, Outside, Store, StoreTraffic
from agent.uplink.wire import Receipt
from contract.chain import message
from contract.events import EventMessage
from contract.messages import DigestResult, Level, State
from contract.stock import line_deltas, stock_digest
from contract.times import Stamper
from tests.agent.clocks import FakeClock

FAR = "2099-01-01T00:00:00+09:00"
PAST = "2020-01-01T00:00:00+09:00"
SEOUL = ZoneInfo("Asia/Seoul")
MILK = {"sku": "MILK", "revision": 3, "name": {"ko": "우유"}, "gtins": [{"gtin": "08801234567893"}]}


class Line:
    """Stands where the link stands: takes messages while there is room."""

    def __init__(self, log: str) -> None:
        self._log = log
        self.sent: list[tuple[str, bytes, bool]] = []
        self.room = 1_000_000
        self.token = 0x8000
        self.tokens: list[int] = []

    @property
    def has_room(self) -> bool:
        return self.room > 0

    def send(self, topic: bytes, payload: bytes, *, retain: bool) -> int | None:
        if self.room <= 0:
            return None
        self.room -= 1
        self.token += 1
        self.tokens.append(self.token)
        self.sent.append((topic[2:].decode(), payload, retain))
        return self.token

    def send_events(self, _packer: Any, messages: list[tuple[str, list[bytes]]]) -> list[int]:
        first = self.token + 1
        for kind, bodies in messages:
            self.room -= 1
            self.token += 1
            self.tokens.append(self.token)
            self.sent.append((f"stock/v1/S1/{kind}", message("S1", self._log, bodies), False))
        return list(range(first, self.token + 1))

    def of(self, plane: str) -> list[tuple[str, bytes, bool]]:
        return [one for one in self.sent if one[0].removeprefix("stock/v1/S1/").split("/")[0] == plane]


class Rig:
    def __init__(self, folder: Path, *, levels: Any = "retained", items: bool = True) -> None:
        self.folder, self.levels = folder, levels
        self.clock = FakeClock()
        self.posted: deque[Callable[[], None]] = deque()
        self.said: list[tuple[str, str]] = []
        self.restarted: list[str] = []
        self.busy = False
        self.catalogue = Catalogue(folder / "catalogue.db") if items else None
        self.open()

    def open(self) -> None:
        self.ledger = Ledger(self.folder, store="S1", clock=self.clock, stamper=Stamper(SEOUL))
        self.ledger.start()
        self.reader = Reader(self.folder)
        held = self.reader.positions()
        engine = Engine(self.ledger.log, self.ledger.head, {name: held.get(name, 0) for name in ("hq", "audit")})
        outside = Outside(self.submit, self.posted.append, self.restart, self.say, self.catalogue)
        self.traffic = StoreTraffic(
            Store("S1", self.ledger.log, "boot", "1.0"),
            engine=engine,
            plane=StatePlane(levels_per_s_max=1000, dirty_max=100),
            reader=self.reader,
            clock=self.clock,
            stamper=Stamper(SEOUL),
            levels=self.levels,
            outside=outside,
        )
        self.line = Line(self.ledger.log)

    def close(self) -> None:
        self.ledger.close()
        self.reader.close()

    def reopen(self) -> None:
        self.close()
        self.open()

    def submit(self, job: Any, done: Any) -> None:
        if self.busy:
            raise LedgerBusy("10 writes are waiting", hint="wait")
        self.ledger.submit(job, done)

    def say(self, subject: str, text: str) -> None:
        self.said.append((subject, text))

    def restart(self, device: str) -> bool:
        self.restarted.append(device)
        return device == "scanner"

    def connect(self, packet_bytes_max: int = 1 << 20) -> None:
        self.traffic.connected(Accepted(True, 100, packet_bytes_max, False), self.now_s)

    @property
    def now_s(self) -> float:
        return self.clock.monotonic_ns / 1e9

    def hear(self, topic: str, payload: Any, *, retained: bool = False) -> None:
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.traffic.inbound([Inbound(f"stock/v1/{topic}", raw, retained)], self.now_s)

    def settle(self) -> None:
        """Until nothing of ours waits in the ledger or for this thread."""
        for _ in range(3):
            self.ledger.call(lambda _tx: None)
            while self.posted:
                self.posted.popleft()()

    def work(self, rounds: int = 20, seconds: float = 0.1) -> None:
        for _ in range(rounds):
            self.clock.advance(seconds)
            self.traffic.work(self.line, self.now_s)  # type: ignore[arg-type]
            self.traffic.receipts([Receipt(token, 0) for token in self.line.tokens])
            self.line.tokens.clear()

    def stock(self, sku: str, quantity: int, source: str = "supplier", target: str = "backroom") -> None:
        line = {"sku": sku, "quantity": quantity, "from": source, "to": target, "disposition": "sellable"}
        data = {"kind": "received", "lines": [line]}
        draft = Draft("movement", data, {"device": "d"}, self.clock.wall_us, "synced", line_deltas(line))
        self.ledger.call(lambda tx: tx.append([draft]))
        self.traffic.head_boxed[0] = self.ledger.head
        self.traffic.touched.append(sku)

    def asks(self, verb: str = "catalog") -> list[dict[str, Any]]:
        return [json.loads(raw) for topic, raw, _retain in self.line.of("ask") if topic.endswith(f"/{verb}")]

    def request(
        self, verb: str, request_id: str = "r1", *, expires: str = FAR, **members: Any
    ) -> dict[str, Any] | None:
        """The answer, or None where none was given."""
        before = len(self.line.of("response"))
        self.hear(f"S1/request/{verb}", {"id": request_id, "expires_at": expires, **members})
        self.settle()
        self.work(1)
        answers = self.line.of("response")[before:]
        assert len(answers) <= 1
        return json.loads(answers[0][1]) if answers else None


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    opened = Rig(tmp_path)
    yield opened
    opened.close()


# -- events and state --------------------------------------------------------------------------------------------------


def test_the_will_says_offline_and_the_words_at_the_end_say_stopped(rig: Rig) -> None:
    topic, payload = rig.traffic.will
    assert (topic, State.model_validate_json(payload).state) == ("stock/v1/S1/state", "offline")
    assert State.model_validate_json(rig.traffic.last_words()[1]).state == "stopped"
    rig.connect()
    rig.work(1)
    state = State.model_validate_json(rig.line.of("state")[0][1])
    assert (state.state, state.log, state.head, rig.line.of("state")[0][2]) == ("online", rig.ledger.log, 1, True)


def test_events_go_out_as_they_are_stored(rig: Rig) -> None:
    rig.stock("A", 1)
    rig.connect()
    rig.work()
    messages = [(topic, EventMessage.model_validate_json(raw)) for topic, raw, _ in rig.line.of("journal")]
    messages += [(topic, EventMessage.model_validate_json(raw)) for topic, raw, _ in rig.line.of("movement")]
    assert [event["seq"] for _topic, one in messages for event in one.events] == [1, 2]
    assert {one.log for _topic, one in messages} == {rig.ledger.log}
    stored = [body for _seq, _kind, body in rig.reader.events(1, 10)]
    assert all(any(body in raw for _t, raw, _r in rig.line.sent) for body in stored)


def test_subscriptions_are_exact_where_a_retained_value_matters(rig: Rig) -> None:
    topics = rig.traffic.subscriptions
    assert {"stock/v1/S1/ack/hq", "stock/v1/S1/ack/audit", "stock/v1/S1/request/ping"} <= set(topics)
    assert "stock/v1/catalog/+" in topics
    assert not any("#" in topic for topic in topics)


def test_a_message_over_the_brokers_limit_is_not_sent_and_said(rig: Rig) -> None:
    rig.connect(packet_bytes_max=300)  # the opening alone has more
    rig.work()
    assert rig.line.of("journal") == []
    assert rig.traffic.counts.messages_refused >= 1
    assert ("too large", True) in [(subject, "the broker takes 300" in text) for subject, text in rig.said]
    assert len(rig.asks()) == 1  # what fits goes on


def test_a_refused_message_is_counted_and_named(rig: Rig) -> None:
    rig.connect()
    rig.traffic.work(rig.line, rig.now_s)  # type: ignore[arg-type]
    index = next(at for at, one in enumerate(rig.line.sent) if one[0].endswith("/journal"))
    rig.traffic.receipts([Receipt(rig.line.tokens[index], 0x87)])
    assert rig.traffic.counts.messages_refused == 1
    assert rig.said[-1][0] == "refused"
    assert "events 1 to 1" in rig.said[-1][1]


def test_a_silent_consumer_is_named_once(rig: Rig) -> None:
    rig.connect()
    for _ in range(200):
        rig.work(1, seconds=5.0)
    subjects = [subject for subject, _text in rig.said]
    assert sorted(subjects) == ["consumer audit", "consumer hq"]


# -- acknowledgements --------------------------------------------------------------------------------------------------


def test_an_acknowledgement_moves_the_position_and_is_kept_over_a_restart(rig: Rig) -> None:
    rig.stock("A", 1)
    rig.connect()
    rig.hear("S1/ack/hq", {"log": rig.ledger.log, "seq": 2}, retained=True)
    rig.settle()
    assert rig.reader.positions() == {"hq": 2}
    rig.reopen()
    assert rig.traffic.engine.consumers["hq"].delivered == 2
    assert rig.traffic.engine.consumers["audit"].delivered == 0


def test_positions_are_written_one_at_a_time_and_the_newest_last(rig: Rig) -> None:
    for _ in range(8):
        rig.stock("A", 1)
    rig.connect()
    written: list[int] = []
    original = rig.ledger.submit

    def watched(job: Any, done: Any) -> None:
        original(job, lambda result, error: (written.append(rig.reader.positions().get("hq", 0)), done(result, error)))

    rig.ledger.submit = watched  # type: ignore[method-assign]
    for seq in range(1, 10):
        rig.hear("S1/ack/hq", {"log": rig.ledger.log, "seq": seq})
    rig.settle()
    moved = [seq for seq in written if seq]
    assert moved == sorted(moved)
    assert rig.reader.positions() == {"hq": 9}
    assert len(set(moved)) <= 3  # the first, and the newest of those that came meanwhile


def test_a_lower_acknowledgement_brings_replay(rig: Rig) -> None:
    for _ in range(5):
        rig.stock("A", 1)
    rig.connect()
    for name in ("hq", "audit"):
        rig.hear(f"S1/ack/{name}", {"log": rig.ledger.log, "seq": 6})
    rig.work()
    rig.line.sent.clear()
    rig.hear("S1/ack/hq", {"log": rig.ledger.log, "seq": 3})
    rig.work()
    again = [event["seq"] for _t, raw, _r in rig.line.of("movement") for event in json.loads(raw)["events"]]
    assert again == [4, 5, 6]
    rig.settle()
    assert rig.reader.positions() == {"hq": 3, "audit": 6}


@pytest.mark.parametrize(
    ("consumer", "payload", "words"),
    [
        ("hq", {"log": "another", "seq": 1}, "this ledger writes"),
        ("hq", {"log": None, "seq": 99}, "which ends here with 1"),
        ("stranger", {"log": None, "seq": 1}, "no configured consumer"),
        ("hq", {"log": None, "seq": -1}, "none"),
        ("hq", {"log": None, "seq": "x"}, "none"),
        ("hq", {"log": None}, "none"),
        ("hq", {"log": None, "seq": 1, "hash": "0" * 64}, "another event 1 of log"),
        ("hq", [], "none"),
        ("hq", b"{", "none"),
        ("hq", b"\xff\xfe", "none"),
    ],
)
def test_an_acknowledgement_that_cannot_be_is_refused_said_and_counted(
    rig: Rig, consumer: str, payload: Any, words: str
) -> None:
    if isinstance(payload, dict) and payload.get("log", "") is None:
        payload = {**payload, "log": rig.ledger.log}
    rig.connect()
    rig.hear(f"S1/ack/{consumer}", payload)
    rig.settle()
    assert rig.traffic.counts.acks_refused == 1
    assert rig.said[-1][0] == f"ack {consumer}"
    assert words in rig.said[-1][1]
    assert rig.reader.positions() == {}


def test_an_empty_acknowledgement_clears_a_retained_one_and_says_nothing(rig: Rig) -> None:
    rig.connect()
    rig.hear("S1/ack/hq", b"")
    assert (rig.traffic.counts.acks_refused, rig.said) == (0, [])


def test_a_busy_ledger_delays_a_position_and_ends_nothing(rig: Rig) -> None:
    rig.stock("A", 1)
    rig.connect()
    rig.busy = True
    rig.hear("S1/ack/hq", {"log": rig.ledger.log, "seq": 1})
    rig.busy = False
    rig.settle()
    assert (rig.reader.positions(), rig.traffic.engine.consumers["hq"].delivered) == ({}, 1)
    rig.hear("S1/ack/hq", {"log": rig.ledger.log, "seq": 2})
    rig.settle()
    assert rig.reader.positions() == {"hq": 2}


# -- requests ----------------------------------------------------------------------------------------------------------


def test_ping(rig: Rig) -> None:
    rig.connect()
    assert rig.request("ping") == {"id": "r1", "status": "done", "result": {"head": 1}}
    assert rig.line.of("response")[0][0] == "stock/v1/S1/response/r1"
    assert rig.line.of("response")[0][2] is False


def test_digest_of_stock_in_ranges_and_with_rows(rig: Rig) -> None:
    rig.connect()
    for sku, quantity in (("A", 3), ("B", 4), ("C", 5)):
        rig.stock(sku, quantity)
    answer = rig.request("digest", of="stock", rows_max=10)
    assert answer is not None
    result = DigestResult.model_validate(answer["result"])
    expected = stock_digest(rig.reader.stock())
    assert (result.as_of, result.quantity, result.rows, result.hash) == (4, 12, 3, expected["hash"])
    assert result.head_hash == rig.reader.hash_of(4)
    assert result.list == tuple((sku, "backroom", None, "sellable", n) for sku, n in (("A", 3), ("B", 4), ("C", 5)))
    part = rig.request("digest", "r2", of="stock", sku_from="B", sku_to="B")
    assert part is not None
    assert (part["result"]["quantity"], "list" in part["result"]) == (4, False)


def test_digest_of_events(rig: Rig) -> None:
    rig.connect()
    for _ in range(4):
        rig.stock("A", 1)
    answer = rig.request("digest", of="events", log=rig.ledger.log, seq_from=2, seq_to=4)
    assert answer is not None
    assert (answer["result"]["rows"], answer["result"]["hash"]) == (3, rig.reader.hash_of(4))
    beyond = rig.request("digest", "r2", of="events", log=rig.ledger.log, seq_from=99, seq_to=10**18)
    assert beyond is not None
    assert beyond["result"]["rows"] == 0
    other = rig.request("digest", "r3", of="events", log="other", seq_from=1, seq_to=2)
    assert other is not None
    assert (other["status"], other["reason"]) == ("refused", "unknown_log")


def test_replay(rig: Rig) -> None:
    rig.connect()
    for _ in range(4):
        rig.stock("A", 1)
    rig.work()
    rig.line.sent.clear()
    answer = rig.request("replay", log=rig.ledger.log, seq=3, consumer="hq")
    assert answer == {"id": "r1", "status": "done", "result": {"from": 3}}
    rig.work()
    again = [event["seq"] for _t, raw, _r in rig.line.of("movement") for event in json.loads(raw)["events"]]
    assert again == [3, 4, 5]


@pytest.mark.parametrize(
    "members",
    [
        {"seq": 1, "consumer": "stranger"},
        {"seq": 99, "consumer": "hq"},
        {"seq": 10**30, "consumer": "hq"},
        {"seq": 1, "consumer": "hq", "log": "other"},
    ],
)
def test_a_replay_that_cannot_be_is_refused(rig: Rig, members: dict[str, Any]) -> None:
    rig.connect()
    answer = rig.request("replay", **{"log": rig.ledger.log, **members})
    assert answer is not None
    assert answer["status"] == "refused"
    assert answer["hint"]


def test_restart_device(rig: Rig) -> None:
    rig.connect()
    assert rig.request("restart-device", device="scanner") == {"id": "r1", "status": "done", "result": {}}
    unknown = rig.request("restart-device", "r2", device="toaster")
    assert unknown is not None
    assert (unknown["status"], unknown["reason"]) == ("refused", "unknown_device")
    assert rig.restarted == ["scanner", "toaster"]


@pytest.mark.parametrize(
    ("verb", "members"),
    [
        ("ping", {"extra": 1}),
        ("replay", {}),
        ("replay", {"log": "x y", "seq": 1, "consumer": "hq"}),
        ("digest", {"of": "moon"}),
        ("digest", {"of": "stock", "rows_max": 501}),
        ("restart-device", {"device": "a/b"}),
        ("ping", {"expires_at": "tomorrow"}),
        ("ping", {"expires_at": "2099-01-01T00:00:00"}),
        ("ping", {"expires_at": 5}),
    ],
)
def test_a_malformed_request_is_refused_and_says_what_is_wrong(rig: Rig, verb: str, members: dict[str, Any]) -> None:
    rig.connect()
    expires = members.pop("expires_at", FAR)
    answer = rig.request(verb, expires=expires, **members)
    assert answer is not None
    assert (answer["status"], answer["reason"]) == ("refused", "malformed")
    assert answer["hint"]
    assert rig.traffic.counts.requests_refused == 1


@pytest.mark.parametrize(
    "payload", [b"{", b"[]", b"null", b'"x"', b"{}", b'{"id": "a/b"}', b'{"id": 5}', b"\xff", b"1"]
)
def test_a_request_without_a_usable_id_is_said(rig: Rig, payload: bytes) -> None:
    rig.connect()
    rig.hear("S1/request/ping", payload)
    rig.settle()
    rig.work(1)
    assert rig.line.of("response") == []
    assert rig.traffic.counts.requests_refused == 1
    assert rig.said[-1][0] == "request"


def test_a_verb_of_another_release_is_refused(rig: Rig) -> None:
    rig.connect()
    answer = rig.request("conjure")
    assert answer is not None
    assert (answer["status"], answer["reason"]) == ("refused", "unknown_verb")


def test_a_late_request_is_expired_unless_our_clock_is_in_doubt(rig: Rig) -> None:
    rig.connect()
    answer = rig.request("restart-device", expires=PAST, device="scanner")
    assert answer is not None
    assert (answer["status"], rig.restarted) == ("expired", [])
    rig.clock.synced = "suspect"
    answer = rig.request("restart-device", "r2", expires=PAST, device="scanner")
    assert answer is not None
    assert (answer["status"], rig.restarted) == ("done", ["scanner"])


def test_a_retained_or_empty_request_is_none(rig: Rig) -> None:
    rig.connect()
    rig.hear("S1/request/restart-device", {"id": "r", "expires_at": FAR, "device": "scanner"}, retained=True)
    rig.hear("S1/request/restart-device", b"")
    assert (rig.restarted, rig.traffic.counts.requests) == ([], 0)


def test_a_repeated_request_has_one_effect_and_one_answer_also_after_a_restart(rig: Rig) -> None:
    rig.connect()
    first = rig.request("restart-device", device="scanner")
    body = rig.line.of("response")[0][1]
    assert rig.request("restart-device", device="scanner") == first
    assert rig.line.of("response")[1][1] == body
    rig.reopen()
    rig.connect()
    assert rig.request("restart-device", device="scanner") == first
    assert rig.request("ping", device="scanner") == first  # the id is what counts
    assert rig.restarted == ["scanner"]


def test_a_request_that_comes_twice_at_once_has_one_effect(rig: Rig) -> None:
    rig.connect()
    raw = json.dumps({"id": "r1", "expires_at": FAR, "device": "scanner"}).encode()
    one = Inbound("stock/v1/S1/request/restart-device", raw, retained=False)
    rig.traffic.inbound([one, one], rig.now_s)
    rig.traffic.inbound([one], rig.now_s)
    rig.settle()
    rig.work(1)
    assert rig.restarted == ["scanner"]
    assert len(rig.line.of("response")) == 1


def test_a_busy_ledger_leaves_a_request_unanswered_and_it_may_be_asked_again(rig: Rig) -> None:
    rig.connect()
    rig.busy = True
    assert rig.request("ping") is None
    rig.busy = False
    answer = rig.request("ping")
    assert answer is not None
    assert answer["status"] == "done"


def test_recorded_answers_are_bounded(rig: Rig) -> None:
    rig.connect()
    for number in range(RESPONSES_KEPT + 20):
        rig.hear("S1/request/ping", {"id": f"r{number}", "expires_at": FAR})
    rig.settle()
    assert rig.reader.response("r0") is None
    assert rig.reader.response(f"r{RESPONSES_KEPT + 19}") is not None
    count = rig.ledger.call(lambda tx: tx.execute("SELECT COUNT(*) FROM response").fetchone()[0])
    assert count == RESPONSES_KEPT


# -- levels ------------------------------------------------------------------------------------------------------------


def levels_of(rig: Rig) -> dict[str, Level | None]:
    """The newest level of each SKU, None where it was cleared."""
    return {
        topic.rsplit("/", 1)[1]: Level.model_validate_json(raw) if raw else None
        for topic, raw, _retain in rig.line.of("level")
    }


def test_levels_are_coalesced_and_say_as_of_when(rig: Rig) -> None:
    rig.connect()
    rig.work()
    rig.line.sent.clear()
    for _ in range(5):
        rig.stock("A", 2)
    rig.stock("A", 3, "backroom", "floor")
    rig.work()
    assert len(rig.line.of("level")) == 1
    level = levels_of(rig)["A"]
    assert level is not None
    assert (level.on_hand, level.available, level.zones, level.as_of) == (10, 10, {"backroom": 7, "floor": 3}, 7)
    assert rig.line.of("level")[0][2] is True


def test_a_sku_that_is_gone_is_cleared(rig: Rig) -> None:
    rig.connect()
    rig.stock("A", 2)
    rig.work()
    rig.stock("A", 2, "backroom", "customer")
    rig.work()
    assert levels_of(rig) == {"A": None}


def test_all_levels_go_out_after_a_connect_and_changes_first(rig: Rig) -> None:
    for number in range(250):
        rig.stock(f"S{number:03d}", number + 1)
    rig.traffic.touched.clear()
    rig.connect()
    rig.work(1)
    rig.line.sent.clear()
    rig.stock("S200", 1)
    rig.work(200)
    found = levels_of(rig)
    assert len(found) >= 245
    rig.line.sent.clear()
    rig.connect()
    rig.work(200)
    assert sorted(levels_of(rig)) == [f"S{number:03d}" for number in range(250)]


def test_more_changes_than_names_are_kept_bring_all_levels(rig: Rig) -> None:
    rig.connect()
    rig.work()
    for number in range(150):  # the rig keeps 100 names
        rig.stock(f"S{number:03d}", 1)
    rig.work(100)
    assert len(levels_of(rig)) == 150


@pytest.mark.parametrize(("mode", "count"), [("off", 0), ("changes", 1)])
def test_levels_may_be_changes_only_or_off(tmp_path: Path, mode: str, count: int) -> None:
    with closing(Rig(tmp_path, levels=mode)) as rig:
        rig.stock("A", 1)
        rig.traffic.touched.clear()
        rig.connect()
        rig.work()
        assert rig.line.of("level") == []
        rig.stock("B", 1)
        rig.work()
        assert [(topic, retain) for topic, _raw, retain in rig.line.of("level")] == [
            ("stock/v1/S1/level/B", False)
        ] * count
        assert not rig.traffic.touched


def test_nothing_is_lost_while_the_line_is_full(rig: Rig) -> None:
    rig.connect()
    rig.line.room = 0
    rig.traffic.put("stock/v1/S1/health", b"h")
    for number in range(20):
        rig.stock(f"S{number:02d}", 1)
    rig.hear("S1/request/ping", {"id": "r1", "expires_at": FAR})
    rig.settle()
    rig.work(10)
    for _ in range(400):
        rig.line.room += 1
        rig.work(1, seconds=0.01)
    assert len(rig.line.of("health")) == len(rig.line.of("response")) == len(rig.line.of("state")) == 1
    assert len(levels_of(rig)) == 20
    assert sum(len(json.loads(raw)["events"]) for _t, raw, _r in rig.line.of("movement")) == 20


# -- the item master ---------------------------------------------------------------------------------------------------


def page(rig: Rig, items: list[Any], **members: Any) -> None:
    ask = rig.asks()[-1]
    whole = {"items": items, "page": ask["page"], "since": ask["since"], "more": False, "revision": 3, **members}
    rig.hear(f"S1/answer/{ask['id']}", whole)
    rig.work(1)


def test_items_of_the_catalogue_topic_come_in_and_bad_ones_are_said(rig: Rig) -> None:
    assert rig.catalogue is not None
    rig.connect()
    rig.hear("catalog/MILK", {**MILK, "a_member_of_a_later_release": 1}, retained=True)
    for bad in ({"sku": "MILK"}, [], 5, b"{", b"\xff"):
        rig.hear("catalog/MILK", bad, retained=True)
    rig.hear("catalog/MILK", b"", retained=True)
    item = rig.catalogue.item("MILK")
    assert item is not None
    assert (item.name.ko, item.revision) == ("우유", 3)
    assert rig.traffic.counts.items_refused == 5
    assert rig.catalogue.synced() == 0


def test_pages_are_asked_for_until_there_are_no_more(rig: Rig) -> None:
    assert rig.catalogue is not None
    rig.connect()
    rig.work(1)
    page(rig, [MILK], more=True)
    assert [ask["page"] for ask in rig.asks()] == [0, 1]
    assert rig.catalogue.synced() == 0
    page(rig, [{**MILK, "sku": "TEA", "gtins": []}, {"sku": "?"}], revision=7)
    assert (rig.catalogue.count(), rig.catalogue.synced(), rig.traffic.counts.items_refused) == (2, 7, 1)
    rig.reopen()
    rig.connect()
    rig.work(1)
    assert rig.asks()[0]["since"] == 7


@pytest.mark.parametrize(
    "members",
    [
        {"items": 5},
        {"items": None},
        {"more": "yes"},
        {"revision": -1},
        {"revision": 2**70},
        {"revision": 1.5},
        {"revision": True},
        {"page": 9},
        {"since": 9},
        {"page": None},
    ],
)
def test_an_answer_that_is_no_page_moves_nothing(rig: Rig, members: dict[str, Any]) -> None:
    assert rig.catalogue is not None
    rig.connect()
    rig.work(1)
    page(rig, **{"items": [MILK], **members})
    assert (rig.catalogue.synced(), rig.traffic.counts.inbound_ignored, len(rig.asks())) == (0, 1, 1)


def test_an_answer_nobody_asked_for_is_left_alone(rig: Rig) -> None:
    assert rig.catalogue is not None
    rig.connect()
    rig.hear("S1/answer/other", {"items": [MILK], "page": 0, "since": 0, "more": False, "revision": 9})
    assert (rig.catalogue.count(), rig.catalogue.synced()) == (0, 0)


def test_a_catalogue_that_cannot_be_written_is_said_and_asked_again_later(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: Any) -> None:
        raise CatalogueUnavailable("held by another process", hint="wait")

    assert rig.catalogue is not None
    rig.connect()
    rig.work(1)
    with monkeypatch.context() as patch:
        patch.setattr(rig.catalogue, "upsert_many", refuse)
        page(rig, [MILK])
        rig.hear("catalog/MILK", MILK)
    assert rig.catalogue.synced() == 0
    assert "held by another process" in rig.said[-1][1]
    rig.connect()
    rig.work(1)
    page(rig, [MILK])
    assert (rig.catalogue.count(), rig.catalogue.synced()) == (1, 3)


def test_without_the_topic_nothing_of_it_is_heard_or_asked(tmp_path: Path) -> None:
    with closing(Rig(tmp_path, items=False)) as rig:
        rig.connect()
        rig.work(1)
        rig.hear("catalog/MILK", MILK)
        assert rig.asks() == []
        assert not any("catalog" in topic for topic in rig.traffic.subscriptions)
        assert rig.traffic.counts.inbound_ignored == 1


# -- anything at all ---------------------------------------------------------------------------------------------------

topics = st.one_of(
    st.builds(
        "{}/{}/{}".format,
        st.sampled_from(["S1", "catalog", "S2", ""]),
        st.sampled_from(["ack", "request", "answer", "movement", "level", "state"]),
        st.sampled_from(["hq", "ping", "digest", "replay", "restart-device", "x", "", "a b"]),
    ),
    st.sampled_from(["catalog/MILK", "S1/ack", "S1", ""]),
    st.text(max_size=20),
)
jsons = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from([FAR, "stock"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["id", "expires_at", "log", "seq", "consumer", "of", "items", "sku", "page", "more"]),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=12,
)
payloads = st.one_of(
    st.binary(max_size=60),
    jsons.map(lambda value: json.dumps(value).encode()),
    jsons.map(lambda value: json.dumps({"id": "r", "expires_at": FAR, "device": "scanner", "x": value}).encode()),
    jsons.map(
        lambda value: json.dumps({"id": "r", "expires_at": value, "log": "L", "seq": value, "consumer": "hq"}).encode()
    ),
)


def test_no_message_of_any_bytes_on_any_topic_raises(rig: Rig) -> None:
    rig.connect()
    rig.work(1)
    ask_id = rig.asks()[-1]["id"]

    @given(st.lists(st.tuples(topics, payloads, st.booleans()), max_size=5), payloads)
    def play(messages: list[tuple[str, bytes, bool]], answer: bytes) -> None:
        heard = [Inbound(f"stock/v1/{topic}", payload, retained) for topic, payload, retained in messages]
        heard.append(Inbound("no/topic/of/ours", b"", retained=False))
        rig.traffic._master._pages._asked = ask_id  # type: ignore[union-attr]
        heard.append(Inbound(f"stock/v1/S1/answer/{ask_id}", answer, retained=False))
        rig.traffic.inbound(heard, rig.now_s)
        while rig.posted:
            rig.posted.popleft()()

    play()
    rig.settle()
    rig.work(5)
    assert rig.request("ping", "after-all") is not None


@given(verb=st.sampled_from([*requests.VERBS, "other"]), payload=payloads)
def test_every_answer_is_within_the_contract(
    tmp_path_factory: pytest.TempPathFactory, verb: str, payload: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp() / "answers"
    if not folder.exists():
        folder.mkdir()
        Ledger(folder, store="S1", clock=FakeClock(), stamper=Stamper(SEOUL)).close()
    reader = Reader(folder)
    hands = requests.Hands(lambda _name, _log, seq: (seq, ""), lambda _device: True, lambda: 0, lambda: True)
    try:
        answer = requests.answer(verb, payload, reader, hands)
    except requests.Malformed:
        answer = None
    finally:
        reader.close()
    assert answer is None or isinstance(answer, requests.Command) or len(answer.model_dump_json()) < 10_000
