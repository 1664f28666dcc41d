"""The uplink's engine as a machine that is told what happens: order, windows, loss, stalls, replay, flow control."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.uplink.engine import PROBE_EVENTS, Batch, Engine, EngineSettings, Row, cut

TYPES = ["movement", "movement", "movement", "journal", "exception"]


def rows_of(count: int, kind: Callable[[int], str] = lambda _seq: "movement", size: int = 100) -> list[Row]:
    return [(seq, kind(seq), b"x" * size) for seq in range(1, count + 1)]


class Wire:
    """A ledger on one side, a broker on the other; what was sent is in `sent`, first and last of each batch."""

    def __init__(self, engine: Engine, rows: list[Row]) -> None:
        self.engine, self.rows = engine, rows
        self.token = 0
        self.sent: list[tuple[int, int]] = []
        self.unacked: list[int] = []

    def pump(self, now: float, most: int = 10_000) -> list[Batch]:
        out: list[Batch] = []
        while len(out) < most:
            fetch = self.engine.fetch(now)
            if fetch is not None:
                found = [row for row in self.rows if fetch.start <= row[0]][: fetch.limit]
                self.engine.fetched(fetch.start, found)
            taken = self.engine.take(now)
            if not taken and (fetch is None or self.engine.room <= 0):
                break
            for batch, live in taken:
                self.token += 1
                self.engine.sent(self.token, batch, live=live)
                self.unacked.append(self.token)
                self.sent.append((batch.first, batch.last))
                out.append(batch)
        return out

    def receipts(self) -> None:
        self.engine.pubacks(self.unacked)
        self.unacked.clear()

    def drain(self, now: float) -> None:
        while self.pump(now):
            self.receipts()


def connected(rows: list[Row], settings: EngineSettings | None = None, **positions: int) -> Wire:
    engine = Engine("L", len(rows), positions or {"hq": 0}, settings)
    engine.connect(0.0, receive_max=65535, packet_bytes_max=1 << 20)
    return Wire(engine, rows)


def covered(sent: list[tuple[int, int]]) -> list[int]:
    return [seq for first, last in sent for seq in range(first, last + 1)]


def test_a_backlog_goes_out_once_in_order_in_batches_of_one_type() -> None:
    rows = rows_of(500, lambda seq: TYPES[seq % len(TYPES)])
    wire = connected(rows)
    wire.drain(0.0)
    assert covered(wire.sent) == list(range(1, 501))
    by_seq = {seq: kind for seq, kind, _body in rows}
    assert all(len({by_seq[seq] for seq in range(first, last + 1)}) == 1 for first, last in wire.sent)


def test_batches_keep_their_limits() -> None:
    assert [len(one.bodies) for one in cut(rows_of(250), 100, 1 << 20)] == [100, 100, 50]
    assert all(sum(len(body) + 1 for body in one.bodies) <= 1000 for one in cut(rows_of(50), 100, 1000))
    assert [len(one.bodies) for one in cut(rows_of(2, size=5000), 100, 1000)] == [1, 1]
    assert cut([], 100, 1000) == []


def test_the_window_is_kept_and_what_the_broker_says_narrows_it() -> None:
    wire = connected(rows_of(500, lambda seq: TYPES[seq % 5]))
    assert len(wire.pump(0.0)) == 20
    assert wire.pump(0.0) == []
    wire.engine.pubacks([1])
    assert len(wire.pump(0.0)) == 1
    wire.engine.connect(0.0, receive_max=3, packet_bytes_max=2048)
    wire.unacked.clear()
    assert len(wire.pump(0.0)) == 3


def test_a_message_of_the_state_plane_takes_room_too() -> None:
    wire = connected(rows_of(500, lambda seq: TYPES[seq % 5]))
    for token in range(1000, 1018):
        wire.engine.sent_other(token)
    assert len(wire.pump(0.0)) == 2
    wire.engine.pubacks([1000])
    assert len(wire.pump(0.0)) == 1


def test_nothing_is_sent_while_not_connected() -> None:
    wire = connected(rows_of(10))
    wire.engine.disconnect()
    assert wire.pump(0.0) == []


def test_puback_moves_no_position_and_a_lost_connection_sends_again_from_it() -> None:
    wire = connected(rows_of(300))
    wire.drain(0.0)
    assert wire.engine.consumers["hq"].delivered == 0
    assert wire.engine.acknowledge("hq", "L", 120, 1.0) is None
    wire.engine.disconnect()
    wire.sent.clear()
    wire.engine.connect(2.0, receive_max=100, packet_bytes_max=1 << 20)
    wire.drain(2.0)
    assert covered(wire.sent) == list(range(121, 301))


def test_live_events_go_out_at_once() -> None:
    wire = connected(rows_of(3), hq=3)
    assert wire.pump(0.0) == []
    wire.rows = rows_of(4)
    wire.engine.head_is(4)
    assert [batch.first for batch in wire.pump(0.0)] == [4]


def test_a_silent_consumer_gets_bounded_resends_then_probes_at_growing_intervals() -> None:
    wire = connected(rows_of(300), EngineSettings(ack_timeout_s=10, resends_max=2))
    wire.drain(0.0)
    stalled: list[tuple[float, str]] = []
    resent: list[tuple[float, int]] = []
    for second in range(1, 2000):
        wire.sent.clear()
        stalled += [(float(second), name) for name in wire.engine.tick(float(second))]
        wire.drain(float(second))
        if wire.sent:
            resent.append((float(second), len(covered(wire.sent))))
    assert [name for _second, name in stalled] == ["hq"]
    assert [count for _second, count in resent[:2]] == [300, 300]
    assert {count for _second, count in resent[2:]} == {PROBE_EVENTS}
    gaps = [after - before for (before, _), (after, _) in pairwise(resent[2:])]
    assert gaps == sorted(gaps)
    assert max(gaps) <= 300
    assert wire.engine.consumers["hq"].stalled


def test_a_new_connection_asks_a_stalled_consumer_soon() -> None:
    """It may have been silent for the broker's sake."""
    wire = connected(rows_of(300), EngineSettings(ack_timeout_s=10, resends_max=0))
    wire.drain(0.0)
    for second in range(1000):
        wire.engine.tick(float(second))
        wire.drain(float(second))
    wire.engine.disconnect()
    wire.engine.connect(1000.0, receive_max=65535, packet_bytes_max=1 << 20)
    wire.sent.clear()
    for second in range(1001, 1012):
        wire.engine.tick(float(second))
        wire.drain(float(second))
    assert covered(wire.sent) == list(range(1, PROBE_EVENTS + 1))


