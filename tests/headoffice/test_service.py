"""The worker with a real database and a clock of its own: stored first, acknowledged then; what is missing is asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from contract.catalog import parse_item
from contract.ids import uuid7
from contract.messages import MESSAGE_SIZE_BYTES_MAX
from contract.times import Stamper, parse_us
from headoffice import service as module
from headoffice.catalogue import Items, take
from headoffice.documents import Pages
from headoffice.errors import DatabaseFull
from headoffice.part import Message, Publish
from headoffice.restoring import Restores
from headoffice.service import REPLAY_S_MAX, Roster, Service
from headoffice.store import Store
from headoffice.worker_asks import Asks
from tests.headoffice.logs import OTHER_KEY, PREFIX, Log


class HandClock:
    """Time goes on when the test says so; chance is the middle."""

    def __init__(self) -> None:
        self.s = 1000.0
        self.drawn = 0

    def wall_us(self) -> int:
        return int(self.s * 1e6) + 1_700_000_000_000_000

    def now_s(self) -> float:
        return self.s

    def chance(self) -> float:
        return 0.5

    def entropy(self, size_bytes: int) -> bytes:
        self.drawn += 1
        return self.drawn.to_bytes(size_bytes, "big")


class Desk:
    """A service, and the store's side of the conversation."""

    def __init__(self, folder: Path, *, known: frozenset[str] | None = None, items: list[dict[str, Any]] | None = None):
        self.path = folder / "hq.db"
        self.clock = HandClock()
        self.said: list[str] = []
        self.known = known
        self.start()
        take(self.store.database, [*map(parse_item, items or [])])

    def start(self) -> None:
        self.store = Store(self.path)
        self.service = Service(
            self.store, consumer="headoffice", prefix=PREFIX, clock=self.clock, stamper=Stamper(UTC),
            say=self.said.append, asks=self.asks(),
            ours=Roster(self.known, self.said.append).ours,
        )  # fmt: skip

    def asks(self) -> Asks:
        say, now_s = self.said.append, self.clock.now_s
        return Asks(Items(self.store.database), Pages(self.store), Restores(self.store), PREFIX, say, now_s)

    def restart(self) -> None:
        self.store.close()
        self.start()

    def get(self, topic: str, payload: bytes | dict[str, Any]) -> list[Publish]:
        body = payload if isinstance(payload, bytes) else orjson.dumps(payload)
        return self.service.receive([Message(f"{PREFIX}/{topic}", body)])

    def events(self, log: Log, first: int = 1, last: int | None = None) -> list[Publish]:
        """Some of a log in one round, as the store would publish them."""
        some = Log(log.name, store=log.store)
        some.events = log.events[: last or log.head]
        return self.service.receive(
            [Message(f"{PREFIX}/{log.store}/{kind}", payload) for kind, payload in some.batches(first)]
        )

    def state(self, log: Log, head: int | None = None) -> list[Publish]:
        said = {"state": "online", "boot": "b", "log": log.name, "head": log.head if head is None else head}
        return self.get(f"{log.store}/state", {**said, "version": "1"})

    def position(self, store: str = "S1") -> tuple[str, int] | None:
        held = self.store.position(store)
        return (held[0].log, held[0].seq) if held else None


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.store.close()


def acks(found: list[Publish], store: str = "S1") -> list[tuple[str, int]]:
    topic = f"{PREFIX}/{store}/ack/headoffice"
    bodies = [orjson.loads(one.payload) for one in found if one.topic == topic]
    assert all(one.retain for one in found if one.topic == topic)
    return [(body["log"], body["seq"]) for body in bodies]


def replays(found: list[Publish], store: str = "S1") -> list[tuple[str, int]]:
    asked = [one for one in found if one.topic == f"{PREFIX}/{store}/request/replay"]
    assert not any(one.retain for one in asked)
    return [(body["log"], body["seq"]) for body in map(request, asked)]


def request(one: Publish) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(one.payload)
    assert body["consumer"] == "headoffice"
    return body


# -- stored first, then acknowledged ----------------------------------------------------------------------------------


def test_a_round_is_acknowledged_once_and_stored_before(desk: Desk) -> None:
    log = Log().open().receive_many(5)
    found = desk.events(log)
    assert acks(found) == [("L1", 6)]
    assert replays(found) == []
    assert desk.position() == ("L1", 6)
    assert desk.service.events == 6


