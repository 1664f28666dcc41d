"""The uplink of a log that was pruned: everybody goes on from its first event, and is told which that is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.uplink.engine import Engine
from contract.messages import State
from tests.agent.ledger.gone import prune_all
from tests.agent.uplink.test_engine import Wire, connected, covered, rows_of
from tests.agent.uplink.test_traffic import Rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    opened = Rig(tmp_path)
    yield opened
    opened.close()


def pruned_wire() -> Wire:
    """Of 100 events those below 51 are gone; `hq` had 10 of them, `audit` has 60."""
    wire = connected(rows_of(100), hq=10, audit=60)
    wire.rows = wire.rows[50:]
    wire.engine.pruned(51)
    return wire


def test_who_had_less_goes_on_behind_what_is_gone() -> None:
    wire = pruned_wire()
    assert {name: one.delivered for name, one in wire.engine.consumers.items()} == {"hq": 50, "audit": 60}
    assert wire.engine.acknowledge("hq", "L", 10, 1.0, retained=True) is None
    assert wire.engine.consumers["hq"].delivered == 50
    wire.drain(1.0)
    assert covered(wire.sent) == list(range(51, 101))
    wire.engine.acknowledge("hq", "L", 100, 2.0)
    assert wire.engine.consumers["hq"].delivered == 100


def test_who_goes_back_is_sent_what_there_is() -> None:
    wire = pruned_wire()
    wire.drain(0.0)
    wire.engine.acknowledge("hq", "L", 100, 1.0)
    wire.sent.clear()
    assert wire.engine.acknowledge("hq", "L", 3, 2.0) is None
    assert wire.engine.consumers["hq"].delivered == 50
    wire.drain(2.0)
    assert covered(wire.sent) == list(range(51, 101))


def test_a_start_behind_what_is_gone() -> None:
    engine = Engine("L", 100, {"hq": 10, "new": 0}, first=51)
    assert {one.delivered for one in engine.consumers.values()} == {50}


def state(rig: Rig) -> State:
    rig.work(1)
    return State.model_validate_json(rig.line.of("state")[-1][1])


def prune(rig: Rig) -> int:
    for _ in range(9):
        rig.stock("A", 1)
    first = prune_all(rig.ledger, rig.folder)
    rig.traffic.head_boxed[0] = rig.ledger.head
    rig.traffic.pruned(first)
    return first


def test_state_says_where_the_log_begins(rig: Rig) -> None:
    rig.connect()
    assert state(rig).first is None
    first = prune(rig)
    assert (state(rig).first, state(rig).head) == (first, rig.ledger.head)
    assert State.model_validate_json(rig.traffic.will[1]).first == first
    assert State.model_validate_json(rig.traffic.last_words()[1]).first == first


def test_a_replay_from_before_begins_at_the_opening_and_says_so(rig: Rig) -> None:
    rig.connect()
    first = prune(rig)
    rig.work()
    rig.line.sent.clear()
    answer = rig.request("replay", log=rig.ledger.log, seq=3, consumer="hq")
    assert answer == {"id": "r1", "status": "done", "result": {"from": first, "first": first}}
    rig.work()
    again = [event["seq"] for _t, raw, _r in rig.line.of("journal") for event in json.loads(raw)["events"]]
    assert again[0] == first
    assert rig.line.of("movement") == []


def test_a_digest_of_what_is_gone_has_no_rows(rig: Rig) -> None:
    rig.connect()
    first = prune(rig)
    gone = rig.request("digest", of="events", log=rig.ledger.log, seq_from=2, seq_to=first - 1)
    assert gone is not None
    assert (gone["status"], gone["result"]["rows"], gone["result"]["hash"]) == ("done", 0, "0" * 64)
    there = rig.request("digest", "r2", of="events", log=rig.ledger.log, seq_from=2, seq_to=first)
    assert there is not None
    assert (there["result"]["rows"], there["result"]["hash"]) == (1, rig.reader.hash_of(first))


def test_the_position_that_is_kept_is_never_behind_what_there_is(rig: Rig) -> None:
    rig.connect()
    first = prune(rig)
    rig.hear("S1/ack/hq", {"log": rig.ledger.log, "seq": 2})
    rig.settle()
    assert rig.reader.positions() == {"hq": first - 1}