def test_a_stalled_consumer_that_is_heard_again_gets_everything() -> None:
    wire = connected(rows_of(300), EngineSettings(ack_timeout_s=10, resends_max=0))
    wire.drain(0.0)
    wire.engine.tick(11.0)
    wire.drain(11.0)
    assert wire.engine.consumers["hq"].stalled
    wire.sent.clear()
    assert wire.engine.acknowledge("hq", "L", 0, 12.0) is None
    wire.drain(12.0)
    assert covered(wire.sent) == list(range(1, 301))
    assert not wire.engine.consumers["hq"].stalled


def test_a_retained_acknowledgement_that_says_nothing_new_is_no_sign_of_life() -> None:
    wire = connected(rows_of(300), EngineSettings(ack_timeout_s=10, resends_max=0))
    wire.drain(0.0)
    wire.engine.tick(11.0)
    wire.engine.acknowledge("hq", "L", 0, 12.0, retained=True)
    assert wire.engine.consumers["hq"].stalled


def test_a_consumer_that_only_repeats_its_position_gets_the_rest_again() -> None:
    """A consumer may say that it misses something by no other means (uplink.md: it answers a gap with its position)."""
    wire = connected(rows_of(300), EngineSettings(ack_timeout_s=10))
    wire.drain(0.0)
    wire.engine.acknowledge("hq", "L", 100, 1.0)
    wire.sent.clear()
    for second in range(2, 14):
        wire.engine.acknowledge("hq", "L", 100, float(second))
        wire.engine.tick(float(second))
        wire.drain(float(second))
    assert covered(wire.sent) == list(range(101, 301))