def test_nothing_is_acknowledged_that_is_not_stored(desk: Desk) -> None:
    log = Log().open().receive_many(400)
    desk.events(log, 1, 10)
    pages = desk.store.database.rows("PRAGMA page_count")[0][0]
    desk.store.database.rows(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DatabaseFull):
        desk.events(log, 11)
    assert desk.service.events == 10
    assert acks(desk.service.greet()) == [("L1", 10)]
    desk.store.database.rows("PRAGMA max_page_count = 1073741823")
    # The engine that had gone ahead is gone: the same events are new again.
    assert acks(desk.events(log, 11)) == [("L1", log.head)]
    assert desk.position() == ("L1", log.head)


def test_engines_are_made_again_whatever_broke_a_round(desk: Desk) -> None:
    log = Log().open().receive_many(4)
    desk.events(log, 1, 2)
    payload = log.message(3, 4)
    desk.store.close()
    with pytest.raises(sqlite3.ProgrammingError):
        desk.get("S1/movement", payload)
    desk.start()
    assert acks(desk.get("S1/movement", payload)) == [("L1", 4)]


def test_duplicates_are_acknowledged_again_at_most_once_a_second(desk: Desk) -> None:
    log = Log().open().receive_many(2)
    assert acks(desk.events(log)) == [("L1", 3)]
    assert acks(desk.events(log, 2)) == []
    desk.clock.s += 0.9
    assert acks(desk.events(log, 2)) == []
    desk.clock.s += 0.2
    assert acks(desk.events(log, 2)) == [("L1", 3)]
    assert acks(desk.events(log, 2)) == []
    log.receive()
    assert acks(desk.events(log, 4)) == [("L1", 4)]


def test_a_new_log_is_acknowledged_at_once_even_at_the_same_number(desk: Desk) -> None:
    old = Log("L1").open()
    new = Log("L2").open((), old.end())
    assert acks(desk.events(old)) == [("L1", 1)]
    assert acks(desk.events(new)) == [("L2", 1)]
    assert "S1: follows log L2" in desk.said


def test_stores_are_kept_apart_in_one_round(desk: Desk) -> None:
    first, second = Log(store="S1").open().receive_many(3), Log(store="S2", key=OTHER_KEY).open().receive_many(1)
    mixed = [
        Message(f"{PREFIX}/{log.store}/{kind}", payload)
        for log in (first, second, first)
        for kind, payload in log.batches()
    ]
    found = desk.service.receive(mixed)
    assert (acks(found, "S1"), acks(found, "S2")) == ([("L1", 4)], [("L1", 2)])
    assert desk.store.stores() == ["S1", "S2"]


def test_after_a_restart_it_goes_on_where_the_database_ends(desk: Desk) -> None:
    log = Log().open().receive_many(3)
    desk.events(log)
    desk.restart()
    assert acks(desk.service.greet()) == [("L1", 4)]
    assert acks(desk.events(log)) == [("L1", 4)]
    log.receive()
    assert acks(desk.events(log, 5)) == [("L1", 5)]
    wrong = Log("L2", key=OTHER_KEY).open((), log.end())
    desk.restart()
    desk.events(wrong)
    assert any("ALARM" in line and "key" in line for line in desk.said)


def test_an_opening_cut_by_a_restart_is_finished(desk: Desk) -> None:
    log = Log().open([["COLA", "backroom", None, "sellable", 1]] * 600).receive_many(1)
    desk.events(log, 1, 2)
    desk.restart()
    assert acks(desk.events(log, 3)) == [("L1", 4)]


# -- what is missing --------------------------------------------------------------------------------------------------


def test_a_gap_is_asked_for_at_growing_intervals_until_there_is_progress(desk: Desk) -> None:
    log = Log().open().receive_many(9)
    desk.events(log, 1, 3)
    desk.clock.s += 2
    found = desk.events(log, 6)
    assert replays(found) == [("L1", 4)]
    asked_s = [desk.clock.s]
    while len(asked_s) < 8:
        desk.clock.s += 0.25
        if desk.service.tick():
            asked_s.append(desk.clock.s)
    waits_s = [after - before for before, after in pairwise(asked_s)]
    assert waits_s == [1, 2, 4, 8, 16, REPLAY_S_MAX, REPLAY_S_MAX]
    assert [line for line in desk.said if "missing" in line] == ["S1: event 4 is missing, asked for it"]
    assert acks(desk.events(log, 4, 4)) == [("L1", 4)]
    desk.clock.s += 1.1
    assert replays(desk.service.tick()) == [("L1", 5)]
    desk.clock.s += 1.1
    assert replays(desk.service.tick()) == [("L1", 5)]
    desk.events(log, 5)
    desk.clock.s += 60
    assert desk.service.tick() == []
    assert desk.position() == ("L1", 10)


def test_a_request_has_an_id_of_its_own_and_an_end(desk: Desk) -> None:
    bodies = [request(desk.events(Log().open().receive_many(5), 4)[0])]
    for _ in range(3):
        desk.clock.s += 40
        bodies.append(request(desk.service.tick()[0]))
        assert parse_us(bodies[-1]["expires_at"]) == desk.clock.wall_us() + 60_000_000
    assert len({body["id"] for body in bodies}) == 4


def test_a_silent_store_is_asked_too_while_others_speak(desk: Desk) -> None:
    quiet, busy = Log(store="S1").open().receive_many(5), Log(store="S2").open().receive_many(50)
    desk.events(quiet, 1, 2)
    desk.events(quiet, 5)
    asked = 0
    for seq in range(1, 50):
        desk.clock.s += 1
        found = desk.events(busy, seq, seq) + desk.service.tick()
        asked += len(replays(found, "S1"))
    assert asked >= 3


def test_the_state_says_that_events_are_missing(desk: Desk) -> None:
    log = Log().open().receive_many(3)
    assert desk.state(log) == []
    desk.clock.s += 1.1
    assert replays(desk.service.tick()) == [("L1", 1)]
    desk.events(log)
    assert replays(desk.state(log)) == []
    desk.clock.s += 5
    desk.state(log, head=9)
    desk.clock.s += 1.1
    assert replays(desk.service.tick()) == [("L1", 5)]


def test_a_store_that_comes_and_sends_is_not_asked(desk: Desk) -> None:
    """It would send everything twice."""
    log = Log().open().receive_many(60)
    found = desk.state(log)
    for seq in range(1, log.head + 1):
        found += desk.events(log, seq, seq) + desk.state(log) + desk.service.tick()
        desk.clock.s += 0.9
    assert replays(found) == []
    assert acks(found)[-1] == ("L1", log.head)


def test_copies_of_what_is_known_put_off_asking_and_silence_does_not(desk: Desk) -> None:
    """A broker that kept all that was sent while nobody listened hands on copies first, then what is missing."""
    log = Log().open().receive_many(60)
    found = desk.events(log, 1, 10) + desk.state(log)
    for _ in range(100):
        desk.clock.s += 0.9
        found += desk.events(log, 1, 10) + desk.service.tick()
    assert replays(found) == []
    desk.clock.s += 1.1
    assert replays(desk.service.tick()) == [("L1", 11)]


def test_a_store_that_repeats_its_state_is_asked_all_the_same(desk: Desk) -> None:
    log = Log().open().receive_many(3)
    found = []
    for _ in range(4):
        found += desk.state(log)
        desk.clock.s += 0.4
    assert replays(found) == [("L1", 1)]


def test_a_store_that_has_no_more_is_not_asked_again(desk: Desk) -> None:
    log = Log().open().receive_many(3)
    desk.events(log)
    desk.state(log, head=9)
    desk.clock.s += 5
    asked = request(desk.service.tick()[0])
    answer = {"id": asked["id"], "status": "refused", "reason": "replay", "hint": "the newest event is 4"}
    desk.get(f"S2/response/{asked['id']}", answer)  # in another store's name
    desk.clock.s += 60
    again = request(desk.service.tick()[0])
    answer["id"] = again["id"]
    desk.get(f"S1/response/{again['id']}", answer)
    desk.clock.s += 60
    assert desk.service.tick() == []
    assert "S1: will not send again: the newest event is 4" in desk.said


@pytest.mark.parametrize("answer", [b"", b"[]", b'{"status":"done"}', b'{"id":"x","status":"expired"}'])
def test_any_other_answer_is_no_reason_to_stop_asking(desk: Desk, answer: bytes) -> None:
    log = Log().open().receive_many(3)
    desk.state(log)
    desk.clock.s += 5
    asked = request(desk.service.tick()[0])
    assert desk.get(f"S1/response/{asked['id']}", answer) == []
    desk.clock.s += 60
    assert replays(desk.service.tick()) == [("L1", 1)]