def test_a_stalled_consumer_does_not_delay_live_events_of_another() -> None:
    settings = EngineSettings(ack_timeout_s=10, resends_max=0, ahead_messages_max=10)
    wire = connected(rows_of(3000), settings, hq=3000, lost=0)
    wire.drain(0.0)
    for second in range(1, 60):
        wire.engine.tick(float(second))
        wire.drain(float(second))
    wire.sent.clear()
    wire.rows = rows_of(3001)
    wire.engine.head_is(3001)
    assert wire.pump(60.0)[0].first == 3001


def test_replay_runs_beside_live_events_and_live_goes_first() -> None:
    wire = connected(rows_of(3000), hq=3000)
    wire.engine.replay_from(1)
    wire.pump(0.0, most=5)
    wire.rows = rows_of(3001)
    wire.engine.head_is(3001)
    assert 3001 in covered([(batch.first, batch.last) for batch in wire.pump(0.0, most=2)])
    wire.receipts()
    wire.drain(0.0)
    assert set(covered(wire.sent)) == set(range(1, 3002))


def test_a_lower_acknowledgement_is_a_request_for_replay() -> None:
    wire = connected(rows_of(100), hq=100)
    assert wire.engine.acknowledge("hq", "L", 40, 0.0) is None
    wire.drain(0.0)
    assert covered(wire.sent) == list(range(41, 101))
    assert wire.engine.consumers["hq"].delivered == 40


@pytest.mark.parametrize(("consumer", "log", "seq"), [("other", "L", 1), ("hq", "M", 1), ("hq", "L", 101)])
def test_acknowledgements_that_cannot_be_are_refused(consumer: str, log: str, seq: int) -> None:
    wire = connected(rows_of(100))
    assert wire.engine.acknowledge(consumer, log, seq, 0.0)
    assert wire.engine.consumers["hq"].delivered == 0


def test_no_more_is_sent_ahead_than_a_brokers_queue_holds_while_a_consumer_moves() -> None:
    wire = connected(rows_of(2000, lambda seq: TYPES[seq % 5]), EngineSettings(ahead_messages_max=50))
    for _ in range(100):
        wire.pump(0.0)
        wire.receipts()
    assert len(wire.sent) == 50
    wire.engine.acknowledge("hq", "L", wire.sent[29][1], 1.0)
    for _ in range(100):
        wire.pump(1.0)
        wire.receipts()
    assert len(wire.sent) == 80
    wire.drain(1.0 + EngineSettings().flow_timeout_s + 1)
    assert covered(wire.sent)[-1] == 2000


def test_a_pruned_log_goes_on_at_its_first_event() -> None:
    rows = rows_of(100)[50:]
    wire = connected(rows_of(100))
    wire.rows = rows
    wire.drain(0.0)
    assert covered(wire.sent) == list(range(51, 101))


@given(st.integers(0, 2**32))
def test_whatever_is_lost_every_consumer_gets_everything(seed: int) -> None:
    """A random world: the broker loses messages and connections, a consumer takes events in order and acknowledges."""
    chance = random.Random(seed)
    rows = rows_of(chance.randint(1, 400), lambda seq: TYPES[seq * seq % 5])
    wire = connected(rows, EngineSettings(ack_timeout_s=2, resends_max=3, ahead_messages_max=30))
    position, now = 0, 0.0
    for _ in range(4000):
        now += 0.5
        wire.engine.tick(now)
        for batch in wire.pump(now, most=chance.randint(1, 8)):
            lost = chance.random() < 0.2
            if not lost and batch.first <= position + 1 <= batch.last:
                position = batch.last
        if chance.random() < 0.8:
            wire.receipts()
        if chance.random() < 0.5:
            wire.engine.acknowledge("hq", "L", position, now)
        if chance.random() < 0.02:
            wire.engine.disconnect()
            wire.unacked.clear()
            wire.engine.connect(now, receive_max=20, packet_bytes_max=4096)
        if position == len(rows):
            break
    assert position == len(rows)