def test_only_so_many_requests_are_remembered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPLAYS_REMEMBERED", 3)
    desk.state(Log().open().receive_many(3))
    for _ in range(10):
        desk.clock.s += 60
        desk.service.tick()
    assert len(desk.service._replays) == 3


# -- who is heard -----------------------------------------------------------------------------------------------------


def test_only_the_stores_of_the_list_are_taken_in(tmp_path: Path) -> None:
    desk = Desk(tmp_path, known=frozenset({"S2"}))
    assert desk.events(Log(store="S1").open()) == []
    assert desk.events(Log(store="S1").open()) == []
    assert desk.said == ["S1: not in the list of stores, ignored"]
    assert acks(desk.events(Log(store="S2").open()), "S2") == [("L1", 1)]
    assert desk.store.stores() == ["S2"]


def test_only_so_many_stores_are_followed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STORES_MAX", 2)
    for number in range(4):
        desk.events(Log(store=f"S{number}").open())
    assert desk.store.stores() == ["S0", "S1"]
    assert desk.said[-1] == "S3: ignored: 2 stores are followed already"
    assert acks(desk.events(Log(store="S1").open().receive_many(1))) == [("L1", 2)]


def test_positions_are_said_again_after_every_connect(desk: Desk) -> None:
    for name in ("S1", "S2"):
        desk.events(Log(store=name).open().receive_many(2))
    found = desk.service.greet()
    assert acks(found, "S1") == acks(found, "S2") == [("L1", 3)]
    assert len(found) == 2


HOSTILE = [b"", b"null", b"[]", b"{}", b"\xff", b'{"id":5}', b"[" * 3000, b'{"events":1}', b'{"log":"L1","head":-1}']


@pytest.mark.parametrize("payload", HOSTILE)
@pytest.mark.parametrize(
    "topic",
    ["S1/state", "S1/movement", "S1/journal", "S1/ask/catalog", "S1/response/x", "S1/level/X", "S1/ack/headoffice",
     "S1/ask/else", "catalog/X", "S1", "S1/movement/x/y", "+/state", "S1/response"],
)  # fmt: skip
def test_messages_that_are_none_stop_nothing(desk: Desk, topic: str, payload: bytes) -> None:
    log = Log().open().receive_many(1)
    assert [one for one in desk.get(topic, payload) if "answer" not in one.topic] == []
    assert desk.service.tick() == []
    assert acks(desk.events(log)) == [("L1", 2)]


@pytest.mark.parametrize("log", ["a/b", "", "\x1b[2J", "x" * 300])
def test_a_state_with_a_log_that_cannot_be_asks_for_nothing(desk: Desk, log: str) -> None:
    state = {"state": "online", "boot": "b", "log": log, "head": 5, "version": "1"}
    assert desk.get("S1/state", state) == []
    assert desk.service.tick() == []


def test_what_is_refused_lies_in_quarantine_and_is_said(desk: Desk) -> None:
    log = Log().open().receive_many(2)
    desk.events(log)
    hostile = b'{"store":"S1","log":"L1","events":[{"seq":18446744073709551615},{"seq":9007199254740993}]}'
    assert acks(desk.get("S1/movement", hostile)) == []
    found = desk.store.database.rows("SELECT code, seq FROM quarantine")
    assert found == [("shape", None), ("shape", None)]
    assert len([line for line in desk.said if "quarantined (shape)" in line]) == 1


def test_a_fork_that_keeps_sending_is_said_once_and_lies_in_quarantine_once(desk: Desk) -> None:
    log = Log().open().receive_many(150)
    desk.events(log)
    desk.events(Log("L2").open((), log.end()).receive_many(3))
    log.receive_many(100)
    for _ in range(100):
        desk.events(log, 152)
        desk.clock.s += 5
    assert len([line for line in desk.said if "ALARM" in line]) == 1
    assert [(one.code, one.times) for one in desk.store.quarantined("S1")] == [("fork", 100)] * 100
    desk.clock.s += 601
    desk.events(log, 152)
    assert len([line for line in desk.said if "ALARM" in line]) == 2
    desk.get("S1/movement", b"{}")
    assert "quarantined (store)" in desk.said[-1]


def test_a_movement_without_meaning_is_kept_and_alarmed_and_the_store_goes_on(desk: Desk) -> None:
    log = Log().open()
    log.write("movement", {"kind": "received", "lines": [{"sku": "COLA"}]})
    log.receive("COLA", 3)
    assert acks(desk.events(log)) == [("L1", 3)]
    assert any("ALARM" in line and "(stock)" in line for line in desk.said)
    assert [row.quantity for row in desk.store.stock("S1")] == [3]


# -- the item master --------------------------------------------------------------------------------------------------


def item(number: int, **changes: Any) -> dict[str, Any]:
    return {"sku": f"SKU-{number:04}", "revision": number, "name": {"en": "Thing", "ko": "물건"}, **changes}


def ask(desk: Desk, since: int, page: int, number: int = 1) -> dict[str, Any]:
    name = uuid7(number, bytes(10))
    (found,) = desk.get("S1/ask/catalog", {"id": name, "since": since, "page": page})
    assert (found.topic, found.retain) == (f"{PREFIX}/S1/answer/{name}", False)
    assert len(found.payload) <= MESSAGE_SIZE_BYTES_MAX
    body: dict[str, Any] = orjson.loads(found.payload)
    assert body["id"] == name
    return body


def pages(desk: Desk, since: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while not found or found[-1]["more"]:
        found.append(ask(desk, since, len(found)))
    return found


def test_the_item_master_is_announced_once_and_again_when_it_may_be_lost(tmp_path: Path) -> None:
    desk = Desk(tmp_path, items=[item(1), item(2)])
    found = desk.service.announce()
    assert [one.topic for one in found] == [f"{PREFIX}/catalog/SKU-0001", f"{PREFIX}/catalog/SKU-0002"]
    assert all(one.retain for one in found)
    assert parse_item(orjson.loads(found[0].payload)) == parse_item(item(1, revision=3))
    desk.restart()
    assert desk.service.announce() == []
    desk.service.announce_again()
    assert desk.service.announce() == found


def test_the_item_master_is_answered_page_by_page(tmp_path: Path) -> None:
    desk = Desk(tmp_path, items=[item(number) for number in range(1, 251)])
    found = pages(desk, 0)
    assert [len(one["items"]) for one in found] == [100, 100, 50]
    assert [raw["sku"] for one in found for raw in one["items"]] == [item(n)["sku"] for n in range(1, 251)]
    assert {one["revision"] for one in found} == {500}  # above those that the items brought
    assert [raw["revision"] for raw in ask(desk, 498, 0)["items"]] == [499, 500]
    for since, page in [(500, 0), (0, 3), (0, 2**53 - 1), (2**53 - 1, 0)]:
        late = ask(desk, since, page)
        assert (late["items"], late["more"]) == ([], False)


def test_a_page_fits_a_message(tmp_path: Path) -> None:
    text = "가" * 200
    desk = Desk(tmp_path, items=[item(n, name={"ko": text, "en": text}, category="나" * 100) for n in range(1, 151)])
    found = pages(desk, 0)
    assert len(found) == 4
    assert [raw["revision"] for one in found for raw in one["items"]] == list(range(151, 301))


def test_an_ask_out_of_range_is_said_and_not_answered(tmp_path: Path) -> None:
    desk = Desk(tmp_path, items=[item(1)])
    for wrong in (b'{"id":"a","page":1000000000000000000000000}', b'{"id":"a/b"}', b'{"id":"a","since":-1}'):
        assert desk.get("S1/ask/catalog", wrong) == []
    assert len(desk.said) == 3


def test_without_an_item_master_asks_are_left_to_others(desk: Desk) -> None:
    assert desk.get("S1/ask/catalog", {"id": "a"}) == []


def test_a_store_fetches_its_events_back_and_only_its_own(desk: Desk) -> None:
    desk.events(Log().open().receive_many(3))
    desk.events(Log(store="S2").open())
    [answer] = desk.get("S1/ask/restore", {"id": "a-1"})
    found = orjson.loads(answer.payload)
    assert (answer.topic, answer.retain) == (f"{PREFIX}/S1/answer/a-1", False)
    assert (found["log"], found["head"], [one["store"] for one in found["events"]]) == ("L1", 4, ["S1"] * 4)
    assert desk.get("S1/ask/restore", {"id": "a-2", "seq": -1}) == []
    assert any("an ask/restore that is none" in line for line in desk.said)
